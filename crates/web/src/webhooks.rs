//! `POST /webhooks/{vendor}`: deliveries of code hosts and trackers, as events into the log.
//!
//! Invariants: nothing of a body is looked at before its signature holds; 202 means that the log has
//! the events durably (I1), so a vendor that hears anything else sends again; what an event id was
//! given once is known to the tables, so a delivery that comes twice changes nothing; what the tables would refuse
//! is refused here, as a whole, and the log keeps the body: it becomes a dead letter, and is read again whenever the
//! log is.
//! Deliberately absent: the meaning of bodies (the event crate's normalisers) and the tables.

mod signature;

use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use event::{Delivery, Format, Normalised, Record};
use ingest::{Entry, TICKETS_TOPIC};
use serde_json::{Value, json};
use surface::{Phase, Problem, Secret};

use crate::body::{body_within, media_type};
use crate::site::Site;
use crate::vendors::Vendor;

pub async fn github(State(site): State<Site>, request: Request) -> Result<Response, Problem> {
    signed(&site, Format::GitHub, signature::github, "x-github-delivery", request).await
}

pub async fn gitlab(State(site): State<Site>, request: Request) -> Result<Response, Problem> {
    let (vendor, headers, body) = receive(&site, Format::GitLab, request).await?;
    let now_s = Utc::now().timestamp().unsigned_abs();
    signature::gitlab(vendor.secret.as_ref(), vendor.token.as_ref(), &headers, &body, now_s)?;
    let name = signature::single(&headers, "x-gitlab-event")?;
    let id = match signature::single(&headers, "webhook-id")? {
        Some(id) => Some(id),
        None => signature::single(&headers, "x-gitlab-event-uuid")?,
    };
    take(&site, Format::GitLab, vendor, name, id, &body).await
}

pub async fn jira(State(site): State<Site>, request: Request) -> Result<Response, Problem> {
    signed(&site, Format::Jira, signature::jira, "x-atlassian-webhook-identifier", request).await
}

pub async fn gitea(State(site): State<Site>, request: Request) -> Result<Response, Problem> {
    signed(&site, Format::Gitea, signature::gitea, "x-gitea-delivery", request).await
}

pub async fn gerrit(
    State(site): State<Site>,
    Path(given): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let vendor = site.webhooks.vendor(Format::Gerrit)?;
    signature::gerrit(vendor.secret.as_ref().ok_or_else(unsigned)?, &given)?;
    let (vendor, _, body) = receive(&site, Format::Gerrit, request).await?;
    take(&site, Format::Gerrit, vendor, None, None, &body).await
}

/// A delivery that proves one secret over its body and has its id in a header.
async fn signed(
    site: &Site,
    format: Format,
    proof: fn(&Secret, &HeaderMap, &[u8]) -> Result<(), Problem>,
    id_header: &'static str,
    request: Request,
) -> Result<Response, Problem> {
    let (vendor, headers, body) = receive(site, format, request).await?;
    proof(vendor.secret.as_ref().ok_or_else(unsigned)?, &headers, &body)?;
    let name = match format.event_header() {
        Some(header) => signature::single(&headers, header)?,
        None => None,
    };
    let id = signature::single(&headers, id_header)?;
    take(site, format, vendor, name, id, &body).await
}

/// Reads a body that may be worth it. Its bytes keep their room until the log has the events.
async fn receive(
    site: &Site,
    format: Format,
    request: Request,
) -> Result<(&Vendor, HeaderMap, Bytes), Problem> {
    let vendor = site.webhooks.vendor(format)?;
    if site.app.phase() == Phase::Stopping {
        return Err(Problem::unavailable("stopping", "the server is shutting down"));
    }
    if media_type(request.headers()) != "application/json" {
        return Err(Problem::unsupported_media_type("choose application/json as the webhook's content type"));
    }
    let limit = site.options.webhook_bytes_max;
    let (headers, body) = body_within(site, limit, "limits.webhook_bytes_max", request).await?;
    Ok((vendor, headers, body))
}

