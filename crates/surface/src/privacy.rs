//! What of a result may be shown, and under which names.
//!
//! Team-level rows over too few people lose their numbers; person-level rows are for whom the configuration names;
//! in pseudonymous mode people are called by a keyed hash of their name. Only `wall` calls these functions.
//! Deliberately absent: names inside free text, such as titles; they stay as they are.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, RecordBatch, RecordBatchOptions,
    StringArray, StructArray,
};
use arrow::compute::{cast, filter_record_batch, nullif};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema};
use arrow::error::ArrowError;
use engine::{Level, Metric};
use ring::hmac;

use crate::secret::Secret;

/// Columns that tell over how many people a row of a team-level metric is.
const COUNT_COLUMNS: [&str; 6] = ["people", "reviewers", "assignees", "authors", "contributors", "members"];

/// Hex digits of a pseudonym.
const PSEUDONYM_DIGITS: usize = 8;

/// Clears the numbers of team-level rows over fewer than `group_min` people and counts those rows. What tells rows
/// apart stays, and so does the number of people. A row over nobody says nothing about anybody.
pub fn suppress(
    metric: &Metric,
    rows: &RecordBatch,
    group_min: u64,
) -> Result<(RecordBatch, u64), ArrowError> {
    let Some((count, people)) = people_column(metric, rows)? else { return Ok((rows.clone(), 0)) };
    let few: BooleanArray =
        people.iter().map(|n| Some(n.is_some_and(|n| n > 0 && (n as u64) < group_min))).collect();
    let suppressed = few.true_count() as u64;
    if suppressed == 0 {
        return Ok((rows.clone(), 0));
    }
    let (mut fields, mut columns): (Vec<FieldRef>, Vec<ArrayRef>) = Default::default();
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        if field.name() == count || metric.labels.contains(field.name()) {
            fields.push(Arc::clone(field));
            columns.push(Arc::clone(column));
        } else {
            fields.push(Arc::new(field.as_ref().clone().with_nullable(true)));
            columns.push(nullif(column, &few)?);
        }
    }
    Ok((batch(rows, fields, columns)?, suppressed))
}

/// The column that says over how many people a row is: only where a metric is about teams and has one.
fn people_column(
    metric: &Metric,
    rows: &RecordBatch,
) -> Result<Option<(&'static str, Int64Array)>, ArrowError> {
    // A repository or a file with one author is a risk worth seeing; a team of one is a person.
    if metric.level == Level::Person || !metric.labels.iter().any(|label| label == "team") {
        return Ok(None);
    }
    for name in COUNT_COLUMNS {
        if let Some(column) = rows.column_by_name(name)
            && column.data_type().is_integer()
        {
            let counts = cast(column, &DataType::Int64)?;
            return Ok(Some((name, counts.as_primitive::<Int64Type>().clone())));
        }
    }
    Ok(None)
}

/// Whether a person-level metric has labels by which its rows can be told to be somebody's.
pub fn names_people(metric: &Metric) -> bool {
    metric.labels.iter().any(|label| metric.names(label))
}

/// The rows that are about nobody but `people`: every person among a row's labels is one of them.
pub fn only(
    metric: &Metric,
    rows: &RecordBatch,
    people: &BTreeSet<String>,
) -> Result<RecordBatch, ArrowError> {
    let mut keep = vec![names_people(metric); rows.num_rows()];
    for label in metric.labels.iter().filter(|label| metric.names(label)) {
        let Some(column) = rows.column_by_name(label) else { continue };
        let names = cast(column, &DataType::Utf8)?;
        for (keep, name) in keep.iter_mut().zip(names.as_string::<i32>()) {
            *keep &= name.is_some_and(|name| people.contains(name));
        }
    }
    filter_record_batch(rows, &BooleanArray::from(keep))
}

/// Names people by a keyed hash: the same person the same name, and no way back without the key.
#[derive(Debug)]
pub struct Pseudonyms(hmac::Key);

impl Pseudonyms {
    /// `source` is `env:NAME` or `file:PATH`; empty means that people keep their names.
    pub fn new(source: &str) -> Result<Option<Pseudonyms>, String> {
        if source.is_empty() {
            return Ok(None);
        }
        let secret = Secret::read(source).map_err(|error| format!("people.pseudonyms {error}"))?;
        Ok(Some(Pseudonyms(hmac::Key::new(hmac::HMAC_SHA256, secret.bytes()))))
    }

    pub fn name(&self, person: &str) -> String {
        let digest = hex::encode(hmac::sign(&self.0, person.as_bytes()));
        format!("p-{}", &digest[..PSEUDONYM_DIGITS])
    }

