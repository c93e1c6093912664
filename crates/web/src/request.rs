//! What a reading route gets: who asks, and which metric, moments and encoding they name.
//!
//! Invariant: what is not understood is refused, never ignored.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use engine::{Metric, Query};
use surface::output::Encoding;
use surface::{Caller, Problem, Sight, moment};

use crate::query_string::QueryString;
use crate::response::encoding;
use crate::site::Site;

/// Who reads, and the query and headers as they came; each route says which parameters it knows.
pub struct Visitor {
    pub site: Site,
    pub caller: Caller,
    pub raw: Option<String>,
    pub headers: HeaderMap,
}

impl FromRequestParts<Site> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(request: &mut Parts, site: &Site) -> Result<Visitor, Problem> {
        let caller = request.extensions.get::<Caller>().cloned();
        Ok(Visitor {
            site: site.clone(),
            caller: caller.ok_or_else(|| Problem::internal("a route was reached around access"))?,
            raw: request.uri.query().map(str::to_owned),
            headers: request.headers.clone(),
        })
    }
}

/// The part of a path that names a metric, where it is clean text.
pub type MetricName = Result<Path<String>, PathRejection>;

/// A request about one metric, read as far as every such route reads it alike.
pub struct MetricQuery<'a> {
    pub parts: &'a surface::Parts,
    pub metric: Metric,
    pub sight: Sight,
    pub given: QueryString,
    pub encoding: Encoding,
}

impl Visitor {
    /// `parameters` are those of the route; the metric's own are known too.
    pub async fn metric_query(
        &self,
        name: MetricName,
        parameters: &[&str],
    ) -> Result<MetricQuery<'_>, Problem> {
        let app = &self.site.app;
        let parts = app.parts()?;
        let metric = metric_of(parts, name)?;
        let sight = self.caller.sight(app, &metric).await?;
        let declared = metric.params.iter().map(|param| param.name.as_str());
        let mut given = QueryString::parse(self.raw.as_deref(), parameters.iter().copied().chain(declared))?;
        let encoding = encoding(given.take("format").as_deref(), &self.headers)?;
        Ok(MetricQuery { parts, metric, sight, given, encoding })
    }
}

/// The metric that a path names.
pub fn metric_of(parts: &surface::Parts, name: MetricName) -> Result<Metric, Problem> {
    let Path(name) = name.map_err(|_| Problem::bad_request("the metric's name is not clean text"))?;
    metric_named(parts, &name)
}

pub fn metric_named(parts: &surface::Parts, name: &str) -> Result<Metric, Problem> {
    if name.chars().any(char::is_control) {
        return Err(Problem::bad_request("the metric's name has a control character"));
    }
    Ok(parts.engine.metric(name)?)
}

pub fn time(given: &mut QueryString, name: &str) -> Result<Option<DateTime<Utc>>, Problem> {
    given
        .take(name)
        .map(|text| moment::parse(&text).map_err(|reason| Problem::bad_parameter(name, &reason)))
        .transpose()
}

/// The query that is left once a route has taken its own parameters: `known_at`, `team`, and those of the metric.
pub fn query(mut given: QueryString) -> Result<Query, Problem> {
    Ok(Query {
        known_at: time(&mut given, "known_at")?,
        team: given.take("team"),
        params: given.rest(),
        ..Query::default()
    })
}
