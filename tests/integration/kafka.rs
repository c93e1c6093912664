//! A real broker: what is produced becomes visible, once, and agrees with a reader that shares no code.

use serde_json::Value;

use crate::bad_records;
use crate::broker::{Log, Raw};
use crate::harness::{Place, Server};
use crate::story::{self, AS_OF, COMMITS, TICKETS};

/// team -> number, of one column of a metric.
fn by_team(rows: &Value, column: &str) -> Vec<(String, i64)> {
    let rows = rows.as_array().unwrap().iter();
    let mut pairs: Vec<(String, i64)> = rows
        .map(|row| (row["team"].as_str().unwrap().to_owned(), row[column].as_f64().unwrap() as i64))
        .filter(|(_, number)| *number > 0)
        .collect();
    pairs.sort();
    pairs
}

fn of_oracle(object: &Value) -> Vec<(String, i64)> {
    let pairs = object.as_object().unwrap().iter();
    pairs.map(|(team, number)| (team.clone(), number.as_i64().unwrap())).collect()
}

fn check_against_oracle(server: &Server, oracle: &Value) {
    for (table, least) in [("commits", 100), ("reviews", 100), ("tickets", 100), ("directory", 10)] {
        let expect = oracle["tables"][table].as_i64().unwrap();
        assert!(expect > least, "{oracle}");
        server.wait_for_count(&format!("SELECT count(*) FROM {table}"), expect);
    }
    let dead = oracle["dead_letters"].as_array().unwrap().len();
    server.wait_for_count("SELECT count(*) FROM dead_letters", dead as i64);
    let reviews = server.rows(&format!("review_load?as_of={AS_OF}"));
    assert_eq!(by_team(&reviews, "open_reviews"), of_oracle(&oracle["open_reviews"]));
    let balance = server.rows(&format!("delegation_balance?as_of={AS_OF}"));
    assert_eq!(by_team(&balance, "open_tickets"), of_oracle(&oracle["open_tickets"]));
}

#[test]
fn what_is_produced_is_visible_and_agrees_with_an_independent_reader() {
    let Some(log) = Log::create("kafka_visible", 3) else { return };
    let place = Place::new();
    let server = place.serve(&log.config("a"));
    log.produce(&story::story(3_000));
    // Once more from the start: redelivery changes no number.
    log.produce(&story::story(500)[..400]);
    log.send(TICKETS, &Raw { key: b"gone", ..Raw::default() });
    log.flush();
    let oracle = log.oracle(AS_OF);
    assert_eq!(oracle["tombstones"], 1);
    assert!(oracle["duplicates"].as_i64().unwrap() > 20, "{oracle}");
    check_against_oracle(&server, &oracle);

    // A second consumer, with its own group and data, that starts when all is there already.
    let second = Place::new();
    check_against_oracle(&second.serve(&log.config("b")), &oracle);
}

#[test]
fn bad_records_become_dead_letters_with_reason_and_position() {
    let Some(log) = Log::create("kafka_dead_letters", 1) else { return };
    let place = Place::new();
    let server = place.serve(&log.config("a"));
    let bad = bad_records::all();
    for record in &bad {
        let raw = Raw { key: &record.key, value: Some(&record.value), headers: record.headers.clone() };
        log.send(TICKETS, &raw);
    }
    let good = story::story(200);
    log.produce(&good);
    server.wait_for_count("SELECT count(*) FROM dead_letters", bad.len() as i64);
    let expect = good.iter().filter(|fact| fact.topic == TICKETS).count();
    let both = "SELECT (SELECT count(*) FROM tickets) + (SELECT count(*) FROM directory)";
    server.wait_for_count(both, expect as i64);

    let answer = server
        .sql("SELECT topic, partition, \"offset\", reason, detail FROM dead_letters ORDER BY \"offset\"");
    let json = answer.json();
    let rows = json["rows"].as_array().unwrap();
    for (offset, (row, record)) in rows.iter().zip(&bad).enumerate() {
        assert_eq!(row["topic"], log.topic(TICKETS).as_str());
        assert_eq!((&row["partition"], &row["offset"]), (&Value::from(0), &Value::from(offset)));
        let reason = row["reason"].as_str().unwrap();
        assert!(record.reasons.contains(&reason), "offset {offset}: {row} instead of {:?}", record.reasons);
        assert!(!row["detail"].as_str().unwrap().is_empty());
    }
    let metrics = server.get("/metrics").text();
    let counted: f64 = metrics
        .lines()
        .filter(|line| {
            line.starts_with("plimsoll_") && line.contains("dead_letters") && line.contains("reason=")
        })
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    assert_eq!(counted, bad.len() as f64, "dead letters are counted by reason:\n{metrics}");
    assert_eq!(server.get("/healthz").status, 200);
    let ready = server.get("/readyz").text();
    assert!(ready.contains(&format!("dead letters since the start: {}", bad.len())), "{ready}");
}

