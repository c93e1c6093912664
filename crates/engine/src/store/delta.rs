//! The cold store: event rows, dead letters and log positions in one Delta table on local disk.
//!
//! Invariant: rows and the next offset of their partition are one Delta commit, which is on disk
//! when `commit` returns. A commit lands only where the stored position equals the batch's base, so
//! no offset is skipped or stored twice, whoever else writes. The positions in the table are the
//! only truth about offsets: a table that had to be rewound is healed by reading the log from there.
//! Deliberately absent: queries (the engine reads whole files into segments), a lock (the engine
//! holds one on the data directory), and any retry after a failed fsync.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, FinalizedCommit};
use deltalake_core::kernel::{Action, Transaction};
use deltalake_core::logstore::ObjectStoreRef;
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::operations::vacuum::VacuumMode;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError, TableProperty, checkpoints};
use event::{Span, Table};
use futures::future::{join_all, try_join_all};
use object_store::ObjectStoreExt as _;
use serde_json::json;
use url::Url;
use uuid::Uuid;

use crate::store::durable::Durable;

mod columns;
mod entry;
mod error;
mod file;
mod log;
mod merge;
mod split;
mod tail;
#[cfg(test)]
mod tests;

pub use entry::ColdFile;
pub use error::StoreError;
pub use file::{DEAD_LETTER_ROWS, KEY_COLUMN, Reader};
pub use merge::{Merge, Merged};
pub use tail::Torn;
#[cfg(test)]
pub use tests::split::unsplit;

use entry::Written;

/// Commits between checkpoints; Delta Lake's default, too.
const CHECKPOINT_COMMITS: u64 = 100;
/// How often a commit is tried again when writers of other partitions are faster.
const COMMIT_RETRIES: usize = 15;
/// How long a file that no version needs any more stays, for readers of the version before.
pub const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);
/// Least time between two looks for files to delete.
const VACUUM_EVERY: Duration = Duration::from_secs(6 * 3600);
/// Where torn files go, beside the table.
const QUARANTINE_DIR: &str = "quarantine";

/// Files that were merged, and the file that has their rows now.
#[derive(Debug, Clone)]
pub struct Compaction {
    pub removed: Vec<String>,
    pub added: ColdFile,
}

/// The Delta table at one version. Dropping a future of a writing method in the middle leaves the
/// outcome open; the next write then finds its position taken, or not.
pub struct ColdStore {
    root: PathBuf,
    durable: Durable,
    table: DeltaTable,
    store: ObjectStoreRef,
    files: Vec<ColdFile>,
    positions: HashMap<String, i64>,
    checkpoint: u64,
    /// What `open` had to set aside. The log says so too; only tests ask for it.
    #[cfg_attr(not(test), allow(dead_code))]
    torn: Vec<Torn>,
    /// Set while it is not known how the last write ended: the table is read again before the next.
    unsure: bool,
    vacuumed: Option<Instant>,
}

impl ColdStore {
    /// Opens the table in `root`, or creates it. Torn commits at its end are moved to
    /// `quarantine` beside `root` first; `torn` then says which.
    pub async fn open(root: &Path) -> Result<ColdStore, StoreError> {
        ColdStore::open_on(root, Durable::new()).await
    }

    async fn open_on(root: &Path, durable: Durable) -> Result<ColdStore, StoreError> {
        std::fs::create_dir_all(root).map_err(|e| StoreError::io(root, &e))?;
        let root = root.canonicalize().map_err(|e| StoreError::io(root, &e))?;
        let quarantine = root.parent().unwrap_or(&root).join(QUARANTINE_DIR);
        let checked = root.clone();
        let torn = tokio::task::spawn_blocking(move || tail::check(&checked, &quarantine)).await?;
        let torn = torn.map_err(|e| StoreError::io(&root, &e))?;

        let mut table = build(&root, &durable)?;
        let log = root.join(log::LOG_DIR);
        let listing = log::Listing::read(&log).map_err(|e| StoreError::io(&log, &e))?;
        let is_new = listing.commits.is_empty() && listing.checkpoints.is_empty();
        let created = if is_new { create(&table).await } else { Ok(()) };
        if let Err(error) = table.load().await {
            // Where a peer created the table first, loading works and our failure does not matter.
            created?;
            return Err(error.into());
        }
        let missing = columns::missing(&table)?;
        if !missing.is_empty() {
            tracing::info!(columns = missing.len(), "adding columns to the cold table");
            table = table.add_columns().with_fields(missing).await?;
        }
        let store = table.object_store();
        let mut cold = ColdStore {
            root,
            durable,
            table,
            store,
            files: Vec::new(),
            positions: HashMap::new(),
            checkpoint: 0,
            torn,
            unsure: false,
            vacuumed: None,
        };
        cold.adopt()?;
        split::tickets(&mut cold).await?;
        Ok(cold)
    }

