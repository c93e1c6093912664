//! JSON of any shape, as canonical text: no whitespace, keys sorted by their bytes, one spelling of each number.
//!
//! Invariant: two texts of one JSON value give the same canonical text. Nesting is bounded, no object
//! names a key twice, no string holds U+0000, and numbers lie between -2^63 and 2^64 - 1.
//! Deliberately absent: a tree of values. Only unknown fields and free-form objects come this way.

use std::borrow::Cow;
use std::fmt::{self, Write};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::reject::Reason;
use crate::trace::{KeySeed, Trace, has_nul};

/// Appends the canonical text of the next value to `out`.
pub(crate) struct Canonical<'c> {
    pub(crate) trace: &'c Trace,
    pub(crate) out: &'c mut String,
    /// How many containers are open around the value.
    pub(crate) depth: usize,
}

/// Reads the value of an unknown field and keeps it in `trace`. `depth` is how many containers are open around it.
pub(crate) fn keep<'de, A: MapAccess<'de>>(
    trace: &Trace,
    name: &str,
    depth: usize,
    members: &mut A,
) -> Result<(), A::Error> {
    let mut text = String::new();
    members.next_value_seed(Canonical { trace, out: &mut text, depth })?;
    trace.unknown.borrow_mut().push((name.to_owned(), text));
    Ok(())
}

/// Whether a JSON number that is no 64-bit integer may still be meant as written.
pub(crate) fn in_range(value: f64) -> bool {
    value > -(2f64.powi(63)) && value < 2f64.powi(64)
}

impl Canonical<'_> {
    fn nested<E: Error>(&mut self) -> Result<usize, E> {
        if self.depth >= self.trace.depth_max {
            let message =
                format_args!("more than {} arrays and objects inside each other", self.trace.depth_max);
            return Err(self.trace.fail(Reason::TooDeep, message));
        }
        Ok(self.depth + 1)
    }

    fn print<E: Error>(self, value: impl fmt::Display) -> Result<(), E> {
        write!(self.out, "{value}").map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Canonical<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Canonical<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any json value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.print("null")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.print(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.print(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.print(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        if !in_range(value) {
            return Err(self
                .trace
                .fail(Reason::NumberOutOfRange, format_args!("{value:e} does not fit 64 bits")));
        }
        self.print(serde_json::Number::from_f64(value).ok_or_else(|| E::custom("a number is finite"))?)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        if has_nul(value) {
            return Err(self.trace.fail(Reason::NulInString, "a string holds u+0000"));
        }
        quote(self.out, value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let depth = self.nested()?;
        let Canonical { trace, out, .. } = self;
        out.push('[');
        let mut start = out.len();
        while items.next_element_seed(Canonical { trace, out, depth })?.is_some() {
            start = out.len();
            out.push(',');
        }
        // The comma after the last item, if there was one.
        if out.len() > start {
            out.truncate(start);
        }
        out.push(']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let depth = self.nested()?;
        let Canonical { trace, out, .. } = self;
        let mut entries: Vec<(Cow<'de, str>, String)> = Vec::new();
        while let Some(key) = members.next_key_seed(KeySeed { trace })? {
            let mut text = String::new();
            members.next_value_seed(Canonical { trace, out: &mut text, depth })?;
            entries.push((key, text));
        }
        match object(&mut entries) {
            Ok(text) => out.push_str(&text),
            Err(key) => return Err(trace.duplicate(&key)),
        }
        Ok(())
    }
}

/// The object of these members, values being canonical already; or the key that is there twice.
pub(crate) fn object<K: AsRef<str> + Ord + Clone>(entries: &mut [(K, String)]) -> Result<String, K> {
    entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    if let Some(pair) = entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(pair[0].0.clone());
    }
    let mut out =
        String::with_capacity(entries.iter().map(|(key, value)| key.as_ref().len() + value.len() + 4).sum());
    out.push('{');
    for (index, (key, value)) in entries.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        quote(&mut out, key.as_ref());
        out.push(':');
        out.push_str(value);
    }
    out.push('}');
    Ok(out)
}

/// Appends `text` as a JSON string.
pub(crate) fn quote(out: &mut String, text: &str) {
    out.push_str(&serde_json::to_string(text).expect("a string is always json"));
}
