//! What can go wrong in the cold store and its cache.

use std::fmt;
use std::path::Path;

use arrow::error::ArrowError;
use deltalake_core::DeltaTableError;
use deltalake_core::kernel::transaction::TransactionError;
use parquet::errors::ParquetError;

/// Variants that a caller acts on differently. Texts are lower case and name the thing and the remedy.
#[derive(Debug)]
pub enum StoreError {
    /// A batch does not start where its partition ends; seek to `found` and build it again.
    Position { app_id: String, base: i64, found: i64 },
    /// Another writer was faster; nothing was stored.
    Stale { what: String },
    /// An fsync failed: nothing can be promised any more, so the process has to stop.
    Fatal { reason: String },
    /// It is not known whether the last commit landed; the next call finds out first.
    Unsure { reason: String },
    /// A file that no rewind can heal.
    Damaged { path: String, reason: String },
    /// The stored table and this version disagree about a column.
    Schema { column: String, reason: String },
    /// Rows that do not belong in their table: our bug.
    Rows { table: &'static str, reason: String },
    /// A cache file cannot be used; rebuild it from its cold file.
    Cache { path: String, reason: String },
    /// Reading or writing failed; for a full disk, free space and try again.
    Io { path: String, reason: String },
    /// Delta Lake, Parquet or the object store said no.
    Delta { reason: String },
}

impl StoreError {
    pub fn io(path: &Path, error: &std::io::Error) -> StoreError {
        StoreError::Io { path: path.display().to_string(), reason: error.to_string() }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Position { app_id, base, found } => {
                write!(
                    f,
                    "a batch of {app_id} starts at offset {base} but the table ends at {found}; read again from {found}"
                )
            }
            StoreError::Stale { what } => {
                write!(f, "another writer changed the cold table first, {what} was dropped; load it again")
            }
            StoreError::Fatal { reason } => write!(f, "{reason}"),
            StoreError::Unsure { reason } => {
                write!(f, "cannot tell whether the last commit landed: {reason}")
            }
            StoreError::Damaged { path, reason } => {
                write!(
                    f,
                    "{path} is damaged: {reason}; restore it from a backup, or move the folder events away: the next start then reads again all that the log has"
                )
            }
            StoreError::Schema { column, reason } => write!(f, "column {column} of the cold table {reason}"),
            StoreError::Rows { table, reason } => write!(f, "rows of table {table}: {reason}"),
            StoreError::Cache { path, reason } => write!(f, "cache file {path}: {reason}; it is rebuilt"),
            StoreError::Io { path, reason } => write!(f, "{path}: {reason}"),
            StoreError::Delta { reason } => write!(f, "cold table: {reason}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<DeltaTableError> for StoreError {
    fn from(error: DeltaTableError) -> Self {
        match &error {
            DeltaTableError::VersionAlreadyExists(_)
            | DeltaTableError::Transaction {
                source: TransactionError::CommitConflict(_) | TransactionError::MaxCommitAttempts(_),
            } => StoreError::Stale { what: format!("a commit ({error})") },
            _ => StoreError::Delta { reason: error.to_string() },
        }
    }
}

impl From<object_store::Error> for StoreError {
    fn from(error: object_store::Error) -> Self {
        StoreError::Delta { reason: error.to_string() }
    }
}

impl From<ParquetError> for StoreError {
    fn from(error: ParquetError) -> Self {
        StoreError::Delta { reason: error.to_string() }
    }
}

impl From<ArrowError> for StoreError {
    fn from(error: ArrowError) -> Self {
        StoreError::Delta { reason: error.to_string() }
    }
}

impl From<tokio::task::JoinError> for StoreError {
    fn from(error: tokio::task::JoinError) -> Self {
        StoreError::Delta { reason: format!("a background task stopped: {error}") }
    }
}
