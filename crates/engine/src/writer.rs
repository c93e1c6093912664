//! The one task that changes anything: appends batches, folds touched keys, flushes to the cold store.
//!
//! Invariant: rows go `hot` (in memory, queryable) -> `frozen` (being committed) -> `cold` (in a
//! committed file) and are in exactly one of them. The next offsets become durable with their rows,
//! in one commit; a failed commit keeps the rows frozen and tries again.
//! A flush runs beside appends and folds; at most one at a time.

mod batches;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::compute::filter_record_batch;
use chrono::Utc;
use event::{Batch, Table};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

use self::batches::{bytes_of, merge_small, reasons, watermark};
use crate::error::Error;
use crate::evaluate::pace::{Conditions, FLOOD_ROWS, Pace};
use crate::options::Options;
use crate::rows::by_key::ViewRows;
use crate::rows::gone::Gone;
use crate::rows::ids::Ids;
use crate::rows::names::Names;
use crate::rows::segment::{Segment, key_column, micros};
use crate::rows::tables::{ByTable, EVENT_TABLES, Tables};
use crate::shared::Shared;
use crate::snapshot::{Position, Snapshot};
use crate::store::EVENTS_DIR;
use crate::store::answered::Answered;
use crate::store::checkpoint;
use crate::store::dead::{self, DeadLetters};
use crate::store::delta::ColdStore;
use crate::store::flush::{Flushed, Frozen, Load, Pending, flush};
use crate::views::past::{LATE_MAX, Late, SETTLED_AFTER_US};

/// How often the loop looks whether a refresh or a flush is due.
const TICK: Duration = Duration::from_millis(20);
/// ... and once no batch has come for as long as anything rests, when what comes wakes it.
const TICK_IDLE: Duration = Duration::from_millis(250);
/// Rest after a fold while batches keep coming, in times what it took, up to `refresh_interval_max`: folding takes a
/// fifth of the time, in a flood a tenth.
const REFOLD_REST: u32 = 4;
const REFOLD_REST_FLOOD: u32 = 9;
/// Without a batch for so long nothing more is on its way: sources hand over what they have within 100 ms.
const QUIET: Duration = Duration::from_millis(150);
/// Wait after a failed commit.
const COMMIT_RETRY: Duration = Duration::from_secs(5);

/// A flush is due when this share of `pending_bytes_max` has come.
const FLUSH_SHARE: usize = 4;

/// What batches are taken for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Somebody reads the board meanwhile.
    Serve,
    /// Nobody does.
    Load,
}

/// Owns what changes.
pub struct Writer {
    pub shared: Arc<Shared>,
    pub options: Options,
    pub dir: PathBuf,
    pub ids: Ids,
    pub gone: Gone,
    pub names: Names,
    /// A repository was renamed since the views were folded; and since rows were frozen.
    renamed: bool,
    renamed_meanwhile: bool,
    pub cold: ByTable<Vec<Arc<Segment>>>,
    frozen: ByTable<Vec<Arc<Segment>>>,
    hot: ByTable<Vec<Arc<Segment>>>,
    /// Files of dead letters, and those that are being committed or came since the last flush.
    pub dead_files: Arc<[PathBuf]>,
    dead_frozen: Vec<RecordBatch>,
    dead_hot: Vec<RecordBatch>,
    /// What came since the last flush besides the hot rows.
    pending: Pending,
    /// How much is being committed.
    committing: Load,
    pub views: ViewRows,
    /// Keys of rows that the views have not folded yet.
    touched: Vec<i64>,
    touched_rows: usize,
    /// The newest event, and those since the last snapshot that are much older than it.
    pub newest_us: i64,
    late: Vec<Late>,
    /// Next offsets of what was appended, flushed or not.
    pub position: Position,
    pub answered: Answered,
    pub sequence: u64,
    pub store: Option<ColdStore>,
    flush: Option<JoinHandle<Flushed>>,
    flushed_at: Instant,
    refreshed_at: Instant,
    /// Since when no batch has been there to take.
    idle_since: Option<Instant>,
    /// How long the last fold took.
    refold_took: Duration,
    pace: Pace,
    checkpoint_sequence: u64,
}

