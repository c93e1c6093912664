//! Rows as CSV, which people open in spreadsheets.
//!
//! Invariant: no text that came from elsewhere is a formula to a spreadsheet: a text that starts like one has an apostrophe
//! before it, which spreadsheets take as "this is text". Numbers stay as they are.
//! Deliberately absent: nested values; a list or struct becomes its JSON text.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::json::writer::{EncoderOptions, make_encoder};

use super::Writing;

pub fn csv(batch: &RecordBatch, writing: Writing) -> Result<Vec<u8>, ArrowError> {
    writing.bounded(|out| {
        let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(out);
        writer.write(&inert(&flat(batch)?)?)
    })
}

/// CSV and the table have no nested values: a list or struct becomes its JSON text. (The table says a list of structs in
/// fewer words.)
pub fn flat(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    columns(batch, |field, column| {
        field.data_type().is_nested().then(|| json_texts(field, column)).transpose()
    })
}

/// Structures, and lists of them, as JSON texts, for clients whose protocol has none. Other lists stay.
pub fn without_structures(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    columns(batch, |field, column| {
        holds_structures(field.data_type()).then(|| json_texts(field, column)).transpose()
    })
}

/// The columns of [`without_structures`].
pub fn columns_without_structures(schema: &Schema) -> Schema {
    let column = |field: &Arc<Field>| match holds_structures(field.data_type()) {
        true => Arc::new(Field::new(field.name(), DataType::Utf8, true)),
        false => Arc::clone(field),
    };
    Schema::new(schema.fields().iter().map(column).collect::<Vec<_>>())
}

fn holds_structures(of: &DataType) -> bool {
    match of {
        DataType::Struct(_) | DataType::Map(..) => true,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            holds_structures(item.data_type())
        }
        _ => false,
    }
}

/// The same without a cell or a name that a spreadsheet would run.
fn inert(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let batch = columns(batch, |field, column| {
        let is_text = match field.data_type() {
            DataType::Dictionary(_, value) => is_text(value),
            other => is_text(other),
        };
        if !is_text {
            return Ok(None);
        }
        let texts = cast(column, &DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        let formulas = texts.iter().flatten().any(is_formula);
        Ok(formulas.then(|| texts.iter().map(|text| text.map(harmless)).collect()))
    })?;
    let named = |field: &Arc<Field>| field.as_ref().clone().with_name(harmless(field.name()));
    let fields: Vec<Field> = batch.schema().fields().iter().map(named).collect();
    whole(fields.into_iter().map(Arc::new).collect(), batch.columns().to_vec(), batch.num_rows())
}

fn is_text(of: &DataType) -> bool {
    matches!(of, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// What spreadsheets take for the begin of a formula, the wide forms of some keyboards included.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

fn harmless(text: &str) -> String {
    if is_formula(text) { format!("'{text}") } else { text.to_owned() }
}

/// The batch with some columns as other texts.
fn columns(
    batch: &RecordBatch,
    other: impl Fn(&Arc<Field>, &ArrayRef) -> Result<Option<StringArray>, ArrowError>,
) -> Result<RecordBatch, ArrowError> {
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        match other(field, column)? {
            Some(texts) => {
                fields.push(Arc::new(Field::new(field.name(), DataType::Utf8, true)));
                columns.push(Arc::new(texts));
            }
            None => {
                fields.push(Arc::clone(field));
                columns.push(Arc::clone(column));
            }
        }
    }
    whole(fields, columns, batch.num_rows())
}

fn whole(fields: Vec<Arc<Field>>, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, ArrowError> {
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
}

fn json_texts(field: &Arc<Field>, column: &ArrayRef) -> Result<StringArray, ArrowError> {
    let options = EncoderOptions::default();
    let mut encoder = make_encoder(field, column.as_ref(), &options)?;
    let mut texts = Vec::with_capacity(column.len());
    for row in 0..column.len() {
        if encoder.is_null(row) {
            texts.push(None);
        } else {
            let mut bytes = Vec::new();
            encoder.encode(row, &mut bytes);
            texts.push(Some(String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    Ok(StringArray::from(texts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample::sample;
    use arrow::array::{DictionaryArray, Int64Array, StringViewArray};
    use arrow::datatypes::Int32Type;

    #[test]
    fn csv_quotes_and_flattens() {
        let text = String::from_utf8(csv(&sample(), false.into()).expect("csv")).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "team,open_reviews,share,oldest_age_ms,since,owners");
        assert_eq!(lines[1], r#""a,b",12345,0.25,93784000,2026-03-02T09:14:00Z,"[""ada""]""#);
        assert_eq!(lines[2], "core,,,,,");
    }

    #[test]
    fn no_text_is_a_formula() {
        let hostile =
            ["=HYPERLINK(\"https://evil.example\")", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", "plain"];
        let plain = StringArray::from(hostile.to_vec());
        let of_names: DictionaryArray<Int32Type> = hostile.into_iter().collect();
        let numbers: Int64Array = (-3..4).collect();
        let batch = RecordBatch::try_from_iter([
            ("title", Arc::new(plain) as ArrayRef),
            ("=1+1", Arc::new(StringViewArray::from(hostile.to_vec()))),
            ("author", Arc::new(of_names)),
            ("n", Arc::new(numbers)),
        ])
        .expect("a batch");
        let bytes = csv(&batch, false.into()).expect("csv");
        let reader = arrow::csv::reader::Format::default().with_header(true);
        let (schema, rows) = reader.infer_schema(&*bytes, None).expect("it is CSV");
        assert_eq!((schema.field(1).name().as_str(), rows), ("'=1+1", 7));
        let text = String::from_utf8(bytes).expect("text");
        for line in text.lines().skip(1) {
            let cells = line.split(',').map(|cell| cell.trim_start_matches('"'));
            assert!(cells.take(3).all(|cell| !is_formula(cell)), "{line}");
        }
        assert!(text.contains("\n'-1,'-1,'-1,-1\n") && text.ends_with("\nplain,plain,plain,3\n"), "{text}");
    }
}
