//! kill -9 in the middle of a load, three times: afterwards everything is there once, and every metric
//! is what an undisturbed run gives.

use std::path::Path;

use serde_json::Value;

use crate::broker::Log;
use crate::harness::{Place, Server, wait_for};
use crate::story::{self, AS_OF, METRICS};

const KILLS: i64 = 3;

/// Events that are loaded from Kafka; `PLIMSOLL_TEST_EVENTS=1000000` takes a few minutes.
fn events_to_load() -> i64 {
    let given = std::env::var("PLIMSOLL_TEST_EVENTS").ok();
    given.map_or(60_000, |count| count.parse().expect("PLIMSOLL_TEST_EVENTS is a number"))
}

fn results(server: &Server) -> Vec<(&'static str, Value)> {
    let result = |metric| (metric, server.rows(&format!("{metric}?as_of={AS_OF}")));
    METRICS.map(result).to_vec()
}

#[test]
fn a_server_killed_three_times_loses_and_doubles_nothing() {
    let Some(log) = Log::create("restart", 2) else { return };
    let facts = story::story(events_to_load());
    let total = facts.len() as i64;
    log.produce(&facts);
    // Small batches and commits, so that a kill meets a load in all its stages.
    let (batch, flush) = (total / 120, total / 12);
    let config = |name: &str| {
        let config = log.config(name).replace("[store]\n", &format!("[store]\nflush_rows = {flush}\n"));
        config + &format!("[ingest]\nbatch_rows_max = {batch}\n")
    };
    let arrived = |server: &Server, count: i64| {
        wait_for("events to arrive", || server.events().filter(|events| *events >= count))
    };

    let disturbed = Place::new();
    disturbed.write("plimsoll.toml", config("disturbed"));
    for kill in 1..=KILLS {
        let mut server = disturbed.launch_server(&["serve"]);
        let events = arrived(&server, total * kill / (KILLS + 2));
        server.running.kill();
        assert!(events <= total, "{events} of {total}");
    }
    let disturbed = disturbed.serve(&config("disturbed"));
    let undisturbed = Place::new();
    let undisturbed = undisturbed.serve(&config("undisturbed"));
    for server in [&disturbed, &undisturbed] {
        assert_eq!(arrived(server, total), total);
        assert_eq!(server.count("SELECT count(*) FROM dead_letters"), 0);
    }
    for (of_disturbed, of_undisturbed) in results(&disturbed).into_iter().zip(results(&undisturbed)) {
        assert_ne!(of_undisturbed.1, Value::Array(Vec::new()), "{} has no rows", of_undisturbed.0);
        assert_eq!(of_disturbed, of_undisturbed);
    }
}

#[test]
fn an_ingest_killed_three_times_and_run_again_equals_one_that_was_not() {
    let lines = story::lines(&story::story(60_000));
    let disturbed = Place::new();
    disturbed.write("events.ndjson", &lines);
    for _ in 0..KILLS {
        let before = bytes_under(&disturbed.data());
        let mut ingest = disturbed.spawn(&["ingest", "events", "events.ndjson"]);
        wait_for("the ingest to write", || {
            let busy = bytes_under(&disturbed.data()) > before + 300_000;
            let over = ingest.child.try_wait().unwrap().is_some();
            (busy || over).then_some(())
        });
        ingest.kill();
    }
    disturbed.stdout(&["ingest", "events", "events.ndjson"]);
    let undisturbed = Place::new();
    undisturbed.write("events.ndjson", &lines);
    undisturbed.stdout(&["ingest", "events", "events.ndjson"]);
    for metric in METRICS {
        let csv = |place: &Place| place.stdout(&["query", metric, "--as-of", AS_OF, "--format", "csv"]);
        assert_eq!(csv(&disturbed), csv(&undisturbed), "{metric}");
    }
    for table in ["commits", "reviews", "tickets", "directory", "dead_letters"] {
        let sql = format!("SELECT count(*) FROM {table}");
        let count = |place: &Place| place.stdout(&["sql", &sql, "--format", "csv"]);
        assert_eq!(count(&disturbed), count(&undisturbed), "{table}");
    }
}

/// Bytes of all files under a folder; files that vanish meanwhile count nothing.
fn bytes_under(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_under(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

#[test]
fn a_graceful_stop_makes_everything_durable_and_a_restart_finds_it() {
    let place = Place::new();
    let mut server = place.serve("");
    let facts = story::story(50);
    let batch = facts.iter().map(|fact| fact.json.as_str()).collect::<Vec<_>>().join(",");
    let posted = server.post("/api/v1/events", "application/cloudevents-batch+json", format!("[{batch}]"));
    assert_eq!(posted.status, 202, "{}", posted.text());
    assert!(server.running.stop().success(), "{}", server.running.log());
    let server = place.serve("");
    server.wait_for_count(
        "SELECT (SELECT count(*) FROM tickets) + (SELECT count(*) FROM directory)",
        facts.iter().filter(|fact| fact.topic == story::TICKETS).count() as i64,
    );
}