    /// All files, oldest first.
    pub fn files(&self) -> &[ColdFile] {
        &self.files
    }

    pub fn version(&self) -> i64 {
        self.table.version().and_then(|v| i64::try_from(v).ok()).unwrap_or(-1)
    }

    /// The next offset to read, by application id.
    pub fn positions(&self) -> &HashMap<String, i64> {
        &self.positions
    }

    #[cfg(test)]
    fn torn(&self) -> &[Torn] {
        &self.torn
    }

    /// Stores the rows and moves the positions, in one commit; empty parts make no file.
    /// Rows are sorted by `key_hash`. The spans of one partition follow each other.
    ///
    /// # Errors
    /// [`StoreError::Position`] when a span does not start where the table ends, also when another
    /// writer moved it meanwhile: nothing was stored, and the source has to go on from `found`.
    /// [`StoreError::Fatal`] after a failed fsync: stop the process.
    pub async fn commit(
        &mut self,
        parts: Vec<(Table, RecordBatch)>,
        spans: &[Span],
    ) -> Result<Vec<ColdFile>, StoreError> {
        self.ready().await?;
        let moves = self.moves(spans)?;
        let written = self.write(parts).await?;
        if written.is_empty() && moves.is_empty() {
            return Ok(Vec::new());
        }
        let adds = written.iter().map(|w| Action::Add(w.add(true))).collect();
        let txns = moves.iter().map(|(app_id, next)| Transaction::new(app_id, *next)).collect();
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: Some(vec![columns::TABLE_COLUMN.to_owned()]),
            predicate: None,
        };
        let before = self.table.version().unwrap_or(0);
        let files: Vec<ColdFile> = written.into_iter().map(|w| w.file).collect();
        match self.land(adds, txns, operation).await {
            Ok(landed) => {
                self.accept(landed, before, |cold| {
                    cold.files.extend_from_slice(&files);
                    cold.positions.extend(moves);
                    cold.positions.retain(|_, next| *next != log::RETIRED);
                })
                .await
            }
            Err(error) => self.settle(error, before, &files, &moves, spans).await?,
        }
        self.checkpoint_when_due().await;
        Ok(files)
    }

    /// The rows of a file, with exactly the columns of `event::schema`.
    pub async fn read(&self, file: &ColdFile) -> Result<RecordBatch, StoreError> {
        let path = object_store::path::Path::from(file.path.as_str());
        let damaged = |reason: String| {
            let path = self.root.join(&file.path).display().to_string();
            StoreError::Damaged { path, reason }
        };
        let bytes = self.store.get(&path).await.map_err(|error| match error {
            object_store::Error::NotFound { .. } => damaged("it is gone".to_owned()),
            error => error.into(),
        })?;
        let bytes = bytes.bytes().await?;
        let table = file.table;
        let rows = tokio::task::spawn_blocking(move || file::decode(bytes, table)).await?;
        rows.map_err(|error| damaged(error.to_string()))
    }

    /// Merges what is due, one commit per merge. For merging beside commits, use `merge_due`, run
    /// what it gives elsewhere, and hand the result to `replace`. What was done before a failure stands.
    pub async fn compact(&mut self) -> (Vec<Compaction>, Option<StoreError>) {
        let mut done = Vec::new();
        while let Some(merge) = self.merge_due() {
            let replaced = match merge.run().await {
                Ok(merged) => self.replace(merged).await,
                Err(error) => Err(error),
            };
            match replaced {
                Ok(compaction) => done.push(compaction),
                Err(error) => return (done, Some(error)),
            }
        }
        (done, None)
    }

    /// The files that should be merged next, if any.
    pub fn merge_due(&self) -> Option<Merge> {
        let inputs = merge::candidates(&self.files)?;
        Some(Merge { inputs, store: Arc::clone(&self.store) })
    }

    /// Puts a merged file in the place of its inputs. The rows stay the same, so Delta readers that
    /// follow changes see none.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the table changed under it: the merge is dropped, and due again.
    pub async fn replace(&mut self, merged: Merged) -> Result<Compaction, StoreError> {
        self.ready().await?;
        let Merged { inputs, encoded } = merged;
        if !inputs.iter().all(|input| self.files.contains(input)) {
            return Err(StoreError::Stale { what: "a merge of files that are gone".to_owned() });
        }
        let written = self.put(encoded).await?;
        let added = written.file.clone();
        let operation = DeltaOperation::Optimize { predicate: None, target_size: merge::TARGET_BYTES as i64 };
        self.swap(&inputs, vec![written], operation).await?;
        Ok(Compaction { removed: inputs.into_iter().map(|file| file.path).collect(), added })
    }

    /// Puts files in the place of others, in one commit.
    async fn swap(
        &mut self,
        inputs: &[ColdFile],
        written: Vec<Written>,
        operation: DeltaOperation,
    ) -> Result<(), StoreError> {
        let changes = operation.changes_data();
        let removes = inputs.iter().map(|file| Action::Remove(file.remove(changes)));
        let actions = removes.chain(written.iter().map(|w| Action::Add(w.add(changes)))).collect();
        let before = self.table.version().unwrap_or(0);
        let added: Vec<ColdFile> = written.into_iter().map(|w| w.file).collect();
        match self.land(actions, Vec::new(), operation).await {
            Ok(landed) => {
                self.accept(landed, before, |cold| {
                    cold.files.retain(|file| !inputs.contains(file));
                    cold.files.extend_from_slice(&added);
                })
                .await
            }
            Err(error) => self.settle(error, before, &added, &[], &[]).await?,
        }
        self.checkpoint_when_due().await;
        Ok(())
    }

    /// Puts other rows in the place of a file's, as many and in key order: for erasing what rows tell.
    pub async fn exchange(&mut self, file: ColdFile, rows: &RecordBatch) -> Result<Compaction, StoreError> {
        let encoded = file::encode(file.table, rows)?;
        assert_eq!(encoded.rows, file.rows, "an exchange keeps every row");
        self.replace(Merged { inputs: vec![file], encoded }).await
    }

    /// Checkpoint, log clean-up (Delta Lake's default: 30 days) and, now and then, deletion of files
    /// that no version has needed for [`RETENTION`]. Call it in the background every few minutes.
    pub async fn maintain(&mut self) -> Result<(), StoreError> {
        self.ready().await?;
        self.checkpoint_when_due().await;
        if self.vacuumed.is_none_or(|at| at.elapsed() >= VACUUM_EVERY) {
            self.vacuum(RETENTION).await?;
            self.vacuumed = Some(Instant::now());
        }
        Ok(())
    }

    /// Deletes files that no version has needed for `retention`, also those of commits that never
    /// landed. Returns the number deleted.
    pub async fn vacuum(&mut self, retention: Duration) -> Result<usize, StoreError> {
        self.ready().await?;
        let retention = chrono::TimeDelta::from_std(retention).unwrap_or(chrono::TimeDelta::MAX);
        let vacuum = self.table.clone().vacuum();
        self.unsure = true;
        let vacuum = vacuum.with_retention_period(retention).with_enforce_retention_duration(false);
        let (_, metrics) = vacuum.with_mode(VacuumMode::Full).await.map_err(|e| self.fail(e))?;
        self.reload().await?;
        Ok(metrics.files_deleted.len())
    }

    /// Reads the newest version of the table, which another writer may have made.
    pub async fn reload(&mut self) -> Result<(), StoreError> {
        let mut table = build(&self.root, &self.durable)?;
        table.load().await?;
        self.table = table;
        self.adopt()?;
        self.unsure = false;
        Ok(())
    }

    /// Refuses after a failed fsync, and finds out how the last write ended if that is not known.
    async fn ready(&mut self) -> Result<(), StoreError> {
        if let Some(reason) = self.durable.failure() {
            return Err(StoreError::Fatal { reason: reason.to_owned() });
        }
        if self.unsure {
            self.reload().await?;
        }
        Ok(())
    }

    /// Files and positions of the loaded version.
    fn adopt(&mut self) -> Result<(), StoreError> {
        let log = self.root.join(log::LOG_DIR);
        let snapshot = self.table.snapshot()?;
        let mut files = Vec::new();
        for view in snapshot.log_data().iter() {
            let partition = view.partition_values_map().remove(columns::TABLE_COLUMN).flatten();
            let table = partition.as_deref().and_then(Table::from_name);
            let (Some(table), Some(rows)) = (table, view.num_records()) else {
                let reason = "was not written by plimsoll: no table or no row count".to_owned();
                return Err(StoreError::Damaged { path: view.path().into_owned(), reason });
            };
            let (path, bytes) = (view.path().into_owned(), view.size().unsigned_abs());
            files.push((view.modification_time(), ColdFile { path, table, rows: rows as u64, bytes }));
        }
        files.sort_by(|(a, x), (b, y)| (a, &x.path).cmp(&(b, &y.path)));
        self.positions = log::positions(&log, snapshot.version())?;
        let listing = log::Listing::read(&log).map_err(|e| StoreError::io(&log, &e))?;
        self.checkpoint = listing.checkpoint_before(snapshot.version()).unwrap_or(0);
        self.files = files.into_iter().map(|(_, file)| file).collect();
        Ok(())
    }

    /// New positions, and the app ids that these retire; refuses spans that do not start where the table ends.
    fn moves(&self, spans: &[Span]) -> Result<Vec<(String, i64)>, StoreError> {
        let mut moves: Vec<(String, i64)> = Vec::new();
        for span in spans {
            let app_id = span.app_id();
            let moved = moves.iter_mut().find(|(id, _)| *id == app_id);
            let known = |app_id: &str| self.positions.get(app_id).copied();
            let was = span.was.as_deref().filter(|was| *was != app_id && known(was).is_some());
            let found = moved.as_ref().map(|(_, next)| *next);
            let found = found.or_else(|| known(&app_id)).or_else(|| known(was?));
            if let Some(found) = found.filter(|&found| found != span.base) {
                return Err(StoreError::Position { app_id, base: span.base, found });
            }
            match moved {
                Some((_, next)) => *next = span.next,
                None => moves.push((app_id, span.next)),
            }
            moves.extend(was.map(|was| (was.to_owned(), log::RETIRED)));
        }
        Ok(moves)
    }

    async fn write(&self, parts: Vec<(Table, RecordBatch)>) -> Result<Vec<Written>, StoreError> {
        let parts = parts.into_iter().filter(|(_, batch)| batch.num_rows() > 0);
        try_join_all(parts.map(async |(table, batch)| {
            let encoded = tokio::task::spawn_blocking(move || file::encode(table, &batch)).await??;
            self.put(encoded).await
        }))
        .await
    }

    async fn put(&self, encoded: file::Encoded) -> Result<Written, StoreError> {
        let file::Encoded { table, bytes, rows, stats } = encoded;
        let path = format!("{}={table}/part-{}.parquet", columns::TABLE_COLUMN, Uuid::new_v4());
        let file = ColdFile { path, table, rows, bytes: bytes.len() as u64 };
        let stored = self.store.put(&object_store::path::Path::from(file.path.as_str()), bytes.into()).await;
        stored.map_err(|e| self.fail(e.into()))?;
        Ok(Written { file, stats })
    }

    async fn land(
        &mut self,
        actions: Vec<Action>,
        txns: Vec<Transaction>,
        operation: DeltaOperation,
    ) -> Result<FinalizedCommit, DeltaTableError> {
        self.unsure = true;
        // Delta Lake does not see that two merges of the same files conflict: what replaces files
        // lands at once or not at all.
        let replaces = actions.iter().any(|action| matches!(action, Action::Remove(_)));
        let retries = if replaces { 0 } else { COMMIT_RETRIES };
        let lines = 1 + actions.len() + txns.len();
        // Checkpoints and clean-up are not part of a commit: they would delay it, and their failure
        // would look like its own.
        let properties = CommitProperties::default()
            .with_application_transactions(txns)
            .with_metadata([(log::LINES_KEY.to_owned(), json!(lines))])
            .with_max_retries(retries)
            .with_create_checkpoint(false)
            .with_cleanup_expired_logs(Some(false));
        let builder = CommitBuilder::from(properties).with_actions(actions);
        builder.build(Some(self.table.snapshot()?), self.table.log_store(), operation).await
    }

    /// Takes over the version that a commit made; `change` is what it changed here.
    async fn accept(&mut self, landed: FinalizedCommit, before: u64, change: impl FnOnce(&mut Self)) {
        if landed.version == before + 1 {
            self.table.state = Some(landed.snapshot);
            change(self);
            self.unsure = false;
        } else if let Err(error) = self.reload().await {
            // The commit stands; the next write reads the table again before it starts.
            tracing::warn!(%error, "cannot read the cold table after a commit");
        }
    }

    /// After an error that says little about the outcome: looks in the log whether it landed.
    async fn settle(
        &mut self,
        error: DeltaTableError,
        before: u64,
        files: &[ColdFile],
        moves: &[(String, i64)],
        spans: &[Span],
    ) -> Result<(), StoreError> {
        let text = error.to_string();
        let error = self.fail(error);
        if matches!(error, StoreError::Fatal { .. }) {
            return Err(error);
        }
        let after = self.reload().await;
        after.map_err(|again| StoreError::Unsure { reason: format!("{text}; reading it again: {again}") })?;
        let version = self.table.version().unwrap_or(before);
        let landed = match files.first() {
            Some(file) => log::adds(&self.root.join(log::LOG_DIR), before + 1..=version, &file.path)?,
            None => moves
                .iter()
                .filter(|(_, next)| *next != log::RETIRED)
                .all(|(app_id, next)| self.positions.get(app_id) == Some(next)),
        };
        if landed {
            tracing::warn!(error = text, version, "the commit landed although it reported an error");
            return Ok(());
        }
        let paths = files.iter().map(|file| object_store::path::Path::from(file.path.as_str()));
        let paths: Vec<_> = paths.collect();
        // What stays behind is found by vacuum.
        join_all(paths.iter().map(|path| self.store.delete(path))).await;
        self.moves(spans)?;
        Err(error)
    }

    /// The error to report: a failed fsync hides behind whatever it made fail.
    fn fail(&self, error: DeltaTableError) -> StoreError {
        match self.durable.failure() {
            Some(reason) => StoreError::Fatal { reason: reason.to_owned() },
            None => error.into(),
        }
    }

    /// Sums the log up in a checkpoint, and loads the table from it: that keeps commits and
    /// openings as fast as those of a young table. Failing is no harm, it is tried again.
    async fn checkpoint_when_due(&mut self) {
        let version = self.table.version().unwrap_or(0);
        if self.unsure || version < self.checkpoint + CHECKPOINT_COMMITS {
            return;
        }
        let done = async {
            checkpoints::create_checkpoint(&self.table, None).await?;
            checkpoints::cleanup_metadata(&self.table, None).await?;
            self.reload().await
        };
        if let Err(error) = done.await {
            tracing::warn!(%error, version, "cannot write a checkpoint of the cold table");
        }
    }
}

fn build(root: &Path, durable: &Durable) -> Result<DeltaTable, StoreError> {
    let url = Url::from_directory_path(root).map_err(|()| StoreError::Damaged {
        path: root.display().to_string(),
        reason: "is not an absolute path".to_owned(),
    })?;
    let builder = DeltaTableBuilder::from_url(url.clone())?;
    Ok(builder.with_storage_backend(Arc::new(durable.clone()), url).build()?)
}

async fn create(table: &DeltaTable) -> Result<(), StoreError> {
    CreateBuilder::new()
        .with_log_store(table.log_store())
        .with_table_name("events")
        .with_comment("events of commits, reviews, tickets and the directory, and dead letters")
        .with_columns(columns::union()?)
        .with_partition_columns([columns::TABLE_COLUMN])
        .with_configuration_property(TableProperty::DataSkippingStatsColumns, Some(file::STATS_COLUMNS))
        .with_commit_properties(CommitProperties::default().with_max_retries(0))
        .await?;
    Ok(())
}
