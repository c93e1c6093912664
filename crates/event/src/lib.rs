//! The event model: CloudEvents records in, typed Arrow rows out.
//!
//! [`decode`] turns one log record into a typed [`Event`] or a [`Reject`] with a closed [`Reason`];
//! [`BatchBuilder`] does that for many records and lays them out in the tables of [`schema()`].
//! [`normalise`] turns the bodies of tools (GitHub, GitLab, Jira, ...) into such records first.
//! One table of fields (`model`) drives the decoder, the Arrow schemas, the JSON Schema and the documentation.
//!
//! Invariant: every record ends as exactly one row, or is counted (unknown type, tombstone); a vendor's body ends as
//! the rows of its events, as one dead letter, or is counted. No input panics, recurses without bound or costs more
//! memory than a constant times its size.
//! Deliberately absent: I/O, clocks, threads and async. The time that a rule needs is the time the log recorded.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod batch;
mod canonical;
mod clean;
mod columns;
mod data;
mod decode;
mod diagnose;
mod envelope;
mod hash;
#[cfg(test)]
mod json_schema;
mod machine;
mod message;
mod model;
mod normalise;
mod record;
mod reject;
mod schema;
mod site;
mod time;
mod trace;
mod value;

pub use batch::{Batch, BatchBuilder, Counts, Outcome, Span};
pub use clean::clean_json;
pub use decode::{Decoded, Event, content_source, decode};
pub use hash::key_hash;
pub use machine::{MACHINES, MachineKind, machine_kind};
pub use message::{
    change as change_of_message, name_and_email, people as people_of_message, tickets as tickets_of_message,
    trailers as trailers_of_message,
};
pub use model::{Entity, PREFIX as TYPE_PREFIX, SUFFIX as TYPE_SUFFIX, TYPES as EVENT_TYPES, Table};
pub use normalise::{Delivery, Draft, Format, Normalised, jira_issue_history, jira_issue_now, normalise};
pub use record::Record;
pub use reject::{Reason, Reject};
pub use schema::schema;
pub use site::{Homes, site_of, site_of_link};
pub use time::{parse_date, parse_time};
pub use value::person_name;

#[cfg(test)]
mod tests;
