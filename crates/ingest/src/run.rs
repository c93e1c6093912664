//! The ingest loop, one for every log: records are read in order, decoded into batches, and handed
//! over on a bounded channel.
//!
//! Invariants: batches leave in the order of the log; the spans of a batch begin where the last
//! batch of the same partition ended; when the channel is full the loop waits and reads no more,
//! so memory is bounded by the channel, the chunks being decoded and the source's own buffers.
//! Deliberately lacking: retries (a source knows how to retry itself) and any look at the rows.

use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use event::Batch;
use tokio::sync::mpsc::Sender;

use crate::control::{Limits, Progress, Stop};
use crate::decode::{Chunk, NumberedChunk, Turns, decode_loop, decoders};
use crate::error::Error;
use crate::formats::Formats;
use crate::source::Source;

/// A good capacity for the channel that takes the batches.
pub const CHANNEL_BATCHES: usize = 2;

/// How long an idle source is asked to wait for records; also how soon a stop is noticed.
const IDLE_WAIT: Duration = Duration::from_millis(50);
/// How long to rest while everything further on is busy.
const FULL_WAIT: Duration = Duration::from_millis(1);

/// Reads `source` until told to stop, and hands over everything it read before it returns.
/// Blocks, so it wants a thread of its own (not an async task). Dropping the receiver ends it with
/// [`Error::Closed`]; batches that were read but not committed by then are read again by the next run.
pub fn run(
    source: &mut dyn Source,
    sender: &Sender<Batch>,
    limits: &Limits,
    formats: &Formats,
    stop: &Stop,
    progress: &Progress,
) -> Result<(), Error> {
    let turns = Turns::default();
    // No room: a chunk goes straight to a thread that waits for one.
    let (chunks, queue) = sync_channel(0);
    let queue = Mutex::new(queue);
    std::thread::scope(|scope| {
        for number in 0..decoders() {
            let (turns, queue) = (&turns, &queue);
            std::thread::Builder::new()
                .name(format!("decode-{number}"))
                .spawn_scoped(scope, move || decode_loop(queue, turns, sender, formats, progress))
                .expect("a thread can be started");
        }
        let mut reader = Reader {
            chunk: Chunk::default(),
            turn: 0,
            begun: Instant::now(),
            chunks,
            turns: &turns,
            progress,
        };
        // Dropping the reader on return tells the decoding threads that nothing more comes.
        reader.read(source, limits, stop)
    })?;
    if turns.is_closed() { Err(Error::Closed) } else { Ok(()) }
}

/// The reading side: one chunk being filled.
struct Reader<'a> {
    chunk: Chunk,
    turn: u64,
    /// When the chunk's first record came.
    begun: Instant,
    chunks: SyncSender<NumberedChunk>,
    turns: &'a Turns,
    progress: &'a Progress,
}

impl Reader<'_> {
    fn read(&mut self, source: &mut dyn Source, limits: &Limits, stop: &Stop) -> Result<(), Error> {
        while !stop.is_now() {
            let wait = if self.chunk.is_empty() {
                IDLE_WAIT
            } else {
                limits.max_wait.saturating_sub(self.begun.elapsed()).min(IDLE_WAIT)
            };
            let mut full = false;
            let (chunk, begun) = (&mut self.chunk, &mut self.begun);
            let polled = source.poll(wait, &mut |record| {
                if chunk.is_empty() {
                    *begun = Instant::now();
                }
                chunk.push(record);
                full = chunk.len() >= limits.max_rows || chunk.bytes() >= limits.max_bytes;
                // The clock is read seldom, because this runs for every record.
                !full && (!chunk.len().is_multiple_of(256) || begun.elapsed() < limits.max_wait)
            })?;
            let leave = polled.at_end && stop.is_at_end();
            let due = self.begun.elapsed() >= limits.max_wait;
            if polled.flush {
                self.hand_over_spans(source)?;
            } else if full || due || leave {
                self.hand_over(source)?;
            }
            if leave {
                return Ok(());
            }
        }
        self.hand_over(source)
    }

    /// Gives the chunk to a decoding thread, if there is anything in it.
    fn hand_over(&mut self, source: &mut dyn Source) -> Result<(), Error> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        self.hand_over_spans(source)
    }

    /// The same with an empty chunk, for what only the spans tell.
    fn hand_over_spans(&mut self, source: &mut dyn Source) -> Result<(), Error> {
        let chunk = std::mem::replace(&mut self.chunk, self.turns.empty_chunk());
        let mut filled = NumberedChunk { turn: self.turn, chunk, spans: source.spans() };
        self.turn += 1;
        let begun = Instant::now();
        loop {
            match self.chunks.try_send(filled) {
                Ok(()) => break,
                Err(TrySendError::Disconnected(_)) => return Err(Error::Closed),
                Err(TrySendError::Full(_)) if self.turns.is_closed() => return Err(Error::Closed),
                Err(TrySendError::Full(back)) => {
                    filled = back;
                    source.stalled(FULL_WAIT)?;
                }
            }
        }
        let stalled_ms = begun.elapsed().as_millis() as u64;
        self.progress.stalled_ms.fetch_add(stalled_ms, Ordering::Relaxed);
        Ok(())
    }
}
