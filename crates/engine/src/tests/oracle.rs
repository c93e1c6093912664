//! The headline metrics against a second implementation, in Python and without SQL: `tests/oracle/headline.py`.
//!
//! For each seed the oracle gives a random history, doubled and shuffled, and the rows that must come out at a past
//! moment, and at one with `known_at` set too. Here the events go through decoding, deduplication, incremental folds
//! and the metrics' SQL, and every cell is compared.
//!
//! `PLIMSOLL_ORACLE_SEEDS=7` runs one seed only, `200-999` those. Deliberately absent: the writer, its files and the board, which other
//! tests hold against a full fold.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::filter_record_batch;
use arrow::json::{WriterBuilder, writer::JsonArray};
use chrono::{DateTime, Utc};
use event::{Batch, BatchBuilder, Record};
use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Catalogue;
use crate::evaluate::session::session;
use crate::evaluate::steps::Steps;
use crate::evaluate::{Evaluator, moment};
use crate::rows::ids::Ids;
use crate::rows::segment::{Segment, key_column};
use crate::rows::tables::{EVENT_TABLES, Tables};
use crate::snapshot::Snapshot;
use crate::views::Views;

const SEEDS: u64 = 200;
/// Rows of a history are appended, and folded, in this many steps.
const BATCHES: usize = 3;
/// Half of the last digit that metrics show, and a little for the oracle's own arithmetic: the oracle does not round.
const ROUNDING: f64 = 0.500_001e-6;
const ROUNDING_COARSE: f64 = 0.500_001e-2;

/// Columns by metric.
#[derive(Deserialize)]
struct Head {
    columns: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Case {
    seed: u64,
    events: Vec<Value>,
    moments: Vec<At>,
}

#[derive(Deserialize)]
struct At {
    as_of: DateTime<Utc>,
    known_at: Option<DateTime<Utc>>,
    rows: BTreeMap<String, Vec<Vec<Value>>>,
}

#[test]
fn headline_metrics_agree_with_the_oracle() {
    let (first, count) = std::env::var("PLIMSOLL_ORACLE_SEEDS").map_or((0, SEEDS), |text| seeds(&text));
    let (head, cases) = oracle(first, count);
    assert_eq!((head.columns.len(), cases.len() as u64), (7, count), "headline metrics and seeds");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let wrong = runtime.block_on(async {
        let catalogue = Arc::new(Catalogue::shipped().unwrap());
        let views = Arc::new(Views::plan(&catalogue, || session(Arc::default())).await.unwrap());
        let evaluator = Arc::new(Evaluator::new(catalogue, views, Arc::default()));
        let head = Arc::new(head);
        let at_once = std::thread::available_parallelism().unwrap().get();
        stream::iter(cases)
            .map(|case| tokio::spawn(check(evaluator.clone(), head.clone(), case)))
            .buffered(at_once)
            .map(|wrong| wrong.expect("a seed's task ends"))
            .concat()
            .await
    });
    assert!(wrong.is_empty(), "{} differences\n\n{}", wrong.len(), wrong.join("\n\n"));
}

/// The first seed and the count of `7` or `200-999`.
fn seeds(text: &str) -> (u64, u64) {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.parse::<u64>().expect("PLIMSOLL_ORACLE_SEEDS is like 7 or 200-999");
    (number(first), number(last) + 1 - number(first))
}

/// What `headline.py` prints.
fn oracle(first: u64, count: u64) -> (Head, Vec<Case>) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/oracle/headline.py");
    let output =
        Command::new("python3").arg("-B").arg(script).args([first.to_string(), count.to_string()]).output();
    let output = output.expect("python3 runs: install it, tests/run does");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (head, cases) = text.split_once('\n').expect("a line of columns");
    let cases = cases.lines().map(|line| serde_json::from_str(line).unwrap());
    (serde_json::from_str(head).unwrap(), cases.collect())
}

/// The differences of one seed.
async fn check(evaluator: Arc<Evaluator>, head: Arc<Head>, case: Case) -> Vec<String> {
    let snapshot = load(&evaluator, &case.events).await;
    let mut wrong = Vec::new();
    for at in &case.moments {
        let got = evaluate(&evaluator, &head, &snapshot, at).await;
        for (metric, want) in &at.rows {
            let (only_got, only_want) = difference(&head.columns[metric], &got[metric], want);
            if only_got.is_empty() && only_want.is_empty() {
                continue;
            }
            let known = at.known_at.map_or(String::new(), |known_at| format!(", known at {known_at:?}"));
            let lines = |rows: &[&Vec<Value>]| {
                rows.iter().map(|row| format!("    {}", json!(row))).collect::<Vec<_>>().join("\n")
            };
            wrong.push(format!(
                "seed {}: {metric} as of {:?}{known}\n    {}\n  engine\n{}\n  oracle\n{}\n  again: \
                 PLIMSOLL_ORACLE_SEEDS={} cargo test --release --workspace --lib oracle",
                case.seed,
                at.as_of,
                head.columns[metric].join(", "),
                lines(&only_got),
                lines(&only_want),
                case.seed,
            ));
        }
    }
    wrong
}

