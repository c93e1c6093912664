//! Reading the local log in order: a cursor over records, and the ingest loop's source on it.
//!
//! Invariant: offsets come out dense and ascending from the store's position on; a log that ends before that position,
//! and one that is not the log of that position, is refused instead of read (I4).

use std::sync::Arc;
use std::time::Duration;

use event::{Record, Span};

use super::block::{self, Frame, Frames};
use super::{LocalLog, TOPIC};
use crate::identity::{Known, known};
use crate::{Error, PollOutcome, Positions, Source};

/// Reads that may fail one after another, with this rest, before the log counts as unreadable: it may be about to be
/// opened again.
const READ_RETRIES: u32 = 3;
const READ_REST: Duration = Duration::from_millis(50);

/// A place in the log, with the block around it decompressed.
pub struct Cursor {
    log: LocalLog,
    /// The offset of the record that comes next.
    offset: i64,
    /// The offset after the loaded block, and where the next record starts in its bytes.
    block_end: i64,
    at: usize,
    frames: Frames,
}

impl Cursor {
    pub fn new(log: LocalLog, offset: i64) -> Cursor {
        Cursor { log, offset, block_end: i64::MIN, at: 0, frames: Frames::default() }
    }

    /// The next record and its offset; `None` at the log's end.
    pub fn next(&mut self) -> Result<Option<(i64, Frame<'_>)>, Error> {
        if self.offset >= self.block_end {
            if self.offset >= self.log.next_offset() {
                return Ok(None);
            }
            self.load()?;
        }
        let Some((frame, at)) = block::frame(&self.frames.bytes, self.at) else {
            return Err(self.log.inner.shared.corrupt(self.offset, "a record is cut short"));
        };
        let offset = self.offset;
        self.at = at;
        self.offset += 1;
        Ok(Some((offset, frame)))
    }

    /// Loads the block that holds `self.offset` and skips to it.
    fn load(&mut self) -> Result<(), Error> {
        let shared = &self.log.inner.shared;
        let (offset, frames) = (self.offset, &mut self.frames);
        let first = shared
            .block_of(offset, |first, bytes| {
                block::open(bytes, frames).map_err(|detail| shared.corrupt(first, &detail))?;
                Ok(first)
            })?
            .ok_or_else(|| shared.corrupt(offset, "no block holds this offset"))?;
        self.block_end = first + i64::from(self.frames.count);
        if offset >= self.block_end {
            return Err(shared.corrupt(offset, "no block holds this offset"));
        }
        self.at = 0;
        for _ in first..offset {
            let (_, at) = block::frame(&self.frames.bytes, self.at)
                .ok_or_else(|| shared.corrupt(offset, "a record is cut short"))?;
            self.at = at;
        }
        Ok(())
    }
}

/// The local log as a source of the ingest loop.
pub struct LocalSource {
    log: LocalLog,
    cursor: Cursor,
    /// Reads that have failed since the last that did not.
    failures: u32,
    /// Where the batch that is being filled began.
    base: i64,
    topic: Arc<str>,
}

impl LocalSource {
    /// Begins at the store's position, or at the log's beginning when the store has none.
    pub fn new(log: &LocalLog, positions: &Positions) -> Result<LocalSource, Error> {
        let partition = format!("{TOPIC}/0");
        let next = match known(&positions(), log.id(), TOPIC, 0) {
            Known::Nothing => 0,
            Known::Next(next) | Known::Unnamed { next, .. } => next,
            Known::Other { log: was, .. } => {
                return Err(Error::Replaced { partition, was, now: log.id().to_string() });
            }
        };
        let end = log.next_offset();
        if !(0..=end).contains(&next) {
            return Err(Error::Gap { partition, next, start: 0, end });
        }
        let cursor = Cursor::new(log.clone(), next);
        Ok(LocalSource { log: log.clone(), cursor, failures: 0, base: next, topic: TOPIC.into() })
    }

    /// The offset of the record that is read next.
    pub fn position(&self) -> i64 {
        self.cursor.offset
    }
}

impl Source for LocalSource {
    fn poll(
        &mut self,
        wait: Duration,
        push: &mut dyn FnMut(&Record<'_>) -> bool,
    ) -> Result<PollOutcome, Error> {
        let mut polled = PollOutcome::default();
        if !self.cursor.log.wait_past(self.cursor.offset, wait) {
            return Ok(PollOutcome { at_end: true, ..polled });
        }
        loop {
            let (offset, frame) = match self.cursor.next() {
                Ok(Some(found)) => found,
                Ok(None) => {
                    polled.at_end = true;
                    break;
                }
                Err(_) if self.log.is_full() || self.failures < READ_RETRIES => {
                    self.failures += 1;
                    std::thread::sleep(READ_REST);
                    break;
                }
                Err(error) => return Err(error),
            };
            self.failures = 0;
            let wanted = push(&Record {
                topic: &self.topic,
                partition: 0,
                offset,
                timestamp_us: frame.timestamp_us,
                key: (!frame.key.is_empty()).then_some(frame.key),
                headers: &frame.headers,
                value: Some(frame.value),
            });
            polled.records += 1;
            if !wanted {
                break;
            }
        }
        Ok(polled)
    }

    fn spans(&mut self) -> Vec<Span> {
        let base = std::mem::replace(&mut self.base, self.cursor.offset);
        if base == self.cursor.offset {
            return Vec::new();
        }
        vec![Span {
            log: Arc::clone(self.cursor.log.id()),
            topic: Arc::clone(&self.topic),
            partition: 0,
            base,
            next: self.cursor.offset,
            was: None,
        }]
    }

    fn stalled(&mut self, pause: Duration) -> Result<(), Error> {
        std::thread::sleep(pause);
        Ok(())
    }
}
