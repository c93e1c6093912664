//! The JSON value of one data field, read as its [`Kind`] demands.
//!
//! Invariant: a [`Value`] that was read fits its kind; strings without escapes are borrowed from the record.
//! Deliberately absent: which fields exist (`model`) and what happens to unknown ones (`data`).

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

use crate::canonical::{self, Canonical, in_range};
use crate::hash::Payload;
use crate::model::{Kind, Part};
use crate::reject::Reason;
use crate::time;
use crate::trace::{FIELD_DEPTH, KeySeed, Trace, clip, has_nul};

/// The value of a data field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// The field is not there: nothing is said about it.
    Absent,
    /// The field is null: what was known is cleared.
    Null,
    Text(Cow<'a, str>),
    Person(Box<Person<'a>>),
    Texts(Vec<Cow<'a, str>>),
    Bool(bool),
    /// Counts; points and capacity in hundredths.
    Int(i64),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds UTC.
    Time(i64),
    Files(Vec<FileChange<'a>>),
}

/// A person given as an object; a person given as a string is a [`Value::Text`].
#[derive(Debug, Clone, PartialEq)]
pub struct Person<'a> {
    /// What rows call the person: the login, else the e-mail in lower case, else the name.
    pub text: Cow<'a, str>,
    pub name: Option<Cow<'a, str>>,
    pub email: Option<Cow<'a, str>>,
    pub login: Option<Cow<'a, str>>,
}

/// A file that a commit changed.
#[derive(Debug, Clone, PartialEq)]
pub struct FileChange<'a> {
    pub path: Cow<'a, str>,
    pub old_path: Option<Cow<'a, str>>,
    pub change: Cow<'a, str>,
    /// Lines; `None` for a binary file.
    pub additions: Option<i64>,
    /// Lines; `None` for a binary file.
    pub deletions: Option<i64>,
}

/// What a file's `change` may be.
pub(crate) const FILE_CHANGES: [&str; 4] = ["added", "modified", "deleted", "renamed"];

impl<'a> Value<'a> {
    /// The string, or what rows call the person.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Person(person) => Some(&person.text),
            _ => None,
        }
    }

    pub fn as_int(&self) -> Option<i64> {
        if let Value::Int(int) = self { Some(*int) } else { None }
    }

    pub fn as_texts(&self) -> Option<&[Cow<'a, str>]> {
        if let Value::Texts(texts) = self { Some(texts) } else { None }
    }

    pub fn as_files(&self) -> Option<&[FileChange<'a>]> {
        if let Value::Files(files) = self { Some(files) } else { None }
    }

    /// Neither absent nor null.
    pub fn is_given(&self) -> bool {
        !matches!(self, Value::Absent | Value::Null)
    }

    /// One member of a person that was given as an object.
    pub(crate) fn part(&self, part: Part) -> Option<&str> {
        let Value::Person(person) = self else { return None };
        match part {
            Part::Name => person.name.as_deref(),
            Part::Email => person.email.as_deref(),
            Part::Login => person.login.as_deref(),
        }
    }

    pub(crate) fn hash(&self, payload: &mut Payload) {
        match self {
            Value::Absent => payload.tag(0),
            Value::Null => payload.tag(1),
            Value::Text(text) => {
                payload.tag(2);
                payload.text(text);
            }
            Value::Person(person) => {
                payload.tag(3);
                payload.text(&person.text);
                for part in [&person.name, &person.email, &person.login] {
                    payload.text(part.as_deref().unwrap_or_default());
                }
            }
            Value::Texts(texts) => {
                payload.tag(4);
                payload.int(texts.len() as i64);
                texts.iter().for_each(|text| payload.text(text));
            }
            Value::Bool(value) => payload.tag(if *value { 5 } else { 6 }),
            Value::Int(int) => {
                payload.tag(7);
                payload.int(*int);
            }
            Value::Date(day) => {
                payload.tag(8);
                payload.int(i64::from(*day));
            }
            Value::Time(us) => {
                payload.tag(9);
                payload.int(*us);
            }
            Value::Files(files) => {
                payload.tag(10);
                payload.int(files.len() as i64);
                for file in files {
                    payload.text(&file.path);
                    payload.text(file.old_path.as_deref().unwrap_or_default());
                    payload.text(&file.change);
                    payload.int(file.additions.unwrap_or(-1));
                    payload.int(file.deletions.unwrap_or(-1));
                }
            }
        }
    }
}

