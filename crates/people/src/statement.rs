//! One fact on its way into the log: an event of our own making.
//!
//! A fact without a beginning has the time [`Beginning::Ever`], 1970: every past moment sees it, and `known_at`
//! still tells when it was learnt. The sequence is the moment of saying in microseconds, so that of two words about
//! one time the later holds.

use chrono::{DateTime, SecondsFormat, Utc};
use ingest::{Entry, topic_of};
use serde_json::{Map, Value, json};

/// When a fact begins to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    Ever,
    At(DateTime<Utc>),
}

impl Beginning {
    pub fn micros(self) -> i64 {
        match self {
            Beginning::Ever => 0,
            Beginning::At(time) => time.timestamp_micros(),
        }
    }

    pub fn from_micros(micros: i64) -> Beginning {
        match DateTime::from_timestamp_micros(micros) {
            Some(time) if micros != 0 => Beginning::At(time),
            Some(_) | None => Beginning::Ever,
        }
    }
}

impl From<Option<DateTime<Utc>>> for Beginning {
    fn from(since: Option<DateTime<Utc>>) -> Self {
        since.map_or(Beginning::Ever, Beginning::At)
    }
}

/// An event without its id.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Such as `person.linked`.
    pub type_: &'static str,
    pub time: Beginning,
    /// The person or team that it is about.
    pub subject: String,
    pub data: Map<String, Value>,
}

impl Statement {
    /// `data` is a JSON object; absent members are left out by the caller, nulls clear.
    pub fn new(type_: &'static str, time: Beginning, subject: &str, data: Value) -> Statement {
        let Value::Object(data) = data else { unreachable!("the data of an event is an object") };
        Statement { type_, time, subject: subject.to_owned(), data }
    }
}

pub fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Log entries for `statements`, said by `source` at `now`, in this order.
pub fn entries(source: &str, statements: Vec<Statement>, now: DateTime<Utc>) -> Vec<Entry> {
    let first = now.timestamp_micros();
    statements
        .into_iter()
        .zip(first..)
        .map(|(statement, sequence)| {
            let type_ = format!("dev.plimsoll.{}.v1", statement.type_);
            let time = match statement.time {
                Beginning::Ever => "1970-01-01T00:00:00Z".to_owned(),
                Beginning::At(time) => rfc3339(time),
            };
            let event = json!({
                "specversion": "1.0",
                "id": format!("{source}-{sequence}"),
                "source": source,
                "type": type_,
                "time": time,
                "subject": statement.subject,
                "sequence": sequence,
                "data": statement.data,
            });
            Entry {
                topic: topic_of(&type_),
                key: statement.subject.into_bytes(),
                headers: Vec::new(),
                value: event.to_string().into_bytes(),
            }
        })
        .collect()
}
