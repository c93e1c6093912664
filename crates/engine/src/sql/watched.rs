//! A look at the statement's meter after each batch of each step of its plan.
//!
//! Invariant: between two looks a step handles one batch. Steps that make many rows of few get such input that one batch
//! of theirs is bounded: a join, rows that are narrow; an unnest, few elements at a time.
//! Joins and recursion turn few rows into many without asking for input, so each step yields now and then as well.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, resources_err};
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, SchedulingType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
};
use futures::{StreamExt, stream};

use super::meter;
use super::size::{lengths, widest_row};

/// Rows of a batch of a user's statement.
pub const BATCH_ROWS: usize = 1_024;
/// Widest row that is joined: a batch of joined rows is that many times as large at most.
const JOINED_ROW_BYTES_MAX: u64 = 64 << 10;
/// Elements of lists that become rows at a time.
const UNNESTED_MAX: u64 = 16 << 10;

/// Puts the look into every step.
pub fn watched(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let watched = plan.transform_up(|node| {
        let use_of_input = match node.name() {
            name if name.contains("Join") => Some(Use::Join),
            "UnnestExec" => Some(Use::Unnest),
            _ => None,
        };
        let node = match use_of_input {
            Some(use_of_input) => {
                let inputs = node.children().into_iter().map(|input| Watched::over(input, use_of_input));
                let inputs = inputs.collect();
                let recompute = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
                node.replace_children(inputs, recompute)?
            }
            None => node,
        };
        Ok(Transformed::yes(Watched::over(&node, Use::Plain)))
    });
    watched.data()
}

/// What the batches are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Plain,
    Join,
    Unnest,
}

#[derive(Debug)]
struct Watched {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    use_of_rows: Use,
}

impl Watched {
    fn over(input: &Arc<dyn ExecutionPlan>, use_of_rows: Use) -> Arc<dyn ExecutionPlan> {
        let properties =
            PlanProperties::clone(input.properties()).with_scheduling_type(SchedulingType::Cooperative);
        Arc::new(Watched { input: Arc::clone(input), properties: properties.into(), use_of_rows })
    }
}

impl DisplayAs for Watched {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watched")
    }
}

impl ExecutionPlan for Watched {
    fn name(&self) -> &'static str {
        "Watched"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Watched::over(&children[0], self.use_of_rows))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Watched::over(&children[0], self.use_of_rows))
    }

    fn execute(&self, partition: usize, task: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        meter::check(0)?;
        let input = self.input.execute(partition, task)?;
        let use_of_rows = self.use_of_rows;
        let looked = input.flat_map(move |batch| {
            stream::iter(match batch.and_then(|batch| look(batch, use_of_rows)) {
                Ok(batches) => batches.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            })
        });
        Ok(make_cooperative(Box::pin(RecordBatchStreamAdapter::new(self.schema(), looked))))
    }
}

fn look(batch: RecordBatch, use_of_rows: Use) -> Result<Vec<RecordBatch>, DataFusionError> {
    meter::check(0)?;
    match use_of_rows {
        Use::Plain => Ok(vec![batch]),
        Use::Join => {
            let bytes = widest_row(batch.columns());
            if bytes > JOINED_ROW_BYTES_MAX {
                return resources_err!(
                    "a row of {bytes} bytes is joined; at most {JOINED_ROW_BYTES_MAX} are allowed, so leave its long texts and lists out"
                );
            }
            Ok(vec![batch])
        }
        Use::Unnest => Ok(few_elements(&batch)),
    }
}

/// The batch in parts that have few elements in their lists each, or one row.
fn few_elements(batch: &RecordBatch) -> Vec<RecordBatch> {
    let mut elements = vec![1; batch.num_rows()];
    for column in batch.columns().iter().filter(|column| column.data_type().is_nested()) {
        for (most, length) in elements.iter_mut().zip(lengths(column)) {
            *most = length.max(*most);
        }
    }
    let (mut parts, mut start) = (Vec::new(), 0);
    while start < batch.num_rows() {
        let (mut end, mut sum) = (start, 0);
        while end < batch.num_rows() && (end == start || sum + elements[end] <= UNNESTED_MAX) {
            sum += elements[end];
            end += 1;
        }
        parts.push(batch.slice(start, end - start));
        start = end;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, ListArray, StringArray};
    use arrow::datatypes::Int64Type;

    fn batch(name: &str, column: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([(name, column, true)]).unwrap()
    }

    #[test]
    fn lists_become_rows_a_few_at_a_time() {
        let list = |length: u64| Some((0..length as i64).map(Some).collect::<Vec<_>>());
        let lists = [list(10_000), list(10_000), list(5), list(40_000), None];
        let column = ListArray::from_iter_primitive::<Int64Type, _, _>(lists);
        let parts = look(batch("list", Arc::new(column)), Use::Unnest).unwrap();
        assert_eq!(parts.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [1, 2, 1, 1]);
    }

    #[test]
    fn a_row_that_is_too_wide_is_not_joined() {
        for (bytes, ok) in [(60_000, true), (70_000, false)] {
            let column = StringArray::from(vec!["x".repeat(bytes), String::new()]);
            let looked = look(batch("text", Arc::new(column)), Use::Join);
            assert_eq!(looked.is_ok(), ok, "{bytes}");
        }
    }
}
