//! The state that the writer changes and everybody reads: one of it for an open data directory.
//!
//! Invariant: each part is replaced whole. Deliberately absent: locks that are held while something is evaluated.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use arc_swap::ArcSwap;
use event::Homes;

use crate::evaluate::Evaluator;
use crate::evaluate::board::Board;
use crate::evaluate::interest::Interest;
use crate::snapshot::{Snapshot, Stats};

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
    /// Sites whose ids are written without the site; known once the rows are loaded.
    pub homes: OnceLock<Homes>,
}

impl Shared {
    pub fn with_stats<T>(&self, change: impl FnOnce(&mut Stats) -> T) -> T {
        change(&mut self.stats.lock().expect("no holder of the stats panics"))
    }
}
