//! What the evaluation of the whole catalogue holds in memory, as the allocator counts it.

use std::collections::BTreeMap;

use super::*;
use crate::catalogue::Metric;
use crate::evaluate::Evaluator;
use crate::evaluate::round::Round;
use crate::moment::Moment;
use crate::snapshot::Snapshot;
use crate::sql::{Budget, Meter};

/// Enough for rows to weigh more than plans.
const CHANGES: u32 = 4_000;
/// All metrics may hold so many times what the largest holds alone, in percent: steps that two of them share stay between.
const MOST_PERCENT: i64 = 200;
/// No metric holds more than so many bytes an event, at its height.
const BYTES_PER_EVENT: i64 = 1 << 10;

/// Eight people work on changes of two repositories, one after the other; each has a ticket, a review and a commit.
fn history() -> Vec<String> {
    let mut events = Vec::new();
    let mut add = |kind: &str, minute: u32, data: String| {
        let (id, time) = (events.len(), time(minute));
        events.push(format!(
            r#"{{"specversion":"1.0","id":"h{id}","source":"test","type":"dev.plimsoll.{kind}.v1","time":"{time}","data":{data}}}"#
        ));
    };
    for person in 0..8 {
        let data = format!(r#"{{"team":"team-{}","person":"person-{person}"}}"#, person / 4);
        add("team.member_added", person, data);
    }
    for n in 0..4 {
        let data = format!(
            r#"{{"milestone":"M{n}","project":"acme","title":"Release {n}","start_on":"2026-02-25","due_on":"2026-05-0{}"}}"#,
            n + 1
        );
        add("milestone.created", n, data.clone());
        add("milestone.baselined", n + 5, data);
    }
    for n in 0..CHANGES {
        let minute = 10 + n * 20;
        let (author, reviewer) = (n % 8, (n + 1 + n % 5) % 8);
        let change = format!(r#""repo":"acme/api-{}","change":"{n}""#, n % 2);
        let ticket = format!(r#""ticket":"T-{n}","key":"T-{n}","kind":"story","milestone":"M{}""#, n % 4);
        let todo = format!(
            r#"{{{ticket},"title":"Do the work of number {n}","status_category":"todo","assignees":["person-{author}"],"points":{}}}"#,
            n % 8
        );
        add("ticket.created", minute, todo);
        let opened = format!(
            r#"{{{change},"author":"person-{author}","title":"The change of number {n}","tickets":["T-{n}"],"additions":40}}"#
        );
        add("change.opened", minute + 1, opened);
        let asked = format!(r#"{{{change},"reviewer":"person-{reviewer}","by":"person-{author}"}}"#);
        add("review.requested", minute + 2, asked);
        let given = format!(r#"{{{change},"reviewer":"person-{reviewer}","verdict":"approved"}}"#);
        add("review.submitted", minute + 30 + n % 900, given);
        add("change.merged", minute + 931, format!(r#"{{{change},"merged_by":"person-{author}"}}"#));
        let file =
            format!(r#"{{"path":"src/part-{}.rs","change":"modified","additions":3,"deletions":1}}"#, n % 50);
        let commit = format!(
            r#"{{{change},"sha":"{n:040x}","author":"person-{author}","title":"The change of number {n}","files":[{file}]}}"#
        );
        add("commit.pushed", minute + 932, commit);
        add("ticket.closed", minute + 933, format!(r#"{{{ticket},"status_category":"done"}}"#));
    }
    events
}

/// The most that a round of `metrics` held, and its rows.
fn round(
    runtime: &Runtime,
    evaluator: &Evaluator,
    snapshot: &Snapshot,
    moment: Moment,
    metrics: &[&Metric],
) -> (i64, BTreeMap<String, Vec<String>>) {
    let budget = Budget::new(1 << 40);
    let meter = Meter::new(Arc::clone(&budget), None);
    let scope = meter.enter();
    let rows = runtime.block_on(async {
        let bound = |metric: &&'_ Metric| evaluator.bind(metric, moment, &BTreeMap::new()).unwrap();
        let asked: Vec<_> = metrics.iter().map(|metric| (*metric, bound(metric))).collect();
        let mut round = Round::new(evaluator, snapshot, &snapshot.views, moment, asked).unwrap();
        let mut rows = BTreeMap::new();
        while let Some(answer) = round.next(Ok).await {
            rows.insert(answer.metric.name.clone(), lines(&answer.rows.unwrap().0));
        }
        assert_eq!(round.holds(), Vec::<String>::new(), "nothing stays");
        rows
    });
    drop(scope);
    (budget.peak(), rows)
}

#[test]
fn all_metrics_together_hold_little_more_than_the_largest_alone() {
    // One thread does everything, so everything is counted.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let events = history();
    let engine = runtime.block_on(async {
        let engine =
            Engine::open(dir.path(), Catalogue::shipped().unwrap(), Options::default()).await.unwrap();
        let mut builder = BatchBuilder::new();
        for (offset, body) in events.iter().enumerate() {
            builder.push(&Record {
                topic: "local",
                partition: 0,
                offset: offset as i64,
                timestamp_us: 1_780_000_000_000_000,
                key: None,
                headers: &[],
                value: Some(body.as_bytes()),
            });
        }
        let next = events.len() as i64;
        let (log, topic) = ("local:test".into(), "local".into());
        let batch = builder.finish(vec![Span { log, topic, partition: 0, base: 0, next, was: None }]);
        assert_eq!(batch.counts.dead_letters, 0, "every event is well formed");
        let (sender, receiver) = mpsc::channel(1);
        sender.send(batch).await.unwrap();
        drop(sender);
        engine.ingest(receiver).await.unwrap();
        engine
    });
    let (snapshot, evaluator) = (engine.snapshot(), engine.evaluator());
    let at_us = (1_772_000_000 + i64::from(CHANGES) * 20 * 60) * 1_000_000;
    let moment = Moment { as_of_us: at_us, known_at_us: at_us.max(1_790_000_000_000_000) };
    let all: Vec<&Metric> = evaluator.catalogue.metrics.iter().collect();
    let evaluate = |metrics: &[&Metric]| round(&runtime, &evaluator, &snapshot, moment, metrics);
    let (together, rows) = evaluate(&all);
    let alone: Vec<_> = all.iter().map(|metric| (metric, evaluate(&[*metric]))).collect();
    for (metric, (_, own)) in &alone {
        assert_eq!(rows[&metric.name], own[&metric.name], "{} alone has the same rows", metric.name);
    }
    let (metric, (largest, _)) = alone.iter().max_by_key(|(_, (peak, _))| peak).unwrap();
    let sum: i64 = alone.iter().map(|(_, (peak, _))| peak).sum();
    assert!(
        together * 100 < largest * MOST_PERCENT,
        "all metrics together held {} KiB, {} alone {}, and their sum is {}",
        together >> 10,
        metric.name,
        largest >> 10,
        sum >> 10
    );
    assert!(
        *largest < BYTES_PER_EVENT * events.len() as i64,
        "{} held {} KiB for {} events",
        metric.name,
        largest >> 10,
        events.len()
    );
    println!("{} KiB together, {} alone {}, sum {}", together >> 10, metric.name, largest >> 10, sum >> 10);
}
