//! What one decoding keeps beside the event: where it is, why it failed, and the unknown fields.
//!
//! Invariant: a failure with a reason of its own leaves that reason here; serde carries only text.
//! Deliberately absent: state that outlives a record.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};

use crate::reject::Reason;

/// Where in the event the decoder is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Event,
    Attribute(&'static str),
    Data(&'static str),
}

/// The notes of one decoding.
pub(crate) struct Trace {
    pub(crate) depth_max: usize,
    pub(crate) place: Cell<Place>,
    pub(crate) reason: Cell<Option<Reason>>,
    /// Path and canonical value of each unknown data field.
    pub(crate) unknown: RefCell<Vec<(String, String)>>,
    /// The place in a list, while one is read.
    pub(crate) index: Cell<Option<usize>>,
}

impl Trace {
    pub(crate) fn new(depth_max: usize) -> Self {
        Trace {
            depth_max,
            place: Cell::new(Place::Event),
            reason: Cell::new(None),
            unknown: RefCell::default(),
            index: Cell::new(None),
        }
    }

    /// An error for serde to carry, whose reason is kept here.
    #[cold]
    pub(crate) fn fail<E: Error>(&self, reason: Reason, message: impl fmt::Display) -> E {
        self.reason.set(Some(reason));
        E::custom(message)
    }

    #[cold]
    pub(crate) fn duplicate<E: Error>(&self, key: &str) -> E {
        self.fail(Reason::DuplicateKey, format_args!("`{}` is given twice", clip(key)))
    }

    /// Back to the event's own object.
    pub(crate) fn leave(&self) {
        self.place.set(Place::Event);
    }

    /// The path of a member of the object that is being read as the value of a field.
    pub(crate) fn path(&self, member: &str) -> String {
        let Place::Data(field) = self.place.get() else { return member.to_owned() };
        match self.index.get() {
            Some(index) => format!("{field}[{index}].{member}"),
            None => format!("{field}.{member}"),
        }
    }
}

/// How many containers are open around the value of a data field: the event and its data.
pub(crate) const FIELD_DEPTH: usize = 2;

/// Reads the name of an object's member, borrowed where it has no escapes.
#[derive(Clone, Copy)]
pub(crate) struct KeySeed<'c> {
    pub(crate) trace: &'c Trace,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed<'_> {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Cow<'de, str>, E> {
        if has_nul(value) {
            return Err(self.trace.fail(Reason::NulInString, "a key holds u+0000"));
        }
        Ok(Cow::Owned(value.to_owned()))
    }
}

/// Only strings with escapes can hold U+0000: JSON forbids it in the open.
pub(crate) fn has_nul(text: &str) -> bool {
    text.as_bytes().contains(&0)
}

/// The start of a text from a record, short enough for a message.
pub(crate) fn clip(text: &str) -> &str {
    text.char_indices().nth(60).map_or(text, |(end, _)| &text[..end])
}
