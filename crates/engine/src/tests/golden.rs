//! Runs the golden cases in `tests/golden/<metric or view>/<case>.toml`: events in, rows out.
//!
//! A case is data. `given` lists events as `TIME TYPE DATA`; each `[[at]]` names a moment (`as_of`),
//! maybe `params`, the `columns` to look at, and the `rows` that must come out. A metric's rows are
//! compared in their order, a view's in any.
//!
//! This is the plainest evaluation there is: everything is folded anew from the events with
//! effective_at <= T, in one session on one partition, once in the given order and once reversed, in the steps in which it
//! runs; each query is held against what the query engine makes of it as it stands.
//! Deliberately absent: the incremental engine, which other tests hold against this.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use arrow::json::{WriterBuilder, writer::JsonArray};
use chrono::DateTime;
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::sqlparser::ast::Query;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use event::{BatchBuilder, Outcome, Record, Table};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::catalogue::Catalogue;
use crate::evaluate::steps::Steps;
use crate::moment::Moment;
use crate::rows::gone::Gone;
use crate::rows::ids::Variants;
use crate::sql::plan_query;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What the case shows, in a sentence.
    about: String,
    given: Vec<String>,
    at: Vec<At>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    as_of: String,
    #[serde(default)]
    params: BTreeMap<String, String>,
    columns: Vec<String>,
    /// NULL is written `"NULL"`.
    rows: Vec<Vec<Value>>,
}

#[tokio::test]
async fn every_case_gives_its_rows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let catalogue = Catalogue::shipped().unwrap();
    let (mut wrong, mut cases, mut plain) = (Vec::new(), 0, Plain::default());
    for folder in sorted(&root) {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        for file in sorted(&folder) {
            let text = fs::read_to_string(&file).unwrap();
            let case: Case =
                toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            check(&catalogue, &name, &file, &case, &mut plain, &mut wrong).await;
            cases += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(cases > 20, "only {cases} cases found");
}

#[test]
fn every_metric_and_view_has_a_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let catalogue = Catalogue::shipped().unwrap();
    let names = catalogue
        .views
        .iter()
        .map(|view| &view.name)
        .chain(catalogue.metrics.iter().map(|metric| &metric.name));
    for name in names {
        assert!(root.join(name).is_dir(), "{name} has no folder in tests/golden");
    }
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

async fn check(
    catalogue: &Catalogue,
    name: &str,
    file: &Path,
    case: &Case,
    plain: &mut Plain,
    wrong: &mut Vec<String>,
) {
    let file = file.file_name().unwrap().to_string_lossy();
    let mut reversed = case.given.iter().enumerate().collect::<Vec<_>>();
    let forward = reversed.clone();
    reversed.reverse();
    for at in &case.at {
        let mut want: Vec<Vec<Value>> = at.rows.iter().map(|row| row.iter().map(null).collect()).collect();
        for events in [&forward, &reversed] {
            let mut got = evaluate(catalogue, name, events, at, plain).await;
            if catalogue.view(name).is_some() {
                got.sort_by_key(|row| json!(row).to_string());
                want.sort_by_key(|row| json!(row).to_string());
            }
            if !same(&got, &want) {
                let lines = |rows: &[Vec<Value>]| {
                    rows.iter().map(|row| format!("  {}", json!(row))).collect::<Vec<_>>().join("\n")
                };
                let order = if std::ptr::eq(events, &forward) { "" } else { " (events reversed)" };
                wrong.push(format!(
                    "{name}/{file} at {}{order}: {}\ngot\n{}\nwant\n{}",
                    at.as_of,
                    case.about,
                    lines(&got),
                    lines(&want)
                ));
                break;
            }
        }
    }
}

fn null(value: &Value) -> Value {
    if value == "NULL" { Value::Null } else { value.clone() }
}

fn same(got: &[Vec<Value>], want: &[Vec<Value>]) -> bool {
    let close = |a: &Value, b: &Value| match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-6,
        _ => a == b,
    };
    got.len() == want.len()
        && got
            .iter()
            .zip(want)
            .all(|(got, want)| got.len() == want.len() && got.iter().zip(want).all(|(a, b)| close(a, b)))
}