/// Reads the value of a field of this kind.
pub(crate) struct FieldSeed<'c> {
    pub(crate) kind: Kind,
    pub(crate) trace: &'c Trace,
}

impl<'de> DeserializeSeed<'de> for FieldSeed<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FieldSeed<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(expected(self.kind))
    }

    fn visit_unit<E: Error>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value<'de>, E> {
        match self.kind {
            Kind::Bool => Ok(Value::Bool(value)),
            _ => Err(E::invalid_type(Unexpected::Bool(value), &self)),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value<'de>, E> {
        match (self.kind, i64::try_from(value)) {
            (Kind::Id, _) => Ok(Value::Text(Cow::Owned(value.to_string()))),
            (Kind::Count, Ok(value)) => Ok(Value::Int(value)),
            (Kind::Hundredths, Ok(value)) if value <= i64::MAX / 100 => Ok(Value::Int(value * 100)),
            (Kind::Count | Kind::Hundredths, _) => Err(self.out_of_range(value)),
            _ => Err(E::invalid_type(Unexpected::Unsigned(value), &self)),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value<'de>, E> {
        match self.kind {
            Kind::Id => Ok(Value::Text(Cow::Owned(value.to_string()))),
            Kind::Hundredths if value >= i64::MIN / 100 => Ok(Value::Int(value * 100)),
            Kind::Count | Kind::Hundredths => Err(self.out_of_range(value)),
            _ => Err(E::invalid_type(Unexpected::Signed(value), &self)),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value<'de>, E> {
        match self.kind {
            _ if !in_range(value) => Err(self.out_of_range(format_args!("{value:e}"))),
            Kind::Hundredths => hundredths(value).map(Value::Int).ok_or_else(|| self.out_of_range(value)),
            Kind::Count if value >= 0.0 && value.fract() == 0.0 && value < 2f64.powi(53) => {
                Ok(Value::Int(value as i64))
            }
            _ => Err(E::invalid_type(Unexpected::Float(value), &self)),
        }
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Value<'de>, E> {
        self.text(Cow::Borrowed(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value<'de>, E> {
        if has_nul(value) {
            return Err(self.trace.fail(Reason::NulInString, "a string holds u+0000"));
        }
        self.text(Cow::Owned(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value<'de>, A::Error> {
        let trace = self.trace;
        let element = match self.kind {
            Kind::Texts => Kind::Text,
            Kind::Ids => Kind::Id,
            Kind::People => Kind::Person,
            Kind::Files => return files(trace, items),
            _ => return Err(A::Error::invalid_type(Unexpected::Seq, &self)),
        };
        let mut texts = Vec::new();
        trace.index.set(Some(0));
        while let Some(value) = items.next_element_seed(FieldSeed { kind: element, trace })? {
            texts.push(match value {
                Value::Text(text) => text,
                Value::Person(person) => person.text,
                _ => return Err(trace.fail(Reason::BadField, "a list holds null")),
            });
            trace.index.set(Some(texts.len()));
        }
        trace.index.set(None);
        Ok(Value::Texts(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Value<'de>, A::Error> {
        match self.kind {
            Kind::Person => person(self.trace, members).map(|person| Value::Person(Box::new(person))),
            Kind::Json => {
                let mut out = String::new();
                Canonical { trace: self.trace, out: &mut out, depth: FIELD_DEPTH }.visit_map(members)?;
                Ok(Value::Text(Cow::Owned(out)))
            }
            _ => Err(A::Error::invalid_type(Unexpected::Map, &self)),
        }
    }
}

impl FieldSeed<'_> {
    #[inline]
    fn text<'de, E: Error>(self, text: Cow<'de, str>) -> Result<Value<'de>, E> {
        let time = |value: Option<Value<'de>>| {
            value.ok_or_else(|| {
                let expected = expected(self.kind);
                self.trace.fail(Reason::BadTime, format_args!("`{}` is not {expected}", clip(&text)))
            })
        };
        match self.kind {
            Kind::Text => Ok(Value::Text(text)),
            Kind::Id | Kind::Person if text.is_empty() => {
                Err(self.trace.fail(Reason::BadField, "an empty string"))
            }
            Kind::Id => Ok(Value::Text(text)),
            Kind::Person => Ok(Value::Text(named(text))),
            Kind::Choice(choices) => match choices.iter().find(|choice| **choice == text) {
                Some(choice) => Ok(Value::Text(Cow::Borrowed(choice))),
                None => {
                    let message = format_args!("`{}` must be one of {}", clip(&text), choices.join(", "));
                    Err(self.trace.fail(Reason::BadField, message))
                }
            },
            Kind::Date => time(time::parse_date(&text).map(Value::Date)),
            Kind::Time => time(time::parse_time(&text).map(Value::Time)),
            Kind::Moment => time(time::parse_moment(&text).map(Value::Time)),
            _ => Err(E::invalid_type(Unexpected::Other("string"), &self)),
        }
    }

    #[cold]
    fn out_of_range<E: Error>(&self, found: impl fmt::Display) -> E {
        self.trace.fail(
            Reason::NumberOutOfRange,
            format_args!("{found} does not fit, expected {}", expected(self.kind)),
        )
    }
}

/// What a field of this kind may be, as a noun phrase.
pub(crate) fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "a string",
        Kind::Id => "a non-empty string or an integer",
        Kind::Choice(_) => "one of a few strings",
        Kind::Person | Kind::PersonPart(_) => "a person: a string or an object with name, email, login",
        Kind::Texts => "an array of strings",
        Kind::Ids => "an array of non-empty strings or integers",
        Kind::People => "an array of people",
        Kind::Bool => "true or false",
        Kind::Count => "an integer from 0 to 2^63 - 1",
        Kind::Hundredths => "a number",
        Kind::Date => "a date as YYYY-MM-DD",
        Kind::Time => "an RFC 3339 time",
        Kind::Moment => "an RFC 3339 time, or a date as YYYY-MM-DD",
        Kind::Json => "an object",
        Kind::Files => "an array of files",
    }
}

fn person<'de, A: MapAccess<'de>>(trace: &Trace, mut members: A) -> Result<Person<'de>, A::Error> {
    const NAMES: [&str; 3] = ["name", "email", "login"];
    let mut parts = [Value::Absent, Value::Absent, Value::Absent];
    while let Some(key) = members.next_key_seed(KeySeed { trace })? {
        match NAMES.iter().position(|name| *name == key) {
            None => canonical::keep(trace, &trace.path(&key), FIELD_DEPTH + 1, &mut members)?,
            Some(part) if parts[part] != Value::Absent => return Err(trace.duplicate(&key)),
            Some(part) => parts[part] = members.next_value_seed(FieldSeed { kind: Kind::Text, trace })?,
        }
    }
    let [name, email, login] = parts.map(|part| match part {
        Value::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    });
    let text = login.clone().or_else(|| email.clone().map(address)).or_else(|| name.clone());
    let text = text.ok_or_else(|| trace.fail(Reason::BadField, "a person without name, email or login"))?;
    Ok(Person { text, name, email, login })
}

