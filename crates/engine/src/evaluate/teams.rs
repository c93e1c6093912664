//! Over how many people each team's rows are, so that a surface can hide numbers about few of them.
//!
//! Every metric about teams is measured by who was in the team, whatever columns it has. `(none)` is measured by the
//! people without a team whom the metric's views name.
//! Invariant: sizes are of the moment that the rows are of, and no metric can say anything else.
//! Deliberately absent: what is too few (`surface`), and who did something: a member who did nothing counts.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, Utc};
use datafusion::prelude::SessionContext;
use tokio::sync::OnceCell;

use crate::catalogue::{Level, Metric, holds_people};
use crate::error::Error;
use crate::evaluate::Evaluator;
use crate::rows::by_key::ViewRows;
use crate::sql::rows_of;

/// The view that says who is in which team.
const STAYS: &str = "person_membership";
/// The column of a metric's rows that names a team, and what stands there for people who are in none.
const TEAM: &str = "team";
const NO_TEAM: &str = "(none)";
/// The table of events about people, whose views say nothing about what they did.
const DIRECTORY: &str = "directory";

/// One person's time in a team, in µs; people are numbered.
#[derive(Debug, Clone)]
struct TeamStay {
    person: usize,
    during: Range<i64>,
}

/// Who was in each team and when, as far as a moment's events say.
#[derive(Debug, Clone, Default)]
pub struct Teams {
    stays: Arc<BTreeMap<String, Vec<TeamStay>>>,
    /// People without a team; counted only where rows are about them.
    without: Option<u64>,
}

impl Teams {
    /// From stays (team, person, from when, to when), and the number of people without a team if it is known.
    pub fn new<'s>(
        stays: impl IntoIterator<Item = (&'s str, &'s str, Range<i64>)>,
        without: Option<u64>,
    ) -> Teams {
        let mut people: HashMap<&str, usize> = HashMap::new();
        let mut teams: BTreeMap<String, Vec<TeamStay>> = BTreeMap::new();
        for (team, person, during) in stays {
            let next = people.len();
            let person = *people.entry(person).or_insert(next);
            teams.entry(team.to_owned()).or_default().push(TeamStay { person, during });
        }
        Teams { stays: Arc::new(teams), without }
    }

    /// How many people were in `team` at some time in `from..to`, both included; `None` for a team that nobody ever
    /// was in, as far as is known.
    pub fn people(&self, team: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<u64> {
        if team == NO_TEAM {
            return self.without;
        }
        let (from, to) = (from.timestamp_micros(), to.timestamp_micros());
        let there = |stay: &&TeamStay| stay.during.start <= to && stay.during.end > from;
        let mut people: Vec<usize> =
            self.stays.get(team)?.iter().filter(there).map(|stay| stay.person).collect();
        people.sort_unstable();
        people.dedup();
        Some(people.len() as u64)
    }
}

/// Whether a metric's rows may be about teams.
pub fn is_about_teams(metric: &Metric) -> bool {
    metric.level == Level::Team && metric.labels.iter().any(|label| label == TEAM)
}

/// What a session needs to have for [`TeamsOf::metric`], besides what the metric reads.
pub fn read_for_teams(metric: &Metric) -> Option<String> {
    is_about_teams(metric).then(|| STAYS.to_owned())
}

/// The teams of one session, which are read once for all metrics.
pub struct TeamsOf<'c> {
    evaluator: &'c Evaluator,
    context: SessionContext,
    views: &'c ViewRows,
    as_of_us: i64,
    stays: OnceCell<Arc<BTreeMap<String, Vec<TeamStay>>>>,
}

