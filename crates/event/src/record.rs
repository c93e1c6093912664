//! A log's record as it comes in, and what it may weigh.
//!
//! Invariant: none; a record is any bytes that a log may hold.
//! Deliberately absent: what is in it (`decode`).

/// One record as a log holds it.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    pub topic: &'a str,
    pub partition: i32,
    pub offset: i64,
    /// When the log recorded it, in microseconds UTC; negative where the log does not tell.
    pub timestamp_us: i64,
    pub key: Option<&'a [u8]>,
    pub headers: &'a [(&'a str, &'a [u8])],
    pub value: Option<&'a [u8]>,
}

/// What a record may weigh. Dead letters keep key and headers up to the same limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub value_bytes: usize,
    /// What a dead letter keeps of a value, from its start: the log has the whole, and a topic in the wrong format makes
    /// a dead letter of each record.
    pub dead_letter_bytes: usize,
    pub key_bytes: usize,
    /// Names and values of all headers together.
    pub header_bytes: usize,
    pub headers: usize,
    /// Arrays and objects inside each other, the event's own object included. At most 100 is honoured.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            value_bytes: 1 << 20,
            dead_letter_bytes: 64 << 10,
            key_bytes: 16 << 10,
            header_bytes: 64 << 10,
            headers: 128,
            depth: 32,
        }
    }
}
