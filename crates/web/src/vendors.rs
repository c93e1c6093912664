//! The code hosts and trackers whose webhooks are taken: their secrets, the repositories that may send, and which
//! deliveries came lately.
//!
//! Deliberately absent: signatures and routes (`webhooks`).

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::ops::Deref;
use std::sync::Mutex;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use event::Format;
use serde::Deserialize;
use surface::{Problem, Secret};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::body::body_within;
use crate::options::{Webhook, Webhooks};

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
    /// Whether the log gets the bodies of unknown kinds.
    pub keep_unknown: bool,
    body_bytes_max: usize,
    bodies: Semaphore,
    pub recent: Mutex<RecentDeliveries>,
}

pub struct Vendor {
    pub secret: Option<Secret>,
    pub token: Option<Secret>,
    repositories: Vec<String>,
}

impl Vendors {
    /// Reads the secrets that the configuration names.
    ///
    /// # Errors
    /// The key whose secret cannot be read: the server then does not listen.
    pub fn new(webhooks: &Webhooks, body_bytes_max: usize) -> Result<Vendors, String> {
        let read = |key: &str, source: &str| match source {
            "" => Ok(None),
            source => Secret::read(source).map(Some).map_err(|error| format!("{key} {error}")),
        };
        let vendor = |name: &str, vendor: &Webhook| {
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

    pub fn vendor(&self, format: Format) -> Result<&Vendor, Problem> {
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

    /// Reads a body once there is room for it: of its announced length, or of the largest one.
    pub async fn read(&self, request: Request) -> Result<(HeaderMap, HeldBody<'_>), Problem> {
        let announced = request.headers().get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
        let kib = announced.unwrap_or(self.body_bytes_max).min(self.body_bytes_max).div_ceil(1024).max(1);
        let kib = u32::try_from(kib.min(BODIES_KIB)).expect("the room is counted in 32 bits");
        let room = self.bodies.acquire_many(kib).await;
        let room = room.map_err(|_| Problem::internal("the room for bodies was closed"))?;
        let (headers, bytes) = body_within(self.body_bytes_max, "limits.webhook_bytes_max", request).await?;
        Ok((headers, HeldBody { bytes, _room: room }))
    }
}

/// A body with its room, which others wait for until the body is gone.
pub struct HeldBody<'v> {
    bytes: Bytes,
    // Dropped after the bytes, since fields are dropped in the order in which they stand here.
    _room: SemaphorePermit<'v>,
}

impl Deref for HeldBody<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Vendor {
    /// Whether the repository or project of a body is on the list, where there is one.
    pub fn admits(&self, body: &[u8]) -> Result<(), Problem> {
        #[derive(Deserialize)]
        struct Body<'b> {
            #[serde(borrow)]
            repository: Option<Repository<'b>>,
            #[serde(borrow)]
            project: Option<Repository<'b>>,
        }
        #[derive(Deserialize)]
        struct Repository<'b> {
            #[serde(borrow, alias = "path_with_namespace")]
            full_name: Option<Cow<'b, str>>,
        }
        if self.repositories.is_empty() {
            return Ok(());
        }
        let body: Option<Body<'_>> = serde_json::from_slice(body).ok();
        let full = |named: Option<Repository<'_>>| named?.full_name.map(Cow::into_owned);
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
pub struct RecentDeliveries {
    digests: HashMap<String, [u8; 32]>,
    order: VecDeque<String>,
}

impl RecentDeliveries {
    pub fn get(&self, delivery: &str) -> Option<[u8; 32]> {
        self.digests.get(delivery).copied()
    }

    pub fn insert(&mut self, delivery: String, digest: [u8; 32]) {
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
    use axum::body::Body;
    use axum::http::HeaderValue;

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
        let mut recent = RecentDeliveries::default();
        for n in 0..REMEMBERED + 10 {
            recent.insert(n.to_string(), [0; 32]);
        }
        assert_eq!(
            (recent.digests.len(), recent.get("9"), recent.get("10")),
            (REMEMBERED, None, Some([0; 32]))
        );
    }

    #[tokio::test]
    async fn a_body_keeps_its_room_until_it_is_gone() {
        let vendors = Vendors::new(&Webhooks::default(), 10 << 10).unwrap();
        let request = |announced: Option<&'static str>, body: &'static str| {
            let mut request = Request::new(Body::from(body));
            let length = announced.map(|length| (header::CONTENT_LENGTH, HeaderValue::from_static(length)));
            request.headers_mut().extend(length);
            request
        };
        let (_, small) = vendors.read(request(Some("2"), "{}")).await.unwrap();
        assert_eq!((&*small, vendors.bodies.available_permits()), (&b"{}"[..], BODIES_KIB - 1));
        let (_, unannounced) = vendors.read(request(None, "[]")).await.unwrap();
        assert_eq!(vendors.bodies.available_permits(), BODIES_KIB - 11, "as much as the largest body");
        drop(small);
        assert_eq!(vendors.bodies.available_permits(), BODIES_KIB - 10);
        drop(unannounced);
        assert!(vendors.read(request(Some("20480"), "[]")).await.is_err(), "over the limit");
        assert_eq!(vendors.bodies.available_permits(), BODIES_KIB);
    }
}
