//! The HTTP surface: formats, problems, events in, and read-only SQL that cannot hurt.

use arrow::ipc::reader::StreamReader;
use serde_json::{Value, json};

use crate::harness::{Place, Server, wait_for};
use crate::http_client::Response;
use crate::story::{self, AS_OF};

fn place_with_events() -> Place {
    let place = Place::new();
    place.write("events.ndjson", story::lines(&story::story(1_400)));
    place.stdout(&["ingest", "events", "events.ndjson"]);
    place
}

fn check_problem(answer: &Response, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert!(answer.header("content-type").starts_with("application/problem+json"), "{:?}", answer.headers);
    let problem = answer.json();
    assert_eq!(problem["status"], status, "{problem}");
    assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
}

#[test]
fn the_catalogue_lists_every_metric() {
    let place = Place::new();
    let server = place.serve("");
    let answer = server.get("/api/v1/metrics");
    assert_eq!(answer.status, 200);
    for metric in story::METRICS {
        assert!(answer.text().contains(&format!("\"{metric}\"")), "{metric}: {}", answer.text());
    }
}

#[test]
fn json_csv_and_arrow_agree() {
    let place = place_with_events();
    let server = place.serve("");
    let path = format!("/api/v1/metrics/review_load?as_of={AS_OF}");
    let json = server.get(&path).json();
    for field in ["metric", "as_of", "known_at", "definition", "position", "columns", "rows"] {
        assert!(!json[field].is_null(), "{field} is missing: {json}");
    }
    assert_eq!(json["metric"], "review_load");
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{json}");

    let csv = server.get(&format!("{path}&format=csv"));
    assert!(csv.header("content-type").starts_with("text/csv"));
    assert_eq!(csv.text().lines().count(), rows.len() + 1);
    let header: Vec<String> = csv.text().lines().next().unwrap().split(',').map(str::to_owned).collect();
    let expect =
        ["team", "open_reviews", "reviewers", "open_per_reviewer", "top_share", "overloaded_reviewers"];
    assert_eq!(header[..6], expect, "the promised columns, in order");

    let accept = [("Accept", "application/vnd.apache.arrow.stream")];
    let arrow = server.send("GET", &path, &accept, b"");
    let reader = StreamReader::try_new(arrow.body.as_slice(), None).unwrap();
    let names: Vec<String> = reader.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, header);
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), rows.len());

    let stdout = {
        drop(server);
        place.stdout(&["query", "review_load", "--as-of", AS_OF, "--format", "json"])
    };
    let of_cli: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(of_cli["rows"], json["rows"], "the command line prints what the route prints");
    assert_eq!(of_cli["definition"], json["definition"]);
}

#[test]
fn a_number_leads_to_its_events() {
    let place = place_with_events();
    let server = place.serve("");
    let path = format!("/api/v1/metrics/review_load/explain?as_of={AS_OF}&team=core");
    let answer = server.get(&path);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    let row = &server.rows(&format!("review_load?as_of={AS_OF}&team=core"))[0];
    assert_eq!(&json["explained"][0], row, "the row explained is the row of the metric");
    assert!(json["formula"].as_str().unwrap().contains("open_reviews"), "{json}");
    let events = json["rows"].as_array().unwrap();
    let requests = events.iter().filter(|event| event["type"] == "review.requested").count() as i64;
    assert!(requests >= row["open_reviews"].as_i64().unwrap().min(1), "{json}");
    assert!(events.iter().all(|event| !event["type"].as_str().unwrap().starts_with("person.")), "{json}");
    assert!(
        events.windows(2).all(|pair| pair[0]["effective_at"].as_str() >= pair[1]["effective_at"].as_str())
    );
    // The same rows rest on nothing else: every event listed is of a change that the team reviews.
    let other = server.get(&format!("/api/v1/metrics/review_load/explain?as_of={AS_OF}&team=nobody")).json();
    assert_eq!((&other["events"], &other["subjects"]), (&json!(0), &json!(0)));
    for wrong in ["limit=0", "color=red", "as_of=yesterday"] {
        check_problem(&server.get(&format!("/api/v1/metrics/review_load/explain?{wrong}")), 400);
    }
    for metric in server.get("/api/v1/metrics").json()["metrics"].as_array().unwrap() {
        let name = metric["name"].as_str().unwrap();
        let answer = server.get(&format!("/api/v1/metrics/{name}/explain?as_of={AS_OF}&limit=1"));
        let expect = if metric["level"] == "person" { 403 } else { 200 };
        assert_eq!(answer.status, expect, "{name}: {}", answer.text());
    }
    drop(server);
    for metric in story::METRICS {
        place.stdout(&["explain", metric, "--as-of", AS_OF, "--format", "json"]);
    }
}