fn files<'de, A: SeqAccess<'de>>(trace: &Trace, mut items: A) -> Result<Value<'de>, A::Error> {
    let mut files = Vec::new();
    trace.index.set(Some(0));
    while let Some(file) = items.next_element_seed(FileSeed { trace })? {
        files.push(file);
        trace.index.set(Some(files.len()));
    }
    trace.index.set(None);
    Ok(Value::Files(files))
}

/// Reads one file of a commit.
struct FileSeed<'c> {
    trace: &'c Trace,
}

/// The members of a file and what they may be.
pub(crate) const FILE_MEMBERS: [(&str, Kind); 5] = [
    ("path", Kind::Id),
    ("old_path", Kind::Id),
    ("change", Kind::Choice(&FILE_CHANGES)),
    ("additions", Kind::Count),
    ("deletions", Kind::Count),
];

impl<'de> DeserializeSeed<'de> for FileSeed<'_> {
    type Value = FileChange<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<FileChange<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FileSeed<'_> {
    type Value = FileChange<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file: an object with path and change")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<FileChange<'de>, A::Error> {
        let trace = self.trace;
        let mut values = [Value::Absent, Value::Absent, Value::Absent, Value::Absent, Value::Absent];
        while let Some(key) = members.next_key_seed(KeySeed { trace })? {
            match FILE_MEMBERS.iter().position(|(name, _)| *name == key) {
                None => canonical::keep(trace, &trace.path(&key), FIELD_DEPTH + 2, &mut members)?,
                Some(at) if values[at] != Value::Absent => return Err(trace.duplicate(&key)),
                Some(at) => {
                    values[at] = members.next_value_seed(FieldSeed { kind: FILE_MEMBERS[at].1, trace })?
                }
            }
        }
        let [path, old_path, change, additions, deletions] = values;
        let (Value::Text(path), Value::Text(change)) = (path, change) else {
            return Err(trace.fail(Reason::BadField, "a file without path or change"));
        };
        let old_path = if let Value::Text(text) = old_path { Some(text) } else { None };
        Ok(FileChange {
            path,
            old_path,
            change,
            additions: additions.as_int(),
            deletions: deletions.as_int(),
        })
    }
}

