//! The engine: event batches in, metric results out.
//!
//! The `writer` appends batches to Arrow segments (`rows`) and commits them to Delta Lake (`store`); the keys that
//! they touch are folded through the `views`. Metrics of the `catalogue` are evaluated over views at any moment
//! (`evaluate`), the latest results stand on the board, and `ask` has the other questions.
//!
//! Invariant: the same events give the same results, whatever their order, batching or restarts.
//! Deliberately absent: where batches come from, HTTP, and any clock in SQL.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod engine;
mod options;
mod query;

mod writer;

mod moment;
mod nearest;
mod shared;
mod snapshot;

mod rows;
mod store;
mod views;

mod catalogue;
mod functions;

mod ask;
mod evaluate;
mod sql;

mod error;

pub use ask::diff::Diff;
pub use ask::explain::{Explanation, Listed};
pub use ask::range::{AS_OF, Series, rows_of_series};
pub use ask::replay::Replay;
pub use ask::together::Ground;
pub use catalogue::{
    Catalogue, Level, Metric, Param, ParamType, Problem, Reloaded, Reloader, Scale, Stamp, Value,
};
pub use engine::Engine;
pub use error::Error;
pub use evaluate::board::{Board, MetricResult};
pub use evaluate::overlay::Overlay;
pub use evaluate::session::{SQL_CATALOG, SQL_SCHEMA};
pub use evaluate::teams::{Teams, is_about_teams};
pub use functions::endings::configure as configure_endings;
pub use nearest::nearest;
pub use options::Options;
pub use query::Query;
pub use rows::compact::own_texts;
pub use snapshot::{Position, Stats};
pub use sql::{
    ALLOWED, Metered, REFUSED, SqlLimits, SqlRows, SqlStatement, Taken, check_calls, check_statement,
    check_text, collect_rows, columns_of, plan_statement, relation_name, relations,
};
pub use store::erase::{TextRewrite, rewrite_texts};

/// Tests count memory as the program does.
#[cfg(test)]
#[global_allocator]
static ALLOCATOR: Metered<mimalloc::MiMalloc> = Metered(mimalloc::MiMalloc);

#[cfg(test)]
mod tests;