impl Writer {
    pub fn new(
        shared: Arc<Shared>,
        options: Options,
        dir: PathBuf,
        store: ColdStore,
    ) -> Result<Writer, Error> {
        let views = shared.evaluator.load().views.empty();
        let (now, answered) = (Instant::now(), Answered::read(&dir));
        Ok(Writer {
            shared,
            options,
            dir,
            ids: Ids::default(),
            gone: Gone::default(),
            names: Names::default(),
            renamed: false,
            renamed_meanwhile: false,
            cold: Default::default(),
            frozen: Default::default(),
            hot: Default::default(),
            dead_files: Arc::default(),
            dead_frozen: Vec::new(),
            dead_hot: Vec::new(),
            pending: Pending::default(),
            committing: Load::default(),
            views,
            touched: Vec::new(),
            touched_rows: 0,
            newest_us: i64::MIN,
            late: Vec::new(),
            position: Position::new(),
            answered,
            sequence: 0,
            store: Some(store),
            flush: None,
            flushed_at: now,
            refreshed_at: now,
            idle_since: None,
            refold_took: Duration::ZERO,
            pace: Pace::new()?,
            checkpoint_sequence: 0,
        })
    }

    /// Takes batches until the channel closes; then everything is folded and flushed.
    pub async fn run(&mut self, receiver: &mut Receiver<Batch>, purpose: Purpose) -> Result<(), Error> {
        loop {
            tokio::select! {
                biased;
                batch = receiver.recv(), if self.has_room() => match batch {
                    Some(batch) => {
                        self.idle_since = None;
                        self.append(batch)?;
                    }
                    None => break,
                },
                () = tokio::time::sleep(self.tick()) => if receiver.is_empty() {
                    self.idle_since.get_or_insert_with(Instant::now);
                },
            }
            self.refresh_if_due().await?;
            if purpose == Purpose::Serve {
                self.evaluate_if_due().await?;
            }
            self.flush_if_due().await?;
        }
        self.finish().await
    }

    /// Everything that was appended becomes visible and durable.
    pub async fn finish(&mut self) -> Result<(), Error> {
        self.refresh().await?;
        self.pace.end().await?;
        while self.flush.is_some() || self.pending.load.rows > 0 || !self.pending.spans.is_empty() {
            if self.flush.is_none() {
                self.start_flush();
            }
            self.end_flush().await?;
            if let Some(message) = self.shared.with_stats(|stats| stats.commit_failure.clone()) {
                return Err(Error::Storage { message });
            }
        }
        self.write_checkpoint()
    }

    /// Whether more may be taken: rows stay in memory until a commit has them, and commits may fail for days.
    fn has_room(&self) -> bool {
        let held = self.pending.load + self.committing;
        held.rows < self.options.pending_rows_max && held.bytes < self.options.pending_bytes_max
    }

    fn append(&mut self, batch: Batch) -> Result<(), Error> {
        let load = Load { rows: batch.counts.records as usize, bytes: bytes_of(&batch) };
        let learned = EVENT_TABLES.map(|table| self.names.learn(batch.table(table)));
        if learned.contains(&true) {
            self.rename()?;
        }
        for (table, rows) in EVENT_TABLES.map(|table| batch.table(table)).into_iter().enumerate() {
            if rows.num_rows() == 0 {
                continue;
            }
            let named = self.names.apply(EVENT_TABLES[table], rows)?;
            let rows = named.as_ref().unwrap_or(rows);
            let admitted = self.ids.admit(rows);
            let kept = match admitted.keep {
                Some(keep) => {
                    self.pending.copies[table].push(filter_record_batch(rows, &(!&keep).into())?);
                    filter_record_batch(rows, &keep.into())?
                }
                None => rows.clone(),
            };
            let mut also_touched = admitted.also_touched;
            if EVENT_TABLES[table] == Table::Commits {
                let before: Vec<_> = self.segments(table).cloned().collect();
                also_touched.extend(self.gone.learn(&kept, &before));
            }
            self.tell_late(&kept, &also_touched);
            self.touched.extend_from_slice(key_column(&kept).values());
            self.touched.extend(also_touched);
            if kept.num_rows() > 0 {
                self.hot[table].push(Arc::new(Segment::sort(&kept, None)?));
            }
            merge_small(&mut self.hot[table])?;
        }
        self.count(&batch);
        if batch.dead_letters.num_rows() > 0 {
            self.dead_hot.push(batch.dead_letters.clone());
            self.pending.dead_letters.push(batch.dead_letters);
        }
        self.pending.load = self.pending.load + load;
        for span in &batch.spans {
            self.position.insert(format!("{}/{}", span.topic, span.partition), span.next);
        }
        self.pending.spans.extend(batch.spans);
        self.touched_rows += load.rows;
        self.pace.rows += load.rows;
        Ok(())
    }

