//! What to ask of a metric.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::evaluate::overlay::Overlay;

/// What to ask of a metric. The default is: now, all that is known, every team, default parameters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    pub as_of: Option<DateTime<Utc>>,
    pub known_at: Option<DateTime<Utc>>,
    pub team: Option<String>,
    pub params: BTreeMap<String, String>,
    /// Events that are taken to have happened, for this question only.
    pub what_if: Option<Overlay>,
}
