//! Who looks at the board: which results somebody asked for, and how long ago.
//!
//! While somebody looks, results are kept as young as `evaluate_interval`; while nobody does, they are renewed rarely
//! (`pace.rs`). Invariant: asking is a note and never waits. Deliberately absent: who asked.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// When somebody last asked, for one metric or for the board.
#[derive(Debug, Default)]
pub struct Interest {
    asked: Mutex<Times>,
}

#[derive(Debug, Default)]
struct Times {
    board: Option<Instant>,
    metrics: BTreeMap<String, Instant>,
}

impl Interest {
    /// Somebody reads the whole board, as a scrape and a page do.
    pub fn in_board(&self) {
        self.asked.lock().expect(HELD).board = Some(Instant::now());
    }

    /// Somebody asks for one metric, which the catalogue has.
    pub fn in_metric(&self, metric: &str) {
        self.asked.lock().expect(HELD).metrics.insert(metric.to_owned(), Instant::now());
    }

    /// How long ago somebody asked for `metric`, or for all of them; `None` if never.
    pub fn age(&self, metric: &str) -> Option<Duration> {
        let asked = self.asked.lock().expect(HELD);
        asked.metrics.get(metric).copied().max(asked.board).map(|at| at.elapsed())
    }
}

const HELD: &str = "nobody panics while holding it";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_who_reads_the_board_asks_for_every_metric() {
        let interest = Interest::default();
        interest.in_metric("review_load");
        assert!(interest.age("review_load").is_some() && interest.age("flow_time").is_none());
        interest.in_board();
        assert!(interest.age("flow_time").is_some());
    }
}
