//! `POST /webhooks/{vendor}`: deliveries of code hosts and trackers, as events into the log.
//!
//! Invariants: nothing of a body is looked at before its signature holds; 202 means that the log has
//! the events durably (I1), so a vendor that hears anything else sends again; what an event id was
//! given once is known to the tables, so a delivery that comes twice changes nothing.
//! Deliberately absent: the meaning of bodies (the event crate's normalisers) and the tables.

mod signature;

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use event::{Delivery, Format, Normalised};
use ingest::{Entry, topic};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{Semaphore, SemaphorePermit};

use surface::Phase;

use super::site::{self, Site};
use super::{append, body_within, media_type};
use surface::Problem;
use surface::Secret;

/// Deliveries whose ids are remembered, so that one id cannot carry two bodies.
const REMEMBERED: usize = 65_536;
/// Bodies in memory at once, in KiB of what they announce.
const BODIES_KIB: usize = 256 << 10;

/// What the webhook routes need: secrets, the repositories that may send, and recent deliveries.
pub struct Vendors {
    github: Option<Vendor>,
    gitlab: Option<Vendor>,
    jira: Option<Vendor>,
    gerrit: Option<Vendor>,
    keep_unknown: bool,
    body_bytes_max: usize,
    bodies: Semaphore,
    recent: Mutex<Recent>,
}

struct Vendor {
    secret: Option<Secret>,
    token: Option<Secret>,
    repositories: Vec<String>,
}

impl Vendors {
    /// Reads the secrets that the configuration names.
    ///
    /// # Errors
    /// The key whose secret cannot be read: the server then does not listen.
    pub fn new(webhooks: &site::Webhooks, body_bytes_max: usize) -> Result<Vendors, String> {
        let read = |key: &str, source: &str| match source {
            "" => Ok(None),
            source => Secret::read(source).map(Some).map_err(|error| format!("{key} {error}")),
        };
        let vendor = |name: &str, vendor: &site::Webhook| {
            let secret = read(&format!("webhooks.{name}.secret"), &vendor.secret)?;
            let repositories = vendor.repositories.clone();
            Ok::<_, String>(secret.map(|secret| Vendor { secret: Some(secret), token: None, repositories }))
        };
        let gitlab = Vendor {
            secret: read("webhooks.gitlab.secret", &webhooks.gitlab.secret)?,
            token: read("webhooks.gitlab.token", &webhooks.gitlab.token)?,
            repositories: webhooks.gitlab.repositories.clone(),
        };
        Ok(Vendors {
            github: vendor("github", &webhooks.github)?,
            gitlab: (gitlab.secret.is_some() || gitlab.token.is_some()).then_some(gitlab),
            jira: vendor("jira", &webhooks.jira)?,
            gerrit: vendor("gerrit", &webhooks.gerrit)?,
            keep_unknown: webhooks.keep_unknown,
            body_bytes_max,
            bodies: Semaphore::new(BODIES_KIB),
            recent: Mutex::default(),
        })
    }

    fn vendor(&self, format: Format) -> Result<&Vendor, Problem> {
        let vendor = match format {
            Format::GitHub => &self.github,
            Format::GitLab => &self.gitlab,
            Format::Jira => &self.jira,
            Format::Gerrit => &self.gerrit,
            Format::CloudEvents | Format::Bitbucket | Format::GhArchive | Format::CdEvents => &None,
        };
        let name = format.name();
        vendor.as_ref().ok_or_else(|| {
            let detail = format!("webhooks of {name} are not taken; set webhooks.{name}.secret to take them");
            Problem::new(StatusCode::NOT_FOUND, "not-found", detail)
        })
    }

    /// Room for a body of the announced length, or of the largest one.
    async fn room(&self, headers: &HeaderMap) -> Result<SemaphorePermit<'_>, Problem> {
        let announced =
            headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let kib = announced.unwrap_or(self.body_bytes_max).min(self.body_bytes_max).div_ceil(1024).max(1);
        let kib = u32::try_from(kib.min(BODIES_KIB)).expect("the room is counted in 32 bits");
        self.bodies.acquire_many(kib).await.map_err(|_| Problem::internal("the room for bodies was closed"))
    }
}

