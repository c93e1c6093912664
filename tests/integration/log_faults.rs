//! The local log and the tables on disks that are full or broken, and logs that are gone.
//!
//! A small library between the executable and the C library makes the calls fail (`faults.c`), so that no test needs a
//! disk of its own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Place, Server, free_port, tool, wait_for};
use crate::http_client;
use crate::prometheus::Prometheus;
use crate::story;

const COUNT: &str = "SELECT count(*) FROM tickets";

/// The faults of one server.
struct Faults {
    library: PathBuf,
    file: PathBuf,
}

impl Faults {
    fn new(place: &Place) -> Faults {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/faults.c");
        let library = place.path().join("faults.so");
        tool(
            Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).args([&library, &source]).arg("-ldl"),
        );
        Faults { library, file: place.write("fault", "") }
    }

    /// `enospc` for writes, or `eio` for fsync, to files with `name` in their path.
    fn set(&self, fault: &str, name: &str) {
        std::fs::write(&self.file, format!("{fault} {name}")).unwrap();
    }

    fn end(&self) {
        std::fs::write(&self.file, "").unwrap();
    }

    fn serve(&self, place: &Place) -> Server {
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let variables: [(&str, &OsStr); 2] =
            [("LD_PRELOAD", self.library.as_os_str()), ("FAULT_FILE", self.file.as_os_str())];
        let mut server =
            Server { running: place.spawn_with(&["serve", "--listen", &listen], &variables), port };
        wait_for("the server to be ready", || {
            server.assert_alive();
            let answer = http_client::send(port, "GET", "/readyz", &[], b"").ok()?;
            (answer.status == 200).then_some(())
        });
        server
    }
}

fn post(server: &Server, n: usize) -> u16 {
    let data = serde_json::json!({"ticket": format!("T-{n}"), "title": "T", "assignees": ["ada"]});
    let event = story::event(&format!("lf-{n}"), "ticket.created", "2026-02-01T10:00:00Z", data);
    server.post("/api/v1/events", "application/cloudevents+json", event).status
}

fn readyz(server: &Server) -> (u16, String) {
    let answer = server.get("/readyz");
    (answer.status, answer.text())
}

#[test]
fn a_full_disk_is_seen_and_the_log_takes_events_again_when_there_is_room() {
    let place = Place::new();
    let faults = Faults::new(&place);
    place.write("plimsoll.toml", "");
    let mut server = faults.serve(&place);
    assert_eq!(post(&server, 1), 202);
    assert_eq!(server.series("plimsoll_log_failed"), Some(0.0));
    let prometheus = Prometheus::impatient(&place, &server);
    faults.set("enospc", "log.r");
    assert_eq!(post(&server, 2), 503);
    assert_eq!(server.series("plimsoll_log_failed"), Some(1.0));
    assert_eq!(server.series("plimsoll_ready"), Some(0.0));
    let (status, text) = readyz(&server);
    assert!(status == 503 && text.contains("log-full"), "{status} {text}");
    prometheus.wait_for_alert("PlimsollLogFailed");
    assert_eq!(post(&server, 3), 503);
    faults.end();
    wait_for("the log to take events again", || (readyz(&server).0 == 200).then_some(()));
    assert_eq!(server.series("plimsoll_log_failed"), Some(0.0));
    assert_eq!(post(&server, 4), 202);
    wait_for("the rows", || (server.count(COUNT) >= 2).then_some(()));
    assert!(server.running.stop().success());
    let server = place.serve("");
    assert!(server.count(COUNT) >= 2, "what was acknowledged is there");
}

#[test]
fn a_failed_fsync_of_the_log_ends_the_process_and_a_restart_mends_it() {
    let place = Place::new();
    let faults = Faults::new(&place);
    place.write("plimsoll.toml", "");
    let mut server = faults.serve(&place);
    assert_eq!(post(&server, 1), 202);
    faults.set("eio", "log.redb");
    assert_eq!(post(&server, 2), 503);
    let status = wait_for("the process to end", || server.running.child.try_wait().unwrap());
    assert_eq!(status.code(), Some(1), "{}", server.running.log());
    assert!(server.running.log().contains("repair the disk, then restart"), "{}", server.running.log());
    faults.end();
    let server = faults.serve(&place);
    assert_eq!(post(&server, 3), 202);
    server.wait_for_count("SELECT count(*) FROM tickets WHERE ticket IN ('T-1', 'T-3')", 2);
}

#[test]
fn tables_that_cannot_be_written_are_seen() {
    let place = Place::new();
    let faults = Faults::new(&place);
    place.write("plimsoll.toml", "[store]\nflush_interval_ms = 100\n");
    let mut server = faults.serve(&place);
    let prometheus = Prometheus::impatient(&place, &server);
    faults.set("enospc", "/events/");
    assert_eq!(post(&server, 1), 202);
    server.wait_for_series("plimsoll_commit_failed", 1.0);
    let (status, text) = readyz(&server);
    assert!(status == 200 && text.contains("the tables cannot be written"), "{status} {text}");
    prometheus.wait_for_alert("PlimsollCommitFailed");
    faults.end();
    server.wait_for_series("plimsoll_commit_failed", 0.0);
    assert_eq!(readyz(&server), (200, "ready\n".to_owned()));
    assert!(server.running.stop().success());
}

#[test]
fn a_local_log_that_is_gone_is_not_begun_anew_unseen() {
    let place = Place::new();
    let mut server = place.serve("");
    for n in 0..3 {
        assert_eq!(post(&server, n), 202);
    }
    server.wait_for_count(COUNT, 3);
    assert!(server.running.stop().success());
    // With no, fewer, as many and more records: a log of another directory.
    let other = Place::new();
    for more in [0, 1, 2, 2] {
        let mut server = other.serve("");
        for n in 0..more {
            assert_eq!(post(&server, 100 + n), 202);
        }
        server.running.stop();
        std::fs::copy(other.data().join("log/log.redb"), place.data().join("log/log.redb")).unwrap();
        let refused = place.run(&["serve", "--listen", &format!("127.0.0.1:{}", free_port())]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains("local/0") && said.contains("plimsoll accept-gap local/0"), "{said}");
    }
    std::fs::remove_file(place.data().join("log/log.redb")).unwrap();
    assert_eq!(place.run(&["query", "review_load"]).status.code(), Some(1));
    assert!(place.stdout(&["accept-gap", "local/0"]).contains("is gone"));
    let server = place.serve("");
    assert_eq!(server.count(COUNT), 3);
    assert_eq!(post(&server, 7), 202);
    server.wait_for_count(COUNT, 4);
    let recorded = "SELECT topic, partition, reason FROM dead_letters";
    let rows = server.sql(recorded).json();
    assert_eq!(
        rows["rows"],
        serde_json::json!([{"topic": "local", "partition": 0, "reason": "gap_accepted"}])
    );
}
