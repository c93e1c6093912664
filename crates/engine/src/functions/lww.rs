//! `lww(at, seq, event_id, cleared, a, b, ...)`: the last value of each column, as a struct whose members
//! are named like the columns.
//!
//! An event that leaves a column NULL says nothing about it, unless its name stands in `cleared`: then the
//! event made it NULL. The last event, in the order (at, seq, event_id), that says anything decides.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StructArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result, plan_err};

use super::gathered::{Entry, Sorted};
use super::types::texts;

/// Position of `cleared`, and of the first column that is folded.
pub(super) const CLEARED: usize = 3;
pub(super) const FIRST: usize = 4;

/// The members that `lww` and `revisions` give for their columns.
pub(super) fn members(name: &str, fields: &[FieldRef]) -> Result<Vec<Field>> {
    if fields.len() <= FIRST || !fields[CLEARED].data_type().equals_datatype(&texts()) {
        return plan_err!(
            "{name} takes effective_at, seq, event_id, cleared (a list of texts) and at least one column"
        );
    }
    for (index, field) in fields[FIRST..].iter().enumerate() {
        if fields[FIRST..FIRST + index].iter().any(|other| other.name() == field.name()) {
            return plan_err!("{name}: column {} is given twice", field.name());
        }
    }
    Ok(fields[FIRST..]
        .iter()
        .map(|field| Field::new(field.name(), field.data_type().clone(), true))
        .collect())
}

pub(super) fn output(fields: &[FieldRef]) -> Result<DataType> {
    Ok(DataType::Struct(Fields::from(members("lww", fields)?)))
}

/// Which columns each event cleared.
pub(super) struct Cleared<'a> {
    lists: Vec<&'a ListArray>,
    names: Vec<&'a str>,
}

impl<'a> Cleared<'a> {
    pub fn new(rows: &'a Sorted, fields: &'a [FieldRef]) -> Self {
        Self {
            lists: rows.batches.iter().map(|batch| batch[CLEARED].as_list()).collect(),
            names: fields[FIRST..].iter().map(|field| field.name().as_str()).collect(),
        }
    }

    /// Calls `clear` with the index of each column that the event cleared.
    pub fn each(&self, entry: &Entry, mut clear: impl FnMut(usize)) {
        let (list, row) = (self.lists[entry.batch as usize], entry.row as usize);
        if list.is_null(row) || list.value_length(row) == 0 {
            return;
        }
        let names = list.value(row);
        for name in names.as_string_view().iter().flatten() {
            if let Some(index) = self.names.iter().position(|known| *known == name) {
                clear(index);
            }
        }
    }
}

pub(super) fn fold(rows: &Sorted, fields: &[FieldRef]) -> Result<ArrayRef> {
    let members = Fields::from(members("lww", fields)?);
    let cleared = Cleared::new(rows, fields);
    let mut places = vec![vec![None; rows.groups]; members.len()];
    for (group, range) in rows.ranges().enumerate() {
        for entry in &rows.entries[range] {
            let batch = &rows.batches[entry.batch as usize];
            for (column, places) in places.iter_mut().enumerate() {
                if batch[FIRST + column].is_valid(entry.row as usize) {
                    places[group] = Some(entry.place());
                }
            }
            cleared.each(entry, |column| places[column][group] = None);
        }
    }
    let arrays = members
        .iter()
        .zip(&places)
        .enumerate()
        .map(|(index, (member, places))| rows.pick(FIRST + index, member.data_type(), places));
    let arrays: Vec<ArrayRef> = arrays.collect::<Result<_>>()?;
    Ok(Arc::new(StructArray::try_new_with_length(members, arrays, None, rows.groups)?))
}
