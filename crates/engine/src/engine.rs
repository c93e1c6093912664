//! The handle that surfaces hold: open a data directory, feed it batches, ask it questions.
//!
//! Invariant: one process holds a data directory at a time (an advisory lock on `lock`), so one
//! writer is the only one. `Engine` is a cheap handle; everything it answers comes from a snapshot.

mod redefine;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use arrow::array::{AsArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Int32Type, Int64Type};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use datafusion::datasource::MemTable;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::SessionContext;
use event::{Batch, Homes, Table};
use tokio::sync::mpsc::Receiver;

use crate::ask::diff::Diff;
use crate::ask::explain::{Explanation, Listed};
use crate::ask::range::Series;
use crate::ask::replay::{self, Replay};
use crate::ask::together::{Answers, Ground, ParamsByMetric};
use crate::catalogue::{Catalogue, Metric};
use crate::error::Error;
use crate::evaluate::board::{Board, MetricResult};
use crate::evaluate::demand::Demand;
use crate::evaluate::interest::Interest;
use crate::evaluate::session::session;
use crate::evaluate::{Evaluator, moment};
use crate::nearest::nearest;
use crate::options::Options;
use crate::query::Query;
use crate::rows::names::Names;
use crate::rows::segment::{Segment, key_column, sort_by_key};
use crate::rows::tables::{ByTable, EVENT_TABLES};
use crate::shared::Shared;
use crate::snapshot::{Position, Snapshot, Stats};
use crate::sql::{SqlLimits, SqlRows, SqlRunner, SqlStatement, bounded, collect_own, plan_query};
use crate::store::EVENTS_DIR;
use crate::store::answered::covers;
use crate::store::cache;
use crate::store::checkpoint;
use crate::store::dead::{self, DeadLetterTable, DeadLetters};
use crate::store::delta::{ColdFile, ColdStore};
use crate::store::durable::remove_staged;
use crate::store::flush::map_or_keep;
use crate::store::homes;
use crate::store::lock::lock;
use crate::views::Views;
use crate::writer::{Purpose, Writer};

/// A handle to an open data directory. Clones share it.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    demand: Demand,
    sql: SqlRunner,
    /// What readers saw of the log before this process.
    seen_before: Position,
    writer: tokio::sync::Mutex<Writer>,
    /// Held for its lock.
    _lock: File,
}

impl Engine {
    /// Opens or creates `dir`, maps its cold rows and brings the views up to date.
    ///
    /// # Errors
    /// `Locked` when another process has it open; `Storage` when its files cannot be read.
    pub async fn open(dir: &Path, catalogue: Catalogue, options: Options) -> Result<Engine, Error> {
        std::fs::create_dir_all(dir)?;
        let lock = lock(dir)?;
        remove_staged(&dir.join(EVENTS_DIR))?;
        let runtime = Arc::new(RuntimeEnv::default());
        let for_views = runtime.clone();
        let catalogue = Arc::new(catalogue);
        let views = Arc::new(Views::plan(&catalogue, move || session(for_views.clone())).await?);
        let store = ColdStore::open(&dir.join(EVENTS_DIR)).await?;
        let shared = Arc::new(Shared {
            snapshot: ArcSwap::default(),
            board: ArcSwap::default(),
            interest: Interest::default(),
            stats: Mutex::new(Stats::default()),
            evaluator: ArcSwap::from_pointee(Evaluator::new(catalogue, views, runtime)),
            positions: Mutex::new(store.positions().clone()),
            homes: OnceLock::new(),
        });
        let sql = SqlRunner::new(options.sql.clone())?;
        let demand = Demand::new(options.evaluate_interval);
        let mut writer = Writer::new(shared.clone(), options, dir.to_owned(), store)?;
        let seen_before = writer.answered.position().clone();
        load(&mut writer, dir).await?;
        let writer = tokio::sync::Mutex::new(writer);
        let inner = Inner { shared, demand, sql, seen_before, writer, _lock: lock };
        Ok(Engine { inner: Arc::new(inner) })
    }

    /// Durable next offsets by app id: where sources resume.
    pub fn positions(&self) -> HashMap<String, i64> {
        self.inner.shared.positions.lock().expect("no holder of the positions panics").clone()
    }

    /// Sites whose ids are written without the site: what reads the log must know them.
    pub fn homes(&self) -> Homes {
        self.inner.shared.homes.get().cloned().unwrap_or_default()
    }

    /// Whether the rows reach as far as readers saw when this directory was last open.
    pub fn covers_seen(&self) -> bool {
        covers(&self.snapshot().position, &self.inner.seen_before)
    }

