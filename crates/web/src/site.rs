//! What the HTTP server has beyond what every surface has: its options, the logs, and what pages keep.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::FromRef;
use ingest::{Appender, FeedLog, Progress};
use serde::{Deserialize, Serialize};
use surface::{App, Problem};
use tokio::sync::Semaphore;

use crate::pages::Kept;
use crate::webhooks;

/// Bounds and names of the HTTP server.
#[derive(Clone, Debug)]
pub struct Options {
    /// Host names beyond loopback that are served.
    pub hosts: Vec<String>,
    /// Whether `/metrics` needs no token.
    pub metrics_open: bool,
    pub requests_max: usize,
    pub request_timeout: Duration,
    pub body_bytes_max: usize,
    pub events_max: usize,
    pub what_if_events_max: usize,
    /// Series that a metric has on `/metrics` at most.
    pub series_max: usize,
    pub webhook_bytes_max: usize,
    pub webhooks: Webhooks,
}

/// Which vendors' webhooks are taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    pub keep_unknown: bool,
    pub github: Webhook,
    pub gitlab: GitlabWebhook,
    pub jira: Webhook,
    pub gerrit: Webhook,
}

/// One vendor's webhooks; they are taken where a secret is named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// `env:NAME` or `file:PATH`.
    pub secret: String,
    pub repositories: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GitlabWebhook {
    pub secret: String,
    /// The plain token of older versions.
    pub token: String,
    pub repositories: Vec<String>,
}

/// What can be told about a log that is being read.
pub struct FeedView {
    pub log: FeedLog,
    pub progress: Arc<Progress>,
}

/// Where posted events go, and what is read.
pub struct Logs {
    pub appender: Appender,
    /// One for each log that is read.
    pub feeds: Vec<FeedView>,
}

/// The state of every route.
#[derive(Clone)]
pub struct Site(Arc<Shared>);

pub struct Shared {
    pub app: Arc<App>,
    pub options: Options,
    pub webhooks: webhooks::Vendors,
    /// Results of past moments that pages asked for.
    pub kept: Kept,
    pub places: Semaphore,
    logs: OnceLock<Logs>,
}

impl Site {
    /// # Errors
    /// A secret that the options name and that cannot be read: the server then does not listen.
    pub fn new(app: Arc<App>, options: Options) -> Result<Site, String> {
        Ok(Site(Arc::new(Shared {
            app,
            webhooks: webhooks::Vendors::new(&options.webhooks, options.webhook_bytes_max)?,
            kept: Kept::default(),
            places: Semaphore::new(options.requests_max),
            options,
            logs: OnceLock::new(),
        })))
    }

    /// Called once, before the store is opened to requests.
    pub fn open(&self, logs: Logs) {
        let first = self.logs.set(logs).is_ok();
        assert!(first, "the logs are opened once");
    }

    pub fn logs(&self) -> Result<&Logs, Problem> {
        self.logs.get().ok_or_else(|| {
            Problem::unavailable("starting", "the store is being opened; /readyz tells when it is there")
        })
    }
}

impl Deref for Site {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl FromRef<Site> for Arc<App> {
    fn from_ref(site: &Site) -> Arc<App> {
        Arc::clone(&site.app)
    }
}
