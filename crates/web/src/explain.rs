//! `GET /api/v1/metrics/{name}/explain`: the events behind a metric's rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::Response;
use engine::{Metric, Query};
use surface::output::{self, Encoding};
use surface::{Problem, ShownExplanation, Sight};

use crate::query_string::QueryString;
use crate::request::{MetricName, Visitor, metric_of, time};
use crate::response::{answer, encoding};

/// Events listed where nothing else is asked for, and at most.
const EVENTS: usize = 100;
const EVENTS_MAX: usize = 10_000;

/// Labels of the metric choose the rows; `limit` bounds the events.
pub async fn explain(visitor: Visitor, name: MetricName) -> Result<Response, Problem> {
    let parts = visitor.site.app.parts()?;
    let metric = metric_of(parts, name)?;
    let names = metric.params.iter().map(|param| param.name.as_str());
    let labels = metric.labels.iter().map(String::as_str);
    let known = ["as_of", "known_at", "limit", "format"].into_iter().chain(labels).chain(names);
    let mut given = QueryString::parse(visitor.raw.as_deref(), known)?;
    let encoding = encoding(given.take("format").as_deref(), &visitor.headers)?;
    let limit = match given.take("limit").map(|text| text.parse::<usize>()) {
        None => EVENTS,
        Some(Ok(limit)) if (1..=EVENTS_MAX).contains(&limit) => limit,
        Some(_) => {
            return Err(Problem::bad_parameter("limit", &format!("give a number from 1 to {EVENTS_MAX}")));
        }
    };
    let (as_of, known_at) = (time(&mut given, "as_of")?, time(&mut given, "known_at")?);
    let wanted = metric.labels.iter().filter_map(|label| Some((label.clone(), given.take(label)?))).collect();
    let query = Query { as_of, known_at, params: given.rest(), ..Query::default() };
    let shown = found(&visitor, &metric, query, wanted, limit).await?;
    let writing = visitor.site.writing(parts);
    let bytes = match encoding {
        Encoding::Json => output::explanation(&shown, writing),
        other => output::rows(&shown.events(), other, writing),
    };
    answer(encoding, bytes, parts.example)
}

/// The explanation of the rows whose labels are as `wanted`, as this caller may see it.
pub async fn found(
    visitor: &Visitor,
    metric: &Metric,
    query: Query,
    wanted: BTreeMap<String, String>,
    limit: usize,
) -> Result<ShownExplanation, Problem> {
    let app = &visitor.site.app;
    let parts = app.parts()?;
    if visitor.caller.sight(app, metric).await? != Sight::All {
        return Err(Problem::forbidden(format!(
            "the events are about more people than this token may see; ask with 'plimsoll explain {}' where the data is",
            metric.name
        )));
    }
    let (engine, metric, app) = (parts.engine.clone(), metric.clone(), Arc::clone(app));
    let explain = async move { app.wall.explain(&engine, &metric, &query, &wanted, limit).await };
    parts.compute(explain).await
}
