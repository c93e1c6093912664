//! A request's turn: its place among those that are answered at once, and what its answer holds.
//!
//! Invariant: a place is taken when the request is whole, never while a sender is still at it, and lasts until the
//! answer's last byte has been handed to the connection; so does the room that the answer takes.

use std::sync::{Arc, OnceLock};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use http_body_util::BodyExt;
use surface::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::connections::{Answering, Connection};
use crate::room::{Room, Share};

#[derive(Clone)]
pub struct Turn(Arc<Slot>);

struct Slot {
    places: Arc<Semaphore>,
    connection: Option<Arc<Connection>>,
    taken: OnceLock<(OwnedSemaphorePermit, Option<Answering>)>,
}

impl Turn {
    /// The turn of a request, still to be taken.
    pub fn of(request: &Request, places: &Arc<Semaphore>) -> Turn {
        let connection = request.extensions().get().cloned();
        Turn(Arc::new(Slot { places: Arc::clone(places), connection, taken: OnceLock::new() }))
    }

    /// The request is whole. To take it twice is to take it once.
    ///
    /// # Errors
    /// 503 where every place is taken.
    pub fn take(&self) -> Result<(), Problem> {
        if self.0.taken.get().is_some() {
            return Ok(());
        }
        let Ok(place) = Arc::clone(&self.0.places).try_acquire_owned() else {
            return Err(busy("the server has as many requests as it takes; try again"));
        };
        let answering = self.0.connection.clone().map(Connection::answering);
        let _ = self.0.taken.set((place, answering));
        Ok(())
    }

    /// The answer, whose bytes hold this turn and their share of the room until the last of them is written.
    ///
    /// # Errors
    /// 503 where answers that others have not read yet leave no room.
    pub async fn holds(self, response: Response, room: &Arc<Room>) -> Result<Response, Problem> {
        let (head, body) = response.into_parts();
        // Answers are made in memory. Compressed ones are written here, not on the threads of connections.
        let bytes = body.collect().await.map_err(|error| Problem::internal(&error.to_string()))?.to_bytes();
        let share = room.whole(bytes.len()).ok_or_else(|| {
            busy("answers that others have not read yet take all memory for answers; try again")
        })?;
        let answer = Answer { bytes, _share: share, _turn: self };
        Ok(Response::from_parts(head, Body::from(Bytes::from_owner(answer))))
    }
}

fn busy(detail: &str) -> Problem {
    Problem::unavailable("busy", detail)
}

/// The bytes of an answer. The connection keeps a handle on them until it has written them.
struct Answer {
    // Dropped first, since fields are dropped in the order in which they stand here.
    bytes: Bytes,
    _share: Share,
    _turn: Turn,
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    #[tokio::test]
    async fn an_answer_holds_its_place_and_room_to_its_end() {
        let (places, room) = (Arc::new(Semaphore::new(1)), Room::new(10));
        let request = || Request::new(Body::empty());
        let turn = Turn::of(&request(), &places);
        assert_eq!(places.available_permits(), 1, "not before the request is whole");
        turn.take().expect("a place");
        turn.take().expect("the same place");
        assert!(Turn::of(&request(), &places).take().is_err());
        let response = turn.holds("12345678".into_response(), &room).await.expect("there is room");
        let mut body = response.into_body();
        let frame = body.frame().await.expect("a frame").expect("data").into_data().expect("data");
        assert!(body.frame().await.is_none());
        drop(body);
        let mut left = frame;
        let _ = left.split_to(7);
        assert_eq!((places.available_permits(), room.bytes()), (0, 8), "a byte is left");
        let second = Turn::of(&request(), &places);
        assert!(second.holds("123".into_response(), &room).await.is_err(), "no room");
        drop(left);
        assert_eq!((places.available_permits(), room.bytes()), (1, 0));
    }
}
