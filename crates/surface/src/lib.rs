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
//! `caller` says who asks, `state` is the running server that they ask, `problem` why there is no answer.
//! Deliberately absent: routes, log-in, and the configuration; the binary says which rules hold.

pub mod output;

pub mod moment;
pub mod number;

mod caller;
mod privacy;
mod problem;
mod secret;
mod shown;
mod state;
mod wall;

pub use caller::{Access, Caller, Scope, Token, Visibility, hash};
pub use privacy::{Pseudonyms, names_people};
pub use problem::{Problem, Refused};
pub use secret::Secret;
pub use shown::{Shown, ShownDiff, ShownExplanation, ShownReplay, ShownRows, ShownSeries};
pub use state::{App, Bounds, Parts, Phase};
pub use wall::{Rules, Sight, SqlAccess, Wall, own_rows};