    /// Appends, folds, evaluates and flushes until the channel closes; then all of it is folded and durable.
    pub async fn run(&self, mut receiver: Receiver<Batch>) -> Result<(), Error> {
        self.inner.writer.lock().await.run(&mut receiver, Purpose::Serve).await
    }

    /// As [`Engine::run`] without evaluating anything, for commands that end when all of it is durable.
    pub async fn ingest(&self, mut receiver: Receiver<Batch>) -> Result<(), Error> {
        self.inner.writer.lock().await.run(&mut receiver, Purpose::Load).await
    }

    /// One metric. Without arguments the answer is the board's, brought up to date if that is quick.
    pub async fn query(&self, metric: &str, query: &Query) -> Result<Arc<MetricResult>, Error> {
        let evaluator = self.evaluator();
        let metric = named(&evaluator.catalogue, metric)?;
        if *query == Query::default()
            && let Some(result) = self.at_now(&evaluator, metric).await?
        {
            return Ok(result);
        }
        Ok(Arc::new(evaluator.query(&self.snapshot(), metric, query).await?))
    }

    /// The board's result, brought up to date if that is quick.
    async fn at_now(
        &self,
        evaluator: &Arc<Evaluator>,
        metric: &Metric,
    ) -> Result<Option<Arc<MetricResult>>, Error> {
        self.inner.demand.newest(&self.inner.shared, evaluator, &metric.name).await
    }

    /// One metric at each moment of a series, the oldest first; see [`Evaluator::range`].
    pub async fn range(
        &self,
        metric: &str,
        query: &Query,
        series: &Series,
    ) -> Result<Vec<MetricResult>, Error> {
        let evaluator = self.evaluator();
        let metric = named(&evaluator.catalogue, metric)?;
        evaluator.range(&self.snapshot(), metric, query, series).await
    }

    /// Several metrics of one snapshot at one moment; see [`Evaluator::together`].
    pub async fn together(&self, asked: &ParamsByMetric, ground: &Ground) -> Result<Answers, Error> {
        self.evaluator().together(&self.snapshot(), asked, ground).await
    }

    /// What changed in a metric between two moments; see [`Evaluator::diff`].
    pub async fn diff(
        &self,
        metric: &str,
        query: &Query,
        span: (DateTime<Utc>, DateTime<Utc>),
        listed: Listed,
        show: impl Fn(&MetricResult) -> Result<MetricResult, ArrowError>,
    ) -> Result<Diff, Error> {
        let evaluator = self.evaluator();
        let metric = named(&evaluator.catalogue, metric)?;
        evaluator.diff(&self.snapshot(), metric, query, span, listed, show).await
    }

    /// A metric by this engine's definition and by another catalogue's, at each moment of a series, or at the
    /// query's where there is none.
    pub async fn replay(
        &self,
        metric: &str,
        against: Catalogue,
        query: &Query,
        series: Option<&Series>,
    ) -> Result<Replay, Error> {
        let evaluator = self.evaluator();
        let metric = named(&evaluator.catalogue, metric)?;
        replay::replay(&evaluator, &self.snapshot(), metric, against, query, series).await
    }

    /// Where the rows of a metric come from; see [`Evaluator::explain`].
    pub async fn explain(
        &self,
        metric: &str,
        query: &Query,
        wanted: &BTreeMap<String, String>,
        bounds: (usize, Listed),
        show: impl Fn(&MetricResult) -> Result<MetricResult, ArrowError>,
    ) -> Result<Explanation, Error> {
        let evaluator = self.evaluator();
        let metric = named(&evaluator.catalogue, metric)?;
        evaluator.explain(&self.snapshot(), metric, query, wanted, bounds, show).await
    }

    /// Read-only SQL of a user over tables, views, metrics at now, and dead letters.
    pub async fn sql(&self, sql: &str) -> Result<RecordBatch, Error> {
        let statement = self.sql_read(sql).await?;
        self.sql_run(statement, |rows| Ok(rows.into_batch()?.0)).await
    }

    /// The same as of a past moment: tables, views and metrics hold what had happened by then.
    pub async fn sql_at(&self, sql: &str, as_of: DateTime<Utc>) -> Result<RecordBatch, Error> {
        let statement = self.sql_read(sql).await?;
        let relations = statement.relations();
        let context = self.session_of(relations, self.inner.sql.environment(), Some(as_of)).await?;
        bounded(context.state_ref().write().config_mut());
        for metric in &self.evaluator().catalogue.metrics {
            if relations.contains(&metric.name) {
                let query = Query { as_of: Some(as_of), ..Query::default() };
                let rows = self.query(&metric.name, &query).await?.rows.clone();
                let table = MemTable::try_new(rows.schema(), vec![vec![rows]])?;
                context.register_table(metric.name.as_str(), Arc::new(table))?;
            }
        }
        self.inner.sql.run(statement, context, |rows| Ok(rows.into_batch()?.0)).await
    }

