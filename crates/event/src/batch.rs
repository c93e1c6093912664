//! Many records into one [`Batch`]: rows of the five tables, the log positions they cover, and counts.
//!
//! Invariant: each pushed record adds one row to one table, or is counted as unknown or a tombstone; a vendor's
//! body adds a row for each of its events, or one dead letter, or is counted as unknown or silent:
//! `records + further = events + dead_letters + unknown + silent + tombstones`.
//! Deliberately absent: deduplication, which needs the whole store, and any limit on rows, which the caller sets.

use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::columns::{DeadLetterRows, EventRows};
use crate::decode::{self, Decoded, Event, decode_with};
use crate::model::Table;
use crate::normalise::{Delivery, Draft, Format, normalise};
use crate::record::{Limits, Record};
use crate::reject::{Reason, Reject};
use crate::site::Homes;

/// Offsets `[base, next)` of one partition of one log, covered by a batch. Holes inside it are legal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// `kafka:<cluster id>/<topic id>` or `local:<uuid>`; without the topic id where brokers are too old to have one.
    pub log: Arc<str>,
    pub topic: Arc<str>,
    pub partition: i32,
    pub base: i64,
    pub next: i64,
    /// The app id that the store has kept `base` under until now; the commit of this span retires it.
    pub was: Option<Arc<str>>,
}

impl Span {
    /// The name under which the store keeps this partition's next offset.
    pub fn app_id(&self) -> String {
        format!("plimsoll:{}:{}:{}", self.log, self.topic, self.partition)
    }

    /// Log, topic and partition of an app id. A topic's name has no colon.
    pub fn parts_of(app_id: &str) -> Option<(&str, &str, i32)> {
        let mut parts = app_id.strip_prefix("plimsoll:")?.rsplitn(3, ':');
        let (partition, topic, log) = (parts.next()?, parts.next()?, parts.next()?);
        Some((log, topic, partition.parse().ok()?))
    }
}

/// What became of records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub records: u64,
    pub events: u64,
    /// Always 0 here: only the store can tell.
    pub duplicates: u64,
    pub dead_letters: u64,
    /// Records of a type that is not Plimsoll's, or of a kind that no normaliser knows, skipped.
    pub unknown: u64,
    /// Vendors' bodies of a known kind that say nothing of interest, skipped.
    pub silent: u64,
    /// Events that a vendor's body holds beyond its first.
    pub further: u64,
    /// Records with a null value, skipped.
    pub tombstones: u64,
    /// Vendors' bodies out of which characters were taken that no text may hold.
    pub cleaned: u64,
    /// Data fields that no column takes, kept in `extra`.
    pub unknown_fields: u64,
    /// Events dated more than a day after the log recorded them, kept and flagged.
    pub future: u64,
}

impl Counts {
    /// Adds `other` to `self`.
    pub fn add(&mut self, other: &Counts) {
        self.records += other.records;
        self.events += other.events;
        self.duplicates += other.duplicates;
        self.dead_letters += other.dead_letters;
        self.unknown += other.unknown;
        self.silent += other.silent;
        self.further += other.further;
        self.tombstones += other.tombstones;
        self.cleaned += other.cleaned;
        self.unknown_fields += other.unknown_fields;
        self.future += other.future;
    }
}

/// What became of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A row of this table.
    Event(Table),
    /// This many rows, from a vendor's body of a known kind; none when it says nothing of interest.
    Normalised(usize),
    DeadLetter(Reason),
    Unknown,
    Tombstone,
}

/// Rows of the five tables, in the order of their records.
#[derive(Debug, Clone)]
pub struct Batch {
    pub commits: RecordBatch,
    pub reviews: RecordBatch,
    pub tickets: RecordBatch,
    pub directory: RecordBatch,
    pub dead_letters: RecordBatch,
    pub spans: Vec<Span>,
    pub counts: Counts,
}

impl Batch {
    /// The rows of `table`.
    pub fn table(&self, table: Table) -> &RecordBatch {
        match table {
            Table::Commits => &self.commits,
            Table::Reviews => &self.reviews,
            Table::Tickets => &self.tickets,
            Table::Directory => &self.directory,
            Table::DeadLetters => &self.dead_letters,
        }
    }
}

/// Collects records; [`BatchBuilder::finish`] hands out what was collected and starts again.
#[derive(Debug)]
pub struct BatchBuilder {
    limits: Limits,
    homes: Homes,
    commits: EventRows,
    reviews: EventRows,
    tickets: EventRows,
    directory: EventRows,
    dead_letters: DeadLetterRows,
    counts: Counts,
    bytes: usize,
}

impl Default for BatchBuilder {
    fn default() -> Self {
        BatchBuilder::new()
    }
}

/// What a row costs beside the bytes of its record, roughly: views, validity and fixed-width columns.
const ROW_BYTES: usize = 512;

impl BatchBuilder {
    /// An empty builder with the default limits.
    pub fn new() -> Self {
        BatchBuilder::with_limits(Limits::default())
    }

    pub fn with_limits(limits: Limits) -> Self {
        BatchBuilder {
            limits,
            homes: Homes::default(),
            commits: EventRows::new(Table::Commits),
            reviews: EventRows::new(Table::Reviews),
            tickets: EventRows::new(Table::Tickets),
            directory: EventRows::new(Table::Directory),
            dead_letters: DeadLetterRows::new(),
            counts: Counts::default(),
            bytes: 0,
        }
    }

