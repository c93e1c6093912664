//! One view's SQL as a physical plan that is run again and again on the events of touched keys.
//!
//! Planning costs more than folding a small batch, so the plan is made once; its leaves read from
//! cells whose content is swapped before each run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::memory::MemoryStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::SessionContext;

use crate::catalogue::View;
use crate::error::Error;

/// A planned view. One run at a time: the cells belong to the run.
pub struct Fold {
    plan: Arc<dyn ExecutionPlan>,
    cells: Vec<Arc<RowSource>>,
    task: Arc<TaskContext>,
}

impl Fold {
    /// Plans `view` over inputs of the given schemas.
    pub async fn plan(
        view: &View,
        context: SessionContext,
        schemas: &HashMap<String, SchemaRef>,
    ) -> Result<Fold, Error> {
        let mut cells = Vec::new();
        for name in &view.from {
            let schema = schemas.get(name).ok_or_else(|| Error::Internal {
                message: format!("view '{}' reads '{name}', which is no table or view", view.name),
            })?;
            let cell =
                Arc::new(RowSource { name: name.clone(), schema: schema.clone(), rows: Mutex::default() });
            let table = StreamingTable::try_new(schema.clone(), vec![cell.clone()])?;
            context.register_table(name.as_str(), Arc::new(table))?;
            cells.push(cell);
        }
        let plan = context.sql(&view.sql).await?.create_physical_plan().await?;
        Ok(Fold { plan, cells, task: context.task_ctx() })
    }

    pub fn schema(&self) -> SchemaRef {
        self.plan.schema()
    }

    /// Folds the given rows, by input name.
    pub async fn run(&self, inputs: &HashMap<&str, RecordBatch>) -> Result<RecordBatch, Error> {
        for cell in &self.cells {
            let rows = inputs.get(cell.name.as_str()).cloned();
            *cell.rows.lock().expect("no holder of a cell panics") = rows.into_iter().collect();
        }
        let plan = reset_plan_states(self.plan.clone())?;
        let folded = collect(plan, self.task.clone()).await;
        for cell in &self.cells {
            cell.rows.lock().expect("no holder of a cell panics").clear();
        }
        Ok(concat_batches(&self.plan.schema(), &folded?)?)
    }
}

/// A leaf whose rows are swapped between runs.
#[derive(Debug)]
struct RowSource {
    name: String,
    schema: SchemaRef,
    rows: Mutex<Vec<RecordBatch>>,
}

impl PartitionStream for RowSource {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _task: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = self.rows.lock().expect("no holder of a cell panics").clone();
        match MemoryStream::try_new(rows, self.schema.clone(), None) {
            Ok(stream) => Box::pin(stream),
            Err(error) => {
                let failed = futures::stream::once(async { Err(error) });
                Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), failed))
            }
        }
    }
}
