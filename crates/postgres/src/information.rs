//! `information_schema`: what the SQL standard says of tables and columns, with PostgreSQL's names of types.
//!
//! Invariant: it tells of what the user may read, and of nothing else. Its tables about keys, constraints and routines
//! are there for those who ask, and empty: there are none. Deliberately absent: everything that clients were not seen to ask.

use std::sync::Arc;

use arrow_pg::datatypes::into_pg_type;
use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::{MemTable, SchemaProvider, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::Result;
use engine::{SQL_CATALOG, SQL_SCHEMA};
use pgwire::api::Type;

use super::listing::{INFORMATION_SCHEMA, Listing, PG_CATALOG};

/// Tables without a row, and the columns that clients join them by.
const EMPTY: [(&str, &[&str]); 5] = [
    (
        "table_constraints",
        &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "table_catalog",
            "table_schema",
            "table_name",
            "constraint_type",
        ],
    ),
    (
        "key_column_usage",
        &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "table_catalog",
            "table_schema",
            "table_name",
            "column_name",
            "ordinal_position",
        ],
    ),
    (
        "constraint_column_usage",
        &[
            "table_catalog",
            "table_schema",
            "table_name",
            "column_name",
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
        ],
    ),
    (
        "referential_constraints",
        &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "unique_constraint_schema",
            "unique_constraint_name",
            "match_option",
            "update_rule",
            "delete_rule",
        ],
    ),
    (
        "routines",
        &["specific_schema", "specific_name", "routine_schema", "routine_name", "routine_type", "data_type"],
    ),
];

#[derive(Debug)]
pub struct Information(pub Listing);

#[async_trait]
impl SchemaProvider for Information {
    fn table_names(&self) -> Vec<String> {
        let full = ["schemata", "tables", "views", "columns"].into_iter();
        full.chain(EMPTY.iter().map(|(name, _)| *name)).map(str::to_owned).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let columns = match name {
            "schemata" => schemata(),
            "tables" => self.tables(),
            "views" => self.views(),
            "columns" => self.columns(),
            _ => match EMPTY.iter().find(|(empty, _)| *empty == name) {
                Some((_, columns)) => columns.iter().map(|column| (*column, texts([]))).collect(),
                None => return Ok(None),
            },
        };
        let rows = RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, rows)| (name, rows, true)),
        )?;
        Ok(Some(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?)))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.table_names().iter().any(|known| known == name)
    }
}

type Columns = Vec<(&'static str, ArrayRef)>;

fn schemata() -> Columns {
    let names = [SQL_SCHEMA, PG_CATALOG, INFORMATION_SCHEMA];
    vec![
        ("catalog_name", texts(names.map(|_| Some(SQL_CATALOG)))),
        ("schema_name", texts(names.map(Some))),
        ("schema_owner", texts(names.map(|_| Some("plimsoll")))),
    ]
}

impl Information {
    fn tables(&self) -> Columns {
        let tables = self.0.tables();
        let each =
            |text: fn(TableType) -> &'static str| texts(tables.values().map(|(kind, _)| Some(text(*kind))));
        vec![
            ("table_catalog", each(|_| SQL_CATALOG)),
            ("table_schema", each(|_| SQL_SCHEMA)),
            ("table_name", texts(tables.keys().map(|name| Some(name.as_str())))),
            ("table_type", each(|kind| if kind == TableType::View { "VIEW" } else { "BASE TABLE" })),
            ("is_insertable_into", each(|_| "NO")),
        ]
    }

    /// What a view is made of is in the metric's own page and file, not in SQL of this protocol.
    fn views(&self) -> Columns {
        let tables = self.0.tables();
        let views =
            tables.iter().filter(|(_, (kind, _))| *kind == TableType::View).map(|(name, _)| name.as_str());
        let views: Vec<&str> = views.collect();
        let same = |text: Option<&'static str>| texts(views.iter().map(|_| text));
        vec![
            ("table_catalog", same(Some(SQL_CATALOG))),
            ("table_schema", same(Some(SQL_SCHEMA))),
            ("table_name", texts(views.iter().copied().map(Some))),
            ("view_definition", same(None)),
            ("check_option", same(Some("NONE"))),
            ("is_updatable", same(Some("NO"))),
        ]
    }

    fn columns(&self) -> Columns {
        let tables = self.0.tables();
        let all: Vec<_> = tables
            .iter()
            .flat_map(|(table, (_, schema))| {
                schema.fields().iter().enumerate().map(move |(index, field)| (table.as_str(), index, field))
            })
            .collect();
        let types: Vec<Type> = all.iter().map(|(_, _, field)| type_of(field.data_type())).collect();
        let same = |text: &'static str| texts(all.iter().map(|_| Some(text)));
        let by_type = |number: fn(&Type) -> Option<i32>| -> ArrayRef {
            Arc::new(types.iter().map(number).collect::<Int32Array>())
        };
        vec![
            ("table_catalog", same(SQL_CATALOG)),
            ("table_schema", same(SQL_SCHEMA)),
            ("table_name", texts(all.iter().map(|(table, _, _)| Some(*table)))),
            ("column_name", texts(all.iter().map(|(_, _, field)| Some(field.name().as_str())))),
            (
                "ordinal_position",
                Arc::new(all.iter().map(|(_, index, _)| Some(*index as i32 + 1)).collect::<Int32Array>()),
            ),
            ("column_default", texts(all.iter().map(|_| None))),
            (
                "is_nullable",
                texts(all.iter().map(|(_, _, field)| Some(if field.is_nullable() { "YES" } else { "NO" }))),
            ),
            ("data_type", texts(types.iter().map(|kind| Some(standard_name(kind))))),
            ("character_maximum_length", by_type(|_| None)),
            ("numeric_precision", by_type(precision)),
            (
                "numeric_scale",
                by_type(|kind| [Type::INT2, Type::INT4, Type::INT8].contains(kind).then_some(0)),
            ),
            (
                "datetime_precision",
                by_type(|kind| [Type::TIMESTAMP, Type::TIMESTAMPTZ].contains(kind).then_some(6)),
            ),
            ("udt_catalog", same(SQL_CATALOG)),
            ("udt_schema", same(PG_CATALOG)),
            ("udt_name", texts(types.iter().map(|kind| Some(kind.name())))),
            ("is_identity", same("NO")),
            ("is_generated", same("NEVER")),
            ("is_updatable", same("NO")),
        ]
    }
}

/// A type that has no name in PostgreSQL is shown as its text.
fn type_of(kind: &DataType) -> Type {
    into_pg_type(kind).unwrap_or(Type::TEXT)
}

/// What the standard calls a type; `udt_name` has PostgreSQL's short name.
fn standard_name(kind: &Type) -> &str {
    match *kind {
        Type::BOOL => "boolean",
        Type::INT2 => "smallint",
        Type::INT4 => "integer",
        Type::INT8 => "bigint",
        Type::FLOAT4 => "real",
        Type::FLOAT8 => "double precision",
        Type::TIMESTAMP => "timestamp without time zone",
        Type::TIMESTAMPTZ => "timestamp with time zone",
        Type::TIME => "time without time zone",
        _ if kind.name().starts_with('_') => "ARRAY",
        _ => kind.name(),
    }
}

/// Binary digits of a number.
fn precision(kind: &Type) -> Option<i32> {
    match *kind {
        Type::INT2 => Some(16),
        Type::INT4 => Some(32),
        Type::INT8 => Some(64),
        Type::FLOAT4 => Some(24),
        Type::FLOAT8 => Some(53),
        _ => None,
    }
}

fn texts<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}
