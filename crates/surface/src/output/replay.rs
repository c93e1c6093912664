//! A metric by two definitions, as bytes.

use arrow::error::ArrowError;
use serde_json::json;

use super::{Encoding, Writing, json_object, table_rows};
use crate::moment;
use crate::wall::ShownReplay;

pub fn replay(
    shown: &ShownReplay,
    metric: &str,
    encoding: Encoding,
    writing: impl Into<Writing>,
) -> Result<Vec<u8>, ArrowError> {
    let (found, writing) = (shown.found(), writing.into());
    if encoding != Encoding::Json {
        return table_rows(&found.rows, encoding, writing);
    }
    let head = [
        ("metric", json!(metric)),
        ("known_at", json!(moment::format(found.known_at))),
        ("definition", json!(found.definition)),
        ("definition_against", json!(found.against)),
        ("differ", json!(found.differ)),
        ("position", json!(found.position)),
    ];
    json_object(&head, &found.rows, writing)
}
