//! What the configuration says about the HTTP server: bounds, names, and which webhooks are taken.
//!
//! Deliberately absent: defaults of the bounds and reading secrets.

use std::path::PathBuf;
use std::time::Duration;

use surface::peers::Networks;

/// Bounds and names of the HTTP server.
#[derive(Clone, Debug)]
pub struct Options {
    /// Host names beyond loopback that are served.
    pub hosts: Vec<String>,
    /// Certificate and key, files in PEM.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Where a proxy has the TLS: who may connect, besides this machine.
    pub proxies: Option<Networks>,
    /// Whether `/metrics` needs no token.
    pub metrics_open: bool,
    pub connections_max: usize,
    pub requests_max: usize,
    pub request_timeout: Duration,
    pub body_bytes_max: usize,
    /// The largest answer.
    pub answer_bytes_max: usize,
    pub events_max: usize,
    pub what_if_events_max: usize,
    /// Series that a metric has on `/metrics` at most.
    pub series_max: usize,
    pub webhook_bytes_max: usize,
    pub webhooks: Webhooks,
}

/// Which vendors' webhooks are taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Webhooks {
    pub keep_unknown: bool,
    pub github: Webhook,
    pub gitlab: GitlabWebhook,
    pub jira: Webhook,
    pub gerrit: Webhook,
    pub gitea: Webhook,
}

/// One vendor's webhooks; they are taken where a secret is named.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Webhook {
    /// `env:NAME` or `file:PATH`.
    pub secret: String,
    pub repositories: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct GitlabWebhook {
    pub secret: String,
    /// The plain token of older versions.
    pub token: String,
    pub repositories: Vec<String>,
}
