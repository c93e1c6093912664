//! `GET /report/weekly` and `GET /report/roadmap`: the reports of the command line, as others may see them.
//!
//! Invariant: each result passes the rules of its metric's own route before a sentence is made of it, and metrics about
//! single people are in no report.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use report::{self, Format, Kind, Week, What};
use surface::Problem;
use surface::output::EXAMPLE_NOTE;

use crate::query_string::QueryString;
use crate::request::{Visitor, time};

pub async fn weekly(visitor: Visitor) -> Result<Response, Problem> {
    let mut given =
        QueryString::parse(visitor.raw.as_deref(), ["week", "as_of", "known_at", "team", "format"])?;
    let now = Utc::now();
    let week = given.take("week").map(|text| Week::parse(&text)).transpose();
    let week = week.map_err(|reason| Problem::bad_parameter("week", &reason))?;
    let as_of = match (week, time(&mut given, "as_of")?) {
        (Some(_), Some(_)) => {
            return Err(Problem::bad_parameter("week", "cannot be given together with as_of; give one"));
        }
        (Some(week), None) => week.end(),
        (None, Some(as_of)) => as_of,
        (None, None) => Week::before(now).end(),
    };
    let known_at = time(&mut given, "known_at")?.unwrap_or(now);
    answer(&visitor, given, What::new(Kind::Weekly, as_of, known_at)).await
}

pub async fn roadmap(visitor: Visitor) -> Result<Response, Problem> {
    let mut given =
        QueryString::parse(visitor.raw.as_deref(), ["since", "as_of", "known_at", "team", "format"])?;
    let now = Utc::now();
    let (as_of, known_at) = (time(&mut given, "as_of")?, time(&mut given, "known_at")?);
    let mut what = What::new(Kind::Roadmap, as_of.unwrap_or(now), known_at.unwrap_or(now));
    what.since = time(&mut given, "since")?;
    answer(&visitor, given, what).await
}

async fn answer(visitor: &Visitor, mut given: QueryString, mut what: What) -> Result<Response, Problem> {
    let app = &visitor.site.app;
    what.team = given.take("team");
    let format = format(given.take("format").as_deref(), &visitor.headers)?;
    let parts = app.parts()?;
    let (engine, example, shown_by) = (parts.engine.clone(), parts.example, Arc::clone(app));
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
            .ok_or_else(|| Problem::bad_parameter("format", "must be one of html, md, json"));
    }
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let first = accept.split([',', ';']).next().unwrap_or_default().trim();
    Ok(match first {
        "application/json" => Format::Json,
        "text/markdown" => Format::Markdown,
        _ => Format::Html,
    })
}
