//! Texts as a reader could come to see them, for finding names that are written in another way.
//!
//! Invariant: [`json`] reads what has one meaning only; [`through`] gives all that escapes stand for.
//! Deliberately absent: ciphers, archives and base64.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The JSON value of a text; `None` for what is none, and for an object that names a member twice: readers disagree on
/// what that says.
pub fn json(text: &str) -> Option<Value> {
    serde_json::from_str::<Plain>(text).ok().map(|plain| plain.0)
}

/// What bytes that are not UTF-8 may say: most of it, and each byte as a character.
pub fn readings(bytes: &[u8]) -> [String; 2] {
    [String::from_utf8_lossy(bytes).into_owned(), bytes.iter().copied().map(char::from).collect()]
}

/// The text with the characters that `\u0061`, `\x61` and `%61` stand for, however often backslashes were doubled, and
/// without the zeros of wide characters.
pub fn through(text: &str) -> String {
    let text = text.replace('\0', "");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(['\\', '%']) {
        out.push_str(&rest[..at]);
        let from = &rest[at..];
        match escape(from) {
            Some((character, length)) => {
                out.push(character);
                rest = &from[length..];
            }
            None => {
                out.push_str(&from[..1]);
                rest = &from[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The character of an escape at the start of a text, and how long the escape is.
fn escape(text: &str) -> Option<(char, usize)> {
    let marked = text.trim_start_matches('\\');
    let slashes = text.len() - marked.len();
    let (mark, digits) = match (slashes, marked.as_bytes().first()?) {
        (0, b'%') => (1, 2),
        (1.., b'x') => (1, 2),
        (1.., b'u') => (1, 4),
        _ => return None,
    };
    let hex = marked.get(mark..mark + digits)?;
    let code =
        u32::from_str_radix(hex, 16).ok().filter(|_| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some((char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), slashes + mark + digits))
}

/// A JSON value whose objects name each member once.
struct Plain(Value);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Plain, D::Error> {
        deserializer.deserialize_any(Reading).map(Plain)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON that names each member once")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Plain(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(all.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let Plain(value) = members.next_value()?;
            if all.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is named twice"));
            }
        }
        Ok(all.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_seen_through() {
        for (text, expect) in [
            ("plain", "plain"),
            (r"\u0061da", "ada"),
            (r"\\\\u0061d\x61", "ada"),
            ("%61da %zz %", "ada %zz %"),
            (r"\n \u12 \ud800x", "\\n \\u12 \u{fffd}x"),
            ("%é", "%é"),
            ("a\0d\0a\0", "ada"),
        ] {
            assert_eq!(through(text), expect, "{text}");
        }
    }

    #[test]
    fn json_has_one_meaning() {
        for text in [r#"{"a":[1,-2,0.5,true,null,"x"],"b":{"a":1}}"#, "3"] {
            assert_eq!(json(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        }
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":{"b":1,"b":2}}"#, "{", ""] {
            assert!(json(text).is_none(), "{text}");
        }
    }
}