#[test]
fn wrong_requests_get_problems() {
    let place = Place::new();
    let server = place.serve("");
    for (path, status) in [
        ("/api/v1/metrics/no_such_metric", 404),
        ("/api/v1/metrics/review_load?as_of=yesterday", 400),
        ("/api/v1/metrics/review_load?as_of=2026-02-30T00:00:00Z", 400),
        ("/api/v1/metrics/review_load?as_of=2026-02-01&as_of=2026-02-02", 400),
        ("/api/v1/metrics/review_load?no_such=1", 400),
        ("/api/v1/metrics/review_load?team=%00", 400),
        ("/api/v1/metrics/review_load?format=xml", 400),
        ("/api/v1/metrics/review_concentration?window_days=9223372036854775808", 400),
        ("/api/v1/metrics/review_concentration?window_days=0", 400),
        ("/no/such/path", 404),
    ] {
        check_problem(&server.get(path), status);
    }
    check_problem(&server.send("DELETE", "/api/v1/metrics/review_load", &[], b""), 405);
    check_problem(&server.send("GET", "/api/v1/metrics", &[("Host", "evil.example")], b""), 421);
    // Person-level metrics need a configuration that allows them.
    check_problem(&server.get("/api/v1/metrics/reviewer_load"), 403);
    assert_eq!(server.get("/healthz").status, 200);
}

fn event(id: &str) -> String {
    let data = json!({"ticket": id, "title": "T", "status_category": "todo", "assignees": ["ada"]});
    story::event(id, "ticket.created", "2026-02-01T10:00:00Z", data)
}

#[test]
fn events_are_accepted_when_the_log_has_them() {
    let place = Place::new();
    let server = place.serve("[people]\ngroup_min = 1\n");
    let post = |content_type: &str, body: String| server.post("/api/v1/events", content_type, body);
    let one = post("application/cloudevents+json", event("one"));
    assert_eq!(one.status, 202, "{}", one.text());
    let batch = format!("[{},{}]", event("two"), event("three"));
    assert_eq!(post("application/cloudevents-batch+json", batch).status, 202);
    assert_eq!(post("application/cloudevents+json", event("one")).status, 202, "again is no error");
    server.wait_for_count("SELECT count(*) FROM tickets", 3);
    wait_for("the metric to count them", || {
        (server.rows("delegation_balance")[0]["open_tickets"].as_f64() == Some(3.0)).then_some(())
    });
}

#[test]
fn events_that_cannot_be_events_are_refused() {
    let place = Place::new();
    let server = place.serve("[limits]\nbody_bytes_max = 100000\nevents_max = 10\n");
    let many = format!("[{}]", vec![event("many"); 11].join(","));
    for (content_type, body, status) in [
        ("application/cloudevents+json", "{".to_owned(), 400),
        ("application/cloudevents+json", event("x").replace("\"id\":\"x\"", "\"id\":[]"), 400),
        ("application/cloudevents+json", event("x").replace("2026-02-01T", "2026-02-30T"), 400),
        ("application/cloudevents-batch+json", format!("[{},7]", event("x")), 400),
        ("application/cloudevents-batch+json", many, 413),
        ("application/x-www-form-urlencoded", "a=b".to_owned(), 415),
        ("application/cloudevents+json", "x".repeat(200_000), 413),
    ] {
        check_problem(&server.post("/api/v1/events", content_type, &body), status);
    }
    assert_eq!(server.count("SELECT count(*) FROM tickets"), 0, "nothing of a refused batch is kept");
    assert_eq!(server.count("SELECT count(*) FROM dead_letters"), 0);
}

