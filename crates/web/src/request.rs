//! What is asked about a metric: its name, and moments.
//!
//! Invariant: what is not understood is refused, never ignored.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use engine::Metric;
use surface::{Parts, Problem, moment};

use crate::query_string::QueryString;

/// The metric that a path names.
pub fn metric_of(parts: &Parts, path: Result<Path<String>, PathRejection>) -> Result<Metric, Problem> {
    let Path(name) = path.map_err(|_| Problem::bad_request("the metric's name is not clean text"))?;
    metric_named(parts, &name)
}

pub fn metric_named(parts: &Parts, name: &str) -> Result<Metric, Problem> {
    if name.chars().any(char::is_control) {
        return Err(Problem::bad_request("the metric's name has a control character"));
    }
    Ok(parts.engine.metric(name)?)
}

pub fn time(given: &mut QueryString, name: &str) -> Result<Option<chrono::DateTime<chrono::Utc>>, Problem> {
    given
        .take(name)
        .map(|text| moment::parse(&text).map_err(|reason| Problem::bad_parameter(name, &reason)))
        .transpose()
}
