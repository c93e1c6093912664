//! Texts of a batch in few buffers.
//!
//! A string view column points into buffers that it shares with the columns it was made from. Concatenating
//! adds up the lists of buffers without looking for copies, so rows that are merged again and again end with
//! thousands, each counted up and down whenever the column is sliced or taken from.
//! Invariant: values stay as they are.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, StringViewArray, StructArray};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

/// A column with no more buffers stays as it is.
const BUFFERS_MAX: usize = 16;

/// The same rows, holding only the buffers that they need.
pub fn compact(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    rewritten(batch, &|texts| texts.data_buffers().len() > BUFFERS_MAX)
}

/// The same rows without texts of others: what writes a column writes its buffers whole, once for each time that the
/// column lists them.
pub fn own_texts(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    rewritten(batch, &|texts| {
        let held: usize = texts.data_buffers().iter().map(|buffer| buffer.len()).sum();
        texts.total_buffer_bytes_used() < held
    })
}

/// The same rows, with the texts of columns that are `wasteful` in buffers of their own.
fn rewritten(
    batch: &RecordBatch,
    wasteful: &impl Fn(&StringViewArray) -> bool,
) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().map(|array| column(array, wasteful));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    if columns.iter().all(Option::is_none) {
        return Ok(batch.clone());
    }
    let columns =
        columns.into_iter().zip(batch.columns()).map(|(new, old)| new.unwrap_or_else(|| old.clone()));
    RecordBatch::try_new(batch.schema(), columns.collect())
}

/// `None` where there is nothing to gain.
fn column(
    array: &ArrayRef,
    wasteful: &impl Fn(&StringViewArray) -> bool,
) -> Result<Option<ArrayRef>, ArrowError> {
    Ok(match array.data_type() {
        DataType::Utf8View => {
            let texts = array.as_string_view();
            wasteful(texts).then(|| Arc::new(texts.gc()) as ArrayRef)
        }
        DataType::List(item) => {
            let (_, offsets, values, nulls) = array.as_list::<i32>().clone().into_parts();
            match column(&values, wasteful)? {
                Some(values) => Some(Arc::new(ListArray::try_new(item.clone(), offsets, values, nulls)?)),
                None => None,
            }
        }
        DataType::Struct(fields) => {
            let (_, members, nulls) = array.as_struct().clone().into_parts();
            let new = members.iter().map(|member| column(member, wasteful)).collect::<Result<Vec<_>, _>>()?;
            if new.iter().all(Option::is_none) {
                return Ok(None);
            }
            let members = new.into_iter().zip(members).map(|(new, old)| new.unwrap_or(old)).collect();
            Some(Arc::new(StructArray::try_new(fields.clone(), members, nulls)?))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringViewArray};
    use arrow::buffer::OffsetBuffer;
    use arrow::compute::concat;
    use arrow::datatypes::{Field, Fields};

    use super::*;

    #[test]
    fn rows_merged_many_times_keep_their_values_in_few_buffers() {
        let one =
            StringViewArray::from(vec![Some("a text too long to stand in its view"), None, Some("short")]);
        let many = concat(&vec![&one as &dyn Array; 100]).unwrap();
        let member = Field::new("path", DataType::Utf8View, true);
        let members = StructArray::new(Fields::from(vec![member.clone()]), vec![many.clone()], None);
        let item = Arc::new(Field::new("item", members.data_type().clone(), true));
        let lists = ListArray::new(item, OffsetBuffer::from_lengths([1; 300]), Arc::new(members), None);
        let numbers = Int64Array::from_iter_values(0..300);
        let columns: Vec<(&str, ArrayRef)> =
            vec![("text", many), ("files", Arc::new(lists)), ("number", Arc::new(numbers))];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let small = compact(&batch).unwrap();
        assert_eq!(small, batch);
        let buffers = |batch: &RecordBatch| {
            let nested = batch.column(1).as_list::<i32>().values().as_struct().column(0).clone();
            [
                batch.column(0).as_string_view().data_buffers().len(),
                nested.as_string_view().data_buffers().len(),
            ]
        };
        assert_eq!((buffers(&batch), buffers(&small)), ([100, 100], [1, 1]));
    }
}
