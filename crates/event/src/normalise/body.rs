//! Reading a vendor's JSON: members by path, typed, with a reject that names the path.
//!
//! Invariant: a member that is absent or null is `None`, one of the wrong type is a reject, and only the
//! `need_` functions insist. A time comes out in one spelling, RFC 3339 in UTC, whatever the vendor's.
//! Deliberately absent: any vendor's names.

use serde_json::{Map, Value, json};

use crate::canonical;
use crate::clean::clean_json;
use crate::decode;
use crate::hash::key_hash;
use crate::reject::{Reason, Reject};
use crate::time::{self, parse_time};
use crate::trace::{Trace, clip};

/// As deep as serde_json follows before it gives up. Documents inside tickets nest more than our events.
const DEPTH_MAX: usize = 127;

/// From this number on a count since 1970 is one of milliseconds: as seconds it would be the year 5138.
const MILLISECONDS_MIN: i64 = 100_000_000_000;

/// The body as an object, and how many characters it had that no text may hold.
pub(super) fn parse(bytes: &[u8]) -> Result<(Value, u64), Reject> {
    if bytes.is_empty() {
        return Err(Reject::new(Reason::EmptyValue, "the body has no bytes"));
    }
    let (text, cleaned) = clean_json(decode::text(bytes)?);
    let text = &*text;
    let value: Value =
        serde_json::from_str(text).map_err(|error| Trace::new(DEPTH_MAX).reject(&error, text))?;
    if !value.is_object() {
        return Err(Reject::new(
            Reason::NotAnEvent,
            format!("the body is {}, expected an object", type_name(&value)),
        ));
    }
    Ok((value, cleaned))
}

/// The member at a path of names with dots between; `None` where it, or something on the way, is absent
/// or null.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| value.get(name)).filter(|value| !value.is_null())
}

/// Whether the member is there and says null: the vendor knows that there is none.
pub(super) fn is_null(value: &Value, path: &str) -> bool {
    path.split('.').try_fold(value, |value, name| value.get(name)).is_some_and(Value::is_null)
}

pub(super) fn need<'a>(value: &'a Value, path: &str) -> Result<&'a Value, Reject> {
    at(value, path).ok_or_else(|| missing(path))
}

/// An object that must be there.
pub(super) fn need_object<'a>(value: &'a Value, path: &str) -> Result<&'a Value, Reject> {
    let member = need(value, path)?;
    if member.is_object() { Ok(member) } else { Err(wrong(path, member, "an object")) }
}

pub(super) fn text<'a>(value: &'a Value, path: &str) -> Result<Option<&'a str>, Reject> {
    at(value, path).map(|member| member.as_str().ok_or_else(|| wrong(path, member, "a string"))).transpose()
}

/// A text that must be there and hold something.
pub(super) fn need_text<'a>(value: &'a Value, path: &str) -> Result<&'a str, Reject> {
    text(value, path)?.filter(|text| !text.is_empty()).ok_or_else(|| missing(path))
}

/// An id: a string, or an integer as its digits. An empty string is no id.
pub(super) fn id(value: &Value, path: &str) -> Result<Option<String>, Reject> {
    match at(value, path) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(Value::Number(number)) if !number.is_f64() => Ok(Some(number.to_string())),
        Some(member) => Err(wrong(path, member, "a string or an integer")),
    }
}

pub(super) fn need_id(value: &Value, path: &str) -> Result<String, Reject> {
    id(value, path)?.ok_or_else(|| missing(path))
}

pub(super) fn flag(value: &Value, path: &str) -> Result<Option<bool>, Reject> {
    at(value, path)
        .map(|member| member.as_bool().ok_or_else(|| wrong(path, member, "true or false")))
        .transpose()
}

/// A whole number that is not negative.
pub(super) fn count(value: &Value, path: &str) -> Result<Option<u64>, Reject> {
    at(value, path)
        .map(|member| member.as_u64().ok_or_else(|| wrong(path, member, "a whole number")))
        .transpose()
}

