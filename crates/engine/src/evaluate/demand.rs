//! A metric at now when somebody asks: the board's result if it is of the newest snapshot and not too old, else one
//! evaluated there and then.
//!
//! So what was ingested is in the next answer, whatever the background evaluations are busy with.
//! Invariant: of each metric at most one evaluation runs for askers, and those who wait for it share
//! it; it takes at most a third of the time, however often somebody asks.
//! Deliberately absent: metrics too slow to wait for, whose latest result stands (`pace.rs` renews it).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::sync::Mutex;

use crate::error::Error;
use crate::evaluate::Evaluator;
use crate::evaluate::board::{Board, MetricResult};
use crate::shared::Shared;

/// A metric that takes longer is not evaluated for askers.
const WAIT_SECONDS: f64 = 0.25;
/// A result serves for this many times as long as it took, newer snapshot or not.
const REUSE: f64 = 2.0;

/// Whose turn it is to evaluate each metric that somebody asked for.
pub struct Demand {
    /// An older result is evaluated anew though nothing came: ages grow.
    age_max: Duration,
    turns: std::sync::Mutex<BTreeMap<String, Arc<Mutex<()>>>>,
}

impl Demand {
    pub fn new(age_max: Duration) -> Demand {
        Demand { age_max, turns: std::sync::Mutex::default() }
    }

    /// The newest result; `None` if there is none on the board yet.
    pub async fn newest(
        &self,
        shared: &Arc<Shared>,
        evaluator: &Arc<Evaluator>,
        metric: &str,
    ) -> Result<Option<Arc<MetricResult>>, Error> {
        shared.interest.in_metric(metric);
        let newest = shared.snapshot.load().sequence;
        if !serves(&shared.board.load(), metric, newest, self.age_max) {
            let turn = self.turn(metric);
            let _turn = turn.lock().await;
            if !serves(&shared.board.load(), metric, newest, self.age_max) {
                let (shared, evaluator) = (Arc::clone(shared), Arc::clone(evaluator));
                let names = BTreeSet::from([metric.to_owned()]);
                evaluator.renew(&shared, &names).await?;
            }
        }
        Ok(shared.board.load().results.get(metric).cloned())
    }

    fn turn(&self, metric: &str) -> Arc<Mutex<()>> {
        let mut turns = self.turns.lock().expect("no holder of the turns panics");
        Arc::clone(turns.entry(metric.to_owned()).or_default())
    }
}

/// Whether the board's result of `metric` is the answer for one who has seen snapshot `newest`.
fn serves(board: &Board, metric: &str, newest: u64, age_max: Duration) -> bool {
    board.tried.get(metric).is_none_or(|tried| {
        let age = (Utc::now() - tried.at).as_seconds_f64();
        let present = tried.sequence >= newest && age < age_max.as_secs_f64();
        present || tried.seconds > WAIT_SECONDS || age < tried.seconds * (1.0 + REUSE)
    })
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::evaluate::board::Attempt;

    fn tried(age_ms: i64, seconds: f64, sequence: u64) -> Board {
        let at = Utc::now() - TimeDelta::milliseconds(age_ms);
        let tried = Attempt { at, seconds, sequence, position: BTreeMap::new() };
        Board { tried: [("load".to_owned(), tried)].into(), ..Board::default() }
    }

    #[test]
    fn a_result_serves_while_it_is_of_the_newest_snapshot_and_not_old_or_very_young_or_dear() {
        for (board, expected) in [
            (tried(59_000, 0.01, 7), true),
            (tried(61_000, 0.01, 7), false),
            (tried(59_000, 0.01, 6), false),
            (tried(61_000, 0.30, 7), true),
            (tried(60_000, 0.30, 6), true),
            (tried(20, 0.01, 6), true),
            (tried(40, 0.01, 6), false),
            (Board::default(), true),
        ] {
            assert_eq!(serves(&board, "load", 7, Duration::from_secs(60)), expected, "{:?}", board.tried);
        }
    }
}
