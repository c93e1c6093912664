//! Where a number comes from: the rows of a metric, the events that they rest on, and the formula.
//!
//! The metric is evaluated once more with its lineage (`lineage.rs`); the keys of the rows asked for
//! lead to the events. So every metric explains itself, also one that was written a minute ago.
//! Invariant: the events of a key at a moment are all that the number could depend on through that key.
//! Deliberately absent: how much each event weighs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{SortColumn, SortOptions};
use arrow::compute::{cast, concat_batches, filter_record_batch, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use chrono::Utc;
use datafusion::sql::sqlparser::ast;
use event::Table;

use crate::ask::veil::{PeopleNames, veiled};
use crate::catalogue::Metric;
use crate::error::Error;
use crate::evaluate::board::MetricResult;
use crate::evaluate::lineage::KEYS;
use crate::evaluate::steps::Steps;
use crate::evaluate::teams::{Teams, TeamsOf};
use crate::evaluate::{Evaluator, moment};
use crate::moment::Moment;
use crate::query::Query;
use crate::rows::segment::{key_column, micros};
use crate::rows::tables::{EVENT_TABLES, Keys, Tables};
use crate::snapshot::Snapshot;

/// How much of events is listed; they are always counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    All,
    /// Without events that are about somebody, and without anything of an event that names somebody (`veil.rs`).
    Impersonal,
    Nothing,
}

/// Columns of [`Explanation::events`].
const COLUMNS: [&str; 7] = ["effective_at", "type", "event_id", "entity", "subject", "url", "source"];

/// What some rows of a metric rest on.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The rows explained.
    pub result: MetricResult,
    pub title: String,
    pub help: String,
    /// The metric's SQL, with its parameters.
    pub formula: String,
    /// Changes, tickets, milestones, people and teams that the rows rest on.
    pub subjects: usize,
    /// All events of these, of which `events` lists some.
    pub events_total: usize,
    /// The newest first: `effective_at`, `type`, `event_id`, `entity`, `subject`, `url`, `source`.
    pub events: RecordBatch,
}

impl Evaluator {
    /// The rows of `metric` whose `labels` have the values in `wanted`, and at most `limit` of their events. `show` is
    /// what the surface does to the rows first: what it takes out has no events.
    pub async fn explain(
        &self,
        snapshot: &Snapshot,
        metric: &Metric,
        query: &Query,
        wanted: &BTreeMap<String, String>,
        (limit, listed): (usize, Listed),
        show: impl Fn(&MetricResult) -> Result<MetricResult, ArrowError>,
    ) -> Result<Explanation, Error> {
        let now = Utc::now();
        let (as_of, known_at) = (query.as_of.unwrap_or(now), query.known_at.unwrap_or(now));
        let at = moment(as_of, known_at);
        let snapshot = &*self.ground(snapshot, query, as_of).await?;
        let bound = self.bind(metric, at, &query.params)?;
        let (rows, teams) = self.annotated(snapshot, metric, at, bound).await?;
        let rows = matching(metric, rows, query.team.as_deref(), wanted)?;
        let mut result = show(&self.result(metric, as_of, known_at, snapshot, (rows, teams)))?;
        let keys = keys(&result.rows);
        let found = events(&snapshot.tables, &keys, at, listed)?;
        let traced = result.rows.schema().index_of(KEYS)?;
        let columns: Vec<usize> = (0..result.rows.num_columns()).filter(|&column| column != traced).collect();
        result.rows = result.rows.project(&columns)?;
        Ok(Explanation {
            result,
            title: metric.title.clone(),
            help: metric.help.clone(),
            formula: self.bound_text(metric, at, &query.params)?,
            subjects: keys.len(),
            events_total: found.num_rows(),
            events: newest(&of_listed(&found, listed)?, limit)?,
        })
    }

    /// A metric's rows at a moment, each with the keys that it rests on as the column [`KEYS`], and their teams.
    pub async fn traced(
        &self,
        snapshot: &Snapshot,
        metric: &Metric,
        query: &Query,
        at: Moment,
    ) -> Result<(RecordBatch, Teams), Error> {
        let bound = self.bind(metric, at, &query.params)?;
        let (rows, teams) = self.annotated(snapshot, metric, at, bound).await?;
        Ok((matching(metric, rows, query.team.as_deref(), &BTreeMap::new())?, teams))
    }

