//! Vendors' bodies from archives, folders and interfaces, as entries for the log.
//!
//! Invariants: every body is counted once, as what it became: events, silent, unknown or refused. A refused
//! one goes into the log as it is, with its format and its origin in headers, so that the ingest loop refuses
//! it again and it ends in the dead letters with the same reason. Memory is bounded by one batch.
//! Deliberately lacking: what a body means (the event crate's normalisers), and any order: bodies may come
//! in whichever, because their events carry their own times.

mod folder;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use event::{Delivery, Format, Normalised, Reason, Reject, normalise};

use crate::decode::decoders;
use crate::files::{LENGTH_HEADER, Lines, ORIGIN_HEADER};
use crate::formats::FORMAT_HEADER;
use crate::{Entry, Error, Produce, topic};

pub use folder::Folder;

/// Longest body that is read: GitHub sends webhooks of up to 25 MiB.
pub const BODY_BYTES_MAX: usize = 25 << 20;
/// Of a refused body so much goes into the log; a longer one is over the record limit anyway.
const REFUSED_BYTES_MAX: usize = 4 << 20;
/// Bodies normalised at once.
const BATCH_BODIES: usize = 4_000;
/// An earlier end to a batch of large bodies.
const BATCH_BYTES: usize = 16 << 20;
/// Refused bodies that are told one by one; the others are counted, and all are in the dead letters.
const REFUSALS_TOLD: usize = 10;
/// Unknown kinds that are counted apart; whatever is beyond counts as `others`.
const UNKNOWN_KINDS: usize = 100;

/// A body as it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// Where: `hooks/push/1.json`, `2015-01-01-0.json.gz:7`.
    pub origin: String,
    /// What its surroundings say the event is called. Where no such event is known, the body tells.
    pub name: Option<String>,
    pub bytes: Vec<u8>,
    /// The whole length, of which `bytes` may be cut.
    pub length: u64,
}

/// What became of bodies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BodyTotals {
    pub bodies: u64,
    pub bytes: u64,
    /// Our events by their short type names.
    pub events: BTreeMap<&'static str, u64>,
    /// Bodies of a known kind that say nothing of interest.
    pub silent: u64,
    /// Bodies of kinds that nobody here has heard of, by the vendor's name.
    pub unknown: BTreeMap<String, u64>,
    /// Bodies out of which characters were taken that no text may hold.
    pub cleaned: u64,
    /// Items of an interface that were listed and not there.
    pub absent: u64,
    pub refused: u64,
    /// The first of the refused: origin, reason and detail.
    pub refusals: Vec<String>,
}

impl BodyTotals {
    pub fn event_count(&self) -> u64 {
        self.events.values().sum()
    }

    pub fn unknown_count(&self) -> u64 {
        self.unknown.values().sum()
    }

    /// What became of the bodies, for a person: one line, and one for each refusal told.
    pub fn describe(&self, name: &str, unit: &str) -> Vec<String> {
        let list = |counts: Vec<(&str, u64)>| -> String {
            let parts: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
            parts.join(", ")
        };
        let of_events = list(self.events.iter().map(|(name, count)| (*name, *count)).collect());
        let of_unknown = list(self.unknown.iter().map(|(name, count)| (name.as_str(), *count)).collect());
        let mut lines = vec![format!(
            "{name}: {} {unit}, {} bytes: {} events, {} silent, {} unknown, {} refused",
            self.bodies,
            self.bytes,
            self.event_count(),
            self.silent,
            self.unknown_count(),
            self.refused
        )];
        for (what, counts) in [("events", of_events), ("unknown", of_unknown)] {
            if !counts.is_empty() {
                lines.push(format!("  {what}: {counts}"));
            }
        }
        if self.absent > 0 {
            lines.push(format!("  passed over: {} that were listed and not there", self.absent));
        }
        if self.cleaned > 0 {
            lines.push(format!("  cleaned: {} {unit} of characters that no text may hold", self.cleaned));
        }
        lines.extend(self.refusals.iter().map(|refusal| format!("  refused: {refusal}")));
        let untold = (self.refused + self.absent).saturating_sub(self.refusals.len() as u64);
        if untold > 0 {
            lines.push(format!("  refused: {untold} more, all in the dead letters"));
        }
        lines
    }