/// `value` times 100, rounded half away from zero as a decimal; `None` past what hundredths can hold.
fn hundredths(value: f64) -> Option<i64> {
    if value.abs() >= 1e15 {
        return None;
    }
    // The shortest decimal that reads back as `value` is what the producer wrote: 1.005 is 100.5 hundredths,
    // though the nearest binary fraction lies below it.
    let text = value.abs().to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digit = |at: usize| fraction.as_bytes().get(at).map_or(0, |digit| i64::from(digit - b'0'));
    let rounded = whole.parse::<i64>().ok()? * 100 + digit(0) * 10 + digit(1) + i64::from(digit(2) >= 5);
    Some(if value.is_sign_negative() { -rounded } else { rounded })
}

/// What the hosts of such addresses begin with.
const NOREPLY: &str = "users.noreply.";

fn is_email(text: &str) -> bool {
    text.bytes().any(|byte| byte == b'@') && !text.bytes().any(|byte| byte == b' ')
}

/// What rows call the person whom a string names: an e-mail address in lower case, or the login in the address
/// that a forge gives to people who hide theirs; anything else as it is.
pub fn person_name(text: &str) -> Cow<'_, str> {
    named(Cow::Borrowed(text))
}

fn named(text: Cow<'_, str>) -> Cow<'_, str> {
    if is_email(&text) { address(text) } else { text }
}

fn address(text: Cow<'_, str>) -> Cow<'_, str> {
    let Some(login) = noreply_login(&text) else { return lower(text) };
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[login]),
        Cow::Owned(text) => Cow::Owned(text[login].to_owned()),
    }
}

/// Where the login stands in `123+login@users.noreply.github.com`, in the older form without the number, and in
/// `123-login@users.noreply.gitlab.example`.
fn noreply_login(address: &str) -> Option<Range<usize>> {
    let at = address.find('@')?;
    let host = &address[at + 1..];
    if !host.get(..NOREPLY.len()).is_some_and(|start| start.eq_ignore_ascii_case(NOREPLY)) {
        return None;
    }
    let mark = if host[NOREPLY.len()..].eq_ignore_ascii_case("github.com") { '+' } else { '-' };
    let start = match address[..at].split_once(mark) {
        Some((number, _)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
            number.len() + 1
        }
        Some(_) | None => 0,
    };
    (start < at).then_some(start..at)
}

fn lower(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.chars().any(char::is_uppercase) { Cow::Owned(text.to_lowercase()) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_hide_people_give_their_login() {
        for (text, name) in [
            ("583231+octocat@users.noreply.github.com", "octocat"),
            ("octocat@users.noreply.github.com", "octocat"),
            ("49699333+dependabot[bot]@Users.NoReply.GitHub.com", "dependabot[bot]"),
            ("12-ada@users.noreply.github.com", "12-ada"),
            ("8123-ada.l@users.noreply.gitlab.com", "ada.l"),
            ("8123-ada@users.noreply.git.acme.example", "ada"),
            ("Ada@Acme.Example", "ada@acme.example"),
            ("noreply@github.com", "noreply@github.com"),
            ("7+@users.noreply.github.com", "7+@users.noreply.github.com"),
            ("@users.noreply.github.com", "@users.noreply.github.com"),
            ("Ada Lovelace", "Ada Lovelace"),
        ] {
            assert_eq!(person_name(text), name, "{text}");
        }
    }

    #[test]
    fn hundredths_round_half_away_from_zero_as_decimals() {
        for (value, expected) in [
            (0.0, 0),
            (3.5, 350),
            (1.005, 101),
            (-1.005, -101),
            (2.675, 268),
            (0.004, 0),
            (0.125, 13),
            (1e14, 10_000_000_000_000_000),
        ] {
            assert_eq!(hundredths(value), Some(expected), "{value}");
        }
        assert_eq!(hundredths(1e15), None);
    }
}
