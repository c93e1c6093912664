//! A metric, or a user's query, over a snapshot at a moment.
//!
//! At now the views are read as they are; at a past moment only the keys with something hidden are
//! folded again. Nothing here changes the snapshot, so evaluations run beside the writer.

pub mod board;
pub mod renew;
pub mod round;
pub mod turns;

pub mod demand;
pub mod interest;
pub mod pace;

pub mod overlay;

pub mod teams;

pub mod lineage;
pub mod session;
pub mod steps;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use chrono::{DateTime, Utc};
use datafusion::datasource::MemTable;
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::sqlparser::ast;
use tokio::sync::OnceCell;

use crate::catalogue::{BadParam, Catalogue, Metric, View};
use crate::error::Error;
use crate::evaluate::board::MetricResult;
use crate::evaluate::round::Round;
use crate::evaluate::session::{EventTable, ViewTable, session};
use crate::evaluate::steps::Steps;
use crate::evaluate::teams::{Teams, read_for_teams};
use crate::evaluate::turns::Turns;
use crate::moment::Moment;
use crate::query::Query;
use crate::rows::by_key::ViewRows;
use crate::rows::tables::EVENT_TABLES;
use crate::snapshot::Snapshot;
use crate::sql::{columns_of, plan_query, relations};
use crate::views::Views;

/// Evaluates metrics.
pub struct Evaluator {
    pub catalogue: Arc<Catalogue>,
    pub views: Arc<Views>,
    pub runtime: Arc<RuntimeEnv>,
    pub turns: Arc<Turns>,
    /// Tables and views that each metric reads, transitively.
    reads: BTreeMap<String, BTreeSet<String>>,
    /// Seconds that each shared view that is computed once last took.
    once_seconds: Mutex<BTreeMap<String, f64>>,
    /// The columns of the shared views, once somebody asked.
    shared_columns: OnceCell<BTreeMap<String, SchemaRef>>,
}

impl Evaluator {
    pub fn new(catalogue: Arc<Catalogue>, views: Arc<Views>, runtime: Arc<RuntimeEnv>) -> Self {
        let of = |metric: &Metric| {
            let bound = catalogue.bind(metric, 0, 0, &BTreeMap::new()).expect("defaults are in range");
            let mut reads = relations(&bound.query);
            reads.extend(read_for_teams(metric));
            catalogue.reads(reads)
        };
        let reads = catalogue.metrics.iter().map(|metric| (metric.name.clone(), of(metric))).collect();
        let (turns, once_seconds, shared_columns) = Default::default();
        Evaluator { catalogue, views, runtime, turns, reads, once_seconds, shared_columns }
    }

    /// The same, which takes turns with `other`.
    pub fn beside(mut self, other: &Evaluator) -> Self {
        self.turns = Arc::clone(&other.turns);
        self
    }

    /// One metric as `query` asks.
    pub async fn query(
        &self,
        snapshot: &Snapshot,
        metric: &Metric,
        query: &Query,
    ) -> Result<MetricResult, Error> {
        let now = Utc::now();
        let (as_of, known_at) = (query.as_of.unwrap_or(now), query.known_at.unwrap_or(now));
        let moment = moment(as_of, known_at);
        let snapshot = &*self.ground(snapshot, query, as_of).await?;
        let views = self.views.at(snapshot, moment, self.reads(metric)).await?;
        let rows = self.rows_at(snapshot, &views, metric, moment, query).await?;
        Ok(self.result(metric, as_of, known_at, snapshot, rows))
    }

    /// The rows of one metric over the views of a moment, and the teams that they are about.
    pub async fn rows_at(
        &self,
        snapshot: &Snapshot,
        views: &ViewRows,
        metric: &Metric,
        moment: Moment,
        query: &Query,
    ) -> Result<(RecordBatch, Teams), Error> {
        let bound = self.bind(metric, moment, &query.params)?;
        let of_team = |rows: RecordBatch| match &query.team {
            Some(team) => of_team(&rows, team),
            None => Ok(rows),
        };
        let mut round = Round::new(self, snapshot, views, moment, [(metric, bound)])?;
        round.next(of_team).await.expect("a metric is waiting").rows
    }

