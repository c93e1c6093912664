//! A metric's SQL in steps: a common table expression that is read more than once, or that defines others, is
//! computed once.
//!
//! DataFusion puts the text of a CTE wherever its name stands, so a chain of CTEs that are each read
//! twice is planned and computed 2^n times. Here such a CTE is run first and its rows take its place.
//! Metrics evaluated together share the steps whose text, with all that it reads, is the same.
//! Invariant: the rows are those of the SQL as it stands.
//! Deliberately absent: users' SQL, whose memory and time are bounded as one query.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::error::Result;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::{Cte, Query, With, helpers::attached_token::AttachedToken};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use crate::evaluate::lineage;
use crate::rows::compact::compact;
use crate::sql::{ident_name, plan_query, rows_of, uses};

/// Numbers the tables of steps, so that no two in a session share a name.
static STEP: AtomicU64 = AtomicU64::new(0);

/// How often a query reads each relation.
type Reads = BTreeMap<String, usize>;

/// The steps done so far in one session, whose tables must not change meanwhile.
pub struct Steps<'s> {
    context: &'s SessionContext,
    /// Whether rows carry the keys that they were made from.
    lineage: bool,
    /// The `SELECT` of a step's rows, by the text that it stands for.
    done: HashMap<String, Query>,
}

impl<'s> Steps<'s> {
    pub fn new(context: &'s SessionContext) -> Steps<'s> {
        Steps { context, lineage: false, done: HashMap::new() }
    }

    /// Steps whose rows have one more column, [`lineage::KEYS`].
    pub fn with_lineage(context: &'s SessionContext) -> Steps<'s> {
        Steps { lineage: true, ..Steps::new(context) }
    }

    /// The rows of one query.
    pub async fn rows(&mut self, mut query: Query) -> Result<RecordBatch> {
        let Some(with) = query.with.take_if(|with| is_plain(with)) else {
            return self.run(query).await;
        };
        let mut ctes = with.cte_tables;
        let read: Vec<Reads> = ctes.iter().map(|cte| uses(&cte.query)).collect();
        let (read_last, texts) = (uses(&query), texts(&ctes, &read));
        let nested: Vec<bool> = ctes.iter().map(|cte| cte.query.with.is_some()).collect();
        for index in 0..ctes.len() {
            let name = name(&ctes[index]);
            let times = |read: &Reads| read.get(&name).copied().unwrap_or_default();
            let later = || (index + 1..ctes.len()).filter(|&later| times(&read[later]) > 0);
            let total = times(&read_last) + later().map(|later| times(&read[later])).sum::<usize>();
            let wanted = total > 1 || (total == 1 && nested[index]) || later().any(|later| nested[later]);
            if wanted && !self.is_step(&ctes[index].query) {
                *ctes[index].query = self.step(&ctes[..=index], &texts[index]).await?;
            }
        }
        self.run(with_ctes(query, &ctes)).await
    }

    /// A `SELECT` of the rows of the last of `ctes`, computed once.
    async fn step(&mut self, ctes: &[Cte], text: &str) -> Result<Query> {
        if let Some(select) = self.done.get(text) {
            return Ok(select.clone());
        }
        let (last, before) = ctes.split_last().expect("a step has a CTE");
        let query = last.query.as_ref().clone();
        let rows = if last.query.with.is_some() {
            // Those that it reads are steps by now; the others may have the names of its own.
            let names = uses(&last.query);
            let read = before.iter().filter(|cte| names.contains_key(&name(cte)));
            Box::pin(self.rows(with_ctes(query, &read.cloned().collect::<Vec<_>>()))).await?
        } else {
            self.run(with_ctes(query, before)).await?
        };
        let table = format!("step_{}", STEP.fetch_add(1, Ordering::Relaxed));
        let schema = rows.schema();
        let own = schema.fields().iter().filter(|field| field.name() != lineage::KEYS);
        let columns: Vec<String> = own.map(|field| format!("\"{}\"", field.name())).collect();
        let select = format!("SELECT {} FROM {table}", columns.join(", "));
        let select = *Parser::new(&GenericDialect {}).try_with_sql(&select)?.parse_query()?;
        let provider = MemTable::try_new(schema, vec![vec![rows]])?;
        self.context.register_table(table.as_str(), Arc::new(provider))?;
        self.done.insert(text.to_owned(), select.clone());
        Ok(select)
    }

    /// Whether a query is the `SELECT` of a step's rows.
    fn is_step(&self, query: &Query) -> bool {
        self.done.values().any(|select| select == query)
    }

    async fn run(&self, query: Query) -> Result<RecordBatch> {
        let mut plan = plan_query(self.context, query).await?;
        if self.lineage {
            plan = lineage::annotate(&plan)?;
        }
        let frame = self.context.execute_logical_plan(plan).await?;
        Ok(compact(&rows_of(frame).await?)?)
    }
}

/// Recursive CTEs, and those that rename their columns, stay as they are.
fn is_plain(with: &With) -> bool {
    !with.recursive && with.cte_tables.iter().all(|cte| cte.alias.columns.is_empty())
}

fn with_ctes(mut query: Query, ctes: &[Cte]) -> Query {
    if !ctes.is_empty() {
        let own = query.with.get_or_insert_with(|| With {
            with_token: AttachedToken::empty(),
            recursive: false,
            cte_tables: Vec::new(),
        });
        own.cte_tables.splice(0..0, ctes.iter().cloned());
    }
    query
}

fn name(cte: &Cte) -> String {
    ident_name(&cte.alias.name)
}

/// The text of each CTE, after the texts of those before it that it reads, however indirectly.
fn texts(ctes: &[Cte], read: &[Reads]) -> Vec<String> {
    let mut closures: Vec<Vec<usize>> = Vec::with_capacity(ctes.len());
    for (index, names) in read.iter().enumerate() {
        let before = (0..index).filter(|&before| names.contains_key(&name(&ctes[before])));
        let mut closure: Vec<usize> = before.flat_map(|before| closures[before].clone()).collect();
        closure.push(index);
        closure.sort_unstable();
        closure.dedup();
        closures.push(closure);
    }
    let text = |closure: &Vec<usize>| {
        closure.iter().map(|&index| ctes[index].to_string()).collect::<Vec<_>>().join(", ")
    };
    closures.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use arrow::util::pretty::pretty_format_batches;

    use super::*;

    fn parse(sql: &str) -> Query {
        *Parser::new(&GenericDialect {}).try_with_sql(sql).unwrap().parse_query().unwrap()
    }

    async fn check(sql: &[&str], steps_expected: usize) {
        let context = SessionContext::new();
        let mut steps = Steps::new(&context);
        for sql in sql {
            let rows = steps.rows(parse(sql)).await.unwrap();
            let plain = SessionContext::new().sql(sql).await.unwrap().collect().await.unwrap();
            let text = |rows: &[RecordBatch]| pretty_format_batches(rows).unwrap().to_string();
            assert_eq!(text(&[rows]), text(&plain), "{sql}");
        }
        assert_eq!(steps.done.len(), steps_expected, "{sql:?}");
    }

    #[tokio::test]
    async fn steps_give_the_rows_of_the_sql() {
        let a = "a AS (SELECT * FROM (VALUES (1), (2), (2)) AS v (x))";
        let twice =
            format!("WITH {a} SELECT l.x, r.x AS y FROM a AS l JOIN a AS r ON l.x = r.x ORDER BY 1, 2");
        let nested = format!(
            "WITH {a}, b AS (WITH c AS (SELECT x + 1 AS x FROM a) SELECT x FROM c UNION ALL SELECT x FROM a) \
             SELECT x, COUNT(*) AS n FROM b GROUP BY x ORDER BY x"
        );
        let chain =
            format!("WITH {a}, b AS (SELECT SUM(x) AS s FROM a), c AS (SELECT s FROM b) SELECT s FROM c");
        let recursive = "WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n WHERE x < 3) SELECT n.x, m.x AS y FROM n, n AS m ORDER BY 1, 2";
        check(&[&twice], 1).await;
        check(&[&nested], 2).await;
        check(&[&chain], 0).await;
        check(&[recursive, "SELECT 1 AS x"], 0).await;
        check(&[&twice, &nested, &twice], 2).await;
    }

    /// DataFusion itself refuses the inner name.
    #[tokio::test]
    async fn an_inner_name_hides_an_outer_one() {
        let sql = |inner: &str| {
            format!(
                "WITH a AS (SELECT 1 AS x), s AS (SELECT x FROM a), \
                 b AS (WITH {inner} AS (SELECT x + 5 AS x FROM s) SELECT l.x FROM {inner} AS l, {inner} AS r) \
                 SELECT b.x, a.x AS y FROM b, a"
            )
        };
        let context = SessionContext::new();
        let hidden = Steps::new(&context).rows(parse(&sql("a"))).await.unwrap();
        let named = context.sql(&sql("z")).await.unwrap().collect().await.unwrap();
        let text = |rows: &[RecordBatch]| pretty_format_batches(rows).unwrap().to_string();
        assert_eq!(text(&[hidden]), text(&named));
    }
}