    /// Gives all rows the names that hold now. Where two of them turn out to be one event, one stays. The views are folded
    /// anew by the next refresh; it happens once for each renaming.
    pub fn rename(&mut self) -> Result<(), Error> {
        self.names.write(&self.dir)?;
        let duplicates = self.ids.duplicates;
        (self.ids, self.gone) = (Ids::default(), Gone::default());
        for (index, table) in EVENT_TABLES.iter().enumerate() {
            let mut before: Vec<Arc<Segment>> = Vec::new();
            for segments in [&mut self.cold[index], &mut self.frozen[index], &mut self.hot[index]] {
                for segment in segments.iter_mut() {
                    let named = self.names.apply(*table, &segment.batch)?;
                    let rows = named.as_ref().unwrap_or(&segment.batch);
                    let keep = self.ids.admit(rows).keep;
                    if named.is_some() || keep.is_some() {
                        let rows = match keep {
                            Some(keep) => filter_record_batch(rows, &keep.into())?,
                            None => rows.clone(),
                        };
                        *segment = Arc::new(Segment::sort(&rows, segment.file.clone())?);
                    }
                    if *table == Table::Commits {
                        self.gone.learn(&segment.batch, &before);
                        before.push(Arc::clone(segment));
                    }
                }
            }
        }
        self.ids.duplicates = duplicates;
        (self.renamed, self.renamed_meanwhile) = (true, self.flush.is_some());
        // No copy of a past moment is right any more.
        self.late = vec![Late { effective_us: i64::MIN, key: 0 }; LATE_MAX + 1];
        Ok(())
    }

    /// Remembers which of `rows` change moments that are long past. An id that has several rows may count from earlier
    /// than each of them says; `resettled` are the keys of such rows that came before.
    fn tell_late(&mut self, rows: &RecordBatch, resettled: &[i64]) {
        let settled_us = if resettled.is_empty() { self.settled_us() } else { i64::MAX };
        let events = &mut self.late;
        // One more than are remembered says that there were more.
        let mut late = |effective_us: i64, key: i64| {
            if events.len() <= LATE_MAX {
                events.push(Late { effective_us, key });
            }
        };
        for (&key, &effective_us) in key_column(rows).values().iter().zip(micros(rows, "effective_at")) {
            if effective_us < settled_us {
                late(if resettled.is_empty() { effective_us } else { i64::MIN }, key);
            }
            self.newest_us = self.newest_us.max(effective_us);
        }
        resettled.iter().for_each(|&key| late(i64::MIN, key));
    }

    fn settled_us(&self) -> i64 {
        self.newest_us.saturating_sub(SETTLED_AFTER_US)
    }

    fn count(&self, batch: &Batch) {
        let watermark = EVENT_TABLES.iter().filter_map(|table| watermark(batch.table(*table))).max();
        let reasons = reasons(&batch.dead_letters);
        self.shared.with_stats(|stats| {
            stats.counts.add(&batch.counts);
            stats.duplicates = self.ids.duplicates;
            stats.conflicts = self.ids.conflicts;
            stats.watermark = stats.watermark.max(watermark);
            for (reason, count) in reasons {
                *stats.dead_letters_by_reason.entry(reason).or_default() += count;
            }
        });
    }

    /// Folds what was appended. A fold of many keys costs less than many folds of few, so the wait
    /// grows with what the last fold took: a trickle is visible at once, a flood in a few steps, and its end at once
    /// where nothing follows.
    async fn refresh_if_due(&mut self) -> Result<(), Error> {
        let wait = fold_rest(self.refold_took, self.touched_rows, self.is_quiet());
        let wait = wait.min(self.options.refresh_interval_max).max(self.options.refresh_interval);
        if self.touched_rows > 0 && self.refreshed_at.elapsed() >= wait {
            self.refresh().await?;
        }
        Ok(())
    }

    fn tick(&self) -> Duration {
        let idle = self.idle_since.is_some_and(|since| since.elapsed() >= self.options.refresh_interval_max);
        if idle { TICK_IDLE } else { TICK }
    }

    fn is_quiet(&self) -> bool {
        self.idle_since.is_some_and(|since| since.elapsed() >= QUIET)
    }

