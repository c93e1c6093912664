//! A user's SQL: one SELECT (or EXPLAIN of one), bounded in text, time, memory and rows.
//!
//! Invariant: nothing that a text says can write, reach a file or the network, or stop another
//! query. Parsing and planning recurse, so they run on threads with large stacks, after the tokens
//! have been counted; running draws on a memory pool of its own and spills to a bounded directory.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::DiskManagerBuilder;
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::{Query, Statement, Visit, Visitor, visit_relations};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use futures::StreamExt;
use tokio::runtime::Runtime;

use crate::error::Error;

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

/// Functions whose result is not bounded by their input: they bypass the memory pool.
const UNBOUNDED_FUNCTIONS: [&str; 8] =
    ["repeat", "lpad", "rpad", "range", "generate_series", "array_repeat", "array_resize", "list_repeat"];

/// Stack of the threads that parse and plan.
const STACK_BYTES: usize = 32 << 20;

/// Threads for users' queries: one that is slow to notice its timeout does not keep the others waiting.
const WORKERS: usize = 4;
/// Relations that a query reads once its CTEs are written out: planning does write them out.
const RELATIONS_MAX: u64 = 1_000;

/// Runs users' queries on threads of its own.
pub struct SqlRunner {
    runtime: Option<Runtime>,
    pub environment: Arc<RuntimeEnv>,
    limits: SqlLimits,
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

    /// Runs `sql` in the session that `context` makes.
    pub async fn run(&self, sql: &str, context: SessionContext) -> Result<RecordBatch, Error> {
        let limits = self.limits.clone();
        let sql = sql.to_owned();
        let seconds = limits.timeout.as_secs_f64();
        let timeout = limits.timeout;
        let runtime = self.runtime.as_ref().expect("the runtime lives until drop");
        let task = runtime.spawn(async move {
            verify(&sql, &limits)?;
            execute(&sql, &context, &limits).await
        });
        let stop = task.abort_handle();
        match tokio::time::timeout(timeout, task).await {
            Ok(Ok(result)) => result,
            Ok(Err(stopped)) => Err(Error::Internal { message: format!("the query stopped: {stopped}") }),
            Err(_) => {
                stop.abort();
                Err(Error::Timeout { seconds })
            }
        }
    }
}

impl Drop for SqlRunner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn execute(sql: &str, context: &SessionContext, limits: &SqlLimits) -> Result<RecordBatch, Error> {
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let frame = context.sql_with_options(sql, options).await?;
    let schema = frame.schema().inner().clone();
    let task = Arc::new(frame.task_ctx());
    let mut stream = execute_stream(yielding(frame.create_physical_plan().await?)?, task)?;
    let (mut batches, mut rows) = (Vec::new(), 0);
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        rows += batch.num_rows();
        if rows > limits.rows_max {
            return Err(Error::TooLarge { rows_max: limits.rows_max });
        }
        batches.push(batch);
    }
    Ok(concat_batches(&schema, &batches)?)
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

/// Refuses what must not even be planned.
fn verify(sql: &str, limits: &SqlLimits) -> Result<(), Error> {
    if sql.len() > limits.text_bytes_max {
        let message =
            format!("the query has {} bytes; at most {} are allowed", sql.len(), limits.text_bytes_max);
        return Err(Error::BadSql { message });
    }
    let bad = |message: String| Error::BadSql { message };
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize().map_err(|e| bad(e.to_string()))?;
    if let Some(verb) = other_verb(&tokens) {
        let message = format!("{verb} is not allowed here: only SELECT and EXPLAIN SELECT are");
        return Err(Error::Forbidden { message });
    }
    let operators = tokens.iter().filter(|token| chains(token)).count();
    if operators > limits.operators_max {
        let message =
            format!("the query has {operators} operators; at most {} are allowed", limits.operators_max);
        return Err(Error::BadSql { message });
    }
    if let Some(name) = unbounded_call(&tokens) {
        return Err(bad(format!(
            "function '{name}' is not allowed here: its result is not bounded by its input"
        )));
    }
    let statements = Parser::parse_sql(&GenericDialect {}, sql).map_err(|e| bad(e.to_string()))?;
    if statements.iter().any(|statement| relations_written_out(statement) > RELATIONS_MAX) {
        return Err(bad(format!(
            "the query reads more than {RELATIONS_MAX} relations once its WITH parts are written out"
        )));
    }
    match statements.as_slice() {
        [Statement::Query(_)] => Ok(()),
        [Statement::Explain { statement, .. }] if matches!(**statement, Statement::Query(_)) => Ok(()),
        [_] => Err(Error::Forbidden { message: "only SELECT and EXPLAIN SELECT are allowed here".into() }),
        [] => Err(bad("the query is empty".into())),
        _ => Err(bad("one statement at a time".into())),
    }
}

/// The keyword that a text opens with, where it is not one of a query.
fn other_verb(tokens: &[Token]) -> Option<String> {
    let first = tokens.iter().find(|t| !matches!(t, Token::Whitespace(_)))?;
    let Token::Word(word) = first else { return None };
    let query = matches!(word.keyword, Keyword::SELECT | Keyword::WITH | Keyword::EXPLAIN | Keyword::VALUES);
    (!query && word.keyword != Keyword::NoKeyword).then(|| word.value.to_uppercase())
}

