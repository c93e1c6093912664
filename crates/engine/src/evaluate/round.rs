//! Several metrics over the views of one moment: what they share is computed once, when the first of them needs it, and
//! goes when the last of them has it.
//!
//! Invariant: each metric's rows are those of its SQL alone, whatever else is in the round and in whatever order. At each
//! time the round holds what the metric at hand reads, and of the rest only what a metric to come reads as well.
//! Deliberately absent: where the views come from and where the rows go.

use std::collections::BTreeSet;
use std::time::Instant;

use arrow::array::RecordBatch;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast;

use crate::catalogue::Metric;
use crate::error::Error;
use crate::evaluate::Evaluator;
use crate::evaluate::steps::{Steps, step_texts};
use crate::evaluate::teams::{Teams, TeamsOf, read_for_teams};
use crate::evaluate::turns::Turn;
use crate::moment::Moment;
use crate::rows::by_key::ViewRows;
use crate::snapshot::Snapshot;
use crate::sql::relations;

/// Metrics that are evaluated one after the other.
pub struct Round<'r> {
    evaluator: &'r Evaluator,
    context: SessionContext,
    moment: Moment,
    steps: Steps,
    teams: TeamsOf<'r>,
    /// In the order of the catalogue.
    waiting: Vec<ToAnswer<'r>>,
    /// Shared views that are in the session.
    open: BTreeSet<String>,
    /// The turn of the whole round, where its metrics do not each take their own.
    turn: Option<Turn>,
}

struct ToAnswer<'r> {
    metric: &'r Metric,
    query: ast::Query,
    /// Tables and views that it reads, transitively.
    reads: BTreeSet<String>,
    steps: Vec<String>,
}

/// One metric of a round.
pub struct Answer<'r> {
    pub metric: &'r Metric,
    pub rows: Result<(RecordBatch, Teams), Error>,
    /// What it took, without the shared views.
    pub seconds: f64,
}

impl<'r> Round<'r> {
    /// `metrics` with the queries that they are bound to.
    pub fn new(
        evaluator: &'r Evaluator,
        snapshot: &Snapshot,
        views: &'r ViewRows,
        moment: Moment,
        metrics: impl IntoIterator<Item = (&'r Metric, ast::Query)>,
    ) -> Result<Round<'r>, Error> {
        let context = evaluator.base(snapshot, views, moment, &evaluator.runtime)?;
        let waiting = |(metric, query): (&'r Metric, ast::Query)| {
            let mut reads = relations(&query);
            reads.extend(read_for_teams(metric));
            let reads = evaluator.catalogue.reads(reads);
            ToAnswer { metric, steps: step_texts(&query), query, reads }
        };
        let (steps, teams) =
            (Steps::new(&context), TeamsOf::new(evaluator, &context, views, moment.as_of_us));
        let waiting = metrics.into_iter().map(waiting).collect();
        Ok(Round { evaluator, context, moment, steps, teams, waiting, open: BTreeSet::new(), turn: None })
    }

    /// The same in one turn: nobody's evaluation comes between two metrics.
    pub async fn at_once(mut self) -> Round<'r> {
        self.turn = Some(self.evaluator.turns.large().await);
        self
    }

    /// The next metric; `change` may take rows out before it is found whom the rest is about.
    pub async fn next(
        &mut self,
        change: impl FnOnce(RecordBatch) -> Result<RecordBatch, Error>,
    ) -> Option<Answer<'r>> {
        let ToAnswer { metric, query, reads, .. } = self.take()?;
        let _turn = match self.turn {
            Some(_) => None,
            None => Some(self.evaluator.turns.metric(&metric.name).await),
        };
        self.steps.keep(self.waiting.iter().flat_map(|other| other.steps.iter().cloned()).collect());
        let mut started = Instant::now();
        let rows = async {
            self.open(&reads).await.map_err(|error| broken(metric, &error))?;
            started = Instant::now();
            let rows = change(self.evaluator.rows(&mut self.steps, metric, query).await?)?;
            let teams = self.teams.metric(metric, &rows).await?;
            Ok((rows, teams))
        };
        let rows = rows.await;
        let seconds = started.elapsed().as_secs_f64();
        self.evaluator.turns.took(&metric.name, seconds + self.evaluator.shared_seconds(&reads));
        self.close();
        Some(Answer { metric, rows, seconds })
    }

    /// What the session has of shared views and steps.
    #[cfg(test)]
    pub fn holds(&self) -> Vec<String> {
        use crate::evaluate::session::{SQL_CATALOG, SQL_SCHEMA};
        let schema = self.context.catalog(SQL_CATALOG).and_then(|catalog| catalog.schema(SQL_SCHEMA));
        let mut names = schema.expect("a session has its schema").table_names();
        let keyed = |name: &str| self.evaluator.catalogue.keyed().any(|view| view.name == name);
        let event = |name: &str| crate::rows::tables::EVENT_TABLES.iter().any(|table| table.name() == name);
        names.retain(|name| !keyed(name) && !event(name));
        names
    }

    /// The first of those that need the fewest views more than are open: they make room for others soonest.
    fn take(&mut self) -> Option<ToAnswer<'r>> {
        let more = |waiting: &ToAnswer<'_>| {
            let needed = waiting.reads.difference(&self.open);
            needed.filter(|name| self.evaluator.is_computed_once(name)).count()
        };
        let index = (0..self.waiting.len()).min_by_key(|&index| more(&self.waiting[index]))?;
        Some(self.waiting.remove(index))
    }

    /// Brings the shared views that are in `reads` into the session.
    async fn open(&mut self, reads: &BTreeSet<String>) -> Result<(), Error> {
        for view in self.evaluator.catalogue.views.iter().filter(|view| view.is_shared()) {
            if reads.contains(&view.name) && !self.open.contains(&view.name) {
                self.evaluator.add_shared(&self.context, view, self.moment, false).await?;
                self.open.insert(view.name.clone());
            }
        }
        Ok(())
    }

    /// Takes out of the session what no metric to come reads. What a shared view reads, its reader reads too, so no view
    /// stays that holds on to the rows of one that goes.
    fn close(&mut self) {
        let read = |name: &String| self.waiting.iter().any(|waiting| waiting.reads.contains(name));
        let gone: Vec<String> = self.open.iter().filter(|name| !read(name)).cloned().collect();
        for name in gone {
            // A name that is not there is no error.
            let _ = self.context.deregister_table(name.as_str());
            self.open.remove(&name);
        }
        self.steps.keep(self.waiting.iter().flat_map(|other| other.steps.iter().cloned()).collect());
    }
}

fn broken(metric: &Metric, error: &Error) -> Error {
    Error::Internal { message: format!("{}: metric '{}' failed: {error}", metric.file, metric.name) }
}
