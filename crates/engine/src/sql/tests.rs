//! Statements that would take all memory, or all time, if they could; and what goes on next to them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray};
use datafusion::datasource::MemTable;
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use datafusion::prelude::SessionContext;
use futures::future::join_all;

use super::runner::PLACES;
use super::*;
use crate::evaluate::session::session;

const MEMORY_BYTES: usize = 96 << 20;

fn runner(timeout: Duration) -> SqlRunner {
    let limits =
        SqlLimits { memory_bytes: MEMORY_BYTES, timeout, spill_bytes_max: 8 << 20, ..SqlLimits::default() };
    SqlRunner::new(limits).unwrap()
}

/// A session of users with 20,000 rows.
fn context(runner: &SqlRunner) -> SessionContext {
    let context = session(runner.environment().clone());
    bounded(context.state_ref().write().config_mut());
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..20_000));
    let texts: ArrayRef =
        Arc::new(StringViewArray::from_iter_values((0..20_000).map(|n| format!("a text of row {n:>20}"))));
    let rows = RecordBatch::try_from_iter([("n", numbers), ("s", texts)]).unwrap();
    let table = MemTable::try_new(rows.schema(), vec![vec![rows]]).unwrap();
    context.register_table("t", Arc::new(table)).unwrap();
    context
}

async fn rows(runner: &SqlRunner, sql: &str) -> Result<usize, Error> {
    let statement = runner.read(sql).await?;
    runner.run(statement, context(runner), |rows| Ok(rows.into_batch()?.0.num_rows())).await
}

fn multi<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

/// `expression` of `x` put into itself, so often.
fn nested(expression: &str, times: usize, first: &str) -> String {
    let mut sql = format!("SELECT {first} AS x, n FROM t");
    for _ in 0..times {
        sql = format!("SELECT {expression} AS x, n FROM ({sql})");
    }
    format!("SELECT x FROM ({sql})")
}

/// What must be stopped before it takes more memory than statements have.
fn bombs() -> Vec<String> {
    let constant = (0..12).fold("'a'".to_owned(), |inner, _| format!("replace({inner}, 'a', 'aaaaaaaaaa')"));
    let patterns =
        (0..12).fold("'a'".to_owned(), |inner, _| format!("regexp_replace({inner}, 'a', 'aaaaaaaaaa', 'g')"));
    let large = "'0123456789012345678901234567890123456789012345678901234567890123456789'";
    let wide: Vec<String> = (0..1_500).map(|n| format!("x c{n}")).collect();
    vec![
        format!("SELECT length({constant})"),
        format!("SELECT length({patterns})"),
        nested("replace(x, 'a', 'aaaaaaaaaa')", 12, "s"),
        nested("regexp_replace(x, 'a', 'aaaaaaaaaa', 'g')", 12, "s"),
        nested("regexp_replace(x, '.*', '$0$0$0$0')", 12, "s"),
        nested("x || x", 30, "s"),
        nested("concat(x, x)", 30, "s"),
        nested("concat_ws('-', x, x)", 30, "s"),
        nested("overlay(x placing x from 1 for 0)", 30, "s"),
        nested("array_concat(x, x)", 30, "[n]"),
        nested("x || x", 30, "[n]"),
        nested("[x, x]", 30, "n"),
        nested("struct(x, x)", 25, "n"),
        nested("array_to_string(string_to_array(x, NULL), x)", 8, "s"),
        nested("to_char(now(), x)", 8, large),
        format!("SELECT array_to_string(array_agg(s), {large} || {large} || {large}) FROM t a, (SELECT 1 FROM t)"),
        "SELECT string_agg(a.s || b.s, '') FROM t a, t b".to_owned(),
        "SELECT array_agg(a.s) FROM t a, t b".to_owned(),
        "SELECT count(*) FROM (SELECT array_agg(n) AS x FROM t) a, t b, t c WHERE array_length(x) = b.n + c.n".to_owned(),
        format!("SELECT {} FROM (SELECT {} AS x FROM t)", wide.join(","), format!("'{}'", "y".repeat(4_000))),
        "SELECT count(*) FROM (SELECT DISTINCT a.s, b.n FROM t a, t b)".to_owned(),
        "SELECT a.s, b.n FROM t a, t b ORDER BY a.n + b.n, a.s".to_owned(),
        "SELECT max(a.n), b.s FROM t a, t b GROUP BY b.s, a.n ORDER BY max(a.n) LIMIT 2000000000".to_owned(),
        "SELECT row_number() OVER (ORDER BY a.n + b.n) FROM t a, t b".to_owned(),
    ]
}

