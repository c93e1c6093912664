//! The functions as SQL calls them, with the published worked answers.

use arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::{SessionConfig, SessionContext};

/// Runs SQL on one row a batch or on all rows at once, which must not matter, and gives the table as text.
async fn run(sql: &str) -> String {
    let mut answers = Vec::new();
    for (batch, partitions) in [(8192, 1), (1, 1), (2, 3)] {
        let config = SessionConfig::new().with_target_partitions(partitions).with_batch_size(batch);
        let context = SessionContext::new_with_config(config);
        super::register(&context);
        let rows = context.sql(sql).await.unwrap().collect().await.unwrap();
        answers.push(pretty_format_batches(&rows).unwrap().to_string());
    }
    assert!(
        answers.windows(2).all(|pair| pair[0] == pair[1]),
        "{}\n{}\n{}",
        answers[0],
        answers[1],
        answers[2]
    );
    answers.swap_remove(0)
}

async fn check(sql: &str, cells: &[&str]) {
    let text = run(sql).await;
    let lines: Vec<&str> = text.lines().skip(3).filter(|line| line.starts_with('|')).collect();
    let got: Vec<String> = lines
        .iter()
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(got, cells, "{text}");
}

const EVENTS: &str = "
    SELECT key, arrow_cast(at, 'Timestamp(Microsecond, Some(\"UTC\"))') AS at, seq, arrow_cast(id, 'Utf8View') AS id,
      arrow_cast(cleared, 'List(Utf8View)') AS cleared, a, arrow_cast(b, 'Utf8View') AS b
    FROM (VALUES
      (1, 30, 0, 'z', make_array('b'), CAST(NULL AS BIGINT), NULL),
      (1, 10, 0, 'x', make_array(), 1, 'one'),
      (1, 20, 1, 'b', NULL, 3, NULL),
      (1, 20, 1, 'a', NULL, 2, 'two'),
      (2, 10, 0, 'y', make_array('a'), NULL, 'only')
    ) AS event (key, at, seq, id, cleared, a, b)";

#[tokio::test]
async fn last_writer_wins_field_by_field() {
    let sql = format!(
        "SELECT key, l['a'], l['b'] FROM (SELECT key, lww(at, seq, id, cleared, a, b) AS l FROM ({EVENTS}) GROUP BY key) ORDER BY key"
    );
    check(&sql, &["1 3 ", "2  only"]).await;
    let sql =
        format!("SELECT l['a'], l['b'] FROM (SELECT lww(at, seq, id, cleared, a, b) AS l FROM ({EVENTS}))");
    check(&sql, &["3 "]).await;
}

#[tokio::test]
async fn revisions_are_changes_only() {
    let sql = format!(
        "SELECT key, r['revision'], r['event_id'], r['a'], r['b'], r['to_at'] IS NULL
         FROM (SELECT key, UNNEST(revisions(at, seq, id, cleared, a, b)) AS r FROM ({EVENTS}) GROUP BY key) ORDER BY 1, 2"
    );
    check(
        &sql,
        &["1 1 x 1 one false", "1 2 a 2 two false", "1 3 b 3 two false", "1 4 z 3  true", "2 1 y  only true"],
    )
    .await;
}

#[tokio::test]
async fn integers_are_measured_whatever_their_order() {
    let values = "(VALUES (1), (3), (2), (1), (1), (1), (4), (CAST(NULL AS BIGINT))) AS t (x)";
    check(&format!("SELECT ROUND(gini(x), 7), median_nearest(x), percentile_nearest(x, 0.85), percentile_nearest(x, 0.85, 8) FROM {values}"), &["0.3076923 1 3 "]).await;
    check(
        &format!(
            "SELECT x % 2, hhi(x), top_share(x) FROM {values} WHERE x IS NOT NULL GROUP BY x % 2 ORDER BY 1"
        ),
        &["0 0.5555555555555556 0.6666666666666666", "1 0.2653061224489796 0.42857142857142855"],
    )
    .await;
    check("SELECT gini(x), evenness(x), median_nearest(x) FROM (VALUES (1)) AS t (x) WHERE x > 1", &["  "])
        .await;
}

#[tokio::test]
async fn time_functions_take_literals_and_columns() {
    let at = |us: &str| format!("arrow_cast({us}, 'Timestamp(Microsecond, Some(\"UTC\"))')");
    check(&format!("SELECT millis_between({}, {})", at("1500"), at("4999")), &["3"]).await;
    check(&format!("SELECT arrow_cast(days_before({}, 2), 'Int64')", at("86400000000 * 2")), &["0"]).await;
    check("SELECT days_between(DATE '2026-03-06', DATE '2026-03-09'), working_days_between(DATE '2026-03-06', DATE '2026-03-09')", &["3 1"]).await;
    check("SELECT is_bot('dependabot[bot]'), is_bot('ada'), is_bot(NULL)", &["true false false"]).await;
}
