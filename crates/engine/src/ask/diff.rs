//! What changed in a metric between two moments, and which events did it.
//!
//! The metric is evaluated at both moments with its lineage, as for an explanation. A row's causes are the events
//! between the two of the keys that it rests on at either; for a milestone, its ledger says more. So every metric has
//! a diff, also one that was written a minute ago.
//! Invariant: what `show` takes out of a side is in no row, no sentence and no list of causes.
//! Deliberately absent: how much each event weighs.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{cast, take_record_batch};
use arrow::datatypes::{
    DataType, Date32Type, Field, FieldRef, Fields, Int64Type, Schema, TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};

use crate::ask::compare::{ColumnChange, Pair, cells, difference, matched, number, numbers, text, texts};
use crate::ask::explain::{Listed, events_since};
use crate::ask::words::{self, LedgerEntry};
use crate::catalogue::Metric;
use crate::error::Error;
use crate::evaluate::board::MetricResult;
use crate::evaluate::lineage::KEYS;
use crate::evaluate::{Evaluator, moment};
use crate::query::Query;
use crate::snapshot::Snapshot;

/// The metric that tells what moved a milestone, and the label that it shares with metrics about milestones.
const LEDGER: &str = "milestone_ledger";
const MILESTONE: &str = "milestone";
/// Events listed for each row, the newest.
const CAUSES_MAX: usize = 20;
/// Columns of [`Diff::rows`] beside the labels.
const COLUMNS: [&str; 8] =
    ["row", "value_before", "value_after", "difference", "sentence", "cells", "events", "causes"];

/// A metric's rows that are not the same at two moments.
#[derive(Debug, Clone)]
pub struct Diff {
    pub from: DateTime<Utc>,
    /// The result at the later moment, of which `rows` are all that is shown.
    pub to: MetricResult,
    /// `row` (added, removed, changed), the labels, `value_before`, `value_after`, `difference`, `sentence`, the
    /// `cells` that differ, how many `events` did it, and the newest of these as `causes`.
    pub rows: RecordBatch,
}

impl Evaluator {
    /// What changed in `metric` from one moment to a later one. `show` is what the surface does to each side first.
    pub async fn diff(
        &self,
        snapshot: &Snapshot,
        metric: &Metric,
        query: &Query,
        span: (DateTime<Utc>, DateTime<Utc>),
        listed: Listed,
        show: impl Fn(&MetricResult) -> Result<MetricResult, ArrowError>,
    ) -> Result<Diff, Error> {
        let (from, to) = span;
        check(metric, from, to)?;
        let known_at = query.known_at.unwrap_or_else(Utc::now);
        let snapshot = &*self.ground(snapshot, query, to).await?;
        let mut sides = Vec::new();
        for as_of in [from, to] {
            let rows = self.traced(snapshot, metric, query, moment(as_of, known_at)).await?;
            sides.push(show(&self.result(metric, as_of, known_at, snapshot, rows))?);
        }
        let [before, after] = <[MetricResult; 2]>::try_from(sides).expect("two moments give two sides");
        let changed = changed(metric, &before.rows, &after.rows)?;
        let plans = self.plans(snapshot, metric, known_at, span).await?;
        let keys = changed.iter().flat_map(|change| change.keys.iter().copied()).collect();
        let causes = causes(snapshot, keys, (moment(from, known_at), moment(to, known_at)), listed)?;
        let rows = table(metric, (&before.rows, &after.rows), &changed, &plans, &causes, listed)?;
        Ok(Diff { from, to: after, rows })
    }

    /// The ledger of each milestone between two moments, for metrics that have milestones.
    async fn plans(
        &self,
        snapshot: &Snapshot,
        metric: &Metric,
        known_at: DateTime<Utc>,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<BTreeMap<String, Vec<LedgerEntry>>, Error> {
        let mut plans: BTreeMap<String, Vec<LedgerEntry>> = BTreeMap::new();
        let ledger = self.catalogue.metric(LEDGER).filter(|_| is_milestones(metric));
        let Some(ledger) = ledger else { return Ok(plans) };
        let days = (to - from).num_days() + 1;
        let param = ledger.params.iter().find(|param| param.name == "window_days");
        let params = param.map(|param| (param.name.clone(), days.to_string())).into_iter().collect();
        let query = Query { as_of: Some(to), known_at: Some(known_at), params, ..Query::default() };
        let rows = self.query(snapshot, ledger, &query).await?.rows;
        let column = |name: &str| rows.column_by_name(name).expect("the ledger has its columns");
        let (milestones, what) = (texts(column("milestone"))?, texts(column("what"))?);
        let at = cast(column("at"), &DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, None))?;
        let at = at.as_primitive::<TimestampMicrosecondType>();
        let dates = |name| cast(column(name), &DataType::Date32);
        let (from_on, to_on) = (dates("from_on")?, dates("to_on")?);
        let date = |column: &ArrayRef, row| column.as_primitive::<Date32Type>().value_as_date(row);
        for row in 0..rows.num_rows() {
            if at.value(row) <= from.timestamp_micros() {
                continue;
            }
            let on = at.value_as_date(row).unwrap_or_default();
            let (from_on, to_on) = (
                date(&from_on, row).filter(|_| from_on.is_valid(row)),
                date(&to_on, row).filter(|_| to_on.is_valid(row)),
            );
            let entry = LedgerEntry { what: what.value(row).to_owned(), on, from_on, to_on };
            plans.entry(milestones.value(row).to_owned()).or_default().push(entry);
        }
        Ok(plans)
    }
}

