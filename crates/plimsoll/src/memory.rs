//! Gives memory that was freed back to the system.
//!
//! The allocator does so by itself only when a thread of its asks for more: what an evaluation or a load freed last
//! would stay with threads that sleep, a gigabyte and more of it after a large round. Invariant: what was freed is the
//! system's again within about [`EVERY`], where the program holds more than [`SMALL_BYTES`].
//! Deliberately absent: memory that is in use, which others bound.

use std::time::Duration;

/// Clearing pages for what is asked for again at once costs time, so not more often.
const EVERY: Duration = Duration::from_secs(1);
const SMALL_BYTES: usize = 64 << 20;

unsafe extern "C" {
    /// Of mimalloc, which is the program's allocator; the binding leaves it out.
    fn mi_collect(force: bool);
}

/// Looks from now on, on a thread of its own.
pub fn keep_small() {
    let look = || {
        while let Some(taken) = anonymous_bytes() {
            if taken > SMALL_BYTES {
                // SAFETY: it takes no pointer and may be called by any thread at any time.
                unsafe { mi_collect(true) };
            }
            std::thread::sleep(EVERY);
        }
    };
    // Without the thread memory goes back later.
    let _ = std::thread::Builder::new().name("memory".to_owned()).spawn(look);
}

/// What is resident and no file's; `None` where the system does not tell.
pub fn anonymous_bytes() -> Option<usize> {
    // SAFETY: it only reads a constant of the system.
    let page_bytes = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok()?;
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let mut pages = text.split_ascii_whitespace().skip(1).map(|number| number.parse::<usize>().ok());
    let (resident, shared) = (pages.next()??, pages.next()??);
    Some(resident.saturating_sub(shared) * page_bytes)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_a_sleeping_thread_freed_goes_back() {
        keep_small();
        let before = anonymous_bytes().unwrap();
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let (sender, freed) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let kept: Vec<Vec<u8>> = (0..1_000).map(|_| vec![1; 512 << 10]).collect();
            let most = anonymous_bytes().unwrap();
            drop(kept);
            sender.send(most).unwrap();
            let _ = wait.recv(); // it sleeps and frees nothing more
        });
        assert!(freed.recv().unwrap() > before + (400 << 20), "it was in use");
        let until = Instant::now() + Duration::from_secs(20);
        while anonymous_bytes().unwrap() > before + (150 << 20) {
            assert!(Instant::now() < until, "{} MiB are still there", anonymous_bytes().unwrap() >> 20);
            std::thread::sleep(Duration::from_millis(50));
        }
        drop(done);
        thread.join().unwrap();
    }
}
