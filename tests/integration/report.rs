//! Reports as people get them: the golden ones, on the command line and over HTTP.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::Place;

/// Everything that the history holds is known by then.
pub const KNOWN_AT: &str = "2100-01-01T00:00:00Z";
pub const WEEK: &str = "2026-W15";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/report").join(name)
}

/// The history as events, one a line.
fn history() -> Vec<String> {
    let text = std::fs::read_to_string(file("history.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#')).enumerate();
    lines
        .map(|(n, line)| {
            let mut parts = line.splitn(3, ' ');
            let (time, kind, data) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
            let time = time.replace('Z', ":00Z");
            format!(
                r#"{{"specversion":"1.0","id":"h{n}","source":"test:shop","type":"dev.plimsoll.{kind}.v1","time":"{time}","data":{data}}}"#
            )
        })
        .collect()
}

/// A place that holds the history.
pub fn shop() -> Place {
    with(&history())
}

fn with(events: &[String]) -> Place {
    let place = Place::new();
    let events = place.write("events.ndjson", events.join("\n"));
    place.stdout(&["ingest", "events", events.to_str().unwrap()]);
    place
}

fn weekly(place: &Place, format: &str) -> String {
    place.stdout(&["report", "weekly", "--week", WEEK, "--known-at", KNOWN_AT, "--format", format])
}

fn roadmap(place: &Place, format: &str) -> String {
    let at = ["--as-of", "2026-04-13T00:00:00Z", "--since", "2026-03-16T00:00:00Z", "--known-at", KNOWN_AT];
    place.stdout(&[&["report", "roadmap"][..], &at, &["--format", format]].concat())
}

#[test]
fn reports_are_the_golden_ones_in_any_order_of_events() {
    let mut reversed = history();
    reversed.reverse();
    let (one, other) = (shop(), with(&reversed));
    assert_eq!(weekly(&one, "html"), weekly(&other, "html"));
    assert_eq!(roadmap(&one, "json"), roadmap(&other, "json"));
    let bless = std::env::var_os("PLIMSOLL_BLESS").is_some_and(|value| value == "1");
    for (name, text) in [
        ("weekly.md", words(&weekly(&one, "md"))),
        ("weekly.json", parts(&weekly(&one, "json"))),
        ("roadmap.md", words(&roadmap(&one, "md"))),
        ("roadmap.json", parts(&roadmap(&one, "json"))),
    ] {
        if bless {
            std::fs::write(file(name), &text).unwrap();
        }
        let golden = std::fs::read_to_string(file(name)).unwrap_or_default();
        let first = golden.lines().zip(text.lines()).find(|(a, b)| a != b);
        assert!(
            golden == text,
            "tests/report/{name} is out of date (PLIMSOLL_BLESS=1 rewrites it): {first:?}"
        );
    }
}

/// All but the detail part and what follows: they change with each metric that somebody adds.
fn words(report: &str) -> String {
    report.split("\n## In detail").next().unwrap().to_owned()
}

/// The same of the JSON, with what the footer says of completeness.
fn parts(report: &str) -> String {
    let mut report: Value = serde_json::from_str(report).unwrap();
    let told = report["footer"]["completeness"].clone();
    let report = report.as_object_mut().unwrap();
    report.remove("detail");
    report.insert("footer".to_owned(), told);
    format!("{}\n", serde_json::to_string_pretty(report).unwrap())
}

#[test]
fn sentences_say_what_the_metrics_say() {
    let place = shop();
    let report: Value = serde_json::from_str(&weekly(&place, "json")).unwrap();
    let part =
        |id: &str| report["parts"].as_array().unwrap().iter().find(|part| part["id"] == id).unwrap().clone();
    let sentences = |id: &str| -> Vec<String> {
        let part = part(id);
        part["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["sentence"].as_str().unwrap().to_owned())
            .collect()
    };
    let query = |metric: &str| -> Value {
        let arguments =
            ["query", metric, "--as-of", "2026-04-13T00:00:00Z", "--known-at", KNOWN_AT, "--format", "json"];
        serde_json::from_str::<Value>(&place.stdout(&arguments)).unwrap()["rows"].clone()
    };
    // The numbers are the metrics' own rows.
    for (id, metric) in
        [("changed", "signals"), ("at_risk", "milestone_forecast"), ("decisions", "ownership_gaps")]
    {
        let rows = query(metric);
        let part = part(id);
        let of_metric: Vec<&Value> =
            part["items"].as_array().unwrap().iter().filter(|item| item["metric"] == metric).collect();
        assert!(!of_metric.is_empty(), "{id} has no item of {metric}");
        for item in of_metric {
            assert!(rows.as_array().unwrap().contains(&item["row"]), "{metric}: {item}");
        }
    }
    assert!(
        sentences("changed")
            .iter()
            .any(|said| said.starts_with("Web finished 9 tickets in week 15, above its usual"))
    );
    assert!(sentences("at_risk")[0].starts_with("Checkout 2 "), "{:?}", sentences("at_risk"));
    assert!(
        sentences("achieved")
            .contains(&"The milestone \"Refunds\" was closed on 8 April, 5 days after its date.".to_owned()),
        "{:?}",
        sentences("achieved")
    );
    assert!(
        sentences("decisions").contains(&"The goal \"Everybody finds their order\" has no owner.".to_owned())
    );
    let detail = report["detail"].as_array().unwrap();
    let shown: Vec<&str> = detail
        .iter()
        .flat_map(|section| section["metrics"].as_array().unwrap())
        .map(|metric| metric["metric"].as_str().unwrap())
        .collect();
    assert!(shown.contains(&"throughput") && !shown.contains(&"reviewer_load"), "{shown:?}");
}

#[test]
fn a_metric_of_ones_own_is_in_the_report_without_code() {
    let place = shop();
    let text = "-- +++\n-- title = \"Long titles\"\n-- help = \"Tickets with long titles.\"\n-- unit = \"tickets\"\n\
                -- level = \"team\"\n-- labels = [\"project\"]\n-- value = \"n\"\n-- section = \"Own\"\n-- panel = \"table\"\n-- +++\n\
                SELECT project, COUNT(*) AS n FROM ticket GROUP BY project ORDER BY project\n";
    place.write("own/metric/long_titles.sql", text);
    place.write("plimsoll.toml", "[catalogue]\ndirs = [\"own\"]\n");
    let report = weekly(&place, "md");
    let own = report.split("### Own").nth(1).expect("a section of its own");
    assert!(
        own.contains("**Long titles** (long\\_titles") || own.contains("**Long titles** (long_titles"),
        "{own}"
    );
    assert!(own.contains("| help |") && own.contains("| shop |"), "{own}");
}

#[test]
fn what_if_stands_beside_what_is() {
    let place = shop();
    let event = r#"{"specversion":"1.0","id":"w1","source":"test:if","type":"dev.plimsoll.milestone.updated.v1","time":"2026-04-12T10:00:00Z","data":{"milestone":"M1","due_on":"2026-12-18"}}"#;
    let later = place.write("later_date.ndjson", event);
    let arguments = [
        "report",
        "roadmap",
        "--as-of",
        "2026-04-13T00:00:00Z",
        "--what-if",
        later.to_str().unwrap(),
        "--format",
        "json",
    ];
    let report: Value = serde_json::from_str(&place.stdout(&arguments)).unwrap();
    let parts = report["parts"].as_array().unwrap();
    let table = &parts.iter().find(|part| part["id"] == "scenarios").unwrap()["tables"][0];
    assert_eq!(table["columns"][2]["title"], "later date");
    let row = table["rows"].as_array().unwrap().iter().find(|row| row[0]["text"] == "Checkout 2").unwrap();
    assert_ne!(row[1]["text"], row[2]["text"], "{row}");
    // Nothing of it was stored.
    assert!(!place.stdout(&["query", "milestone_drift", "--format", "csv"]).contains("2026-12-18"));
}

#[test]
fn over_http_a_report_keeps_the_rules_of_sharing() {
    let place = shop();
    let own: Value = serde_json::from_str(&weekly(&place, "json")).unwrap();
    assert_eq!(own["footer"]["suppressed_rows"], 0);
    let server = place.serve("[people]\ngroup_min = 4\n");
    let path = format!("/report/weekly?week={WEEK}&known_at={KNOWN_AT}");
    let page = server.get(&path);
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, "text/html; charset=utf-8"),
        "{}",
        page.text()
    );
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    let text = page.text();
    let fetched = ["<script", "src=", "@import", "url("];
    assert!(fetched.iter().all(|mark| !text.contains(mark)), "nothing is fetched");
    let shared = server.get(&format!("{path}&format=json")).json();
    assert!(shared["footer"]["suppressed_rows"].as_u64().unwrap() > 0, "the team web has three people");
    let suppressed = shared.to_string();
    assert!(
        suppressed.contains("\"metric\":\"review_load\"")
            && !suppressed.contains("\"metric\":\"reviewer_load\"")
    );
    for (query, status) in [
        ("/report/weekly?week=2026-W60", 400),
        ("/report/weekly?week=2026-W15&as_of=2026-04-01", 400),
        ("/report/weekly?format=pdf", 400),
        ("/report/weekly?wek=1", 400),
        ("/report/roadmap?as_of=2026-04-13&since=2026-05-01", 400),
        ("/report/roadmap?as_of=2026-04-13&format=md", 200),
        ("/report/monthly", 404),
    ] {
        assert_eq!(server.get(query).status, status, "{query}");
    }
}
