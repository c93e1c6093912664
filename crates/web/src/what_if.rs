//! `POST /api/v1/metrics/{name}` and `.../range`: the metric with events that exist for this request only.
//!
//! Invariant: nothing of the body is stored. Who may ask so is who may ask SQL, since chosen events and the numbers
//! that come of them would tell what small groups and other people's rows hide.

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use engine::Overlay;
use surface::{Caller, Problem};

use crate::api::{self, Asking};
use crate::body::{body, media_type};
use crate::options::Options;
use crate::site::Site;
use crate::{events, range};

pub async fn metric(
    State(site): State<Site>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    let (asking, events) = assuming(&site, &caller, path, raw, request).await?;
    api::one(&site.app, &caller, asking).await.map(|answer| said(answer, events))
}

pub async fn range(
    State(site): State<Site>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    let (asking, events) = assuming(&site, &caller, path, raw, request).await?;
    range::series_of(&site.app, &caller, asking).await.map(|answer| said(answer, events))
}

/// The request, and how many events it assumes.
async fn assuming(
    site: &Site,
    caller: &Caller,
    path: Result<Path<String>, PathRejection>,
    raw: Option<String>,
    request: Request,
) -> Result<(Asking, usize), Problem> {
    caller.may_sql(&site.app.wall)?;
    let (headers, overlay) = overlay(&site.options, request).await?;
    let events = overlay.events();
    Ok((Asking { path, raw, headers, what_if: Some(overlay) }, events))
}

/// CSV has no room to say so, and the header has.
fn said(mut answer: Response, events: usize) -> Response {
    answer.headers_mut().insert("x-plimsoll-what-if", events.into());
    answer
}

async fn overlay(options: &Options, request: Request) -> Result<(HeaderMap, Overlay), Problem> {
    let (headers, bytes) = body(options, request).await?;
    let events_max = options.what_if_events_max;
    let overlay = match media_type(&headers).as_str() {
        "application/x-ndjson" | "text/plain" => Overlay::of_lines(&bytes, events_max)?,
        "application/cloudevents+json" => Overlay::new([&bytes[..]], events_max)?,
        "application/cloudevents-batch+json" => {
            let elements = events::elements(&bytes, events_max, "limits.what_if_events_max")?;
            Overlay::new(elements.iter().map(|element| element.get().as_bytes()), events_max)?
        }
        _ => {
            return Err(Problem::unsupported_media_type(
                "send application/x-ndjson with one event a line, or application/cloudevents-batch+json",
            ));
        }
    };
    Ok((headers, overlay))
}
