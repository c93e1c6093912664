//! `holdings(at, seq, event_id, cleared, list, gone)`: who stood in a list, from when to when.
//!
//! The list follows the rule of [`super::lww`]. Gives a list of structs `person`, `from_at`, `to_at`, in
//! order of (from_at, person): a stay begins with the first event whose list holds the person and ends
//! with the first later one whose list does not, or that is `gone` (the thing was deleted); `to_at` is NULL
//! while it lasts. A name that stands in one list twice counts once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewBuilder, StructArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::Result;

use super::gathered::{Entry, Sorted, lists};
use super::lww::CLEARED;
use super::types::{check_types, texts, timestamp};

const LIST: usize = 4;
const GONE: usize = 5;

fn item() -> Fields {
    Fields::from(vec![
        Field::new("person", DataType::Utf8View, true),
        Field::new("from_at", timestamp(), true),
        Field::new("to_at", timestamp(), true),
    ])
}

pub(super) fn output(fields: &[FieldRef]) -> Result<DataType> {
    let wanted = [
        ("effective_at", timestamp()),
        ("seq", DataType::Int64),
        ("event_id", DataType::Utf8View),
        ("cleared", texts()),
        ("list", texts()),
        ("gone", DataType::Boolean),
    ];
    check_types("holdings", fields, &wanted)?;
    Ok(DataType::List(Arc::new(Field::new("item", DataType::Struct(item()), true))))
}

struct Stay {
    person: String,
    from: i64,
    to: Option<i64>,
}

pub(super) fn fold(rows: &Sorted, fields: &[FieldRef]) -> Result<ArrayRef> {
    let (mut people, mut from, mut to) = (StringViewBuilder::new(), Vec::new(), Vec::new());
    let mut lengths = Vec::with_capacity(rows.groups);
    for range in rows.ranges() {
        let mut stays = stays(rows, &rows.entries[range], fields[LIST].name());
        stays.sort_by(|a, b| (a.from, &a.person, a.to).cmp(&(b.from, &b.person, b.to)));
        lengths.push(stays.len());
        for stay in stays {
            people.append_value(&stay.person);
            from.push(stay.from);
            to.push(stay.to);
        }
    }
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(people.finish()),
        Arc::new(TimestampMicrosecondArray::from(from).with_timezone("UTC")),
        Arc::new(TimestampMicrosecondArray::from(to).with_timezone("UTC")),
    ];
    let items = StructArray::try_new(item(), arrays, None)?;
    lists(&DataType::Struct(item()), lengths, Arc::new(items))
}

fn stays(rows: &Sorted, entries: &[Entry], name: &str) -> Vec<Stay> {
    let mut done = Vec::new();
    let mut open: BTreeMap<String, i64> = BTreeMap::new();
    for entry in entries {
        let Some(holders) = holders(rows, entry, name) else { continue };
        let names: BTreeSet<&str> =
            holders.iter().flat_map(|list| list.as_string_view().iter().flatten()).collect();
        let left: Vec<String> =
            open.keys().filter(|person| !names.contains(person.as_str())).cloned().collect();
        for person in left {
            let from = open.remove(&person).unwrap_or(entry.at);
            done.push(Stay { person, from, to: Some(entry.at) });
        }
        for name in names {
            if !open.contains_key(name) {
                open.insert(name.to_owned(), entry.at);
            }
        }
    }
    done.extend(open.into_iter().map(|(person, from)| Stay { person, from, to: None }));
    done
}

/// The list after this event: none when the event says nothing, `Some(None)` when nobody is left.
fn holders(rows: &Sorted, entry: &Entry, name: &str) -> Option<Option<ArrayRef>> {
    let batch = &rows.batches[entry.batch as usize];
    let row = entry.row as usize;
    let gone = batch[GONE].as_boolean();
    if gone.is_valid(row) && gone.value(row) {
        return Some(None);
    }
    let cleared = batch[CLEARED].as_list::<i32>();
    if cleared.is_valid(row)
        && cleared.value(row).as_string_view().iter().flatten().any(|field| field == name)
    {
        return Some(None);
    }
    let list = batch[LIST].as_list::<i32>();
    list.is_valid(row).then(|| Some(list.value(row)))
}