#[test]
fn no_statement_takes_more_memory_than_statements_have() {
    let runner = runner(Duration::from_secs(4));
    let before = runner.budget().used();
    multi(async {
        let mut stopped = 0;
        for sql in bombs() {
            let begun = Instant::now();
            let shown = &sql[..sql.len().min(100)];
            let peak = runner.budget().peak();
            match rows(&runner, &sql).await {
                Err(Error::ResourcesExhausted { .. } | Error::BadSql { .. } | Error::Timeout { .. }) => {
                    stopped += 1
                }
                // Some are smaller than they look; the memory they took is looked at all the same.
                Ok(_) => println!("went through: {shown}"),
                other => panic!("{shown}: {other:?}"),
            }
            let (took, most) = (begun.elapsed(), runner.budget().peak());
            println!("{:>5} ms, {:>4} MiB at most so far: {shown}", took.as_millis(), most >> 20);
            assert!(took < Duration::from_secs(6), "{shown}: {took:?}");
            assert!(most <= 2 * MEMORY_BYTES as i64, "{shown}: {most} after {peak}");
            assert_eq!(rows(&runner, "SELECT count(*) FROM t").await.unwrap(), 1, "after {shown}");
        }
        assert!(stopped + 2 >= bombs().len(), "only {stopped} were stopped");
    });
    let until = Instant::now() + Duration::from_secs(10);
    while runner.budget().used() > before && Instant::now() < until {
        std::thread::yield_now();
    }
    assert_eq!(runner.budget().used(), before, "all of it was given back: none was held");
}

/// What must be stopped when its time is over.
fn slow() -> Vec<String> {
    let relations: Vec<String> = (0..60).map(|n| format!("t t{n}")).collect();
    let long =
        "left(concat(a.s, a.s, a.s, a.s, a.s, a.s, a.s, a.s, b.s, b.s, b.s, b.s, b.s, b.s, b.s, b.s), 500)";
    vec![
        format!("SELECT sum(levenshtein({long}, reverse({long}))) FROM t a, t b"),
        format!("SELECT count(*) FROM t a, t b WHERE {long} ~ '(a|b|ab)*(x+x+)+y$'"),
        format!("SELECT count(*) FROM t a, t b WHERE {long} LIKE '%a%e%x%t%o%f%r%o%w%9%9%8%7%'"),
        "SELECT sum(a.n * b.n * c.n) FROM t a, t b, t c".to_owned(),
        "WITH RECURSIVE x AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM x) SELECT count(*) FROM x".to_owned(),
        format!("SELECT count(*) FROM {}", relations.join(", ")),
    ]
}