pub async fn github(State(site): State<Site>, request: Request) -> Result<Response, Problem> {
    let (vendor, headers, body) = receive(&site, Format::GitHub, request).await?;
    let secret = vendor.secret.as_ref().ok_or_else(unsigned)?;
    signature::github(secret, &headers, &body)?;
    let name = signature::single(&headers, "x-github-event")?;
    let id = signature::single(&headers, "x-github-delivery")?;
    take(&site, Format::GitHub, vendor, name, id, &body).await
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
    let (vendor, headers, body) = receive(&site, Format::Jira, request).await?;
    let secret = vendor.secret.as_ref().ok_or_else(unsigned)?;
    signature::jira(secret, &headers, &body)?;
    let id = signature::single(&headers, "x-atlassian-webhook-identifier")?;
    take(&site, Format::Jira, vendor, None, id, &body).await
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

/// Reads a body that may be worth it.
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
    let _room = site.webhooks.room(request.headers()).await?;
    let (headers, body) =
        body_within(site.webhooks.body_bytes_max, "limits.webhook_bytes_max", request).await?;
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
    vendor.admits(body)?;
    let digest: [u8; 32] =
        ring::digest::digest(&ring::digest::SHA256, body).as_ref().try_into().expect("sha-256 has 32 bytes");
    let delivery = id.map(|id| format!("{}:{id}", format.name()));
    if let Some(delivery) = &delivery
        && let Some(known) =
            site.webhooks.recent.lock().expect("no holder of the deliveries panics").get(delivery)
    {
        if known == digest {
            return Ok(accepted(0, true));
        }
        let detail = "this delivery id came before with another body";
        return Err(Problem::new(StatusCode::CONFLICT, "delivery-conflict", detail));
    }
    let received_us = Utc::now().timestamp_micros();
    let normalised = event::normalise(format, &Delivery { name, body, received_us }).map_err(|reject| {
        let reason = reject.reason.as_str();
        Problem::new(StatusCode::BAD_REQUEST, "malformed-event", format!("{reason}: {}", reject.detail))
            .with("reason", reason)
    })?;
    let entries = entries(site, format, &normalised, &digest, body);
    let events = entries.len();
    append(site, entries).await?;
    if let Some(delivery) = delivery {
        site.webhooks.recent.lock().expect("no holder of the deliveries panics").insert(delivery, digest);
    }
    Ok(accepted(events, normalised.known))
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
    if site.webhooks.keep_unknown {
        note["data"] = serde_json::from_slice(body).unwrap_or_default();
    }
    let value = note.to_string().into_bytes();
    vec![Entry { topic: topic::TICKETS, key: Vec::new(), headers: Vec::new(), value }]
}

fn accepted(events: usize, known: bool) -> Response {
    let answer = json!({ "events": events, "known": known });
    let head = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::ACCEPTED, head, format!("{answer}\n")).into_response()
}

fn unsigned() -> Problem {
    Problem::unauthorized("the delivery is not signed with this webhook's secret")
}

impl Vendor {
    /// Whether the repository or project of a body is on the list, where there is one.
    fn admits(&self, body: &[u8]) -> Result<(), Problem> {
        #[derive(Deserialize)]
        struct Body<'b> {
            #[serde(borrow)]
            repository: Option<Named<'b>>,
            #[serde(borrow)]
            project: Option<Named<'b>>,
        }
        #[derive(Deserialize)]
        struct Named<'b> {
            #[serde(borrow, alias = "path_with_namespace")]
            full_name: Option<Cow<'b, str>>,
        }
        if self.repositories.is_empty() {
            return Ok(());
        }
        let body: Option<Body<'_>> = serde_json::from_slice(body).ok();
        let full = |named: Option<Named<'_>>| named?.full_name.map(Cow::into_owned);
        let name = body.and_then(|body| full(body.repository).or_else(|| full(body.project)));
        let allowed =
            name.as_deref().is_some_and(|name| self.repositories.iter().any(|own| matches(own, name)));
        if allowed {
            return Ok(());
        }
        Err(Problem::forbidden("this repository is not among those of webhooks.*.repositories"))
    }
}

/// `acme/api`, or `acme/*` for all of an owner.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => {
            name.len() >= prefix.len()
                && name.as_bytes()[..prefix.len()].eq_ignore_ascii_case(prefix.as_bytes())
        }
        None => pattern.eq_ignore_ascii_case(name),
    }
}

/// The last deliveries, with a digest of their bodies.
#[derive(Default)]
struct Recent {
    digests: HashMap<String, [u8; 32]>,
    order: VecDeque<String>,
}

impl Recent {
    fn get(&self, delivery: &str) -> Option<[u8; 32]> {
        self.digests.get(delivery).copied()
    }

    fn insert(&mut self, delivery: String, digest: [u8; 32]) {
        if self.digests.insert(delivery.clone(), digest).is_none() {
            self.order.push_back(delivery);
        }
        while self.order.len() > REMEMBERED {
            let oldest = self.order.pop_front().expect("there are some");
            self.digests.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_matched_by_name_or_owner() {
        let vendor = |list: &[&str]| Vendor {
            secret: None,
            token: None,
            repositories: list.iter().map(|&name| name.to_owned()).collect(),
        };
        let github = br#"{"repository":{"full_name":"acme/api"}}"#;
        let gitlab = br#"{"project":{"path_with_namespace":"acme/api"}}"#;
        for (list, body, allowed) in [
            (&[][..], &github[..], true),
            (&["acme/api"][..], github, true),
            (&["ACME/API"], gitlab, true),
            (&["acme/*"], github, true),
            (&["acme/web", "other/*"], github, false),
            (&["acme/*"], br#"{"zen":"x"}"#, false),
            (&["acme/*"], b"no json", false),
        ] {
            assert_eq!(vendor(list).admits(body).is_ok(), allowed, "{list:?}");
        }
    }

    #[test]
    fn only_so_many_deliveries_are_remembered() {
        let mut recent = Recent::default();
        for n in 0..REMEMBERED + 10 {
            recent.insert(n.to_string(), [0; 32]);
        }
        assert_eq!(
            (recent.digests.len(), recent.get("9"), recent.get("10")),
            (REMEMBERED, None, Some([0; 32]))
        );
    }
}
