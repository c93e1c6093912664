//! The pages: what a browser gets, what it does not get, and what real people do with them in a real Chromium.

use std::process::Command;

use serde_json::json;

use crate::harness::{Place, Server, did_not_run};
use crate::http_client::Response;
use crate::story;

const BROWSER: [(&str, &str); 1] = [("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")];

fn page(server: &Server, path: &str) -> Response {
    server.send("GET", path, &BROWSER, b"")
}

/// Two teams, one of a single person, and a milestone whose title is no good HTML.
fn place() -> Place {
    let mut lines = String::new();
    let mut say = |type_: &str, data: serde_json::Value| {
        let id = format!("pages-{}", lines.len());
        lines += &format!("{}\n", story::event(&id, type_, "2026-02-02T09:00:00Z", data));
    };
    for (team, person) in [("core", "ada"), ("core", "bo"), ("core", "cy"), ("web", "eve")] {
        say("team.member_added", json!({"team": team, "person": person}));
        say(
            "change.opened",
            json!({"repo": "api", "change": person, "author": "zoe", "url": "javascript:alert(1)"}),
        );
        say("review.requested", json!({"repo": "api", "change": person, "reviewer": person}));
    }
    say(
        "milestone.created",
        json!({"milestone": "m1", "project": "api", "title": "<script>alert(1)</script>", "due_on": "2026-06-01"}),
    );
    let place = Place::new();
    place.write("events.ndjson", lines);
    place.stdout(&["ingest", "events", "events.ndjson"]);
    place
}