pub(super) fn list<'a>(value: &'a Value, path: &str) -> Result<Option<&'a [Value]>, Reject> {
    at(value, path)
        .map(|member| member.as_array().map(Vec::as_slice).ok_or_else(|| wrong(path, member, "an array")))
        .transpose()
}

/// A time as RFC 3339 in UTC.
pub(super) fn moment(value: &Value, path: &str) -> Result<Option<String>, Reject> {
    let Some(member) = at(value, path) else { return Ok(None) };
    let us = match member {
        Value::String(text) => time_us(text),
        Value::Number(number) => number.as_i64().and_then(epoch_us),
        _ => None,
    };
    match us.and_then(rfc3339) {
        Some(text) => Ok(Some(text)),
        None => Err(Reject::new(
            Reason::BadTime,
            format!("`{path}` is {}, expected a time", clip(&member.to_string())),
        )),
    }
}

/// When a fact happened, and what tells it from other facts of its kind in an id.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct When {
    pub(super) time: String,
    /// The time, where the body tells it; else a digest of the body, so that the id is the same
    /// whenever the body is received.
    pub(super) tag: String,
}

/// The time that the body tells, else when it was received.
pub(super) fn when(told: Option<String>, received_us: i64, body: &Value) -> Result<When, Reject> {
    if let Some(time) = told {
        return Ok(When { tag: time.clone(), time });
    }
    match (received_us >= 0).then(|| rfc3339(received_us)).flatten() {
        Some(time) => Ok(When { time, tag: digest(body) }),
        None => Err(Reject::new(Reason::BadTime, "the body has no time, and its time of arrival is unknown")),
    }
}

/// Names content in an id, whatever the order of its members.
pub(super) fn digest(value: &Value) -> String {
    format!("{:016x}", key_hash(&[&canonical_text(value)]))
}

fn canonical_text(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical_text).collect::<Vec<_>>().join(","))
        }
        Value::Object(members) => {
            let mut members: Vec<_> =
                members.iter().map(|(name, value)| (name.as_str(), canonical_text(value))).collect();
            canonical::object(&mut members).expect("a map names a member once")
        }
        value => value.to_string(),
    }
}

/// A person as our events name one; `None` when nothing tells who it is. Empty texts are left out.
pub(super) fn person(name: Option<&str>, email: Option<&str>, login: Option<&str>) -> Option<Value> {
    let parts = [("name", name), ("email", email), ("login", login)];
    let members: Map<String, Value> = parts
        .into_iter()
        .filter_map(|(part, text)| Some((part.to_owned(), json!(text?.trim()))))
        .filter(|(_, text)| *text != "")
        .collect();
    (!members.is_empty()).then_some(Value::Object(members))
}

/// Microseconds UTC of a time as tools write it: RFC 3339, the offset with or without its colon, `UTC`
/// for `Z`, a space for `T`, spaces before the offset; or a number of seconds or milliseconds.
pub(super) fn time_us(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(us) = parse_time(text) {
        return Some(us);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return epoch_us(text.parse().ok()?);
    }
    if let Some(clock) = text.strip_suffix("UTC") {
        return parse_time(&format!("{}Z", clock.trim_end()));
    }
    let sign = text.rfind(['+', '-']).filter(|&at| at > "YYYY-MM-DD".len())?;
    let (clock, offset) = text.split_at(sign);
    let (hours, minutes) = offset.split_at_checked(3)?;
    parse_time(&format!("{}{hours}:{}", clock.trim_end(), minutes.trim_start_matches(':')))
}

/// Microseconds of a count of seconds or milliseconds since 1970.
pub(super) fn epoch_us(count: i64) -> Option<i64> {
    if count < 0 {
        return None;
    }
    let us = count.checked_mul(if count < MILLISECONDS_MIN { 1_000_000 } else { 1_000 })?;
    (us <= time::MAX_US).then_some(us)
}

