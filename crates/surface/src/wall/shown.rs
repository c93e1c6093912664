//! What has passed the wall.
//!
//! Invariant: only the wall can write the fields, so it alone makes these types. Everyone can read them.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use engine::{Diff, Explanation, Metric, MetricResult, Replay};

/// A metric and its result, as the caller may see it.
#[derive(Clone, Debug)]
pub struct Shown {
    pub(super) metric: Metric,
    pub(super) result: MetricResult,
}

impl Shown {
    pub fn metric(&self) -> &Metric {
        &self.metric
    }

    pub fn result(&self) -> &MetricResult {
        &self.result
    }

    /// The rows for a table in which several results stand next to each other.
    pub fn into_rows(self) -> ShownRows {
        ShownRows::of(self.result.rows)
    }
}

/// A metric at each moment of a series, the oldest first, and all their rows as one table.
#[derive(Clone, Debug)]
pub struct ShownSeries {
    pub(super) steps: Vec<MetricResult>,
    pub(super) rows: RecordBatch,
}

impl ShownSeries {
    /// At least one.
    pub fn steps(&self) -> &[MetricResult] {
        &self.steps
    }

    /// The first column is each row's moment.
    pub fn rows(&self) -> &RecordBatch {
        &self.rows
    }

    pub fn into_rows(self) -> ShownRows {
        ShownRows::of(self.rows)
    }
}

/// What changed in a metric between two moments.
#[derive(Clone, Debug)]
pub struct ShownDiff {
    pub(super) metric: Metric,
    pub(super) diff: Diff,
}

impl ShownDiff {
    pub fn metric(&self) -> &Metric {
        &self.metric
    }

    pub fn diff(&self) -> &Diff {
        &self.diff
    }
}

/// Rows of a metric and the events behind them.
pub struct ShownExplanation(pub(super) Explanation);

impl ShownExplanation {
    pub fn found(&self) -> &Explanation {
        &self.0
    }

    pub fn events(&self) -> ShownRows {
        ShownRows::of(self.0.events.clone())
    }
}

/// A metric by two definitions.
pub struct ShownReplay(pub(super) Replay);

impl ShownReplay {
    pub fn found(&self) -> &Replay {
        &self.0
    }
}

/// Rows without a metric around them.
#[derive(Clone, Debug)]
pub struct ShownRows(RecordBatch);

impl ShownRows {
    /// The only maker.
    pub(super) fn of(batch: RecordBatch) -> ShownRows {
        ShownRows(batch)
    }

    /// Columns without a row, for a statement that is only planned.
    pub fn none(columns: SchemaRef) -> ShownRows {
        ShownRows::of(RecordBatch::new_empty(columns))
    }

    pub fn batch(&self) -> &RecordBatch {
        &self.0
    }

    pub fn into_batch(self) -> RecordBatch {
        self.0
    }
}
