//! Git histories into commits: packs, trees, renames and line counts, without running git.
//!
//! Deliberately lacking: logs, topics and any store; the caller's sink takes the events.

mod attributes;
mod commit;
mod cursor;
mod error;
mod history;
mod lines;
mod objects;
mod options;
mod people;
mod pushed;
mod rename;
mod repository;
mod rewritten;
mod totals;
mod tree;
mod walk;
mod work;

#[cfg(test)]
mod tests;

pub use cursor::Cursor;
pub use error::{Error, Stopped};
pub use history::{Progress, read};
pub use options::{Options, Scope};
pub use pushed::CommitEvent;
pub use totals::Totals;
