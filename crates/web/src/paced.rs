//! A stream whose reader must keep reading.
//!
//! Invariant: while an answer waits to be written, the other side takes at least [`BYTES_MIN`] in each [`WINDOW`], or the
//! connection ends; so nothing that an answer holds is held for longer by somebody who does not read.
//! Deliberately absent: reading, which the header's and the request's own timeouts bound.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

const WINDOW: Duration = Duration::from_secs(10);
/// Few enough for a slow line, and too many to trickle.
const BYTES_MIN: usize = 64 << 10;

pub struct Paced<S> {
    stream: S,
    length: Duration,
    window: Option<Pin<Box<Sleep>>>,
    /// Bytes written within the window.
    written: usize,
}

impl<S> Paced<S> {
    pub fn new(stream: S) -> Paced<S> {
        Paced { stream, length: WINDOW, window: None, written: 0 }
    }

    fn judge(
        &mut self,
        context: &mut Context<'_>,
        wrote: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(wrote) = wrote {
            self.written += *wrote.as_ref().unwrap_or(&0);
            return Poll::Ready(wrote);
        }
        let (written, length) = (&mut self.written, self.length);
        let window = self.window.get_or_insert_with(|| {
            *written = 0;
            Box::pin(sleep(length))
        });
        while window.as_mut().poll(context).is_ready() {
            if *written < BYTES_MIN {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")));
            }
            *written = 0;
            window.as_mut().reset(Instant::now() + length);
        }
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.judge(context, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called when all is written: there is nothing left to be slow with.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.window = None;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    const SHORT: Duration = Duration::from_millis(200);

    fn paced<S>(stream: S) -> Paced<S> {
        Paced { length: SHORT, ..Paced::new(stream) }
    }

    #[tokio::test]
    async fn who_does_not_read_is_left() {
        let (ours, theirs) = duplex(1024);
        let error = paced(ours).write_all(&[0; 4096]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(theirs);
    }

    #[tokio::test]
    async fn who_trickles_is_left_too() {
        let (ours, mut theirs) = duplex(1024);
        let reader = tokio::spawn(async move {
            let mut buffer = [0; 100];
            while theirs.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                sleep(SHORT / 10).await;
            }
        });
        let mut ours = paced(ours);
        let error = ours.write_all(&vec![0; 1 << 20]).await.expect_err("it would take minutes");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(ours);
        reader.await.expect("it ends");
    }

    #[tokio::test]
    async fn who_reads_slowly_gets_all() {
        let (ours, mut theirs) = duplex(BYTES_MIN);
        let reader = tokio::spawn(async move {
            let (mut buffer, mut read) = (vec![0; BYTES_MIN], 0);
            while let Ok(more @ 1..) = theirs.read(&mut buffer).await {
                read += more;
                sleep(SHORT / 4).await;
            }
            read
        });
        let mut ours = paced(ours);
        ours.write_all(&vec![0; 16 * BYTES_MIN]).await.expect("it is read");
        ours.flush().await.expect("flushed");
        sleep(2 * SHORT).await;
        ours.write_all(b"more").await.expect("an idle connection is no slow reader");
        drop(ours);
        assert_eq!(reader.await.expect("it ends"), 16 * BYTES_MIN + 4);
    }
}