    /// A text for [`Engine::sql_run`].
    pub async fn sql_read(&self, sql: &str) -> Result<SqlStatement, Error> {
        self.inner.sql.read(sql).await
    }

    /// Runs a statement as [`Engine::sql`] does a text; `answer` makes of its rows what is held on to.
    pub async fn sql_run<T: Send + 'static>(
        &self,
        statement: SqlStatement,
        answer: impl FnOnce(SqlRows) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let relations = statement.relations();
        let context = self.sql_session(relations).await?;
        self.put_metrics(&context, relations).await?;
        self.inner.sql.run(statement, context, answer).await
    }

    /// The rows of a question of our own, whose text no user has a part in. No user's statement delays it, and it has
    /// their time, without their other limits.
    pub async fn ask(&self, sql: &str) -> Result<RecordBatch, Error> {
        let query = crate::sql::query_of(sql)?;
        let relations = crate::sql::relations(&query);
        let context = self.session_of(&relations, self.inner.sql.own_environment(), None).await?;
        self.put_metrics(&context, &relations).await?;
        self.inner
            .sql
            .own_task(async move { collect_own(&context, plan_query(&context, query).await?).await })
            .await
    }

    /// The metrics as tables: with rows where they are read, else with their columns, so that a client can look for them.
    async fn put_metrics(&self, context: &SessionContext, relations: &BTreeSet<String>) -> Result<(), Error> {
        let evaluator = self.evaluator();
        for metric in &evaluator.catalogue.metrics {
            let is_read = relations.contains(&metric.name);
            let found = match is_read {
                true => self.at_now(&evaluator, metric).await?,
                false => self.inner.shared.board.load().results.get(&metric.name).cloned(),
            };
            let Some(found) = found else { continue };
            let rows = if is_read { vec![found.rows.clone()] } else { Vec::new() };
            let table = MemTable::try_new(found.rows.schema(), vec![rows])?;
            context.register_table(metric.name.as_str(), Arc::new(table))?;
        }
        Ok(())
    }

    /// A session for a user's SQL that reads `relations`, with the tables, the views and the dead letters at now. Of
    /// the shared views, only those that are read have rows; the others have their columns.
    pub async fn sql_session(&self, relations: &BTreeSet<String>) -> Result<SessionContext, Error> {
        let context = self.session_of(relations, self.inner.sql.environment(), None).await?;
        bounded(context.state_ref().write().config_mut());
        Ok(context)
    }

    async fn session_of(
        &self,
        relations: &BTreeSet<String>,
        runtime: &Arc<RuntimeEnv>,
        as_of: Option<DateTime<Utc>>,
    ) -> Result<SessionContext, Error> {
        let snapshot = self.inner.shared.snapshot.load_full();
        let now = Utc::now();
        let moment = moment(as_of.unwrap_or(now), now);
        let evaluator = self.evaluator();
        let names = evaluator.catalogue.reads(relations.clone());
        let past = match as_of {
            None => None,
            Some(_) => Some(evaluator.views.at(&snapshot, moment, &names).await?),
        };
        let views = past.as_ref().unwrap_or(&snapshot.views);
        let turn = match evaluator.computes(&names) {
            true => Some(evaluator.turns.large().await),
            false => None,
        };
        let context = evaluator.context(&snapshot, views, moment, runtime, &names).await?;
        drop(turn);
        let dead = DeadLetterTable(snapshot.tables.dead_letters.clone());
        context.register_table(Table::DeadLetters.name(), Arc::new(dead))?;
        for (name, columns) in evaluator.shared_columns(&snapshot).await? {
            if !names.contains(name) {
                context.register_table(name, Arc::new(MemTable::try_new(columns.clone(), vec![vec![]])?))?;
            }
        }
        Ok(context)
    }

    /// The newest dead letters, with the columns that say where they are and why.
    pub async fn newest_dead_letters(&self, limit: usize) -> Result<RecordBatch, Error> {
        let letters = self.snapshot().tables.dead_letters.clone();
        let order = r#"ORDER BY log_time DESC, topic, "partition", "offset" DESC"#;
        let columns = r#"topic, "partition", "offset", reason, detail"#;
        dead_letter_query(letters, &format!("SELECT {columns} FROM dead_letters {order} LIMIT {limit}")).await
    }

    /// A session for a user's SQL that has no tables and views at all.
    pub fn empty_sql_session(&self) -> SessionContext {
        let context = session(self.inner.sql.environment().clone());
        bounded(context.state_ref().write().config_mut());
        context
    }

    /// Runs `work` where users' SQL runs; see [`SqlRunner::task`].
    pub async fn sql_task<T: Send + 'static>(
        &self,
        timeout: Option<Duration>,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        self.inner.sql.task(timeout, work).await
    }

    pub fn sql_limits(&self) -> &SqlLimits {
        self.inner.sql.limits()
    }

    /// Evaluates every metric now, for one-shot commands; `run` does so by itself.
    pub async fn evaluate(&self) -> Result<(), Error> {
        self.evaluator().renew_all(&self.inner.shared).await
    }

    /// What stands ready. Who reads it lets the metrics be evaluated again soon, as is said of `evaluate_interval`;
    /// after a time in which nobody did, results are up to ten minutes old, each with its own moment.
    pub fn board(&self) -> Arc<Board> {
        self.inner.shared.interest.in_board();
        self.peek()
    }

    /// The board, for one who does not need its results.
    pub fn peek(&self) -> Arc<Board> {
        self.inner.shared.board.load_full()
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.inner.shared.snapshot.load_full()
    }

    pub fn stats(&self) -> Stats {
        self.inner.shared.with_stats(|stats| stats.clone())
    }

    /// The definitions in force.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&self.inner.shared.evaluator.load().catalogue)
    }

    /// The metric of that name, or the names nearest to it.
    pub fn metric(&self, name: &str) -> Result<Metric, Error> {
        named(&self.catalogue(), name).cloned()
    }

    pub(crate) fn evaluator(&self) -> Arc<Evaluator> {
        self.inner.shared.evaluator.load_full()
    }
}

