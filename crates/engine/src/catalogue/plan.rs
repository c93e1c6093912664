//! Plans the whole catalogue on empty tables, to find what parsing cannot.
//!
//! Invariant: nothing is executed. Deliberately absent: optimisation of plans and any data.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::datasource::empty::EmptyTable;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::{Catalogue, Metric, Problem, View, graph};

pub(super) async fn check(catalogue: &Catalogue) -> Vec<Problem> {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
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
            Err(message) => problems.push(at(&view.file, view.sql_line, message)),
        }
    }
    for metric in &catalogue.metrics {
        let sql = catalogue.bind(metric, 0, 0, &BTreeMap::new()).expect("defaults are in range");
        match plan(&context, &sql).await {
            Ok(schema) => metric_columns(metric, &schema, &mut problems),
            Err(message) => problems.push(at(&metric.file, metric.sql_line, message)),
        }
    }
    problems.sort();
    problems
}

async fn plan(context: &SessionContext, sql: &str) -> Result<SchemaRef, String> {
    let frame = context.sql(sql).await.map_err(|error| error.strip_backtrace())?;
    Ok(Arc::new(Schema::new(frame.schema().fields().clone())))
}

fn register(context: &SessionContext, name: &str, schema: SchemaRef, problems: &mut Vec<Problem>) {
    if let Err(error) = context.register_table(name, Arc::new(EmptyTable::new(schema))) {
        problems.push(Problem { file: name.to_owned(), line: 1, message: error.to_string() });
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
    if !schema.field_with_name(&metric.value).is_ok_and(|field| field.data_type().is_numeric()) {
        problems.push(at(
            &metric.file,
            1,
            format!("value names {}, which is not a numeric output column", metric.value),
        ));
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

/// A problem at the line that the message names, counted from where the SQL starts.
fn at(file: &str, sql_line: usize, message: impl Into<String>) -> Problem {
    let message = message.into();
    let line = if message.contains("Line: ") { sql_line + graph::error_line(&message) - 1 } else { sql_line };
    Problem { file: file.to_owned(), line, message }
}
