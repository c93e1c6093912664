//! What readers share: one consistent instant of tables, views and positions.
//!
//! Invariant: a snapshot's views are exactly the fold of its tables. The writer publishes whole
//! snapshots; readers hold one for as long as they need it and never block the writer.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event::Counts;

use crate::rows::by_key::ViewRows;
use crate::rows::tables::Tables;

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
    /// Of moments before this, every event that comes later is told of (`past.rs`).
    pub settled_us: i64,
    /// Events among them that exist for one question only; 0 in what the writer publishes.
    pub what_if: usize,
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
