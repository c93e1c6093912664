//! The steps of a range as bytes: one table whose first column is each row's moment.

use arrow::error::ArrowError;
use engine::MetricResult;
use serde_json::json;

use super::{Encoding, Writing, json_object, table_rows, what_if};
use crate::moment;
use crate::wall::ShownSeries;

pub fn range(
    shown: &ShownSeries,
    encoding: Encoding,
    writing: impl Into<Writing>,
) -> Result<Vec<u8>, ArrowError> {
    let (steps, rows, writing) = (shown.steps(), shown.rows(), writing.into());
    if encoding != Encoding::Json {
        return table_rows(rows, encoding, writing);
    }
    let first = steps.first().expect("a range has a step");
    let last = steps.last().expect("a range has a step");
    json_object(&head(first, last, steps), rows, writing)
}

fn head(
    first: &MetricResult,
    last: &MetricResult,
    steps: &[MetricResult],
) -> Vec<(&'static str, serde_json::Value)> {
    let mut head = vec![
        ("metric", json!(first.metric)),
        ("from", json!(moment::format(first.as_of))),
        ("to", json!(moment::format(last.as_of))),
        ("steps", json!(steps.len())),
        ("known_at", json!(moment::format(first.known_at))),
        ("definition", json!(first.definition)),
        ("position", json!(first.position)),
    ];
    let suppressed: u64 = steps.iter().map(|step| step.suppressed).sum();
    if suppressed > 0 {
        head.push(("suppressed", json!(suppressed)));
    }
    head.extend(what_if(first));
    head
}
