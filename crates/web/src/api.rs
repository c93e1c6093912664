//! Reading over HTTP: the catalogue, one metric, SQL, and the Prometheus page.
//!
//! Invariant: what is not understood is refused, never ignored: parameters, formats, body members.

use std::collections::BTreeSet;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use engine::{Level, Metric, Overlay, Query};
use serde::Deserialize;
use serde_json::{Value, json};
use surface::output::{self, EXAMPLE_NOTE};
use surface::{Problem, ShownRows, Visibility};

use crate::body::{body, media_type};
use crate::prom;
use crate::query_string::QueryString;
use crate::readiness;
use crate::request::{MetricName, MetricQuery, Visitor, query, time};
use crate::response::{answer, encoding, kept};
use crate::site::Site;

const PARAMETERS: [&str; 4] = ["as_of", "known_at", "team", "format"];

/// `GET /api/v1/metrics`: the catalogue.
pub async fn metrics(visitor: Visitor) -> Result<Response, Problem> {
    QueryString::parse(visitor.raw.as_deref(), [])?;
    let app = &visitor.site.app;
    let parts = app.parts()?;
    let catalogue = parts.engine.catalogue();
    let list: Vec<Value> = catalogue
        .metrics
        .iter()
        .map(|metric| {
            let mut entry = describe(metric, &catalogue.definition(metric));
            entry["href"] = json!(format!("/api/v1/metrics/{}", metric.name));
            entry
        })
        .collect();
    let mut answer = json!({ "metrics": list });
    let problems = app.catalogue_problems();
    if !problems.is_empty() {
        answer["problems"] = problems.iter().map(problem).collect();
    }
    if parts.example {
        answer["example"] = json!(EXAMPLE_NOTE);
    }
    Ok(([(header::CONTENT_TYPE, "application/json")], format!("{answer}\n")).into_response())
}

/// A file that is not in force as it stands.
fn problem(problem: &engine::Problem) -> Value {
    json!({
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
        "text": problem.text,
    })
}

/// A metric of the catalogue as the HTTP route and `query --list --format json` show it.
pub fn describe(metric: &Metric, definition: &str) -> Value {
    let params: Vec<Value> = metric
        .params
        .iter()
        .map(|param| {
            json!({
                "name": param.name,
                "type": param.type_.as_str(),
                "default": param.default.to_string(),
                "min": param.min.as_ref().map(ToString::to_string),
                "max": param.max.as_ref().map(ToString::to_string),
                "values": param.values,
                "help": param.help,
            })
        })
        .collect();
    json!({
        "name": metric.name,
        "title": metric.title,
        "help": metric.help,
        "unit": metric.unit,
        "level": metric.level.as_str(),
        "labels": metric.labels,
        "value": metric.value,
        "gauges": metric.gauges,
        "section": metric.section,
        "panel": metric.panel,
        "params": params,
        "definition": definition,
    })
}

/// `GET /api/v1/metrics/{name}`: one metric's rows.
pub async fn metric(visitor: Visitor, name: MetricName) -> Result<Response, Problem> {
    one(&visitor, name, None).await
}

/// One metric's rows, as if the events of `what_if` had happened too.
pub async fn one(visitor: &Visitor, name: MetricName, what_if: Option<Overlay>) -> Result<Response, Problem> {
    let MetricQuery { parts, metric, sight, mut given, encoding } =
        visitor.metric_query(name, &PARAMETERS).await?;
    let as_of = time(&mut given, "as_of")?;
    let query = Query { as_of, what_if, ..query(given)? };
    let shown = visitor.site.app.ask(&metric, query, &sight).await?;
    answer(encoding, output::metric(&shown, encoding, visitor.site.writing(parts)), parts.example)
}

