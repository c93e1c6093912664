//! What readers share: one consistent instant of tables, views, positions, and the board.
//!
//! Invariant: a snapshot's views are exactly the fold of its tables. The writer publishes whole
//! snapshots; readers hold one for as long as they need it and never block the writer.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use event::Counts;

use crate::evaluate::Evaluator;
use crate::interest::Interest;
use crate::pace::QUICK_SECONDS;
use crate::tables::Tables;
use crate::views::ViewRows;

/// Next offset by "topic/partition".
pub type Position = BTreeMap<String, i64>;

/// Tables and views at one log position.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    pub tables: Tables,
    pub views: ViewRows,
    pub position: Position,
    /// Grows by one with each published change of the tables.
    pub sequence: u64,
    /// Of moments before this, every event that comes later is told of (`kept.rs`).
    pub settled_us: i64,
    /// Events among them that exist for one question only; 0 in what the writer publishes.
    pub what_if: usize,
}

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
    pub tried: BTreeMap<String, Tried>,
    /// When the last evaluation began.
    pub evaluated_at: DateTime<Utc>,
    /// What every quick metric covers; each result tells its own position.
    pub position: Position,
}

/// A metric's last evaluation, whether it gave rows or not.
#[derive(Debug, Clone)]
pub struct Tried {
    pub at: DateTime<Utc>,
    pub seconds: f64,
    /// The snapshot that it was evaluated on.
    pub sequence: u64,
    pub position: Position,
}

/// One metric's evaluation on its way to the board.
pub struct Evaluated {
    pub metric: String,
    pub tried: Tried,
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

/// Figures about the engine itself.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// Rows that only memory holds, by table.
    pub rows_hot: BTreeMap<String, u64>,
    /// Rows that a cold file holds, by table.
    pub rows_cold: BTreeMap<String, u64>,
    /// Records since this process started.
    pub counts: Counts,
    /// Exact copies dropped since this process started.
    pub duplicates: u64,
    /// Event ids with conflicting payloads, in the whole history.
    pub conflicts: u64,
    /// Dead letters by reason, in the whole history.
    pub dead_letters_by_reason: BTreeMap<String, u64>,
    /// Largest `occurred_at` seen that is not in the future of its log record.
    pub watermark: Option<DateTime<Utc>>,
    pub last_commit: Option<DateTime<Utc>>,
    pub cold_version: i64,
    pub cold_files: u64,
    /// Rows by view.
    pub view_rows: BTreeMap<String, u64>,
    /// Seconds that the last fold of touched keys took, and how many keys it had.
    pub refold_seconds: f64,
    pub refold_keys: u64,
    /// Why the cold store last refused a commit.
    pub commit_failure: Option<String>,
}

/// The state that the writer changes and everybody reads.
pub struct Shared {
    pub snapshot: ArcSwap<Snapshot>,
    pub board: ArcSwap<Board>,
    pub interest: Interest,
    pub stats: Mutex<Stats>,
    /// The definitions in force.
    pub evaluator: ArcSwap<Evaluator>,
    /// Durable next offsets by app id.
    pub positions: Mutex<HashMap<String, i64>>,
}

impl Shared {
    pub fn with_stats<T>(&self, change: impl FnOnce(&mut Stats) -> T) -> T {
        change(&mut self.stats.lock().expect("no holder of the stats panics"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_evaluation_that_ends_late_does_not_replace_a_newer_one() {
        let evaluated = |sequence, failure: &str| Evaluated {
            metric: "load".to_owned(),
            tried: Tried { at: Utc::now(), seconds: 0.1, sequence, position: Position::new() },
            outcome: Err(failure.to_owned()),
        };
        let mut board = Board::default();
        for (sequence, failure) in [(1, "first"), (3, "newest"), (2, "late")] {
            board.take(&evaluated(sequence, failure));
        }
        assert_eq!(board.failures["load"], "newest");
    }
}
