//! The wall between results and those who ask for them: what may be shown, and how it is written down.
//!
//! Invariant: an encoder, a page, a report, a scrape and a SQL result take `Shown` and its kin, and only a [`Wall`]
//! makes these, so a surface that forgets privacy does not compile:
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
//! Deliberately absent: HTTP, log-in, and the configuration; the caller says which rules hold.

pub mod output;

pub mod moment;

mod privacy;
mod secret;
mod shown;
mod wall;

pub use privacy::{Pseudonyms, names_people};
pub use secret::Secret;
pub use shown::{Shown, ShownDiff, ShownExplanation, ShownReplay, ShownRows, ShownSeries};
pub use wall::{Rules, Sight, SqlAccess, Wall, own_rows};
