//! A raw commit object, read leniently: headers in any order, bad dates, bytes in any encoding.
//!
//! Invariants: what git shows, we read the same way; nothing in a commit is an error, what cannot be
//! read is absent. Text comes out as UTF-8 without NUL.
//! Deliberately lacking: signatures and other headers that no event carries.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use gix::ObjectId;
use gix::bstr::ByteSlice;

/// The parts of a commit that events are made of, still in its own encoding.
#[derive(Debug, Default)]
pub struct Commit<'c> {
    pub tree: Option<ObjectId>,
    pub parents: Vec<ObjectId>,
    pub author: Option<Signature<'c>>,
    pub committer: Option<Signature<'c>>,
    pub encoding: Option<&'static Encoding>,
    pub message: &'c [u8],
}

/// A name, an e-mail address and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature<'c> {
    pub name: &'c [u8],
    pub email: &'c [u8],
    pub time: Time,
}

/// A time as a commit states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    At {
        seconds: i64,
        offset_minutes: i32,
    },
    /// No number, or one outside the years 1 to 9999.
    Unusable,
}

/// The first moment of the year 1 and the last of 9999, a day inside so that no offset leaves them.
const SECONDS_MIN: i64 = -62_135_596_800 + 86_400;
const SECONDS_MAX: i64 = 253_402_300_799 - 86_400;

