//! What a user's statement has allocated, counted where memory is given out.
//!
//! The program's allocator is [`Metered`]. It counts for those threads alone that run a user's statement, so it costs all
//! others one look at a thread's own variable. Invariant: what the statements hold together is known at each moment,
//! results that are not written out yet included, and no thread of theirs takes a large piece beyond the hard limit.
//! An allocation cannot be refused in Rust without ending the process. So [`check`] stops a statement at the soft
//! limit, between two steps; a single step that runs past the hard limit is held for ever instead, with its memory.
//! Deliberately absent: who asks, and what is asked.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use datafusion::common::{Result, resources_datafusion_err};
use datafusion::error::DataFusionError;
use tokio::sync::OwnedSemaphorePermit;

/// Smaller pieces pass the hard limit up to half as much again: whoever asks for one may hold a lock.
const LARGE_BYTES: i64 = 64 << 10;
/// Of the hard limit, what a statement may have whatever the others hold.
const OWN_SHARE: i64 = 16;

thread_local! {
    static CURRENT: Cell<*const Meter> = const { Cell::new(ptr::null()) };
}

/// What all statements may hold together.
#[derive(Debug)]
pub struct Budget {
    used: AtomicI64,
    peak: AtomicI64,
    soft: i64,
    hard: i64,
}

impl Budget {
    pub fn new(memory_bytes: usize) -> Arc<Budget> {
        let soft = i64::try_from(memory_bytes).unwrap_or(i64::MAX / 4).min(i64::MAX / 4);
        Arc::new(Budget { used: AtomicI64::new(0), peak: AtomicI64::new(0), soft, hard: soft * 2 })
    }

    /// Bytes that statements and their results hold.
    pub fn used(&self) -> i64 {
        self.used.load(Ordering::Relaxed)
    }

    /// The most that they held together so far.
    pub fn peak(&self) -> i64 {
        self.peak.load(Ordering::Relaxed)
    }
}

/// One statement, from its start until its result is dropped. It holds the statement's place for as long.
#[derive(Debug)]
pub struct Meter {
    used: AtomicI64,
    budget: Arc<Budget>,
    stopped: AtomicBool,
    held: AtomicBool,
    _place: Option<OwnedSemaphorePermit>,
}

impl Meter {
    pub fn new(budget: Arc<Budget>, place: Option<OwnedSemaphorePermit>) -> Arc<Meter> {
        Arc::new(Meter {
            used: AtomicI64::new(0),
            budget,
            stopped: AtomicBool::new(false),
            held: AtomicBool::new(false),
            _place: place,
        })
    }