async fn evaluate(
    catalogue: &Catalogue,
    name: &str,
    events: &[(usize, &String)],
    at: &At,
    plain: &mut Plain,
) -> Vec<Vec<Value>> {
    let as_of = micros(&at.as_of);
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
    crate::functions::register(&context);
    for (table, batch) in tables(events) {
        let past = batch.column_by_name("effective_at").map(|times| past(times, as_of));
        let batch = past.map_or(batch.clone(), |past| filter_record_batch(&batch, &past).unwrap());
        let batch = if table == Table::Commits { present(batch) } else { batch };
        let rows = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
        context.register_table(table.name(), Arc::new(rows)).unwrap();
    }
    for view in catalogue.views_of(name) {
        let query = catalogue.bind_view(view, as_of, as_of).query;
        let rows = plain.rows(&context, &view.name, query, false).await;
        let rows = MemTable::try_new(rows.schema(), vec![vec![rows]]).unwrap();
        context.register_table(view.name.as_str(), Arc::new(rows)).unwrap();
    }
    let query = match catalogue.metric(name) {
        Some(metric) => catalogue.bind(metric, as_of, as_of, &at.params).unwrap().query,
        None => {
            let sql = format!("SELECT * FROM {name}");
            *Parser::new(&GenericDialect {}).try_with_sql(&sql).unwrap().parse_query().unwrap()
        }
    };
    let rows = plain.rows(&context, name, query, catalogue.metric(name).is_some()).await;
    let mut out = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
    out.write(&rows).unwrap();
    out.finish().unwrap();
    let bytes = out.into_inner();
    let rows: Vec<Value> =
        if bytes.is_empty() { Vec::new() } else { serde_json::from_slice(&bytes).unwrap() };
    let cell = |row: &Value, column: &String| {
        row.get(column).unwrap_or_else(|| panic!("{name} has no column {column}")).clone()
    };
    rows.iter().map(|row| at.columns.iter().map(|column| cell(row, column)).collect()).collect()
}

/// What was asked as it stands, too, and not in steps alone. That takes long, so it is done for the first two evaluations
/// of each that have rows.
#[derive(Default)]
struct Plain(BTreeMap<String, usize>);

impl Plain {
    /// The rows of a query, which have an order where they are a metric's.
    async fn rows(
        &mut self,
        context: &SessionContext,
        name: &str,
        query: Query,
        in_order: bool,
    ) -> RecordBatch {
        let stepped = Steps::new(context).rows(query.clone()).await;
        let stepped = stepped.unwrap_or_else(|error| panic!("{name}: {error}"));
        let times = self.0.entry(name.to_owned()).or_default();
        if *times < 2 && stepped.num_rows() > 0 {
            *times += 1;
            let plan = plan_query(context, query).await.unwrap_or_else(|error| panic!("{name}: {error}"));
            let frame = context.execute_logical_plan(plan).await.unwrap();
            let rows = frame.collect().await.unwrap_or_else(|error| panic!("{name}: {error}"));
            let lines = |rows: &[RecordBatch]| {
                let mut lines: Vec<String> = text(rows).lines().map(str::to_owned).collect();
                if !in_order {
                    lines.sort();
                }
                lines
            };
            let stepped = lines(std::slice::from_ref(&stepped));
            assert_eq!(stepped, lines(&rows), "{name}: in steps, and as it stands");
        }
        stepped
    }
}

/// The commits that are still there.
fn present(rows: RecordBatch) -> RecordBatch {
    let mut gone = Gone::default();
    gone.learn(&rows, &[]);
    gone.filter(rows, &Variants::default(), Moment::ALL).unwrap()
}

fn text(rows: &[RecordBatch]) -> String {
    arrow::util::pretty::pretty_format_batches(rows).unwrap().to_string()
}

fn past(times: &ArrayRef, as_of: i64) -> BooleanArray {
    times
        .as_primitive::<TimestampMicrosecondType>()
        .iter()
        .map(|time| time.map(|time| time <= as_of))
        .collect()
}

fn micros(time: &str) -> i64 {
    DateTime::parse_from_rfc3339(&time.replace('Z', ":00Z"))
        .unwrap_or_else(|error| panic!("{time}: {error}"))
        .timestamp_micros()
}

/// Decodes `2026-03-02T09:00Z change.opened {"repo":"api",...}`; the event id tells its place in the list.
fn tables(events: &[(usize, &String)]) -> [(Table, RecordBatch); Table::ALL.len()] {
    let mut builder = BatchBuilder::new();
    for (number, line) in events {
        let mut words = line.splitn(3, ' ');
        let (time, name) = (words.next().unwrap(), words.next().unwrap());
        let data: Value = serde_json::from_str(words.next().unwrap_or("{}"))
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        let event = json!({
            "specversion": "1.0", "id": format!("golden-event-{number:03}"), "source": "golden", "type": format!("dev.plimsoll.{name}.v1"),
            "time": time.replace('Z', ":00Z"), "sequence": number, "data": data,
        });
        let value = event.to_string();
        let record = Record {
            topic: "golden",
            partition: 0,
            offset: *number as i64,
            timestamp_us: micros(time),
            key: None,
            headers: &[],
            value: Some(value.as_bytes()),
        };
        let outcome = builder.push(&record);
        assert!(matches!(outcome, Outcome::Event(_)), "{line}: {outcome:?}");
    }
    let batch = builder.finish(Vec::new());
    Table::ALL.map(|table| (table, batch.table(table).clone()))
}
