//! What a record's value is: one of our events, or a vendor's body for a normaliser.
//!
//! Invariant: a record that names its own format in [`FORMAT_HEADER`] is read as that, whatever its topic
//! carries otherwise, so that a body which a backfill could not read is refused again further on and ends in
//! the dead letters with the same reason. Every other record is read as its topic says.
//! Deliberately lacking: guesses from the value.

use std::collections::BTreeMap;

use event::{Format, Homes, Record};

/// Names the format of a record that is a vendor's body on a topic of events.
pub const FORMAT_HEADER: &str = "plimsoll_format";

/// Which topics carry the bodies of which tool, all others carry CloudEvents; and which sites are home.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Formats {
    by_topic: BTreeMap<String, Format>,
    pub homes: Homes,
}

impl Formats {
    pub fn new(by_topic: impl IntoIterator<Item = (String, Format)>) -> Formats {
        let raw = by_topic.into_iter().filter(|(_, format)| *format != Format::CloudEvents);
        Formats { by_topic: raw.collect(), homes: Homes::default() }
    }

    /// How to read a record.
    pub fn of(&self, record: &Record<'_>) -> Format {
        let named = record.headers.iter().find(|(name, _)| *name == FORMAT_HEADER);
        let named = named.and_then(|(_, value)| Format::from_name(std::str::from_utf8(value).ok()?));
        named.or_else(|| self.by_topic.get(record.topic).copied()).unwrap_or(Format::CloudEvents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_goes_before_the_topic() {
        let formats =
            Formats::new([("hooks".to_owned(), Format::GitHub), ("ours".to_owned(), Format::CloudEvents)]);
        let check = |topic, headers: &[(&str, &[u8])], expect| {
            let record =
                Record { topic, partition: 0, offset: 0, timestamp_us: 0, key: None, headers, value: None };
            assert_eq!(formats.of(&record), expect, "{topic} {headers:?}");
        };
        check("hooks", &[], Format::GitHub);
        check("ours", &[], Format::CloudEvents);
        check("other", &[("X-GitHub-Event", b"push")], Format::CloudEvents);
        check("ours", &[("a", b""), (FORMAT_HEADER, b"gharchive")], Format::GhArchive);
        check("hooks", &[(FORMAT_HEADER, b"jira")], Format::Jira);
        check("hooks", &[(FORMAT_HEADER, b"\xff")], Format::GitHub);
    }
}
