//! The topics that events are produced to, by the first part of their type.
//!
//! Invariant: every type has a topic.
//! Deliberately lacking: topics of vendors' bodies; those are configured.

pub const COMMITS: &str = "plimsoll.commits";
pub const REVIEWS: &str = "plimsoll.reviews";
pub const TICKETS: &str = "plimsoll.tickets";
pub const ALL: [&str; 3] = [COMMITS, REVIEWS, TICKETS];

/// The topic of an event type such as `dev.plimsoll.change.opened.v1`; a type of no known
/// family goes to the tickets topic, where it is counted as unknown.
pub fn of(event_type: &str) -> &'static str {
    let name = event_type.strip_prefix("dev.plimsoll.").unwrap_or(event_type);
    match name.split('.').next() {
        Some("commit") => COMMITS,
        Some("change" | "review") => REVIEWS,
        _ => TICKETS,
    }
}
