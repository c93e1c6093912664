//! The Prometheus page: team-level metrics from the board, and figures about the engine itself.
//!
//! A metric's value is `plimsoll_<metric>`; each column that it lists as a gauge is
//! `plimsoll_<metric>_<column>`; both end in their unit (`Metric::series`).
//!
//! Invariants: a scrape reads the board and counters and runs no query, so it costs the same at any
//! history; series are bounded for each metric, and what is dropped is counted; person-level
//! metrics never appear; values are in base units.

use std::sync::atomic::Ordering;

use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use engine::{Board, Catalogue, Level, Stats};
use ingest::{FeedLog, KafkaStatus};
use prometheus::{GaugeVec, Registry, TextEncoder};
use surface::output::EXAMPLE_NOTE;
use surface::{Shown, Sight, Wall};

use crate::logs::FeedView;

pub mod openmetrics;
mod series;

use series::{counters, fill, gauges, number, register, timestamp};

pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What one scrape shows.
pub struct Scrape<'a> {
    pub catalogue: &'a Catalogue,
    pub board: &'a Board,
    pub stats: &'a Stats,
    pub feeds: &'a [FeedView],
    pub series_max: usize,
    /// Problems of the user's files.
    pub catalogue_problems: usize,
    pub example: bool,
    pub wall: &'a Wall,
    pub started_at: DateTime<Utc>,
    pub ready: bool,
    pub log_failed: bool,
}

/// Why a scrape could not be made: our bug, since names come from a checked catalogue.
#[derive(Debug)]
pub enum ScrapeError {
    Prometheus(prometheus::Error),
    Arrow(ArrowError),
}

impl std::fmt::Display for ScrapeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Prometheus(error) => write!(f, "prometheus page: {error}"),
            Self::Arrow(error) => write!(f, "prometheus page: {error}"),
        }
    }
}

impl From<prometheus::Error> for ScrapeError {
    fn from(error: prometheus::Error) -> Self {
        Self::Prometheus(error)
    }
}

impl From<ArrowError> for ScrapeError {
    fn from(error: ArrowError) -> Self {
        Self::Arrow(error)
    }
}