    /// Writes the ids of these sites, and only these, without their site.
    pub fn at_home(self, homes: Homes) -> Self {
        BatchBuilder { homes, ..self }
    }

    /// Decodes a record and appends it to its table, or to the dead letters. Never fails.
    pub fn push(&mut self, record: &Record<'_>) -> Outcome {
        self.counts.records += 1;
        match decode_with(record, &self.limits) {
            Ok(Decoded::Event(mut event)) => {
                event.place(&self.homes);
                self.push_event(record, &event)
            }
            Ok(Decoded::Unknown { .. }) => {
                self.counts.unknown += 1;
                Outcome::Unknown
            }
            Ok(Decoded::Tombstone) => {
                self.counts.tombstones += 1;
                Outcome::Tombstone
            }
            Err(reject) => self.push_dead_letter(record, &reject),
        }
    }

    /// Like [`push`](BatchBuilder::push), for a record that holds a vendor's body. Its events become rows
    /// at the record's own place in the log: all of them, or, when one is refused, the record becomes one
    /// dead letter. The event's name comes from the header that [`Format::event_header`] names, else from
    /// the body.
    pub fn push_as(&mut self, format: Format, record: &Record<'_>) -> Outcome {
        let body = match (format, record.value) {
            (Format::CloudEvents, _) | (_, None) => return self.push(record),
            (_, Some(body)) => body,
        };
        self.counts.records += 1;
        match self.push_body(format, record, body) {
            Ok(outcome) => outcome,
            Err(reject) => self.push_dead_letter(record, &reject),
        }
    }

    /// Rows collected so far, dead letters included.
    pub fn len(&self) -> usize {
        (self.counts.events + self.counts.dead_letters) as usize
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes collected so far, roughly.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What became of the records pushed so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Everything collected, as covering `spans`; the builder is empty afterwards.
    pub fn finish(&mut self, spans: Vec<Span>) -> Batch {
        self.bytes = 0;
        Batch {
            commits: self.commits.finish(),
            reviews: self.reviews.finish(),
            tickets: self.tickets.finish(),
            directory: self.directory.finish(),
            dead_letters: self.dead_letters.finish(),
            spans,
            counts: std::mem::take(&mut self.counts),
        }
    }

    fn push_body(&mut self, format: Format, record: &Record<'_>, body: &[u8]) -> Result<Outcome, Reject> {
        decode::weigh(record, body, &self.limits)?;
        let name = format.event_header().and_then(|header| event_name(header, record.headers));
        let normalised = normalise(format, &Delivery { name, body, received_us: record.timestamp_us })?;
        self.counts.cleaned += u64::from(normalised.cleaned > 0);
        if !normalised.known {
            self.counts.unknown += 1;
            return Ok(Outcome::Unknown);
        }
        let values: Vec<String> = normalised.events.iter().map(Draft::to_json).collect();
        let records: Vec<Record<'_>> = values
            .iter()
            .map(|value| Record { headers: &[], value: Some(value.as_bytes()), ..*record })
            .collect();
        // All are decoded before the first is kept.
        let mut events = Vec::with_capacity(records.len());
        for record in &records {
            match decode_with(record, &self.limits)? {
                Decoded::Event(mut event) => {
                    event.place(&self.homes);
                    events.push((record, event));
                }
                Decoded::Unknown { .. } | Decoded::Tombstone => {
                    unreachable!("a draft is an event of the model")
                }
            }
        }
        for (record, event) in &events {
            self.push_event(record, event);
        }
        match events.len() {
            0 => self.counts.silent += 1,
            len => self.counts.further += len as u64 - 1,
        }
        Ok(Outcome::Normalised(events.len()))
    }

    /// Records, as a row of the dead letters, that the records before `record` were given up.
    pub fn push_gap(&mut self, record: &Record<'_>, detail: impl Into<String>) {
        self.counts.records += 1;
        self.push_dead_letter(record, &Reject::new(Reason::GapAccepted, detail));
    }

    fn push_dead_letter(&mut self, record: &Record<'_>, reject: &Reject) -> Outcome {
        self.counts.dead_letters += 1;
        self.bytes += ROW_BYTES + self.dead_letters.append(record, reject, &self.limits);
        Outcome::DeadLetter(reject.reason)
    }

    fn push_event(&mut self, record: &Record<'_>, event: &Event<'_>) -> Outcome {
        let table = event.table();
        self.counts.events += 1;
        self.counts.unknown_fields += u64::from(event.unknown_fields);
        self.counts.future += u64::from(event.future);
        self.bytes += ROW_BYTES + record.value.map_or(0, <[u8]>::len);
        match table {
            Table::Commits => self.commits.append(record, event),
            Table::Reviews => self.reviews.append(record, event),
            Table::Tickets => self.tickets.append(record, event),
            Table::Directory => self.directory.append(record, event),
            Table::DeadLetters => unreachable!("no event type belongs to the dead letters"),
        }
        Outcome::Event(table)
    }
}

/// The value of a header, its name in any case; one that is not UTF-8 names nothing.
fn event_name<'a>(header: &str, headers: &[(&'a str, &'a [u8])]) -> Option<&'a str> {
    let (_, value) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(header))?;
    std::str::from_utf8(value).ok()
}