#[test]
fn backfills_and_posts_go_through_the_topics() {
    let Some(log) = Log::with_plain_names("kafka_produced") else { return };
    let place = Place::new();
    let facts = story::story(300);
    place.write("events.ndjson", story::lines(&facts));
    place.write("plimsoll.toml", log.config("a"));
    place.stdout(&["ingest", "events", "events.ndjson", "--to-kafka"]);
    let server = place.serve(&log.config("a"));
    let commits = facts.iter().filter(|fact| fact.topic == COMMITS).count() as i64;
    server.wait_for_count("SELECT count(*) FROM commits", commits);

    let data = serde_json::json!({"ticket": "posted", "title": "T", "assignees": ["ada"]});
    let event = story::event("kafka-posted", "ticket.created", "2026-02-01T10:00:00Z", data);
    let posted = server.post("/api/v1/events", "application/cloudevents+json", event);
    assert_eq!(posted.status, 202, "{}", posted.text());
    server.wait_for_count("SELECT count(*) FROM tickets WHERE ticket = 'posted'", 1);
    let of_log = server.sql("SELECT DISTINCT topic FROM tickets").json();
    assert_eq!(of_log["rows"][0]["topic"], TICKETS, "{of_log}");
}

#[test]
fn an_event_that_kafka_would_refuse_takes_nothing_with_it() {
    let Some(log) = Log::with_plain_names("kafka_too_large") else { return };
    let place = Place::new();
    let run = place.path().file_name().unwrap().to_string_lossy().replace('.', "");
    let event = |name: &str, bytes: usize| {
        let data = serde_json::json!({"ticket": format!("{run}-{name}"), "title": "T".repeat(bytes)});
        story::event(&format!("{run}-{name}"), "ticket.created", "2026-02-01T10:00:00Z", data)
    };
    let post = |server: &Server, events: &[String]| {
        let batch = format!("[{}]", events.join(","));
        server.post("/api/v1/events", "application/cloudevents-batch+json", batch)
    };
    let with_limit = format!("{}[kafka.settings]\n\"message.max.bytes\" = \"200000\"\n", log.config("small"));
    let server = place.serve(&with_limit);
    let refused = post(&server, &[event("small", 100), event("large", 250_000)]);
    assert_eq!(refused.status, 413, "{}", refused.text());
    assert_eq!(refused.json()["index"], 1, "{}", refused.text());
    assert!(refused.text().contains(TICKETS), "{}", refused.text());
    drop(server);

    // What is larger than librdkafka sends by itself, and no larger than an event may be, goes through.
    let server = place.serve(&log.config("small"));
    let taken = post(&server, &[event("fits", 1_040_000)]);
    assert_eq!(taken.status, 202, "{}", taken.text());
    let count = format!("SELECT count(*) FROM tickets WHERE ticket LIKE '{run}-%'");
    server.wait_for_count(&count, 1);

    // A topic's own limit counts too.
    log.set_on_topic(TICKETS, "max.message.bytes", "150000");
    drop(server);
    let server = place.serve(&log.config("small"));
    let refused = post(&server, &[event("small", 100), event("large", 250_000)]);
    log.set_on_topic(TICKETS, "max.message.bytes", "20000000");
    assert_eq!((refused.status, &refused.json()["index"]), (413, &1.into()), "{}", refused.text());
    assert_eq!(post(&server, &[event("last", 100)]).status, 202);
    server.wait_for_count(&count, 2);
}
