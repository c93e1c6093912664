//! Other definitions while the engine runs.
//!
//! Invariant: an evaluation sees one catalogue from its start to its end, and what was evaluated by definitions that
//! are no longer in force does not reach the board (`evaluate.rs`).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Engine;
use crate::catalogue::Catalogue;
use crate::evaluate::Evaluator;
use crate::evaluate::board::Board;

impl Engine {
    /// Puts `catalogue` in force, whose materialised views must be those in force. What the board has of metrics
    /// that are gone or different is forgotten, and evaluated anew. Returns the names of metrics that came, went or
    /// changed.
    pub fn redefine(&self, catalogue: Catalogue) -> Vec<String> {
        let shared = &self.inner.shared;
        let running = shared.evaluator.load_full();
        let views = |catalogue: &Catalogue| {
            catalogue.keyed().map(|view| (view.name.clone(), view.sql.clone())).collect::<Vec<_>>()
        };
        assert_eq!(views(&running.catalogue), views(&catalogue), "materialised views change with a restart");
        let changed = changed(&running.catalogue, &catalogue);
        if changed.is_empty() {
            return changed;
        }
        let (views, runtime) = (Arc::clone(&running.views), Arc::clone(&running.runtime));
        let evaluator = Evaluator::new(Arc::new(catalogue), views, runtime).beside(&running);
        shared.evaluator.store(Arc::new(evaluator));
        shared.board.rcu(|board| {
            let mut board = Board::clone(board);
            for name in &changed {
                board.results.remove(name);
                board.failures.remove(name);
                board.tried.remove(name);
            }
            board
        });
        changed
    }
}

fn changed(old: &Catalogue, new: &Catalogue) -> Vec<String> {
    let names = |catalogue: &Catalogue| {
        catalogue.metrics.iter().map(|metric| metric.name.clone()).collect::<BTreeSet<_>>()
    };
    let state = |catalogue: &Catalogue, name: &str| {
        catalogue.metric(name).map(|metric| (metric.clone(), catalogue.definition(metric)))
    };
    let differs = |name: &String| state(old, name) != state(new, name);
    names(old).union(&names(new)).filter(|name| differs(name)).cloned().collect()
}
