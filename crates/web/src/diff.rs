//! `GET /api/v1/diff`: what changed in a metric between two moments, and which events did it.
//!
//! Both sides pass the rules of the single route before they are compared, so that what is not shown leaves no trace
//! in a sentence. Events are listed to whom an explanation lists them; they are counted for all.

use std::sync::Arc;

use axum::extract::Path;
use axum::response::Response;
use chrono::Utc;
use surface::{Problem, output};

use crate::query_string::QueryString;
use crate::request::{MetricQuery, Visitor, query, time};
use crate::response::answer;

const PARAMETERS: [&str; 6] = ["metric", "from", "to", "known_at", "team", "format"];

pub async fn diff(visitor: Visitor) -> Result<Response, Problem> {
    let name = QueryString::value(visitor.raw.as_deref(), "metric")?
        .ok_or_else(|| Problem::bad_parameter("metric", "is missing; GET /api/v1/metrics lists them"))?;
    let MetricQuery { parts, metric, sight, mut given, encoding } =
        visitor.metric_query(Ok(Path(name)), &PARAMETERS).await?;
    given.take("metric");
    let (from, to) = (time(&mut given, "from")?, time(&mut given, "to")?);
    let from = from.ok_or_else(|| {
        Problem::bad_parameter("from", "is missing; give the earlier moment, such as from=2026-03-02")
    })?;
    let query = query(given)?;
    let (engine, span) = (parts.engine.clone(), (from, to.unwrap_or_else(Utc::now)));
    let shown_by = Arc::clone(&visitor.site.app);
    let diff = async move {
        let listed = shown_by.wall.listed(&sight);
        shown_by.wall.diff(&engine, &metric, &query, span, (&sight, listed)).await
    };
    let shown = parts.compute(diff).await?;
    answer(encoding, output::diff(&shown, encoding, visitor.site.writing(parts)), parts.example)
}
