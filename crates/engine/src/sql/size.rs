//! How large values are: what their own rows take, without what else is in buffers that they share.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::ColumnarValue;

/// Bytes of an argument, written out for each row.
pub fn value_bytes(value: &ColumnarValue, rows: u64) -> u64 {
    match value {
        ColumnarValue::Array(array) => array_bytes(array.as_ref()),
        ColumnarValue::Scalar(scalar) => rows.saturating_mul(longest(value).max(scalar_bytes(scalar))),
    }
}

fn scalar_bytes(scalar: &ScalarValue) -> u64 {
    match nested(scalar) {
        Some(array) => array_bytes(array.as_ref()),
        None => 16,
    }
}

/// The array of one element that a nested constant is.
fn nested(scalar: &ScalarValue) -> Option<ArrayRef> {
    scalar.data_type().is_nested().then(|| scalar.to_array().ok()).flatten()
}

/// Bytes of an array's own rows.
pub fn array_bytes(array: &dyn Array) -> u64 {
    let of = |slice: &dyn Array| array_bytes(slice);
    let own = match array.data_type() {
        DataType::Utf8View => array.len() * 16 + array.as_string_view().total_buffer_bytes_used(),
        DataType::BinaryView => array.len() * 16 + array.as_binary_view().total_buffer_bytes_used(),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let (first, last) = (list.value_offsets()[0], list.value_offsets()[list.len()]);
            return of(&list.values().slice(first as usize, (last - first) as usize)) + 4 * list.len() as u64;
        }
        DataType::Struct(_) => return array.as_struct().columns().iter().map(|column| of(column)).sum(),
        _ => array.to_data().get_slice_memory_size().unwrap_or_else(|_| array.get_array_memory_size()),
    };
    own as u64
}

/// Bytes of the longest text, or elements of the longest list, of an argument.
pub fn longest(value: &ColumnarValue) -> u64 {
    match value {
        ColumnarValue::Array(array) => lengths(array).into_iter().max().unwrap_or_default(),
        ColumnarValue::Scalar(scalar) => match scalar.try_as_str() {
            Some(text) => text.map_or(0, |text| text.len() as u64),
            None => match nested(scalar) {
                Some(array) => lengths(&array).into_iter().max().unwrap_or_default(),
                None => 16,
            },
        },
    }
}

/// Elements of all lists of an argument, written out for each row.
pub fn elements(value: &ColumnarValue, rows: u64) -> u64 {
    match value {
        ColumnarValue::Array(array) => lengths(array).into_iter().sum(),
        ColumnarValue::Scalar(_) => longest(value).saturating_mul(rows),
    }
}

/// Bytes of each text, elements of each list, and for each other value its width.
pub fn lengths(array: &ArrayRef) -> Vec<u64> {
    let widths = |offsets: &[i32]| offsets.windows(2).map(|pair| (pair[1] - pair[0]) as u64).collect();
    match array.data_type() {
        DataType::Utf8 => widths(array.as_string::<i32>().value_offsets()),
        DataType::Binary => widths(array.as_binary::<i32>().value_offsets()),
        DataType::LargeUtf8 => array
            .as_string::<i64>()
            .value_offsets()
            .windows(2)
            .map(|pair| (pair[1] - pair[0]) as u64)
            .collect(),
        // The lower half of a view is the length.
        DataType::Utf8View => {
            array.as_string_view().views().iter().map(|view| u64::from(*view as u32)).collect()
        }
        DataType::BinaryView => {
            array.as_binary_view().views().iter().map(|view| u64::from(*view as u32)).collect()
        }
        DataType::List(field) => {
            let list = array.as_list::<i32>();
            let counts = list.value_offsets().windows(2);
            let inner = if field.data_type().is_nested() { lengths(list.values()) } else { Vec::new() };
            if inner.is_empty() {
                return counts.map(|pair| (pair[1] - pair[0]) as u64).collect();
            }
            let of = |pair: &[i32]| inner[pair[0] as usize..pair[1] as usize].iter().sum::<u64>();
            counts.map(|pair| of(pair).max((pair[1] - pair[0]) as u64)).collect()
        }
        _ => vec![16; array.len()],
    }
}

/// Bytes of the widest row of some columns that a copy of the row takes; texts in views are not copied.
pub fn widest_row(columns: &[ArrayRef]) -> u64 {
    columns.iter().map(widest_value).sum()
}

fn widest_value(array: &ArrayRef) -> u64 {
    match array.data_type() {
        DataType::Utf8View | DataType::BinaryView => 16,
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let most = lengths(array).into_iter().max().unwrap_or_default();
            let (first, last) = (list.value_offsets()[0], list.value_offsets()[list.len()]);
            let total = (last - first).max(1) as u64;
            // Elements are taken to be as wide as the widest of them.
            let values = list.values().slice(first as usize, (last - first) as usize);
            let element = if values.data_type().is_nested() {
                array_bytes(values.as_ref()).div_ceil(total).max(16)
            } else {
                widest_value(&values).max(array_bytes(values.as_ref()).div_ceil(total))
            };
            most.saturating_mul(element)
        }
        DataType::Struct(_) => widest_row(array.as_struct().columns()),
        _ => lengths(array).into_iter().max().unwrap_or_default(),
    }
}
