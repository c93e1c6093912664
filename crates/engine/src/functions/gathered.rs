//! Rows gathered by group and put into event order: what every fold starts from.
//!
//! Invariant: [`Gathered::sorted`] yields each group's rows in the order (effective_at, seq, event_id),
//! which is total, so a fold sees one sequence whatever order rows arrived in.
//! Rows stay in the batches in which they came; only 32-byte entries are sorted.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StringViewArray, new_null_array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::interleave;
use arrow::datatypes::{DataType, Field, Int64Type, TimestampMicrosecondType};
use datafusion::common::Result;

/// Positions of the columns that every fold takes first.
pub(super) const AT: usize = 0;
pub(super) const SEQ: usize = 1;
pub(super) const EVENT_ID: usize = 2;

/// Memory charged for a row: its entry, and a share for columns that are not the table's own.
const ROW_BYTES: usize = 2 * size_of::<Entry>();

/// A batch and a row in it.
pub(super) type RowPlace = (u32, u32);

/// One row: where it is, whose it is, and most of its sort key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub at: i64,
    pub seq: i64,
    pub group: u32,
    pub batch: u32,
    pub row: u32,
}

impl Entry {
    pub fn place(self) -> RowPlace {
        (self.batch, self.row)
    }
}

#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Each batch has one array per column.
    pub batches: Vec<Vec<ArrayRef>>,
    pub entries: Vec<Entry>,
    pub groups: usize,
}

impl Gathered {
    /// Adds the rows of a batch; `group` gives the group of a row, or none to leave it out.
    pub fn push(&mut self, values: &[ArrayRef], group: impl Fn(usize) -> Option<usize>) {
        let at = values[AT].as_primitive::<TimestampMicrosecondType>();
        let seq = values[SEQ].as_primitive::<Int64Type>();
        let batch = self.batches.len() as u32;
        let before = self.entries.len();
        self.entries.extend((0..at.len()).filter_map(|row| {
            let group = group(row)? as u32;
            Some(Entry { at: at.value(row), seq: seq.value(row), group, batch, row: row as u32 })
        }));
        if self.entries.len() > before {
            self.batches.push(values.to_vec());
        }
    }

    /// Memory held beyond the tables' own columns, roughly.
    pub fn bytes(&self) -> usize {
        self.entries.len() * ROW_BYTES
    }

    /// Splits off the first `groups` groups; the rest are numbered from 0 again.
    pub fn take_first(&mut self, groups: usize) -> Gathered {
        let groups = groups.min(self.groups);
        let (taken, mut rest): (Vec<Entry>, Vec<Entry>) =
            self.entries.drain(..).partition(|entry| (entry.group as usize) < groups);
        let drop = rest.iter().map(|entry| entry.batch).min().unwrap_or(self.batches.len() as u32);
        for entry in &mut rest {
            entry.group -= groups as u32;
            entry.batch -= drop;
        }
        let batches = self.batches.clone();
        self.batches.drain(..drop as usize);
        self.entries = rest;
        self.groups -= groups;
        Gathered { batches, entries: taken, groups }
    }

    /// Takes all rows, in order of group and event.
    pub fn sorted(mut self) -> Sorted {
        let ids: Vec<StringViewArray> =
            self.batches.iter().map(|batch| batch[EVENT_ID].as_string_view().clone()).collect();
        let id = |entry: &Entry| ids[entry.batch as usize].value(entry.row as usize);
        let order = |a: &Entry, b: &Entry| -> Ordering {
            (a.group, a.at, a.seq).cmp(&(b.group, b.at, b.seq)).then_with(|| id(a).cmp(id(b)))
        };
        if !self.entries.is_sorted_by(|a, b| order(a, b).is_le()) {
            self.entries.sort_unstable_by(order);
        }
        Sorted { batches: self.batches, entries: self.entries, groups: self.groups }
    }
}

/// All rows of all groups, in order.
pub(super) struct Sorted {
    pub batches: Vec<Vec<ArrayRef>>,
    pub entries: Vec<Entry>,
    pub groups: usize,
}

impl Sorted {
    /// The entries of each group, from 0; a group without rows has an empty range.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let mut end = 0;
        (0..self.groups).map(move |group| {
            let start = end;
            while self.entries.get(end).is_some_and(|entry| entry.group as usize == group) {
                end += 1;
            }
            start..end
        })
    }

    pub fn texts(&self, column: usize) -> Vec<&StringViewArray> {
        self.batches.iter().map(|batch| batch[column].as_string_view()).collect()
    }

    /// A column's values at the given places; none gives NULL.
    pub fn pick(&self, column: usize, data_type: &DataType, places: &[Option<RowPlace>]) -> Result<ArrayRef> {
        if self.batches.is_empty() {
            return Ok(new_null_array(data_type, places.len()));
        }
        let nothing = new_null_array(data_type, 1);
        let mut arrays: Vec<&dyn Array> = self.batches.iter().map(|batch| batch[column].as_ref()).collect();
        arrays.push(nothing.as_ref());
        let none = (self.batches.len(), 0);
        let places: Vec<_> = places
            .iter()
            .map(|place| place.map_or(none, |(batch, row)| (batch as usize, row as usize)))
            .collect();
        Ok(interleave(&arrays, &places)?)
    }
}

/// Text columns of all batches, addressed by entry.
pub(super) struct Texts<'a>(pub Vec<&'a StringViewArray>);

impl<'a> Texts<'a> {
    pub fn get(&self, entry: &Entry) -> Option<&'a str> {
        let array = self.0[entry.batch as usize];
        let row = entry.row as usize;
        array.is_valid(row).then(|| array.value(row))
    }
}

/// A list array from the number of items of each group.
pub(super) fn lists(
    item: &DataType,
    lengths: impl IntoIterator<Item = usize>,
    items: ArrayRef,
) -> Result<ArrayRef> {
    let field = Arc::new(Field::new("item", item.clone(), true));
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), items, None)?))
}