    /// Evaluates beside the loop what is due.
    async fn evaluate_if_due(&mut self) -> Result<(), Error> {
        let conditions = Conditions {
            sequence: self.sequence,
            interval: self.options.evaluate_interval,
            quiet: self.is_quiet(),
            rest_max: self.options.refresh_interval_max,
        };
        self.pace.keep(&self.shared, &self.shared.evaluator.load_full(), &conditions).await
    }

    /// Brings the views up to date and publishes a snapshot.
    pub async fn refresh(&mut self) -> Result<(), Error> {
        let started = Instant::now();
        let mut keys = std::mem::take(&mut self.touched);
        self.touched_rows = 0;
        keys.sort_unstable();
        keys.dedup();
        let tables = self.tables();
        if std::mem::take(&mut self.renamed) {
            let views = Arc::clone(&self.shared.evaluator.load().views);
            self.views = views.fold_all(&tables, crate::moment::Moment::ALL).await?;
        } else if !keys.is_empty() {
            self.shared.evaluator.load_full().views.refold(&tables, &keys, &mut self.views).await?;
        }
        self.publish(tables);
        self.refreshed_at = Instant::now();
        self.refold_took = started.elapsed();
        self.idle_since = None; // nobody looked for batches meanwhile
        let seconds = self.refold_took.as_secs_f64();
        tracing::debug!(keys = keys.len(), sequence = self.sequence, seconds, "folded");
        self.shared.with_stats(|stats| {
            stats.refold_seconds = seconds;
            stats.refold_keys = keys.len() as u64;
        });
        Ok(())
    }

    /// Folds every view from all events.
    pub async fn rebuild_views(&mut self) -> Result<(), Error> {
        let tables = self.tables();
        let views = Arc::clone(&self.shared.evaluator.load().views);
        self.views = views.fold_all(&tables, crate::moment::Moment::ALL).await?;
        self.publish(tables);
        Ok(())
    }

    /// Marks keys for the next refresh.
    pub fn touch(&mut self, keys: impl IntoIterator<Item = i64>) {
        self.touched.extend(keys);
    }

    fn segments(&self, table: usize) -> impl Iterator<Item = &Arc<Segment>> {
        [&self.cold[table], &self.frozen[table], &self.hot[table]].into_iter().flatten()
    }

    fn tables(&self) -> Tables {
        let segments = std::array::from_fn(|table| self.segments(table).cloned().collect());
        let (variants, gone) = (self.ids.variants(), self.gone.clone());
        Tables { segments, dead_letters: self.dead_letters(), variants, gone }
    }

    pub fn dead_letters(&self) -> DeadLetters {
        let recent = self.dead_frozen.iter().chain(&self.dead_hot).cloned().collect();
        DeadLetters { files: Arc::clone(&self.dead_files), recent }
    }

    /// To be called when the views have folded everything in `tables`.
    fn publish(&mut self, tables: Tables) {
        assert!(self.touched.is_empty(), "a snapshot's views are the fold of its tables");
        self.sequence += 1;
        let position = self.position.clone();
        self.answered.raise(&position);
        let (views, sequence) = (self.views.clone(), self.sequence);
        self.shared.evaluator.load().views.past.arrived(
            sequence,
            &std::mem::take(&mut self.late),
            &self.views,
        );
        let settled_us = self.settled_us();
        let snapshot = Snapshot { tables, views, position, sequence, settled_us, what_if: 0 };
        self.shared.with_stats(|stats| {
            for (index, table) in EVENT_TABLES.iter().enumerate() {
                let rows = |segments: &[Arc<Segment>]| segments.iter().map(|s| s.rows() as u64).sum::<u64>();
                let name = table.name().to_owned();
                stats.rows_hot.insert(name.clone(), rows(&self.hot[index]) + rows(&self.frozen[index]));
                stats.rows_cold.insert(name, rows(&self.cold[index]));
            }
            stats.view_rows =
                self.views.iter().map(|(name, rows)| (name.clone(), rows.len() as u64)).collect();
        });
        self.shared.snapshot.store(Arc::new(snapshot));
    }