    /// What a question is asked of: the snapshot, with the question's own events on it where it has some.
    /// `last` is the latest moment that it asks about.
    pub async fn ground<'s>(
        &self,
        snapshot: &'s Snapshot,
        query: &Query,
        last: DateTime<Utc>,
    ) -> Result<Cow<'s, Snapshot>, Error> {
        let Some(overlay) = &query.what_if else { return Ok(Cow::Borrowed(snapshot)) };
        Ok(Cow::Owned(overlay.over(snapshot, &self.views, last).await?))
    }

    /// What the shared views among `reads` cost: each of their readers is charged.
    fn shared_seconds(&self, reads: &BTreeSet<String>) -> f64 {
        let seconds = self.once_seconds.lock().expect("nobody panics while holding it");
        reads.iter().filter_map(|name| seconds.get(name)).sum()
    }

    /// Whether a session with `names` computes anything before it is asked.
    pub fn computes(&self, names: &BTreeSet<String>) -> bool {
        names.iter().any(|name| self.is_computed_once(name))
    }

    fn is_computed_once(&self, view: &str) -> bool {
        self.catalogue.views.iter().any(|other| other.name == view && other.once)
    }

    /// Tables and views that `metric` reads, transitively, with any parameters.
    pub fn reads(&self, metric: &Metric) -> &BTreeSet<String> {
        &self.reads[&metric.name]
    }

    /// A session that sees the tables and views of one moment; of the shared views, those in `names`.
    pub async fn context(
        &self,
        snapshot: &Snapshot,
        views: &ViewRows,
        moment: Moment,
        runtime: &Arc<RuntimeEnv>,
        names: &BTreeSet<String>,
    ) -> Result<SessionContext, Error> {
        self.context_with(snapshot, views, moment, runtime, names, false).await
    }

    /// The same; with `lineage`, what is computed once carries the keys that it was made from.
    pub async fn context_with(
        &self,
        snapshot: &Snapshot,
        views: &ViewRows,
        moment: Moment,
        runtime: &Arc<RuntimeEnv>,
        names: &BTreeSet<String>,
        lineage: bool,
    ) -> Result<SessionContext, Error> {
        let context = self.base(snapshot, views, moment, runtime)?;
        if lineage {
            // It pulls the keys' own expressions below a join, where two of one name meet.
            context.remove_optimizer_rule("push_down_leaf_projections");
        }
        for view in self.catalogue.views.iter().filter(|v| v.is_shared() && names.contains(&v.name)) {
            self.add_shared(&context, view, moment, lineage).await?;
        }
        Ok(context)
    }

    /// A session that sees the tables and the materialised views of one moment.
    fn base(
        &self,
        snapshot: &Snapshot,
        views: &ViewRows,
        moment: Moment,
        runtime: &Arc<RuntimeEnv>,
    ) -> Result<SessionContext, Error> {
        let context = session(runtime.clone());
        for (index, table) in EVENT_TABLES.iter().enumerate() {
            let provider = EventTable { tables: snapshot.tables.clone(), table: index, moment };
            context.register_table(table.name(), Arc::new(provider))?;
        }
        for view in self.catalogue.keyed() {
            let rows = views[&view.name].clone();
            context
                .register_table(view.name.as_str(), Arc::new(ViewTable { rows, open: view.open.clone() }))?;
        }
        Ok(context)
    }

    /// Brings a shared view into a session that has those that it reads.
    async fn add_shared(
        &self,
        context: &SessionContext,
        view: &View,
        moment: Moment,
        lineage: bool,
    ) -> Result<(), Error> {
        let query = self.catalogue.bind_view(view, moment.as_of_us, moment.known_at_us).query;
        let provider = if view.once {
            let mut steps = if lineage { Steps::with_lineage(context) } else { Steps::new(context) };
            let started = Instant::now();
            let rows = steps.rows(query).await?;
            tracing::trace!(view = view.name, rows = rows.num_rows(), "computed a view");
            let mut seconds = self.once_seconds.lock().expect("nobody panics while holding it");
            seconds.insert(view.name.clone(), started.elapsed().as_secs_f64());
            Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?)
        } else {
            frame(context, query).await?.into_view()
        };
        context.register_table(view.name.as_str(), provider)?;
        Ok(())
    }

    /// The columns of each shared view, by planning it.
    pub async fn shared_columns(&self, snapshot: &Snapshot) -> Result<&BTreeMap<String, SchemaRef>, Error> {
        let plan = async || {
            let now = Utc::now();
            let moment = moment(now, now);
            let context =
                self.context(snapshot, &snapshot.views, moment, &self.runtime, &BTreeSet::new()).await?;
            let mut columns = BTreeMap::new();
            for view in self.catalogue.views.iter().filter(|view| view.is_shared()) {
                let query = self.catalogue.bind_view(view, moment.as_of_us, moment.known_at_us).query;
                let frame = frame(&context, query).await?;
                let schema = columns_of(&context, frame.logical_plan())?;
                // Only its columns: a view that is read for its plan would be planned again by each of its readers.
                context.register_table(view.name.as_str(), Arc::new(EmptyTable::new(schema.clone())))?;
                columns.insert(view.name.clone(), schema);
            }
            Ok(columns)
        };
        self.shared_columns.get_or_try_init(plan).await
    }

    /// The rows of a metric's bound query.
    pub(crate) async fn rows(
        &self,
        steps: &mut Steps,
        metric: &Metric,
        bound: ast::Query,
    ) -> Result<RecordBatch, Error> {
        steps.rows(bound).await.map_err(|error| broken(metric, &error))
    }

    /// The metric's query with its values.
    pub fn bind(
        &self,
        metric: &Metric,
        moment: Moment,
        params: &BTreeMap<String, String>,
    ) -> Result<ast::Query, Error> {
        let bound = self.catalogue.bind(metric, moment.as_of_us, moment.known_at_us, params);
        Ok(bound.map_err(bad_parameter)?.query)
    }

    /// The same as text, for people.
    pub fn bound_text(
        &self,
        metric: &Metric,
        moment: Moment,
        params: &BTreeMap<String, String>,
    ) -> Result<String, Error> {
        self.catalogue.bound_text(metric, moment.as_of_us, moment.known_at_us, params).map_err(bad_parameter)
    }

    pub fn result(
        &self,
        metric: &Metric,
        as_of: DateTime<Utc>,
        known_at: DateTime<Utc>,
        snapshot: &Snapshot,
        (rows, teams): (RecordBatch, Teams),
    ) -> MetricResult {
        MetricResult {
            metric: metric.name.clone(),
            as_of,
            known_at,
            definition: self.catalogue.definition(metric),
            position: snapshot.position.clone(),
            rows,
            teams,
            suppressed: 0,
            what_if: snapshot.what_if,
        }
    }
}

