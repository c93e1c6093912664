//! Handing reports to people: once, or not at all and said so.
//!
//! A delivery is one report, one period, one receiver. It goes as far as it can without the receiver having anything;
//! then the log gets `report.sending`; then the report is handed over; then the log gets what came of it. So whatever is
//! killed when, after a restart the log shows which receivers may have the report, and they do not get it again:
//! - nothing in the log, or `report.refused`: the receiver has nothing, and it is sent;
//! - `report.delivered`: it has it;
//! - `report.sending` alone: the end came before the answer. Mail and webhooks cannot be asked, so it becomes
//!   `report.unconfirmed` and is left alone; a folder can be looked at, so it is finished.
//!
//! Invariant: no receiver gets the same delivery twice, unless a person asks for it. SMTP cannot promise exactly once;
//! between at most once and at least once, this chooses at most once, and reports the doubt.
//! Deliberately absent: a queue of its own; the schedule and the log are enough.

mod folder;
mod ledger;
mod mail;
pub mod schedule;
mod webhook;

use std::time::Duration;

use chrono::{DateTime, Utc};
use ring::digest::{SHA256, digest};

use crate::config::Config;
use crate::config::report::{Receiver, ReportEntry};
use report::{Kind, Report, What};

pub use ledger::Ledger;
use ledger::State;

/// Hex digits of a delivery's id.
const ID_DIGITS: usize = 32;
/// Characters of a receiver's answer that the log keeps.
const ANSWER_CHARS_MAX: usize = 200;

/// One report to one receiver.
pub struct Delivery<'a> {
    /// The same for the same report, period and receiver.
    pub id: String,
    pub entry: &'a ReportEntry,
    pub receiver: &'a Receiver,
    pub period: String,
    pub report: &'a Report,
    /// When the report was made: the date of a mail.
    pub made_at: DateTime<Utc>,
    pub timeout: Duration,
}

/// What came of one try.
#[derive(Debug, PartialEq)]
pub enum Attempt {
    Accepted(String),
    /// The receiver has nothing; whether another try is worth it.
    Rejected {
        why: String,
        again: bool,
    },
    /// Nobody knows.
    Unknown(String),
}

/// What came of a delivery.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    Delivered(String),
    /// By an earlier run.
    Already,
    Failed(String),
    Unconfirmed(String),
}

impl Outcome {
    pub fn is_good(&self) -> bool {
        matches!(self, Outcome::Delivered(_) | Outcome::Already)
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Outcome::Delivered(answer) => write!(f, "delivered ({answer})"),
            Outcome::Already => f.write_str("has it already; nothing was sent"),
            Outcome::Failed(why) => write!(f, "not delivered: {why}"),
            Outcome::Unconfirmed(why) => write!(
                f,
                "may or may not have it ({why}), so it is not sent again; ask the receiver, and send it with --deliver NAME --again if it is missing"
            ),
        }
    }
}

/// The period of a report, as ids and file names have it.
pub fn period(what: &What) -> String {
    match what.kind {
        Kind::Weekly if what.as_of == what.week().end() => what.week().label(),
        Kind::Weekly | Kind::Roadmap => what.as_of.format("%Y-%m-%d").to_string(),
    }
}

/// The id of a delivery: a hash of what it is, so that every run finds the same.
pub fn id(entry: &ReportEntry, period: &str, receiver: &Receiver) -> String {
    let told = format!("{}\n{period}\n{}", entry.name, receiver.name());
    hex::encode(digest(&SHA256, told.as_bytes()))[..ID_DIGITS].to_owned()
}

/// Delivers, with as many tries as the configuration allows. `again`: also what may have arrived.
pub async fn deliver(config: &Config, ledger: &Ledger, delivery: &Delivery<'_>, again: bool) -> Outcome {
    match ledger.state(&delivery.id).await {
        Ok(State::Nothing | State::Refused) => {}
        Ok(_) if again => {}
        Ok(State::Delivered) => return Outcome::Already,
        Ok(State::Unconfirmed(why)) => return Outcome::Unconfirmed(why),
        Ok(State::Sending) if matches!(delivery.receiver, Receiver::Folder(_)) => {} // doing it again changes nothing
        Ok(State::Sending) => {
            let why = "stopped before the answer came".to_owned();
            ledger.say(delivery, "report.unconfirmed", Some(&why)).await;
            return Outcome::Unconfirmed(why);
        }
        Err(why) => return Outcome::Failed(why),
    }
    let bounds = &config.delivery;
    let mut pause = Duration::from_millis(bounds.backoff_ms);
    let mut last = String::new();
    for attempt in 1..=bounds.attempts_max {
        match try_once(ledger, delivery).await {
            Attempt::Accepted(answer) => {
                ledger.say(delivery, "report.delivered", Some(&answer)).await;
                return Outcome::Delivered(answer);
            }
            Attempt::Unknown(why) => {
                ledger.say(delivery, "report.unconfirmed", Some(&why)).await;
                return Outcome::Unconfirmed(why);
            }
            Attempt::Rejected { why, again: false } => return Outcome::Failed(why),
            Attempt::Rejected { why, again: true } => last = why,
        }
        if attempt < bounds.attempts_max {
            tracing::warn!(
                report = delivery.entry.name,
                to = delivery.receiver.name(),
                attempt,
                why = last,
                "report not delivered yet"
            );
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(bounds.backoff_max_ms));
        }
    }
    Outcome::Failed(format!("{last} ({} tries)", bounds.attempts_max))
}

async fn try_once(ledger: &Ledger, delivery: &Delivery<'_>) -> Attempt {
    let attempt = match delivery.receiver {
        Receiver::Mail(to) => mail::send(to, delivery, ledger).await,
        Receiver::Webhook(to) => webhook::send(to, delivery, ledger).await,
        Receiver::Folder(to) => folder::write(to, delivery, ledger).await,
    };
    shortened(attempt)
}

/// Says in the log that the receiver may have the report from now on. Without that nothing is handed over.
async fn announce(ledger: &Ledger, delivery: &Delivery<'_>) -> Result<(), Attempt> {
    ledger.announce(delivery).await.map_err(|why| Attempt::Rejected { why, again: true })
}

fn shortened(attempt: Attempt) -> Attempt {
    let short = |text: String| -> String {
        let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        plain.take(ANSWER_CHARS_MAX).collect::<String>().trim().to_owned()
    };
    match attempt {
        Attempt::Accepted(answer) => Attempt::Accepted(short(answer)),
        Attempt::Rejected { why, again } => Attempt::Rejected { why: short(why), again },
        Attempt::Unknown(why) => Attempt::Unknown(short(why)),
    }
}