    async fn annotated(
        &self,
        snapshot: &Snapshot,
        metric: &Metric,
        at: Moment,
        bound: ast::Query,
    ) -> Result<(RecordBatch, Teams), Error> {
        let reads = self.reads(metric);
        let views = self.views.at(snapshot, at, reads).await?;
        let _turn = self.turns.large().await;
        let context = self.context_with(snapshot, &views, at, &self.runtime, reads, true).await?;
        let rows = Steps::with_lineage(&context).rows(bound).await.map_err(|error| Error::Internal {
            message: format!("{}: metric '{}' cannot be explained: {error}", metric.file, metric.name),
        })?;
        let teams = TeamsOf::new(self, &context, &views, at.as_of_us).metric(metric, &rows).await?;
        Ok((rows, teams))
    }
}

/// The rows whose columns have the wanted values, compared as text.
fn matching(
    metric: &Metric,
    mut rows: RecordBatch,
    team: Option<&str>,
    wanted: &BTreeMap<String, String>,
) -> Result<RecordBatch, Error> {
    let team = team.map(|team| ("team", team));
    for (name, value) in wanted.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(team) {
        let column =
            rows.column_by_name(name).filter(|_| name != KEYS).ok_or_else(|| Error::BadParameter {
                name: name.to_owned(),
                reason: format!(
                    "is no column of {}; its labels are: {}",
                    metric.name,
                    metric.labels.join(", ")
                ),
            })?;
        let texts = cast(column, &DataType::Utf8)?;
        let mask: BooleanArray =
            texts.as_string::<i32>().iter().map(|text| Some(text == Some(value))).collect();
        rows = filter_record_batch(&rows, &mask)?;
    }
    Ok(rows)
}

fn keys(rows: &RecordBatch) -> Vec<i64> {
    let lists = rows.column_by_name(KEYS).expect("an annotated plan gives keys").as_list::<i32>();
    let lists = (0..lists.len()).filter(|&row| lists.is_valid(row)).map(|row| lists.value(row));
    let keys: BTreeSet<i64> =
        lists.flat_map(|list| list.as_primitive::<Int64Type>().values().to_vec()).collect();
    keys.into_iter().collect()
}

/// The events of `keys` as they stand at a moment, of all tables, in [`COLUMNS`].
fn events(tables: &Tables, keys: &[i64], at: Moment, listed: Listed) -> Result<RecordBatch, Error> {
    let gathered = gather(tables, keys, at)?;
    let hidden = hidden(tables, &gathered, at, listed)?;
    let found = gathered.iter().map(|rows| told(rows, hidden.as_ref())).collect::<Result<Vec<_>, _>>()?;
    Ok(concat_batches(&schema(), &found)?)
}

fn gather(tables: &Tables, keys: &[i64], at: Moment) -> Result<Vec<RecordBatch>, ArrowError> {
    let keys = Keys::Set(keys.into());
    (0..EVENT_TABLES.len()).map(|index| tables.gather(index, &keys, at)).collect()
}

/// Whom the events must not name where some of them are listed and not all: whom they have as a person, and who is in a
/// team or in the files of people.
fn hidden(
    tables: &Tables,
    events: &[RecordBatch],
    at: Moment,
    listed: Listed,
) -> Result<Option<PeopleNames>, ArrowError> {
    if listed != Listed::Impersonal {
        return Ok(None);
    }
    let directory = EVENT_TABLES.iter().position(|table| *table == Table::Directory).expect("it has events");
    let directory = tables.gather(directory, &Keys::Between(i64::MIN, i64::MAX), at)?;
    PeopleNames::of(events.iter().chain([&directory])).map(Some)
}

