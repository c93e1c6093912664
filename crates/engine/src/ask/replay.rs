//! Two versions of a definition over the same history, side by side.
//!
//! The other catalogue reads the same tables. Where its materialised views are those of this engine, it reads the
//! same views too; where one differs, all of its views are folded anew from all events.
//! Invariant: both sides have the same moments, the same events and the same parameters.
//! Deliberately absent: keeping anything of the other version.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};
use chrono::{DateTime, Utc};

use crate::ask::compare::{difference, matched, number, numbers, text, texts};
use crate::ask::range::{AS_OF, Series};
use crate::catalogue::{Catalogue, Metric, View};
use crate::error::Error;
use crate::evaluate::Evaluator;
use crate::evaluate::board::MetricResult;
use crate::evaluate::session::session;
use crate::moment::Moment;
use crate::query::Query;
use crate::snapshot::{Position, Snapshot};
use crate::views::Views;

/// Columns of [`Replay::rows`] beside the labels.
const COLUMNS: [&str; 7] =
    [AS_OF, "row", "value", "value_against", "difference", "definition", "definition_against"];

/// A metric by two definitions.
#[derive(Debug, Clone)]
pub struct Replay {
    pub known_at: DateTime<Utc>,
    pub position: Position,
    pub definition: String,
    pub against: String,
    /// `as_of`, the labels, `row` (same, changed, only here, only there), `value` by this engine's definition and
    /// `value_against` by the other's, their `difference`, and both definitions' hashes.
    pub rows: RecordBatch,
    /// Rows that are not the same.
    pub differ: usize,
}

/// `metric` by the definitions of `ours` and of `against`.
pub async fn replay(
    ours: &Arc<Evaluator>,
    snapshot: &Snapshot,
    metric: &Metric,
    against: Catalogue,
    query: &Query,
    series: Option<&Series>,
) -> Result<Replay, Error> {
    let known_at = query.known_at.unwrap_or_else(Utc::now);
    let query = Query { known_at: Some(known_at), ..query.clone() };
    let mut moments = Series { moments: vec![query.as_of.unwrap_or(known_at)], rows_max: usize::MAX };
    if let Some(series) = series {
        moments = series.clone();
    }
    let (theirs, folded) = other(ours, snapshot, against).await?;
    let other = theirs.catalogue.metric(&metric.name).ok_or_else(|| Error::BadParameter {
        name: "against".to_owned(),
        reason: format!("has no metric {}", metric.name),
    })?;
    let here = ours.range(snapshot, metric, &query, &moments).await?;
    let there = theirs.range(&folded, other, &query, &moments).await?;
    let (rows, differ) = table((metric, &here), (other, &there))?;
    Ok(Replay {
        known_at,
        position: snapshot.position.clone(),
        definition: ours.catalogue.definition(metric),
        against: theirs.catalogue.definition(other),
        rows,
        differ,
    })
}

/// An evaluator of the other catalogue, and the snapshot with its views.
async fn other(
    ours: &Evaluator,
    snapshot: &Snapshot,
    catalogue: Catalogue,
) -> Result<(Arc<Evaluator>, Snapshot), Error> {
    let mut snapshot = snapshot.clone();
    let folds = |view: &View| (view.name.clone(), view.sql.clone(), view.from.clone(), view.open.clone());
    let same = ours.catalogue.keyed().map(folds).eq(catalogue.keyed().map(folds));
    let views = if same {
        Arc::clone(&ours.views)
    } else {
        let runtime = ours.runtime.clone();
        let views = Arc::new(Views::plan(&catalogue, move || session(runtime.clone())).await?);
        snapshot.views = views.fold_all(&snapshot.tables, Moment::ALL).await?;
        views
    };
    let theirs = Evaluator::new(Arc::new(catalogue), views, ours.runtime.clone()).beside(ours);
    Ok((Arc::new(theirs), snapshot))
}

