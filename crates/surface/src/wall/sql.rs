//! SQL behind the wall: the tables that a statement may read, and the rows that it gives.
//!
//! Invariant: the store's own tables are there only with [`SqlAccess`], which a wall gives; any other table is put in
//! as rows that have passed the wall. So what a statement reads from these tables may be shown.
//! Deliberately absent: parsing and planning, and clients' catalogues; a surface adds them to the session.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, ParamValues};
use datafusion::datasource::MemTable;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::Statement;
use engine::{Engine, Error, SqlRows, SqlStatement, Taken};

use super::shown::ShownRows;

/// Proof that SQL, which reads every table, is answered here.
#[derive(Debug)]
pub struct SqlAccess(());

impl SqlAccess {
    pub(super) fn granted() -> SqlAccess {
        SqlAccess(())
    }

    /// Runs one statement over all tables, and `write`s its rows as one table, where statements run. What the bytes
    /// and the rows take counts as the statement's until the [`Taken`] is dropped: keep it until the last byte is sent.
    pub async fn answer(
        self,
        engine: &Engine,
        statement: SqlStatement,
        write: impl FnOnce(&ShownRows) -> Result<Vec<u8>, ArrowError> + Send + 'static,
    ) -> Result<(Vec<u8>, Taken), Error> {
        let answer = move |rows: SqlRows| {
            let (batch, held) = rows.into_batch()?;
            let bytes = write(&ShownRows::of(batch)).map_err(unwritten)?;
            Ok((bytes, held))
        };
        engine.sql_run(statement, answer).await
    }
}

/// Rows that could not be written: there are more bytes than an answer may have, or a type that the format lacks.
fn unwritten(error: ArrowError) -> Error {
    match error {
        ArrowError::MemoryError(message) => Error::ResourcesExhausted { message },
        error => Error::BadSql { message: format!("the rows cannot be written in this format: {error}") },
    }
}

/// The tables of one statement.
pub struct SqlTables(SessionContext);

impl SqlTables {
    /// With access, the store's tables, views included, with rows where the statement reads them; without, no table.
    pub async fn open(
        engine: &Engine,
        access: Option<SqlAccess>,
        read: &BTreeSet<String>,
    ) -> Result<SqlTables, Error> {
        Ok(SqlTables(match access {
            Some(SqlAccess(())) => engine.sql_session(read).await?,
            None => engine.empty_sql_session(),
        }))
    }

    /// Puts a table in.
    pub fn put(&self, name: &str, rows: ShownRows) -> Result<(), Error> {
        let batch = rows.into_batch();
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]])?;
        self.0.register_table(format!("\"{name}\""), Arc::new(table))?;
        Ok(())
    }

    /// To add what clients expect of a server. Its tables come from [`SqlTables::put`] alone.
    pub fn session(&self) -> &SessionContext {
        &self.0
    }

    /// Plans a statement over these tables. The only maker of [`TablesPlan`].
    pub async fn plan(&self, statement: Statement) -> Result<TablesPlan, Error> {
        Ok(TablesPlan(engine::plan_statement(&self.0, statement).await?))
    }

    /// Runs a plan to its end. The only maker of [`ShownStatement`].
    pub async fn run(&self, plan: TablesPlan, rows_max: usize) -> Result<ShownStatement, Error> {
        Ok(ShownStatement(engine::collect_rows(&self.0, plan.0, rows_max).await?))
    }
}

/// A plan that reads [`SqlTables`] and nothing else.
pub struct TablesPlan(LogicalPlan);

impl TablesPlan {
    /// With a value for each `$n`.
    pub fn with_values(self, values: ParamValues) -> Result<TablesPlan, DataFusionError> {
        Ok(TablesPlan(self.0.with_param_values(values)?))
    }

    pub fn plan(&self) -> &LogicalPlan {
        &self.0
    }
}

/// The rows of a statement. They count as memory of users' queries for as long as they are held.
pub struct ShownStatement(SqlRows);

impl ShownStatement {
    pub fn columns(&self) -> &SchemaRef {
        &self.0.schema
    }

    /// Batch by batch; what is held counts until the iterator is dropped.
    pub fn into_batches(self) -> impl Iterator<Item = ShownRows> {
        let (_, batches, held) = self.0.into_parts();
        batches.into_iter().map(move |batch| {
            let _ = &held;
            ShownRows::of(batch)
        })
    }
}