/// How many relations a statement reads when each use of a CTE counts what the CTE reads.
fn relations_written_out(statement: &Statement) -> u64 {
    /// What each CTE reads, by its name, at whatever depth it is declared.
    #[derive(Default)]
    struct Ctes(HashMap<String, Vec<String>>);
    impl Visitor for Ctes {
        type Break = ();
        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
                self.0.entry(cte.alias.name.value.to_lowercase()).or_default().extend(relations(&cte.query));
            }
            ControlFlow::Continue(())
        }
    }
    /// A CTE that is being counted already (a recursive one) counts once.
    fn weight(name: &str, ctes: &HashMap<String, Vec<String>>, known: &mut HashMap<String, u64>) -> u64 {
        if let Some(&weight) = known.get(name) {
            return weight;
        }
        known.insert(name.to_owned(), 1);
        let Some(reads) = ctes.get(name) else { return 1 };
        let total =
            reads.iter().fold(0_u64, |sum, read| sum.saturating_add(weight(read, ctes, known))).max(1);
        known.insert(name.to_owned(), total);
        total
    }
    let mut ctes = Ctes::default();
    let _ = statement.visit(&mut ctes);
    let mut known = HashMap::new();
    relations(statement).iter().fold(0, |sum, name| sum.saturating_add(weight(name, &ctes.0, &mut known)))
}

fn relations(node: &impl Visit) -> Vec<String> {
    let mut names = Vec::new();
    let _ = visit_relations(node, |name| {
        names.push(name.to_string().to_lowercase());
        ControlFlow::<()>::Continue(())
    });
    names
}

/// Tokens whose number bounds the depth and width of the plan.
fn chains(token: &Token) -> bool {
    match token {
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::UNION
                | Keyword::SELECT
                | Keyword::JOIN
                | Keyword::CASE
                | Keyword::WHEN
                | Keyword::INTERSECT
                | Keyword::EXCEPT
        ),
        Token::Whitespace(_) | Token::Number(..) | Token::Comma | Token::Period | Token::SemiColon => false,
        Token::SingleQuotedString(_) | Token::RParen | Token::RBracket | Token::EOF => false,
        _ => true,
    }
}

/// The first call of a function whose result is not bounded by its input.
fn unbounded_call(tokens: &[Token]) -> Option<String> {
    let mut solid = tokens.iter().filter(|t| !matches!(t, Token::Whitespace(_))).peekable();
    while let Some(token) = solid.next() {
        let Token::Word(word) = token else { continue };
        let name = word.value.to_lowercase();
        if UNBOUNDED_FUNCTIONS.contains(&name.as_str()) && matches!(solid.peek(), Some(Token::LParen)) {
            return Some(name);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(sql: &str) -> &'static str {
        match verify(sql, &SqlLimits::default()) {
            Ok(()) => "ok",
            Err(Error::BadSql { .. }) => "bad",
            Err(Error::Forbidden { .. }) => "forbidden",
            Err(_) => "other",
        }
    }

    #[test]
    fn verify_lets_only_one_bounded_query_pass() {
        let ors = format!("SELECT 1 WHERE {}", vec!["a = 1"; 2000].join(" OR "));
        let pluses = format!("SELECT {}", vec!["1"; 3000].join("+"));
        let unions = vec!["SELECT 1"; 600].join(" UNION ALL ");
        let deep = format!("SELECT {}1{}", "(".repeat(4000), ")".repeat(4000));
        let doubling: String = (1..30)
            .map(|i| format!(", t{i} AS (SELECT * FROM t{0} UNION ALL SELECT * FROM t{0})", i - 1))
            .collect();
        let doubling = format!("WITH t0 AS (SELECT 1 AS x){doubling} SELECT count(*) FROM t29");
        for (sql, expected) in [
            (doubling.as_str(), "bad"),
            ("WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n) SELECT * FROM n", "ok"),
            ("SELECT 1", "ok"),
            ("EXPLAIN SELECT 1", "ok"),
            ("WITH a AS (SELECT 1) SELECT * FROM a", "ok"),
            ("SELECT 1; SELECT 2", "bad"),
            ("", "bad"),
            ("SELEC", "bad"),
            ("INSERT INTO commits VALUES (1)", "forbidden"),
            ("COPY commits TO '/tmp/x'", "forbidden"),
            ("CREATE TABLE x AS SELECT 1", "forbidden"),
            ("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'", "forbidden"),
            ("SET datafusion.execution.batch_size = 1", "forbidden"),
            ("PREPARE p AS SELECT 1", "forbidden"),
            ("EXPLAIN INSERT INTO commits VALUES (1)", "forbidden"),
            ("EXPLAIN ANALYZE INSERT INTO commits VALUES (1)", "forbidden"),
            ("SELECT repeat('x', 1500000000)", "bad"),
            (ors.as_str(), "bad"),
            (pluses.as_str(), "bad"),
            (unions.as_str(), "bad"),
            (deep.as_str(), "bad"),
        ] {
            assert_eq!(verdict(sql), expected, "{}", &sql[..sql.len().min(60)]);
        }
    }
}