/// The events of `keys` after `since_us` as they stand at a moment, the newest first, in [`COLUMNS`], and the key of
/// each.
pub fn events_since(
    tables: &Tables,
    keys: &[i64],
    since_us: i64,
    at: Moment,
    listed: Listed,
) -> Result<(RecordBatch, Vec<i64>), Error> {
    let gathered = gather(tables, keys, at)?;
    let hidden = hidden(tables, &gathered, at, listed)?;
    let (mut found, mut of_keys) = (Vec::new(), Vec::new());
    for rows in gathered {
        let later: BooleanArray =
            micros(&rows, "effective_at").iter().map(|&at_us| Some(at_us > since_us)).collect();
        // Links are looked for among all events of a key.
        found.push(filter_record_batch(&told(&rows, hidden.as_ref())?, &later)?);
        of_keys.extend_from_slice(key_column(&filter_record_batch(&rows, &later)?).values());
    }
    let found = concat_batches(&schema(), &found)?;
    let order = newest_first(&found, None)?;
    let of_keys = order.values().iter().map(|&row| of_keys[row as usize]).collect();
    Ok((take_record_batch(&found, &order)?, of_keys))
}

/// The columns that tell an event. Where it has no link of its own, its subject's newest one stands in.
fn told(rows: &RecordBatch, hidden: Option<&PeopleNames>) -> Result<RecordBatch, Error> {
    let schema = schema();
    let column = |field: &Arc<Field>| -> Result<ArrayRef, Error> {
        Ok(match (field.name().as_str(), rows.column_by_name(field.name())) {
            ("url", Some(urls)) => Arc::new(links(rows, &cast(urls, &DataType::Utf8)?)),
            ("entity", None) => Arc::new(entities(&cast(
                rows.column_by_name("type").expect("events have a type"),
                &DataType::Utf8,
            )?)),
            (_, Some(column)) => cast(column, field.data_type())?,
            (_, None) => arrow::array::new_null_array(field.data_type(), rows.num_rows()),
        })
    };
    let columns = schema.fields().iter().map(column).collect::<Result<_, _>>()?;
    let told = RecordBatch::try_new(schema, columns)?;
    Ok(match hidden {
        Some(names) => veiled(rows, &told, names)?,
        None => told,
    })
}

/// What a type is about: the part before the dot.
fn entities(types: &ArrayRef) -> StringArray {
    types.as_string::<i32>().iter().map(|name| name?.split('.').next()).collect()
}

fn links(rows: &RecordBatch, urls: &ArrayRef) -> StringArray {
    let (keys, at) = (key_column(rows).values(), micros(rows, "effective_at"));
    let urls = urls.as_string::<i32>();
    let mut newest: HashMap<i64, (i64, &str)> = HashMap::new();
    for (row, url) in urls.iter().enumerate() {
        let Some(url) = url else { continue };
        let known = newest.entry(keys[row]).or_insert((at[row], url));
        *known = (*known).max((at[row], url));
    }
    let link = |row: usize| {
        urls.is_valid(row).then(|| urls.value(row)).or(newest.get(&keys[row]).map(|known| known.1))
    };
    (0..rows.num_rows()).map(link).collect()
}

fn schema() -> SchemaRef {
    let kind = |name: &str| match name {
        "effective_at" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        _ => DataType::Utf8,
    };
    Arc::new(Schema::new(COLUMNS.map(|name| Field::new(name, kind(name), true)).to_vec()))
}

fn of_listed(events: &RecordBatch, listed: Listed) -> Result<RecordBatch, Error> {
    match listed {
        Listed::All => Ok(events.clone()),
        Listed::Impersonal => impersonal(events),
        Listed::Nothing => Ok(events.slice(0, 0)),
    }
}

/// Without events that are about somebody.
fn impersonal(events: &RecordBatch) -> Result<RecordBatch, Error> {
    let entities = events.column(3).as_string::<i32>();
    let about_somebody = |name: &str| matches!(name, "person" | "team" | "calendar");
    let mask: BooleanArray = entities.iter().map(|name| Some(!name.is_some_and(about_somebody))).collect();
    Ok(filter_record_batch(events, &mask)?)
}

fn newest(events: &RecordBatch, limit: usize) -> Result<RecordBatch, Error> {
    Ok(take_record_batch(events, &newest_first(events, Some(limit))?)?)
}

fn newest_first(events: &RecordBatch, limit: Option<usize>) -> Result<UInt32Array, Error> {
    let options = Some(SortOptions { descending: true, nulls_first: false });
    let by = |index: usize| SortColumn { values: events.column(index).clone(), options };
    Ok(lexsort_to_indices(&[by(0), by(2)], limit)?)
}
