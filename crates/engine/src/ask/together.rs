//! Several metrics at one moment, of one snapshot: what a report is made of.
//!
//! The views are brought to the moment once, and what metrics share is computed once, so a report costs little more
//! than its dearest metrics. Invariant: each result is the one that the metric's own query would give.
//! Deliberately absent: the board; a report names its moment.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};

use crate::error::Error;
use crate::evaluate::board::MetricResult;
use crate::evaluate::overlay::Overlay;
use crate::evaluate::round::{Answer, Round};
use crate::evaluate::{Evaluator, moment, of_team};
use crate::query::Query;
use crate::snapshot::Snapshot;

/// When and on what ground metrics are asked together.
#[derive(Debug, Clone)]
pub struct Ground {
    pub as_of: DateTime<Utc>,
    pub known_at: DateTime<Utc>,
    /// Only rows of this team, of the metrics that have a team column.
    pub team: Option<String>,
    pub what_if: Option<Overlay>,
}

/// Parameters by metric; a metric that is not a key is not asked.
pub type ParamsByMetric = BTreeMap<String, BTreeMap<String, String>>;

/// Each metric's result, or why it has none: one that fails keeps no other from being answered.
pub type Answers = BTreeMap<String, Result<MetricResult, Error>>;

impl Evaluator {
    /// # Errors
    /// A metric that is not in the catalogue, parameters that it does not take, events that cannot be laid over.
    pub async fn together(
        &self,
        snapshot: &Snapshot,
        asked: &ParamsByMetric,
        ground: &Ground,
    ) -> Result<Answers, Error> {
        let Ground { as_of, known_at, team, what_if } = ground;
        let at = moment(*as_of, *known_at);
        let laid = Query { what_if: what_if.clone(), ..Query::default() };
        let snapshot = &*self.ground(snapshot, &laid, *as_of).await?;
        let mut metrics = Vec::new();
        let mut reads = std::collections::BTreeSet::new();
        for (name, params) in asked {
            let metric = self
                .catalogue
                .metric(name)
                .ok_or_else(|| Error::UnknownMetric { name: name.clone(), near: Vec::new() })?;
            // Parameters that it does not take are reported before anything runs.
            metrics.push((metric, self.bind(metric, at, params)?));
            reads.extend(self.reads(metric).iter().cloned());
        }
        let views = self.views.at(snapshot, at, &reads).await?;
        let mut round = Round::new(self, snapshot, &views, at, metrics)?;
        let mut answers = Answers::new();
        let of_team = |rows: RecordBatch| match team {
            Some(team) if rows.column_by_name("team").is_some() => of_team(&rows, team),
            _ => Ok(rows),
        };
        while let Some(Answer { metric, rows, .. }) = round.next(of_team).await {
            let result = rows.map(|rows| self.result(metric, *as_of, *known_at, snapshot, rows));
            answers.insert(metric.name.clone(), result);
        }
        Ok(answers)
    }
}
