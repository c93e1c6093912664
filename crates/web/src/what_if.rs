//! `POST /api/v1/metrics/{name}` and `.../range`: the metric with events that exist for this request only.
//!
//! Invariant: nothing of the body is stored. Who may ask so is who may ask SQL, since chosen events and the numbers
//! that come of them would tell what small groups and other people's rows hide.

use axum::extract::Request;
use axum::response::Response;
use engine::Overlay;
use surface::Problem;

use crate::body::{body, media_type};
use crate::request::{MetricName, Visitor};
use crate::{api, events, range};

pub async fn metric(visitor: Visitor, name: MetricName, request: Request) -> Result<Response, Problem> {
    let overlay = overlay(&visitor, request).await?;
    let events = overlay.events();
    api::one(&visitor, name, Some(overlay)).await.map(|answer| counted(answer, events))
}

pub async fn range(visitor: Visitor, name: MetricName, request: Request) -> Result<Response, Problem> {
    let overlay = overlay(&visitor, request).await?;
    let events = overlay.events();
    range::steps(&visitor, name, Some(overlay)).await.map(|answer| counted(answer, events))
}

/// The events that the body has, from a caller who may assume any.
async fn overlay(visitor: &Visitor, request: Request) -> Result<Overlay, Problem> {
    visitor.caller.may_sql(&visitor.site.app.wall)?;
    let options = &visitor.site.options;
    let (headers, bytes) = body(&visitor.site, request).await?;
    let events_max = options.what_if_events_max;
    match media_type(&headers).as_str() {
        "application/x-ndjson" | "text/plain" => Ok(Overlay::of_lines(&bytes, events_max)?),
        "application/cloudevents+json" => Ok(Overlay::new([&bytes[..]], events_max)?),
        "application/cloudevents-batch+json" => {
            let elements = events::elements(&bytes, events_max, "limits.what_if_events_max")?;
            Ok(Overlay::new(elements.iter().map(|element| element.get().as_bytes()), events_max)?)
        }
        _ => Err(Problem::unsupported_media_type(
            "send application/x-ndjson with one event a line, or application/cloudevents-batch+json",
        )),
    }
}

/// CSV has no room for how many events were assumed, and the header has.
fn counted(mut answer: Response, events: usize) -> Response {
    answer.headers_mut().insert("x-plimsoll-what-if", events.into());
    answer
}
