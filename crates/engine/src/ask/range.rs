//! A metric at each moment of a series, with the work shared between neighbours.
//!
//! The walk goes from the newest moment to the oldest: each step starts from the views of the step before and folds
//! only the keys that have an event between the two. So a range costs one past moment, what changed since, and an
//! evaluation a step; not a past moment a step.
//! Invariant: each step's rows are those of a query at that moment and the same `known_at`, byte for byte.
//! Deliberately absent: rows between the moments, and any thinning out; the number of steps is bounded instead.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, TimeUnit};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::{JoinError, JoinSet};

use crate::catalogue::{Metric, duration_ms};
use crate::error::Error;
use crate::evaluate::board::MetricResult;
use crate::evaluate::teams::Teams;
use crate::evaluate::{Evaluator, moment};
use crate::query::Query;
use crate::rows::by_key::ViewRows;
use crate::snapshot::Snapshot;

/// The column that tells a row's moment.
pub const AS_OF: &str = "as_of";
/// Evaluations under way at once.
const STEPS_AT_ONCE: usize = 2;

/// Moments at equal distances, the oldest first; at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub moments: Vec<DateTime<Utc>>,
    /// Most rows that all steps may have together.
    pub rows_max: usize,
}

impl Series {
    /// `from`, and every `step` after it up to `to`.
    ///
    /// # Errors
    /// `BadParameter` for a range without a moment, a step that is none, or more than `steps_max` moments.
    pub fn new(
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        step: &str,
        steps_max: usize,
        rows_max: usize,
    ) -> Result<Series, Error> {
        let bad = |name: &str, reason: String| Error::BadParameter { name: name.to_owned(), reason };
        let step_ms = duration_ms(step).filter(|ms| *ms > 0).ok_or_else(|| {
            bad("step", format!("{step:?} is not a step; give a duration such as 1d, 7d or 12h"))
        })?;
        if from > to {
            return Err(bad("from", "is after 'to'; exchange the two".to_owned()));
        }
        let steps = (to - from).num_milliseconds() / step_ms + 1;
        if steps > steps_max as i64 {
            return Err(bad(
                "step",
                format!(
                    "the range has {steps} steps, more than {steps_max} (limits.range_steps_max); \
                     take a longer step or a shorter range"
                ),
            ));
        }
        let moments = (0..steps).map(|n| from + TimeDelta::milliseconds(n * step_ms)).collect();
        Ok(Series { moments, rows_max })
    }
}

impl Evaluator {
    /// `metric` at each moment of `series`, the oldest first. `query.as_of` has no say.
    pub async fn range(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        metric: &Metric,
        query: &Query,
        series: &Series,
    ) -> Result<Vec<MetricResult>, Error> {
        let known_at = query.known_at.unwrap_or_else(Utc::now);
        let newest = *series.moments.last().expect("a series has a moment");
        let snapshot = Arc::new(self.ground(snapshot, query, newest).await?.into_owned());
        let times_us: Vec<i64> = series.moments.iter().map(DateTime::timestamp_micros).collect();
        let changed = snapshot.tables.keys_between(&times_us);
        let reads = self.reads(metric);
        let mut views = ViewRows::new();
        let mut results = vec![None; series.moments.len()];
        let mut rows_left = series.rows_max;
        let mut take = |(index, rows): (usize, (RecordBatch, Teams))| {
            rows_left = rows_left.checked_sub(rows.0.num_rows()).ok_or_else(|| too_many(series))?;
            results[index] = Some(self.result(metric, series.moments[index], known_at, &snapshot, rows));
            Ok::<(), Error>(())
        };
        // A step's evaluation runs beside the fold of the next one.
        let mut running = JoinSet::new();
        for (index, &as_of) in series.moments.iter().enumerate().rev() {
            let at = moment(as_of, known_at);
            match changed.get(index) {
                Some(keys) => self.views.step(&snapshot.tables, &mut views, keys, at, reads).await?,
                None => views = self.views.at(&snapshot, at, reads).await?,
            }
            if running.len() == STEPS_AT_ONCE
                && let Some(step) = running.join_next().await
            {
                take(ended(step)?)?;
            }
            let (evaluator, snapshot, views) = (Arc::clone(self), Arc::clone(&snapshot), views.clone());
            let (metric, query) = (metric.clone(), query.clone());
            running.spawn(async move {
                Ok((index, evaluator.rows_at(&snapshot, &views, &metric, at, &query).await?))
            });
        }
        while let Some(step) = running.join_next().await {
            take(ended(step)?)?;
        }
        Ok(results.into_iter().map(|result| result.expect("every step was evaluated")).collect())
    }
}

