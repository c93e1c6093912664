//! One flush: frozen rows, dead letters and next offsets in one commit, and small files merged after it.
//!
//! Invariant: what it is given is not changed; the writer takes over what it gives back, or keeps everything after a failure.
//! Deliberately absent: when to flush, and any state between flushes.

use std::collections::BTreeMap;
use std::ops::Add;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use event::{Span, Table};

use crate::error::Error;
use crate::rows::segment::{Segment, sort_by_key};
use crate::rows::tables::{ByTable, EVENT_TABLES, schema};
use crate::store::cache;
use crate::store::cache::cold_path;
use crate::store::delta::{ColdStore, Compaction};

/// What a flush commits beside rows that readers see.
#[derive(Default)]
pub struct Pending {
    /// Copies that readers do not see; every record is stored once, also those.
    pub copies: ByTable<Vec<RecordBatch>>,
    pub dead_letters: Vec<RecordBatch>,
    pub spans: Vec<Span>,
    /// Of all that is to be committed, the rows that readers see included.
    pub load: Load,
}

/// How much memory waits for a commit.
#[derive(Clone, Copy, Default)]
pub struct Load {
    /// Records of the log.
    pub rows: usize,
    pub bytes: usize,
}

impl Add for Load {
    type Output = Load;

    fn add(self, more: Load) -> Load {
        Load { rows: self.rows + more.rows, bytes: self.bytes + more.bytes }
    }
}

/// What a flush gives back.
pub struct Flushed {
    pub store: ColdStore,
    pub outcome: Result<FlushedRows, (Error, Frozen)>,
    pub compactions: Vec<Replacement>,
}

/// Segments that take the place of those of the removed files: one, or as many as there were if they could not be merged.
pub struct Replacement {
    table: usize,
    removed: Vec<String>,
    segments: Vec<Arc<Segment>>,
}

impl Replacement {
    pub fn apply(&self, cold: &mut ByTable<Vec<Arc<Segment>>>) {
        let gone = |s: &Arc<Segment>| s.file.as_ref().is_some_and(|file| self.removed.contains(file));
        cold[self.table].retain(|segment| !gone(segment));
        cold[self.table].extend(self.segments.iter().cloned());
    }
}

pub struct FlushedRows {
    pub segments: ByTable<Option<Arc<Segment>>>,
}

/// What one flush takes.
pub struct Frozen {
    pub pending: Pending,
    pub segments: ByTable<Vec<Arc<Segment>>>,
}

impl Pending {
    pub fn append(&mut self, mut newer: Pending) {
        for (copies, newer) in self.copies.iter_mut().zip(&mut newer.copies) {
            copies.append(newer);
        }
        self.dead_letters.append(&mut newer.dead_letters);
        self.spans.append(&mut newer.spans);
        self.load = self.load + newer.load;
    }
}