    async fn flush_if_due(&mut self) -> Result<(), Error> {
        if self.flush.as_ref().is_some_and(JoinHandle::is_finished) {
            self.end_flush().await?;
        }
        let failed = self.shared.with_stats(|stats| stats.commit_failure.is_some());
        let wait = if failed { COMMIT_RETRY } else { self.options.flush_interval };
        let Load { rows, bytes } = self.pending.load;
        let full = rows >= self.options.flush_rows || bytes >= self.options.pending_bytes_max / FLUSH_SHARE;
        let due = full && !failed || self.flushed_at.elapsed() >= wait;
        if self.flush.is_none() && !self.pending.spans.is_empty() && due {
            self.start_flush();
        }
        Ok(())
    }

    /// Freezes the hot rows and commits them beside the loop.
    fn start_flush(&mut self) {
        let store = self.store.take().expect("the store is here when no flush runs");
        for (frozen, hot) in self.frozen.iter_mut().zip(&mut self.hot) {
            frozen.append(hot);
        }
        self.committing = self.pending.load;
        let frozen = Frozen { pending: std::mem::take(&mut self.pending), segments: self.frozen.clone() };
        self.dead_frozen.append(&mut self.dead_hot);
        self.flushed_at = Instant::now();
        self.flush = Some(tokio::spawn(flush(store, frozen, self.cold.clone(), self.dir.clone())));
    }

    /// Waits for the flush under way and takes its segments over.
    async fn end_flush(&mut self) -> Result<(), Error> {
        let Some(flush) = self.flush.take() else { return Ok(()) };
        let flushed = flush
            .await
            .map_err(|stopped| Error::Internal { message: format!("a flush stopped: {stopped}") })?;
        self.committing = Load::default();
        match flushed.outcome {
            Ok(rows) => {
                self.dead_frozen.clear();
                for (table, segment) in rows.segments.into_iter().enumerate() {
                    self.cold[table].extend(segment);
                    self.frozen[table].clear();
                }
                let mut positions = self.shared.positions.lock().expect("no holder of the positions panics");
                positions.clone_from(flushed.store.positions());
            }
            Err((error @ Error::Fatal { .. }, _)) => return Err(error),
            Err((error, frozen)) => {
                tracing::error!(%error, "commit failed; the rows stay in memory and are tried again");
                self.shared.with_stats(|stats| stats.commit_failure = Some(error.to_string()));
                let newer = std::mem::replace(&mut self.pending, frozen.pending);
                self.pending.append(newer);
                self.store = Some(flushed.store);
                return Ok(());
            }
        }
        for merged in flushed.compactions {
            merged.apply(&mut self.cold);
        }
        // What the flush gives back has the names of before.
        if std::mem::take(&mut self.renamed_meanwhile) {
            self.rename()?;
            self.refresh().await?;
        }
        self.shared.with_stats(|stats| {
            stats.commit_failure = None;
            stats.last_commit = Some(Utc::now());
            stats.cold_version = flushed.store.version();
            stats.cold_files = flushed.store.files().len() as u64;
        });
        self.dead_files = dead::files(&self.dir.join(EVENTS_DIR), &flushed.store);
        self.store = Some(flushed.store);
        // With rows that the views lack, the next fold publishes the new segments as well.
        if self.touched.is_empty() {
            let tables = self.tables();
            self.publish(tables);
        }
        Ok(())
    }

    /// Writes the views beside the cache, so that a restart folds only what came after.
    fn write_checkpoint(&mut self) -> Result<(), Error> {
        if self.checkpoint_sequence == self.sequence {
            return Ok(());
        }
        let positions = self.shared.positions.lock().expect("no holder of the positions panics").clone();
        checkpoint::write(&self.dir, &self.shared.evaluator.load().catalogue, &self.views, &positions)?;
        self.checkpoint_sequence = self.sequence;
        Ok(())
    }
}

/// How long to wait after a fold that took `took`, with `rows` to fold since.
fn fold_rest(took: Duration, rows: usize, quiet: bool) -> Duration {
    match quiet {
        true => Duration::ZERO,
        false if rows > FLOOD_ROWS => took * REFOLD_REST_FLOOD,
        false => took * REFOLD_REST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_rest_longer_in_a_flood_and_not_once_it_is_over() {
        let ms = Duration::from_millis;
        assert_eq!(fold_rest(ms(5), 3, false), ms(20), "a trickle");
        assert_eq!(fold_rest(ms(500), FLOOD_ROWS + 1, false), ms(4_500), "a flood");
        assert_eq!(fold_rest(ms(500), FLOOD_ROWS + 1, true), ms(0), "its end");
    }
}