/// RFC 3339 in UTC, without a fraction that is zero; `None` before the year 1 and after 9999.
pub(super) fn rfc3339(us: i64) -> Option<String> {
    if !(time::MIN_US..=time::MAX_US).contains(&us) {
        return None;
    }
    let (second, fraction) = (us.div_euclid(1_000_000), us.rem_euclid(1_000_000));
    let (year, month, day) = civil(second.div_euclid(86_400));
    let clock = second.rem_euclid(86_400);
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z"))
}

/// Year, month and day of a count of days since 1970, in the calendar that [`parse_time`] reads.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years of this count begin in March, so that the leap day is the last of its year.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cold]
pub(super) fn missing(path: &str) -> Reject {
    Reject::new(Reason::MissingField, format!("the body has no `{path}`"))
}

#[cold]
pub(super) fn wrong(path: &str, found: &Value, expected: &str) -> Reject {
    Reject::new(Reason::BadField, format!("`{path}` is {}, expected {expected}", type_name(found)))
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn times_have_one_spelling() {
        for (given, expected) in [
            ("\"2026-03-02T09:14:00Z\"", "2026-03-02T09:14:00Z"),
            ("\"2026-03-02T09:14:00.500+01:00\"", "2026-03-02T08:14:00.500000Z"),
            ("\"2026-03-02T09:14:00.000+0100\"", "2026-03-02T08:14:00Z"),
            ("\"2026-03-02 09:14:00 UTC\"", "2026-03-02T09:14:00Z"),
            ("\"2026-03-02 09:14:00 -0500\"", "2026-03-02T14:14:00Z"),
            ("1772442840", "2026-03-02T09:14:00Z"),
            ("1772442840123", "2026-03-02T09:14:00.123000Z"),
            ("\"1772442840\"", "2026-03-02T09:14:00Z"),
        ] {
            let body: Value = serde_json::from_str(&format!("{{\"at\":{given}}}")).unwrap();
            assert_eq!(moment(&body, "at"), Ok(Some(expected.to_owned())), "{given}");
        }
        for given in
            ["\"\"", "\"soon\"", "-1", "1.5", "[]", "\"2026-02-30T00:00:00Z\"", "\"-+\"", "\"2026-03-02 +é\""]
        {
            let body: Value = serde_json::from_str(&format!("{{\"at\":{given}}}")).unwrap();
            assert_eq!(moment(&body, "at").unwrap_err().reason, Reason::BadTime, "{given}");
        }
        assert_eq!(moment(&json!({"at": null}), "at"), Ok(None));
    }

    #[test]
    fn times_are_written_as_chrono_writes_them() {
        // A step of some weeks and odd seconds meets every month, leap years and the ends of centuries.
        let mut us = time::MIN_US;
        while us < time::MAX_US {
            let text = rfc3339(us).unwrap();
            assert_eq!(DateTime::parse_from_rfc3339(&text).unwrap().timestamp_micros(), us, "{text}");
            assert_eq!(parse_time(&text), Some(us), "{text}");
            us += 1_987_654_321_000;
        }
        assert_eq!(rfc3339(time::MAX_US + 1), None);
    }

    #[test]
    fn members_are_read_by_path_and_type() {
        let body = json!({"a": {"b": 7, "c": null, "d": ""}});
        assert_eq!(id(&body, "a.b"), Ok(Some("7".to_owned())));
        assert_eq!((at(&body, "a.c"), is_null(&body, "a.c"), is_null(&body, "a.x")), (None, true, false));
        assert_eq!(need_id(&body, "a.d").unwrap_err().reason, Reason::MissingField);
        assert_eq!(
            text(&body, "a.b").unwrap_err(),
            Reject::new(Reason::BadField, "`a.b` is a number, expected a string")
        );
        assert_eq!(person(Some(" Ada "), Some(""), None), Some(json!({"name": "Ada"})));
        assert_eq!(person(None, None, Some(" ")), None);
    }
}
