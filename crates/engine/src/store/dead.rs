//! Dead letters, read from their files when somebody asks.
//!
//! Invariant: memory holds only those that no commit has yet, and a batch of what is being read. A topic in the wrong
//! format makes a dead letter of each record, so they may be most of what there is.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use event::Table;

use crate::store::delta::{ColdStore, DEAD_LETTER_ROWS, Reader};

/// All dead letters at one instant.
#[derive(Debug, Clone, Default)]
pub struct DeadLetters {
    /// Files that hold those of commits, the oldest first.
    pub files: Arc<[PathBuf]>,
    /// Those that no commit has yet.
    pub recent: Vec<RecordBatch>,
}

/// The files of `store`, which is in the folder `root`.
pub fn files(root: &Path, store: &ColdStore) -> Arc<[PathBuf]> {
    let dead = store.files().iter().filter(|file| file.table == Table::DeadLetters);
    dead.map(|file| root.join(&file.path)).collect()
}

impl DeadLetters {
    /// Some columns of all rows, a batch at a time.
    fn read(&self, columns: &SchemaRef) -> impl Iterator<Item = Result<RecordBatch>> + Send + use<> {
        let indices: Vec<usize> = {
            let all = event::schema(Table::DeadLetters);
            columns
                .fields()
                .iter()
                .map(|field| all.index_of(field.name()).expect("a column of the table"))
                .collect()
        };
        let recent: Vec<Result<RecordBatch>> =
            self.recent.iter().map(|rows| Ok(rows.project(&indices)?)).collect();
        let (files, columns) = (self.files.to_vec(), Arc::clone(columns));
        let of_files = files.into_iter().flat_map(move |path| {
            let rows = File::open(&path)
                .map_err(|error| DataFusionError::External(format!("{}: {error}", path.display()).into()))
                .and_then(|file| {
                    Reader::columns(file, Table::DeadLetters, Arc::clone(&columns), DEAD_LETTER_ROWS)
                        .map_err(|error| DataFusionError::External(error.into()))
                });
            let (rows, failed) = match rows {
                Ok(rows) => (Some(rows), None),
                Err(error) => (None, Some(Err(error))),
            };
            let rows = rows.into_iter().flatten();
            failed.into_iter().chain(rows.map(|rows| rows.map_err(|e| DataFusionError::External(e.into()))))
        });
        of_files.chain(recent)
    }
}

/// The dead letters as SQL sees them.
#[derive(Debug)]
pub struct DeadLetterTable(pub DeadLetters);

#[async_trait]
impl TableProvider for DeadLetterTable {
    fn schema(&self) -> SchemaRef {
        event::schema(Table::DeadLetters)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(columns) => Arc::new(self.schema().project(columns)?),
            None => self.schema(),
        };
        let rows = Arc::new(DeadLetterScan { letters: self.0.clone(), schema: Arc::clone(&schema) });
        Ok(Arc::new(StreamingTableExec::try_new(schema, vec![rows], None, [], false, limit)?))
    }
}

/// Some columns of the dead letters, as one partition.
#[derive(Debug)]
struct DeadLetterScan {
    letters: DeadLetters,
    schema: SchemaRef,
}

impl PartitionStream for DeadLetterScan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _task: Arc<TaskContext>) -> SendableRecordBatchStream {
        // Each batch is decoded when it is asked for; a statement that stops asking stops the reading.
        let rows = futures::stream::iter(self.letters.read(&self.schema));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
    }
}
