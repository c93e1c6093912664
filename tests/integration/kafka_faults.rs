//! A real broker that does what brokers do: topics made again, transactions, silence, and a second reader.
//!
//! Invariant: nothing is passed over unseen, and what is wrong is seen from outside: on /readyz, on /metrics, in alerts.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::broker::{Broker, Log};
use crate::harness::{Place, Server, wait_for};
use crate::prometheus::Prometheus;
use crate::story::{self, Fact, TICKETS};

/// From SIGTERM to the end, whatever a broker or a client does.
const STOP_MAX: Duration = Duration::from_secs(10);
const COUNT: &str = "SELECT count(*) FROM tickets";

/// Tickets of ids that no other `from` has.
fn tickets(range: std::ops::Range<usize>) -> Vec<Fact> {
    range
        .map(|n| {
            let data = json!({"ticket": format!("T-{n}"), "title": "T", "assignees": ["ada"]});
            let json = story::event(&format!("kf-{n}"), "ticket.created", "2026-02-01T10:00:00Z", data);
            Fact { topic: TICKETS, key: format!("T-{n}"), json }
        })
        .collect()
}

fn halted(log: &Log) -> String {
    format!("plimsoll_ingest_halted{{partition=\"0\",topic=\"{}\"}}", log.topic(TICKETS))
}

fn lag(log: &Log) -> String {
    format!("plimsoll_ingest_lag_records{{partition=\"0\",topic=\"{}\"}}", log.topic(TICKETS))
}

fn readyz(server: &Server) -> (u16, String) {
    let answer = server.get("/readyz");
    (answer.status, answer.text())
}

fn stop_in_time(server: &mut Server) {
    let begun = Instant::now();
    assert!(server.running.stop().success(), "{}", server.running.log());
    assert!(begun.elapsed() < STOP_MAX, "{:?}: {}", begun.elapsed(), server.running.log());
}

/// 100 records are read, then the topic is made again with `records` other ones; `running` while the server is there.
fn a_topic_made_again(records: usize, running: bool) {
    let name = format!("again_{records}_{running}");
    let Some(log) = Log::create(&name, 1) else { return };
    let place = Place::new();
    log.produce(&tickets(0..100));
    let mut server = place.serve(&log.config("a"));
    server.wait_for_count(COUNT, 100);
    if running {
        server.running.signal("-STOP");
    } else {
        stop_in_time(&mut server);
    }
    log.recreate(TICKETS, 1);
    log.produce(&tickets(100..100 + records));
    if running {
        server.running.signal("-CONT");
    } else {
        server = place.serve(&log.config("a"));
    }
    server.wait_for_series(&halted(&log), 1.0);
    let (status, text) = readyz(&server);
    assert!(status == 200 && text.contains("partitions halted") && text.contains(TICKETS), "{status} {text}");
    assert_eq!(server.series(&lag(&log)), None, "how far it is behind is not known");
    assert!(server.running.log().contains("accept-gap"), "{}", server.running.log());

    // While the server has the directory, and for a partition that is fine, nothing is accepted.
    let partition = format!("{}/0", log.topic(TICKETS));
    assert!(!place.run(&["accept-gap", &partition]).status.success());
    stop_in_time(&mut server);
    let other = place.run(&["accept-gap", &format!("{}/0", log.topic(story::COMMITS))]);
    assert!(String::from_utf8_lossy(&other.stderr).contains("nothing to accept"), "{other:?}");
    let said = place.stdout(&["accept-gap", &partition]);
    assert!(said.contains("has taken its place"), "{said}");
    let again = place.run(&["accept-gap", &partition]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("nothing to accept"), "{again:?}");

    let server = place.serve(&log.config("a"));
    server.wait_for_count(COUNT, 100 + records as i64);
    server.wait_for_series(&halted(&log), 0.0);
    let recorded =
        "SELECT count(*) FROM dead_letters WHERE reason = 'gap_accepted' AND detail LIKE '%is gone%'";
    assert_eq!(server.count(recorded), 1);
}

#[test]
fn a_topic_made_again_halts_with_fewer_as_many_and_more_records() {
    for records in [50, 100, 150] {
        a_topic_made_again(records, false);
    }
}

