//! Every query of every dashboard, asked as Grafana asks it, of the example organisation: each has an answer.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Place, free_port};
use crate::prometheus::Prometheus;

/// The end of the example, and of the time range that the dashboards look at.
const NOW: &str = "2026-03-02T12:00:00Z";
const FROM: &str = "2026-01-01T00:00:00Z";

/// What the example has none of: nothing in it was read a second time and found different, and nothing was closed in its
/// last week.
const WITHOUT_ROWS: [&str; 2] = ["Discrepancy rate", "Achievements"];

/// A query with Grafana's variables and macros put in, as it would with everything chosen.
fn expanded(query: &str, teams: &str, repos: &str) -> String {
    query
        .replace("${as_of:sqlstring}", &format!("'{NOW}'"))
        .replace("${team:sqlstring}", teams)
        .replace("${repo:sqlstring}", repos)
        .replace("$__timeFrom()", &format!("'{FROM}'"))
        .replace("$__timeTo()", &format!("'{NOW}'"))
        .replace("$__interval", "14d")
        .replace("$__rate_interval", "1m")
}

struct Asked {
    board: String,
    title: String,
    query: String,
    is_sql: bool,
}

fn panels() -> Vec<Asked> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana/dashboards");
    let mut panels = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let board: Value = serde_json::from_str(&text).unwrap();
        for panel in board["panels"].as_array().unwrap() {
            let target = &panel["targets"][0];
            let text = |value: &Value| value.as_str().map(str::to_owned);
            panels.push(Asked {
                board: text(&board["title"]).unwrap(),
                title: text(&panel["title"]).unwrap(),
                query: text(&target["rawSql"]).or_else(|| text(&target["expr"])).unwrap(),
                is_sql: target["rawSql"].is_string(),
            });
        }
    }
    panels
}

#[test]
fn every_panel_has_an_answer_on_the_example() {
    let place = Place::new();
    let port = free_port();
    place.write(
        "plimsoll.toml",
        format!(
            "[limits]\nsql_timeout_ms = 60000\nrequest_timeout_ms = 60000\n[postgres]\n\
             listen = \"127.0.0.1:{port}\"\n"
        ),
    );
    place.stdout(&["demo", "--once", "--as-of", NOW]);
    let server = place.start_server(&["demo", "--as-of", NOW]);
    let prometheus = Prometheus::scraping(&place, &server);
    let psql = |query: &str| {
        let dsn = format!("postgresql://demo:demo@127.0.0.1:{port}/plimsoll");
        let output = Command::new("psql").args(["-X", "-A", "-t", "-d", &dsn, "-c", query]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{query}\n{errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let choices =
        |query: &str| psql(query).lines().map(|line| format!("'{line}'")).collect::<Vec<_>>().join(",");
    let teams = choices("SELECT DISTINCT team FROM review_load ORDER BY 1");
    let repos = choices("SELECT DISTINCT repo FROM truck_factor ORDER BY 1");
    let panels = panels();
    assert!(panels.iter().filter(|panel| panel.is_sql).count() > 30, "the dashboards have their panels");
    for Asked { board, title, query, is_sql } in &panels {
        let query = expanded(query, &teams, &repos);
        if *is_sql {
            let empty = psql(&query).trim().is_empty();
            assert_eq!(empty, WITHOUT_ROWS.contains(&title.as_str()), "{board}, {title}\n{query}");
        } else {
            let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let path = format!("/api/v1/query?query={encoded}");
            prometheus.wait_for(&format!("{board}, {title}: {query}"), &path, "result");
        }
    }
}
