//! Rows in memory: events in sorted segments, and the rows of views.
//!
//! `segment` sorts events by key, `ids` drops what came before and `ladder` says which row of an id wins, `gone` which commits were taken away, `names` what repositories are called, `tables` are all
//! events at a moment; `by_key` holds the rows of a view; `compact` lets go of buffers that rows no longer need.
//!
//! Invariant: rows that somebody reads never change; they are replaced.
//! Deliberately absent: files and SQL.

pub mod gone;
pub mod ids;
pub mod ladder;
pub mod names;
pub mod segment;
pub mod tables;

pub mod by_key;

pub mod compact;
