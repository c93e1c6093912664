//! A file as the Delta log names it: in the table, or stored and about to be.

use std::collections::HashMap;

use chrono::Utc;
use deltalake_core::kernel::{Add, Remove};
use event::Table;

use super::columns;

/// A Parquet file of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColdFile {
    /// Relative to the table's directory.
    pub path: String,
    pub table: Table,
    pub rows: u64,
    pub bytes: u64,
}

/// A file that is stored but not part of the table yet.
pub(super) struct Written {
    pub file: ColdFile,
    pub stats: String,
}

impl ColdFile {
    fn partition(&self) -> HashMap<String, Option<String>> {
        HashMap::from([(columns::TABLE_COLUMN.to_owned(), Some(self.table.name().to_owned()))])
    }

    pub(super) fn remove(&self, data_change: bool) -> Remove {
        Remove {
            path: self.path.clone(),
            data_change,
            deletion_timestamp: Some(Utc::now().timestamp_millis()),
            extended_file_metadata: Some(true),
            partition_values: Some(self.partition()),
            size: Some(self.bytes as i64),
            ..Remove::default()
        }
    }
}

impl Written {
    pub(super) fn add(&self, data_change: bool) -> Add {
        Add {
            path: self.file.path.clone(),
            partition_values: self.file.partition(),
            size: self.file.bytes as i64,
            modification_time: Utc::now().timestamp_millis(),
            data_change,
            stats: Some(self.stats.clone()),
            ..Add::default()
        }
    }
}
