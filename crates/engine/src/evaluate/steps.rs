//! A metric's SQL in steps: a common table expression that is read more than once, or that defines others, is
//! computed once.
//!
//! DataFusion puts the text of a CTE wherever its name stands, so a chain of CTEs that are each read
//! twice is planned and computed 2^n times. Here such a CTE is run first and its rows take its place.
//! Metrics evaluated together share the steps whose text, with all that it reads, is the same.
//! Invariant: the rows are those of the SQL as it stands; a step's rows are in memory no longer than somebody reads them.
//! Deliberately absent: users' SQL, whose memory and time are bounded as one query.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::internal_err;
use datafusion::datasource::MemTable;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::{Cte, Query, With, helpers::attached_token::AttachedToken};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use crate::evaluate::lineage;
use crate::rows::compact::compact;
use crate::sql::{columns_of, ident_name, plan_query, rows_of, uses};

/// Numbers the tables of steps, so that no two in a session share a name.
static STEP: AtomicU64 = AtomicU64::new(0);

/// How often a query reads each relation.
type Reads = BTreeMap<String, usize>;

/// The steps of one session that somebody still reads. The tables that they read must not change meanwhile.
pub struct Steps {
    context: SessionContext,
    makes: Makes,
    /// By the text that each stands for.
    done: HashMap<String, Computed>,
    /// Texts that queries to come have; other steps go with their last reader.
    wanted: HashSet<String>,
}

/// What comes of a query.
enum Makes {
    Rows,
    /// Rows that carry the keys that they were made from.
    Lineage,
    /// No rows but the columns, once the plan has been optimised; the plans as written are kept.
    Plans {
        steps: Vec<(String, LogicalPlan)>,
        last: Option<LogicalPlan>,
    },
}

struct Computed {
    table: String,
    /// The `SELECT` of its rows.
    select: Query,
}

impl Steps {
    pub fn new(context: &SessionContext) -> Steps {
        Steps::of(context, Makes::Rows)
    }

    /// Steps whose rows have one more column, [`lineage::KEYS`].
    pub fn with_lineage(context: &SessionContext) -> Steps {
        Steps::of(context, Makes::Lineage)
    }

    /// Steps that are planned and not run.
    pub fn planned(context: &SessionContext) -> Steps {
        Steps::of(context, Makes::Plans { steps: Vec::new(), last: None })
    }

    fn of(context: &SessionContext, makes: Makes) -> Steps {
        let (done, wanted) = Default::default();
        Steps { context: context.clone(), makes, done, wanted }
    }

    /// The columns of a query of [`Steps::planned`] and its plan, in which the steps are tables: those that it made, in
    /// order, each with its own plan.
    pub async fn plan(
        &mut self,
        query: Query,
    ) -> Result<(SchemaRef, LogicalPlan, Vec<(String, LogicalPlan)>)> {
        let schema = self.rows(query).await?.schema();
        match &mut self.makes {
            Makes::Plans { steps, last: last @ Some(_) } => {
                let plan = last.take().expect("it is there");
                Ok((schema, plan, std::mem::take(steps)))
            }
            _ => internal_err!("these steps are run"),
        }
    }

    /// Keeps the steps that one of `texts` is the text of, now and when they are made; the others go.
    pub fn keep(&mut self, texts: HashSet<String>) {
        self.wanted = texts;
        let gone: Vec<String> =
            self.done.keys().filter(|text| !self.wanted.contains(*text)).cloned().collect();
        gone.iter().for_each(|text| self.forget(text));
    }

    fn forget(&mut self, text: &str) {
        if let Some(step) = self.done.remove(text) {
            // A name that is not there is no error.
            let _ = self.context.deregister_table(step.table);
        }
    }

