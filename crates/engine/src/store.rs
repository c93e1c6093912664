//! What is kept on disk: rows and offsets in the cold store, and files that can be made again from it.
//!
//! `flush` commits rows through `delta`, each file made `durable` first; `cache` maps cold rows back, `checkpoint` keeps
//! folded views, `answered` says how far readers have seen, `homes` whose ids need no site, `dead` reads dead letters, `erase` changes text in a store that is closed, and `lock` keeps a second process out.
//!
//! Invariant: rows and the offsets that they came from are in one commit; cache and checkpoint may be lost.
//! Deliberately absent: what rows mean, and when they are committed (`writer.rs`).

/// The folder of the cold store in a data directory.
pub const EVENTS_DIR: &str = "events";

pub mod flush;

pub mod dead;
pub mod delta;
pub mod durable;

pub mod answered;
pub mod cache;
pub mod checkpoint;

pub mod erase;
pub mod homes;
pub mod lock;
