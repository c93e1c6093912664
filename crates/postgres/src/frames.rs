//! The bytes of a connection on their way to and from the protocol's codec, which takes messages of up to 1 GiB.
//!
//! Invariant: no message reaches the codec whose announced length is over the limit, whatever of it has come; and a
//! client that reads nothing holds its connection for [`STALL`] at most.
//! Deliberately absent: what messages mean; only their lengths are read.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Largest first packet, as in PostgreSQL: the user's name and a few settings.
pub const FIRST_BYTES_MAX: usize = 10_000;
/// Longest wait for a client to take what it asked for.
const STALL: Duration = Duration::from_secs(60);

/// A plain or encrypted connection.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Wire for T {}

/// A connection whose messages are measured as they come.
pub struct Frames {
    wire: Box<dyn Wire>,
    /// Bytes that were read before this began, and are given first.
    before: Vec<u8>,
    lengths: Lengths,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Frames {
    pub fn new(wire: Box<dyn Wire>, before: Vec<u8>, message_bytes_max: usize) -> Frames {
        Frames { wire, before, lengths: Lengths::new(message_bytes_max), stalled: None }
    }

    /// The connection itself, unmeasured.
    pub fn wire(&mut self) -> &mut dyn Wire {
        self.wire.as_mut()
    }

    /// Ends a wait that is too long.
    fn patient<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(STALL)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Frames {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let start = buffer.filled().len();
        if this.before.is_empty() {
            ready!(Pin::new(&mut this.wire).poll_read(context, buffer))?;
        } else {
            let count = this.before.len().min(buffer.remaining());
            buffer.put_slice(&this.before[..count]);
            this.before.drain(..count);
        }
        Poll::Ready(this.lengths.pass(&buffer.filled()[start..]))
    }
}

impl AsyncWrite for Frames {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.wire).poll_write(context, bytes);
        this.patient(context, polled)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.wire).poll_flush(context);
        this.patient(context, polled)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.wire).poll_shutdown(context);
        this.patient(context, polled)
    }
}

/// Follows the lengths in a stream of messages: the first has a length only, all others a type before it.
struct Lengths {
    message_bytes_max: usize,
    head: Vec<u8>,
    first: bool,
    /// Bytes of the present message that are still to come.
    rest: usize,
}

impl Lengths {
    fn new(message_bytes_max: usize) -> Lengths {
        Lengths { message_bytes_max, head: Vec::new(), first: true, rest: 0 }
    }

    fn pass(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.rest > 0 {
                let count = self.rest.min(bytes.len());
                self.rest -= count;
                bytes = &bytes[count..];
                continue;
            }
            self.head.push(bytes[0]);
            bytes = &bytes[1..];
            let type_bytes = usize::from(!self.first);
            if let Some(length) = self.head.get(type_bytes..).and_then(|head| head.first_chunk::<4>()) {
                self.rest = self.rest_of(u32::from_be_bytes(*length) as usize)?;
                self.first = false;
                self.head.clear();
            }
        }
        Ok(())
    }

    /// What follows a length, which counts its own four bytes.
    fn rest_of(&self, length: usize) -> io::Result<usize> {
        let max = if self.first { FIRST_BYTES_MAX } else { self.message_bytes_max };
        if length > max {
            let message = format!("a message of {length} bytes; at most {max} are taken");
            return Err(io::Error::new(ErrorKind::FileTooLarge, message));
        }
        length.checked_sub(4).ok_or_else(|| ErrorKind::InvalidData.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: Option<u8>, length: u32, body: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = kind.into_iter().collect();
        bytes.extend(length.to_be_bytes());
        bytes.resize(bytes.len() + body, b'x');
        bytes
    }

    #[test]
    fn lengths_are_held_to_their_limit_however_the_bytes_come() {
        let first = message(None, 30, 26);
        let good = [first.clone(), message(Some(b'Q'), 100, 96), message(Some(b'S'), 4, 0)].concat();
        let long = [first.clone(), message(Some(b'S'), 4, 0), message(Some(b'Q'), 101, 0)].concat();
        let short = [first, message(Some(b'Q'), 3, 0)].concat();
        for (bytes, expect) in [
            (good, None),
            (long, Some(ErrorKind::FileTooLarge)),
            (short, Some(ErrorKind::InvalidData)),
            (message(None, FIRST_BYTES_MAX as u32 + 1, 0), Some(ErrorKind::FileTooLarge)),
            (message(None, u32::MAX, 0), Some(ErrorKind::FileTooLarge)),
        ] {
            for size in [1, 3, bytes.len()] {
                let mut lengths = Lengths::new(100);
                let passed = bytes.chunks(size).try_for_each(|part| lengths.pass(part));
                assert_eq!(passed.err().map(|error| error.kind()), expect, "{size}");
            }
        }
    }
}
