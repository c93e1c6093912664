//! The engine: event batches in, metric results out.
//!
//! Batches are appended to Arrow segments and committed to Delta Lake (`writer`, `delta`); the keys
//! that they touch are folded through the views (`views`, `fold`, `rows`); metrics are evaluated
//! over views at any moment (`evaluate`) and the latest results stand on the board (`snapshot`).
//!
//! Invariant: the same events give the same results, whatever their order, batching or restarts.
//! Deliberately absent: where batches come from, HTTP, and any clock in SQL.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod engine;
pub mod snapshot;

pub mod catalogue;
pub mod functions;

pub mod evaluate;
pub mod fold;
pub mod rows;
pub mod views;

pub mod compact;
pub mod compare;
pub mod diff;
pub mod explain;
pub mod ids;
mod kept;
pub mod lineage;
pub mod overlay;
pub mod pace;
pub mod range;
pub mod replay;
pub mod segment;
pub mod session;
pub mod sql;
pub mod steps;
pub mod tables;
pub mod together;
pub mod words;

pub mod cache;
pub mod checkpoint;
pub mod delta;
mod demand;
pub mod durable;
pub mod erase;
pub mod error;
mod flush;
pub mod writer;

pub use catalogue::{Catalogue, Level, Metric, Param, Problem, Reloaded, Reloader, Stamp, View};
pub use diff::{Diff, Listed};
pub use engine::{Engine, Options};
pub use error::Error;
pub use evaluate::Query;
pub use explain::Explanation;
pub use overlay::Overlay;
pub use range::Series;
pub use replay::Replay;
pub use snapshot::{Board, MetricResult, Stats};
pub use sql::SqlLimits;
pub use together::{Answers, Asked, Ground};

#[cfg(test)]
mod engine_tests;

#[cfg(test)]
mod golden;

#[cfg(test)]
mod oracle;
