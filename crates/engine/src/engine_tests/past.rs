//! Moments in rows: a range equals its single queries.

use super::*;
use crate::Series;

fn at(minute: u32) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(1_772_000_000 + i64::from(minute) * 60, 0).unwrap()
}

#[test]
fn each_step_of_a_range_is_a_query_of_its_own() {
    let runtime = Runtime::new().unwrap();
    let views = runtime.block_on(views());
    let strategy = (facts(), 1..40usize, 0..2_000u32, 300..1_500u32, 0..6_000u32);
    runner(4)
        .run(&strategy, |(facts, size, from, step, known)| {
            runtime.block_on(async {
                let dir = tempfile::tempdir().unwrap();
                let engine = engine(dir.path()).await;
                feed(&engine, &facts, size, 0).await;
                let snapshot = engine.snapshot();

                let times: Vec<i64> = (0..4).map(|n| at(from + n * step).timestamp_micros()).collect();
                let moment = |as_of_us| Moment { as_of_us, known_at_us: at(known).timestamp_micros() };
                let every = views.empty().into_keys().collect();
                let changed = snapshot.tables.keys_between(&times);
                let mut rows =
                    views.at(&snapshot.tables, &snapshot.views, moment(times[3]), &every).await.unwrap();
                for index in (0..3).rev() {
                    let (keys, here) = (&changed[index], moment(times[index]));
                    views.step(&snapshot.tables, &mut rows, keys, here, &every).await.unwrap();
                    assert_eq!(content(&rows), full(&views, &snapshot.tables, here).await);
                }

                let (to, step) = (at(from + 3 * step), format!("{step}m"));
                let series = Series::new(at(from), to, &step, 4, 1_000_000).unwrap();
                let mut query = Query { known_at: Some(at(known)), ..Query::default() };
                for metric in ["review_load", "milestone_drift", "delegation_balance", "signals"] {
                    query.as_of = None;
                    let steps = engine.range(metric, &query, &series).await.unwrap();
                    assert_eq!(steps.len(), 4);
                    for step in &steps {
                        query.as_of = Some(step.as_of);
                        let single = engine.query(metric, &query).await.unwrap();
                        assert_eq!(single.rows, step.rows, "{metric} as of {}", step.as_of);
                    }
                }
            });
            Ok(())
        })
        .unwrap();
}
