//! One producer aims all its events at one thing: time and memory stay linear in events, and a restart comes up again.
//!
//! `PLIMSOLL_TEST_EVENTS=100000` is what operators should fear; the default finds whatever is quadratic.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::harness::{Place, wait_for};

/// Anonymous memory that a process may take, whatever one producer sends.
const MEMORY_MAX: u64 = 1 << 30;

fn events() -> usize {
    std::env::var("PLIMSOLL_TEST_EVENTS").map_or(20_000, |count| count.parse().expect("a number of events"))
}

/// Event number `i` of each flood: its type, its data, and the members that it has besides.
fn flood(what: &str, i: usize) -> (&'static str, String, String) {
    let change = r#""repo":"acme/api","change":"1""#;
    let alone = format!(r#""id":"{what}-{i}""#);
    match what {
        "payloads of one id" => {
            ("change.updated", format!(r#"{change},"title":"t{i}""#), r#""id":"same""#.to_owned())
        }
        "versions of one id" => {
            let of_another = format!(r#""repo":"acme/api","change":"{}","title":"t{i}""#, i % 7);
            // Neither in order of version nor of observation.
            let (version, minute) = (i * 7_919 % 100_003, i * 104_729 % 40_000);
            let observed =
                format!("2026-04-{:02}T{:02}:{:02}:00Z", 1 + minute / 1_440, minute / 60 % 24, minute % 60);
            (
                "change.updated",
                of_another,
                format!(r#""id":"same","sourceversion":{version},"observedat":"{observed}""#),
            )
        }
        "requests in one change" => {
            let event = ["review.requested", "review.request_removed"][i % 2];
            (event, format!(r#"{change},"reviewer":"bo""#), alone)
        }
        "reviewers of one change" => ("review.requested", format!(r#"{change},"reviewer":"r{i}""#), alone),
        "reviews of one change" => {
            let verdict = ["commented", "approved", "changes_requested"][i % 3];
            ("review.submitted", format!(r#"{change},"reviewer":"r{}","verdict":"{verdict}""#, i % 50), alone)
        }
        "states of one ticket" => {
            let status = ["todo", "in_progress", "done"][i % 3];
            let owner = ["ada", "bo"][i % 2];
            let data = format!(
                r#""ticket":"T-1","title":"x{i}","status":"{status}","status_category":"{status}","team":"api","owner":"{owner}","milestone":"M-{}""#,
                i % 5
            );
            ("ticket.updated", data, alone)
        }
        "dates of one milestone" => {
            let due = format!("2026-{:02}-{:02}", 1 + i % 12, 1 + i % 28);
            (
                "milestone.updated",
                format!(r#""milestone":"M-1","title":"x","due_on":"{due}","owner":"ada""#),
                alone,
            )
        }
        "members of one team" => {
            let event = ["team.member_added", "team.member_removed"][i % 2];
            (event, r#""team":"api","person":"ada","role":"member""#.to_owned(), alone)
        }
        other => unreachable!("{other}"),
    }
}

fn history(what: &str) -> String {
    let mut lines = String::new();
    for i in 0..events() {
        let (event, data, members) = flood(what, i);
        let (day, minute) = (1 + i / 1_440 % 28, i % 1_440);
        writeln!(
            lines,
            r#"{{"specversion":"1.0",{members},"source":"flood:acme","type":"dev.plimsoll.{event}.v1","time":"2026-03-{day:02}T{:02}:{:02}:00Z","data":{{{data}}}}}"#,
            minute / 60,
            minute % 60
        )
        .unwrap();
    }
    lines
}

/// Looks at a process's anonymous memory until it is told to stop; the most that was seen.
struct Memory {
    most: std::sync::Arc<AtomicU64>,
}

impl Memory {
    fn of(child: &Child) -> Memory {
        let most = std::sync::Arc::new(AtomicU64::new(0));
        let (seen, status) = (std::sync::Arc::clone(&most), format!("/proc/{}/status", child.id()));
        std::thread::spawn(move || {
            // Ends with the process.
            while let Some(bytes) = anonymous(Path::new(&status)) {
                seen.fetch_max(bytes, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        Memory { most }
    }

    fn assert(&self, what: &str) {
        let most = self.most.load(Ordering::Relaxed);
        assert!(most > 0 && most < MEMORY_MAX, "{what}: {} MiB", most >> 20);
    }
}

fn anonymous(status: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find(|line| line.starts_with("RssAnon:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib << 10)
}

fn endures(what: &str) {
    let place = Place::new();
    place.write("flood.ndjson", history(what));
    place.write("plimsoll.toml", "");
    let mut ingest = place.spawn(&["ingest", "events", "flood.ndjson"]);
    let memory = Memory::of(&ingest.child);
    let status = wait_for("the flood to be taken", || ingest.child.try_wait().unwrap());
    assert!(status.success(), "{what}: {status}\n{}", ingest.log());
    memory.assert(what);
    for start in ["start", "restart"] {
        let mut server = place.start_server(&["serve"]);
        let memory = Memory::of(&server.running.child);
        assert_eq!(server.get("/healthz").status, 200, "{what}, {start}");
        for metric in ["review_load", "milestone_drift", "delegation_balance", "review_response_time"] {
            let answer = server.get(&format!("/api/v1/metrics/{metric}?as_of=2026-03-20T00:00:00Z"));
            assert_eq!(answer.status, 200, "{what}, {start}: {metric}: {}", answer.text());
        }
        std::thread::sleep(Duration::from_millis(100));
        memory.assert(what);
        assert!(server.running.stop().success(), "{what}, {start}");
    }
}

#[test]
fn a_flood_of_payloads_of_one_id() {
    endures("payloads of one id");
}

#[test]
fn a_flood_of_versions_of_one_id() {
    endures("versions of one id");
}

#[test]
fn a_flood_of_requests_in_one_change() {
    endures("requests in one change");
}

#[test]
fn a_flood_of_reviewers_of_one_change() {
    endures("reviewers of one change");
}

#[test]
fn a_flood_of_reviews_of_one_change() {
    endures("reviews of one change");
}

#[test]
fn a_flood_of_states_of_one_ticket() {
    endures("states of one ticket");
}

#[test]
fn a_flood_of_dates_of_one_milestone() {
    endures("dates of one milestone");
}

#[test]
fn a_flood_of_members_of_one_team() {
    endures("members of one team");
}
