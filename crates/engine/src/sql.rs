//! A user's SQL: one SELECT (or EXPLAIN of one), bounded in text, time, memory and rows.
//!
//! Invariant: nothing that a text says can write, reach a file or the network, or stop another
//! query. Parsing and planning recurse, so they run on threads with large stacks, after the tokens
//! have been counted; running draws on a memory pool of its own and spills to a bounded directory.

mod relations;
mod verify;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::DiskManagerBuilder;
use datafusion::execution::memory_pool::{
    FairSpillPool, MemoryConsumer, MemoryReservation, TrackConsumersPool,
};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::parser::Statement as AnyStatement;
use datafusion::sql::sqlparser::ast::{Query, Statement};
use futures::StreamExt;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::error::{Error, first_line};

pub use relations::{ident_name, relation_name, relations, uses};
pub use verify::{check_calls, check_statement, check_text};

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

/// Stack of the threads that parse and plan.
const STACK_BYTES: usize = 32 << 20;

/// Threads for users' queries: one that is slow to notice its timeout does not keep the others waiting.
const WORKERS: usize = 4;

/// Runs users' queries on threads of its own.
pub struct SqlRunner {
    runtime: Option<Runtime>,
    pub environment: Arc<RuntimeEnv>,
    limits: SqlLimits,
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

impl SqlRunner {
    pub fn new(limits: SqlLimits) -> Result<SqlRunner, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("sql")
            .thread_stack_size(STACK_BYTES)
            .enable_time()
            .build()?;
        let pool = TrackConsumersPool::new(
            FairSpillPool::new(limits.memory_bytes),
            std::num::NonZeroUsize::new(5).expect("5 is not zero"),
        );
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_disk_manager_builder(
                DiskManagerBuilder::default().with_max_temp_directory_size(limits.spill_bytes_max),
            )
            .build_arc()?;
        Ok(SqlRunner { runtime: Some(runtime), environment, limits })
    }

    /// The one statement of a text, a query or EXPLAIN of one.
    pub async fn read(&self, sql: &str) -> Result<SqlStatement, Error> {
        let (limits, sql) = (self.limits.clone(), sql.to_owned());
        let read = self.task(None, async move {
            let statement = verify::only_statement(&sql, &limits)?;
            let relations = relations(&statement);
            Ok(SqlStatement { statement, relations })
        });
        read.await
    }

    /// Runs a statement in the session `context`.
    pub async fn run(&self, read: SqlStatement, context: SessionContext) -> Result<RecordBatch, Error> {
        let limits = self.limits.clone();
        let rows = self.task(None, async move {
            let plan = plan_statement(&context, read.statement).await?;
            collect_rows(&context, plan, limits.rows_max).await
        });
        rows.await?.into_batch()
    }

    /// Runs `work` on the threads for users' SQL, within their time limit or `timeout` if that is shorter. It is
    /// stopped at its next await when its time is over, and when nobody waits for it any more.
    pub async fn task<T: Send + 'static>(
        &self,
        timeout: Option<Duration>,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let timeout = timeout.map_or(self.limits.timeout, |shorter| shorter.min(self.limits.timeout));
        let runtime = self.runtime.as_ref().expect("the runtime lives until drop");
        let mut task = Stopped(runtime.spawn(work));
        match tokio::time::timeout(timeout, &mut task.0).await {
            Ok(Ok(result)) => result,
            Ok(Err(stopped)) => Err(Error::Internal { message: format!("the query stopped: {stopped}") }),
            Err(_) => Err(Error::Timeout { seconds: timeout.as_secs_f64() }),
        }
    }

    pub fn limits(&self) -> &SqlLimits {
        &self.limits
    }
}

/// A task that does not outlive whoever waits for it.
struct Stopped<T>(JoinHandle<T>);

impl<T> Drop for Stopped<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drop for SqlRunner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The rows of one statement. They count as memory of users' queries for as long as they are held.
pub struct SqlRows {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
    _held: MemoryReservation,
}

impl SqlRows {
    pub fn into_batch(self) -> Result<RecordBatch, Error> {
        Ok(concat_batches(&self.schema, &self.batches)?)
    }
}

/// Plans a query of the catalogue.
pub async fn plan_query(context: &SessionContext, query: Query) -> Result<LogicalPlan, DataFusionError> {
    let statement = AnyStatement::Statement(Box::new(Statement::Query(Box::new(query))));
    context.state().statement_to_plan(statement).await
}

/// Plans one statement that [`check_statement`] let pass. Whatever the statement was, the plan only reads.
pub async fn plan_statement(context: &SessionContext, statement: Statement) -> Result<LogicalPlan, Error> {
    let plan = context.state().statement_to_plan(AnyStatement::Statement(Box::new(statement))).await?;
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(&plan)?;
    Ok(plan)
}

/// Runs a plan to its end. What goes wrong in it is wrong with the user's text or its values.
pub async fn collect_rows(
    context: &SessionContext,
    plan: LogicalPlan,
    rows_max: usize,
) -> Result<SqlRows, Error> {
    let frame = DataFrame::new(context.state(), plan);
    let schema = frame.schema().inner().clone();
    let task = Arc::new(frame.task_ctx());
    let held = MemoryConsumer::new("rows of a result").register(task.memory_pool());
    let physical = frame.create_physical_plan().await.map_err(in_user_text)?;
    let mut stream = execute_stream(yielding(physical)?, task).map_err(in_user_text)?;
    let (mut batches, mut rows) = (Vec::new(), 0);
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(in_user_text)?;
        rows += batch.num_rows();
        if rows > rows_max {
            return Err(Error::TooLarge { rows_max });
        }
        held.try_grow(batch.columns().iter().map(|column| held_bytes(column)).sum())?;
        batches.push(batch);
    }
    Ok(SqlRows { schema, batches, _held: held })
}

/// Bytes that the values of a column take, without what else is in the buffers that it shares.
fn held_bytes(column: &dyn Array) -> usize {
    match column.data_type() {
        DataType::Utf8View => column.len() * 16 + column.as_string_view().total_buffer_bytes_used(),
        DataType::BinaryView => column.len() * 16 + column.as_binary_view().total_buffer_bytes_used(),
        _ => column.to_data().get_slice_memory_size().unwrap_or(0),
    }
}

/// A division by zero, a cast that fails and the like: metrics never do that, users' texts do.
fn in_user_text(error: DataFusionError) -> Error {
    match error.find_root() {
        root @ (DataFusionError::ArrowError(..) | DataFusionError::Execution(_)) => {
            Error::BadSql { message: first_line(root) }
        }
        _ => error.into(),
    }
}

/// Lets joins and recursion yield now and then: they turn few rows into many without asking for
/// input, and a query that never yields never sees its timeout.
fn yielding(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
    plan.transform_up(|node| {
        if node.name().contains("Join") || node.name() == "RecursiveQueryExec" {
            return Ok(Transformed::yes(Arc::new(CooperativeExec::new(node)) as Arc<dyn ExecutionPlan>));
        }
        Ok(Transformed::no(node))
    })
    .data()
}
