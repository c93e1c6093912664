//! The state of every route: what every surface has, and the options, logs, vendors and cache of this one.
//!
//! Deliberately absent: routes.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::FromRef;
use ingest::Entry;
use surface::output::Writing;
use surface::{App, Parts, Problem};
use tokio::sync::Semaphore;

use crate::logs::Logs;
use crate::options::Options;
use crate::room::Room;
use crate::series_cache::SeriesCache;
use crate::vendors::Vendors;

/// Time for the log to take events; beyond it the sender is told to try again.
const LOG_TIMEOUT: Duration = Duration::from_secs(8);
/// Bodies in memory at once.
const BODIES_BYTES_MAX: usize = 256 << 20;
/// Answers in memory at once, besides those that are being written; two of the largest fit whatever the key says.
const ANSWERS_BYTES_MIN: usize = 256 << 20;

/// The state of every route.
#[derive(Clone)]
pub struct Site(Arc<Shared>);

pub struct Shared {
    pub app: Arc<App>,
    pub options: Options,
    pub webhooks: Vendors,
    /// Results of past moments that pages asked for.
    pub series: SeriesCache,
    pub places: Arc<Semaphore>,
    /// Memory for bodies of requests.
    pub bodies: Arc<Room>,
    /// Memory for answers, until their last byte is written.
    pub answers: Arc<Room>,
    logs: OnceLock<Logs>,
}

impl Site {
    /// # Errors
    /// A secret that the options name and that cannot be read: the server then does not listen.
    pub fn new(app: Arc<App>, options: Options) -> Result<Site, String> {
        Ok(Site(Arc::new(Shared {
            app,
            webhooks: Vendors::new(&options.webhooks)?,
            series: SeriesCache::default(),
            places: Arc::new(Semaphore::new(options.requests_max)),
            bodies: Room::new(BODIES_BYTES_MAX),
            answers: Room::new(ANSWERS_BYTES_MIN.max(2 * options.answer_bytes_max)),
            options,
            logs: OnceLock::new(),
        })))
    }

    /// Called once, before the store is opened to requests.
    pub fn open(&self, logs: Logs) {
        let first = self.logs.set(logs).is_ok();
        assert!(first, "the logs are opened once");
    }

    /// How answers that are results are written.
    pub fn writing(&self, parts: &Parts) -> Writing {
        Writing { example: parts.example, bytes_max: self.options.answer_bytes_max }
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
            Ok(Err(error @ ingest::Error::TooLargeForTopic { index, .. })) => {
                Err(Problem::too_large(error.to_string()).with("index", index))
            }
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