fn ended<T>(step: Result<Result<T, Error>, JoinError>) -> Result<T, Error> {
    step.map_err(|error| Error::Internal { message: format!("a step of a range stopped: {error}") })?
}

fn too_many(series: &Series) -> Error {
    Error::BadParameter {
        name: "step".to_owned(),
        reason: format!(
            "the range has more than {} rows (limits.sql_rows_max); take a longer step or name a team",
            series.rows_max
        ),
    }
}

/// The rows of all steps as one table whose first column is [`AS_OF`].
///
/// # Errors
/// `BadParameter` where the metric has a column of that name itself.
pub fn rows_of_series(results: &[MetricResult]) -> Result<RecordBatch, Error> {
    let first = results.first().expect("a series has a moment");
    if first.rows.column_by_name(AS_OF).is_some() {
        return Err(Error::BadParameter {
            name: AS_OF.to_owned(),
            reason: format!("{} has a column of that name, so it has no range; rename it", first.metric),
        });
    }
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let mut fields: Vec<FieldRef> = vec![Arc::new(Field::new(AS_OF, time, false))];
    // What a surface takes out of one step is NULL in that step only.
    fields.extend(
        first.rows.schema().fields().iter().map(|field| Arc::new(field.as_ref().clone().with_nullable(true))),
    );
    let schema = Arc::new(Schema::new(fields));
    let parts = results.iter().map(|result| {
        let rows = result.rows.num_rows();
        let at = TimestampMicrosecondArray::from(vec![result.as_of.timestamp_micros(); rows]);
        let mut columns: Vec<ArrayRef> = vec![Arc::new(at.with_timezone("UTC"))];
        for (column, field) in result.rows.columns().iter().zip(&schema.fields()[1..]) {
            columns.push(cast(column, field.data_type())?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(schema.clone(), columns, &options)
    });
    Ok(concat_batches(&schema, &parts.collect::<Result<Vec<_>, _>>()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, to: &str, step: &str, expect: Result<&[&str], &str>) {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        match (Series::new(at(from), at(to), step, 4, 100), expect) {
            (Ok(series), Ok(expect)) => {
                assert_eq!(series.moments, expect.iter().map(|text| at(text)).collect::<Vec<_>>());
            }
            (Err(error), Err(expect)) => assert!(error.to_string().contains(expect), "{error}"),
            (got, _) => panic!("{from} {to} {step}: {got:?}"),
        }
    }

    #[test]
    fn a_series_starts_at_from_and_is_bounded() {
        let (a, b, c) = ("2026-03-01T00:00:00Z", "2026-03-08T00:00:00Z", "2026-03-15T00:00:00Z");
        check(a, c, "7d", Ok(&[a, b, c]));
        check(a, "2026-03-14T23:59:59Z", "1w", Ok(&[a, b]));
        check(a, a, "12h", Ok(&[a]));
        check(c, a, "7d", Err("is after 'to'"));
        check(a, c, "0d", Err("is not a step"));
        check(a, c, "1 month", Err("is not a step"));
        check(a, c, "1d", Err("15 steps, more than 4 (limits.range_steps_max)"));
    }
}
