//! The answers that a report is made of.

use std::collections::BTreeMap;

use engine::Metric;

use super::facts::Facts;
use super::question::What;

pub struct Answers {
    pub what: What,
    pub now: Facts,
    /// At the earlier moment; of a roadmap review only.
    pub before: Facts,
    pub scenarios: Vec<(String, Facts)>,
    pub metrics: Vec<Metric>,
    pub definitions: BTreeMap<String, String>,
}
