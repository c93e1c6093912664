//! `GET /report/weekly` and `GET /report/roadmap`: the reports of the command line, as others may see them.
//!
//! Invariant: each result passes the rules of its metric's own route before a sentence is made of it, and metrics about
//! single people are in no report.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use report::{self, Format, Kind, Week, What};
use surface::output::EXAMPLE_NOTE;
use surface::{App, Problem};

use crate::query_string::QueryString;
use crate::request::time;

pub async fn weekly(
    State(app): State<Arc<App>>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut given = QueryString::parse(raw.as_deref(), ["week", "as_of", "known_at", "team", "format"])?;
    let now = Utc::now();
    let week = given.take("week").map(|text| Week::parse(&text)).transpose();
    let week = week.map_err(|reason| Problem::bad_parameter("week", &reason))?;
    let as_of = match (week, time(&mut given, "as_of")?) {
        (Some(_), Some(_)) => return Err(Problem::bad_parameter("week", "is given beside as_of; give one")),
        (Some(week), None) => week.end(),
        (None, Some(as_of)) => as_of,
        (None, None) => Week::before(now).end(),
    };
    let known_at = time(&mut given, "known_at")?.unwrap_or(now);
    answer(app, given, &headers, What::new(Kind::Weekly, as_of, known_at)).await
}

pub async fn roadmap(
    State(app): State<Arc<App>>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut given = QueryString::parse(raw.as_deref(), ["since", "as_of", "known_at", "team", "format"])?;
    let now = Utc::now();
    let (as_of, known_at) = (time(&mut given, "as_of")?, time(&mut given, "known_at")?);
    let mut what = What::new(Kind::Roadmap, as_of.unwrap_or(now), known_at.unwrap_or(now));
    what.since = time(&mut given, "since")?;
    answer(app, given, &headers, what).await
}

async fn answer(
    app: Arc<App>,
    mut given: QueryString,
    headers: &HeaderMap,
    mut what: What,
) -> Result<Response, Problem> {
    what.team = given.take("team");
    let format = format(given.take("format").as_deref(), headers)?;
    let parts = app.parts()?;
    let (engine, example, shown_by) = (parts.engine.clone(), parts.example, Arc::clone(&app));
    let report =
        parts.compute(async move { report::make(&engine, &what, &shown_by.wall, example).await }).await?;
    let head =
        [(header::CONTENT_TYPE, format.media_type()), (header::CONTENT_SECURITY_POLICY, Format::POLICY)];
    let mut response = (head, report.write(format)).into_response();
    if example {
        response.headers_mut().insert("x-plimsoll-example", header::HeaderValue::from_static(EXAMPLE_NOTE));
    }
    Ok(response)
}

/// `format=` decides, else what the caller would rather have, and a page is what most want.
fn format(given: Option<&str>, headers: &HeaderMap) -> Result<Format, Problem> {
    if let Some(name) = given {
        return Format::from_name(name)
            .ok_or_else(|| Problem::bad_parameter("format", "is none of html, md, json"));
    }
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let first = accept.split([',', ';']).next().unwrap_or_default().trim();
    Ok(match first {
        "application/json" => Format::Json,
        "text/markdown" => Format::Markdown,
        _ => Format::Html,
    })
}
