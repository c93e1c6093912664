//! Answers of metrics as rows that sentences read.
//!
//! Invariant: a metric that failed, or that is not in the catalogue, is a table without rows; the footer says so.

use std::collections::BTreeMap;

use arrow::error::ArrowError;
use chrono::NaiveDate;
use serde_json::{Map, Value};

use surface::Shown;
use surface::output::json;

/// Rows of a metric that are kept; a report is no export.
const ROWS_MAX: usize = 2_000;

#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub columns: Vec<String>,
    pub rows: Vec<Row>,
    /// All that there are, the ones that are not kept included.
    pub total: usize,
    /// Rows whose numbers may not be shown.
    pub suppressed: u64,
}

/// One row of a metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row(pub Map<String, Value>);

impl Row {
    pub fn text(&self, column: &str) -> Option<&str> {
        self.0.get(column)?.as_str()
    }

    pub fn number(&self, column: &str) -> Option<f64> {
        self.0.get(column)?.as_f64()
    }

    pub fn whole(&self, column: &str) -> Option<i64> {
        self.0.get(column)?.as_i64()
    }

    pub fn date(&self, column: &str) -> Option<NaiveDate> {
        self.text(column)?.get(..10)?.parse().ok()
    }

    /// Whether a flag is set; no value is not.
    pub fn is(&self, column: &str) -> bool {
        self.0.get(column).and_then(Value::as_bool).unwrap_or(false)
    }
}

/// Metrics by name.
#[derive(Clone, Debug, Default)]
pub struct Facts(pub BTreeMap<String, Rows>);

impl Facts {
    pub fn add(&mut self, shown: &Shown) -> Result<(), ArrowError> {
        let result = shown.result();
        let Value::Array(values) = json(shown, ROWS_MAX)? else { return Ok(()) };
        let row = |value| match value {
            Value::Object(row) => Row(row),
            _ => Row::default(),
        };
        let rows = Rows {
            columns: result.rows.schema().fields().iter().map(|field| field.name().clone()).collect(),
            rows: values.into_iter().map(row).collect(),
            total: result.rows.num_rows(),
            suppressed: result.suppressed,
        };
        self.0.insert(result.metric.clone(), rows);
        Ok(())
    }

    pub fn of(&self, metric: &str) -> &[Row] {
        self.0.get(metric).map_or(&[], |rows| &rows.rows)
    }

    /// The first row of a metric whose column says so.
    pub fn find(&self, metric: &str, column: &str, value: &str) -> Option<&Row> {
        self.of(metric).iter().find(|row| row.text(column) == Some(value))
    }
}
