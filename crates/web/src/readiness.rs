//! Whether the server does what it is for, and what keeps it from that: for `/readyz` and for `plimsoll_ready`.
//!
//! Invariant: 503 exactly while the server has not caught up, or posted events would be refused. Anything else that is
//! wrong is a line of a 200: turning readers and senders away would make it worse. Anybody may ask, so nothing that is
//! said names a path, an address or a person.
//! Deliberately absent: the phases of a start (`App`).

use ingest::{FeedLog, KafkaStatus, LogFailure};
use surface::{App, Phase, Problem};

use crate::site::Site;

/// Partitions and topics that are named; of more there is the number.
const NAMED_MAX: usize = 10;

/// Why events would be refused just now: the kind of problem, and a sentence.
pub fn refusal(site: &Site) -> Option<(&'static str, &'static str)> {
    let logs = site.logs().ok()?;
    match logs.appender.failure() {
        Some(LogFailure::Full(_)) => {
            return Some(("log-full", "the disk of the log is full; make room: the log is then used again"));
        }
        Some(LogFailure::Broken(_)) => {
            return Some(("log-failed", "the log failed; the server is about to end"));
        }
        None => {}
    }
    let silent = kafka(site).any(|status| !status.is_connected());
    silent.then_some((
        "kafka-unreachable",
        "no kafka broker answers; numbers are as of the last record that was read",
    ))
}

pub fn is_ready(site: &Site) -> bool {
    site.app.phase() == Phase::Ready && refusal(site).is_none()
}

/// What `/readyz` answers: a text, or why not.
pub fn answer(site: &Site) -> Result<String, Problem> {
    let refusal = refusal(site);
    match site.app.phase() {
        Phase::Opening => Err(Problem::unavailable("starting", "the store is being opened")),
        Phase::Stopping => Err(Problem::unavailable("stopping", "the server is shutting down")),
        Phase::CatchingUp => Err(match refusal {
            Some((kind, why)) => {
                Problem::unavailable(kind, format!("{why}; the log has not been read to its end yet"))
            }
            None => Problem::unavailable("catching-up", "the log is being read"),
        }),
        Phase::Ready => match refusal {
            Some((kind, why)) => Err(Problem::unavailable(kind, why)),
            None => Ok(ready(&troubles(site))),
        },
    }
}

fn ready(troubles: &[String]) -> String {
    let mut text = "ready\n".to_owned();
    for trouble in troubles {
        text.push_str(trouble);
        text.push('\n');
    }
    text
}

/// What is wrong although the server serves.
fn troubles(site: &Site) -> Vec<String> {
    let mut troubles = Vec::new();
    for status in kafka(site) {
        of_kafka(status, &mut troubles);
    }
    troubles.extend(of_engine(&site.app));
    if let problems @ 1.. = site.app.catalogue_problems().len() {
        troubles.push(format!(
            "catalogue problems: {problems}; 'plimsoll check' and GET /api/v1/metrics list them"
        ));
    }
    troubles
}

fn of_kafka(status: &KafkaStatus, troubles: &mut Vec<String>) {
    let (mut halted, mut unread) = (Vec::new(), Vec::new());
    for ((topic, partition), state) in status.partitions() {
        let name = format!("{topic}/{partition}");
        match (state.halted.is_some(), state.read) {
            (true, _) => halted.push(name),
            (false, false) => unread.push(name),
            (false, true) => {}
        }
    }
    let topics = status.topics().into_iter();
    let missing: Vec<String> = topics.filter_map(|(name, why)| why.map(|_| name.to_string())).collect();
    for (what, names) in [
        ("partitions halted, records are missing", halted),
        ("partitions not read, they do not answer", unread),
        ("topics missing or refused", missing),
    ] {
        if !names.is_empty() {
            let more = names.len().saturating_sub(NAMED_MAX);
            let named = names[..names.len().min(NAMED_MAX)].join(", ");
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            troubles.push(format!("{what}: {named}{rest}"));
        }
    }
}

fn of_engine(app: &App) -> Vec<String> {
    let Ok(parts) = app.parts() else { return Vec::new() };
    let stats = parts.engine.stats();
    let commit = stats.commit_failure.map(|_| "the tables cannot be written; rows wait in memory".to_owned());
    let dead = stats.counts.dead_letters;
    let dead =
        (dead > 0).then(|| format!("dead letters since the start: {dead}; the table dead_letters has them"));
    commit.into_iter().chain(dead).collect()
}

fn kafka(site: &Site) -> impl Iterator<Item = &KafkaStatus> {
    let feeds = site.logs().map_or(&[][..], |logs| logs.feeds.as_slice());
    feeds.iter().filter_map(|feed| match &feed.log {
        FeedLog::Kafka(status) => Some(status.as_ref()),
        FeedLog::Local(_) => None,
    })
}
