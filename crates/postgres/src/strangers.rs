//! Connections of which it is not known yet whose they are.
//!
//! Invariant: there are so many of them at most, and the newest has always room: the oldest goes for it. So whoever logs
//! in at once gets in, however many others say nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

pub struct Strangers(Arc<List>);

struct List {
    max: usize,
    /// Each by its number, the oldest first.
    present: Mutex<(u64, BTreeMap<u64, Arc<Notify>>)>,
}

/// One of them, for as long as it lives.
pub struct Stranger {
    list: Arc<List>,
    number: u64,
    go: Arc<Notify>,
}

impl Strangers {
    pub fn new(max: usize) -> Strangers {
        Strangers(Arc::new(List { max, present: Mutex::default() }))
    }

    pub fn enter(&self) -> Stranger {
        let go = Arc::new(Notify::new());
        let mut present = self.0.present.lock().expect("no holder of the strangers panics");
        let (last, list) = &mut *present;
        while list.len() >= self.0.max
            && let Some((_, oldest)) = list.pop_first()
        {
            oldest.notify_one();
        }
        *last += 1;
        list.insert(*last, Arc::clone(&go));
        Stranger { list: Arc::clone(&self.0), number: *last, go }
    }
}

impl Stranger {
    /// Waits until its room is wanted for another.
    pub async fn has_to_go(&self) {
        self.go.notified().await;
        // Whoever asks again is told again.
        self.go.notify_one();
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.list.present.lock().expect("no holder of the strangers panics").1.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn the_oldest_makes_room() {
        let strangers = Strangers::new(2);
        let [first, second] = [strangers.enter(), strangers.enter()];
        assert!(first.has_to_go().now_or_never().is_none());
        let third = strangers.enter();
        for _ in 0..2 {
            assert!(first.has_to_go().now_or_never().is_some());
        }
        assert!(second.has_to_go().now_or_never().is_none());
        drop(third);
        let _fourth = strangers.enter();
        assert!(second.has_to_go().now_or_never().is_none(), "who has gone makes room too");
    }
}
