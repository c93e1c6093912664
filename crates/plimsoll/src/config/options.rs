//! What the other crates take of the configuration, in their own terms.
//!
//! Invariant: only here does a key become an option of another crate, so none of them knows the names of keys.

use std::time::Duration;

use surface::{Access, Bounds, Pseudonyms, Rules, Visibility, Wall};

use super::Config;
use super::keys::Webhooks;

impl Config {
    /// The rules that hold for all that others reach.
    ///
    /// # Errors
    /// A key of pseudonyms that cannot be read.
    pub fn wall(&self) -> Result<Wall, String> {
        let people = &self.people;
        Ok(Wall::shared(Rules {
            group_min: people.group_min,
            pseudonyms: Pseudonyms::new(&people.pseudonyms)?,
            lists_people: people.visibility == Visibility::All,
            sql: self.http.sql && people.visibility != Visibility::None && people.pseudonyms.is_empty(),
        }))
    }

    /// # Errors
    /// A token that cannot be read.
    pub fn access(&self) -> Result<Access, String> {
        Access::new(&self.tokens, self.people.visibility)
    }

    pub fn bounds(&self) -> Bounds {
        Bounds { rows_max: self.limits.sql_rows_max, steps_max: self.limits.range_steps_max }
    }

    pub fn web_options(&self) -> web::Options {
        let limits = &self.limits;
        web::Options {
            hosts: self.http.hosts.clone(),
            tls: self.http_port().tls().ok().flatten(),
            proxies: self.http_port().proxies().ok().flatten(),
            metrics_open: self.http.metrics_open,
            connections_max: limits.connections_max,
            requests_max: limits.requests_max,
            request_timeout: Duration::from_millis(limits.request_timeout_ms),
            body_bytes_max: limits.body_bytes_max,
            answer_bytes_max: limits.answer_bytes_max,
            events_max: limits.events_max,
            what_if_events_max: limits.what_if_events_max,
            series_max: limits.series_max,
            webhook_bytes_max: limits.webhook_bytes_max,
            webhooks: self.webhooks.options(),
        }
    }

    pub fn engine_options(&self) -> engine::Options {
        engine::Options {
            flush_interval: Duration::from_millis(self.store.flush_interval_ms),
            flush_rows: self.store.flush_rows,
            pending_rows_max: self.store.pending_rows_max,
            pending_bytes_max: self.store.pending_bytes_max,
            refresh_interval: Duration::from_millis(self.board.refresh_interval_ms),
            refresh_interval_max: Duration::from_millis(self.board.refresh_interval_max_ms),
            evaluate_interval: Duration::from_millis(self.board.evaluate_interval_ms),
            sql: engine::SqlLimits {
                rows_max: self.limits.sql_rows_max,
                timeout: Duration::from_millis(self.limits.sql_timeout_ms),
                memory_bytes: self.limits.sql_memory_bytes,
                spill_bytes_max: self.limits.sql_spill_bytes_max,
                ..engine::SqlLimits::default()
            },
            homes: (!self.sites.home.is_empty())
                .then(|| event::Homes::new(self.sites.home.iter().cloned(), false)),
        }
    }

    pub fn ingest_limits(&self) -> ingest::Limits {
        ingest::Limits {
            max_rows: self.ingest.batch_rows_max,
            max_bytes: self.ingest.batch_bytes_max,
            max_wait: Duration::from_millis(self.ingest.batch_wait_ms),
        }
    }
}

impl Webhooks {
    fn options(&self) -> web::Webhooks {
        let mut options = web::Webhooks { keep_unknown: self.keep_unknown, ..web::Webhooks::default() };
        for (vendor, secret, repositories) in [
            (&mut options.github, &self.github.secret, &self.github.repositories),
            (&mut options.jira, &self.jira.secret, &self.jira.repositories),
            (&mut options.gerrit, &self.gerrit.secret, &self.gerrit.repositories),
            (&mut options.gitea, &self.gitea.secret, &self.gitea.repositories),
        ] {
            vendor.secret.clone_from(secret);
            vendor.repositories.clone_from(repositories);
        }
        options.gitlab.secret.clone_from(&self.gitlab.secret);
        options.gitlab.token.clone_from(&self.gitlab.token);
        options.gitlab.repositories.clone_from(&self.gitlab.repositories);
        options
    }
}