async fn frame(context: &SessionContext, query: ast::Query) -> Result<DataFrame, Error> {
    let plan = plan_query(context, query).await?;
    Ok(context.execute_logical_plan(plan).await?)
}

/// The two clocks in µs.
pub fn moment(as_of: DateTime<Utc>, known_at: DateTime<Utc>) -> Moment {
    Moment { as_of_us: as_of.timestamp_micros(), known_at_us: known_at.timestamp_micros() }
}

fn bad_parameter(bad: BadParam) -> Error {
    Error::BadParameter { name: bad.param, reason: bad.message }
}

fn broken(metric: &Metric, error: &datafusion::error::DataFusionError) -> Error {
    Error::Internal { message: format!("{}: metric '{}' failed: {error}", metric.file, metric.name) }
}

/// The rows of one team.
pub(crate) fn of_team(rows: &RecordBatch, team: &str) -> Result<RecordBatch, Error> {
    let Some(column) = rows.column_by_name("team") else {
        return Err(Error::BadParameter {
            name: "team".into(),
            reason: "this metric has no team column".into(),
        });
    };
    let names = cast(column, &DataType::Utf8)?;
    let mask: BooleanArray = names.as_string::<i32>().iter().map(|name| Some(name == Some(team))).collect();
    Ok(filter_record_batch(rows, &mask)?)
}
