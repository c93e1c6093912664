//! Runs a user's own views and metrics on tables without rows and with one row each, to find what planning cannot.
//!
//! Invariant: one row holds a value in every column, so that nothing passes because it is NULL. What goes wrong with the
//! values themselves (a text that is no number, a division by 0) is no problem of the file: the values are made up.
//! Deliberately absent: what came with the program, which its tests run, and any judgement of the results.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, ListArray,
    RecordBatch, StringArray, StringViewArray, StructArray, TimestampMicrosecondArray, UInt64Array,
    new_null_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::load::is_shipped;
use super::{Catalogue, Metric, Problem};
use crate::evaluate::steps::Steps;
use crate::sql::{columns_of, plan_query};

/// What goes wrong in the user's own files that are not known to be sound.
pub(super) async fn problems(catalogue: &Catalogue, is_known: impl Fn(&&Metric) -> bool) -> Vec<Problem> {
    let views: Vec<_> = catalogue.views.iter().filter(|view| !is_shipped(&view.file)).collect();
    let metrics: Vec<_> =
        catalogue.metrics.iter().filter(|metric| !is_shipped(&metric.file) && !is_known(metric)).collect();
    let mut problems = Vec::new();
    if views.is_empty() && metrics.is_empty() {
        return problems;
    }
    for rows in [0, 1] {
        let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
        crate::functions::register(&context);
        let on = if rows == 0 { "on empty tables" } else { "on tables with one row each" };
        let said = |error: &DataFusionError| {
            format!("fails when it runs {on}: {}", super::graph::told(&error.strip_backtrace()))
        };
        if let Err(error) = fill(&context, catalogue, rows).await {
            problems.push(Problem::new("the tables of the trial".to_owned(), 1, error.to_string()));
            return problems;
        }
        for view in &views {
            let query = catalogue.bind_view(view, 0, 0).query;
            if let Err(error) = run(&context, query).await {
                problems.push(Problem::new(view.file.clone(), view.sql_line, said(&error)));
            }
        }
        for metric in &metrics {
            let bound = catalogue.bind(metric, 0, 0, &BTreeMap::new()).expect("defaults are in range");
            if let Err(error) = run(&context, bound.query).await {
                problems.push(Problem::new(metric.file.clone(), metric.sql_line, said(&error)));
            }
        }
        // One fault, one message.
        if !problems.is_empty() {
            return problems;
        }
    }
    problems
}

async fn run(
    context: &SessionContext,
    query: datafusion::sql::sqlparser::ast::Query,
) -> Result<(), DataFusionError> {
    match Steps::new(context).rows(query).await {
        Err(error) if !is_of_values(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Whether the values were wrong, which are not the user's.
fn is_of_values(error: &DataFusionError) -> bool {
    match error.find_root() {
        DataFusionError::ArrowError(error, _) => matches!(
            **error,
            ArrowError::CastError(_)
                | ArrowError::ParseError(_)
                | ArrowError::DivideByZero
                | ArrowError::ComputeError(_)
                | ArrowError::ArithmeticOverflow(_)
        ),
        DataFusionError::Execution(_) => true,
        _ => false,
    }
}

/// Registers the tables of events and the views, each table and keyed view with so many rows.
async fn fill(context: &SessionContext, catalogue: &Catalogue, rows: usize) -> Result<(), DataFusionError> {
    for table in event::Table::ALL {
        register(context, table.name(), event::schema(table), rows)?;
    }
    for view in &catalogue.views {
        let query = catalogue.bind_view(view, 0, 0).query;
        if view.once {
            let rows = Steps::new(context).rows(query).await?;
            let rows = MemTable::try_new(rows.schema(), vec![vec![rows]])?;
            context.register_table(view.name.as_str(), Arc::new(rows))?;
            continue;
        }
        let plan = plan_query(context, query).await?;
        if view.is_shared() {
            let frame = DataFrame::new(context.state(), plan);
            context.register_table(view.name.as_str(), frame.into_view())?;
        } else {
            register(context, &view.name, columns_of(context, &plan)?, rows)?;
        }
    }
    Ok(())
}

fn register(
    context: &SessionContext,
    name: &str,
    schema: SchemaRef,
    rows: usize,
) -> Result<(), DataFusionError> {
    let batch = match rows {
        0 => RecordBatch::new_empty(schema.clone()),
        _ => RecordBatch::try_new(
            schema.clone(),
            schema.fields().iter().map(|field| one(field.data_type())).collect(),
        )?,
    };
    context.register_table(name, Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))?;
    Ok(())
}

/// One value of a type; NULL where a table has no such type.
fn one(data_type: &DataType) -> ArrayRef {
    match data_type {
        DataType::Utf8View => Arc::new(StringViewArray::from(vec!["a"])),
        DataType::Utf8 => Arc::new(StringArray::from(vec!["a"])),
        DataType::Int64 => Arc::new(Int64Array::from(vec![1])),
        DataType::Int32 => Arc::new(Int32Array::from(vec![1])),
        DataType::UInt64 => Arc::new(UInt64Array::from(vec![1])),
        DataType::Float64 => Arc::new(Float64Array::from(vec![1.0])),
        DataType::Boolean => Arc::new(BooleanArray::from(vec![true])),
        DataType::Date32 => Arc::new(Date32Array::from(vec![0])),
        DataType::Binary => Arc::new(BinaryArray::from(vec![&b"a"[..]])),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            Arc::new(TimestampMicrosecondArray::from(vec![0]).with_timezone_opt(zone.clone()))
        }
        DataType::List(item) => Arc::new(ListArray::new(
            item.clone(),
            OffsetBuffer::from_lengths([1]),
            one(item.data_type()),
            None,
        )),
        DataType::Struct(fields) => {
            let columns = fields.iter().map(|field| one(field.data_type())).collect();
            Arc::new(StructArray::new(fields.clone(), columns, None))
        }
        other => new_null_array(other, 1),
    }
}