#[test]
fn sql_reads_tables_views_and_nothing_else() {
    let place = place_with_events();
    let server = place.serve("");
    assert_eq!(server.count("SELECT count(DISTINCT team) FROM directory WHERE entity = 'team'"), 2);
    for (sql, statuses) in [
        ("INSERT INTO tickets SELECT * FROM tickets", &[403][..]),
        ("UPDATE tickets SET title = 'x'", &[403]),
        ("DELETE FROM tickets", &[403]),
        ("COPY tickets TO '/tmp/plimsoll-stolen.csv'", &[403]),
        ("COPY (SELECT 1) TO '/tmp/plimsoll-stolen.csv'", &[403]),
        ("CREATE TABLE t AS SELECT 1", &[403]),
        ("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'", &[403]),
        ("SET datafusion.execution.batch_size = 1", &[403]),
        ("PREPARE p AS SELECT 1", &[403]),
        ("EXPLAIN ANALYZE INSERT INTO tickets SELECT * FROM tickets", &[403]),
        ("DROP TABLE tickets", &[403]),
        ("SELECT * FROM '/etc/passwd'", &[400, 404]),
        ("SELECT * FROM no_such_table", &[400, 404]),
        ("SELECT no_such_column FROM tickets", &[400]),
        ("SELECT 1; SELECT 2", &[400]),
        ("SELEC 1", &[400]),
        ("", &[400]),
        ("SELECT repeat('x', 1500000000)", &[400]),
    ] {
        let answer = server.sql(sql);
        assert!(statuses.contains(&answer.status), "{sql}: {} {}", answer.status, answer.text());
        check_problem(&answer, answer.status);
    }
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn sql_is_bounded_in_time_memory_and_size() {
    let place = place_with_events();
    let limits = "[limits]\nsql_timeout_ms = 1000\nsql_memory_bytes = 33554432\nsql_rows_max = 1000\n";
    let server = place.serve(limits);
    let chain = |with: &str| format!("SELECT 1 WHERE 1 = 1{}", format!(" {with} 1 = 1").repeat(2_000));
    let union = format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(1_000));
    let plus = format!("SELECT 1{}", " + 1".repeat(3_000));
    let doubling: String = (1..30)
        .map(|i| format!(", t{i} AS (SELECT * FROM t{0} UNION ALL SELECT * FROM t{0})", i - 1))
        .collect();
    let cross = "SELECT count(*) FROM tickets a, tickets b, tickets c, tickets d, tickets e WHERE a.seq + b.seq + c.seq + d.seq + e.seq = 7";
    for (sql, statuses) in [
        (chain("OR"), &[400, 413][..]),
        (chain("AND"), &[400, 413]),
        (union, &[400, 413]),
        (plus, &[400, 413]),
        (format!("WITH t0 AS (SELECT 1 AS x){doubling} SELECT count(*) FROM t29"), &[400, 408]),
        (cross.to_owned(), &[408]),
        (
            "WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
                .to_owned(),
            &[408, 400],
        ),
        ("SELECT event_id FROM tickets UNION ALL SELECT event_id FROM reviews".to_owned(), &[422]),
        ("(".repeat(5_000) + "SELECT 1", &[400, 413]),
    ] {
        let answer = server.sql(&sql);
        let shown = &sql[..sql.len().min(80)];
        assert!(statuses.contains(&answer.status), "{shown}: {} {}", answer.status, answer.text());
        check_problem(&answer, answer.status);
        assert_eq!(server.get("/healthz").status, 200, "after {shown}");
    }
    assert!(server.count("SELECT count(*) FROM tickets") > 0, "it still answers");
}

#[test]
fn a_stop_lets_running_requests_end() {
    let place = place_with_events();
    let mut server: Server = place.serve("");
    assert_eq!(server.get("/readyz").status, 200);
    assert!(server.running.stop().success(), "{}", server.running.log());
}
