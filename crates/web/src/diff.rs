//! `GET /api/v1/diff`: what changed in a metric between two moments, and which events did it.
//!
//! Both sides pass the rules of the single route before they are compared, so that what is not shown leaves no trace
//! in a sentence. Events are listed to whom an explanation lists them; they are counted for all.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::Utc;
use engine::Query;
use surface::{App, Caller, Problem, output};

use crate::query_string::QueryString;
use crate::request::{metric_named, time};
use crate::response::{answer, encoding};

const PARAMETERS: [&str; 6] = ["metric", "from", "to", "known_at", "team", "format"];

pub async fn diff(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let parts = app.parts()?;
    let name = QueryString::value(raw.as_deref(), "metric")?
        .ok_or_else(|| Problem::bad_parameter("metric", "is missing; GET /api/v1/metrics lists them"))?;
    let metric = metric_named(parts, &name)?;
    let sight = caller.sight(&app, &metric).await?;
    let declared = metric.params.iter().map(|param| param.name.as_str());
    let mut given = QueryString::parse(raw.as_deref(), PARAMETERS.into_iter().chain(declared))?;
    given.take("metric");
    let encoding = encoding(given.take("format").as_deref(), &headers)?;
    let (from, to) = (time(&mut given, "from")?, time(&mut given, "to")?);
    let from = from.ok_or_else(|| {
        Problem::bad_parameter("from", "is missing; give the earlier moment, such as from=2026-03-02")
    })?;
    let query = Query {
        known_at: time(&mut given, "known_at")?,
        team: given.take("team"),
        params: given.rest(),
        ..Query::default()
    };
    let (engine, span) = (parts.engine.clone(), (from, to.unwrap_or_else(Utc::now)));
    let shown_by = Arc::clone(&app);
    let diff = async move {
        let listed = shown_by.wall.listed(&sight);
        shown_by.wall.diff(&engine, &metric, &query, span, (&sight, listed)).await
    };
    let shown = parts.compute(diff).await?;
    answer(encoding, output::diff(&shown, encoding, parts.example), parts.example)
}
