//! `revisions(at, seq, event_id, cleared, a, b, ...)`: how the columns' last values changed over time.
//!
//! Gives a list with one struct for each event that changed the value of at least one column, in event
//! order: `revision` (from 1), `from_at` (of that event), `to_at` (of the next revision; NULL for the last), `event_id`, and the
//! columns as they were after the event. Columns follow the rule of [`super::lww`]. The first event of a key
//! gives a revision even when it sets nothing. A list is compared as it stands, its order included.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, StructArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::Result;

use super::gathered::{EVENT_ID, RowPlace, Sorted, lists};
use super::lww::{Cleared, FIRST, members};
use super::types::timestamp;

fn item(fields: &[FieldRef]) -> Result<Fields> {
    let mut all = vec![
        Field::new("revision", DataType::Int64, true),
        Field::new("from_at", timestamp(), true),
        Field::new("to_at", timestamp(), true),
        Field::new("event_id", DataType::Utf8View, true),
    ];
    all.extend(members("revisions", fields)?);
    Ok(Fields::from(all))
}

pub(super) fn output(fields: &[FieldRef]) -> Result<DataType> {
    Ok(DataType::List(Arc::new(Field::new("item", DataType::Struct(item(fields)?), true))))
}

/// The values of one column in a form that compares fast.
fn comparable(rows: &Sorted, column: usize, data_type: &DataType) -> Result<Vec<Rows>> {
    let converter = RowConverter::new(vec![SortField::new(data_type.clone())])?;
    let convert =
        |batch: &Vec<ArrayRef>| Ok(converter.convert_columns(std::slice::from_ref(&batch[column]))?);
    rows.batches.iter().map(convert).collect()
}

pub(super) fn fold(rows: &Sorted, fields: &[FieldRef]) -> Result<ArrayRef> {
    let item = item(fields)?;
    let columns = fields.len() - FIRST;
    let values =
        (0..columns).map(|column| comparable(rows, FIRST + column, fields[FIRST + column].data_type()));
    let values: Vec<Vec<Rows>> = values.collect::<Result<_>>()?;
    let same = |column: usize, a: Option<RowPlace>, b: Option<RowPlace>| match (a, b) {
        (Some(a), Some(b)) => {
            values[column][a.0 as usize].row(a.1 as usize) == values[column][b.0 as usize].row(b.1 as usize)
        }
        (None, None) => true,
        _ => false,
    };
    let cleared = Cleared::new(rows, fields);
    let (mut from, mut to, mut events): (Vec<i64>, Vec<Option<i64>>, Vec<Option<RowPlace>>) =
        Default::default();
    let mut places: Vec<Vec<Option<RowPlace>>> = vec![Vec::new(); columns];
    let mut lengths = Vec::with_capacity(rows.groups);
    let mut now: Vec<Option<RowPlace>> = vec![None; columns];
    let mut next = now.clone();
    for range in rows.ranges() {
        now.fill(None);
        let start = from.len();
        for entry in &rows.entries[range] {
            let batch = &rows.batches[entry.batch as usize];
            next.copy_from_slice(&now);
            for (column, next) in next.iter_mut().enumerate() {
                if batch[FIRST + column].is_valid(entry.row as usize) {
                    *next = Some(entry.place());
                }
            }
            cleared.each(entry, |column| next[column] = None);
            if from.len() > start && (0..columns).all(|column| same(column, now[column], next[column])) {
                continue;
            }
            if from.len() > start {
                *to.last_mut().expect("there is a revision before this one") = Some(entry.at);
            }
            now.copy_from_slice(&next);
            from.push(entry.at);
            to.push(None);
            events.push(Some(entry.place()));
            for (places, now) in places.iter_mut().zip(&now) {
                places.push(*now);
            }
        }
        lengths.push(from.len() - start);
    }
    let numbers: Int64Array = lengths.iter().flat_map(|&length| 1..=length as i64).map(Some).collect();
    let mut arrays: Vec<ArrayRef> = vec![
        Arc::new(numbers),
        Arc::new(TimestampMicrosecondArray::from(from).with_timezone("UTC")),
        Arc::new(TimestampMicrosecondArray::from(to).with_timezone("UTC")),
        rows.pick(EVENT_ID, &DataType::Utf8View, &events)?,
    ];
    for (column, places) in places.iter().enumerate() {
        arrays.push(rows.pick(FIRST + column, fields[FIRST + column].data_type(), places)?);
    }
    let items = StructArray::try_new_with_length(item.clone(), arrays, None, events.len())?;
    lists(&DataType::Struct(item), lengths, Arc::new(items))
}
