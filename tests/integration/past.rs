//! Questions about moments: ranges.

use crate::harness::Place;
use crate::story::{self, AS_OF};

fn place_with_events() -> Place {
    let place = Place::new();
    place.write("events.ndjson", story::lines(&story::story(700)));
    place.stdout(&["ingest", "events", "events.ndjson"]);
    place
}

/// The text of a JSON answer's rows, without the brackets around them.
fn rows(answer: &str) -> &str {
    let (_, rows) = answer.split_once("\"rows\":[").unwrap();
    rows.trim_end().strip_suffix("]}").unwrap()
}

#[test]
fn a_range_is_its_single_queries_byte_for_byte() {
    let place = place_with_events();
    let server = place.serve("[people]\nvisibility = \"all\"\n");
    let moments = ["2026-01-19T12:00:00Z", "2026-02-02T12:00:00Z", "2026-02-16T12:00:00Z", AS_OF];
    let mut ranges = Vec::new();
    for metric in story::METRICS {
        let base = format!("/api/v1/metrics/{metric}");
        let singles = moments.map(|at| {
            let answer = server.get(&format!("{base}?as_of={at}&known_at={AS_OF}"));
            assert_eq!(answer.status, 200, "{}", answer.text());
            rows(&answer.text()).replace("{\"", &format!("{{\"as_of\":\"{at}\",\""))
        });
        let expect: Vec<String> = singles.into_iter().filter(|rows| !rows.is_empty()).collect();
        let query = format!("from={}&to={AS_OF}&step=14d&known_at={AS_OF}", moments[0]);
        let answer = server.get(&format!("{base}/range?{query}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(rows(&answer.text()), expect.join(","), "{metric}");
        assert_eq!(answer.json()["steps"], 4);
        ranges.push(answer.text());
    }
    for (wrong, expect) in [
        ("to=2026-02-01", "'from': is missing"),
        ("from=2026-01-01&step=1m", "limits.range_steps_max"),
        ("from=2026-01-01&step=often", "give a duration"),
        ("from=2026-02-02&to=2026-01-01", "after 'to'"),
        ("from=2026-02-02&as_of=2026-01-01", "known are from, to, step"),
    ] {
        let answer = server.get(&format!("/api/v1/metrics/review_load/range?{wrong}"));
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.text());
        assert!(answer.text().contains(expect), "{wrong}: {}", answer.text());
    }
    drop(server);
    for (metric, of_http) in story::METRICS.into_iter().zip(ranges) {
        let from =
            ["query", metric, "--from", moments[0], "--to", AS_OF, "--step", "14d", "--known-at", AS_OF];
        let json = place.stdout(&[&from[..], &["--format", "json"]].concat());
        assert_eq!(rows(&json), rows(&of_http), "the command line prints what the route prints");
        let csv = place.stdout(&[&from[..], &["--format", "csv"]].concat());
        assert!(csv.starts_with("as_of,"), "{csv}");
    }
}