/// Commits, then merges small files; gives the segments that readers shall use from now on.
pub async fn flush(
    mut store: ColdStore,
    frozen: Frozen,
    cold: ByTable<Vec<Arc<Segment>>>,
    dir: PathBuf,
) -> Flushed {
    let (started, records) = (Instant::now(), frozen.pending.load.rows);
    let outcome = match commit(&mut store, &frozen, &dir).await {
        Ok(rows) => Ok(rows),
        Err(error) => Err((error, frozen)),
    };
    let mut compactions = Vec::new();
    if let Ok(rows) = &outcome {
        let mut cold = cold;
        for (table, segment) in rows.segments.iter().enumerate() {
            cold[table].extend(segment.clone());
        }
        let (done, failure) = store.compact().await;
        for compaction in done {
            // The next one may merge what this one made.
            if let Some(replacement) = replacement(&compaction, &cold, &dir) {
                replacement.apply(&mut cold);
                compactions.push(replacement);
            }
        }
        if let Some(error) = failure {
            tracing::warn!(%error, "compaction failed; it is tried again after the next commit");
        }
        if let Err(error) = store.maintain().await {
            tracing::warn!(%error, "checkpoint or vacuum failed; it is tried again after the next commit");
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    tracing::debug!(records, merges = compactions.len(), seconds, "flushed");
    Flushed { store, outcome, compactions }
}

async fn commit(store: &mut ColdStore, frozen: &Frozen, dir: &Path) -> Result<FlushedRows, Error> {
    let pending = &frozen.pending;
    let spans = merged_spans(&pending.spans);
    let mut merged: ByTable<Option<Segment>> = Default::default();
    let mut parts = Vec::new();
    for (index, table) in EVENT_TABLES.iter().enumerate() {
        if !frozen.segments[index].is_empty() {
            merged[index] = Some(Segment::merge(&frozen.segments[index], None)?);
        }
        let seen = merged[index].as_ref().map(|segment| &segment.batch);
        let rows = match (seen, pending.copies[index].as_slice()) {
            (Some(seen), []) => seen.clone(),
            (seen, copies) => sort_by_key(&concat_batches(&schema(index), seen.into_iter().chain(copies))?)?,
        };
        if rows.num_rows() > 0 {
            parts.push((*table, rows));
        }
    }
    if !pending.dead_letters.is_empty() {
        let dead = concat_batches(&event::schema(Table::DeadLetters), &pending.dead_letters)?;
        parts.push((Table::DeadLetters, dead));
    }
    let files = store.commit(parts, &spans).await?;
    let mut segments: ByTable<Option<Arc<Segment>>> = Default::default();
    for file in files {
        let Some(index) = EVENT_TABLES.iter().position(|table| *table == file.table) else { continue };
        if let Some(mut segment) = merged[index].take() {
            segment.file = Some(file.path);
            segments[index] = Some(Arc::new(map_or_keep(segment, dir)));
        }
    }
    Ok(FlushedRows { segments })
}

/// What stands for the files of a compaction; `None` where no rows of theirs are in memory.
fn replacement(
    compaction: &Compaction,
    cold: &ByTable<Vec<Arc<Segment>>>,
    dir: &Path,
) -> Option<Replacement> {
    let table = EVENT_TABLES.iter().position(|table| *table == compaction.added.table)?;
    let gone = |s: &&Arc<Segment>| s.file.as_ref().is_some_and(|file| compaction.removed.contains(file));
    let old: Vec<Arc<Segment>> = cold[table].iter().filter(gone).cloned().collect();
    if old.is_empty() {
        return None;
    }
    for segment in &old {
        let path = cold_path(dir, segment.file.as_deref().unwrap_or_default());
        // A mapped file lives on until its last reader is gone; its name goes now.
        let _ = std::fs::remove_file(path);
    }
    let file = Some(compaction.added.path.clone());
    let segments = match Segment::merge(&old, file.clone()) {
        Ok(merged) => vec![Arc::new(map_or_keep(merged, dir))],
        Err(error) => {
            tracing::warn!(%error, "segments not merged; their cache file is made at the next start");
            old.iter().map(|segment| Arc::new(segment.of_file(file.clone()))).collect()
        }
    };
    Some(Replacement { table, removed: compaction.removed.clone(), segments })
}

/// Moves a segment's rows from memory to a mapped cache file, where that can be written.
pub fn map_or_keep(segment: Segment, dir: &Path) -> Segment {
    let Some(file) = segment.file.clone() else { return segment };
    let path = cold_path(dir, &file);
    match cache::write(&path, &segment.batch).and_then(|()| cache::map(&path)) {
        Ok(mapped) => Segment::sorted(mapped, Some(file)),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "cache file not written; the rows stay in memory");
            segment
        }
    }
}

/// One span a partition: the first base to the last next.
fn merged_spans(all: &[Span]) -> Vec<Span> {
    let mut spans: BTreeMap<String, Span> = BTreeMap::new();
    for span in all {
        spans
            .entry(span.app_id())
            .and_modify(|merged| merged.next = span.next)
            .or_insert_with(|| span.clone());
    }
    spans.into_values().collect()
}
