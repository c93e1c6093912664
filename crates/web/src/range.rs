//! `GET /api/v1/metrics/{name}/range`: a metric at each moment of a range.
//!
//! Each step passes the rules of the single route before the steps become one table.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use engine::Query;
use surface::{App, Caller, Problem, output};

use crate::api::{Asked, Asking};
use crate::request::time;
use crate::response::answer;

const PARAMETERS: [&str; 6] = ["from", "to", "step", "known_at", "team", "format"];

pub async fn range(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    series_of(&app, &caller, Asking { path, raw, headers, what_if: None }).await
}

/// The rows of every step.
pub async fn series_of(app: &App, caller: &Caller, asking: Asking) -> Result<Response, Problem> {
    let Asked { parts, metric, sight, mut given, encoding, what_if } =
        asking.read(app, caller, &PARAMETERS).await?;
    let (from, to) = (time(&mut given, "from")?, time(&mut given, "to")?);
    let from = from.ok_or_else(|| {
        Problem::bad_parameter("from", "is missing; give the first moment, such as from=2026-03-02")
    })?;
    let series = app.bounds.series(from, to, given.take("step").as_deref())?;
    let query = Query {
        as_of: None,
        known_at: time(&mut given, "known_at")?,
        team: given.take("team"),
        params: given.rest(),
        what_if,
    };
    let shown = app.ask_series(&metric, query, series, &sight).await?;
    answer(encoding, output::range(&shown, encoding, parts.example), parts.example)
}
