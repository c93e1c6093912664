//! The engine: event batches in, metric results out.
//!
//! Batches are appended to Arrow segments and committed to Delta Lake (`writer`, `delta`); the keys
//! that they touch are folded through the views (`views`, `fold`, `rows`); metrics are evaluated
//! over views at any moment (`evaluate`) and the latest results stand on the board (`snapshot`).
//!
//! Invariant: the same events give the same results, whatever their order, batching or restarts.
//! Deliberately absent: where batches come from, HTTP, and any clock in SQL.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod engine;
mod snapshot;

mod catalogue;
mod functions;

mod evaluate;
mod fold;
mod rows;
mod views;

mod compact;
mod compare;
mod diff;
mod explain;
mod ids;
mod interest;
mod kept;
mod lineage;
mod overlay;
mod pace;
mod range;
mod replay;
mod segment;
mod session;
mod sql;
mod steps;
mod tables;
mod together;
mod words;

mod cache;
mod checkpoint;
mod delta;
mod demand;
mod durable;
mod erase;
mod error;
mod flush;
mod writer;

pub use catalogue::{Catalogue, Level, Metric, Param, ParamType, Problem, Reloaded, Reloader, Stamp};
pub use diff::{Diff, Listed};
pub use engine::{Engine, Options};
pub use erase::rewrite_texts;
pub use error::Error;
pub use evaluate::Query;
pub use explain::Explanation;
pub use functions::control::control_limits;
pub use overlay::Overlay;
pub use range::{AS_OF, Series, rows_of_series};
pub use replay::Replay;
pub use session::{SQL_CATALOG, SQL_SCHEMA};
pub use snapshot::{Board, MetricResult, Position, Stats};
pub use sql::{SqlLimits, SqlRows, check_calls, check_statement, check_text, collect_rows, plan_statement};
pub use together::Ground;

#[cfg(test)]
mod engine_tests;

#[cfg(test)]
mod golden;

#[cfg(test)]
mod oracle;
