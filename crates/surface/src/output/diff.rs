//! What changed in a metric, as bytes.

use arrow::error::ArrowError;
use serde_json::json;

use super::{Encoding, Writing, json_object, table_rows};
use crate::moment;
use crate::wall::ShownDiff;

pub fn diff(
    shown: &ShownDiff,
    encoding: Encoding,
    writing: impl Into<Writing>,
) -> Result<Vec<u8>, ArrowError> {
    let (metric, found, writing) = (shown.metric(), shown.diff(), writing.into());
    if encoding != Encoding::Json {
        return table_rows(&found.rows, encoding, writing);
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
    json_object(&head, &found.rows, writing)
}
