//! Splits the tickets files that are from before people, teams, calendars and reports had a table of their own.
//!
//! Invariant: each row is in one of the two parts, with all that its table has a column for, and the rows of a part keep
//! their order. The files themselves say what is to be done: one that was split is never split again.
//! Deliberately absent: caches; those of the old files are removed at opening.

use std::fs::File;
use std::path::Path;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use bytes::Bytes;
use deltalake_core::protocol::DeltaOperation;
use event::{Entity, Table};
use object_store::ObjectStoreExt as _;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};

use super::file::{Encoded, Encoder, Reader};
use super::{ColdStore, StoreError};

/// Of the tickets files only those of before have this column.
const COLUMN_BEFORE: &str = "person";
/// Rows decoded at a time.
const BATCH_ROWS: usize = 8192;

/// Splits the tickets files that need it, one after the other, and puts all in their place in one commit. A process that
/// ends before it leaves the store as it was, and the files written so far to vacuum.
pub async fn tickets(cold: &mut ColdStore) -> Result<(), StoreError> {
    let mut due = Vec::new();
    for file in cold.files.iter().filter(|file| file.table == Table::Tickets) {
        if is_due(&cold.root.join(&file.path))? {
            due.push(file.clone());
        }
    }
    if due.is_empty() {
        return Ok(());
    }
    tracing::info!(
        files = due.len(),
        "moving people, teams, calendars and reports into a table of their own"
    );
    let mut written = Vec::new();
    for file in &due {
        let source = cold.store.get(&file.path.as_str().into()).await?.bytes().await?;
        let parts = tokio::task::spawn_blocking(move || split(&source)).await??;
        let rows: u64 = parts.iter().map(|part| part.rows).sum();
        assert_eq!(rows, file.rows, "a split keeps every row");
        for part in parts {
            written.push(cold.put(part).await?);
        }
    }
    cold.swap(&due, written, DeltaOperation::Update { predicate: None }).await
}

/// Whether a tickets file is from before there was a directory. Reads its footer only.
fn is_due(path: &Path) -> Result<bool, StoreError> {
    let file = File::open(path).map_err(|error| StoreError::io(path, &error))?;
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
    Ok(metadata.schema().column_with_name(COLUMN_BEFORE).is_some())
}

/// The tickets and the directory of such a file; a part without rows is left out.
fn split(source: &Bytes) -> Result<Vec<Encoded>, StoreError> {
    let mut parts = Vec::new();
    for table in [Table::Tickets, Table::Directory] {
        let mut encoder = Encoder::new(table)?;
        for batch in Reader::open(source.clone(), table, BATCH_ROWS)? {
            let batch = batch?;
            encoder.write(&filter_record_batch(&batch, &about(table, &batch))?)?;
        }
        let encoded = encoder.finish()?;
        if encoded.rows > 0 {
            parts.push(encoded);
        }
    }
    Ok(parts)
}

/// The rows that are about an entity of `table`.
fn about(table: Table, rows: &RecordBatch) -> BooleanArray {
    let entities = Entity::ALL.into_iter().filter(|entity| entity.table() == table);
    let names: Vec<&str> = entities.map(Entity::as_str).collect();
    let column = rows.column_by_name("entity").expect("tickets and the directory have this column");
    column.as_string_view().iter().map(|name| Some(name.is_some_and(|name| names.contains(&name)))).collect()
}
