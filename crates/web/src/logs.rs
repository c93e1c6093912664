//! The logs of a running server: where posted events go, and what is read.

use std::sync::Arc;

use ingest::{Appender, FeedLog, Progress};

/// What can be reported about a log that is being read.
pub struct FeedView {
    pub log: FeedLog,
    pub progress: Arc<Progress>,
}

/// Where posted events go, and what is read.
pub struct Logs {
    pub appender: Appender,
    /// One for each log that is read.
    pub feeds: Vec<FeedView>,
}
