//! Replaceable rows: the current content of one materialised view.
//!
//! A view is a list of parts, each an immutable batch sorted by key with a mask of the rows that
//! still stand. Replacing the rows of some keys masks the old ones and adds a part; parts of like
//! size are merged, so there are logarithmically many. Rows whose `open` column is true live in
//! parts of their own: a metric over open work never reads closed history.
//! Cloning is cheap (everything is behind `Arc`), which is how readers keep a snapshot.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, RecordBatch};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use arrow::compute::{concat_batches, filter_record_batch, not};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use std::collections::BTreeMap;

use crate::rows::segment::{key_column, ranges_of, sort_by_key};

/// The rows of a view.
#[derive(Debug, Clone)]
pub struct Rows {
    pub schema: SchemaRef,
    /// Name of the boolean column that parts are split by.
    open: Option<String>,
    parts: Vec<Part>,
}

/// Rows added together, or merged since.
#[derive(Debug, Clone)]
pub struct Part {
    pub batch: RecordBatch,
    /// `None` while every row stands.
    live: Option<BooleanBuffer>,
    live_rows: usize,
    /// Whether all rows are open; `None` for a view that does not tell.
    pub open: Option<bool>,
    keys: ScalarBuffer<i64>,
    /// About what it takes in memory.
    bytes: usize,
}

impl Rows {
    pub fn new(schema: SchemaRef, open: Option<String>) -> Rows {
        Rows { schema, open, parts: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.parts.iter().map(|p| p.live_rows).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Makes `batch` the rows of `keys` (ascending), in place of what they had.
    pub fn replace(&mut self, keys: &[i64], batch: &RecordBatch) -> Result<(), ArrowError> {
        self.remove(keys);
        self.add(batch)?;
        self.merge_parts()
    }

    /// Masks the rows of `keys` (ascending).
    pub fn remove(&mut self, keys: &[i64]) {
        self.parts.iter_mut().for_each(|part| part.remove(keys));
        self.parts.retain(|part| part.live_rows > 0);
    }

    /// Adds rows of keys that have none.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let sorted = sort_by_key(batch)?;
        let Some(open) = self.open.as_deref() else {
            self.parts.push(Part::new(sorted, None));
            return Ok(());
        };
        let is_open = sorted.column_by_name(open).expect("check holds `open` to the output columns");
        let is_open = match is_open.as_boolean() {
            known if known.null_count() == 0 => known.clone(),
            unsure => arrow::compute::prep_null_mask_filter(unsure),
        };
        for (mask, open) in [(is_open.clone(), true), (not(&is_open)?, false)] {
            let rows = filter_record_batch(&sorted, &mask)?;
            if rows.num_rows() > 0 {
                self.parts.push(Part::new(rows, Some(open)));
            }
        }
        Ok(())
    }

    /// Merges parts of like size and rewrites those that are mostly dead.
    fn merge_parts(&mut self) -> Result<(), ArrowError> {
        let mut merged = Vec::with_capacity(self.parts.len());
        for class in [None, Some(true), Some(false)] {
            let mut parts: Vec<Part> = self.parts.iter().filter(|p| p.open == class).cloned().collect();
            parts.sort_by_key(|p| std::cmp::Reverse(p.live_rows));
            while let [.., big, small] = parts.as_slice() {
                if big.live_rows > 2 * small.live_rows {
                    break;
                }
                let part = Part::new(self.merge(&[big, small])?, class);
                parts.truncate(parts.len() - 2);
                parts.push(part);
            }
            for part in &mut parts {
                if part.live_rows * 2 < part.batch.num_rows() {
                    *part = Part::new(part.live_batch()?, class);
                }
            }
            merged.append(&mut parts);
        }
        self.parts = merged;
        Ok(())
    }

    fn merge(&self, parts: &[&Part]) -> Result<RecordBatch, ArrowError> {
        let live = parts.iter().map(|p| p.live_batch()).collect::<Result<Vec<_>, _>>()?;
        sort_by_key(&concat_batches(&self.schema, &live)?)
    }

    /// All standing rows, in key order: what is written at a checkpoint.
    pub fn to_batch(&self) -> Result<RecordBatch, ArrowError> {
        self.merge(&self.parts.iter().collect::<Vec<_>>())
    }
}

impl Part {
    fn new(batch: RecordBatch, open: Option<bool>) -> Part {
        let keys = key_column(&batch).values().clone();
        let bytes = batch.columns().iter().map(bytes_of).sum();
        Part { live: None, live_rows: keys.len(), open, keys, bytes, batch }
    }

