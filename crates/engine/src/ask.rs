//! Questions beyond a metric at now: over time, together, by other definitions, and why.
//!
//! `range` asks at each moment of a series, `together` several metrics of one snapshot, `replay` by another catalogue.
//! `explain` follows rows back to events, which `veil` keeps from naming people; `diff` lines two results up
//! (`compare`) and says what changed (`words`).
//!
//! Invariant: every answer comes from one snapshot.
//! Deliberately absent: the board, and who may see an answer.

pub mod range;
pub mod together;

pub mod replay;

pub mod explain;
pub mod veil;

pub mod compare;
pub mod diff;
pub mod words;