#[test]
fn a_topic_made_again_under_a_running_server_halts() {
    for records in [50, 100, 150] {
        a_topic_made_again(records, true);
    }
}

#[test]
fn retention_past_the_position_halts_until_it_is_accepted() {
    let Some(log) = Log::create("retention", 1) else { return };
    let place = Place::new();
    log.produce(&tickets(0..100));
    let mut server = place.serve(&log.config("a"));
    server.wait_for_count(COUNT, 100);
    stop_in_time(&mut server);
    log.produce(&tickets(100..200));
    log.delete_before(TICKETS, 150);
    let mut server = place.serve(&log.config("a"));
    server.wait_for_series(&halted(&log), 1.0);
    stop_in_time(&mut server);
    let said = place.stdout(&["accept-gap", &format!("{}/0", log.topic(TICKETS))]);
    assert!(said.contains("from 100 to 150"), "{said}");
    let server = place.serve(&log.config("a"));
    server.wait_for_count(COUNT, 150);
}

/// Writes the table's log as versions did that knew no topic ids.
fn without_topic_ids(place: &Place) -> usize {
    let folder = place.data().join("events/_delta_log");
    let mut changed = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let mut parts = text.split("plimsoll:kafka:");
        let mut old = parts.next().unwrap().to_owned();
        for part in parts {
            let (id, rest) = part.split_once(':').unwrap();
            old.push_str(&format!("plimsoll:kafka:{}:{rest}", id.split('/').next().unwrap()));
        }
        changed += usize::from(old != text);
        std::fs::write(path, old).unwrap();
    }
    changed
}

fn table_log(folder: &Path) -> String {
    let files = std::fs::read_dir(folder.join("events/_delta_log")).unwrap();
    files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap_or_default()).collect()
}

#[test]
fn positions_without_topic_ids_are_taken_over_with_nothing_read_twice() {
    let Some(log) = Log::create("adopted", 2) else { return };
    let place = Place::new();
    log.produce(&tickets(0..100));
    let mut server = place.serve(&log.config("a"));
    server.wait_for_count(COUNT, 100);
    stop_in_time(&mut server);
    assert!(without_topic_ids(&place) > 0);
    let named = |text: &str| text.matches(&format!(":{}:", log.topic(TICKETS))).count();
    let before = named(&table_log(&place.data()));
    let mut server = place.serve(&log.config("a"));
    // The ids are recorded although no record came.
    wait_for("the topic ids in the table", || {
        let text = table_log(&place.data());
        (named(&text) >= before + 4 && text.contains("\"version\":-1")).then_some(())
    });
    assert_eq!(server.series("plimsoll_ingest_records_total"), Some(0.0));
    log.produce(&tickets(100..120));
    server.wait_for_count(COUNT, 120);
    server.wait_for_count("SELECT count(*) FROM dead_letters", 0);
    stop_in_time(&mut server);
    log.recreate(TICKETS, 2);
    let server = place.serve(&log.config("a"));
    server.wait_for_series(&halted(&log), 1.0);
}

#[test]
fn a_partition_that_ends_in_a_transactions_marker_is_caught_up() {
    let Some(log) = Log::create("markers", 1) else { return };
    let place = Place::new();
    log.transaction(&tickets(0..20), true);
    let mut server = place.serve(&log.config("a"));
    server.wait_for_count(COUNT, 20);
    server.wait_for_series(&lag(&log), 0.0);
    log.transaction(&tickets(20..50), false);
    server.wait_for_series(&lag(&log), 0.0);
    log.transaction(&tickets(50..60), true);
    server.wait_for_count(COUNT, 30);
    server.wait_for_series(&lag(&log), 0.0);
    // The marker itself becomes durable, so that retention up to it is no gap.
    let next = format!("plimsoll_ingest_next_offset{{partition=\"0\",topic=\"{}\"}}", log.topic(TICKETS));
    server.wait_for_series(&next, 63.0);
    stop_in_time(&mut server);
    let server = place.serve(&log.config("a"));
    assert_eq!(readyz(&server), (200, "ready\n".to_owned()));
    server.wait_for_series(&lag(&log), 0.0);
}

