//! The `data` object of an event: known fields into their slots, unknown ones kept as text.
//!
//! Invariant: a slot is written once; afterwards the fields that a type needs are there.
//! Deliberately absent: the attributes around the data (`envelope`).

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};

use crate::canonical;
use crate::model::{Entity, EventType, SLOTS, fields, slot_of};
use crate::reject::{Reason, Reject};
use crate::trace::{FIELD_DEPTH, KeySeed, Place, Trace};
use crate::value::{FieldSeed, Value};

/// One value for each field of a table.
pub(crate) type Values<'a> = [Value<'a>; SLOTS];

/// Reads a `data` object about `entity` into `values`.
pub(crate) struct DataSeed<'c, 'de> {
    pub(crate) entity: Entity,
    pub(crate) trace: &'c Trace,
    pub(crate) values: &'c mut Values<'de>,
}

impl<'de> DeserializeSeed<'de> for DataSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.trace.place.set(Place::Data("data"));
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for DataSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a data object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let DataSeed { entity, trace, values } = self;
        let fields = fields(entity.table());
        while let Some(key) = members.next_key_seed(KeySeed { trace })? {
            let Some(slot) = slot_of(entity, &key) else {
                canonical::keep(trace, &key, FIELD_DEPTH, &mut members)?;
                continue;
            };
            let field = &fields[slot];
            trace.place.set(Place::Data(field.name));
            if !matches!(values[slot], Value::Absent) {
                return Err(trace.duplicate(&key));
            }
            values[slot] = members.next_value_seed(FieldSeed { kind: field.kind, trace })?;
            trace.place.set(Place::Data("data"));
        }
        Ok(())
    }
}

/// Refuses an event without the fields that its type needs.
pub(crate) fn require(kind: &EventType, values: &Values<'_>) -> Result<(), Reject> {
    let given = |name: &str| slot_of(kind.entity, name).is_some_and(|slot| values[slot].is_given());
    if let Some(name) = kind.required.iter().find(|name| !given(name)) {
        return Err(Reject::new(Reason::MissingField, format!("{} needs `{name}` in its data", kind.name)));
    }
    if !kind.one_of.is_empty() && !kind.one_of.iter().any(|name| given(name)) {
        let names = kind.one_of.join("` or `");
        return Err(Reject::new(Reason::MissingField, format!("{} needs `{names}` in its data", kind.name)));
    }
    Ok(())
}

/// Fills in what a commit's files tell where the commit itself does not.
pub(crate) fn complete(entity: Entity, values: &mut Values<'_>) {
    if entity != Entity::Commit {
        return;
    }
    let slot = |name| slot_of(entity, name).expect("commits have the fields of the contract");
    let files = values[slot("files")].as_files().unwrap_or_default();
    let sum = |lines: &mut dyn Iterator<Item = Option<i64>>| lines.flatten().fold(0, i64::saturating_add);
    let totals = [
        ("additions", sum(&mut files.iter().map(|file| file.additions))),
        ("deletions", sum(&mut files.iter().map(|file| file.deletions))),
        ("changed_files", files.len() as i64),
    ];
    for (name, total) in totals {
        let value = &mut values[slot(name)];
        if !value.is_given() {
            *value = Value::Int(total);
        }
    }
}