    /// Whoever asks [`check`] from now on is told to end.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether a step ran past the hard limit, so that its thread will never go on.
    pub fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }

    /// Counts what this thread does as the statement's, while the scope lives.
    pub fn enter(self: &Arc<Self>) -> Counting {
        let before = CURRENT.replace(Arc::as_ptr(self));
        Counting { meter: Arc::clone(self), before }
    }

    fn charge(&self, bytes: i64) {
        let own = self.used.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let all = self.budget.used.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let hard = self.budget.hard;
        let is_over = all > hard && own > hard / OWN_SHARE;
        if is_over && (bytes >= LARGE_BYTES || own > hard + hard / 2) {
            self.hold(bytes);
        }
        self.budget.peak.fetch_max(all, Ordering::Relaxed);
    }

    /// What others took and the statement gives back, such as its session, is not its own.
    fn discharge(&self, bytes: i64) {
        let rest = self.used.fetch_sub(bytes, Ordering::Relaxed) - bytes;
        let foreign = (-rest).clamp(0, bytes);
        self.used.fetch_add(foreign, Ordering::Relaxed);
        self.budget.used.fetch_sub(bytes - foreign, Ordering::Relaxed);
    }

    /// The statement ends here. Its memory stays taken until the process ends; the process goes on.
    #[cold]
    fn hold(&self, bytes: i64) -> ! {
        CURRENT.set(ptr::null());
        // What was about to be taken is not.
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
        self.held.store(true, Ordering::Relaxed);
        loop {
            std::thread::park();
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        // What the statement left behind is somebody else's now, or was freed where nobody counts.
        self.budget.used.fetch_sub(self.used.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

/// While it lives, its thread's allocations are a statement's.
pub struct Counting {
    meter: Arc<Meter>,
    before: *const Meter,
}

impl Drop for Counting {
    fn drop(&mut self) {
        CURRENT.set(self.before);
        let _ = &self.meter;
    }
}

/// The statement that this thread works for.
pub fn current() -> Option<Arc<Meter>> {
    let meter = CURRENT.get();
    if meter.is_null() {
        return None;
    }
    // SAFETY: a scope that holds the meter is open on this thread, so the pointer came from a live `Arc`.
    unsafe {
        Arc::increment_strong_count(meter);
        Some(Arc::from_raw(meter))
    }
}

/// Whether this thread's statement may go on and take about `more` bytes; always, where there is none.
pub fn check(more: u64) -> Result<()> {
    let meter = CURRENT.get();
    if meter.is_null() {
        return Ok(());
    }
    // SAFETY: as in `current`; the scope outlives this call.
    let meter = unsafe { &*meter };
    if meter.stopped.load(Ordering::Relaxed) {
        return Err(DataFusionError::Execution("the statement was stopped".to_owned()));
    }
    let more = i64::try_from(more).unwrap_or(i64::MAX / 4).min(i64::MAX / 4);
    let (own, soft) = (meter.used.load(Ordering::Relaxed).saturating_add(more), meter.budget.soft);
    let all = meter.budget.used().saturating_add(more);
    if all <= soft || own <= soft / OWN_SHARE {
        return Ok(());
    }
    Err(resources_datafusion_err!(
        "the statement would hold {} of the {} MiB that statements share (limits.sql_memory_bytes)",
        own >> 20,
        soft >> 20
    ))
}

/// An allocator that counts for the statements of users.
pub struct Metered<A>(pub A);

fn count(bytes: i64) {
    let meter = CURRENT.get();
    if !meter.is_null() {
        // SAFETY: as in `current`; counting neither allocates nor ends the scope.
        unsafe { &*meter }.charge(bytes);
    }
}

fn discount(bytes: i64) {
    let meter = CURRENT.get();
    if !meter.is_null() {
        // SAFETY: as in `current`.
        unsafe { &*meter }.discharge(bytes);
    }
}

// SAFETY: every call goes to the allocator inside with the same arguments; counting changes no memory of theirs.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Metered<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's promises are those of this function.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: as above.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        discount(layout.size() as i64);
        // SAFETY: as above.
        unsafe { self.0.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // A large piece may be moved, so both are there for a moment.
        count(size as i64);
        // SAFETY: as above.
        let moved = unsafe { self.0.realloc(pointer, layout, size) };
        discount(layout.size() as i64);
        moved
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_statement_counts_what_it_holds_until_it_is_dropped() {
        let budget = Budget::new(64 << 20);
        let meter = Meter::new(Arc::clone(&budget), None);
        let scope = meter.enter();
        let kept = vec![1_u8; 40 << 20];
        assert!(check(0).is_ok());
        assert!(check(30 << 20).unwrap_err().to_string().contains("of the 64 MiB"));
        drop(vec![1_u8; 10 << 20]);
        assert!(check(0).is_ok(), "what was freed counts no more");
        let foreign = {
            drop(scope);
            vec![1_u8; 50 << 20]
        };
        let scope = meter.enter();
        drop(foreign);
        assert!(budget.used() < 1 << 20, "it cannot give back more than it has");
        let kept = (kept, vec![1_u8; 40 << 20]);
        drop(scope);
        assert!(check(u64::MAX).is_ok(), "nobody's statement has no limit");
        assert!(budget.used() >= 40 << 20);
        drop(kept);
        drop(meter);
        assert_eq!(budget.used(), 0, "however it was freed");
    }

    #[test]
    fn a_small_statement_goes_on_next_to_a_large_one() {
        let budget = Budget::new(64 << 20);
        let (large, small) = (Meter::new(Arc::clone(&budget), None), Meter::new(Arc::clone(&budget), None));
        let scope = large.enter();
        let _kept = vec![1_u8; 70 << 20];
        assert!(check(0).is_err());
        drop(scope);
        let _scope = small.enter();
        assert!(check(3 << 20).is_ok());
        assert!(check(5 << 20).is_err());
    }

    #[test]
    fn one_step_beyond_the_hard_limit_is_held_and_takes_nothing() {
        let budget = Budget::new(16 << 20);
        let meter = Meter::new(Arc::clone(&budget), None);
        let held = Arc::clone(&meter);
        std::thread::spawn(move || {
            let _scope = held.enter();
            let mut pieces = Vec::new();
            for _ in 0..1_000 {
                pieces.push(vec![1_u8; 1 << 20]);
            }
        });
        let until = Instant::now() + Duration::from_secs(20);
        while !meter.is_held() {
            assert!(Instant::now() < until, "nothing holds it");
            std::thread::yield_now();
        }
        assert!(budget.peak() <= 34 << 20, "{}", budget.peak());
        assert!(budget.used() <= 32 << 20, "{}", budget.used());
    }
}
