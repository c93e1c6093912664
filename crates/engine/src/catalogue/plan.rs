//! Plans the whole catalogue on empty tables, to find what parsing cannot; then `trial` runs what is the user's own.
//!
//! A query is planned in the steps in which it will run, and each step that several queries have once.
//! Invariant: nothing here is executed. Deliberately absent: any data.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::sqlparser::ast::Query;

use super::people::{self, Held, Known};
use super::trial;
use super::{Catalogue, Level, Metric, Problem, View, graph};
use crate::evaluate::steps::{Steps, step_texts};

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
    let mut known = Known::new();
    for table in event::Table::ALL {
        let schema = event::schema(table);
        known.insert(table.name().to_owned(), people::by_name(schema.fields()));
        register(&context, table.name(), schema, &mut problems);
    }
    let views: Vec<_> = catalogue.views.iter().map(|view| (view, catalogue.bind_view(view, 0, 0))).collect();
    let bind = |metric| catalogue.bind(metric, 0, 0, &BTreeMap::new()).expect("defaults are in range");
    let metrics = catalogue.metrics.iter().filter(|metric| !is_known(metric));
    let metrics: Vec<_> = metrics.map(|metric| (metric, bind(metric))).collect();
    let mut steps = Steps::planned(&context);
    let all = views.iter().map(|(_, bound)| bound).chain(metrics.iter().map(|(_, bound)| bound));
    steps.keep(all.flat_map(|bound| step_texts(&bound.query)).collect());
    for (view, bound) in views {
        match plan(&mut steps, bound.query, &mut known).await {
            Ok((schema, held)) => {
                view_columns(view, &schema, &mut problems);
                let mut columns = people::by_name(schema.fields());
                if view.is_shared() {
                    columns = named(&schema, held);
                }
                known.insert(view.name.clone(), columns);
                register(&context, &view.name, schema, &mut problems);
            }
            Err(error) => problems.push(misplanned(&view.file, view.sql_line, bound.has_views, &error)),
        }
    }
    for (metric, bound) in metrics {
        match plan(&mut steps, bound.query, &mut known).await {
            Ok((schema, held)) => {
                metric_columns(metric, &schema, &mut problems);
                metric_people(metric, &schema, &held, &mut problems);
            }
            Err(error) => problems.push(misplanned(&metric.file, metric.sql_line, bound.has_views, &error)),
        }
    }
    // What came with the program is run by its tests.
    if problems.is_empty() {
        problems = trial::problems(catalogue, is_known).await;
    }
    problems
}

/// The output columns, and what each holds. Types are made to fit as they are before a plan runs, which finds those
/// that cannot.
async fn plan(
    steps: &mut Steps,
    query: Query,
    known: &mut Known,
) -> Result<(SchemaRef, Vec<Held>), DataFusionError> {
    let (schema, plan, made) = steps.plan(query).await?;
    for (step, plan) in made {
        let columns = named(plan.schema().as_arrow(), people::held(&plan, known));
        known.insert(step, columns);
    }
    Ok((schema, people::held(&plan, known)))
}

fn named(schema: &Schema, held: Vec<Held>) -> BTreeMap<String, Held> {
    schema.fields().iter().map(|field| field.name().clone()).zip(held).collect()
}

/// Where the planner says, counted from where the SQL starts, else where what it names stands. Where a query
/// `has_views`, the planner's place may be one in another file.
fn misplanned(file: &str, sql_line: usize, has_views: bool, error: &DataFusionError) -> Problem {
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span).filter(|_| !has_views);
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

/// Whether the front matter names every column that holds people, and no other column that is not there.
fn metric_people(metric: &Metric, schema: &Schema, held: &[Held], problems: &mut Vec<Problem>) {
    let columns = schema.fields().iter().zip(held);
    let found: Vec<String> = columns.flat_map(|(field, held)| held.paths(field.name())).collect();
    let missing: Vec<&String> = found.iter().filter(|path| !metric.names(path)).collect();
    if let Some(first) = missing.first() {
        let list: Vec<String> =
            metric.people.iter().chain(missing.iter().copied()).map(|path| format!("{path:?}")).collect();
        let message =
            format!("{first} holds people; say so in the front matter: people = [{}]", list.join(", "));
        problems.push(at(&metric.file, 1, message));
    }
    for path in &metric.people {
        let column = path.split('.').next().unwrap_or_default();
        if schema.field_with_name(column).is_err() {
            problems.push(at(&metric.file, 1, format!("people names {path}, which is not an output column")));
        }
    }
    let label = metric.labels.iter().find(|label| metric.names(label));
    if let (Some(label), Level::Team) = (label, metric.level) {
        let message = format!(
            "the label {label} holds people, so each row is about a person: level must be \"person\""
        );
        problems.push(at(&metric.file, 1, message));
    }
}

/// A problem with a whole file, or with what its message names.
fn at(file: &str, line: usize, message: impl Into<String>) -> Problem {
    Problem::new(file, line, message)
}