fn named<'c>(catalogue: &'c Catalogue, name: &str) -> Result<&'c Metric, Error> {
    catalogue.metric(name).ok_or_else(|| {
        let near = nearest(name, catalogue.metrics.iter().map(|metric| metric.name.as_str()));
        Error::UnknownMetric { name: name.to_owned(), near: near.into_iter().map(str::to_owned).collect() }
    })
}

/// Maps the cold rows, fills the id index, and folds what the last checkpoint does not cover.
async fn load(writer: &mut Writer, dir: &Path) -> Result<(), Error> {
    writer.names = Names::read(dir)?;
    let store = writer.store.take().expect("a new writer has its store");
    let files: Vec<ColdFile> = store.files().to_vec();
    for file in &files {
        if let Some(index) = EVENT_TABLES.iter().position(|table| *table == file.table) {
            let segment = load_segment(writer, &store, file, dir).await?;
            if EVENT_TABLES[index] == Table::Commits {
                writer.gone.learn(&segment.batch, &writer.cold[index]);
            }
            writer.names.learn(&segment.batch);
            writer.cold[index].push(Arc::new(segment));
        }
    }
    let kept = homes::settle(dir, &writer.cold)?;
    let homes = writer.options.homes.clone().unwrap_or(kept);
    writer.shared.homes.set(homes).expect("a directory is loaded once");
    writer.dead_files = dead::files(&dir.join(EVENTS_DIR), &store);
    let dead = writer.dead_letters();
    let reasons = dead_letter_counts(dead).await?;
    remove_orphans(dir, &files);
    let positions = store.positions().clone();
    let by_topic = positions_by_topic(&positions);
    writer.shared.with_stats(|stats| {
        stats.cold_version = store.version();
        stats.cold_files = files.len() as u64;
        stats.conflicts = writer.ids.conflicts;
        stats.dead_letters_by_reason = reasons;
        let latest = writer.cold.iter().flatten().map(|segment| segment.effective_max_us).max();
        stats.watermark = latest.and_then(chrono::DateTime::from_timestamp_micros);
        writer.newest_us = latest.unwrap_or(i64::MIN);
    });
    writer.store = Some(store);
    writer.position = by_topic.into_iter().collect();
    let catalogue = writer.shared.evaluator.load().catalogue.clone();
    if !writer.names.is_empty() {
        writer.rename()?;
        return writer.refresh().await;
    }
    match checkpoint::read(dir, &catalogue, &mut writer.views) {
        Some(covered) => {
            // What it covers of a log in whose place another came says nothing about the new one's offsets.
            let covered = positions.keys().map(|id| (id.clone(), covered.get(id).copied().unwrap_or(0)));
            let mut keys = keys_from(&writer.cold, &positions_by_topic(&covered.collect()));
            keys.sort_unstable();
            keys.dedup();
            keys.extend(writer.gone.related(&keys));
            writer.touch(keys);
            writer.refresh().await
        }
        None => writer.rebuild_views().await,
    }
}

