//! A user's SQL: one SELECT (or EXPLAIN of one), bounded in text, time, memory and rows.
//!
//! Invariant: nothing that a text says can write, reach a file or the network, stop another query, or take the process's
//! memory. A text is counted before it is parsed (`verify.rs`), what it calls is allowed by name (`calls.rs`,
//! `registry.rs`) and looks before it runs (`guard.rs`), each step of its plan is looked at between two batches
//! (`watched.rs`), and what it holds is counted by the allocator (`meter.rs`).

mod verify;

mod calls;
mod registry;
mod relations;

mod guard;
mod operator;
mod watched;

mod runner;

mod meter;
mod pool;
mod size;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{collect, execute_stream};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use datafusion::sql::parser::Statement as AnyStatement;
use datafusion::sql::sqlparser::ast::{Query, Statement};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use futures::StreamExt;

use crate::error::{Error, first_line};

use size::array_bytes;
use verify::only_statement;

pub use calls::check_calls;
pub use meter::Metered;
#[cfg(test)]
pub use meter::{Budget, Meter};
pub use registry::{ALLOWED, REFUSED};
pub use relations::{ident_name, relation_name, relations, uses};
pub use runner::SqlRunner;
pub use verify::{check_statement, check_text};

/// Bounds of one query.
#[derive(Debug, Clone)]
pub struct SqlLimits {
    pub text_bytes_max: usize,
    /// Tokens that nest or chain: operators, brackets, SELECT, JOIN, UNION, CASE.
    pub operators_max: usize,
    pub rows_max: usize,
    pub timeout: Duration,
    pub memory_bytes: usize,
    pub spill_bytes_max: u64,
}

impl Default for SqlLimits {
    fn default() -> Self {
        SqlLimits {
            text_bytes_max: 16 << 10,
            operators_max: 500,
            rows_max: 100_000,
            timeout: Duration::from_secs(30),
            memory_bytes: 512 << 20,
            spill_bytes_max: 1 << 30,
        }
    }
}

/// A user's statement, parsed and found to be one that may be planned.
pub struct SqlStatement {
    statement: Statement,
    relations: BTreeSet<String>,
}

impl SqlStatement {
    /// The tables, views and metrics that it reads.
    pub fn relations(&self) -> &BTreeSet<String> {
        &self.relations
    }
}

/// The rows of one statement. They count as memory of users' statements for as long as they are held.
pub struct SqlRows {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
    held: Taken,
}

/// What a statement has taken, until this is dropped: its memory and its place.
pub struct Taken {
    _memory: MemoryReservation,
    _statement: Option<Arc<meter::Meter>>,
}

impl SqlRows {
    /// As one batch, and what it holds.
    pub fn into_batch(self) -> Result<(RecordBatch, Taken), Error> {
        let bytes: u64 = self.batches.iter().map(batch_bytes).sum();
        meter::check(bytes)?;
        Ok((concat_batches(&self.schema, &self.batches)?, self.held))
    }

    /// The batches, and what they hold.
    pub fn into_parts(self) -> (SchemaRef, Vec<RecordBatch>, Taken) {
        (self.schema, self.batches, self.held)
    }
}

fn batch_bytes(batch: &RecordBatch) -> u64 {
    batch.columns().iter().map(|column| array_bytes(column.as_ref())).sum()
}

/// How a session of users differs from one of shipped SQL: its batches are small, so that it can be stopped between
/// two, and a LIMIT makes no room for its rows before they are there.
pub fn bounded(config: &mut SessionConfig) {
    *config = config.clone().with_batch_size(watched::BATCH_ROWS);
    config.options_mut().optimizer.enable_topk_aggregation = false;
}

/// Plans a query of the catalogue.
pub async fn plan_query(context: &SessionContext, query: Query) -> Result<LogicalPlan, DataFusionError> {
    let statement = AnyStatement::Statement(Box::new(Statement::Query(Box::new(query))));
    context.state().statement_to_plan(statement).await
}

/// Plans one statement that [`check_statement`] and [`check_calls`] let pass. Whatever the statement was, the plan only
/// reads, and its calls look before they run.
pub async fn plan_statement(context: &SessionContext, statement: Statement) -> Result<LogicalPlan, Error> {
    let statement = AnyStatement::Statement(Box::new(statement));
    let plan = context.state().statement_to_plan(statement).await.map_err(in_user_text)?;
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(&plan)?;
    meter::check(0)?;
    guard::guarded(plan).map_err(in_user_text)
}

