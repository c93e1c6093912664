//! Plans the whole catalogue on empty tables, to find what parsing cannot.
//!
//! Invariant: nothing is executed. Deliberately absent: any data.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::{Catalogue, Metric, Problem, View, graph};

/// Metrics that `sound` has, with all that they read, as they are here are not planned again.
pub(super) async fn check(catalogue: &Catalogue, sound: Option<&Catalogue>) -> Vec<Problem> {
    let is_known = |metric: &&Metric| {
        sound.is_some_and(|sound| {
            sound.metric(&metric.name) == Some(metric)
                && sound.definition(metric) == catalogue.definition(metric)
        })
    };
    let context = SessionContext::new_with_config(
        SessionConfig::new().with_target_partitions(1).set_bool("datafusion.sql_parser.collect_spans", true),
    );
    crate::functions::register(&context);
    let mut problems = Vec::new();
    for table in event::Table::ALL {
        register(&context, table.name(), event::schema::schema(table), &mut problems);
    }
    for view in &catalogue.views {
        let sql = if view.is_shared() { catalogue.bind_view(view, 0, 0) } else { view.sql.clone() };
        match plan(&context, &sql).await {
            Ok(schema) => {
                view_columns(view, &schema, &mut problems);
                register(&context, &view.name, schema, &mut problems);
            }
            Err(error) => problems.push(misplanned(&view.file, view.sql_line, &error)),
        }
    }
    for metric in catalogue.metrics.iter().filter(|metric| !is_known(metric)) {
        let sql = catalogue.bind(metric, 0, 0, &BTreeMap::new()).expect("defaults are in range");
        match plan(&context, &sql).await {
            Ok(schema) => metric_columns(metric, &schema, &mut problems),
            Err(error) => problems.push(misplanned(&metric.file, metric.sql_line, &error)),
        }
    }
    problems
}

/// The output columns. Types are made to fit as they are before a plan runs, which finds those that cannot.
async fn plan(context: &SessionContext, sql: &str) -> Result<SchemaRef, DataFusionError> {
    let frame = context.sql(sql).await?;
    let schema = Arc::new(Schema::new(frame.schema().fields().clone()));
    frame.into_optimized_plan()?;
    Ok(schema)
}

/// Where the planner says, counted from where the SQL starts, else where what it names stands.
fn misplanned(file: &str, sql_line: usize, error: &DataFusionError) -> Problem {
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    let line = span.map_or(1, |span| span.start.line as usize).max(1);
    Problem::new(file, sql_line + line - 1, graph::told(&error.strip_backtrace()))
}

fn register(context: &SessionContext, name: &str, schema: SchemaRef, problems: &mut Vec<Problem>) {
    if let Err(error) = context.register_table(name, Arc::new(EmptyTable::new(schema))) {
        problems.push(Problem::new(name.to_owned(), 1, error.to_string()));
    }
}

fn view_columns(view: &View, schema: &Schema, problems: &mut Vec<Problem>) {
    if view.is_shared() {
        return;
    }
    let first = schema.fields().first();
    if !first.is_some_and(|field| field.name() == "key_hash" && field.data_type() == &DataType::Int64) {
        problems.push(at(
            &view.file,
            view.sql_line,
            "the first column of a view must be key_hash, of type BIGINT, as its inputs carry it",
        ));
    }
    if let Some(open) = &view.open
        && !schema.field_with_name(open).is_ok_and(|field| field.data_type() == &DataType::Boolean)
    {
        problems.push(at(&view.file, 1, format!("open names {open}, which is not a boolean output column")));
    }
    for column in view.key.iter().filter(|column| schema.field_with_name(column).is_err()) {
        problems.push(at(&view.file, 1, format!("key names {column}, which is not an output column")));
    }
}

fn metric_columns(metric: &Metric, schema: &Schema, problems: &mut Vec<Problem>) {
    let kind = |column: &str| schema.field_with_name(column).map(|field| field.data_type().clone()).ok();
    if !kind(&metric.value).is_some_and(|kind| kind.is_numeric()) {
        let message = format!("value names {}, which is not a numeric output column", metric.value);
        problems.push(at(&metric.file, 1, message));
    }
    for column in &metric.gauges {
        // Prometheus shows a flag as 0 or 1 and a time in seconds.
        let shown = kind(column)
            .is_some_and(|kind| kind.is_numeric() || kind.is_temporal() || kind == DataType::Boolean);
        if !shown {
            let message =
                format!("gauges names {column}, which is no output column of numbers, flags or times");
            problems.push(at(&metric.file, 1, message));
        }
    }
    for label in &metric.labels {
        if !schema.field_with_name(label).is_ok_and(|field| field.data_type().is_string()) {
            problems.push(at(
                &metric.file,
                1,
                format!("labels names {label}, which is not a text output column"),
            ));
        }
    }
}

/// A problem with a whole file, or with what its message names.
fn at(file: &str, line: usize, message: impl Into<String>) -> Problem {
    Problem::new(file, line, message)
}