impl<'c> TeamsOf<'c> {
    pub fn new(
        evaluator: &'c Evaluator,
        context: &SessionContext,
        views: &'c ViewRows,
        as_of_us: i64,
    ) -> TeamsOf<'c> {
        TeamsOf { evaluator, context: context.clone(), views, as_of_us, stays: OnceCell::new() }
    }

    /// The teams that `rows` of `metric` are about.
    pub async fn metric(&self, metric: &Metric, rows: &RecordBatch) -> Result<Teams, Error> {
        let known = self.evaluator.catalogue.views.iter().any(|view| view.name == STAYS);
        let Some(teams) = rows.column_by_name(TEAM).filter(|_| known && is_about_teams(metric)) else {
            return Ok(Teams::default());
        };
        let stays = Arc::clone(self.stays.get_or_try_init(|| self.stays()).await?);
        let teams = cast(teams, &DataType::Utf8)?;
        let without = match teams.as_string::<i32>().iter().flatten().any(|team| team == NO_TEAM) {
            true => self.without(metric).await?,
            false => None,
        };
        Ok(Teams { stays, without })
    }

    async fn stays(&self) -> Result<Arc<BTreeMap<String, Vec<TeamStay>>>, Error> {
        let sql = format!("SELECT team, person, from_at, to_at FROM {STAYS} WHERE NOT bot");
        let rows = self.rows(&sql).await?;
        let texts = |index: usize| cast(rows.column(index), &DataType::Utf8);
        let times =
            |index: usize| cast(rows.column(index), &DataType::Timestamp(TimeUnit::Microsecond, None));
        let (teams, people, from, to) = (texts(0)?, texts(1)?, times(2)?, times(3)?);
        let (teams, people) = (teams.as_string::<i32>(), people.as_string::<i32>());
        let from = from.as_primitive::<TimestampMicrosecondType>();
        let to = to.as_primitive::<TimestampMicrosecondType>();
        let stay = |row: usize| {
            let from = if from.is_valid(row) { from.value(row) } else { i64::MIN };
            let to = if to.is_valid(row) { to.value(row) } else { i64::MAX };
            (teams.value(row), people.value(row), from..to)
        };
        Ok(Teams::new((0..rows.num_rows()).map(stay), None).stays)
    }

    /// How many people without a team the views that a metric reads name; `None` where they name nobody.
    async fn without(&self, metric: &Metric) -> Result<Option<u64>, Error> {
        let reads = self.evaluator.reads(metric);
        let mut seen = Vec::new();
        for view in self.evaluator.catalogue.keyed().filter(|view| reads.contains(&view.name)) {
            if view.from.iter().all(|from| from == DIRECTORY) {
                continue;
            }
            let columns = self.views[&view.name].schema.fields().iter();
            let people = columns.filter(|field| field.data_type().is_string() && holds_people(field));
            seen.extend(
                people.map(|field| format!("SELECT \"{}\" AS identity FROM \"{}\"", field.name(), view.name)),
            );
        }
        if seen.is_empty() {
            return Ok(None);
        }
        let at = format!("arrow_cast({}, 'Timestamp(Microsecond, Some(\"UTC\"))')", self.as_of_us);
        let sql = format!(
            "WITH seen AS (SELECT DISTINCT identity FROM ({}) AS named WHERE identity IS NOT NULL), \
             human AS (SELECT DISTINCT COALESCE(who.person, seen.identity) AS person FROM seen \
             LEFT JOIN who ON who.identity = seen.identity WHERE NOT COALESCE(who.bot, is_bot(seen.identity))), \
             placed AS (SELECT DISTINCT person FROM {STAYS} WHERE holds_at(from_at, to_at, {at})) \
             SELECT COUNT(*) AS n FROM human LEFT ANTI JOIN placed ON placed.person = human.person",
            seen.join(" UNION ALL ")
        );
        let counts = cast(self.rows(&sql).await?.column(0), &DataType::Int64)?;
        Ok(counts.as_primitive::<Int64Type>().iter().flatten().next().map(|n| n as u64))
    }

    async fn rows(&self, sql: &str) -> Result<RecordBatch, Error> {
        Ok(rows_of(self.context.sql(sql).await?).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_counted_once_and_only_while_they_are_there() {
        let day = |day: i64| DateTime::from_timestamp(day * 86_400, 0).unwrap();
        let us = |n: i64| day(n).timestamp_micros();
        let teams = Teams::new(
            [
                ("core", "ada", i64::MIN..i64::MAX),
                ("core", "ada", us(3)..us(5)),
                ("core", "bo", us(10)..us(20)),
                ("web", "cy", us(1)..us(2)),
            ],
            Some(4),
        );
        for (team, from, to, expect) in [
            ("core", 4, 4, Some(1)),
            ("core", 9, 10, Some(2)),
            ("core", 20, 20, Some(1)),
            ("web", 2, 9, Some(0)),
            ("unknown", 1, 1, None),
            (NO_TEAM, 1, 1, Some(4)),
        ] {
            assert_eq!(teams.people(team, day(from), day(to)), expect, "{team} {from} {to}");
        }
    }
}