    /// Counts an item that is listed and not there; it is told like a refusal.
    pub(crate) fn pass_over(&mut self, what: &str) {
        self.absent += 1;
        if self.refusals.len() < REFUSALS_TOLD {
            self.refusals.push(format!("not there: {what}"));
        }
    }

    fn count(&mut self, body: &Body, outcome: &Result<Normalised, Reject>) {
        self.count_one(&body.origin, body.length, outcome);
    }

    pub(crate) fn count_one(&mut self, origin: &str, length: u64, outcome: &Result<Normalised, Reject>) {
        self.bodies += 1;
        self.bytes += length;
        self.cleaned += u64::from(outcome.as_ref().is_ok_and(|normalised| normalised.cleaned > 0));
        match outcome {
            Ok(normalised) if !normalised.known => {
                let full = self.unknown.len() >= UNKNOWN_KINDS;
                let known = !full || self.unknown.contains_key(&normalised.kind);
                let kind = if known { normalised.kind.as_str() } else { "others" };
                *self.unknown.entry(kind.to_owned()).or_default() += 1;
            }
            Ok(normalised) if normalised.events.is_empty() => self.silent += 1,
            Ok(normalised) => {
                for event in &normalised.events {
                    *self.events.entry(event.kind).or_default() += 1;
                }
            }
            Err(reject) => {
                self.refused += 1;
                if self.refusals.len() < REFUSALS_TOLD {
                    let refusal = format!("{origin}: {}: {}", reject.reason.as_str(), reject.detail);
                    self.refusals.push(refusal);
                }
            }
        }
    }
}

/// Bodies of one vendor on their way into a log.
pub struct Bodies<'l> {
    format: Format,
    log: &'l mut dyn Produce,
    batch: Vec<Body>,
    batch_bytes: usize,
    totals: BodyTotals,
}

