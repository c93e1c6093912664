//! Real schedules and issue histories: every date, slip and count as an independent reading gives them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Place, did_not_run, tool};

/// The folder of real data: `PLIMSOLL_CORPUS`, else ../shared/data beside the checkout.
fn corpus(test: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let folder = std::env::var_os("PLIMSOLL_CORPUS").map_or_else(beside, PathBuf::from);
    if !folder.is_dir() {
        did_not_run(test, "needs the folder of real data (PLIMSOLL_CORPUS)");
        return None;
    }
    Some(folder)
}

fn python(folder: &Path, arguments: &[&str]) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/corpus.py");
    tool(Command::new("python3").arg(script).arg(folder).args(arguments))
}

fn loaded(folder: &Path) -> Place {
    let place = Place::new();
    place.write("events.ndjson", python(folder, &["events"]));
    place.stdout(&["ingest", "events", "events.ndjson"]);
    place
}

fn rows(place: &Place, metric: &str, as_of: &str) -> Vec<Value> {
    let text = place.stdout(&["query", metric, "--as-of", as_of, "--format", "json"]);
    let json: Value = serde_json::from_str(&text).unwrap();
    json["rows"].as_array().unwrap().clone()
}

#[test]
fn real_schedules_drift_as_recorded() {
    let Some(folder) = corpus("corpus_schedules") else { return };
    let place = loaded(&folder);
    let expect: Value = serde_json::from_str(&python(&folder, &["milestones"])).unwrap();
    let found = rows(&place, "milestone_drift", "2026-10-31");
    assert_eq!(found.len(), expect.as_object().unwrap().len());
    for row in found {
        let expect = &expect[row["milestone"].as_str().unwrap()];
        let got = json!([row["baseline_on"], row["due_on"], row["replans"]]);
        assert_eq!(&got, expect, "{row}");
    }
}

#[test]
fn real_tickets_are_open_owned_and_dated_as_recorded() {
    let Some(folder) = corpus("corpus_tickets") else { return };
    let place = loaded(&folder);
    let dates = ["2010-12-31", "2014-06-30", "2026-01-01"];
    let expect = python(&folder, &[&["tickets"][..], &dates].concat());
    let expect: Value = serde_json::from_str(&expect).unwrap();
    for date in dates {
        let found = rows(&place, "goal_hygiene", date);
        let row = found.iter().find(|row| row["kind"] == "ticket").unwrap();
        let got = json!([row["open"], row["with_single_owner"], row["with_due_date"], row["with_both"]]);
        assert_eq!(got, expect[date], "{date}");
    }
}
