//! What `/metrics` prints is good Prometheus text, and a real Prometheus scrapes it.

use std::fs::File;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::harness::{Place, free_port, wait_for};
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
    for name in
        ["plimsoll_review_load", "plimsoll_milestone_drift", "plimsoll_metric_last_success_timestamp_seconds"]
    {
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

#[test]
fn a_real_prometheus_scrapes_it() {
    let place = place_with_events();
    let server = place.serve("");
    let config = format!(
        "global: {{ scrape_interval: 1s }}\nscrape_configs:\n- job_name: plimsoll\n  static_configs:\n  \
         - targets: ['127.0.0.1:{}']\n",
        server.port
    );
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
    let _prometheus = Ended(prometheus.spawn().expect("prometheus is on the path: tests/run brings it"));

    let ask = |query: &str| -> Option<Vec<Value>> {
        let answer =
            http_client::send(port, "GET", &format!("/api/v1/query?query={query}"), &[], b"").ok()?;
        let series =
            serde_json::from_slice::<Value>(&answer.body).ok()?["data"]["result"].as_array()?.clone();
        (!series.is_empty()).then_some(series)
    };
    let load = wait_for("the metric in Prometheus", || ask("plimsoll_review_load"));
    let teams: Vec<&str> = load.iter().filter_map(|series| series["metric"]["team"].as_str()).collect();
    assert!(teams.contains(&"core") && teams.contains(&"web"), "{load:?}");
    let up = ask("up").unwrap();
    assert_eq!(up[0]["value"][1], "1", "{up:?}");
}
