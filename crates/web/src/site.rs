//! The state of every route: what every surface has, and the options, logs, vendors and cache of this one.
//!
//! Deliberately absent: routes.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::FromRef;
use ingest::Entry;
use surface::{App, Problem};
use tokio::sync::Semaphore;

use crate::logs::Logs;
use crate::options::Options;
use crate::series_cache::SeriesCache;
use crate::vendors::Vendors;

/// Time for the log to take events; beyond it the sender is told to try again.
const LOG_TIMEOUT: Duration = Duration::from_secs(8);

/// The state of every route.
#[derive(Clone)]
pub struct Site(Arc<Shared>);

pub struct Shared {
    pub app: Arc<App>,
    pub options: Options,
    pub webhooks: Vendors,
    /// Results of past moments that pages asked for.
    pub series: SeriesCache,
    pub places: Semaphore,
    logs: OnceLock<Logs>,
}

impl Site {
    /// # Errors
    /// A secret that the options name and that cannot be read: the server then does not listen.
    pub fn new(app: Arc<App>, options: Options) -> Result<Site, String> {
        Ok(Site(Arc::new(Shared {
            app,
            webhooks: Vendors::new(&options.webhooks, options.webhook_bytes_max)?,
            series: SeriesCache::default(),
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
        self.logs.get().ok_or_else(Problem::starting)
    }

    /// Waits until the log has `entries` durably; no entries are no wait.
    pub async fn append(&self, entries: Vec<Entry>) -> Result<(), Problem> {
        if entries.is_empty() {
            return Ok(());
        }
        match tokio::time::timeout(LOG_TIMEOUT, self.logs()?.appender.append(entries)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                tracing::error!(%error, "the log refused events");
                Err(Problem::unavailable("log-down", "the log did not take the events; send them again"))
            }
            Err(_) => {
                tracing::error!(timeout_s = LOG_TIMEOUT.as_secs(), "the log took too long");
                Err(Problem::unavailable(
                    "log-down",
                    "the log did not confirm the events in time; send them again, doubles are dropped",
                ))
            }
        }
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
