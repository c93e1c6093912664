//! The bytes of a connection on their way to and from the protocol's codec, which takes messages of up to 1 GiB.
//!
//! Invariant: no message reaches the codec whose announced length is over the limit, whatever of it has come, or which is
//! not built as its kind says (`messages.rs`): the codec believes what it reads. A client that reads nothing holds its
//! connection for [`STALL`] at most.
//! Deliberately absent: what messages mean.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::messages::Messages;

/// Longest wait for a client to take what it asked for.
const STALL: Duration = Duration::from_secs(60);

/// What a client has to take in that time, if there is so much for it.
const MOVED_BYTES: usize = 4 << 10;
/// Bytes that are read at a time.
const PIECE_BYTES: usize = 8 << 10;

/// A plain or encrypted connection.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Wire for T {}

/// A connection whose messages are measured as they come.
pub struct Frames {
    wire: Box<dyn Wire>,
    messages: Messages,
    /// What was wrong with the first bytes.
    broken: Option<io::Error>,
    stalled: Option<Pin<Box<Sleep>>>,
    /// Bytes that went out since the wait began.
    moved: usize,
}

impl Frames {
    /// `before` are bytes that were read before this began, and are the first.
    pub fn new(wire: Box<dyn Wire>, before: &[u8], message_bytes_max: usize) -> Frames {
        let mut messages = Messages::new(message_bytes_max);
        let broken = messages.take(before).err();
        Frames { wire, messages, broken, stalled: None, moved: 0 }
    }

    /// The connection itself, unmeasured.
    pub fn wire(&mut self) -> &mut dyn Wire {
        self.wire.as_mut()
    }

    /// Ends a wait that is too long: until [`MOVED_BYTES`] have gone, or all.
    fn patient<T>(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
        moved: usize,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.moved = self.moved.saturating_add(moved);
            if self.moved >= MOVED_BYTES {
                (self.stalled, self.moved) = (None, 0);
            }
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
        if let Some(error) = this.broken.take() {
            return Poll::Ready(Err(error));
        }
        // What has come is kept back until it is a whole message, and a good one.
        while this.messages.good.is_empty() {
            let mut piece = [0; PIECE_BYTES];
            let mut piece = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut this.wire).poll_read(context, &mut piece))?;
            if piece.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.messages.take(piece.filled())?;
        }
        let count = this.messages.good.len().min(buffer.remaining());
        buffer.put_slice(&this.messages.good[..count]);
        this.messages.good.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Frames {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.wire).poll_write(context, bytes);
        let moved = if let Poll::Ready(Ok(count)) = &polled { *count } else { 0 };
        this.patient(context, polled, moved)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.wire).poll_flush(context);
        this.patient(context, polled, MOVED_BYTES)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.wire).poll_shutdown(context);
        this.patient(context, polled, MOVED_BYTES)
    }
}
