//! The Arrow schemas of the five tables.
//!
//! Invariant: the columns of [`common`] come first and in the same order in every table of events.
//! Deliberately absent: the union of the five that a store may need; columns of one name have one type everywhere.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field as ArrowField, Fields, Schema, SchemaRef, TimeUnit};

use crate::model::{Field, Kind, Table, fields};

static SCHEMAS: LazyLock<[SchemaRef; Table::ALL.len()]> =
    LazyLock::new(|| Table::ALL.map(|table| Arc::new(build(table))));

/// The schema of `table`; the same `Arc` each time.
pub fn schema(table: Table) -> SchemaRef {
    Arc::clone(&SCHEMAS[table as usize])
}

/// A UTC timestamp in microseconds.
pub fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// A list of strings.
pub fn texts() -> DataType {
    DataType::List(Arc::new(ArrowField::new("item", DataType::Utf8View, true)))
}

/// The list of files of a commit.
pub fn files() -> DataType {
    DataType::List(Arc::new(ArrowField::new("item", DataType::Struct(file_fields()), true)))
}

/// The members of one file of a commit.
pub(crate) fn file_fields() -> Fields {
    Fields::from(vec![
        ArrowField::new("path", DataType::Utf8View, false),
        ArrowField::new("old_path", DataType::Utf8View, true),
        ArrowField::new("change", DataType::Utf8View, false),
        ArrowField::new("additions", DataType::Int64, true),
        ArrowField::new("deletions", DataType::Int64, true),
    ])
}

/// The columns that every table of events starts with.
pub fn common() -> Vec<ArrowField> {
    vec![
        ArrowField::new("event_id", DataType::Utf8View, false),
        ArrowField::new("type", DataType::Utf8View, false),
        ArrowField::new("source", DataType::Utf8View, false),
        ArrowField::new("subject", DataType::Utf8View, true),
        ArrowField::new("occurred_at", timestamp(), false),
        ArrowField::new("observed_at", timestamp(), false),
        ArrowField::new("effective_at", timestamp(), false),
        ArrowField::new("seq", DataType::Int64, false),
        ArrowField::new("source_version", DataType::Int64, false),
        ArrowField::new("payload_hash", DataType::Int64, false),
        ArrowField::new("key_hash", DataType::Int64, false),
        ArrowField::new("topic", DataType::Utf8View, false),
        ArrowField::new("partition", DataType::Int32, false),
        ArrowField::new("offset", DataType::Int64, false),
        ArrowField::new("flags", texts(), true),
        ArrowField::new("extra", DataType::Utf8View, true),
        ArrowField::new("cleared", texts(), true),
    ]
}

fn build(table: Table) -> Schema {
    if table == Table::DeadLetters {
        return dead_letters();
    }
    let mut columns = common();
    if table.is_mixed() {
        columns.push(ArrowField::new("entity", DataType::Utf8View, false));
        columns.push(ArrowField::new("entity_id", DataType::Utf8View, false));
    }
    columns.extend(fields(table).iter().map(column));
    Schema::new(columns)
}

fn column(field: &Field) -> ArrowField {
    let data_type = match field.kind {
        Kind::Text | Kind::Id | Kind::Choice(_) | Kind::Person | Kind::PersonPart(_) | Kind::Json => {
            DataType::Utf8View
        }
        Kind::Texts | Kind::Ids | Kind::People => texts(),
        Kind::Bool => DataType::Boolean,
        Kind::Count | Kind::Hundredths => DataType::Int64,
        Kind::Date => DataType::Date32,
        Kind::Time | Kind::Moment => timestamp(),
        Kind::Files => files(),
    };
    ArrowField::new(field.column, data_type, field.nullable)
}

fn dead_letters() -> Schema {
    Schema::new(vec![
        ArrowField::new("topic", DataType::Utf8View, false),
        ArrowField::new("partition", DataType::Int32, false),
        ArrowField::new("offset", DataType::Int64, false),
        ArrowField::new("log_time", timestamp(), false),
        ArrowField::new("reason", DataType::Utf8View, false),
        ArrowField::new("detail", DataType::Utf8View, false),
        ArrowField::new("record_key", DataType::Binary, true),
        ArrowField::new("value", DataType::Binary, true),
        ArrowField::new("headers", DataType::Utf8View, true),
    ])
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::model::SLOTS;

    #[test]
    fn a_name_has_one_type_and_stands_once_in_a_table() {
        let mut types = HashMap::new();
        for table in Table::ALL {
            assert!(fields(table).len() <= SLOTS);
            let mut seen = std::collections::HashSet::new();
            for field in schema(table).fields() {
                assert!(seen.insert(field.name().clone()), "{table} has two columns {}", field.name());
                let known = types.entry(field.name().clone()).or_insert_with(|| field.data_type().clone());
                assert_eq!(known, field.data_type(), "{table}.{}", field.name());
            }
        }
    }
}
