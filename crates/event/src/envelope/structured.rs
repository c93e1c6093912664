//! Structured mode: the whole event is one JSON object.
//!
//! Invariant: `data` is read in place when the type came before it, and after the envelope when not.
//! Deliberately absent: rules about single attributes; `Envelope::set` holds them for both modes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::{Attribute, Data, DataSeed, Envelope, RawValue, Reason, Reject, Scalar, Trace, has_nul};
use crate::canonical::in_range;
use crate::trace::{KeySeed, Place};

/// Reads the event of `text` into `draft`.
pub(super) fn read<'a>(text: &'a str, trace: &Trace, draft: &mut Envelope<'a>) -> Result<(), Reject> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = EventSeed { trace, draft }.deserialize(&mut deserializer).and_then(|()| {
        trace.leave();
        deserializer.end()
    });
    read.map_err(|error| trace.reject(&error, text))
}

struct EventSeed<'c, 'de> {
    trace: &'c Trace,
    draft: &'c mut Envelope<'de>,
}

impl<'de> DeserializeSeed<'de> for EventSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for EventSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a CloudEvents object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let EventSeed { trace, draft } = self;
        let mut seen = 0u16;
        let mut extensions: Vec<Cow<'de, str>> = Vec::new();
        while let Some(key) = members.next_key_seed(KeySeed { trace })? {
            if let Some(attribute) = Attribute::of(&key) {
                trace.place.set(Place::Attribute(attribute.name()));
                if seen & 1 << attribute as u16 != 0 {
                    return Err(trace.duplicate(&key));
                }
                seen |= 1 << attribute as u16;
                let scalar = members.next_value_seed(ScalarSeed { trace })?;
                draft.set(attribute, scalar).map_err(|reject| trace.fail(reject.reason, reject.detail))?;
            } else if key == "data" {
                if !matches!(draft.data, Data::Absent) {
                    return Err(trace.duplicate(&key));
                }
                read_data(trace, draft, &mut members)?;
            } else {
                trace.place.set(Place::Attribute("extension"));
                let scalar = members.next_value_seed(ScalarSeed { trace })?;
                match scalar {
                    Scalar::Null => {}
                    Scalar::Text(text) if key == "data_base64" => {
                        if !matches!(draft.data, Data::Absent) {
                            return Err(trace.duplicate("data"));
                        }
                        draft.data = Data::Base64(text);
                    }
                    _ if key == "data_base64" => {
                        return Err(trace.fail(Reason::BadAttribute, "`data_base64` is not a string"));
                    }
                    _ => {}
                }
                extensions.push(key);
            }
            trace.leave();
        }
        extensions.sort_unstable();
        match extensions.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(trace.duplicate(&pair[0])),
            None => Ok(()),
        }
    }
}

fn read_data<'de, A: MapAccess<'de>>(
    trace: &Trace,
    draft: &mut Envelope<'de>,
    members: &mut A,
) -> Result<(), A::Error> {
    match (draft.kind, &draft.type_) {
        (Some(kind), _) => {
            members.next_value_seed(DataSeed { entity: kind.entity, trace, values: &mut draft.values })?;
            draft.data = Data::Read;
        }
        (None, Some(_)) => {
            members.next_value::<IgnoredAny>()?;
            draft.data = Data::Skipped;
        }
        (None, None) => draft.data = Data::Text(members.next_value::<&RawValue>()?.get()),
    }
    Ok(())
}

/// Reads the value of an attribute.
struct ScalarSeed<'c> {
    trace: &'c Trace,
}

impl<'de> DeserializeSeed<'de> for ScalarSeed<'_> {
    type Value = Scalar<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Scalar<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ScalarSeed<'_> {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_unit<E: Error>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Bool)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Int(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Scalar<'de>, E> {
        match i64::try_from(value) {
            Ok(value) => Ok(Scalar::Int(value)),
            Err(_) => {
                Err(self.trace.fail(Reason::NumberOutOfRange, format_args!("{value} is over 2^63 - 1")))
            }
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Scalar<'de>, E> {
        let reason = if in_range(value) { Reason::BadAttribute } else { Reason::NumberOutOfRange };
        Err(self.trace.fail(reason, format_args!("{value:e} is no 64-bit integer")))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Scalar<'de>, E> {
        if has_nul(value) {
            return Err(self.trace.fail(Reason::NulInString, "a string holds u+0000"));
        }
        Ok(Scalar::Text(Cow::Owned(value.to_owned())))
    }
}
