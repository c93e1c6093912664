//! What a report is asked about: which one, of when, for whom.

use chrono::{DateTime, TimeDelta, Utc};
use engine::{Ground, Overlay};
use serde::{Deserialize, Serialize};

use super::period::Week;

/// Time since the last review, where nobody says.
const REVIEW_DAYS: i64 = 28;
/// Days that a weekly report looks back.
const WEEK_DAYS: i64 = 7;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Weekly,
    Roadmap,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Weekly => "weekly",
            Kind::Roadmap => "roadmap",
        }
    }
}

/// Which report, of when.
#[derive(Clone, Debug)]
pub struct What {
    pub kind: Kind,
    pub as_of: DateTime<Utc>,
    pub known_at: DateTime<Utc>,
    pub team: Option<String>,
    /// When the roadmap was last reviewed.
    pub since: Option<DateTime<Utc>>,
    /// Events that are taken to have happened, by the name of the scenario.
    pub scenarios: Vec<(String, Overlay)>,
}

impl What {
    pub fn new(kind: Kind, as_of: DateTime<Utc>, known_at: DateTime<Utc>) -> What {
        What { kind, as_of, known_at, team: None, since: None, scenarios: Vec::new() }
    }

    /// The earlier moment that the report compares with.
    pub fn from(&self) -> DateTime<Utc> {
        let days = match self.kind {
            Kind::Weekly => WEEK_DAYS,
            Kind::Roadmap => REVIEW_DAYS,
        };
        self.since.unwrap_or(self.as_of - TimeDelta::days(days))
    }

    /// The week whose figures are told.
    pub fn week(&self) -> Week {
        Week::before(self.as_of)
    }

    pub(super) fn ground(&self, as_of: DateTime<Utc>, what_if: Option<Overlay>) -> Ground {
        Ground { as_of, known_at: self.known_at, team: self.team.clone(), what_if }
    }

    /// The days between the two moments, begun ones whole.
    pub fn days(&self) -> i64 {
        let between = self.as_of - self.from();
        (between - TimeDelta::microseconds(1)).num_days() + 1
    }
}
