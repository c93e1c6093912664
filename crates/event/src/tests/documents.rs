//! `docs/events.schema.json` and the tables of `docs/events.md` are golden files of the model.
//!
//! `PLIMSOLL_BLESS=1 cargo test -p event documents` rewrites them.

use std::fmt::Write;
use std::path::PathBuf;

use crate::json_schema::json_schema;
use crate::model::{Entity, Field, Kind, TYPES, fields};
use crate::schema::schema;
use crate::value::expected;
use crate::{Reason, Table};

fn document(name: &str) -> (PathBuf, String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    (path, text)
}

fn bless() -> bool {
    std::env::var_os("PLIMSOLL_BLESS").is_some_and(|value| value == "1")
}

#[test]
fn the_json_schema_is_published() {
    let (path, text) = document("events.schema.json");
    let generated = json_schema();
    let definitions = generated["$defs"].as_object().unwrap().len();
    assert_eq!(definitions, Entity::ALL.len() + 2, "two definitions share a name");
    if bless() {
        std::fs::write(&path, format!("{}\n", serde_json::to_string_pretty(&generated).unwrap())).unwrap();
        return;
    }
    let published: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(published == generated, "docs/events.schema.json is out of date: run with PLIMSOLL_BLESS=1");
}

#[test]
fn the_tables_of_the_event_document_are_the_models() {
    let (path, text) = document("events.md");
    let mut found = text.clone();
    for (name, block) in
        [("types", types()), ("fields", all_fields()), ("examples", examples()), ("reasons", reasons())]
    {
        let begin = format!("<!-- generated: {name} -->\n");
        let start =
            found.find(&begin).unwrap_or_else(|| panic!("docs/events.md has no block {name}")) + begin.len();
        let end = start + found[start..].find("<!-- end -->").unwrap();
        found.replace_range(start..end, &block);
    }
    if bless() {
        std::fs::write(&path, found).unwrap();
        return;
    }
    assert!(found == text, "docs/events.md is out of date: run with PLIMSOLL_BLESS=1");
}

#[test]
fn the_event_document_names_every_column() {
    let (_, text) = document("events.md");
    for table in Table::ALL {
        for field in schema(table).fields() {
            assert!(
                text.contains(&format!("`{}`", field.name())),
                "docs/events.md lacks {table}.{}",
                field.name()
            );
        }
    }
}

fn types() -> String {
    let mut out = String::from("| type | table | when | required data |\n|---|---|---|---|\n");
    for kind in &TYPES {
        let mut required = kind.required.join("`, `");
        if !kind.one_of.is_empty() {
            write!(required, "`, and `{}", kind.one_of.join("` or `")).unwrap();
        }
        writeln!(out, "| `{}` | {} | {} | `{required}` |", kind.name, kind.entity.table(), kind.help)
            .unwrap();
    }
    out
}

fn all_fields() -> String {
    let mut out = String::new();
    for table in [Table::Commits, Table::Reviews, Table::Tickets, Table::Directory] {
        writeln!(out, "\n### {table}\n").unwrap();
        out.push_str("| field | column | value | unit | in events about | meaning | example |\n|---|---|---|---|---|---|---|\n");
        for field in fields(table) {
            out.push_str(&line(field));
        }
    }
    out.push('\n');
    out
}

fn line(field: &Field) -> String {
    if let Kind::PersonPart(part) = field.kind {
        let part = format!("{part:?}").to_lowercase();
        return format!(
            "| | `{}` | | | | The {part} of the person before, when given as an object. | |\n",
            field.column
        );
    }
    let alias = field.alias.map(|alias| format!(" or `{alias}`")).unwrap_or_default();
    let value = match field.kind {
        Kind::Choice(choices) => choices.join(", "),
        kind => expected(kind).to_owned(),
    };
    let about: Vec<&str> =
        Entity::ALL.into_iter().filter(|entity| field.belongs_to(*entity)).map(Entity::as_str).collect();
    format!(
        "| `{}`{alias} | `{}` | {value} | {} | {} | {} | `{}` |\n",
        field.name,
        field.column,
        field.unit,
        about.join(", "),
        field.help,
        field.example
    )
}

fn examples() -> String {
    let mut out = String::from("```json\n");
    for kind in &TYPES {
        writeln!(out, r#"{{"type":"{}","data":{}}}"#, kind.full_name(), kind.example).unwrap();
    }
    out.push_str("```\n");
    out
}

fn reasons() -> String {
    let mut out = String::from("| reason | meaning | what to do |\n|---|---|---|\n");
    for reason in Reason::ALL {
        writeln!(out, "| `{reason}` | {} | {} |", reason.meaning(), reason.remedy()).unwrap();
    }
    out
}
