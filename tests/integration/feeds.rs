//! Bodies of other tools by every way in: archives and folders of files, and topics that carry them.
//!
//! Invariant: what the summary says of a backfill is what the tables then hold.

use std::process::Command;

use serde_json::{Value, json};

use crate::broker::{Log, Raw};
use crate::corpus::{corpus, python};
use crate::harness::{Place, tool, wait_for};
use crate::story::TICKETS;

/// Rows of each event type, from all tables of events, as one object.
fn by_type(place: &Place) -> Value {
    let sql = "SELECT type, count(*) AS n FROM (SELECT type FROM commits UNION ALL SELECT type FROM reviews \
               UNION ALL SELECT type FROM tickets UNION ALL SELECT type FROM directory) GROUP BY type ORDER BY type";
    let text = place.stdout(&["sql", sql, "--format", "json"]);
    let answer: Value = serde_json::from_str(&text).unwrap();
    let rows = answer["rows"].as_array().unwrap().iter();
    rows.map(|row| (row["type"].as_str().unwrap().to_owned(), row["n"].clone())).collect()
}

#[test]
fn an_hour_of_the_archive_gives_what_an_independent_count_gives() {
    let Some(folder) = corpus("feeds_archive") else { return };
    let hour = folder.join("gharchive/2015-01-01-0.json.gz");
    let place = Place::new();
    let said = place.stdout(&["ingest", "gharchive", hour.to_str().unwrap()]);
    let expect: Value = serde_json::from_str(&python(&folder, &["archive"])).unwrap();
    assert_eq!(
        expect,
        json!({
            "change.closed": 25, "change.merged": 126, "change.opened": 163, "change.reopened": 1,
            "commit.pushed": 6463, "review.commented": 332,
            "ticket.closed": 135, "ticket.created": 235, "ticket.reopened": 3,
        })
    );
    assert!(said.contains("7702 lines"), "{said}");
    assert!(said.contains("7488 events, 2542 silent, 0 unknown, 0 refused"), "{said}");
    assert_eq!(by_type(&place), expect);

    // Again, as plain text and in another order: nothing is new.
    let text = tool(Command::new("gzip").arg("-dc").arg(&hour));
    let reversed: Vec<&str> = text.lines().rev().collect();
    place.write("hour.json", reversed.join("\n"));
    let said = place.stdout(&["ingest", "gharchive", "hour.json"]);
    assert!(said.contains("7488 events, 7488 of them seen before, 0 dead letters"), "{said}");
    assert_eq!(by_type(&place), expect);
}

#[test]
fn folders_of_real_webhooks_become_events() {
    let Some(folder) = corpus("feeds_webhooks") else { return };
    let place = Place::new();
    for (vendor, expect) in [
        ("github", "64 bodies, 1226804 bytes: 42 events, 25 silent, 0 unknown, 0 refused"),
        ("gitlab", "7 bodies, 23154 bytes: 7 events, 2 silent, 0 unknown, 0 refused"),
        ("jira", "28 bodies, 410013 bytes: 20 events, 8 silent, 0 unknown, 0 refused"),
        ("gerrit", "11 bodies, 10787 bytes: 10 events, 1 silent, 0 unknown, 0 refused"),
    ] {
        let bodies = folder.join("webhooks").join(vendor);
        let said = place.stdout(&["ingest", "webhooks", "--format", vendor, bodies.to_str().unwrap()]);
        assert!(said.contains(expect), "{vendor}: {said}");
    }
    // Fewer than 79: several of these bodies tell the same fact.
    let rows = by_type(&place);
    let total: i64 = rows.as_object().unwrap().values().filter_map(Value::as_i64).sum();
    assert_eq!(total, 60, "{rows}");
}

fn milestone(action: &str) -> String {
    json!({
        "action": action, "repository": {"full_name": "acme/api"}, "sender": {"login": "ada"},
        "milestone": {"number": 3, "title": "M", "created_at": "2026-01-02T03:04:05Z", "due_on": null},
    })
    .to_string()
}

