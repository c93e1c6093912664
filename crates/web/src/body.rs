//! Bodies of POSTs: read to their end within a limit and a room, plain, and of a media type.
//!
//! Invariants: what a body takes is counted as it comes, and until its last byte is dropped; the request's turn comes when
//! its body is whole. Not a layer of tower-http, which says in plain text that there is a limit, not which, and which
//! key sets it.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;
use surface::Problem;

use crate::room::{Room, Share};
use crate::site::Site;
use crate::turn::Turn;

/// The least that memory for a body grows by.
const STEP_BYTES: usize = 8 << 10;

/// The body of a POST, within the limit and uncompressed.
pub async fn body(site: &Site, request: Request) -> Result<(HeaderMap, Bytes), Problem> {
    body_within(site, site.options.body_bytes_max, "limits.body_bytes_max", request).await
}

/// The body of a POST, of at most `limit` bytes, which `key` sets.
pub async fn body_within(
    site: &Site,
    limit: usize,
    key: &str,
    request: Request,
) -> Result<(HeaderMap, Bytes), Problem> {
    let (parts, body) = request.into_parts();
    if parts.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(Problem::unsupported_media_type("compressed bodies are not understood; send it plain"));
    }
    let over = || Problem::too_large(format!("the body is over {limit} bytes ({key})"));
    let announced = parts
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(over());
    }
    let bytes = read(&site.bodies, body, limit).await.map_err(|fault| match fault {
        Fault::Over => over(),
        Fault::Broken => Problem::bad_request("the body could not be read to its end"),
        Fault::Crowded => {
            Problem::unavailable("busy", "other bodies take all memory for bodies; send it again")
        }
    })?;
    if let Some(turn) = parts.extensions.get::<Turn>() {
        turn.take()?;
    }
    Ok((parts.headers, bytes))
}

#[derive(Debug, PartialEq)]
enum Fault {
    Over,
    Broken,
    Crowded,
}

/// A body and its share of the room.
struct Whole {
    // Dropped first, since fields are dropped in the order in which they stand here.
    bytes: Vec<u8>,
    _share: Share,
}

impl AsRef<[u8]> for Whole {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

async fn read(room: &Arc<Room>, mut body: Body, limit: usize) -> Result<Bytes, Fault> {
    let mut share = room.begin();
    let mut bytes = Vec::new();
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = share.gives_way() => return Err(Fault::Crowded),
        };
        let Some(frame) = frame else { break };
        let Ok(data) = frame.map_err(|_| Fault::Broken)?.into_data() else { continue };
        let needed = bytes.len() + data.len();
        if needed > limit {
            return Err(Fault::Over);
        }
        if needed > bytes.capacity() {
            let capacity = (2 * bytes.capacity()).max(STEP_BYTES).min(limit).max(needed);
            share.grow(capacity - bytes.capacity()).await.map_err(|_| Fault::Crowded)?;
            bytes.reserve_exact(capacity - bytes.len());
        }
        bytes.extend_from_slice(&data);
    }
    share.complete();
    Ok(Bytes::from_owner(Whole { bytes, _share: share }))
}

/// The media type without its parameters, in lower case.
pub fn media_type(headers: &HeaderMap) -> String {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_takes_room_as_it_comes_and_until_it_is_gone() {
        let room = Room::new(100_000);
        let small = read(&room, Body::from("{}"), 50_000).await.expect("room");
        assert_eq!((&*small, room.bytes()), (&b"{}"[..], STEP_BYTES));
        let large = read(&room, Body::from(vec![b' '; 40_000]), 50_000).await.expect("room");
        assert_eq!(room.bytes(), STEP_BYTES + 40_000);
        let part = large.slice(..1);
        drop((small, large));
        assert_eq!(room.bytes(), 40_000, "a part keeps it");
        drop(part);
        assert_eq!(read(&room, Body::from(vec![0; 60_000]), 50_000).await.err(), Some(Fault::Over));
        assert_eq!(read(&room, Body::from(vec![0; 200_000]), 300_000).await.err(), Some(Fault::Crowded));
        assert_eq!(room.bytes(), 0);
    }
}