    /// The rows of one query.
    pub async fn rows(&mut self, mut query: Query) -> Result<RecordBatch> {
        let Some(with) = query.with.take_if(|with| is_plain(with)) else {
            return self.run(query).await;
        };
        let (mut ctes, recursive) = (with.cte_tables, with.recursive);
        let read: Vec<Reads> = ctes.iter().map(|cte| uses(&cte.query)).collect();
        let (read_last, texts) = (uses(&query), texts(&ctes, &read));
        let nested: Vec<bool> = ctes.iter().map(|cte| cte.query.with.is_some()).collect();
        let mut stands = vec![false; ctes.len()];
        let mut own: Vec<usize> = Vec::new();
        let mut live: Vec<bool> = vec![true; ctes.len()];
        for index in 0..ctes.len() {
            let cte_name = name(&ctes[index]);
            let times = |read: &Reads| read.get(&cte_name).copied().unwrap_or_default();
            let later = || (index + 1..ctes.len()).filter(|&later| times(&read[later]) > 0);
            let total = times(&read_last) + later().map(|later| times(&read[later])).sum::<usize>();
            let wanted = total > 1 || (total == 1 && nested[index]) || later().any(|later| nested[later]);
            stands[index] = self.is_step(&ctes[index].query);
            if wanted && !stands[index] {
                let text = &texts[index];
                if !self.done.contains_key(text) {
                    own.push(index);
                    let before: Vec<Cte> =
                        (0..index).filter(|&at| live[at]).map(|at| ctes[at].clone()).collect();
                    self.step(&before, &ctes[index], recursive, text).await?;
                }
                *ctes[index].query = self.done[text].select.clone();
                stands[index] = true;
            }
            live = still_read(&ctes, &read, &read_last, &stands, index + 1);
            self.forget_read(&mut own, &texts, |index| live[index]);
        }
        let ctes: Vec<Cte> = (0..ctes.len()).filter(|&at| live[at]).map(|at| ctes[at].clone()).collect();
        let rows = self.run(with_ctes(query, &ctes, recursive)).await;
        self.forget_read(&mut own, &texts, |_| false);
        rows
    }

    /// Forgets those of `own` that nothing reads any more, here or in a query to come.
    fn forget_read(&mut self, own: &mut Vec<usize>, texts: &[String], is_read: impl Fn(usize) -> bool) {
        own.retain(|&index| {
            let stays = is_read(index) || self.wanted.contains(&texts[index]);
            if !stays {
                self.forget(&texts[index]);
            }
            stays
        });
    }

    /// Computes `cte`, which may read those `before` it, and where they are `recursive` itself.
    async fn step(&mut self, before: &[Cte], cte: &Cte, recursive: bool, text: &str) -> Result<()> {
        let query = cte.query.as_ref().clone();
        let rows = if recursive && uses(&cte.query).contains_key(&name(cte)) {
            let all = parse(&format!("SELECT * FROM {}", cte.alias.name))?;
            self.run(with_ctes(all, &[before, std::slice::from_ref(cte)].concat(), true)).await?
        } else if cte.query.with.is_some() {
            // Those that it reads are steps by now; the others may have the names of its own.
            let names = uses(&cte.query);
            let read = before.iter().filter(|cte| names.contains_key(&name(cte)));
            Box::pin(self.rows(with_ctes(query, &read.cloned().collect::<Vec<_>>(), false))).await?
        } else {
            self.run(with_ctes(query, before, recursive)).await?
        };
        let table = format!("step_{}", STEP.fetch_add(1, Ordering::Relaxed));
        let schema = rows.schema();
        let own = schema.fields().iter().filter(|field| field.name() != lineage::KEYS);
        let columns: Vec<String> = own.map(|field| format!("\"{}\"", field.name())).collect();
        let select = parse(&format!("SELECT {} FROM {table}", columns.join(", ")))?;
        tracing::trace!(step = name(cte), rows = rows.num_rows(), "computed a step");
        let provider = MemTable::try_new(schema, vec![vec![rows]])?;
        self.context.register_table(table.as_str(), Arc::new(provider))?;
        if let Makes::Plans { steps, last } = &mut self.makes {
            steps.extend(last.take().map(|plan| (table.clone(), plan)));
        }
        self.done.insert(text.to_owned(), Computed { table, select });
        Ok(())
    }

    /// Whether a query is the `SELECT` of a step's rows.
    fn is_step(&self, query: &Query) -> bool {
        self.done.values().any(|step| step.select == *query)
    }