#[test]
fn what_is_no_body_ends_in_the_dead_letters_with_its_place() {
    let place = Place::new();
    place.write("hooks/milestone/1.json", milestone("created"));
    place.write("hooks/push/2.json", r#"{"ref": "refs/heads/main"}"#);
    place.write("hooks/3.json", "no json");
    place.write("hooks/ping/4.json", "{}");
    place.write("hooks/5.json", milestone("teleported"));
    let said = place.stdout(&["ingest", "webhooks", "--format", "github", "hooks"]);
    assert!(said.contains("1 events, 1 silent, 1 unknown, 2 refused"), "{said}");
    assert!(said.contains("refused: hooks/push/2.json: missing_field"), "{said}");
    let sql = "SELECT reason, headers, value FROM dead_letters ORDER BY reason";
    let answer: Value = serde_json::from_str(&place.stdout(&["sql", sql, "--format", "json"])).unwrap();
    let rows = answer["rows"].as_array().unwrap();
    let reasons: Vec<&str> = rows.iter().map(|row| row["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["invalid_json", "missing_field"]);
    for (row, origin) in rows.iter().zip(["hooks/3.json", "hooks/push/2.json"]) {
        assert!(row["headers"].as_str().unwrap().contains(origin), "{row}");
    }
    let empty = place.run(&["ingest", "webhooks", "--format", "github", place.path().to_str().unwrap()]);
    assert!(empty.status.success(), "the folder above holds the same files");
    std::fs::create_dir(place.path().join("none")).unwrap();
    let refused = place.run(&["ingest", "webhooks", "--format", "github", "none"]);
    let stderr = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr.contains("none holds no .json"), "{stderr}");
}

#[test]
fn a_topic_of_raw_bodies_is_read_as_its_format() {
    let Some(log) = Log::create("feeds_raw", 1) else { return };
    let place = Place::new();
    let topic = log.topic(TICKETS);
    let server = place.serve(&format!("{}[kafka.formats]\n{topic:?} = \"github\"\n", log.config("a")));
    let named = |name: &str| vec![("x-github-event".to_owned(), name.as_bytes().to_vec())];
    let created = milestone("created");
    for (headers, value) in [
        (named("milestone"), created.as_bytes()),
        (vec![], created.as_bytes()),
        (named("ping"), b"{}"),
        (named("teleport"), b"{}"),
        (named("push"), br#"{"ref": "refs/heads/main"}"#),
        (vec![], b"\xff no json"),
    ] {
        log.send(TICKETS, &Raw { key: b"k", value: Some(value), headers });
    }
    log.flush();
    server.wait_for_count("SELECT count(*) FROM dead_letters", 2);
    server.wait_for_count("SELECT count(*) FROM tickets WHERE type = 'milestone.created'", 1);
    let metrics = wait_for("the counters", || {
        let text = server.get("/metrics").text();
        text.contains("plimsoll_ingest_records_total 6").then_some(text)
    });
    for line in ["plimsoll_ingest_silent_total 1", "plimsoll_ingest_unknown_total 1"] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    let rows = server.sql("SELECT reason, \"offset\" FROM dead_letters ORDER BY \"offset\"").json();
    assert_eq!(
        rows["rows"],
        json!([
            {"reason": "missing_field", "offset": 4}, {"reason": "invalid_utf8", "offset": 5},
        ])
    );
}

#[test]
fn a_backfill_to_kafka_is_read_from_the_topics() {
    let Some(log) = Log::with_plain_names("feeds_produced") else { return };
    let place = Place::new();
    // The topics have what earlier runs produced as well, so this run's names are its own.
    let run = place.path().file_name().unwrap().to_string_lossy().replace('.', "");
    place.write("plimsoll.toml", log.config("a"));
    place.write("hooks/milestone/1.json", milestone("created").replace("acme/api", &format!("acme/{run}")));
    place.write(&format!("hooks/{run}.json"), "no json");
    place.stdout(&["ingest", "webhooks", "--format", "github", "--to-kafka", "hooks"]);
    assert!(!place.data().join("events").exists(), "nothing is loaded here");
    let server = place.serve(&log.config("a"));
    server.wait_for_count(&format!("SELECT count(*) FROM tickets WHERE repo = 'acme/{run}'"), 1);
    let dead = format!("SELECT count(*) FROM dead_letters WHERE headers LIKE '%hooks/{run}.json%'");
    server.wait_for_count(&dead, 1);
}
