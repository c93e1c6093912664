//! The dashboards, read as Grafana reads them, and every query of theirs, asked as Grafana asks it, of the example
//! organisation: each has an answer.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Place, did_not_run, free_port, tool};
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
    /// What Grafana makes of the rows.
    format: String,
}

fn files() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana/dashboards");
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn board(file: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// tests/grafana, which has Grafana's own schema and PostgreSQL driver.
fn grafana(test: &str) -> Option<Command> {
    if Command::new("go").arg("version").output().is_err() {
        did_not_run(test, "needs Go for Grafana's schema and driver");
        return None;
    }
    let mut go = Command::new("go");
    go.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/grafana")).args(["run", "."]);
    Some(go)
}

/// What Grafana's driver is answered to each question, in each of its ways; questions are a query and a format.
pub fn asked(test: &str, place: &Place, dsn: &str, questions: &[(String, String)]) -> Option<Vec<Value>> {
    let lines =
        questions.iter().map(|(query, format)| json!({ "query": query, "format": format }).to_string());
    let file = place.write("questions.ndjson", lines.collect::<Vec<_>>().join("\n"));
    let said = tool(grafana(test)?.args(["ask", dsn]).stdin(File::open(file).unwrap()));
    let answers: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (query, _) in questions {
        assert!(answers.iter().any(|answer| answer["query"] == *query), "{query}");
    }
    for answer in &answers {
        assert_eq!(answer["error"], Value::Null, "{answer}");
    }
    Some(answers)
}

fn panels() -> Vec<Asked> {
    let mut panels = Vec::new();
    for file in files() {
        let board = board(&file);
        for panel in board["panels"].as_array().unwrap() {
            let target = &panel["targets"][0];
            let text = |value: &Value| value.as_str().map(str::to_owned);
            panels.push(Asked {
                board: text(&board["title"]).unwrap(),
                title: text(&panel["title"]).unwrap(),
                query: text(&target["rawSql"]).or_else(|| text(&target["expr"])).unwrap(),
                is_sql: target["rawSql"].is_string(),
                format: text(&target["format"]).unwrap_or_default(),
            });
        }
    }
    panels
}

/// File, kind of panel, place in the first such panel, what is put there, and what is said of it.
const FAULTS: [(&str, &str, &str, &str, &str); 14] = [
    ("overview", "stat", "/colour", "1", "unexpected field 'colour'"),
    ("overview", "stat", "/type", r#""clock""#, "no panel here is of the kind"),
    ("overview", "stat", "/id", "2", "its id 2 is another's"),
    ("overview", "stat", "/gridPos/w", r#""4""#, "cannot unmarshal string"),
    ("overview", "stat", "/options/wide", "true", "unexpected field 'wide'"),
    ("overview", "stat", "/options/graphMode", r#""big""#, r#""big" is none of none, line, area"#),
    ("overview", "stat", "/fieldConfig/defaults/minimum", "0", "unexpected field 'minimum'"),
    (
        "overview",
        "stat",
        "/fieldConfig/defaults/color/mode",
        r#""purple""#,
        r#""purple" is none of thresholds"#,
    ),
    ("overview", "table", "/fieldConfig/defaults/custom/filterable", r#""yes""#, "cannot unmarshal string"),
    (
        "overview",
        "table",
        "/fieldConfig/overrides/0/properties/0/id",
        r#""units""#,
        "unexpected field 'units'",
    ),
    ("overview", "table", "/targets/0/rawSql", "1", "cannot unmarshal number"),
    ("overview", "timeseries", "/targets/0/sql", r#""SELECT 1""#, "unknown field \"sql\""),
    ("overview", "timeseries", "/targets/0/format", r#""table""#, "takes \"time_series\""),
    ("engine", "timeseries", "/targets/0/query", r#""up""#, "unexpected field 'query'"),
];

fn with_a_fault(mut board: Value, kind: &str, place: &str, value: &str) -> String {
    let panels = board["panels"].as_array_mut().unwrap();
    let panel = panels.iter_mut().find(|panel| panel["type"] == kind).unwrap();
    let (parent, name) = place.rsplit_once('/').unwrap();
    panel.pointer_mut(parent).unwrap()[name] = serde_json::from_str(value).unwrap();
    board.to_string()
}

#[test]
fn the_dashboards_are_what_grafana_s_schema_says() {
    let test = "the_dashboards_are_what_grafana_s_schema_says";
    let Some(mut validate) = grafana(test) else { return };
    let said = tool(validate.arg("validate").args(files()));
    assert_eq!(said.matches(" panels, 0 faults").count(), files().len(), "{said}");

    let place = Place::new();
    let mut validate = grafana(test).expect("Go is there");
    validate.arg("validate");
    for (index, (name, kind, pointer, value, _)) in FAULTS.iter().enumerate() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("grafana/dashboards/{name}.json"));
        let broken = with_a_fault(board(&shipped), kind, pointer, value);
        validate.arg(place.write(&format!("{index}.json"), broken));
    }
    let output = validate.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    for (index, (.., pointer, _, expect)) in FAULTS.iter().enumerate() {
        let file = format!("/{index}.json: ");
        let found = said.lines().any(|line| line.contains(&file) && line.contains(expect));
        assert!(found, "{pointer}: {expect}\n{said}");
    }
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
    let dsn = format!("postgresql://demo:demo@127.0.0.1:{port}/plimsoll");
    let psql = |query: &str| {
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
    let mut questions = Vec::new();
    for Asked { board, title, query, is_sql, format } in &panels {
        let query = expanded(query, &teams, &repos);
        if *is_sql {
            let empty = psql(&query).trim().is_empty();
            assert_eq!(empty, WITHOUT_ROWS.contains(&title.as_str()), "{board}, {title}\n{query}");
            questions.push((query, format.clone()));
        } else {
            let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let path = format!("/api/v1/query?query={encoded}");
            prometheus.wait_for(&format!("{board}, {title}: {query}"), &path, "result");
        }
    }
    asked("every_panel_has_an_answer_on_the_example", &place, &dsn, &questions);
}
