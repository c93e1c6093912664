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
async fn units_are_those_of_the_arithmetic_they_replace() {
    let values = "(VALUES (0), (1), (-35999), (5400000), (720720), (72072001), (9007199254740993), (CAST(NULL AS BIGINT))) AS t (x)";
    check(
        &format!(
            "SELECT COUNT(*) FILTER (WHERE (ms_to_hours(x) IS DISTINCT FROM ROUND(CAST(x AS DOUBLE) / 3600000, 2))
               OR (ms_to_days(x) IS DISTINCT FROM ROUND(CAST(x AS DOUBLE) / 86400000, 3))
               OR (points(x) IS DISTINCT FROM ROUND(CAST(x AS DOUBLE) / 100, 2))
               OR (units_to_tickets(x) IS DISTINCT FROM ROUND(CAST(x AS DOUBLE) / 720720, 2))
               OR (units_to_points(x) IS DISTINCT FROM ROUND(CAST(x AS DOUBLE) / 72072000, 2))
               OR (ratio(7, x) IS DISTINCT FROM ROUND(CAST(7 AS DOUBLE) / NULLIF(x, 0), 6))
               OR (ratio(x, 7.5) IS DISTINCT FROM ROUND(CAST(x AS DOUBLE) / NULLIF(7.5, 0), 6))), COUNT(ms_to_hours(x)) FROM {values}"
        ),
        &["0 7"],
    )
    .await;
    check("SELECT ms_to_hours(5400000), ms_to_days(129600000), points(150), ratio(1, 3), ratio(1, 0), ratio(NULL, 1)", &["1.5 1.5 1.5 0.333333  "]).await;
    check(
        "SELECT hours_to_ms(1.5), days_to_ms(28), equal_share(16), equal_share(1), equal_share(0)",
        &["5400000 2419200000 45045 720720 "],
    )
    .await;
}

#[tokio::test]
async fn a_stay_holds_from_its_first_moment_to_before_its_last() {
    let time = |second: &str| format!("arrow_cast({second}, 'Timestamp(Microsecond, Some(\"UTC\"))')");
    let (from, to, at) = (time("from_at"), time("to_at"), time("at"));
    let rows = "(VALUES (1, 3, 0), (1, 3, 1), (1, 3, 2), (1, 3, 3), (1, NULL, 9), (NULL, NULL, 1), (1, 3, NULL)) AS t (from_at, to_at, at)";
    let want = ["0 false", "1 true", "2 true", "3 false", "9 true", "1 ", " "];
    check(&format!("SELECT at, holds_at({from}, {to}, {at}) FROM {rows}"), &want).await;
    let at = time("2");
    check(&format!("SELECT COUNT(*) FROM {rows} WHERE holds_at({from}, {to}, {at})"), &["6"]).await;
    check(&format!("SELECT holds_at({0}, {1}, {0})", time("1"), time("2")), &["true"]).await;
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
    check(
        "SELECT kind_of('acme-bot'), kind_of('Copilot'), kind_of('ada'), kind_of(NULL)",
        &["bot ai human "],
    )
    .await;
    check(
        "SELECT ending_of(NULL, 'not_planned'), ending_of('Won’t Do', 'Closed'), ending_of(NULL, NULL)",
        &["dropped dropped done"],
    )
    .await;
}

#[tokio::test]
async fn samples_are_measured_whatever_their_order() {
    let weeks =
        "(VALUES (6, TRUE), (6, TRUE), (6, TRUE), (6, FALSE), (7, TRUE), (9, FALSE), (10, TRUE), (10, FALSE),
        (11, FALSE), (13, TRUE), (16, TRUE), (17, FALSE), (19, FALSE), (20, FALSE), (22, TRUE), (23, TRUE),
        (25, FALSE), (32, FALSE), (32, FALSE), (34, FALSE), (35, FALSE)) AS patient (weeks, observed)";
    check(
        &format!(
            "SELECT km_quantile(weeks, observed, 0.5, 5), km_quantile(weeks, observed, 0.85, 7), km_quantile(weeks, observed, 0.5, 22) FROM {weeks}"
        ),
        &["23  "],
    )
    .await;
    let series =
        "(VALUES (1, 10.7), (2, 13.0), (3, 11.4), (4, 11.5), (5, 12.5), (6, 14.1), (7, 14.8), (8, 14.1),
        (9, 12.6), (10, 16.0), (11, 11.7), (12, 10.6), (13, 99.0)) AS month (position, x)";
    check(
        &format!("SELECT l['n'], ROUND(l['mean'], 2), ROUND(l['lower'], 4), ROUND(l['upper'], 4) FROM (SELECT xmr(position, x, 12, 6) AS l FROM {series})"),
        &["12 12.75 8.3247 17.1753"],
    )
    .await;
    check(&format!("SELECT xmr(position, x, 12, 14) IS NULL, ROUND(theil_sen(position, x), 4) FROM {series} WHERE position < 5"), &["true 0.1833"]).await;
    check("SELECT forecast_exact(x, 5, 0.5), forecast_exact(x, 5, 0.85), forecast_exact(x, 5, 0.95) FROM (VALUES (0), (1)) AS day (x)", &["9 13 16"]).await;
    check(
        "SELECT t['tf_raw'], t['tf_pruned'], t['people'][1] FROM (SELECT truck_factor(file, person, 1, 0.1) AS t
         FROM (VALUES ('a', 'ada'), ('b', 'ada'), ('c', 'bo')) AS author (file, person))",
        &["1 1 ada"],
    )
    .await;
}