/// The tables and views after all events, some at a time.
async fn load(evaluator: &Evaluator, events: &[Value]) -> Snapshot {
    let mut ids = Ids::default();
    let mut snapshot = Snapshot { views: evaluator.views.empty(), ..Snapshot::default() };
    let size = events.len().div_ceil(BATCHES);
    for (number, events) in events.chunks(size).enumerate() {
        let batch = decode(events, number * size);
        let mut keys = append(&mut snapshot.tables, &mut ids, &batch);
        keys.sort_unstable();
        keys.dedup();
        evaluator.views.refold(&snapshot.tables, &keys, &mut snapshot.views).await.unwrap();
    }
    snapshot
}

fn decode(events: &[Value], first: usize) -> Batch {
    let mut builder = BatchBuilder::new();
    for (number, event) in events.iter().enumerate() {
        let value = event.to_string();
        builder.push(&Record {
            topic: "oracle",
            partition: 0,
            offset: (first + number) as i64,
            timestamp_us: 1_790_000_000_000_000,
            key: None,
            headers: &[],
            value: Some(value.as_bytes()),
        });
    }
    let batch = builder.finish(Vec::new());
    assert_eq!(batch.counts.events, events.len() as u64, "every event of the oracle is well formed");
    batch
}

/// Adds the rows that are no copies; gives the keys to fold.
fn append(tables: &mut Tables, ids: &mut Ids, batch: &Batch) -> Vec<i64> {
    let mut keys = Vec::new();
    for (table, rows) in EVENT_TABLES.map(|table| batch.table(table)).into_iter().enumerate() {
        let admitted = ids.admit(rows);
        let kept = match admitted.keep {
            Some(keep) => filter_record_batch(rows, &keep.into()).unwrap(),
            None => rows.clone(),
        };
        keys.extend_from_slice(key_column(&kept).values());
        keys.extend(admitted.also_touched);
        if kept.num_rows() > 0 {
            tables.segments[table].push(Arc::new(Segment::sort(&kept, None).unwrap()));
        }
    }
    tables.variants = ids.variants();
    keys
}

/// Each metric's rows, cut down to the columns that the oracle gives.
async fn evaluate(
    evaluator: &Evaluator,
    head: &Head,
    snapshot: &Snapshot,
    at: &At,
) -> BTreeMap<String, Vec<Vec<Value>>> {
    let moment = moment(at.as_of, at.known_at.unwrap_or_else(Utc::now));
    let metrics: Vec<_> = head.columns.keys().map(|name| evaluator.catalogue.metric(name).unwrap()).collect();
    let reads: BTreeSet<_> = metrics.iter().flat_map(|metric| evaluator.reads(metric)).cloned().collect();
    let views = evaluator.views.at(snapshot, moment, &reads).await.unwrap();
    let context = evaluator.context(snapshot, &views, moment, &evaluator.runtime, &reads).await.unwrap();
    let mut steps = Steps::new(&context);
    let mut answer = BTreeMap::new();
    for metric in metrics {
        let query = evaluator.bind(metric, moment, &BTreeMap::new()).unwrap();
        let rows = steps.rows(query).await.unwrap_or_else(|error| panic!("{}: {error}", metric.name));
        answer.insert(metric.name.clone(), cells(&rows, &head.columns[&metric.name]));
    }
    answer
}

fn cells(rows: &RecordBatch, columns: &[String]) -> Vec<Vec<Value>> {
    let names: Vec<_> = columns.iter().map(|name| rows.schema().index_of(name).unwrap()).collect();
    let rows = rows.project(&names).unwrap();
    let mut out = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
    out.write(&rows).unwrap();
    out.finish().unwrap();
    let bytes = out.into_inner();
    let rows: Vec<Value> =
        if bytes.is_empty() { Vec::new() } else { serde_json::from_slice(&bytes).unwrap() };
    rows.iter().map(|row| columns.iter().map(|name| row[name].clone()).collect()).collect()
}

/// Rows that only one side has, by every cell and in any order.
fn difference<'r>(
    columns: &[String],
    got: &'r [Vec<Value>],
    want: &'r [Vec<Value>],
) -> (Vec<&'r Vec<Value>>, Vec<&'r Vec<Value>>) {
    let mut only_got: Vec<_> = got.iter().collect();
    let mut only_want = Vec::new();
    for row in want {
        match only_got.iter().position(|other| same(columns, other, row)) {
            Some(place) => {
                only_got.swap_remove(place);
            }
            None => only_want.push(row),
        }
    }
    (only_got, only_want)
}

fn same(columns: &[String], got: &[Value], want: &[Value]) -> bool {
    assert_eq!((got.len(), want.len()), (columns.len(), columns.len()), "cells of a row of {columns:?}");
    columns.iter().zip(got.iter().zip(want)).all(|(column, (got, want))| {
        match (got.as_f64(), want.as_f64()) {
            (Some(got), Some(want)) => {
                let coarse =
                    column.ends_with("_hours") || ["open_tickets", "open_points"].contains(&column.as_str());
                let rounding = if coarse { ROUNDING_COARSE } else { ROUNDING };
                (got - want).abs() <= rounding
            }
            _ => got == want,
        }
    })
}
