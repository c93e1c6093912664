//! The engine's own health, from Prometheus: is it up to date, does it keep up, what does it refuse.

use serde_json::json;

use super::panel::{self, Panel};
use super::{Board, PROMETHEUS};

/// Title, help, query, unit, and from where on it is red.
type HealthNumber = (&'static str, &'static str, &'static str, &'static str, f64);

const NUMBERS: [HealthNumber; 6] = [
    (
        "Not ready",
        "0 once the logs were read to their end after the start.",
        "1 - min(plimsoll_ready)",
        "none",
        1.0,
    ),
    (
        "Records behind",
        "Records of the logs that the tables do not have yet.",
        "sum(plimsoll_ingest_lag_records)",
        "short",
        10_000.0,
    ),
    (
        "Nothing read for",
        "Longest time that a source has records and gives none.",
        "max(plimsoll_ingest_stalled_seconds)",
        "s",
        60.0,
    ),
    (
        "Failing metrics",
        "Metrics whose last evaluation failed; their last good result stands.",
        "sum(plimsoll_metric_failed)",
        "none",
        1.0,
    ),
    (
        "Catalogue problems",
        "The user's files that are not in force as they stand.",
        "max(plimsoll_catalogue_problems)",
        "none",
        1.0,
    ),
    (
        "Refused commits",
        "1 while the cold store refuses to commit.",
        "max(plimsoll_commit_failed)",
        "none",
        1.0,
    ),
];

/// Title, help, query, unit.
const SERIES: [(&str, &str, &str, &str); 8] = [
    (
        "Records read",
        "Records taken from the logs, a second.",
        "rate(plimsoll_ingest_records_total[$__rate_interval])",
        "reqps",
    ),
    (
        "Dead letters",
        "Records that were no events, by reason, since the start of history.",
        "sum by (reason) (plimsoll_ingest_dead_letters_total)",
        "short",
    ),
    (
        "Age of the newest event",
        "Time since the latest event that was seen.",
        "time() - max(plimsoll_watermark_timestamp_seconds)",
        "s",
    ),
    (
        "Age of the metrics",
        "The ten that were evaluated longest ago.",
        "topk(10, time() - plimsoll_metric_last_success_timestamp_seconds)",
        "s",
    ),
    (
        "Evaluation time",
        "The ten metrics that take longest.",
        "topk(10, plimsoll_metric_evaluation_seconds)",
        "s",
    ),
    ("Fold time", "What the last fold of touched keys took.", "plimsoll_refold_seconds", "s"),
    ("Rows", "Rows of the event tables, in memory and in files.", "plimsoll_rows", "short"),
    ("Cold files", "Files of the cold tables.", "plimsoll_cold_files", "short"),
];

pub fn board() -> Board {
    let numbers = NUMBERS.iter().map(|number| stat(*number));
    let series = SERIES.iter().map(|series| graph(*series));
    Board {
        slug: "engine".to_owned(),
        title: "Engine health".to_owned(),
        help: "Whether the numbers are up to date, and what it costs to keep them so.".to_owned(),
        panels: numbers.chain(series).collect(),
        from: "now-6h",
    }
}

fn panel(title: &str, help: &str, query: &str, unit: &str) -> Panel {
    Panel {
        title: title.to_owned(),
        help: help.to_owned(),
        reads: PROMETHEUS,
        query: query.to_owned(),
        kind: "timeseries",
        width: 12,
        height: 8,
        unit: unit.to_owned(),
        options: json!({}),
        look: json!({}),
        overrides: Vec::new(),
        page: None,
        step: None,
    }
}

fn stat((title, help, query, unit, red): HealthNumber) -> Panel {
    let steps = [("green", None), ("red", Some(red))];
    panel::stat(panel(title, help, query, unit), &steps)
}

fn graph((title, help, query, unit): (&str, &str, &str, &str)) -> Panel {
    Panel {
        options: json!({
            "legend": { "displayMode": "list", "placement": "bottom", "calcs": [], "showLegend": true },
            "tooltip": { "mode": "multi", "sort": "desc" },
        }),
        look: json!({
            "color": { "mode": "palette-classic-by-name" },
            "custom": { "lineWidth": 1, "fillOpacity": 8, "showPoints": "never" },
            "min": 0,
        }),
        ..panel(title, help, query, unit)
    }
}
