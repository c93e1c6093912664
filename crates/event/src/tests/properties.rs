//! Properties over generated records: no input panics, and the order of keys means nothing.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::{cell, event, push, record};
use crate::Table;
use crate::model::{EventType, TYPES};

fn kinds() -> impl Strategy<Value = &'static EventType> {
    (0..TYPES.len()).prop_map(|index| &TYPES[index])
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e6..1e6).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec(("[a-d]{1,2}", inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The text of `value` with the members of every object turned by `turn`, and spaces between tokens.
fn turned(value: &Value, turn: usize) -> String {
    let space = " ".repeat(turn % 3);
    match value {
        Value::Object(members) if !members.is_empty() => {
            let mut parts: Vec<String> = members
                .iter()
                .map(|(key, value)| format!("{}{space}:{}", json!(key), turned(value, turn)))
                .collect();
            let len = parts.len();
            parts.rotate_left(turn % len);
            format!("{{{}{space}}}", parts.join(&format!("{space},")))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| turned(item, turn)).collect();
            format!("[{space}{}]", items.join(","))
        }
        other => other.to_string(),
    }
}

/// The cells of the only row that describe its content.
fn content(value: &str, table: Table) -> Vec<String> {
    let (outcome, batch) = push(&record(&[], value.as_bytes()));
    assert_eq!(outcome, format!("row {table}"), "{value}");
    let rows = batch.table(table);
    rows.schema().fields().iter().map(|field| cell(rows, field.name())).collect()
}

proptest! {
    #[test]
    fn key_order_and_whitespace_mean_nothing(kind in kinds(), extra in vec(("x[a-f]{1,3}", json_value()), 0..5), turn in 1usize..7) {
        let mut data: Map<String, Value> = serde_json::from_str(kind.example).unwrap();
        data.extend(extra);
        let value: Value = serde_json::from_str(&event(kind.name, &Value::Object(data).to_string())).unwrap();
        let table = kind.entity.table();
        prop_assert_eq!(content(&turned(&value, turn), table), content(&value.to_string(), table));
    }

    #[test]
    fn random_bytes_end_somewhere(bytes in vec(any::<u8>(), 0..200)) {
        push(&record(&[], &bytes));
        push(&record(&[("ce_type", b"dev.plimsoll.change.opened.v1"), ("ce_id", &bytes)], &bytes));
    }

    #[test]
    fn json_like_text_ends_somewhere(tokens in vec(select(&TOKENS[..]), 0..60)) {
        let text = tokens.concat();
        push(&record(&[], text.as_bytes()));
        push(&record(&[], event("commit.pushed", &text).as_bytes()));
        push(&record(&[], event("ticket.created", &format!("{{{text}}}")).as_bytes()));
    }

    #[test]
    fn mutated_events_end_somewhere(kind in kinds(), cuts in vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 1..6)) {
        let mut bytes = event(kind.name, kind.example).into_bytes();
        for (index, byte, how) in cuts {
            let at = index.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
        }
        push(&record(&[], &bytes));
    }

    #[test]
    fn a_field_of_any_shape_ends_somewhere(kind in kinds(), name in any::<prop::sample::Index>(), value in json_value()) {
        let fields = crate::model::fields(kind.entity.table());
        let mut data: Map<String, Value> = serde_json::from_str(kind.example).unwrap();
        data.insert(fields[name.index(fields.len())].name.to_owned(), value);
        let (outcome, _) = push(&record(&[], event(kind.name, &Value::Object(data).to_string()).as_bytes()));
        prop_assert!(outcome.starts_with("row") || ["bad_field", "bad_time", "missing_field", "number_out_of_range"].iter().any(|reason| outcome.ends_with(reason)), "{}", outcome);
    }
}

const TOKENS: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u",
    "d800",
    "null",
    "true",
    "-1",
    "1e9",
    "0.5",
    "\"repo\":",
    "\"files\":",
    "\"author\":",
    "\"ticket\":1,",
    "\"points\":",
    "\"path\":\"a\"",
    "\u{0}",
    " ",
    "é",
];