    /// The rows with pseudonyms wherever the metric has people.
    pub fn apply(&self, metric: &Metric, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let (mut fields, mut columns): (Vec<FieldRef>, Vec<ArrayRef>) = Default::default();
        for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
            let column = self.column(metric, field.name(), column)?;
            fields.push(Arc::new(Field::new(field.name(), column.data_type().clone(), field.is_nullable())));
            columns.push(column);
        }
        batch(rows, fields, columns)
    }

    fn column(&self, metric: &Metric, path: &str, column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        match column.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if metric.names(path) => {
                let texts = cast(column, &DataType::Utf8)?;
                let renamed: StringArray =
                    texts.as_string::<i32>().iter().map(|text| text.map(|text| self.name(text))).collect();
                Ok(Arc::new(renamed))
            }
            DataType::List(item) => {
                let list = column.as_list::<i32>();
                let values = self.column(metric, path, list.values())?;
                let item = Field::new(item.name(), values.data_type().clone(), item.is_nullable());
                let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
                Ok(Arc::new(ListArray::try_new(Arc::new(item), offsets, values, nulls)?))
            }
            DataType::Struct(inner) => {
                let parts = column.as_struct();
                let (mut fields, mut columns): (Vec<FieldRef>, Vec<ArrayRef>) = Default::default();
                for (field, part) in inner.iter().zip(parts.columns()) {
                    let part = self.column(metric, &format!("{path}.{}", field.name()), part)?;
                    fields.push(Arc::new(Field::new(
                        field.name(),
                        part.data_type().clone(),
                        field.is_nullable(),
                    )));
                    columns.push(part);
                }
                Ok(Arc::new(StructArray::try_new(fields.into(), columns, parts.nulls().cloned())?))
            }
            _ => Ok(Arc::clone(column)),
        }
    }
}

fn batch(
    rows: &RecordBatch,
    fields: Vec<FieldRef>,
    columns: Vec<ArrayRef>,
) -> Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::ListBuilder;
    use arrow::array::StringBuilder;

    fn metric(level: Level, labels: &[&str]) -> Metric {
        Metric {
            name: "m".into(),
            title: String::new(),
            help: String::new(),
            unit: String::new(),
            level,
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            value: "n".into(),
            gauges: Vec::new(),
            people: vec!["reviewer".into(), "owners".into()],
            section: String::new(),
            panel: String::new(),
            params: Vec::new(),
            sql: String::new(),
            sql_line: 1,
            reads: Vec::new(),
            file: String::new(),
        }
    }

    fn rows() -> RecordBatch {
        let mut owners = ListBuilder::new(StringBuilder::new());
        for name in ["ada", "bo", "cy"] {
            owners.values().append_value(name);
            owners.append(true);
        }
        RecordBatch::try_from_iter([
            ("team", Arc::new(StringArray::from(vec!["a", "b", "c"])) as ArrayRef),
            ("reviewer", Arc::new(StringArray::from(vec!["ada", "bo", "ada"])) as ArrayRef),
            ("owners", Arc::new(owners.finish()) as ArrayRef),
            ("people", Arc::new(Int64Array::from(vec![2, 3, 0])) as ArrayRef),
            ("n", Arc::new(Int64Array::from(vec![7, 8, 9])) as ArrayRef),
        ])
        .unwrap()
    }

    #[test]
    fn few_people_have_no_numbers() {
        let (shown, suppressed) = suppress(&metric(Level::Team, &["team"]), &rows(), 3).unwrap();
        assert_eq!(suppressed, 1);
        let numbers: Vec<_> = shown.column(4).as_primitive::<Int64Type>().iter().collect();
        assert_eq!(numbers, [None, Some(8), Some(9)]);
        assert_eq!(shown.column(3).as_primitive::<Int64Type>().value(0), 2);
        assert!(shown.column(1).is_null(0), "names go with the numbers");
        assert_eq!(suppress(&metric(Level::Team, &["team"]), &rows(), 1).unwrap().1, 0);
    }

    #[test]
    fn rows_of_others_are_left_out() {
        let mine = BTreeSet::from(["ada".to_owned()]);
        let shown = only(&metric(Level::Person, &["team", "reviewer"]), &rows(), &mine).unwrap();
        assert_eq!(shown.num_rows(), 2);
        assert_eq!(only(&metric(Level::Person, &["team"]), &rows(), &mine).unwrap().num_rows(), 0);
    }

    #[test]
    fn a_person_has_one_pseudonym_wherever_they_are() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "a key of our own").unwrap();
        let names = Pseudonyms::new(&format!("file:{}", file.path().display())).unwrap().unwrap();
        let shown = names.apply(&metric(Level::Team, &["team"]), &rows()).unwrap();
        let text = arrow::util::pretty::pretty_format_batches(&[shown]).unwrap().to_string();
        assert!(!text.contains("ada") && !text.contains("bo"), "{text}");
        assert_eq!(text.matches(&names.name("ada")).count(), 3, "{text}");
        assert!(Pseudonyms::new("").unwrap().is_none());
        assert!(Pseudonyms::new("ada").is_err());
    }
}