#[tokio::test]
async fn forecasts_depend_on_the_set_of_rows() {
    check(
        "SELECT f['p50_days'], f['p85_days'], f['p_hit'], f['p_never'] FROM (
           SELECT milestone_forecast(ago, 1, 0, 8, 10, 12, 100, 1000, 'seed', NULL) AS f
           FROM (SELECT UNNEST(range(0, 56)) AS ago) AS day)",
        &["10 10 1.0 0.0"],
    )
    .await;
    check(
        "SELECT milestone_forecast(ago, 1, 0, 8, 10, 12, 100, 1000, 'seed', NULL) IS NULL FROM (SELECT UNNEST(range(0, 56)) AS ago) AS day WHERE ago < 0",
        &["true"],
    )
    .await;
}

#[tokio::test]
async fn working_time_takes_a_calendar() {
    let at = |time: &str| {
        let us = chrono::DateTime::parse_from_rfc3339(time).unwrap().timestamp_micros();
        format!("arrow_cast({us}, 'Timestamp(Microsecond, Some(\"UTC\"))')")
    };
    let (from, to) = (at("2026-03-27T16:30:00+01:00"), at("2026-03-30T09:30:00+02:00"));
    check(
        &format!(
            "SELECT business_ms({from}, {to}, 'Europe/Berlin', NULL, NULL), millis_between({from}, {to})"
        ),
        &["3600000 230400000"],
    )
    .await;
    let away = format!(
        "make_array(named_struct('from_at', {}, 'to_at', {}))",
        at("2026-03-30T09:15:00+02:00"),
        at("2026-04-01T00:00:00+02:00")
    );
    check(
        &format!(
            "SELECT business_ms({from}, {to}, 'Europe/Berlin', '{{\"mon\":[\"09:00\",\"17:00\"]}}', {away})"
        ),
        &["900000"],
    )
    .await;
    let pauses =
        format!("make_array({}, {})", at("2026-03-27T16:45:00+01:00"), at("2026-03-30T09:10:00+02:00"));
    check(
        &format!("SELECT business_age_ms({from}, {pauses}, {to}, 'Europe/Berlin', NULL, NULL)"),
        &["2100000"],
    )
    .await;
}

#[tokio::test]
async fn pauses_of_a_change_are_bounded() {
    // 400 open requests, and a change that goes to draft and back 500 times.
    let text = |sql: &str| format!("arrow_cast({sql}, 'Utf8View')");
    let none = |of: &str| format!("arrow_cast(NULL, '{of}')");
    let moment = "Timestamp(Microsecond, Some(\"UTC\"))";
    let events = format!(
        "SELECT arrow_cast(i, '{moment}') AS at, i AS seq, {id} AS id, {type_} AS type, {reviewer} AS reviewer
         FROM (SELECT UNNEST(range(0, 1400)) AS i)",
        id = text("concat('e', i)"),
        type_ = text(
            "CASE WHEN i < 400 THEN 'review.requested' WHEN i % 2 = 0 THEN 'change.drafted' ELSE 'change.ready' END"
        ),
        reviewer = text("CASE WHEN i < 400 THEN concat('r', i) END"),
    );
    let episodes = format!(
        "SELECT UNNEST(review_episodes(at, seq, id, type, {repo}, {one}, {who}, {draft}, reviewer, {none}, {none}, {none}, {list}, {never}, {never}, {none})) AS e
         FROM ({events})",
        repo = text("'acme/api'"),
        one = text("'1'"),
        who = text("'ada'"),
        draft = "CAST(NULL AS BOOLEAN)",
        none = none("Utf8View"),
        list = none("List(Utf8View)"),
        never = none(moment),
    );
    let sql = format!(
        "SELECT count(*) AS n, sum(array_length(e['pauses'])) AS pauses, bool_and(e['is_open']) AS open FROM ({episodes})"
    );
    check(&sql, &["400 100000 true"]).await;
}
