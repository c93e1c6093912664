//! The board: the latest result of each metric, which scrapes and pages read.
//!
//! Invariant: a result is replaced only by one of the same snapshot or a newer one; where an evaluation fails, the last
//! good result stays. Deliberately absent: who may see a result.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};

use crate::evaluate::teams::Teams;
use crate::snapshot::Position;

/// A metric that takes longer is a slow one.
pub const QUICK_SECONDS: f64 = 0.05;

/// One metric's rows and what they rest on.
#[derive(Debug, Clone)]
pub struct MetricResult {
    pub metric: String,
    pub as_of: DateTime<Utc>,
    pub known_at: DateTime<Utc>,
    /// Hash of the SQL, views included, that gave the rows.
    pub definition: String,
    pub position: Position,
    pub rows: RecordBatch,
    /// Over how many people the rows of each team are.
    pub teams: Teams,
    /// Rows whose numbers a surface took out, for being over too few people; 0 as evaluated.
    pub suppressed: u64,
    /// Events that exist for this result only.
    pub what_if: usize,
}

/// The latest result of each metric. A scrape reads this and nothing else.
#[derive(Debug, Clone, Default)]
pub struct Board {
    pub results: BTreeMap<String, Arc<MetricResult>>,
    /// Metrics whose last evaluation failed, and why; their last good result stays in `results`.
    pub failures: BTreeMap<String, String>,
    /// Each metric's last evaluation.
    pub tried: BTreeMap<String, Attempt>,
    /// When the last evaluation began.
    pub evaluated_at: DateTime<Utc>,
    /// What every quick metric covers; each result tells its own position.
    pub position: Position,
}

/// A metric's last evaluation, whether it gave rows or not.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub at: DateTime<Utc>,
    pub seconds: f64,
    /// The snapshot that it was evaluated on.
    pub sequence: u64,
    pub position: Position,
}

/// One metric's evaluation on its way to the board.
pub struct Evaluated {
    pub metric: String,
    pub tried: Attempt,
    pub outcome: Result<Arc<MetricResult>, String>,
}

impl Board {
    /// Takes an evaluation over, unless one of a newer snapshot is there. A metric that failed keeps its
    /// last good result, and its failure is told.
    pub fn take(&mut self, Evaluated { metric, tried, outcome }: &Evaluated) {
        if self.tried.get(metric).is_some_and(|newer| newer.sequence > tried.sequence) {
            return;
        }
        match outcome {
            Ok(result) => {
                self.failures.remove(metric);
                self.results.insert(metric.clone(), Arc::clone(result));
            }
            Err(failure) => {
                self.failures.insert(metric.clone(), failure.clone());
            }
        }
        self.evaluated_at = self.evaluated_at.max(tried.at);
        self.tried.insert(metric.clone(), tried.clone());
        let quick = self.tried.values().filter(|tried| tried.seconds < QUICK_SECONDS);
        let stalest = quick.min_by_key(|tried| tried.sequence);
        let stalest = stalest.or_else(|| self.tried.values().min_by_key(|tried| tried.sequence));
        if let Some(stalest) = stalest {
            self.position = stalest.position.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_evaluation_that_ends_late_does_not_replace_a_newer_one() {
        let evaluated = |sequence, failure: &str| Evaluated {
            metric: "load".to_owned(),
            tried: Attempt { at: Utc::now(), seconds: 0.1, sequence, position: Position::new() },
            outcome: Err(failure.to_owned()),
        };
        let mut board = Board::default();
        for (sequence, failure) in [(1, "first"), (3, "newest"), (2, "late")] {
            board.take(&evaluated(sequence, failure));
        }
        assert_eq!(board.failures["load"], "newest");
    }
}
