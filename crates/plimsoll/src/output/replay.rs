//! A metric by two definitions, as bytes.

use arrow::error::ArrowError;
use engine::Replay;
use serde_json::json;

use super::{Encoding, json_object, rows};
use crate::moment;

pub fn replay(
    found: &Replay,
    metric: &str,
    encoding: Encoding,
    example: bool,
) -> Result<Vec<u8>, ArrowError> {
    if encoding != Encoding::Json {
        return rows(&found.rows, encoding, example);
    }
    let head = [
        ("metric", json!(metric)),
        ("known_at", json!(moment::format(found.known_at))),
        ("definition", json!(found.definition)),
        ("definition_against", json!(found.against)),
        ("differ", json!(found.differ)),
        ("position", json!(found.position)),
    ];
    json_object(&head, &found.rows, example)
}