    async fn run(&mut self, query: Query) -> Result<RecordBatch> {
        let mut plan = plan_query(&self.context, query).await?;
        match &mut self.makes {
            Makes::Rows => {}
            Makes::Lineage => plan = lineage::annotate(&plan)?,
            Makes::Plans { last, .. } => {
                let columns = columns_of(&self.context, &plan)?;
                self.context.state().optimize(&plan)?;
                *last = Some(plan);
                let columns = Schema::new(columns.fields().clone());
                return Ok(RecordBatch::new_empty(Arc::new(columns)));
            }
        }
        let frame = self.context.execute_logical_plan(plan).await?;
        Ok(compact(&rows_of(frame).await?)?)
    }
}

impl Drop for Steps {
    /// The session may live on.
    fn drop(&mut self) {
        self.keep(HashSet::new());
    }
}

/// The texts of the CTEs of a query, which are what [`Steps::keep`] keeps steps by.
pub fn step_texts(query: &Query) -> Vec<String> {
    let Some(with) = query.with.as_ref().filter(|with| is_plain(with)) else { return Vec::new() };
    let read: Vec<Reads> = with.cte_tables.iter().map(|cte| uses(&cte.query)).collect();
    texts(&with.cte_tables, &read)
}

/// Which CTEs the query or one from `next` on still reads, directly or through others; a step reads nothing any more.
fn still_read(ctes: &[Cte], read: &[Reads], read_last: &Reads, stands: &[bool], next: usize) -> Vec<bool> {
    let mut live: Vec<bool> = (0..ctes.len()).map(|index| index >= next).collect();
    let mut left: Vec<&Reads> = read[next..].iter().chain([read_last]).collect();
    while let Some(names) = left.pop() {
        for index in 0..next {
            if !live[index] && names.contains_key(&name(&ctes[index])) {
                live[index] = true;
                if !stands[index] {
                    left.push(&read[index]);
                }
            }
        }
    }
    live
}

/// CTEs that rename their columns stay as they are.
fn is_plain(with: &With) -> bool {
    with.cte_tables.iter().all(|cte| cte.alias.columns.is_empty())
}

fn parse(sql: &str) -> Result<Query> {
    Ok(*Parser::new(&GenericDialect {}).try_with_sql(sql)?.parse_query()?)
}

fn with_ctes(mut query: Query, ctes: &[Cte], recursive: bool) -> Query {
    if !ctes.is_empty() {
        let own = query.with.get_or_insert_with(|| With {
            with_token: AttachedToken::empty(),
            recursive: false,
            cte_tables: Vec::new(),
        });
        own.recursive |= recursive;
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
        super::parse(sql).unwrap()
    }

    async fn check(sql: &[&str], steps_expected: usize) {
        let context = SessionContext::new();
        let mut steps = Steps::new(&context);
        steps.keep(sql.iter().flat_map(|sql| step_texts(&parse(sql))).collect());
        for sql in sql {
            let rows = steps.rows(parse(sql)).await.unwrap();
            let plain = SessionContext::new().sql(sql).await.unwrap().collect().await.unwrap();
            let text = |rows: &[RecordBatch]| pretty_format_batches(rows).unwrap().to_string();
            assert_eq!(text(&[rows]), text(&plain), "{sql}");
        }
        assert_eq!(steps.done.len(), steps_expected, "{sql:?}");
        drop(steps);
        let left = context.catalog("datafusion").unwrap().schema("public").unwrap().table_names();
        assert_eq!(left, Vec::<String>::new(), "{sql:?}");
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
        let recursive_twice = "WITH RECURSIVE one AS (SELECT 1 AS x), \
             n AS (SELECT x FROM one UNION ALL SELECT x + 1 FROM n WHERE x < 3), m AS (SELECT x FROM n WHERE x > 1) \
             SELECT n.x, m.x AS y FROM n, m ORDER BY 1, 2";
        check(&[recursive, "SELECT 1 AS x"], 1).await;
        check(&[recursive_twice], 1).await;
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
