//! Charts as inline SVG: lines over time, forecast fans, slip charts, bars and sparklines.
//!
//! A chart is data that says what it shows; `svg` draws it for one place ([`Look`]) and `table` gives the same figures
//! as a table, for screen readers and for mail clients that draw no SVG.
//! Invariants: the same chart and look give the same bytes; every chart has a title and a description in words; text
//! is escaped. Deliberately absent: scripts, fonts, anything that is fetched, and a chart without its table.

mod bars;
mod colour;
mod frame;
mod plot;
mod scale;
mod spark;
mod table;
mod time;

pub use bars::{Bar, Bars};
pub use colour::{Paint, Tone, css};
pub use frame::{Head, Look};
pub use plot::Plot;
pub use scale::number;
pub use spark::Spark;
pub use time::{Fan, Slip, fan, over_time, slip};

#[cfg(test)]
mod tests;
