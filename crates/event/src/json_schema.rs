//! The JSON Schema (draft 2020-12) of an event in structured mode, generated from the model.
//!
//! Invariant: the published `docs/events.schema.json` is this value; a test compares them.
//! Deliberately absent: what a schema cannot say, such as that a day is in the calendar; `decode` checks more.

use serde_json::{Map, Value, json};

use crate::model::{Entity, EventType, Field, Kind, TYPES, fields};
use crate::value::FILE_MEMBERS;

/// The JSON Schema of one event.
pub fn json_schema() -> Value {
    let rules: Vec<Value> = TYPES.iter().map(rule).collect();
    let mut definitions = Map::new();
    definitions.insert("person".to_owned(), person());
    definitions.insert("file".to_owned(), file());
    definitions.extend(Entity::ALL.map(|entity| (format!("{}_data", entity.as_str()), data(entity))));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:plimsoll:event:v1",
        "title": "Plimsoll event",
        "description": "A CloudEvents 1.0 event in structured mode. Data fields that are not listed are kept.",
        "type": "object",
        "required": ["specversion", "id", "source", "type", "data"],
        "properties": attributes(),
        "additionalProperties": { "type": ["string", "integer", "boolean", "null"] },
        "allOf": rules,
        "$defs": definitions,
    })
}

fn attributes() -> Value {
    let types: Vec<String> = TYPES.iter().map(EventType::full_name).collect();
    let text = |help: &str| json!({ "type": "string", "minLength": 1, "description": help });
    let time = |help: &str| json!({ "type": "string", "format": "date-time", "description": help });
    let integer = |help: &str| json!({ "type": ["integer", "string", "null"], "pattern": "^[-+]?[0-9]+$", "description": help });
    json!({
        "specversion": { "const": "1.0", "description": "The version of CloudEvents." },
        "id": text("Names the event; a second event under the same id is the same event."),
        "source": text("Where the event comes from."),
        "type": { "enum": types, "description": "What happened." },
        "time": time("When it happened."),
        "subject": { "type": ["string", "null"], "minLength": 1, "description": "What it is about, for people." },
        "datacontenttype": { "type": ["string", "null"], "description": "A JSON media type; absent means application/json." },
        "observedat": { "type": ["string", "null"], "format": "date-time", "description": "When the fact became known; absent means when the log recorded the event." },
        "sequence": integer("Orders events of one time; absent means 0."),
        "sourceversion": integer("Of two events under one id the higher one wins; absent means 0."),
        "data": { "type": "object", "description": "What is known about it." },
    })
}

/// What the data of one event type must hold.
fn rule(kind: &EventType) -> Value {
    let mut data =
        Map::from_iter([("$ref".to_owned(), json!(format!("#/$defs/{}_data", kind.entity.as_str())))]);
    data.insert("required".to_owned(), json!(kind.required));
    let not_null = |name: &&str| ((*name).to_owned(), json!({ "not": { "type": "null" } }));
    data.insert("properties".to_owned(), Value::Object(kind.required.iter().map(not_null).collect()));
    if !kind.one_of.is_empty() {
        let given =
            |name: &&str| json!({ "required": [name], "properties": Map::from_iter([not_null(name)]) });
        data.insert("anyOf".to_owned(), kind.one_of.iter().map(given).collect());
    }
    json!({
        "if": { "properties": { "type": { "const": kind.full_name() } }, "required": ["type"] },
        "then": { "description": kind.help, "properties": { "data": data } },
    })
}

fn data(entity: Entity) -> Value {
    let mut properties = Map::new();
    for field in
        fields(entity.table()).iter().filter(|field| field.belongs_to(entity) && !field.name.is_empty())
    {
        for name in [Some(field.name), field.alias].into_iter().flatten() {
            properties.insert(name.to_owned(), property(field));
        }
    }
    json!({ "type": "object", "properties": properties })
}

fn property(field: &Field) -> Value {
    let mut property = shape(field.kind);
    let help = if field.unit.is_empty() {
        field.help.to_owned()
    } else {
        format!("{} Unit: {}.", field.help, field.unit)
    };
    property.insert("description".to_owned(), json!(help));
    let example: Value = serde_json::from_str(field.example).expect("the examples of the model are json");
    property.insert("examples".to_owned(), json!([example]));
    Value::Object(property)
}

/// The shapes that the field's value may have; null clears any of them.
fn shape(kind: Kind) -> Map<String, Value> {
    let person = json!({ "$ref": "#/$defs/person" });
    let shape = match kind {
        Kind::Text => json!({ "type": ["string", "null"] }),
        Kind::Id => json!({ "type": ["string", "integer", "null"], "minLength": 1 }),
        Kind::Choice(choices) => {
            let values: Vec<Value> =
                choices.iter().map(|choice| json!(choice)).chain([Value::Null]).collect();
            json!({ "enum": values })
        }
        Kind::Person | Kind::PersonPart(_) => json!({ "anyOf": [person, { "type": "null" }] }),
        Kind::Texts => json!({ "type": ["array", "null"], "items": { "type": "string" } }),
        Kind::Ids => {
            json!({ "type": ["array", "null"], "items": { "type": ["string", "integer"], "minLength": 1 } })
        }
        Kind::People => json!({ "type": ["array", "null"], "items": person }),
        Kind::Bool => json!({ "type": ["boolean", "null"] }),
        Kind::Count => json!({ "type": ["integer", "null"], "minimum": 0, "maximum": i64::MAX }),
        Kind::Hundredths => json!({ "type": ["number", "null"] }),
        Kind::Date => json!({ "type": ["string", "null"], "format": "date" }),
        Kind::Time => json!({ "type": ["string", "null"], "format": "date-time" }),
        Kind::Moment => {
            json!({ "type": ["string", "null"], "anyOf": [{ "format": "date" }, { "format": "date-time" }] })
        }
        Kind::Json => json!({ "type": ["object", "null"] }),
        Kind::Files => json!({ "type": ["array", "null"], "items": { "$ref": "#/$defs/file" } }),
    };
    match shape {
        Value::Object(members) => members,
        _ => unreachable!("every shape is written as an object"),
    }
}

fn person() -> Value {
    let name = json!({ "type": ["string", "null"] });
    json!({
        "description": "A name, or an object; rows call the person by login, else by e-mail in lower case, else by name.",
        "anyOf": [
            { "type": "string", "minLength": 1 },
            { "type": "object", "properties": { "name": name, "email": name, "login": name }, "minProperties": 1 },
        ],
    })
}

fn file() -> Value {
    let properties: Map<String, Value> =
        FILE_MEMBERS.iter().map(|(name, kind)| ((*name).to_owned(), Value::Object(shape(*kind)))).collect();
    json!({
        "description": "A file that a commit changed; without additions and deletions it is binary.",
        "type": "object",
        "required": ["path", "change"],
        "properties": properties,
    })
}
