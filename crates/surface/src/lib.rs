//! The wall between results and those who ask for them: what may be shown, and how it is written down.
//!
//! Invariant: an encoder, a page, a report, a scrape and a SQL result take `Shown` and its kin, and only a [`Wall`]
//! makes these, so a surface that forgets privacy does not compile, be it with a metric's result
//!
//! ```compile_fail,E0308
//! fn answer(result: &engine::MetricResult) {
//!     let _ = surface::output::metric(result, surface::output::Encoding::Json, false);
//! }
//! ```
//!
//! ```
//! fn answer(shown: &surface::Shown) {
//!     let _ = surface::output::metric(shown, surface::output::Encoding::Json, false);
//! }
//! ```
//!
//! or with rows that it read by SQL:
//!
//! ```compile_fail,E0308
//! async fn answer(engine: &engine::Engine) -> Result<(), engine::Error> {
//!     let rows = engine.sql("SELECT * FROM commits").await?;
//!     let _ = surface::output::rows(&rows, surface::output::Encoding::Json, false);
//!     Ok(())
//! }
//! ```
//!
//! ```compile_fail,E0423
//! fn declare(batch: arrow::array::RecordBatch) -> surface::ShownRows {
//!     surface::ShownRows(batch)
//! }
//! ```
//!
//! ```compile_fail,E0423
//! fn declare(rows: engine::SqlRows) -> surface::ShownStatement {
//!     surface::ShownStatement(rows)
//! }
//! ```
//!
//! ```
//! async fn answer(engine: &engine::Engine, wall: &surface::Wall) -> Result<(), engine::Error> {
//!     let Some(access) = wall.sql() else { return Ok(()) };
//!     let statement = engine.sql_read("SELECT * FROM commits").await?;
//!     let write = |rows: &surface::ShownRows| surface::output::rows(rows, surface::output::Encoding::Json, false);
//!     let (_bytes, _held) = access.answer(engine, statement, write).await?;
//!     Ok(())
//! }
//! ```
//!
//! Pages also show facts about the log, from questions of their own: sources, links to changes, dead letters.
//! The command line on one's own data has makers of its own, [`Wall::own_data`] and [`own_rows`]; `tests/structure.py` refuses
//! them in a surface that others reach.
//!
//! `peers` and `tls` say who may connect to a listener at all, `caller` says who asks, `state` is the running server that they ask, `problem` why there is no answer.
//! Deliberately absent: routes, log-in, and the configuration; the binary says which rules hold.

pub mod output;

pub mod moment;
pub mod number;
pub mod peers;
pub mod tls;

mod caller;
mod privacy;
mod problem;
mod secret;
mod sight;
mod state;
mod wall;

pub use caller::{Access, Caller, Scope, Token, Visibility, hash};
pub use privacy::{Pseudonyms, names_people};
pub use problem::{Problem, Refusal};
pub use secret::Secret;
pub use state::{AbortOnDrop, App, Bounds, Parts, Phase};
pub use wall::{
    Rules, Shown, ShownDiff, ShownExplanation, ShownReplay, ShownRows, ShownSeries, ShownStatement, Sight,
    SqlAccess, SqlTables, TablesPlan, Wall, own_rows,
};
