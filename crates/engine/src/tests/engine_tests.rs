//! Incremental equals full, for every shipped view, over random event histories.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use event::{Batch, BatchBuilder, Record, Span};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::evaluate::session::session;
use crate::moment::Moment;
use crate::rows::by_key::ViewRows;
use crate::rows::tables::Tables;
use crate::views::Views;
use crate::{Catalogue, Engine, Options, Query};

mod bounds;
mod held;
mod identity;
mod past;

/// One event as a CloudEvents body. Small domains, so that keys, ids and times collide.
#[derive(Debug, Clone)]
struct Fact {
    id: u16,
    minute: u32,
    observed_minute: u32,
    version: u8,
    kind: u8,
    subject: u8,
    person: u8,
    detail: u8,
}

fn facts() -> impl Strategy<Value = Vec<Fact>> {
    let fact = (0..120u16, 0..5_000u32, 0..5_000u32, 0..2u8, 0..27u8, 0..6u8, 0..5u8, any::<u8>()).prop_map(
        |(id, minute, observed_minute, version, kind, subject, person, detail)| Fact {
            id,
            minute,
            observed_minute,
            version,
            kind,
            subject,
            person,
            detail,
        },
    );
    prop::collection::vec(fact, 1..120)
}

fn time(minute: u32) -> String {
    let at = chrono::DateTime::from_timestamp(1_772_000_000 + i64::from(minute) * 60, 0).unwrap();
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn body(fact: &Fact) -> String {
    let change = format!(r#""repo":"acme/api","change":"{}""#, fact.subject);
    let person = ["ada", "bo", "cy", "dee", "dependabot[bot]"][fact.person as usize];
    let other = ["ada", "bo", "cy", "dee"][fact.detail as usize % 4];
    let verdict = ["approved", "changes_requested", "commented"][fact.detail as usize % 3];
    let due = format!("2026-04-{:02}", 1 + fact.detail % 28);
    let ticket = format!(
        r#""ticket":"T{}","kind":"story","title":"t","status_category":"{}","assignees":["{person}"],"points":{},"due_on":"{due}","milestone":"M{}""#,
        fact.subject,
        ["todo", "in_progress", "done"][fact.detail as usize % 3],
        fact.detail % 8,
        fact.detail % 2
    );
    let milestone =
        format!(r#""milestone":"M{}","project":"p","title":"m","due_on":"{due}""#, fact.subject % 3);
    let team = format!(r#""team":"core","person":"{person}""#);
    let (kind, data) = match fact.kind {
        0..=2 => (
            "change.opened",
            format!(r#"{change},"author":"{person}","title":"x","draft":{}"#, fact.detail.is_multiple_of(2)),
        ),
        3 => ("change.ready", change),
        4 => ("change.drafted", change),
        5 => ("change.closed", change),
        6 => ("change.merged", format!(r#"{change},"merged_by":"{other}""#)),
        7 => ("change.reopened", change),
        8..=10 => ("review.requested", format!(r#"{change},"reviewer":"{other}","by":"{person}""#)),
        11 => ("review.requested", format!(r#"{change},"team":"core","by":"{person}""#)),
        12 => ("review.request_removed", format!(r#"{change},"reviewer":"{other}""#)),
        13..=14 => ("review.submitted", format!(r#"{change},"reviewer":"{other}","verdict":"{verdict}""#)),
        15 => (
            "commit.pushed",
            format!(
                r#"{change},"sha":"{:040x}","author":"{person}","reviewers":["{other}"],"authored_at":"{}","committed_at":"{}""#,
                fact.id,
                time(fact.minute),
                time(fact.minute + 60)
            ),
        ),
        16 => ("ticket.created", ticket),
        17 => ("ticket.updated", ticket),
        18 => ("ticket.closed", ticket),
        19 => ("ticket.reopened", ticket),
        20 => ("milestone.updated", milestone),
        21 => (
            ["milestone.baselined", "milestone.created", "milestone.deleted"][fact.detail as usize % 3],
            milestone,
        ),
        22 => ("team.member_added", team),
        23 => ("team.member_removed", team),
        24..=25 => (
            ["commit.removed", "commit.restored"][fact.kind as usize - 24],
            format!(r#""repo":"acme/api","sha":"{:040x}""#, fact.detail % 120),
        ),
        26 if fact.detail.is_multiple_of(4) => ("commit.reset", r#""repo":"acme/api","sha":"0""#.to_owned()),
        _ => ("team.member_removed", team),
    };
    format!(
        r#"{{"specversion":"1.0","id":"e{}","source":"test","type":"dev.plimsoll.{kind}.v1","time":"{}","observedat":"{}","sourceversion":{},"data":{{{data}}}}}"#,
        fact.id,
        time(fact.minute),
        time(fact.observed_minute),
        fact.version
    )
}

/// The facts as one batch that starts at `base`.
fn batch(facts: &[Fact], base: i64) -> Batch {
    let mut builder = BatchBuilder::new();
    for (offset, fact) in (base..).zip(facts) {
        let body = body(fact);
        let record = Record {
            topic: "local",
            partition: 0,
            offset,
            timestamp_us: 1_780_000_000_000_000,
            key: None,
            headers: &[],
            value: Some(body.as_bytes()),
        };
        builder.push(&record);
    }
    let next = base + facts.len() as i64;
    let span = Span { log: "local:test".into(), topic: "local".into(), partition: 0, base, next, was: None };
    let batch = builder.finish(vec![span]);
    assert_eq!(batch.counts.dead_letters, 0, "every fact is well formed");
    batch
}

fn lines(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let columns: Vec<_> =
        batch.columns().iter().map(|c| ArrayFormatter::try_new(c.as_ref(), &options).unwrap()).collect();
    let row = |r| columns.iter().map(|c| c.value(r).to_string()).collect::<Vec<_>>().join("|");
    let mut lines: Vec<String> = (0..batch.num_rows()).map(row).collect();
    lines.sort();
    lines
}

fn content(views: &ViewRows) -> BTreeMap<String, Vec<String>> {
    views.iter().map(|(name, rows)| (name.clone(), lines(&rows.to_batch().unwrap()))).collect()
}

async fn engine(dir: &std::path::Path) -> Engine {
    let options = Options { flush_rows: 40, ..Options::default() };
    Engine::open(dir, Catalogue::shipped().unwrap(), options).await.unwrap()
}

/// Feeds the facts in batches of `size` and lets the engine finish.
async fn feed(engine: &Engine, facts: &[Fact], size: usize, mut base: i64) {
    let (sender, receiver) = mpsc::channel(4);
    let running = tokio::spawn({
        let engine = engine.clone();
        async move { engine.run(receiver).await }
    });
    for chunk in facts.chunks(size) {
        sender.send(batch(chunk, base)).await.unwrap();
        base += chunk.len() as i64;
    }
    drop(sender);
    running.await.unwrap().unwrap();
}

async fn views() -> Arc<Views> {
    Arc::new(Views::plan(&Catalogue::shipped().unwrap(), || session(Arc::default())).await.unwrap())
}

/// Every view from nothing, at a moment.
async fn full(views: &Arc<Views>, tables: &Tables, moment: Moment) -> BTreeMap<String, Vec<String>> {
    content(&views.fold_all(tables, moment).await.unwrap())
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

#[test]
fn incremental_equals_full_for_every_view() {
    let runtime = Runtime::new().unwrap();
    let views = runtime.block_on(views());
    let strategy = (facts(), 1..40usize, 0..5_000u32, 0..5_000u32);
    runner(24)
        .run(&strategy, |(facts, size, as_of, known_at)| {
            runtime.block_on(async {
                let dir = tempfile::tempdir().unwrap();
                let engine = engine(dir.path()).await;
                feed(&engine, &facts, size, 0).await;
                let snapshot = engine.snapshot();
                assert_eq!(content(&snapshot.views), full(&views, &snapshot.tables, Moment::ALL).await);

                let us = |minute: u32| (1_772_000_000 + i64::from(minute) * 60) * 1_000_000;
                let moment = Moment { as_of_us: us(as_of), known_at_us: us(known_at) };
                let every = views.empty().into_keys().collect();
                let past = views.hide(&snapshot.tables, &snapshot.views, moment, &every).await.unwrap();
                assert_eq!(content(&past), full(&views, &snapshot.tables, moment).await);
            });
            Ok(())
        })
        .unwrap();
}

#[test]
fn order_copies_batching_and_restarts_change_nothing() {
    let runtime = Runtime::new().unwrap();
    let strategy = (facts(), 1..40usize, 1..40usize, any::<u64>());
    runner(16)
        .run(&strategy, |(facts, size, other_size, seed)| {
            runtime.block_on(async {
                let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
                let first = engine(one.path()).await;
                feed(&first, &facts, size, 0).await;

                let mut shuffled: Vec<Fact> = facts.iter().chain(&facts).cloned().collect();
                let mut state = seed | 1;
                for i in (1..shuffled.len()).rev() {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    shuffled.swap(i, (state >> 33) as usize % (i + 1));
                }
                let half = shuffled.len() / 2;
                let second = engine(two.path()).await;
                feed(&second, &shuffled[..half], other_size, 0).await;
                drop(second);
                if seed.is_multiple_of(3) {
                    std::fs::remove_dir_all(two.path().join("cache")).unwrap();
                }
                let second = engine(two.path()).await;
                assert_eq!(second.positions().values().copied().collect::<Vec<_>>(), vec![half as i64]);
                feed(&second, &shuffled[half..], other_size, half as i64).await;

                let (a, b) = (first.snapshot(), second.snapshot());
                assert_eq!(content(&a.views), content(&b.views));
                for metric in &first.catalogue().metrics {
                    let at = chrono::DateTime::from_timestamp(1_772_250_000, 0);
                    let query = Query { as_of: at, known_at: at, ..Query::default() };
                    let (a, b) =
                        (first.query(&metric.name, &query).await, second.query(&metric.name, &query).await);
                    assert_eq!(a.unwrap().rows, b.unwrap().rows, "metric {}", metric.name);
                }
            });
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_store_from_before_the_directory_is_taken_over() {
    Runtime::new().unwrap().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let fact = |i: u16| {
            let (minute, subject, person) = (u32::from(i) * 17, (i % 6) as u8, (i % 5) as u8);
            let (kind, detail) = ((i % 24) as u8, (i / 24) as u8);
            Fact { id: i, minute, observed_minute: minute, version: 0, kind, subject, person, detail }
        };
        let facts: Vec<Fact> = (0..240).map(fact).collect();
        let answers = async |engine: &Engine| {
            let mut found = vec![format!("{:?}", content(&engine.snapshot().views))];
            for table in ["commits", "reviews", "tickets", "directory"] {
                found.extend(lines(&engine.sql(&format!("SELECT * FROM {table}")).await.unwrap()));
            }
            for metric in &engine.catalogue().metrics {
                let at = chrono::DateTime::from_timestamp(1_772_250_000, 0);
                let query = Query { as_of: at, known_at: at, ..Query::default() };
                found.extend(lines(&engine.query(&metric.name, &query).await.unwrap().rows));
            }
            found
        };
        let before = {
            let engine = engine(dir.path()).await;
            feed(&engine, &facts, 50, 0).await;
            answers(&engine).await
        };
        crate::store::delta::unsplit(&dir.path().join("events")).await;
        for _ in 0..2 {
            let engine = engine(dir.path()).await;
            assert_eq!(engine.positions().values().copied().collect::<Vec<_>>(), vec![240]);
            assert_eq!(answers(&engine).await, before);
        }
        let engine = engine(dir.path()).await;
        feed(&engine, &facts, 50, 240).await;
        assert_eq!(answers(&engine).await, before, "copies are known");
    });
}

#[test]
fn a_second_process_is_told_that_the_directory_is_taken() {
    Runtime::new().unwrap().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let _first = engine(dir.path()).await;
        let second = Engine::open(dir.path(), Catalogue::shipped().unwrap(), Options::default()).await;
        assert!(matches!(second.err(), Some(crate::Error::Locked { .. })));
    });
}

#[test]
fn sql_sees_one_row_per_event_and_every_metric() {
    Runtime::new().unwrap().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path()).await;
        let fact = Fact {
            id: 1,
            minute: 1,
            observed_minute: 2,
            version: 0,
            kind: 0,
            subject: 1,
            person: 0,
            detail: 0,
        };
        feed(&engine, &[fact.clone(), fact], 1, 0).await;
        let rows = engine.sql("SELECT count(*) AS n FROM reviews").await.unwrap();
        assert_eq!(lines(&rows), vec!["1"]);
        for metric in &engine.catalogue().metrics {
            engine.sql(&format!("SELECT * FROM {}", metric.name)).await.unwrap();
        }
        for name in ["dead_letters", "commits", "tickets", "directory"] {
            assert_eq!(lines(&engine.sql(&format!("SELECT count(*) FROM {name}")).await.unwrap()), vec!["0"]);
        }
    });
}
