//! Two answers of one metric side by side: rows matched by their labels, values told apart.
//!
//! Invariant: every row of either side is in exactly one pair. Labels identify a row; `title` only names it, so a
//! renamed thing is still itself. Where labels are not unique, the first matches the first.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// The values of the labels that identify a row.
type Identity = [Option<String>];

/// A row of one side and its counterpart; at least one is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    pub before: Option<usize>,
    pub after: Option<usize>,
}

/// A column that differs within a pair, as text; `None` is NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnChange {
    pub column: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// The pairs of two sides: in the order of `after`, then what only `before` has, in its order.
pub fn matched(
    before: &RecordBatch,
    after: &RecordBatch,
    labels: &[String],
) -> Result<Vec<Pair>, ArrowError> {
    let (old, new) = (identities(before, labels)?, identities(after, labels)?);
    let mut places: HashMap<(&Identity, usize), usize> = HashMap::new();
    for (row, place) in numbered(&old) {
        places.insert(place, row);
    }
    let mut pairs = Vec::with_capacity(new.len());
    for (row, place) in numbered(&new) {
        pairs.push(Pair { before: places.remove(&place), after: Some(row) });
    }
    let mut gone: Vec<usize> = places.into_values().collect();
    gone.sort_unstable();
    pairs.extend(gone.into_iter().map(|row| Pair { before: Some(row), after: None }));
    Ok(pairs)
}

/// Each row with its identity and which of the rows of that identity it is.
fn numbered(rows: &[Vec<Option<String>>]) -> Vec<(usize, (&Identity, usize))> {
    let mut counts: HashMap<&Identity, usize> = HashMap::new();
    let mut numbered = Vec::with_capacity(rows.len());
    for (row, identity) in rows.iter().enumerate() {
        let count = counts.entry(identity).or_default();
        numbered.push((row, (identity.as_slice(), *count)));
        *count += 1;
    }
    numbered
}

fn identities(rows: &RecordBatch, labels: &[String]) -> Result<Vec<Vec<Option<String>>>, ArrowError> {
    let named = labels.len() > 1;
    let columns = labels.iter().filter(|label| !named || *label != "title");
    let columns = columns.filter_map(|label| rows.column_by_name(label));
    let columns = columns.map(texts).collect::<Result<Vec<_>, _>>()?;
    let of_row = |row| columns.iter().map(|column| text(column, row)).collect();
    Ok((0..rows.num_rows()).map(of_row).collect())
}

/// The columns, without those in `except`, that differ within a pair whose sides are both there.
pub fn cells(
    before: &RecordBatch,
    after: &RecordBatch,
    pair: Pair,
    except: &[&str],
) -> Result<Vec<ColumnChange>, ArrowError> {
    let (Some(old), Some(new)) = (pair.before, pair.after) else { return Ok(Vec::new()) };
    let mut cells = Vec::new();
    for (field, column) in after.schema().fields().iter().zip(after.columns()) {
        let Some(earlier) = before.column_by_name(field.name()) else { continue };
        if except.contains(&field.name().as_str()) {
            continue;
        }
        let (earlier, later) = (printed(earlier, old)?, printed(column, new)?);
        if earlier != later {
            cells.push(ColumnChange { column: field.name().clone(), before: earlier, after: later });
        }
    }
    Ok(cells)
}

/// The numbers of a column.
pub fn numbers(rows: &RecordBatch, column: &str) -> Result<Float64Array, ArrowError> {
    match rows.column_by_name(column) {
        Some(values) => Ok(cast(values, &DataType::Float64)?.as_primitive::<Float64Type>().clone()),
        None => Ok(Float64Array::new_null(rows.num_rows())),
    }
}

/// The number in a row, where there is one.
pub fn number(values: &Float64Array, row: Option<usize>) -> Option<f64> {
    row.filter(|&row| values.is_valid(row)).map(|row| values.value(row))
}

/// The change from one number to another, to the six decimals that metrics have.
pub fn difference(before: Option<f64>, after: Option<f64>) -> Option<f64> {
    Some(((after? - before?) * 1e6).round() / 1e6)
}

/// A column as text.
pub fn texts(column: &ArrayRef) -> Result<StringArray, ArrowError> {
    Ok(cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
}

pub fn text(column: &StringArray, row: usize) -> Option<String> {
    column.is_valid(row).then(|| column.value(row).to_owned())
}

fn printed(column: &ArrayRef, row: usize) -> Result<Option<String>, ArrowError> {
    let formatter = ArrayFormatter::try_new(column, &FormatOptions::default())?;
    Ok(column.is_valid(row).then(|| formatter.value(row).to_string()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn rows(of: &[(&str, &str, Option<f64>)]) -> RecordBatch {
        let column = |at: fn(&(&str, &str, Option<f64>)) -> String| -> ArrayRef {
            Arc::new(of.iter().map(|row| Some(at(row))).collect::<StringArray>())
        };
        let values: Float64Array = of.iter().map(|row| row.2).collect();
        RecordBatch::try_from_iter_with_nullable([
            ("id", column(|row| row.0.to_owned()), true),
            ("title", column(|row| row.1.to_owned()), true),
            ("n", Arc::new(values) as ArrayRef, true),
        ])
        .unwrap()
    }

    #[test]
    fn rows_are_paired_by_what_identifies_them() {
        let before =
            rows(&[("a", "A", Some(1.0)), ("b", "B", None), ("c", "C", Some(3.0)), ("c", "C", None)]);
        let after = rows(&[("c", "C", Some(3.0)), ("b", "Bee", Some(2.0)), ("d", "D", None)]);
        let labels = ["id".to_owned(), "title".to_owned()];
        let pairs: Vec<_> =
            matched(&before, &after, &labels).unwrap().iter().map(|pair| (pair.before, pair.after)).collect();
        let expect =
            [(Some(2), Some(0)), (Some(1), Some(1)), (None, Some(2)), (Some(0), None), (Some(3), None)];
        assert_eq!(pairs, expect);
        let cell = |column: &str, before: Option<&str>, after: &str| ColumnChange {
            column: column.to_owned(),
            before: before.map(str::to_owned),
            after: Some(after.to_owned()),
        };
        let pair = Pair { before: Some(1), after: Some(1) };
        let found = cells(&before, &after, pair, &["id"]).unwrap();
        assert_eq!(found, [cell("title", Some("B"), "Bee"), cell("n", None, "2.0")]);
    }
}
