//! Memory for bodies, counted as their bytes come.
//!
//! Invariants: nothing is reserved by what a sender announces, only by what is there; where there is no more room, the
//! largest body that is still coming gives way, so a small one always gets in; a share lasts as long as its bytes.
//! Deliberately absent: whose bodies they are, and how they are read (`body`) or written (`turn`).

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

/// So many bytes that all bodies of one kind share.
pub struct Room {
    bytes_max: usize,
    held: Mutex<Held>,
    freed: Notify,
}

struct Held {
    bytes: usize,
    next: u64,
    /// Bodies whose end has not come.
    coming: HashMap<u64, Coming>,
}

struct Coming {
    bytes: usize,
    gives_way: Arc<Notify>,
}

/// The bytes of one body.
pub struct Share {
    room: Arc<Room>,
    id: u64,
    bytes: usize,
    gives_way: Arc<Notify>,
}

/// There is no room, and none will come.
#[derive(Debug)]
pub struct Full;

enum Taken {
    Yes,
    /// Somebody has been asked to give way, or is about to end.
    Wait,
    No,
}

impl Room {
    pub fn new(bytes_max: usize) -> Arc<Room> {
        let held = Held { bytes: 0, next: 0, coming: HashMap::new() };
        Arc::new(Room { bytes_max, held: Mutex::new(held), freed: Notify::new() })
    }

    /// The share of a body that begins to come: nothing yet.
    pub fn begin(self: &Arc<Room>) -> Share {
        let mut held = self.lock();
        let (id, gives_way) = (held.next, Arc::new(Notify::new()));
        held.next += 1;
        held.coming.insert(id, Coming { bytes: 0, gives_way: Arc::clone(&gives_way) });
        Share { room: Arc::clone(self), id, bytes: 0, gives_way }
    }

    /// The share of a body that is there as a whole, if it has room at this moment.
    pub fn whole(self: &Arc<Room>, bytes: usize) -> Option<Share> {
        let mut held = self.lock();
        if held.bytes.saturating_add(bytes) > self.bytes_max {
            return None;
        }
        held.bytes += bytes;
        held.next += 1;
        Some(Share { room: Arc::clone(self), id: held.next - 1, bytes, gives_way: Arc::default() })
    }

    fn take(&self, id: u64, more: usize) -> Taken {
        let mut held = self.lock();
        let own = held.coming.get(&id).map_or(0, |coming| coming.bytes).saturating_add(more);
        if held.bytes.saturating_add(more) <= self.bytes_max {
            held.bytes += more;
            if let Some(coming) = held.coming.get_mut(&id) {
                coming.bytes = own;
            }
            return Taken::Yes;
        }
        let others = held.coming.iter().filter(|(other, _)| **other != id);
        if let Some((_, largest)) = others.max_by_key(|(_, coming)| coming.bytes)
            && largest.bytes > own
        {
            largest.gives_way.notify_one();
            return Taken::Wait;
        }
        let coming: usize = held.coming.values().map(|coming| coming.bytes).sum();
        if held.bytes > coming && own <= self.bytes_max { Taken::Wait } else { Taken::No }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().expect("no holder of a room panics")
    }

    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }
}

impl Share {
    /// Takes `more` bytes, once there is room for them.
    pub async fn grow(&mut self, more: usize) -> Result<(), Full> {
        loop {
            let mut freed = pin!(self.room.freed.notified());
            freed.as_mut().enable(); // what is freed from here on is noticed
            match self.room.take(self.id, more) {
                Taken::Yes => break,
                Taken::No => return Err(Full),
                Taken::Wait => {}
            }
            tokio::select! {
                () = freed => {}
                () = self.gives_way.notified() => return Err(Full),
            }
        }
        self.bytes += more;
        Ok(())
    }

    /// Ends when the body must go, because smaller ones need its room.
    pub async fn gives_way(&self) {
        self.gives_way.notified().await;
    }

    /// The body's end has come: from here on it gives way to nobody.
    pub fn complete(&self) {
        self.room.lock().coming.remove(&self.id);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.room.lock();
        held.bytes -= self.bytes;
        held.coming.remove(&self.id);
        drop(held);
        self.room.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_largest_unfinished_body_gives_way() {
        let room = Room::new(100);
        let (mut large, mut middle) = (room.begin(), room.begin());
        large.grow(60).await.expect("room");
        middle.grow(40).await.expect("room");
        let mut small = room.begin();
        let grown = tokio::spawn(async move { small.grow(10).await.map(|()| small) });
        large.gives_way().await;
        drop(large);
        let small = grown.await.expect("it ends").expect("room");
        assert_eq!(room.bytes(), 50);
        drop((small, middle));
        assert_eq!(room.bytes(), 0);
    }

    #[tokio::test]
    async fn a_whole_body_keeps_its_room() {
        let room = Room::new(100);
        let mut whole = room.begin();
        whole.grow(90).await.expect("room");
        whole.complete();
        let mut late = room.begin();
        let grown = tokio::spawn(async move { late.grow(20).await.map(|()| late) });
        tokio::task::yield_now().await;
        assert!(!grown.is_finished(), "it waits for the one that is being worked on");
        drop(whole);
        drop(grown.await.expect("it ends").expect("room"));
        assert_eq!(room.bytes(), 0);
    }

    #[tokio::test]
    async fn nobody_waits_for_nobody() {
        let room = Room::new(100);
        let (mut one, mut other) = (room.begin(), room.begin());
        one.grow(50).await.expect("room");
        other.grow(50).await.expect("room");
        assert!(other.grow(1).await.is_err(), "both would wait for ever");
        assert!(room.whole(1).is_none());
        drop(other);
        assert!(one.grow(101).await.is_err(), "more than there is");
        assert!(room.whole(50).is_some());
    }
}