/// The rows of a cold file: mapped from the cache, or decoded and cached anew.
async fn load_segment(
    writer: &mut Writer,
    store: &ColdStore,
    file: &ColdFile,
    dir: &Path,
) -> Result<Segment, Error> {
    let mapped = cache::map_as(&cache::cold_path(dir, &file.path), &event::schema(file.table));
    let cached = mapped.is_some();
    let rows = match mapped {
        Some(rows) => rows,
        None => sort_by_key(&store.read(file).await?)?,
    };
    let rows = match writer.ids.admit(&rows).keep {
        Some(keep) => filter_record_batch(&rows, &keep.into())?,
        None => rows,
    };
    let segment = Segment::sorted(rows, Some(file.path.clone()));
    Ok(if cached { segment } else { map_or_keep(segment, dir) })
}

/// Dead letters by reason.
async fn dead_letter_counts(letters: DeadLetters) -> Result<BTreeMap<String, u64>, Error> {
    if letters.files.is_empty() {
        return Ok(BTreeMap::new());
    }
    let counts = "SELECT reason, CAST(count(*) AS bigint) AS n FROM dead_letters GROUP BY reason";
    let rows = dead_letter_query(letters, counts).await?;
    let (reasons, numbers) = (rows.column(0).as_string_view(), rows.column(1).as_primitive::<Int64Type>());
    let count = |row: usize| (reasons.value(row).to_owned(), numbers.value(row).unsigned_abs());
    Ok((0..rows.num_rows()).map(count).collect())
}

async fn dead_letter_query(letters: DeadLetters, sql: &str) -> Result<RecordBatch, Error> {
    let context = session(Arc::default());
    context.register_table(Table::DeadLetters.name(), Arc::new(DeadLetterTable(letters)))?;
    Ok(crate::sql::rows_of(context.sql(sql).await?).await?)
}

/// Removes cache files that stand for no cold file.
fn remove_orphans(dir: &Path, files: &[ColdFile]) {
    let known: std::collections::HashSet<PathBuf> =
        files.iter().map(|file| cache::cold_path(dir, &file.path)).collect();
    let Ok(entries) = std::fs::read_dir(dir.join("cache")) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_file() && !known.contains(&path) {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// App ids without the log's identity. Two logs with one topic give the lower offset: more is folded, never less.
fn positions_by_topic(positions: &HashMap<String, i64>) -> HashMap<String, i64> {
    let mut by_topic: HashMap<String, i64> = HashMap::new();
    for (app_id, &next) in positions {
        let mut parts = app_id.rsplitn(3, ':');
        let (partition, topic) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        by_topic.entry(format!("{topic}/{partition}")).and_modify(|n| *n = next.min(*n)).or_insert(next);
    }
    by_topic
}

/// Keys of rows at or after `covered`.
fn keys_from(cold: &ByTable<Vec<Arc<Segment>>>, covered: &HashMap<String, i64>) -> Vec<i64> {
    let mut keys = Vec::new();
    for segment in cold.iter().flatten() {
        let column =
            |name: &str| segment.batch.column_by_name(name).expect("event rows carry their position");
        let (topics, partitions) =
            (column("topic").as_string_view(), column("partition").as_primitive::<Int32Type>());
        let offsets = column("offset").as_primitive::<Int64Type>().values();
        let row_keys = key_column(&segment.batch).values();
        let mut last: Option<(&str, i32, i64)> = None;
        for row in 0..segment.rows() {
            let (topic, partition) = (topics.value(row), partitions.value(row));
            let next = match last {
                Some((t, p, next)) if t == topic && p == partition => next,
                _ => covered.get(&format!("{topic}/{partition}")).copied().unwrap_or(0),
            };
            last = Some((topic, partition, next));
            if offsets[row] >= next {
                keys.push(row_keys[row]);
            }
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_keep_topic_and_partition() {
        let positions = [("plimsoll:kafka:abc:plimsoll.reviews:2".to_owned(), 7)].into();
        assert_eq!(positions_by_topic(&positions)["plimsoll.reviews/2"], 7);
    }
}
