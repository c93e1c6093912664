//! The overview: six numbers, how load has moved, what is at risk, what has changed.
//!
//! It is put together by hand from shipped metrics; a panel whose metric is not in the catalogue is left out.

use engine::Metric;
use serde_json::json;

use super::panel::{self, Panel, of_metric};
use super::{Board, POSTGRES};

/// Title, help, metric, what is asked of it, unit, and from where on a number is yellow and red.
type MetricNumber =
    (&'static str, &'static str, &'static str, &'static str, &'static str, Option<(f64, f64)>);

const NUMBERS: [MetricNumber; 6] = [
    (
        "Open reviews",
        "Requests that wait for a review, of all chosen teams.",
        "review_load",
        "SUM(open_reviews)",
        "short",
        None,
    ),
    (
        "Overloaded reviewers",
        "Reviewers with more open requests than they have time for.",
        "review_load",
        "SUM(overloaded_reviewers)",
        "short",
        Some((1.0, 3.0)),
    ),
    (
        "Oldest reviews",
        "The longest of the teams' 85th percentiles: most requests that wait are younger.",
        "review_queue_age",
        "MAX(p85_hours)",
        "h",
        Some((24.0, 72.0)),
    ),
    (
        "Milestones at risk",
        "Open milestones whose likelihood and impact of being late are red.",
        "milestone_risk",
        "COUNT(*) FILTER (WHERE colour = 'red')",
        "short",
        Some((1.0, 3.0)),
    ),
    (
        "Goals in order",
        "The least share of goals of a kind that have one owner and a date.",
        "goal_hygiene",
        "MIN(share)",
        "percentunit",
        None,
    ),
    (
        "Signals",
        "Series that have changed by more than their usual variation.",
        "signals",
        "COUNT(*) FILTER (WHERE called_out)",
        "short",
        None,
    ),
];

/// Panels of metrics, as on their own dashboards.
const AS_THEY_ARE: [&str; 4] = ["review_load", "delegation_balance", "wip_age", "milestone_risk"];

pub fn board(metrics: &[&Metric]) -> Board {
    let metric = |name: &str| metrics.iter().find(|metric| metric.name == name).copied();
    let mut panels: Vec<Panel> =
        NUMBERS.iter().filter_map(|number| Some(stat(metric(number.2)?, number))).collect();
    panels.extend(metric("review_load").map(history));
    panels.extend(AS_THEY_ARE.iter().filter_map(|name| metric(name)).map(of_metric));
    Board {
        slug: "overview".to_owned(),
        title: "Overview".to_owned(),
        help: "Load, drift and balance in ten seconds; every panel leads to what it means.".to_owned(),
        panels,
        from: "now-90d",
    }
}

fn stat(metric: &Metric, (title, help, name, ask, unit, limits): &MetricNumber) -> Panel {
    let by_team = if metric.labels.iter().any(|label| label == "team") {
        "\nWHERE team IN (${team:sqlstring})"
    } else {
        ""
    };
    let steps = match limits {
        None => vec![("blue", None)],
        Some((yellow, red)) => vec![("green", None), ("orange", Some(*yellow)), ("red", Some(*red))],
    };
    let panel = Panel {
        title: (*title).to_owned(),
        help: (*help).to_owned(),
        reads: POSTGRES,
        query: format!(
            "SELECT CAST({ask} AS double precision) AS value\nFROM {name}(as_of => ${{as_of:sqlstring}}){by_team}"
        ),
        unit: (*unit).to_owned(),
        overrides: Vec::new(),
        page: Some(format!("/metric/{name}")),
        ..of_metric(metric)
    };
    panel::stat(panel, &steps)
}

/// Open reviews over the dashboard's time range, each moment as it was.
fn history(metric: &Metric) -> Panel {
    Panel {
        title: "Open reviews over time".to_owned(),
        help: "The metric at each moment of the time range, as it was known now.".to_owned(),
        query: "SELECT as_of AS \"time\", team AS metric, CAST(open_reviews AS double precision) AS value\n\
                FROM review_load(from => $__timeFrom(), to => $__timeTo(), step => '$__interval')\n\
                WHERE team IN (${team:sqlstring})\nORDER BY 1, 2"
            .to_owned(),
        kind: "timeseries",
        width: 24,
        height: 8,
        options: json!({
            "legend": { "displayMode": "list", "placement": "bottom", "calcs": [], "showLegend": true },
            "tooltip": { "mode": "multi", "sort": "desc" },
        }),
        look: json!({
            "color": { "mode": "palette-classic-by-name" },
            "custom": { "lineWidth": 2, "fillOpacity": 12, "showPoints": "never", "stacking": { "mode": "normal" } },
        }),
        step: Some("1d"),
        ..of_metric(metric)
    }
}
