//! Turns facts into CloudEvents, in the order in which the log would have received them.
//!
//! Every event says when it happened (`time`) and when it became known (`observedat`): seconds
//! later as a rule, days later for a few. Nothing becomes known after the last day of the history.

use super::dice::Dice;
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Value, json};

pub const SOURCE: &str = "example:harbour";

/// One in this many events reaches the log days late.
const LATE_ONE_IN: usize = 250;
const LATE_HOURS: std::ops::RangeInclusive<i64> = 20..=140;

/// An event, ready to be produced: `json` is a CloudEvent in structured mode.
pub struct DemoEvent {
    pub topic: &'static str,
    pub key: String,
    pub json: String,
}

pub struct Log {
    entries: Vec<(DateTime<Utc>, DemoEvent)>,
    /// Lateness has its own stream: it must not disturb what happens.
    dice: Dice,
    last_moment: DateTime<Utc>,
}

impl Log {
    pub fn new(seed: u64, last_moment: DateTime<Utc>) -> Self {
        Self { entries: Vec::new(), dice: Dice::new(seed, 1), last_moment }
    }

    /// Records a fact of type `kind` (`change.opened`) about `subject`, which is also the key.
    pub fn emit(&mut self, at: DateTime<Utc>, kind: &str, subject: &str, data: Value) {
        let late = self.dice.index(LATE_ONE_IN) == 0;
        let delay = if late {
            Duration::hours(self.dice.between(LATE_HOURS))
        } else {
            Duration::seconds(self.dice.between(1..=20))
        };
        self.emit_late(at, delay, kind, subject, data);
    }

    /// Like [`Log::emit`], for a fact that becomes known after a given delay.
    pub fn emit_late(&mut self, at: DateTime<Utc>, delay: Duration, kind: &str, subject: &str, data: Value) {
        let observed_at = (at + delay).min(self.last_moment);
        let number = self.entries.len();
        let event = json!({
            "specversion": "1.0",
            "id": format!("harbour-{number:06}"),
            "source": SOURCE,
            "type": format!("dev.plimsoll.{kind}.v1"),
            "time": rfc3339(at),
            "observedat": rfc3339(observed_at),
            "sequence": number.to_string(),
            "subject": subject,
            "datacontenttype": "application/json",
            "data": data,
        });
        let event = DemoEvent { topic: topic(kind), key: subject.to_owned(), json: event.to_string() };
        self.entries.push((observed_at, event));
    }

    /// All events, in the order in which they became known.
    pub fn finish(mut self) -> std::vec::IntoIter<DemoEvent> {
        self.entries.sort_by_key(|(observed_at, _)| *observed_at);
        self.entries.into_iter().map(|(_, event)| event).collect::<Vec<_>>().into_iter()
    }
}

pub fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn topic(kind: &str) -> &'static str {
    match kind.split('.').next() {
        Some("commit") => "plimsoll.commits",
        Some("change" | "review") => "plimsoll.reviews",
        _ => "plimsoll.tickets",
    }
}
