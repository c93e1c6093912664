//! What changed in a metric, as bytes.

use arrow::error::ArrowError;
use engine::{Diff, Metric};
use serde_json::json;

use super::{Encoding, json_object, rows};
use crate::moment;

pub fn diff(found: &Diff, metric: &Metric, encoding: Encoding, example: bool) -> Result<Vec<u8>, ArrowError> {
    if encoding != Encoding::Json {
        return rows(&found.rows, encoding, example);
    }
    let to = &found.to;
    let head = [
        ("metric", json!(metric.name)),
        ("title", json!(metric.title)),
        ("unit", json!(metric.unit)),
        ("value", json!(metric.value)),
        ("from", json!(moment::format(found.from))),
        ("to", json!(moment::format(to.as_of))),
        ("known_at", json!(moment::format(to.known_at))),
        ("definition", json!(to.definition)),
        ("position", json!(to.position)),
    ];
    json_object(&head, &found.rows, example)
}
