//! What `/metrics` prints is good Prometheus text, a real Prometheus scrapes it, and the shipped alerts fire on it.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::harness::{Place, Server, free_port, tool, wait_for};
use crate::http_client;
use crate::story;

/// A child process that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn place_with_events() -> Place {
    let place = Place::new();
    place.write("events.ndjson", story::lines(&story::story(700)));
    place.stdout(&["ingest", "events", "events.ndjson"]);
    place
}

#[test]
fn promtool_finds_nothing_to_improve() {
    let place = place_with_events();
    let server = place.serve("");
    let scrape = wait_for("the first evaluation", || {
        let answer = server.get("/metrics");
        assert_eq!(answer.status, 200);
        answer.text().contains("\nplimsoll_review_load").then_some(answer)
    });
    assert!(scrape.header("content-type").starts_with("text/plain"), "{:?}", scrape.headers);
    for name in [
        "plimsoll_review_load",
        "plimsoll_milestone_drift_seconds",
        "plimsoll_metric_last_success_timestamp_seconds",
    ] {
        assert!(scrape.text().contains(&format!("\n{name}")), "{name} is missing");
    }

    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = promtool.spawn().expect("promtool is on the path: tests/run brings it");
    child.stdin.take().unwrap().write_all(&scrape.body).unwrap();
    let output = child.wait_with_output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn people_are_no_labels() {
    let place = place_with_events();
    let server = place.serve("[people]\nvisibility = \"all\"\n");
    let scrape = wait_for("the first evaluation", || {
        let text = server.get("/metrics").text();
        text.contains("\nplimsoll_review_load").then_some(text)
    });
    for line in scrape.lines().filter(|line| !line.starts_with('#')) {
        assert!(!line.contains("\"ada\"") && !line.contains("reviewer=\""), "{line}");
    }
}

/// A Prometheus of its own that scrapes `server`, with the shipped rules.
pub struct Prometheus {
    _process: Ended,
    port: u16,
}

impl Prometheus {
    pub fn scraping(place: &Place, server: &Server) -> Self {
        Self::with_rules(place, server, &deploy("alerts.yml"))
    }

    /// The shipped rules without their waits.
    pub fn impatient(place: &Place, server: &Server) -> Self {
        let rules = std::fs::read_to_string(deploy("alerts.yml")).unwrap();
        let rules: Vec<&str> = rules.lines().filter(|line| !line.trim_start().starts_with("for: ")).collect();
        let rules = place.write("alerts.yml", rules.join("\n"));
        Self::with_rules(place, server, &rules)
    }

    /// Waits until an alert fires; its labels.
    pub fn wait_for_alert(&self, name: &str) -> Value {
        let fires = |alert: &Value| alert["labels"]["alertname"] == name && alert["state"] == "firing";
        wait_for(name, || {
            let alerts = self.wait_for("alerts", "/api/v1/alerts", "alerts");
            alerts.into_iter().find(fires).map(|alert| alert["labels"].clone())
        })
    }

    fn with_rules(place: &Place, server: &Server, rules: &Path) -> Self {
        let shipped = std::fs::read_to_string(deploy("prometheus.yml")).unwrap();
        let token = place.write("scrape.token", "plm_0");
        assert!(shipped.contains("plimsoll:8080") && shipped.contains("/run/secrets/token"));
        let config = shipped
            .replace("plimsoll:8080", &format!("127.0.0.1:{}", server.port))
            .replace("/run/secrets/token", &token.display().to_string())
            .replace("interval: 15s", "interval: 1s")
            .replace("- alerts.yml", &format!("- {}", rules.display()));
        let config = place.write("prometheus.yml", config);
        let port = free_port();
        let log = File::create(place.path().join("prometheus.log")).unwrap();
        let mut prometheus = Command::new("prometheus");
        prometheus
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", place.path().join("tsdb").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(log);
        let process = prometheus.spawn().expect("prometheus is on the path: tests/run brings it");
        Self { _process: Ended(process), port }
    }

    /// What `pick` finds under `data` of an answer, once it finds something.
    pub fn wait_for(&self, what: &str, path: &str, pick: &str) -> Vec<Value> {
        wait_for(what, || {
            let answer = http_client::send(self.port, "GET", path, &[], b"").ok()?;
            let found = serde_json::from_slice::<Value>(&answer.body).ok()?["data"][pick].as_array()?.clone();
            (!found.is_empty()).then_some(found)
        })
    }

    fn query(&self, what: &str, query: &str) -> Vec<Value> {
        self.wait_for(what, &format!("/api/v1/query?query={query}"), "result")
    }
}

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

#[test]
fn a_real_prometheus_scrapes_it() {
    let place = place_with_events();
    let server = place.serve("");
    let prometheus = Prometheus::scraping(&place, &server);
    let load = prometheus.query("the metric in Prometheus", "plimsoll_review_load");
    let teams: Vec<&str> = load.iter().filter_map(|series| series["metric"]["team"].as_str()).collect();
    assert!(teams.contains(&"core") && teams.contains(&"web"), "{load:?}");
    let up = prometheus.query("the scrape", "up");
    assert_eq!(up[0]["value"][1], "1", "{up:?}");
}

#[test]
fn the_alert_rules_fire_and_are_silent_as_tested() {
    tool(Command::new("promtool").args(["check", "rules"]).arg(deploy("alerts.yml")));
    tool(Command::new("promtool").args(["test", "rules"]).arg(deploy("alerts_test.yml")));
    // Every rule has a test in which it fires.
    let (rules, tests) =
        ["alerts.yml", "alerts_test.yml"].map(|name| std::fs::read_to_string(deploy(name)).unwrap()).into();
    for rule in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        let fires = tests
            .split("- eval_time: ")
            .any(|case| case.contains(&format!("alertname: {rule}\n")) && case.contains("exp_annotations"));
        assert!(fires, "{rule} is never seen to fire");
        let documented = include_str!("../../docs/operations.md").contains(&format!("`{rule}`"));
        assert!(documented, "{rule} is not in docs/operations.md");
    }
}

