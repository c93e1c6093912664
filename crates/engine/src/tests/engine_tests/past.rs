//! Moments in rows and events that did not happen: each equals what it stands for.

use std::collections::BTreeSet;

use super::*;
use crate::{Overlay, Series};

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
                    views.hide(&snapshot.tables, &snapshot.views, moment(times[3]), &every).await.unwrap();
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

#[test]
fn a_kept_moment_hears_of_what_came_late() {
    let runtime = Runtime::new().unwrap();
    let strategy = (facts(), 1..40usize, 0..5_000u32);
    runner(16)
        .run(&strategy, |(facts, size, as_of)| {
            runtime.block_on(async {
                let dir = tempfile::tempdir().unwrap();
                let engine = engine(dir.path()).await;
                let views = engine.evaluator().views.clone();
                let moment = Moment { as_of_us: at(as_of).timestamp_micros(), known_at_us: i64::MAX };
                let every: BTreeSet<String> = views.empty().into_keys().collect();
                let some = views.closure(&["milestone".to_owned()].into());
                let mut base = 0;
                for part in facts.chunks(facts.len().div_ceil(3)) {
                    feed(&engine, part, size, base).await;
                    base += part.len() as i64;
                    let snapshot = engine.snapshot();
                    let full = full(&views, &snapshot.tables, moment).await;
                    for names in [&some, &every] {
                        let mut rows = views.at(&snapshot, moment, names).await.unwrap();
                        rows.retain(|name, _| names.contains(name));
                        let full = full.iter().filter(|(name, _)| names.contains(*name));
                        assert_eq!(content(&rows), full.map(|(n, rows)| (n.clone(), rows.clone())).collect());
                    }
                }
            });
            Ok(())
        })
        .unwrap();
}

fn lines_of(facts: &[Fact]) -> String {
    facts.iter().map(|fact| body(fact) + "\n").collect()
}

#[test]
fn a_what_if_is_what_the_events_would_have_made() {
    let runtime = Runtime::new().unwrap();
    let strategy = (facts(), facts(), 0..5_000u32);
    runner(4)
        .run(&strategy, |(happened, assumed, minute)| {
            runtime.block_on(async {
                let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
                let (plain, fed) = (engine(one.path()).await, engine(two.path()).await);
                let mut assumed: Vec<Fact> =
                    assumed.into_iter().filter(|fact| fact.minute <= minute).take(20).collect();
                for (id, fact) in (1_000..).zip(&mut assumed) {
                    (fact.id, fact.observed_minute) = (id, fact.minute);
                }
                feed(&plain, &happened, 40, 0).await;
                feed(&fed, &happened, 40, 0).await;
                feed(&fed, &assumed, 40, happened.len() as i64).await;
                let before = content(&plain.snapshot().views);
                let what_if = Overlay::of_lines(lines_of(&assumed).as_bytes(), 20).ok();
                assert_eq!(what_if.is_some(), !assumed.is_empty());
                let query =
                    Query { as_of: Some(at(minute)), known_at: Some(at(5_000)), what_if, ..Query::default() };
                for metric in ["review_load", "milestone_drift", "delegation_balance", "goal_hygiene"] {
                    let thought = plain.query(metric, &query).await.unwrap();
                    let done = Query { what_if: None, ..query.clone() };
                    assert_eq!(thought.rows, fed.query(metric, &done).await.unwrap().rows, "{metric}");
                    assert_eq!(thought.what_if, assumed.len());
                }
                assert_eq!(content(&plain.snapshot().views), before, "the snapshot is as it was");
            });
            Ok(())
        })
        .unwrap();
}

#[test]
fn events_that_cannot_be_assumed_are_named() {
    Runtime::new().unwrap().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path()).await;
        let fact = |id, minute| Fact {
            id,
            minute,
            observed_minute: minute,
            version: 0,
            kind: 0,
            subject: 1,
            person: 0,
            detail: 0,
        };
        feed(&engine, &[fact(1, 1)], 1, 0).await;
        let unknown = body(&fact(2, 1)).replace("change.opened", "change.sighed");
        for (text, expect) in [
            ("".to_owned(), "has no events"),
            ("{\n".to_owned(), "event 1 is refused"),
            (unknown, "event 1 is of no type that is known"),
            (format!("{}\n\n{}", body(&fact(2, 1)), body(&fact(2, 2))), "two events with the id \"e2\""),
            (format!("{0}\n{0}\n{0}", body(&fact(2, 1))), "more than 2 events (limits.what_if_events_max)"),
        ] {
            let error = Overlay::of_lines(text.as_bytes(), 2).unwrap_err().to_string();
            assert!(error.contains(expect), "{text}: {error}");
        }
        for (fact, expect) in [
            (fact(1, 1), "has the id of an event that happened"),
            (fact(2, 4_000_000), "happens after the moment asked"),
        ] {
            let what_if = Overlay::of_lines(body(&fact).as_bytes(), 2).ok();
            let query = Query { what_if, ..Query::default() };
            let error = engine.query("review_load", &query).await.unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        }
    });
}
