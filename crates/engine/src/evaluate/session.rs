//! What SQL sees: sessions with our functions, and the providers that show tables and views to them.
//!
//! Sessions for views and metrics run on one partition, so that a result never depends on how rows
//! were spread. Providers hand out immutable rows: a query sees one snapshot from start to end.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::datasource::TableType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::Result;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::functions;
use crate::moment::Moment;
use crate::rows::by_key::Rows;
use crate::rows::tables::{Tables, schema};

/// What SQL calls the one catalog and the one schema of tables, views and metrics.
pub const SQL_CATALOG: &str = "plimsoll";
pub const SQL_SCHEMA: &str = "public";

/// An empty session with our functions.
pub fn session(runtime: Arc<RuntimeEnv>) -> SessionContext {
    let config = SessionConfig::new()
        .with_target_partitions(1)
        .with_default_catalog_and_schema(SQL_CATALOG, SQL_SCHEMA)
        .with_information_schema(true)
        .set_bool("datafusion.sql_parser.enable_ident_normalization", true)
        .set_bool("datafusion.sql_parser.map_string_types_to_utf8view", true);
    let context = SessionContext::new_with_config_rt(config, runtime);
    functions::register(&context);
    context
}

/// The standing rows of a view.
#[derive(Debug)]
pub struct ViewTable {
    pub rows: Rows,
    /// The boolean column that parts are split by.
    pub open: Option<String>,
}

#[async_trait]
impl TableProvider for ViewTable {
    fn schema(&self) -> SchemaRef {
        self.rows.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted = self.open.as_deref().and_then(|open| filters.iter().find_map(|f| wanted_open(f, open)));
        let mut batches = Vec::new();
        for part in self.rows.parts() {
            if wanted.is_some() && part.open.is_some() && part.open != wanted {
                continue;
            }
            batches.push(part.project(projection)?);
        }
        scan_memory(batches, &self.rows.schema, projection)
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
}

/// Whether `filter` asks for rows that are open (true) or that are not; `None` if it says nothing.
fn wanted_open(filter: &Expr, open: &str) -> Option<bool> {
    let is_open = |e: &Expr| matches!(e, Expr::Column(c) if c.name == open);
    match filter {
        e if is_open(e) => Some(true),
        Expr::IsTrue(e) if is_open(e) => Some(true),
        Expr::Not(e) if is_open(e) => Some(false),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) if is_open(left) => {
            match right.as_ref() {
                Expr::Literal(ScalarValue::Boolean(value), _) => *value,
                _ => None,
            }
        }
        _ => None,
    }
}

/// One event table at a moment: one row per event id.
#[derive(Debug)]
pub struct EventTable {
    pub tables: Tables,
    /// Index into [`crate::rows::tables::EVENT_TABLES`].
    pub table: usize,
    pub moment: Moment,
}

#[async_trait]
impl TableProvider for EventTable {
    fn schema(&self) -> SchemaRef {
        schema(self.table)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut batches = Vec::new();
        for segment in &self.tables.segments[self.table] {
            batches.push(self.tables.standing(self.table, segment, projection, self.moment)?);
        }
        scan_memory(batches, &self.schema(), projection)
    }
}

fn scan_memory(
    batches: Vec<RecordBatch>,
    schema: &SchemaRef,
    projection: Option<&Vec<usize>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let projected = match projection {
        Some(columns) => Arc::new(schema.project(columns)?),
        None => schema.clone(),
    };
    Ok(MemorySourceConfig::try_new_exec(&[batches], projected, None)?)
}