impl<'l> Bodies<'l> {
    pub fn new(format: Format, log: &'l mut dyn Produce) -> Bodies<'l> {
        Bodies { format, log, batch: Vec::new(), batch_bytes: 0, totals: BodyTotals::default() }
    }

    /// What became of the bodies whose events the log has.
    pub fn totals(&self) -> &BodyTotals {
        &self.totals
    }

    /// Takes one more; whether a batch went into the log with it.
    pub fn push(&mut self, body: Body) -> Result<bool, Error> {
        self.batch_bytes += body.bytes.len();
        self.batch.push(body);
        let full = self.batch.len() >= BATCH_BODIES || self.batch_bytes >= BATCH_BYTES;
        if full {
            self.flush()?;
        }
        Ok(full)
    }

    /// Normalises what was taken and returns once the log has it durably.
    pub fn flush(&mut self) -> Result<(), Error> {
        let bodies = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        let now_us = now_us();
        let share = bodies.len().div_ceil(decoders()).max(1);
        let done: Vec<Vec<BodyOutcome>> = std::thread::scope(|scope| {
            let work = |share: &'_ [Body]| share.iter().map(|body| done(self.format, body, now_us)).collect();
            let threads: Vec<_> =
                bodies.chunks(share).map(|share| scope.spawn(move || work(share))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no normaliser panics")).collect()
        });
        let mut entries = Vec::new();
        let mut totals = self.totals.clone();
        for (body, done) in bodies.iter().zip(done.into_iter().flatten()) {
            totals.count(body, &done.outcome);
            entries.extend(done.entries);
        }
        if !entries.is_empty() {
            self.log.produce(entries)?;
        }
        self.totals = totals;
        Ok(())
    }

    /// The lines of a file, plain or compressed, a body each.
    pub fn read_lines(&mut self, path: &Path, progress: &mut dyn FnMut(&BodyTotals)) -> Result<(), Error> {
        let name = name_of(path);
        let mut lines = Lines::open(path)?.with_max_line_bytes(BODY_BYTES_MAX);
        while let Some((bytes, length)) = lines.next_value()? {
            let body = Body { origin: lines.origin(), name: name.clone(), bytes, length };
            if self.push(body)? {
                progress(&self.totals);
            }
        }
        Ok(())
    }

    /// A file that is one body.
    pub fn read_whole(&mut self, path: &Path) -> Result<bool, Error> {
        use std::io::Read as _;
        let origin = path.display().to_string();
        let unreadable =
            |error: std::io::Error| Error::Input { name: origin.clone(), detail: error.to_string() };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        let mut bytes = Vec::new();
        file.take(BODY_BYTES_MAX as u64).read_to_end(&mut bytes).map_err(unreadable)?;
        let length = length.max(bytes.len() as u64);
        self.push(Body { origin: origin.clone(), name: name_of(path), bytes, length })
    }
}

/// The event's name as the folder of a file has it: hooks are often kept as `pull_request/opened.json`.
fn name_of(path: &Path) -> Option<String> {
    Some(path.parent()?.file_name()?.to_str()?.to_owned())
}

/// One body, read.
struct BodyOutcome {
    outcome: Result<Normalised, Reject>,
    entries: Vec<Entry>,
}

fn done(format: Format, body: &Body, received_us: i64) -> BodyOutcome {
    let (outcome, name) = read(format, body, received_us);
    let entries = match &outcome {
        Ok(normalised) => normalised.events.iter().map(Entry::from).collect(),
        Err(_) => vec![refused(format, name, &body.origin, &body.bytes, body.length)],
    };
    BodyOutcome { outcome, entries }
}

/// What a body says, and the name under which it was read.
fn read(format: Format, body: &Body, received_us: i64) -> (Result<Normalised, Reject>, Option<&str>) {
    if body.length > body.bytes.len() as u64 {
        let detail = format!("{} bytes, the limit is {BODY_BYTES_MAX}", body.length);
        return (Err(Reject::new(Reason::ValueTooLarge, detail)), None);
    }
    let normalised = |name| normalise(format, &Delivery { name, body: &body.bytes, received_us });
    if let Some(name) = body.name.as_deref().filter(|_| format.event_header().is_some()) {
        match normalised(Some(name)) {
            Ok(unknown) if !unknown.known => {}
            outcome => return (outcome, Some(name)),
        }
    }
    (normalised(None), None)
}

/// The body as it came, for the dead letters. `length` is that of all of it, of which `bytes` may be the beginning.
fn refused(format: Format, name: Option<&str>, origin: &str, bytes: &[u8], length: u64) -> Entry {
    let mut headers = vec![
        (FORMAT_HEADER.to_owned(), format.name().as_bytes().to_vec()),
        (ORIGIN_HEADER.to_owned(), origin.as_bytes().to_vec()),
    ];
    if let Some((header, name)) = format.event_header().zip(name) {
        headers.push((header.to_owned(), name.as_bytes().to_vec()));
    }
    let kept = bytes.len().min(REFUSED_BYTES_MAX);
    if kept as u64 != length {
        headers.push((LENGTH_HEADER.to_owned(), length.to_string().into_bytes()));
    }
    Entry { topic: topic::TICKETS, key: Vec::new(), headers, value: bytes[..kept].to_vec() }
}

/// A refused body that no file holds, as the log keeps it.
pub fn refused_body(format: Format, name: Option<&str>, origin: &str, bytes: &[u8]) -> Entry {
    refused(format, name, origin, bytes, bytes.len() as u64)
}

/// Now, in microseconds since 1970.
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
