//! What has passed the wall.
//!
//! Invariant: the fields are this crate's alone, so that only `wall` makes these types. They can be read by all.

use arrow::array::RecordBatch;
use engine::{Diff, Explanation, Metric, MetricResult, Replay};

/// A metric and its result, as the caller may see it.
#[derive(Clone, Debug)]
pub struct Shown {
    pub(crate) metric: Metric,
    pub(crate) result: MetricResult,
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
        ShownRows(self.result.rows)
    }
}

/// A metric at each moment of a series, the oldest first, and all their rows as one table.
#[derive(Clone, Debug)]
pub struct ShownSeries {
    pub(crate) steps: Vec<MetricResult>,
    pub(crate) rows: RecordBatch,
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
        ShownRows(self.rows)
    }
}

/// What changed in a metric between two moments.
#[derive(Clone, Debug)]
pub struct ShownDiff {
    pub(crate) metric: Metric,
    pub(crate) diff: Diff,
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
pub struct ShownExplanation(pub(crate) Explanation);

impl ShownExplanation {
    pub fn found(&self) -> &Explanation {
        &self.0
    }

    pub fn events(&self) -> ShownRows {
        ShownRows(self.0.events.clone())
    }
}

/// A metric by two definitions.
pub struct ShownReplay(pub(crate) Replay);

impl ShownReplay {
    pub fn found(&self) -> &Replay {
        &self.0
    }
}

/// Rows without a metric around them.
#[derive(Clone, Debug)]
pub struct ShownRows(pub(crate) RecordBatch);

impl ShownRows {
    pub fn batch(&self) -> &RecordBatch {
        &self.0
    }

    pub fn into_batch(self) -> RecordBatch {
        self.0
    }
}
