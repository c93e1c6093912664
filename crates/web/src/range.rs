//! `GET /api/v1/metrics/{name}/range`: a metric at each moment of a range.
//!
//! Each step passes the rules of the single route before the steps become one table.

use axum::response::Response;
use engine::{Overlay, Query};
use surface::{Problem, output};

use crate::request::{MetricName, MetricQuery, Visitor, query, time};
use crate::response::answer;

const PARAMETERS: [&str; 6] = ["from", "to", "step", "known_at", "team", "format"];

pub async fn range(visitor: Visitor, name: MetricName) -> Result<Response, Problem> {
    steps(&visitor, name, None).await
}

/// The rows of every step, as if the events of `what_if` had happened too.
pub async fn steps(
    visitor: &Visitor,
    name: MetricName,
    what_if: Option<Overlay>,
) -> Result<Response, Problem> {
    let MetricQuery { parts, metric, sight, mut given, encoding } =
        visitor.metric_query(name, &PARAMETERS).await?;
    let (from, to) = (time(&mut given, "from")?, time(&mut given, "to")?);
    let from = from.ok_or_else(|| {
        Problem::bad_parameter("from", "is missing; give the first moment, such as from=2026-03-02")
    })?;
    let app = &visitor.site.app;
    let series = app.bounds.series(from, to, given.take("step").as_deref())?;
    let query = Query { what_if, ..query(given)? };
    let shown = app.ask_series(&metric, query, series, &sight).await?;
    answer(encoding, output::range(&shown, encoding, visitor.site.writing(parts)), parts.example)
}