fn check(metric: &Metric, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<(), Error> {
    let bad = |name: &str, reason: String| Err(Error::BadParameter { name: name.to_owned(), reason });
    if from >= to {
        return bad("from", "must be before 'to'".to_owned());
    }
    match metric.labels.iter().find(|label| COLUMNS.contains(&label.as_str())) {
        Some(label) => {
            bad(label, format!("is a label of {} and a column of each diff; rename it", metric.name))
        }
        None => Ok(()),
    }
}

fn is_milestones(metric: &Metric) -> bool {
    metric.labels.iter().any(|label| label == MILESTONE)
}

/// A row that is not as it was, with the keys that it rests on at either moment.
struct Changed {
    pair: Pair,
    cells: Vec<ColumnChange>,
    keys: BTreeSet<i64>,
}

fn changed(metric: &Metric, before: &RecordBatch, after: &RecordBatch) -> Result<Vec<Changed>, Error> {
    let mut found = Vec::new();
    for pair in matched(before, after, &metric.labels)? {
        let cells = cells(before, after, pair, &[KEYS])?;
        if pair.before.is_some() && pair.after.is_some() && cells.is_empty() {
            continue;
        }
        let sides = [(before, pair.before), (after, pair.after)];
        let keys = sides.into_iter().filter_map(|(rows, row)| Some(keys(rows, row?)));
        found.push(Changed { pair, cells, keys: keys.flatten().collect() });
    }
    Ok(found)
}

fn keys(rows: &RecordBatch, row: usize) -> Vec<i64> {
    let lists = rows.column_by_name(KEYS).expect("a traced row has keys").as_list::<i32>();
    if lists.is_null(row) {
        Vec::new()
    } else {
        lists.value(row).as_primitive::<Int64Type>().values().to_vec()
    }
}

/// Events between two moments, the newest first, and the rows of them by key.
struct Causes {
    events: RecordBatch,
    by_key: HashMap<i64, Vec<u32>>,
}

fn causes(
    snapshot: &Snapshot,
    keys: BTreeSet<i64>,
    (from, to): (crate::moment::Moment, crate::moment::Moment),
    listed: Listed,
) -> Result<Causes, Error> {
    let between = snapshot.tables.keys_between(&[from.as_of_us, to.as_of_us]);
    let busy: HashSet<i64> = between.into_iter().flatten().collect();
    let keys: Vec<i64> = keys.into_iter().filter(|key| busy.contains(key)).collect();
    let (events, of_keys) = events_since(&snapshot.tables, &keys, from.as_of_us, to, listed)?;
    let mut by_key: HashMap<i64, Vec<u32>> = HashMap::new();
    for (row, key) in (0..).zip(of_keys) {
        by_key.entry(key).or_default().push(row);
    }
    Ok(Causes { events, by_key })
}

impl Causes {
    /// Rows of the events of `keys`, ascending, so the newest first.
    fn of(&self, keys: &BTreeSet<i64>) -> Vec<u32> {
        let mut rows: Vec<u32> =
            keys.iter().filter_map(|key| self.by_key.get(key)).flatten().copied().collect();
        rows.sort_unstable();
        rows
    }

    fn kind(&self, row: u32) -> &str {
        self.events.column(1).as_string::<i32>().value(row as usize)
    }
}

/// What did it, in words: a milestone's plan first, then the other events by kind.
fn told(causes: &Causes, rows: &[u32], plan: Option<&Vec<LedgerEntry>>) -> Vec<String> {
    let mut phrases = plan.map(|entries| words::plan(entries)).unwrap_or_default();
    let mut by_type: BTreeMap<String, usize> = BTreeMap::new();
    for &row in rows {
        let kind = causes.kind(row);
        // The ledger has told what these did to the plan.
        let in_plan = matches!(kind, "ticket.created" | "ticket.updated" | "ticket.deleted")
            || matches!(kind, "milestone.created" | "milestone.updated" | "milestone.baselined");
        if plan.is_none_or(|entries| entries.is_empty()) || !in_plan {
            *by_type.entry(kind.to_owned()).or_default() += 1;
        }
    }
    phrases.extend(words::counts(&by_type));
    phrases
}

fn table(
    metric: &Metric,
    (before, after): (&RecordBatch, &RecordBatch),
    changed: &[Changed],
    plans: &BTreeMap<String, Vec<LedgerEntry>>,
    causes: &Causes,
    listed: Listed,
) -> Result<RecordBatch, Error> {
    let (old, new) = (numbers(before, &metric.value)?, numbers(after, &metric.value)?);
    let side = |change: &Changed| match (change.pair.before, change.pair.after) {
        (_, Some(row)) => (after, row),
        (before_row, None) => (before, before_row.expect("a pair has a side")),
    };
    let label = |change: &Changed, name: &str| -> Result<Option<String>, ArrowError> {
        let (rows, row) = side(change);
        rows.column_by_name(name).map_or(Ok(None), |column| Ok(text(&texts(column)?, row)))
    };
    let (mut sentences, mut counts, mut lists) = (Vec::new(), Vec::new(), Vec::new());
    for change in changed {
        let hidden = is_hidden(before, &old, change.pair.before) || is_hidden(after, &new, change.pair.after);
        let rows = if hidden { Vec::new() } else { causes.of(&change.keys) };
        let plan = match (hidden, label(change, MILESTONE)?) {
            (false, Some(milestone)) if is_milestones(metric) => plans.get(&milestone),
            _ => None,
        };
        let value = |values: &Float64Array, row: Option<usize>| row.map(|row| number(values, Some(row)));
        let headline =
            words::headline(&metric.unit, value(&old, change.pair.before), value(&new, change.pair.after));
        sentences.push(match hidden {
            true => "too few people to show".to_owned(),
            false => words::sentence(&headline, &told(causes, &rows, plan)),
        });
        counts.push(rows.len() as i64);
        lists.push(listing(causes, &rows, listed));
    }
    let kind = |change: &Changed| match (change.pair.before, change.pair.after) {
        (None, _) => "added",
        (_, None) => "removed",
        (Some(_), Some(_)) => "changed",
    };
    let (values_before, values_after): (Vec<_>, Vec<_>) =
        changed.iter().map(|c| (number(&old, c.pair.before), number(&new, c.pair.after))).unzip();
    let change = |(before, after): (&Option<f64>, &Option<f64>)| difference(*before, *after);
    let differences: Float64Array = values_before.iter().zip(&values_after).map(change).collect();
    let mut columns: Vec<(&str, ArrayRef)> =
        vec![("row", Arc::new(changed.iter().map(|c| Some(kind(c))).collect::<StringArray>()))];
    for name in &metric.labels {
        let values = changed.iter().map(|change| label(change, name)).collect::<Result<StringArray, _>>()?;
        columns.push((name, Arc::new(values)));
    }
    columns.push(("value_before", Arc::new(Float64Array::from(values_before))));
    columns.push(("value_after", Arc::new(Float64Array::from(values_after))));
    columns.push(("difference", Arc::new(differences)));
    columns.push(("sentence", Arc::new(StringArray::from(sentences))));
    columns.push(("cells", Arc::new(cell_lists(changed)?)));
    columns.push(("events", Arc::new(Int64Array::from(counts))));
    columns.push(("causes", Arc::new(event_lists(&causes.events, &lists)?)));
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// Whether a surface took the row's numbers out: the keys went with them.
fn is_hidden(rows: &RecordBatch, values: &Float64Array, row: Option<usize>) -> bool {
    let no_keys = |row| rows.column_by_name(KEYS).is_some_and(|keys| keys.is_null(row));
    row.is_some_and(|row| no_keys(row) && values.is_null(row))
}

fn listing(causes: &Causes, rows: &[u32], listed: Listed) -> Vec<u32> {
    let about_somebody = |row: &u32| {
        let entity = causes.kind(*row).split('.').next().unwrap_or_default();
        matches!(entity, "person" | "team" | "calendar")
    };
    let shown = rows.iter().copied().filter(|row| match listed {
        Listed::All => true,
        Listed::Impersonal => !about_somebody(row),
        Listed::Nothing => false,
    });
    shown.take(CAUSES_MAX).collect()
}

/// For each row the cells that differ, as text.
fn cell_lists(changed: &[Changed]) -> Result<ListArray, ArrowError> {
    let cells = || changed.iter().flat_map(|change| &change.cells);
    let fields: Fields =
        ["column", "before", "after"].map(|name| Field::new(name, DataType::Utf8, true)).to_vec().into();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(cells().map(|cell| Some(cell.column.as_str())).collect::<StringArray>()),
        Arc::new(cells().map(|cell| cell.before.as_deref()).collect::<StringArray>()),
        Arc::new(cells().map(|cell| cell.after.as_deref()).collect::<StringArray>()),
    ];
    let lengths = changed.iter().map(|change| change.cells.len());
    lists(StructArray::try_new(fields, columns, None)?, lengths)
}

fn event_lists(events: &RecordBatch, rows: &[Vec<u32>]) -> Result<ListArray, ArrowError> {
    let indices: UInt32Array = rows.iter().flatten().copied().collect::<Vec<_>>().into();
    lists(StructArray::from(take_record_batch(events, &indices)?), rows.iter().map(Vec::len))
}

fn lists(values: StructArray, lengths: impl IntoIterator<Item = usize>) -> Result<ListArray, ArrowError> {
    let item: FieldRef = Arc::new(Field::new("item", values.data_type().clone(), true));
    ListArray::try_new(item, OffsetBuffer::from_lengths(lengths), Arc::new(values), None)
}
