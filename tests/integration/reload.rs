//! The user's own files while the server runs: added, changed, broken, mended and removed.

use serde_json::json;

use crate::harness::{Place, Server, wait_for};
use crate::story;

fn metric(sql: &str) -> String {
    format!(
        "-- +++\n-- title = \"Open\"\n-- help = \"Open requests of each repository.\"\n-- unit = \"reviews\"\n\
         -- labels = [\"repo\"]\n-- value = \"open\"\n-- section = \"Ours\"\n-- panel = \"stat\"\n-- +++\n{sql}\n"
    )
}

const OPEN: &str = "SELECT repo, COUNT(*) FILTER (WHERE is_open) AS open FROM review_episode GROUP BY repo";

fn value(server: &Server, name: &str) -> Option<i64> {
    let answer = server.get(&format!("/api/v1/metrics/{name}"));
    if answer.status == 404 {
        return None;
    }
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["rows"][0]["open"].as_i64()
}

#[test]
fn files_of_ones_own_are_taken_over_while_serving() {
    let place = Place::new();
    let mut lines = String::new();
    for (id, reviewer) in ["ada", "bo", "cy"].into_iter().enumerate() {
        let data = json!({"repo": "api", "change": "1", "reviewer": reviewer});
        lines +=
            &format!("{}\n", story::event(&id.to_string(), "review.requested", "2026-02-02T09:00:00Z", data));
    }
    place.write("events.ndjson", lines);
    place.stdout(&["ingest", "events", "events.ndjson"]);
    place.write("own/metric/first.sql", metric(OPEN));
    let server = place.serve("[catalogue]\ndirs = [\"own\"]\nreload_interval_ms = 50\n");
    assert_eq!((value(&server, "first"), value(&server, "second")), (Some(3), None));

    place.write("own/metric/second.sql", metric(&OPEN.replace("COUNT(*)", "10 * COUNT(*)")));
    wait_for("the new metric", || (value(&server, "second") == Some(30)).then_some(()));
    wait_for("it on the page", || {
        server.get("/metrics").text().contains("plimsoll_second{repo=\"api\"} 30").then_some(())
    });
    assert_eq!(server.count("SELECT open FROM second"), 30);
    assert_eq!(server.get("/readyz").text(), "ready\n");

    place.write("own/metric/first.sql", metric(&OPEN.replace("is_open", "is_opened")));
    place.write("own/metric/second.sql", metric(&OPEN.replace("COUNT(*)", "20 * COUNT(*)")));
    wait_for("the changed metric", || (value(&server, "second") == Some(60)).then_some(()));
    assert_eq!(value(&server, "first"), Some(3), "the old definition stays in force");
    wait_for("the problem to be told", || {
        server.get("/readyz").text().contains("catalogue problems: 1").then_some(())
    });
    let problem = server.get("/api/v1/metrics").json()["problems"][0].clone();
    assert_eq!((&problem["line"], &problem["column"]), (&json!(10), &json!(37)), "{problem}");
    assert!(problem["message"].as_str().unwrap().contains("is_opened"), "{problem}");
    assert!(problem["file"].as_str().unwrap().ends_with("own/metric/first.sql"), "{problem}");
    let log = server.running.log();
    assert!(log.contains("first.sql:10: no field named is_opened"), "{log}");
    assert!(server.get("/metrics").text().contains("plimsoll_catalogue_problems 1\n"));

    place.write("own/metric/first.sql", metric(&OPEN.replace("COUNT(*)", "COUNT(DISTINCT reviewer)")));
    std::fs::remove_file(place.path().join("own/metric/second.sql")).unwrap();
    wait_for("the metric to go", || value(&server, "second").is_none().then_some(()));
    wait_for("the problem to go", || (server.get("/readyz").text() == "ready\n").then_some(()));
    assert!(!server.get("/metrics").text().contains("plimsoll_second{"));
    let first = server.get("/api/v1/metrics/first").json();
    assert_eq!(first["rows"][0]["open"], 3, "{first}");
    assert_ne!(first["definition"], json!(null));
}
