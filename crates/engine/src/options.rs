//! Bounds and intervals of the engine, which the binary fills from its configuration.

use std::time::Duration;

use event::Homes;

use crate::sql::SqlLimits;

/// Bounds and intervals of the engine.
#[derive(Debug, Clone)]
pub struct Options {
    /// Rows in memory are committed to the cold store at least this often.
    pub flush_interval: Duration,
    /// ... and when there are this many.
    pub flush_rows: usize,
    /// The source waits when this many rows are not durable yet.
    pub pending_rows_max: usize,
    /// ... or that many bytes in memory.
    pub pending_bytes_max: usize,
    /// Least time between two folds of touched keys.
    pub refresh_interval: Duration,
    /// Most time between two folds while rows wait, however long a fold takes.
    pub refresh_interval_max: Duration,
    /// How old a result may be that somebody asks for when nothing changed: ages grow.
    pub evaluate_interval: Duration,
    pub sql: SqlLimits,
    /// Sites whose ids are written without the site; `None`: those that the directory has decided on.
    pub homes: Option<Homes>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            flush_interval: Duration::from_secs(30),
            flush_rows: 250_000,
            pending_rows_max: 1_000_000,
            pending_bytes_max: 1 << 30,
            refresh_interval: Duration::from_millis(50),
            refresh_interval_max: Duration::from_secs(10),
            evaluate_interval: Duration::from_secs(60),
            sql: SqlLimits::default(),
            homes: None,
        }
    }
}