impl Scrape<'_> {
    pub fn render(&self) -> Result<String, ScrapeError> {
        let registry = Registry::new();
        self.records(&registry)?;
        self.logs(&registry)?;
        self.state(&registry)?;
        self.metrics(&registry)?;
        Ok(TextEncoder::new().encode_to_string(&registry.gather())?)
    }

    /// One gauge family for each team-level metric, and how its evaluation went.
    fn metrics(&self, registry: &Registry) -> Result<(), ScrapeError> {
        let last = gauges(
            "plimsoll_metric_last_success_timestamp_seconds",
            "When the metric was last evaluated.",
            &["metric"],
        )?;
        let seconds = gauges(
            "plimsoll_metric_evaluation_seconds",
            "Time that the metric's last evaluation took.",
            &["metric"],
        )?;
        let failed = gauges(
            "plimsoll_metric_failed",
            "Whether the metric's last evaluation failed: 1 yes, 0 no.",
            &["metric"],
        )?;
        let dropped = gauges(
            "plimsoll_metric_series_dropped",
            "Series of the metric left out of this page for being too many or alike.",
            &["metric"],
        )?;
        for metric in &self.catalogue.metrics {
            let name = [metric.name.as_str()];
            failed.with_label_values(&name).set(number(self.board.failures.contains_key(&metric.name)));
            if let Some(tried) = self.board.tried.get(&metric.name) {
                seconds.with_label_values(&name).set(tried.seconds);
            }
            let Some(result) = self.board.results.get(&metric.name) else { continue };
            last.with_label_values(&name).set(timestamp(result.as_of));
            if metric.level == Level::Person {
                continue;
            }
            // One metric that cannot be shown, or is named like a figure of ours, keeps none of the others away.
            let shared = self.wall.show(metric, result, &Sight::All);
            let shown = shared.map_err(ScrapeError::from).and_then(|result| self.families(&result)).and_then(
                |(families, left_out)| {
                    dropped.with_label_values(&name).set(left_out as f64);
                    register(registry, families)
                },
            );
            if let Err(error) = shown {
                tracing::warn!(metric = metric.name, %error, "metric left out of the prometheus page");
                failed.with_label_values(&name).set(1.0);
            }
        }
        register(registry, [last, seconds, failed, dropped])
    }

    /// The value and each further gauge, and how many rows of the value were left out.
    fn families(&self, shown: &Shown) -> Result<(Vec<GaugeVec>, usize), ScrapeError> {
        let (metric, result) = (shown.metric(), shown.result());
        let labels: Vec<&str> = metric.labels.iter().map(String::as_str).collect();
        let (name, scale) = metric.series();
        let unit = match name.rsplit('_').next() {
            Some(base @ ("seconds" | "ratio")) => base,
            _ => metric.unit.as_str(),
        };
        let value = gauges(&name, &format!("{} Unit: {unit}.", metric.help), &labels)?;
        let left_out = fill(&value, metric, &metric.value, &result.rows, scale, self.series_max)?;
        let mut families = vec![value];
        for column in &metric.gauges {
            let (name, scale) = metric.gauge(column);
            let help = format!("Column {column} of the metric {}.", metric.name);
            let family = gauges(&name, &help, &labels)?;
            fill(&family, metric, column, &result.rows, scale, self.series_max)?;
            families.push(family);
        }
        Ok((families, left_out))
    }

    /// What became of the records, since this process started unless said otherwise.
    fn records(&self, registry: &Registry) -> Result<(), ScrapeError> {
        let counts = &self.stats.counts;
        for (name, help, value) in [
            ("plimsoll_ingest_records_total", "Records taken from the log.", counts.records),
            ("plimsoll_ingest_events_total", "Records that became rows of an event table.", counts.events),
            ("plimsoll_ingest_duplicates_total", "Exact copies of events, dropped.", self.stats.duplicates),
            (
                "plimsoll_ingest_unknown_total",
                "Records of a type that is not Plimsoll's or of a kind that no normaliser knows, skipped.",
                counts.unknown,
            ),
            (
                "plimsoll_ingest_silent_total",
                "Bodies of other tools that say nothing about commits, changes or tickets.",
                counts.silent,
            ),
            (
                "plimsoll_ingest_further_total",
                "Events that bodies of other tools hold beyond their first.",
                counts.further,
            ),
            (
                "plimsoll_ingest_cleaned_total",
                "Bodies of other tools out of which characters were taken that no text may hold.",
                counts.cleaned,
            ),
            ("plimsoll_ingest_tombstones_total", "Records with a null value, skipped.", counts.tombstones),
            (
                "plimsoll_ingest_unknown_fields_total",
                "Data fields that no column takes, kept as they are.",
                counts.unknown_fields,
            ),
            (
                "plimsoll_ingest_future_total",
                "Events dated over a day after their record, kept and flagged.",
                counts.future,
            ),
        ] {
            let family = counters(name, help, &[])?;
            family.with_label_values::<&str>(&[]).inc_by(value);
            registry.register(Box::new(family))?;
        }
        let dead = counters(
            "plimsoll_ingest_dead_letters_total",
            "Records that could not be read, by reason, in the whole history.",
            &["reason"],
        )?;
        for reason in event::Reason::ALL {
            let count = self.stats.dead_letters_by_reason.get(reason.as_str()).copied().unwrap_or(0);
            dead.with_label_values(&[reason.as_str()]).inc_by(count);
        }
        registry.register(Box::new(dead))?;
        Ok(())
    }

    /// What each log that is read is doing.
    fn logs(&self, registry: &Registry) -> Result<(), ScrapeError> {
        let stalled = gauges(
            "plimsoll_ingest_stalled_seconds",
            "Time that reading the log has waited for the engine, by log.",
            &["log"],
        )?;
        let lag = gauges(
            "plimsoll_ingest_lag_records",
            "Records in the log that the board does not cover yet.",
            &["topic", "partition"],
        )?;
        let halted = gauges(
            "plimsoll_ingest_halted",
            "Whether the partition stopped because reading on would leave a gap: 1 yes, 0 no.",
            &["topic", "partition"],
        )?;
        let unread = gauges(
            "plimsoll_ingest_unread",
            "Whether nobody here reads the partition, because it is halted or does not answer: 1 yes, 0 no.",
            &["topic", "partition"],
        )?;
        let missing = gauges(
            "plimsoll_kafka_topic_missing",
            "Whether the topic is not there or may not be read: 1 yes, 0 no.",
            &["topic"],
        )?;
        let connected =
            gauges("plimsoll_kafka_connected", "Whether a broker has answered lately: 1 yes, 0 no.", &[])?;
        let covered = |name: &str| self.board.position.get(name).copied().unwrap_or(0);
        for feed in self.feeds {
            let ms = feed.progress.stalled_ms.load(Ordering::Relaxed);
            stalled.with_label_values(&[feed.log.name()]).set(ms as f64 / 1_000.0);
            match &feed.log {
                FeedLog::Local(log) => {
                    let behind = (log.next_offset() - covered("local/0")).max(0);
                    lag.with_label_values(&["local", "0"]).set(behind as f64);
                }
                FeedLog::Kafka(status) => {
                    connected.with_label_values::<&str>(&[]).set(number(status.is_connected()));
                    for (topic, why) in status.topics() {
                        missing.with_label_values(&[&*topic]).set(number(why.is_some()));
                    }
                    for ((topic, partition), state) in status.partitions() {
                        let labels = [topic.to_string(), partition.to_string()];
                        halted.with_label_values(&labels).set(number(state.halted.is_some()));
                        unread.with_label_values(&labels).set(number(!state.read));
                        // What a halted partition holds may be something else than what was covered.
                        let behind = state.behind(covered(&labels.join("/")));
                        if let (Some(behind), None) = (behind, &state.halted) {
                            lag.with_label_values(&labels).set(behind as f64);
                        }
                    }
                    self.kafka_counters(registry, status)?;
                }
            }
        }
        register(registry, [stalled, lag, halted, unread, missing, connected])
    }

    fn kafka_counters(&self, registry: &Registry, status: &KafkaStatus) -> Result<(), ScrapeError> {
        for (name, help, counter) in [
            ("plimsoll_kafka_bytes_total", "Bytes of keys and values read from Kafka.", &status.bytes),
            (
                "plimsoll_kafka_errors_total",
                "Errors that the Kafka client reported; it recovers from most.",
                &status.errors,
            ),
            (
                "plimsoll_kafka_halts_total",
                "Partitions stopped because reading on would leave a gap.",
                &status.halts,
            ),
        ] {
            let family = counters(name, help, &[])?;
            family.with_label_values::<&str>(&[]).inc_by(counter.load(Ordering::Relaxed));
            registry.register(Box::new(family))?;
        }
        Ok(())
    }

    fn state(&self, registry: &Registry) -> Result<(), ScrapeError> {
        let rows = gauges(
            "plimsoll_rows",
            "Rows by table, and whether only memory (hot) or a file (cold) holds them.",
            &["table", "tier"],
        )?;
        for (tier, tables) in [("hot", &self.stats.rows_hot), ("cold", &self.stats.rows_cold)] {
            for (table, count) in tables {
                rows.with_label_values(&[table.as_str(), tier]).set(*count as f64);
            }
        }
        let views = gauges("plimsoll_view_rows", "Rows by view.", &["view"])?;
        for (view, count) in &self.stats.view_rows {
            views.with_label_values(&[view.as_str()]).set(*count as f64);
        }
        let offsets = gauges(
            "plimsoll_ingest_next_offset",
            "Next offset of the partition that the board does not cover yet.",
            &["topic", "partition"],
        )?;
        for (partition, next) in &self.board.position {
            let (topic, partition) = partition.rsplit_once('/').unwrap_or((partition, ""));
            offsets.with_label_values(&[topic, partition]).set(*next as f64);
        }
        register(registry, [rows, views, offsets])?;
        let optional_time = |moment: Option<DateTime<Utc>>| moment.map(timestamp);
        let example_help = format!("These numbers are {EXAMPLE_NOTE}; the value is always 1.");
        for (name, help, value) in [
            ("plimsoll_example_info", example_help.as_str(), self.example.then_some(1.0)),
            (
                "plimsoll_ready",
                "Whether the server has caught up with its log and takes events: 1 yes, 0 no.",
                Some(number(self.ready)),
            ),
            (
                "plimsoll_log_failed",
                "Whether the log takes no events, because its disk is full or failed: 1 yes, 0 no.",
                Some(number(self.log_failed)),
            ),
            (
                "plimsoll_catalogue_problems",
                "Problems of the user's files, which are not in force as they stand.",
                Some(self.catalogue_problems as f64),
            ),
            (
                "plimsoll_watermark_timestamp_seconds",
                "Latest time at which something happened, of all events.",
                optional_time(self.stats.watermark),
            ),
            (
                "plimsoll_last_commit_timestamp_seconds",
                "When rows were last made durable in the tables.",
                optional_time(self.stats.last_commit),
            ),
            (
                "plimsoll_board_evaluated_timestamp_seconds",
                "When the board was last evaluated.",
                Some(timestamp(self.board.evaluated_at)),
            ),
            (
                "plimsoll_conflicts",
                "Event ids with conflicting payloads, in the whole history.",
                Some(self.stats.conflicts as f64),
            ),
            ("plimsoll_cold_files", "Files of the cold tables.", Some(self.stats.cold_files as f64)),
            (
                "plimsoll_commit_failed",
                "Whether the last commit to the cold tables failed: 1 yes, 0 no.",
                Some(number(self.stats.commit_failure.is_some())),
            ),
            (
                "plimsoll_refold_seconds",
                "Time that the last fold of touched keys took.",
                Some(self.stats.refold_seconds),
            ),
            ("plimsoll_refold_keys", "Keys that the last fold touched.", Some(self.stats.refold_keys as f64)),
            (
                "plimsoll_process_start_time_seconds",
                "When this process started.",
                Some(timestamp(self.started_at)),
            ),
        ] {
            if let Some(value) = value {
                let family = gauges(name, help, &[])?;
                family.with_label_values::<&str>(&[]).set(value);
                registry.register(Box::new(family))?;
            }
        }
        let build =
            gauges("plimsoll_build_info", "Version of this program; the value is always 1.", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        register(registry, [build])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_results_is_still_a_page() {
        let catalogue = Catalogue::shipped().expect("the shipped catalogue is sound");
        let page = Scrape {
            catalogue: &catalogue,
            board: &Board::default(),
            stats: &Stats::default(),
            feeds: &[],
            series_max: 10,
            catalogue_problems: 0,
            wall: &Wall::own_data(None),
            example: true,
            started_at: Utc::now(),
            ready: false,
            log_failed: false,
        };
        let text = page.render().expect("a page");
        assert!(text.contains("plimsoll_example_info 1\n"), "{text}");
        assert!(text.contains("# TYPE plimsoll_ingest_records_total counter\n"), "{text}");
        assert!(text.contains("plimsoll_ingest_dead_letters_total{reason=\"truncated_json\"} 0\n"), "{text}");
    }
}