    /// Tells parts apart whose rows are not the same in memory, and how much memory that is.
    pub fn held(&self) -> (usize, usize) {
        (self.keys.as_ptr() as usize, self.bytes)
    }

    fn remove(&mut self, keys: &[i64]) {
        let ranges = ranges_of(&self.keys, keys);
        if ranges.is_empty() {
            return;
        }
        let rows = self.keys.len();
        let mut live = BooleanBufferBuilder::new(rows);
        match &self.live {
            Some(mask) => live.append_buffer(mask),
            None => live.append_n(rows, true),
        }
        for row in ranges.into_iter().flatten() {
            live.set_bit(row, false);
        }
        let live = live.finish();
        self.live_rows = live.count_set_bits();
        self.live = Some(live);
    }

    /// The standing rows of some columns.
    pub fn project(&self, projection: Option<&Vec<usize>>) -> Result<RecordBatch, ArrowError> {
        let batch = match projection {
            Some(columns) => self.batch.project(columns)?,
            None => self.batch.clone(),
        };
        match &self.live {
            Some(live) => filter_record_batch(&batch, &BooleanArray::from(live.clone())),
            None => Ok(batch),
        }
    }

    fn live_batch(&self) -> Result<RecordBatch, ArrowError> {
        self.project(None)
    }
}

/// About what a column takes in memory: of texts, those that it refers to.
fn bytes_of(array: &ArrayRef) -> usize {
    match array.data_type() {
        DataType::Utf8View => {
            let texts = array.as_string_view();
            size_of::<u128>() * texts.len() + texts.total_buffer_bytes_used()
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            size_of::<i32>() * list.len() + bytes_of(list.values())
        }
        DataType::Struct(_) => array.as_struct().columns().iter().map(bytes_of).sum(),
        _ => array.get_buffer_memory_size(),
    }
}

/// The rows of every view, by name. Cheap to clone.
pub type ViewRows = BTreeMap<String, Rows>;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use arrow::array::Int64Array;
    use arrow::datatypes::{DataType, Field, Schema};
    use proptest::prelude::*;

    use super::*;

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("key_hash", DataType::Int64, false),
            Field::new("value", DataType::Int64, false),
            Field::new("is_open", DataType::Boolean, true),
        ]))
    }

    fn batch(rows: &[(i64, i64)]) -> RecordBatch {
        let keys: Int64Array = rows.iter().map(|r| r.0).collect::<Vec<_>>().into();
        let values: Int64Array = rows.iter().map(|r| r.1).collect::<Vec<_>>().into();
        let open: BooleanArray = rows.iter().map(|r| (r.1 % 3 != 0).then_some(r.1 % 2 == 0)).collect();
        RecordBatch::try_new(schema(), vec![Arc::new(keys), Arc::new(values), Arc::new(open)]).unwrap()
    }

    fn content(batches: &[RecordBatch]) -> BTreeMap<i64, Vec<i64>> {
        let mut all: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for batch in batches {
            let values = batch.column(1).as_primitive::<arrow::datatypes::Int64Type>().values();
            for (&key, &value) in key_column(batch).values().iter().zip(values) {
                all.entry(key).or_default().push(value);
            }
        }
        all.values_mut().for_each(|v| v.sort());
        all
    }

    proptest! {
        /// Replacing keys again and again equals a map from key to its last rows.
        #[test]
        fn replace_equals_a_map(steps in prop::collection::vec(
            prop::collection::btree_map(0..40i64, prop::collection::vec(0..1000i64, 0..3), 0..20), 1..40)
        ) {
            for open in [None, Some("is_open".to_owned())] {
                let mut rows = Rows::new(schema(), open);
                let mut model: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
                for step in &steps {
                    let keys: Vec<i64> = step.keys().copied().collect();
                    let flat: Vec<(i64, i64)> =
                        step.iter().flat_map(|(&k, vs)| vs.iter().map(move |&v| (k, v))).collect();
                    rows.replace(&keys, &batch(&flat)).unwrap();
                    for (&key, values) in step {
                        let mut values = values.clone();
                        values.sort();
                        if values.is_empty() { model.remove(&key); } else { model.insert(key, values); }
                    }
                }
                prop_assert_eq!(content(&[rows.to_batch().unwrap()]), model.clone());
                prop_assert!(rows.parts().len() <= 20);
            }
        }
    }
}
