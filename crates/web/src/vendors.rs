//! The code hosts and trackers whose webhooks are taken: their secrets, the repositories that may send, and which
//! deliveries came lately.
//!
//! Deliberately absent: signatures and routes (`webhooks`).

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use axum::http::StatusCode;
use event::Format;
use serde_json::Value;
use serde_json::value::RawValue;
use surface::output::printable;
use surface::{Problem, Secret};

use crate::options::{Webhook, Webhooks};

/// Deliveries whose ids are remembered, so that one id cannot carry two bodies.
const REMEMBERED: usize = 65_536;

/// What the webhook routes need: secrets, the repositories that may send, and recent deliveries.
pub struct Vendors {
    github: Option<Vendor>,
    gitlab: Option<Vendor>,
    jira: Option<Vendor>,
    gerrit: Option<Vendor>,
    gitea: Option<Vendor>,
    /// Whether the log gets the bodies of unknown kinds.
    pub keep_unknown: bool,
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
    pub fn new(webhooks: &Webhooks) -> Result<Vendors, String> {
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
            gitea: vendor("gitea", &webhooks.gitea)?,
            keep_unknown: webhooks.keep_unknown,
            recent: Mutex::default(),
        })
    }

    pub fn vendor(&self, format: Format) -> Result<&Vendor, Problem> {
        let vendor = match format {
            Format::GitHub => &self.github,
            Format::GitLab => &self.gitlab,
            Format::Jira => &self.jira,
            Format::Gerrit => &self.gerrit,
            Format::Gitea => &self.gitea,
            Format::CloudEvents | Format::Bitbucket | Format::GhArchive | Format::CdEvents => &None,
        };
        let name = format.name();
        vendor.as_ref().ok_or_else(|| {
            let detail = format!("webhooks of {name} are not taken; set webhooks.{name}.secret to take them");
            Problem::new(StatusCode::NOT_FOUND, "not-found", detail)
        })
    }
}

impl Vendor {
    /// Whether the repository or project that a body names is on the list, where there is one. A body that names none is
    /// not.
    pub fn admits(&self, format: Format, body: &[u8]) -> Result<(), Problem> {
        if self.repositories.is_empty() {
            return Ok(());
        }
        let name = format.name();
        match named(format, body) {
            Some(named) if self.repositories.iter().any(|own| matches(own, &named)) => Ok(()),
            Some(named) => Err(Problem::forbidden(format!(
                "{} is not among those of webhooks.{name}.repositories",
                printable(&named)
            ))),
            None => Err(Problem::forbidden(format!(
                "the delivery names no repository or project, so none of webhooks.{name}.repositories"
            ))),
        }
    }
}

/// The repository or project that a delivery is about, as its vendor writes it down.
fn named(format: Format, body: &[u8]) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    let at = |path: &[&str]| text_at(body, path);
    match format {
        Format::GitHub | Format::Gitea => at(&["repository", "full_name"]),
        Format::GitLab => at(&["project", "path_with_namespace"]),
        Format::Jira => at(&["issue", "fields", "project", "key"])
            .or_else(|| Some(at(&["issue", "key"])?.rsplit_once('-')?.0.to_owned()))
            .or_else(|| at(&["version", "projectId"])),
        Format::Gerrit => [
            &["change", "project"][..],
            &["refUpdate", "project"],
            &["project"],
            &["project", "name"],
            &["projectName"],
        ]
        .into_iter()
        .find_map(at),
        Format::CloudEvents | Format::Bitbucket | Format::GhArchive | Format::CdEvents => None,
    }
}

/// The text or number at a path of members, without a look at the rest of the body.
fn text_at(body: &str, path: &[&str]) -> Option<String> {
    let mut found = body;
    for name in path {
        let members: HashMap<String, &RawValue> = serde_json::from_str(found).ok()?;
        found = members.get(*name)?.get();
    }
    match serde_json::from_str(found).ok()? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
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

    #[test]
    fn repositories_are_matched_by_name_or_owner() {
        let vendor = |list: &[&str]| Vendor {
            secret: None,
            token: None,
            repositories: list.iter().map(|&name| name.to_owned()).collect(),
        };
        use Format::{Gerrit, GitHub, GitLab, Jira};
        let github = r#"{"repository":{"full_name":"acme/api"}}"#;
        let gitlab = r#"{"project":{"path_with_namespace":"acme/api"}}"#;
        let jira = r#"{"issue":{"key":"OTHER-7","fields":{"project":{"key":"API"}}}}"#;
        let gerrit =
            r#"{"type":"change-merged","change":{"project":"acme/api"},"project":{"name":"acme/api"}}"#;
        for (format, list, body, allowed) in [
            (GitHub, &[][..], github, true),
            (GitHub, &["acme/api"], github, true),
            (GitLab, &["ACME/API"], gitlab, true),
            (GitHub, &["acme/*"], github, true),
            (GitHub, &["acme/web", "other/*"], github, false),
            (GitHub, &["acme/*"], r#"{"zen":"x"}"#, false),
            (GitHub, &["acme/*"], "no json", false),
            (Jira, &["API"], jira, true),
            (Jira, &["WEB"], jira, false),
            (Jira, &["web"], r#"{"issue":{"key":"WEB-UI-7"}}"#, false),
            (Jira, &["web-ui"], r#"{"issue":{"key":"WEB-UI-7"}}"#, true),
            (Jira, &["10001"], r#"{"version":{"id":"3","projectId":10001}}"#, true),
            (Jira, &["*"], r#"{"sprint":{"id":3}}"#, false),
            (Gerrit, &["acme/*"], gerrit, true),
            (Gerrit, &["acme/web"], gerrit, false),
            (Gerrit, &["api"], r#"{"refUpdate":{"project":"api"}}"#, true),
            (Gerrit, &["api"], r#"{"project":"api"}"#, true),
            (Gerrit, &["api"], r#"{"project":{"name":"api"}}"#, true),
        ] {
            assert_eq!(vendor(list).admits(format, body.as_bytes()).is_ok(), allowed, "{list:?} {body}");
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
}
