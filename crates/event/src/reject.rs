//! Why a record became a dead letter: a closed list of reasons, each with a stable name.
//!
//! Invariant: `as_str` names are stored in tables and shown as metric labels; they never change.
//! Deliberately absent: the record's position, which the dead letter row carries in its own columns.

use std::fmt;

/// Why a record could not become a row of its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The value has no bytes (a null value is a tombstone, and no dead letter).
    EmptyValue,
    /// The value is longer than `Limits::value_bytes`.
    ValueTooLarge,
    /// The key is longer than `Limits::key_bytes`.
    KeyTooLarge,
    /// More headers, or more bytes of them, than `Limits` allows.
    HeadersTooLarge,
    /// The value, or a header that holds an attribute, is not UTF-8.
    InvalidUtf8,
    /// The value starts with a byte order mark.
    ByteOrderMark,
    /// The text ends inside the JSON value.
    TruncatedJson,
    /// Bytes follow the JSON value.
    TrailingGarbage,
    /// The text breaks JSON's grammar in another way.
    InvalidJson,
    /// Arrays and objects are nested deeper than `Limits::depth`.
    TooDeep,
    /// An object, or the headers, name a field twice.
    DuplicateKey,
    /// A number does not fit 64 bits, or its field.
    NumberOutOfRange,
    /// A `\u` escape is half of a surrogate pair.
    LoneSurrogate,
    /// A string holds the character U+0000.
    NulInString,
    /// The JSON value is no object, so no CloudEvent.
    NotAnEvent,
    /// The content type is not JSON.
    UnsupportedContent,
    /// A CloudEvents attribute that every event needs is absent.
    MissingAttribute,
    /// A CloudEvents attribute has the wrong type or an impossible value.
    BadAttribute,
    /// A known type in a version (or a `specversion`) that this program does not know.
    UnknownVersion,
    /// A time or date that is not RFC 3339 or not in the calendar.
    BadTime,
    /// A data field that this type needs is absent or null.
    MissingField,
    /// A data field has the wrong type or an impossible value.
    BadField,
    /// No record: here an operator let Plimsoll read on past records that the log had lost.
    GapAccepted,
}

impl Reason {
    /// Every reason, in declaration order.
    pub const ALL: [Reason; 23] = [
        Reason::EmptyValue,
        Reason::ValueTooLarge,
        Reason::KeyTooLarge,
        Reason::HeadersTooLarge,
        Reason::InvalidUtf8,
        Reason::ByteOrderMark,
        Reason::TruncatedJson,
        Reason::TrailingGarbage,
        Reason::InvalidJson,
        Reason::TooDeep,
        Reason::DuplicateKey,
        Reason::NumberOutOfRange,
        Reason::LoneSurrogate,
        Reason::NulInString,
        Reason::NotAnEvent,
        Reason::UnsupportedContent,
        Reason::MissingAttribute,
        Reason::BadAttribute,
        Reason::UnknownVersion,
        Reason::BadTime,
        Reason::MissingField,
        Reason::BadField,
        Reason::GapAccepted,
    ];

    /// The stable name, in snake case.
    pub const fn as_str(self) -> &'static str {
        self.texts()[0]
    }

    /// What is wrong with the record, for documentation and pages; limits are the defaults.
    pub const fn meaning(self) -> &'static str {
        self.texts()[1]
    }

    /// What the producer can do about it.
    pub const fn remedy(self) -> &'static str {
        self.texts()[2]
    }

    const fn texts(self) -> [&'static str; 3] {
        match self {
            Reason::EmptyValue => [
                "empty_value",
                "the value has no bytes (a null value is a tombstone, no dead letter)",
                "send the event, or a null value to delete a key",
            ],
            Reason::ValueTooLarge => [
                "value_too_large",
                "the value is over 1 MiB",
                "split or shorten the event, or raise the record limit",
            ],
            Reason::KeyTooLarge => {
                ["key_too_large", "the key is over 16 KiB", "key records by repo, change or ticket"]
            }
            Reason::HeadersTooLarge => [
                "headers_too_large",
                "over 128 headers, or over 64 KiB of them",
                "send fewer or shorter headers",
            ],
            Reason::InvalidUtf8 => {
                ["invalid_utf8", "the value, or a `ce_` header, is not UTF-8", "encode the text as UTF-8"]
            }
            Reason::ByteOrderMark => [
                "byte_order_mark",
                "the value starts with a byte order mark",
                "write UTF-8 without a byte order mark",
            ],
            Reason::TruncatedJson => [
                "truncated_json",
                "the text ends inside the JSON value",
                "look for a producer that cuts its messages",
            ],
            Reason::TrailingGarbage => {
                ["trailing_garbage", "bytes follow the JSON value", "send one JSON object in each record"]
            }
            Reason::InvalidJson => [
                "invalid_json",
                "the text breaks JSON's grammar in another way",
                "send JSON as RFC 8259 defines it",
            ],
            Reason::TooDeep => {
                ["too_deep", "over 32 arrays and objects inside each other", "flatten the data"]
            }
            Reason::DuplicateKey => {
                ["duplicate_key", "an object, or the headers, name a field twice", "name each field once"]
            }
            Reason::NumberOutOfRange => [
                "number_out_of_range",
                "a number does not fit 64 bits, or its field",
                "send large numbers as strings",
            ],
            Reason::LoneSurrogate => [
                "lone_surrogate",
                "a `\\u` escape is half of a surrogate pair",
                "escape characters beyond U+FFFF as a pair, or send them as UTF-8",
            ],
            Reason::NulInString => {
                ["nul_in_string", "a string holds the character U+0000", "strip U+0000 from strings"]
            }
            Reason::NotAnEvent => [
                "not_an_event",
                "the JSON value is no object",
                "send a CloudEvents 1.0 object, or `ce_` headers",
            ],
            Reason::UnsupportedContent => [
                "unsupported_content",
                "the data is not JSON",
                "send data as JSON, not as another media type",
            ],
            Reason::MissingAttribute => [
                "missing_attribute",
                "a CloudEvents attribute that every event needs, or `data`, is absent",
                "add the CloudEvents attribute",
            ],
            Reason::BadAttribute => [
                "bad_attribute",
                "a CloudEvents attribute has the wrong type, or is empty",
                "send the attribute as the CloudEvents 1.0 type it has",
            ],
            Reason::UnknownVersion => [
                "unknown_version",
                "a known type in another version than v1, or a `specversion` other than 1.0",
                "send version v1, or upgrade plimsoll",
            ],
            Reason::BadTime => [
                "bad_time",
                "a time or date that is not RFC 3339 or not in the calendar",
                "send RFC 3339 times of the years 1 to 9999, and dates as YYYY-MM-DD",
            ],
            Reason::MissingField => {
                ["missing_field", "a data field that the type needs is absent or null", "add the data field"]
            }
            Reason::BadField => [
                "bad_field",
                "a data field has the wrong type, or a value that it cannot have",
                "send the data field as docs/events.md describes it",
            ],
            Reason::GapAccepted => [
                "gap_accepted",
                "no record: `plimsoll accept-gap` let reading go on here, past records that the log had lost",
                "fill the gap from the source with `plimsoll ingest`",
            ],
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A record that cannot become a row, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    pub reason: Reason,
    /// What was found and where in the record; lower case, no full stop.
    pub detail: String,
}

impl Reject {
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Reject { reason, detail: detail.into() }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.detail)
    }
}

impl std::error::Error for Reject {}