#[test]
fn two_servers_of_one_group_each_have_every_row() {
    let Some(log) = Log::create("two", 3) else { return };
    let places = [Place::new(), Place::new()];
    let servers = [&places[0], &places[1]].map(|place| place.serve(&log.config("same")));
    log.produce(&tickets(0..300));
    for server in &servers {
        server.wait_for_count(COUNT, 300);
        let unread = server.get("/metrics").text().matches("plimsoll_ingest_unread{").count();
        assert_eq!(unread, 9, "all partitions of all topics are there");
    }
}

#[test]
fn a_broker_that_dies_is_seen_and_missed_by_nobody() {
    let Some(broker) = Broker::start("a_broker_that_dies") else { return };
    let (log, place) = (broker.log(2), Place::new());
    log.produce(&tickets(0..50));
    let mut server = place.serve(&log.config("a"));
    server.wait_for_count(COUNT, 50);
    assert_eq!(server.series("plimsoll_kafka_connected"), Some(1.0));
    let prometheus = Prometheus::impatient(&place, &server);
    broker.kill();
    server.wait_for_series("plimsoll_kafka_connected", 0.0);
    assert_eq!(server.series(&lag(&log)), None);
    assert_eq!(server.series("plimsoll_ready"), Some(0.0));
    let (status, text) = readyz(&server);
    assert!(status == 503 && text.contains("kafka-unreachable"), "{status} {text}");
    prometheus.wait_for_alert("PlimsollKafkaUnreachable");
    assert_eq!(server.count(COUNT), 50);
    stop_in_time(&mut server);

    // It starts without its broker, from what is stored, and says so.
    let mut server = place.launch_server(&["serve"]);
    wait_for("the stored rows", || {
        server.assert_alive();
        server.events().filter(|events| *events == 50)
    });
    wait_for("/readyz to name the broker", || {
        let (status, text) = readyz(&server);
        assert_eq!(status, 503, "{text}");
        text.contains("kafka-unreachable").then_some(())
    });
    let posted = server.post("/api/v1/events", "application/cloudevents+json", &*tickets(50..51)[0].json);
    assert_eq!(posted.status, 503, "{}", posted.text());
    broker.resume();
    wait_for("the server to be ready", || (readyz(&server).0 == 200).then_some(()));
    assert_eq!(server.series("plimsoll_kafka_connected"), Some(1.0));
    log.produce(&tickets(60..70));
    wait_for("the new rows", || (server.count(COUNT) >= 60).then_some(()));
    broker.hang();
    server.wait_for_series("plimsoll_kafka_connected", 0.0);
    stop_in_time(&mut server);
}

#[test]
fn a_stop_under_load_ends_in_time_whatever_broker_and_clients_do() {
    let Some(broker) = Broker::start("a_stop_under_load") else { return };
    let (log, place) = (broker.log(6), Place::new());
    let mut server = place.serve(&log.config("a"));
    log.produce(&tickets(0..20_000));
    wait_for("some rows", || server.events().filter(|events| *events > 0));
    // Clients that send half a body, and one that does not read.
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        let head = "POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n[";
        client.write_all(head.as_bytes()).unwrap();
        clients.push(client);
    }
    broker.hang();
    stop_in_time(&mut server);
    drop(clients);
}

#[test]
fn a_topic_that_is_missing_is_seen() {
    let Some(log) = Log::create("missing", 1) else { return };
    let place = Place::new();
    let absent = log.topic("absent");
    let topics = log.topics();
    let config = log
        .config("a")
        .replace(&format!("topics = {topics:?}"), &format!("topics = [{:?}, {absent:?}]", topics[2]));
    let server = place.serve(&config);
    let prometheus = Prometheus::impatient(&place, &server);
    server.wait_for_series(&format!("plimsoll_kafka_topic_missing{{topic=\"{absent}\"}}"), 1.0);
    let (status, text) = readyz(&server);
    assert!(
        status == 200 && text.contains(&format!("topics missing or refused: {absent}")),
        "{status} {text}"
    );
    let alert = prometheus.wait_for_alert("PlimsollTopicMissing");
    assert_eq!(alert["topic"], absent.as_str());
}
