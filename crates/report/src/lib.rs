//! Reports: what the numbers say, in sentences for people who do not code, with the numbers behind them.
//!
//! `ask` puts the questions to the engine, `weekly` and `roadmap` turn answers into one [`Report`], and `html`,
//! `markdown` and `json` write it down. Invariants: every sentence names the metric that it rests on; the same events,
//! moment and definitions give the same bytes; what a surface may not show is in no sentence and no table.
//! Deliberately absent: metrics about single people, any ranking of people, and anything fetched when it is read.

pub mod chart;

mod answers;
mod ask;
mod detail;
mod facts;
mod figure;
mod footer;
mod format;
mod gaps;
mod grid;
mod html;
mod markdown;
mod part;
mod period;
mod question;
mod report;
mod risk;
mod roadmap;
mod summary;
mod weekly;
mod words;

pub use ask::make;
pub use format::Format;
pub use grid::{Cell, Column, Grid, Urgency};
pub use part::{Item, Part};
pub use period::Week;
pub use question::{Kind, What};
pub use report::Report;