#[test]
fn every_page_is_html_under_a_strict_policy() {
    let place = place();
    let server = place.serve("");
    for path in [
        "/",
        "/overview/load",
        "/overview/changes",
        "/reviews",
        "/milestones",
        "/milestone/m1",
        "/milestone/m1/charts",
        "/milestone/m1/ledger",
        "/catalogue",
        "/metric/review_load",
        "/metric/review_load?as_of=2026-03-01&team=core",
        "/metric/review_load/over-time",
        "/metric/review_load/explain?team=core",
        "/view/review_episode",
        "/data",
        "/data/sources",
    ] {
        let answer = page(&server, path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(answer.header("content-type").starts_with("text/html"), "{path}: {:?}", answer.headers);
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        let text = answer.text();
        assert!(!text.contains("<script>alert") && !text.contains("href=\"javascript:"), "{path}: {text}");
        assert!(!text.contains("style=\"") && !text.contains("onclick"), "{path}: {text}");
        assert!(text.contains("Log position"), "{path} says what its numbers rest on: {text}");
    }
    assert!(page(&server, "/milestones").text().contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
}

#[test]
fn pages_are_small_and_their_files_are_kept() {
    let place = place();
    let server = place.serve("");
    let headers = [("Accept", "text/html"), ("Accept-Encoding", "gzip, br")];
    let plain = page(&server, "/");
    let packed = server.send("GET", "/", &headers, b"");
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.body.len() < plain.body.len() / 2, "{} of {}", packed.body.len(), plain.body.len());
    assert_eq!(plain.header("cache-control"), "no-store");
    assert!(plain.header("vary").contains("Accept-Encoding"), "{:?}", plain.headers);
    assert_eq!(plain.header("x-content-type-options"), "nosniff");
    let refused = server.send("GET", "/", &[("Accept", "text/html"), ("Accept-Encoding", "gzip;q=0")], b"");
    assert_eq!(refused.header("content-encoding"), "");
    assert!(refused.text().starts_with("<!DOCTYPE html>"), "{}", refused.text());
    let neither = server.send("GET", "/", &[("Accept", "text/html"), ("Accept-Encoding", "br, *;q=0")], b"");
    assert_eq!((neither.status, neither.header("content-encoding")), (200, ""));
    let head = server.send("HEAD", "/", &BROWSER, b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
    let text = plain.text();
    let style = text.split('"').find(|part| part.starts_with("/assets/") && part.ends_with("/style.css"));
    let style = style.expect("a page names its files");
    let answer = server.get(style);
    assert_eq!(answer.status, 200);
    assert!(answer.header("cache-control").contains("immutable"), "{:?}", answer.headers);
    // Text of pages is compressed from 1 KiB on; data and scrapes are not.
    for (path, coding) in [(style, "gzip"), ("/api/v1/metrics", ""), ("/metrics", ""), ("/openapi.json", "")]
    {
        let packed = server.send("GET", path, &[("Accept-Encoding", "gzip")], b"");
        assert_eq!((packed.status, packed.header("content-encoding")), (200, coding), "{path}");
    }
    assert_eq!(server.get("/assets/0/style.css").status, 404);
}

#[test]
fn browsers_get_a_sentence_and_programs_a_problem() {
    let place = place();
    let server = place.serve("");
    for (path, status, sentence) in [
        ("/metric/review_laod", 404, "did you mean review_load"),
        ("/metric/review_load?teem=a", 400, "Parameter &#39;teem&#39;: is not known here"),
        ("/metric/review_load?as_of=soon", 400, "is not a moment"),
        ("/metric/review_load/over-time?weeks=9999", 400, "weeks"),
        ("/milestone/nothing", 404, "/milestones lists them"),
        ("/view/nothing", 404, "No view named"),
        ("/nothing", 404, "Nothing at /nothing"),
    ] {
        let answer = page(&server, path);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert!(answer.header("content-type").starts_with("text/html"), "{path}: {:?}", answer.headers);
        let text = answer.text().replace("&#39;", "'");
        assert!(text.contains(&sentence.replace("&#39;", "'")), "{path}: {text}");
        let answer = server.get(path);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        assert_eq!(answer.json()["status"], status, "{path}");
    }
}

#[test]
fn a_page_shows_no_more_than_the_api() {
    let place = place();
    let server = place.serve("");
    for path in ["/metric/reviewer_load", "/metric/reviewer_load/explain", "/metric/review_triage"] {
        let answer = page(&server, path);
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
        assert!(answer.text().contains("people.visibility"), "{path}: {}", answer.text());
    }
    let reviews = page(&server, "/reviews").text();
    assert!(reviews.contains("people.visibility"), "the page says why the list is not there: {reviews}");

    // One person is no group: not in the row, not in what explains it, not in the chart.
    let numbers = |text: &str| text.contains(">web</th><td class=\"n headline\"><span");
    assert!(numbers(&page(&server, "/metric/review_load?team=web").text()));
    assert!(numbers(&page(&server, "/metric/review_load/explain?team=web").text()));
    let explained = server.get("/api/v1/metrics/review_load/explain?team=web").json();
    assert!(explained["explained"][0]["open_reviews"].is_null(), "{explained}");
    let chart = page(&server, "/metric/review_load/over-time").text();
    assert!(chart.contains("core:") && chart.contains("web: no value"), "{chart}");
}

#[test]
fn json_stands_beside_the_page() {
    let place = place();
    let server = place.serve("");
    let beside = server.get("/metric/review_load.json?as_of=2026-03-01");
    let api = server.get("/api/v1/metrics/review_load?as_of=2026-03-01");
    assert_eq!(beside.json()["rows"], api.json()["rows"]);
    assert_eq!(beside.header("content-type"), "application/json");
}

#[test]
fn a_metric_of_ones_own_has_a_page() {
    let place = place();
    place.write(
        "own/metric/open_changes.sql",
        "-- +++\n-- title = \"Open <changes>\"\n-- help = \"Changes that wait.\"\n-- unit = \"changes\"\n\
         -- labels = [\"repo\"]\n-- value = \"n\"\n-- section = \"Ours\"\n-- panel = \"bargauge\"\n\
         -- params = { least = { type = \"int\", default = 0, min = 0, max = 9 } }\n-- +++\n\
         SELECT repo, COUNT(*) AS n FROM change WHERE is_open AND opened_at <= $as_of GROUP BY repo \
         HAVING COUNT(*) >= $least ORDER BY repo\n",
    );
    let server = place.serve("[catalogue]\ndirs = [\"own\"]\n");
    let text = page(&server, "/metric/open_changes").text();
    for expect in
        ["Open &lt;changes&gt;", "Changes that wait.", "4 changes", "id=\"param-least\"", "format=parquet"]
    {
        assert!(text.contains(expect), "no {expect}: {text}");
    }
    assert!(page(&server, "/catalogue").text().contains("/metric/open_changes"));
    assert_eq!(page(&server, "/metric/open_changes?least=10").status, 400);
    assert_eq!(page(&server, "/metric/open_changes/over-time").status, 200);
}

/// tests/run brings Chromium, and playwright-core and axe-core into a folder that it names.
#[test]
fn people_find_their_way_in_a_real_browser() {
    if std::env::var_os("PLIMSOLL_BROWSER").is_none() {
        did_not_run("people_find_their_way_in_a_real_browser", "PLIMSOLL_BROWSER is not set");
        return;
    }
    let place = Place::new();
    let server = place.start_server(&["demo"]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/journeys.mjs");
    let base = format!("http://127.0.0.1:{}", server.port);
    let output = Command::new("node").args([script, &base]).output().expect("node is on the path");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
}