/// Runs a plan of [`plan_statement`] to its end. What goes wrong in it is wrong with the user's text or its values.
pub async fn collect_rows(
    context: &SessionContext,
    plan: LogicalPlan,
    rows_max: usize,
) -> Result<SqlRows, Error> {
    let state = context.state();
    let task = context.task_ctx();
    let memory = MemoryConsumer::new("rows of a result").register(task.memory_pool());
    meter::check(0)?;
    let plan = guard::guarded_last(state.optimize(&plan).map_err(in_user_text)?).map_err(in_user_text)?;
    meter::check(0)?;
    let physical = state.query_planner().create_physical_plan(&plan, &state).await.map_err(in_user_text)?;
    // Types are made to fit each other after planning, so what the plan said before may be another type.
    let schema = physical.schema();
    let physical = watched::watched(physical).map_err(in_user_text)?;
    let mut stream = execute_stream(physical, task).map_err(in_user_text)?;
    let (mut batches, mut rows) = (Vec::new(), 0);
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(in_user_text)?;
        rows += batch.num_rows();
        if rows > rows_max {
            return Err(Error::TooLarge { rows_max });
        }
        memory.try_grow(batch_bytes(&batch) as usize)?;
        batches.push(batch);
    }
    Ok(SqlRows { schema, batches, held: Taken { _memory: memory, _statement: meter::current() } })
}

/// The one query of a text of our own.
pub fn query_of(sql: &str) -> Result<Query, Error> {
    let wrong = |message: String| Error::Internal { message };
    match Parser::parse_sql(&GenericDialect {}, sql).map_err(|error| wrong(error.to_string()))?.pop() {
        Some(Statement::Query(query)) => Ok(*query),
        _ => Err(wrong(format!("this is no query: {sql}"))),
    }
}

/// Runs a plan of [`plan_query`] to its end.
pub async fn collect_own(context: &SessionContext, plan: LogicalPlan) -> Result<RecordBatch, Error> {
    Ok(rows_of(context.execute_logical_plan(plan).await?).await?)
}

/// The rows of a frame as one batch, in the columns that they have once types fit each other.
pub async fn rows_of(frame: DataFrame) -> Result<RecordBatch, DataFusionError> {
    let task = Arc::new(frame.task_ctx());
    let plan = frame.create_physical_plan().await?;
    let schema = plan.schema();
    Ok(concat_batches(&schema, &collect(plan, task).await?)?)
}

/// The columns that a plan gives when it runs. A plan says what its text says; that the two sides of a UNION or the ends
/// of a CASE have one type is made so afterwards.
pub fn columns_of(context: &SessionContext, plan: &LogicalPlan) -> Result<SchemaRef, DataFusionError> {
    let state = context.state();
    let fitted = state.analyzer().execute_and_check(plan.clone(), state.config_options(), |_, _| {})?;
    Ok(fitted.schema().inner().clone())
}

/// A division by zero, a cast that fails and the like: metrics never do that, users' texts do. So does what the query
/// engine takes for its own mistake: no shipped text has met it.
fn in_user_text(error: DataFusionError) -> Error {
    match error.find_root() {
        DataFusionError::ArrowError(inner, _) => match exhausted(inner) {
            Some(message) => Error::ResourcesExhausted { message },
            None => Error::BadSql { message: first_line(error.find_root()) },
        },
        DataFusionError::IoError(inner) => Error::ResourcesExhausted { message: inner.to_string() },
        root @ DataFusionError::Execution(_) => Error::BadSql { message: first_line(root) },
        root @ DataFusionError::Internal(_) => {
            tracing::warn!(error = %root, "the query engine cannot run a statement");
            Error::BadSql { message: first_line(root) }
        }
        _ => error.into(),
    }
}

/// Why there was no room for rows that left memory, if that is what went wrong.
fn exhausted(error: &ArrowError) -> Option<String> {
    let ArrowError::IoError(message, inner) = error else { return None };
    if message.contains("allowable limit") {
        return Some("its rows need more room on disk than limits.sql_spill_bytes_max".to_owned());
    }
    let is_full = matches!(inner.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    is_full.then(|| message.clone())
}

#[cfg(test)]
mod tests;