/// What the rules read is what the example shows, and what the example shows sets them off.
#[test]
fn a_real_prometheus_fires_alerts_on_the_example() {
    let place = Place::new();
    place.stdout(&["demo", "--once"]); // loading takes its time on a busy machine
    let server = place.start_server(&["demo"]);
    let rules = std::fs::read_to_string(deploy("alerts.yml")).unwrap();
    let page = wait_for("the board", || {
        let page = server.get("/metrics").text();
        page.contains("\nplimsoll_milestone_forecast_ratio{").then_some(page)
    });
    // Series of Kafka are there where Kafka is configured (the Kafka tests see them).
    let kafka = [
        "plimsoll_ingest_halted",
        "plimsoll_ingest_unread",
        "plimsoll_kafka_connected",
        "plimsoll_kafka_topic_missing",
    ];
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    for expr in rules.split("expr:").skip(1).filter_map(|rest| rest.split("\n        ").next()) {
        for name in expr.split(word).filter(|name| name.starts_with("plimsoll_") && !kafka.contains(name)) {
            let shown = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
            assert!(page.lines().any(shown), "{name} is not on /metrics");
        }
    }

    let prometheus = Prometheus::scraping(&place, &server);
    let fires = |name: &str| {
        wait_for(name, || {
            let alerts = prometheus.wait_for("alerts", "/api/v1/alerts", "alerts");
            alerts
                .into_iter()
                .find(|alert| alert["labels"]["alertname"] == name && alert["state"] == "firing")
        })
    };
    let overloaded = fires("PlimsollReviewersOverloaded");
    assert_eq!(overloaded["labels"]["team"], "payments");
    let replanned = fires("PlimsollMilestoneReplannedLate");
    assert_eq!(replanned["labels"]["title"], "Night sailings");
    let page = replanned["annotations"]["page"].as_str().unwrap();
    assert_eq!(page, format!("http://127.0.0.1:{}/metric/milestone_drift", server.port));
    // These wait an hour before they fire.
    let alerts = prometheus.wait_for("alerts", "/api/v1/alerts", "alerts");
    for name in ["PlimsollMilestoneLate", "PlimsollGoalsWithoutOwner"] {
        let pending = |alert: &Value| alert["labels"]["alertname"] == name && alert["state"] == "pending";
        assert!(alerts.iter().any(pending), "{name} is not pending: {alerts:?}");
    }
}