#[test]
fn a_statement_over_its_time_ends_and_holds_up_no_other() {
    let runner = runner(Duration::from_secs(3));
    multi(async {
        for sql in slow() {
            let shown = &sql[..sql.len().min(100)];
            // Twice as many as there are threads for our own questions, and processors here.
            let all = join_all((0..4).map(|_| async {
                let begun = Instant::now();
                (rows(&runner, &sql).await, begun.elapsed())
            }));
            let next = async {
                tokio::time::sleep(Duration::from_millis(200)).await;
                let begun = Instant::now();
                (rows(&runner, "SELECT 1").await, begun.elapsed())
            };
            let (all, (quick, took)) = tokio::join!(all, next);
            assert_eq!(quick.unwrap(), 1);
            assert!(took < Duration::from_millis(2_500), "{shown}: {took:?}");
            for (result, took) in all {
                assert!(
                    matches!(result, Err(Error::Timeout { .. } | Error::ResourcesExhausted { .. })),
                    "{shown}: {result:?}"
                );
                assert!(took < Duration::from_secs(6), "{shown}: {took:?}");
            }
            let begun = Instant::now();
            while runner.places_free() < PLACES {
                assert!(begun.elapsed() < Duration::from_secs(10), "{shown} runs on");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            println!("{shown}: gone {} ms after its time", begun.elapsed().as_millis());
        }
    });
}

#[test]
fn a_result_has_its_place_and_its_memory_until_it_is_dropped() {
    let runner = runner(Duration::from_secs(3));
    multi(async {
        let hold = async || {
            let statement = runner.read("SELECT n + 1 AS n, s || s || s || s || s || s AS s FROM t").await?;
            runner.run(statement, context(&runner), Ok).await
        };
        let mut held = Vec::new();
        for _ in 0..PLACES {
            held.push(hold().await.unwrap());
        }
        assert!(runner.budget().used() > 0, "more than the session that a statement gives back");
        let pool = &runner.environment().memory_pool;
        assert!(pool.reserved() > PLACES * 5_000 * 8, "{}", pool.reserved());
        assert!(matches!(hold().await, Err(Error::Timeout { .. })), "there is no place");
        let own = runner.own_task(async { Ok(1) }).await;
        assert_eq!(own.unwrap(), 1, "our own questions need none");
        held.pop();
        held.push(hold().await.unwrap());
        drop(held);
        // Their threads may be a moment longer.
        let until = Instant::now() + Duration::from_secs(10);
        let rest = || (pool.reserved(), runner.places_free(), runner.budget().used());
        while rest() != (0, PLACES, 0) && Instant::now() < until {
            tokio::task::yield_now().await;
        }
        assert_eq!(rest(), (0, PLACES, 0));
    });
}

fn fails<T>() -> Result<T, Error> {
    panic!("on purpose")
}

#[test]
fn a_panic_ends_its_statement_and_nothing_else() {
    let runner = runner(Duration::from_secs(5));
    multi(async {
        let ran: Result<(), Error> = runner.task(None, async { fails() }).await;
        assert!(matches!(ran, Err(Error::BadSql { .. })), "{ran:?}");
        assert_eq!(rows(&runner, "SELECT 1").await.unwrap(), 1);
    });
}

#[test]
fn a_calendar_reaches_the_last_day() {
    let runner = runner(Duration::from_secs(5));
    let ask = |at: &str| {
        let sql = format!(
            "SELECT business_ms(to_timestamp_micros({at} - 86400000000), to_timestamp_micros({at}), 'Pacific/Kiritimati', \
             '{{\"mon\":[\"00:00\",\"24:00\"],\"sun\":[\"00:00\",\"24:00\"]}}', NULL)"
        );
        multi(rows(&runner, &sql))
    };
    for at in
        ["8210266876799999999", "8210266876799999999 - 50000000000", "-8334601228800000000 + 90000000000"]
    {
        match ask(at) {
            Ok(1) | Err(Error::BadSql { .. }) => {}
            other => panic!("{at}: {other:?}"),
        }
    }
}

#[test]
fn spill_that_is_over_its_limit_says_so() {
    let runner = runner(Duration::from_secs(20));
    let sql = "SELECT a.s, b.n FROM t a, (SELECT n FROM t LIMIT 200) b ORDER BY a.s || b.n";
    let ran = multi(rows(&runner, sql));
    let Err(Error::ResourcesExhausted { message }) = ran else { panic!("{ran:?}") };
    assert!(message.contains("sql_spill_bytes_max") || message.contains("sql_memory_bytes"), "{message}");
}

#[test]
fn guarded_functions_give_what_the_query_engines_give() {
    let runner = runner(Duration::from_secs(20));
    let plain = context(&runner);
    for expression in [
        "s || n",
        "concat(s, n, NULL)",
        "concat_ws('-', s, n)",
        "replace(s, 'o', 'ooo')",
        "regexp_replace(s, '(r)(o)', '${2}$1', 'g')",
        "regexp_match(s, 'row +([0-9]+)')",
        "s ~ '1$'",
        "s !~* 'ROW +1'",
        "s LIKE '%1%2%'",
        "s NOT LIKE s || '%'",
        "s ILIKE '%ROW%1%2%3%4%5%6%7%8%9%'",
        "s SIMILAR TO '%(1|2)'",
        "upper(left(reverse(s), 3))",
        "initcap(split_part(s, ' ', 2))",
        "substr(s, 3, 4) || overlay(s placing 'x' from 2 for 1)",
        "levenshtein(s, reverse(s))",
        "to_char(to_timestamp_micros(n * 86400000000), '%Y-%m-%d')",
        "array_to_string(string_to_array(s, ' '), '/')",
        "[n, n + 1] || 3",
        "array_sort(make_array(n, 5, NULL))",
        "array_has_any([n], [1, 2, 3])",
        "struct(n, s)",
        "named_struct('a', n)",
        "CASE WHEN n > 5 THEN lower(s) ELSE trim(s) END",
        "position('row' in s) + strpos(s, '1')",
        "date_trunc('week', to_timestamp_micros(n * 86400000000))",
    ] {
        let sql = format!("SELECT {expression} FROM t ORDER BY n LIMIT 3000");
        let expect = multi(async { plain.sql(&sql).await.unwrap().collect().await.unwrap() });
        let expect = concat_batches(&expect[0].schema(), &expect).unwrap();
        let (got, _held) = multi(async {
            let statement = runner.read(&sql).await.unwrap_or_else(|error| panic!("{expression}: {error}"));
            runner.run(statement, context(&runner), SqlRows::into_batch).await
        })
        .unwrap_or_else(|error| panic!("{expression}: {error}"));
        assert_eq!(got.schema().field(0).name(), expect.schema().field(0).name(), "{expression}");
        assert_eq!(got.columns(), expect.columns(), "{expression}");
    }
}

#[test]
fn a_function_that_panics_is_the_statements_error() {
    let runner = runner(Duration::from_secs(5));
    let context = context(&runner);
    let panics = Arc::new(|_: &[ColumnarValue]| -> Result<ColumnarValue, DataFusionError> {
        fails().map_err(|_| DataFusionError::Internal("it never gets here".to_owned()))
    });
    let int = arrow::datatypes::DataType::Int64;
    context.register_udf(create_udf("abs", vec![int.clone()], int, Volatility::Volatile, panics));
    let ran = multi(async {
        let statement = runner.read("SELECT abs(n) FROM t").await?;
        runner.run(statement, context, |rows| Ok(rows.into_batch()?.0.num_rows())).await
    });
    assert!(matches!(ran, Err(Error::BadSql { .. })), "{ran:?}");
}