fn table(
    (metric, here): (&Metric, &[MetricResult]),
    (other, there): (&Metric, &[MetricResult]),
) -> Result<(RecordBatch, usize), Error> {
    let bad = |name: &str, reason: &str| Error::BadParameter {
        name: name.to_owned(),
        reason: format!("{reason}; rename it"),
    };
    if let Some(label) = metric.labels.iter().find(|label| COLUMNS.contains(&label.as_str())) {
        return Err(bad(label, "is a label and a column of each replay"));
    }
    let mut columns = Sides::default();
    let mut labels: Vec<Vec<Option<String>>> = vec![Vec::new(); metric.labels.len()];
    for (ours, theirs) in here.iter().zip(there) {
        let (old, new) = (numbers(&ours.rows, &metric.value)?, numbers(&theirs.rows, &other.value)?);
        for pair in matched(&ours.rows, &theirs.rows, &metric.labels)? {
            let (rows, row) = match (pair.before, pair.after) {
                (Some(row), _) => (&ours.rows, row),
                (None, row) => (&theirs.rows, row.expect("a pair has a side")),
            };
            for (values, name) in labels.iter_mut().zip(&metric.labels) {
                let column = rows.column_by_name(name);
                let column =
                    column.ok_or_else(|| bad(name, "is a label that the other definition does not have"))?;
                values.push(text(&texts(column)?, row));
            }
            let (value, value_against) = (number(&old, pair.before), number(&new, pair.after));
            columns.push(ours.as_of, value, value_against, (pair.before.is_some(), pair.after.is_some()));
        }
    }
    let hash = |result: Option<&MetricResult>| result.map(|result| result.definition.clone());
    columns.table(&metric.labels, labels, [hash(here.first()), hash(there.first())])
}

/// The columns of a replay as they grow.
#[derive(Default)]
struct Sides {
    as_of_us: Vec<i64>,
    kinds: Vec<&'static str>,
    values: Vec<Option<f64>>,
    against: Vec<Option<f64>>,
}

impl Sides {
    fn push(&mut self, at: DateTime<Utc>, value: Option<f64>, against: Option<f64>, there: (bool, bool)) {
        self.as_of_us.push(at.timestamp_micros());
        self.kinds.push(match there {
            (true, false) => "only here",
            (false, _) => "only there",
            (true, true) if value == against => "same",
            (true, true) => "changed",
        });
        self.values.push(value);
        self.against.push(against);
    }

    fn table(
        self,
        names: &[String],
        labels: Vec<Vec<Option<String>>>,
        definitions: [Option<String>; 2],
    ) -> Result<(RecordBatch, usize), Error> {
        let rows = self.kinds.len();
        let differ = self.kinds.iter().filter(|kind| **kind != "same").count();
        let differences: Float64Array =
            self.values.iter().zip(&self.against).map(|(value, other)| difference(*value, *other)).collect();
        let at = TimestampMicrosecondArray::from(self.as_of_us).with_timezone("UTC");
        let mut columns: Vec<(&str, ArrayRef)> = vec![(AS_OF, Arc::new(at))];
        for (name, values) in names.iter().zip(labels) {
            columns.push((name, Arc::new(StringArray::from(values))));
        }
        columns.push(("row", Arc::new(StringArray::from(self.kinds))));
        columns.push(("value", Arc::new(Float64Array::from(self.values))));
        columns.push(("value_against", Arc::new(Float64Array::from(self.against))));
        columns.push(("difference", Arc::new(differences)));
        for (name, hash) in ["definition", "definition_against"].into_iter().zip(definitions) {
            columns.push((name, Arc::new(StringArray::from(vec![hash; rows]))));
        }
        let field = |(name, column): &(&str, ArrayRef)| Field::new(*name, column.data_type().clone(), true);
        let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
        let columns = columns.into_iter().map(|(_, column)| column).collect();
        Ok((RecordBatch::try_new(Arc::new(schema), columns)?, differ))
    }
}