/// Normalises a proven delivery and waits until the log has it.
async fn take(
    site: &Site,
    format: Format,
    vendor: &Vendor,
    name: Option<&str>,
    id: Option<&str>,
    body: &[u8],
) -> Result<Response, Problem> {
    vendor.admits(format, body)?;
    let digest: [u8; 32] =
        ring::digest::digest(&ring::digest::SHA256, body).as_ref().try_into().expect("sha-256 has 32 bytes");
    let delivery = id.map(|id| format!("{}:{id}", format.name()));
    if let Some(delivery) = &delivery
        && let Some(known) =
            site.webhooks.recent.lock().expect("no holder of the deliveries panics").get(delivery)
    {
        if known == digest {
            return Ok(accepted(0, true, 0));
        }
        let detail = "this delivery id came before with another body";
        return Err(Problem::new(StatusCode::CONFLICT, "delivery-conflict", detail));
    }
    let received_us = Utc::now().timestamp_micros();
    let (entries, normalised) = match read(site, format, &Delivery { name, body, received_us }, &digest) {
        Ok(read) => read,
        Err(problem) => {
            let kept = keep(site, format, name, delivery.as_deref(), digest, body).await;
            return Err(problem.with("kept", kept));
        }
    };
    let events = entries.len();
    site.append(entries).await?;
    if let Some(delivery) = delivery {
        site.webhooks.recent.lock().expect("no holder of the deliveries panics").insert(delivery, digest);
    }
    Ok(accepted(events, normalised.known, normalised.cleaned))
}

/// What a delivery says, and its entries for the log, all of which the tables would take.
fn read(
    site: &Site,
    format: Format,
    delivery: &Delivery<'_>,
    digest: &[u8],
) -> Result<(Vec<Entry>, Normalised), Problem> {
    let normalised = event::normalise(format, delivery).map_err(|reject| refused(&reject, String::new()))?;
    let entries = entries(site, format, &normalised, digest, delivery.body);
    for (entry, id) in entries.iter().zip(normalised.events.iter().map(|event| &event.id)) {
        check(entry, delivery.received_us).map_err(|reject| refused(&reject, format!("event {id}: ")))?;
    }
    Ok((entries, normalised))
}

/// Puts a body that nobody can read into the log, once for each delivery; says whether the log has it.
async fn keep(
    site: &Site,
    format: Format,
    name: Option<&str>,
    delivery: Option<&str>,
    digest: [u8; 32],
    body: &[u8],
) -> bool {
    let recent = || site.webhooks.recent.lock().expect("no holder of the deliveries panics");
    let known_as = delivery.map(|delivery| format!("refused {delivery}"));
    if known_as.as_ref().is_some_and(|known_as| recent().get(known_as) == Some(digest)) {
        return true;
    }
    let origin = format!("webhook {}", delivery.unwrap_or(format.name()));
    let kept = site.append(vec![ingest::refused_body(format, name, &origin, body)]).await.is_ok();
    if let Some(known_as) = known_as.filter(|_| kept) {
        recent().insert(known_as, digest);
    }
    kept
}

/// The events of a delivery; of an unknown kind a note that it came, with the body where that is asked for.
fn entries(site: &Site, format: Format, normalised: &Normalised, digest: &[u8], body: &[u8]) -> Vec<Entry> {
    if normalised.known {
        return normalised.events.iter().map(Entry::from).collect();
    }
    let mut note = json!({
        "specversion": "1.0",
        "id": hex::encode(digest),
        "source": format.name(),
        "type": format!("webhook.{}.{}", format.name(), normalised.kind),
        "time": Utc::now().to_rfc3339(),
    });
    let entry = |note: &Value| {
        let value = note.to_string().into_bytes();
        Entry { topic: TICKETS_TOPIC, key: Vec::new(), headers: Vec::new(), value }
    };
    if site.webhooks.keep_unknown {
        let plain = entry(&note);
        let text = std::str::from_utf8(body).unwrap_or_default();
        note["data"] = serde_json::from_str(&event::clean_json(text).0).unwrap_or_default();
        // A body that no event can hold stays out, since it would take the note with it.
        return vec![Some(entry(&note)).filter(|whole| check(whole, 0).is_ok()).unwrap_or(plain)];
    }
    vec![entry(&note)]
}

/// Whether the tables would take an entry.
fn check(entry: &Entry, received_us: i64) -> Result<(), event::Reject> {
    let record = Record {
        topic: "webhook",
        partition: 0,
        offset: 0,
        timestamp_us: received_us,
        key: Some(&entry.key),
        headers: &[],
        value: Some(&entry.value),
    };
    event::decode(&record).map(drop)
}

fn refused(reject: &event::Reject, what: String) -> Problem {
    let reason = reject.reason.as_str();
    let detail = format!("{what}{reason}: {}", reject.detail);
    let problem = match reject.reason {
        event::Reason::ValueTooLarge => Problem::too_large(detail),
        _ => Problem::new(StatusCode::BAD_REQUEST, "malformed-event", detail),
    };
    problem.with("reason", reason)
}

fn accepted(events: usize, known: bool, cleaned: u64) -> Response {
    let mut answer = json!({ "events": events, "known": known });
    if cleaned > 0 {
        answer["cleaned"] = cleaned.into();
    }
    let head = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::ACCEPTED, head, format!("{answer}\n")).into_response()
}

fn unsigned() -> Problem {
    Problem::unauthorized("the delivery is not signed with this webhook's secret")
}