impl<'c> Commit<'c> {
    pub fn parse(data: &'c [u8]) -> Commit<'c> {
        let mut commit = Commit::default();
        let mut rest = data;
        while !rest.is_empty() {
            let (line, after) = match rest.find_byte(b'\n') {
                Some(newline) => (&rest[..newline], &rest[newline + 1..]),
                None => (rest, &[][..]),
            };
            rest = after;
            if line.is_empty() {
                // Git handles messages as C strings.
                commit.message = &rest[..rest.find_byte(0).unwrap_or(rest.len())];
                break;
            }
            commit.header(line);
        }
        commit
    }

    fn header(&mut self, line: &'c [u8]) {
        let Some((name, value)) = line.split_once_str(" ") else {
            return;
        };
        match name {
            b"tree" => self.tree = self.tree.or(ObjectId::from_hex(value).ok()),
            b"parent" => self.parents.extend(ObjectId::from_hex(value).ok()),
            b"author" => self.author = self.author.or(Some(Signature::parse(value))),
            b"committer" => self.committer = self.committer.or(Some(Signature::parse(value))),
            b"encoding" => self.encoding = Encoding::for_label(value),
            _ => {}
        }
    }

    /// When it was committed in seconds since 1970, for the order of a walk.
    pub fn seconds(&self) -> i64 {
        match self.committer.map(|committer| committer.time) {
            Some(Time::At { seconds, .. }) => seconds,
            Some(Time::Unusable) | None => 0,
        }
    }

    /// Text of this commit as UTF-8: what it says its encoding is, else UTF-8, else Windows-1252,
    /// which nearly all texts that say nothing and are not UTF-8 were written in.
    pub fn text(&self, bytes: &'c [u8]) -> Cow<'c, str> {
        decode(bytes, self.encoding)
    }
}

pub fn decode<'c>(bytes: &'c [u8], encoding: Option<&'static Encoding>) -> Cow<'c, str> {
    if let Some(encoding) = encoding.filter(|&encoding| encoding != UTF_8) {
        let (text, failed) = encoding.decode_without_bom_handling(bytes);
        if !failed {
            return text;
        }
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

impl<'c> Signature<'c> {
    /// `Name <e-mail> seconds offset`, where each part may be broken or absent.
    fn parse(value: &'c [u8]) -> Signature<'c> {
        let (name, rest) = match value.find_byte(b'<') {
            Some(open) => (&value[..open], &value[open + 1..]),
            None => (value, &[][..]),
        };
        let email = &rest[..rest.find_byte(b'>').unwrap_or(rest.len())];
        let time = rest.rfind_byte(b'>').map_or(&[][..], |close| &rest[close + 1..]);
        Signature { name: name.trim(), email: email.trim(), time: Time::parse(time) }
    }
}

impl Time {
    fn parse(text: &[u8]) -> Time {
        let mut words = text.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
        let seconds =
            words.next().and_then(|word| word.to_str().ok()).and_then(|word| word.parse::<i64>().ok());
        match seconds {
            Some(seconds) if (SECONDS_MIN..=SECONDS_MAX).contains(&seconds) => {
                Time::At { seconds, offset_minutes: words.next().and_then(offset_minutes).unwrap_or(0) }
            }
            _ => Time::Unusable,
        }
    }

    /// RFC 3339 with the offset it was written with.
    pub fn rfc3339(self) -> Option<String> {
        let Time::At { seconds, offset_minutes } = self else {
            return None;
        };
        let local = seconds + i64::from(offset_minutes) * 60;
        let (year, month, day) = date(local.div_euclid(86_400));
        let clock = local.rem_euclid(86_400);
        let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
        let zone = match offset_minutes {
            0 => "Z".to_owned(),
            minutes => {
                let sign = if minutes < 0 { '-' } else { '+' };
                format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
            }
        };
        Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{zone}"))
    }

    pub fn utc(self) -> Time {
        match self {
            Time::At { seconds, .. } => Time::At { seconds, offset_minutes: 0 },
            Time::Unusable => Time::Unusable,
        }
    }
}

/// `+hhmm` as minutes; an offset of a day or more, or with 60 minutes, is none.
fn offset_minutes(word: &[u8]) -> Option<i32> {
    let (sign, digits) = match word.split_first()? {
        (b'-', digits) => (-1, digits),
        (b'+', digits) => (1, digits),
        _ => (1, word),
    };
    let number: i32 = digits.to_str().ok()?.parse().ok()?;
    let (hours, minutes) = (number / 100, number % 100);
    ((0..24).contains(&hours) && (0..60).contains(&minutes)).then_some(sign * (hours * 60 + minutes))
}

/// Year, month and day of a day since 1970-01-01, by counting 400-year cycles from a March.
fn date(days: i64) -> (i64, i64, i64) {
    let since_march_0000 = days + 719_468;
    let cycle = since_march_0000.div_euclid(146_097);
    let day_of_cycle = since_march_0000.rem_euclid(146_097);
    let year_of_cycle =
        (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (cycle * 400 + year_of_cycle + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_their_offset() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(Time::parse(text.as_bytes()).rfc3339().as_deref(), expect, "{text}");
        };
        check(" 0 +0000", Some("1970-01-01T00:00:00Z"));
        check(" 1772442840 +0100", Some("2026-03-02T10:14:00+01:00"));
        check(" 1772442840 -0930", Some("2026-03-01T23:44:00-09:30"));
        check(" 951782400 +0000", Some("2000-02-29T00:00:00Z"));
        check(" 4102444800 +0000", Some("2100-01-01T00:00:00Z"));
        check(" -1 +0000", Some("1969-12-31T23:59:59Z"));
        check(" 1772442840 +9999", Some("2026-03-02T09:14:00Z"));
        check(" 1772442840", Some("2026-03-02T09:14:00Z"));
        check(" 9223372036854775808 +0000", None);
        check(" 253402300800 +0000", None);
        check(" yesterday", None);
        check("", None);
    }

    #[test]
    fn signatures_may_be_broken() {
        let check = |text: &str, name: &str, email: &str| {
            let signature = Signature::parse(text.as_bytes());
            assert_eq!((signature.name, signature.email), (name.as_bytes(), email.as_bytes()), "{text}");
        };
        check("Ada L <ada@acme.example> 1 +0000", "Ada L", "ada@acme.example");
        check("<ada@acme.example> 1 +0000", "", "ada@acme.example");
        check("Ada <> 1 +0000", "Ada", "");
        check("Ada <ada> <twice> 1 +0000", "Ada", "ada");
        check("Ada", "Ada", "");
        check("Ada <open", "Ada", "open");
    }

    #[test]
    fn text_in_other_encodings_becomes_utf8() {
        let commit = Commit::parse(b"tree x\nencoding ISO-8859-2\n\n\xb1 one\0two");
        assert_eq!(commit.text(commit.message), "\u{105} one");
        assert_eq!(decode("\u{e9}".as_bytes(), None), "\u{e9}");
        assert_eq!(decode(b"\xe9", None), "\u{e9}");
    }
}