/// SQL has no caller's rows: person-level metrics are all or nothing in it.
fn visible(visibility: Visibility, metric: &Metric) -> Result<(), Problem> {
    match (metric.level, visibility) {
        (Level::Team, _) | (Level::Person, Visibility::All) => Ok(()),
        (Level::Person, Visibility::None | Visibility::Own | Visibility::Lead) => {
            Err(Problem::forbidden(format!(
                "{} is about single people, which people.visibility keeps off the network; ask it with 'plimsoll query {}' where the data is",
                metric.name, metric.name
            )))
        }
    }
}

/// What a SQL request may have in its JSON body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SqlRequest {
    sql: String,
    format: Option<String>,
}

/// `POST /api/v1/sql`: one read-only statement, as JSON `{"sql": ...}` or as plain text.
pub async fn sql(visitor: Visitor, request: Request) -> Result<Response, Problem> {
    let Visitor { site, caller, raw, .. } = visitor;
    let access = caller.may_sql(&site.app.wall)?;
    let parts = site.app.parts()?;
    let mut given = QueryString::parse(raw.as_deref(), ["format"])?;
    let (headers, bytes) = body(&site, request).await?;
    let statement = match media_type(&headers).as_str() {
        "application/json" => serde_json::from_slice::<SqlRequest>(&bytes).map_err(|error| {
            Problem::bad_request(format!("the body is not {{\"sql\": \"SELECT ...\"}}: {error}"))
        })?,
        "text/plain" => SqlRequest {
            sql: String::from_utf8(bytes.to_vec())
                .map_err(|_| Problem::bad_request("the statement is not utf-8"))?,
            format: None,
        },
        _ => {
            return Err(Problem::unsupported_media_type(
                "send application/json with {\"sql\": \"SELECT ...\"}, or text/plain",
            ));
        }
    };
    let format = match (given.take("format"), statement.format) {
        (Some(_), Some(_)) => return Err(Problem::bad_parameter("format", "is given more than once")),
        (in_query, in_body) => in_query.or(in_body),
    };
    let encoding = encoding(format.as_deref(), &headers)?;
    let sql = parts.engine.sql_read(&statement.sql).await?;
    if !caller.sees_people_in_sql() {
        people_stay_home(site.app.access.visibility, &parts.engine.catalogue().metrics, sql.relations())?;
    }
    let (engine, example, writing) = (parts.engine.clone(), parts.example, site.writing(parts));
    let write = move |rows: &ShownRows| output::rows(rows, encoding, writing);
    let (bytes, held) = parts.compute(async move { access.answer(&engine, sql, write).await }).await?;
    Ok(kept(encoding, bytes, held, example))
}

/// Person-level metrics are tables to SQL, so the rule for their route holds where a statement reads them.
fn people_stay_home(
    visibility: Visibility,
    metrics: &[Metric],
    read: &BTreeSet<String>,
) -> Result<(), Problem> {
    metrics
        .iter()
        .filter(|metric| read.contains(&metric.name))
        .try_for_each(|metric| visible(visibility, metric))
}

/// `GET /metrics`: the board and the counters as Prometheus text, or as OpenMetrics for who prefers it.
pub async fn prometheus(State(site): State<Site>, headers: HeaderMap) -> Result<Response, Problem> {
    let (app, parts) = (&site.app, site.app.parts()?);
    let scrape = prom::Scrape {
        catalogue: &parts.engine.catalogue(),
        board: &parts.engine.board(),
        stats: &parts.engine.stats(),
        feeds: &site.logs()?.feeds,
        series_max: site.options.series_max,
        catalogue_problems: app.catalogue_problems().len(),
        example: parts.example,
        wall: &app.wall,
        started_at: app.started_at,
        ready: readiness::is_ready(&site),
        log_failed: site.logs()?.appender.failure().is_some(),
    };
    let text = scrape.render().map_err(|error| Problem::internal(&error.to_string()))?;
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let (media, text) = match prom::openmetrics::is_preferred(accept) {
        true => (prom::openmetrics::CONTENT_TYPE, prom::openmetrics::of_text(&text)),
        false => (prom::CONTENT_TYPE, text),
    };
    Ok(([(header::CONTENT_TYPE, media), (header::VARY, "accept")], text).into_response())
}
