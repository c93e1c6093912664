//! Real schedules and issue histories: every date, slip and count as an independent reading gives them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Place, did_not_run, tool};

/// The folder of real data: `PLIMSOLL_CORPUS`, else ../shared/data beside the checkout.
pub fn corpus(test: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let folder = std::env::var_os("PLIMSOLL_CORPUS").map_or_else(beside, PathBuf::from);
    if !folder.is_dir() {
        did_not_run(test, "needs the folder of real data (PLIMSOLL_CORPUS)");
        return None;
    }
    Some(folder)
}

pub fn python(folder: &Path, arguments: &[&str]) -> String {
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

/// Of the revisions of one ticket, in order: hand-offs, moves of its due date, and seconds in each status.
fn history(revisions: &[&Value], until: &str) -> Value {
    let seconds = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp();
    let mut spent: BTreeMap<&str, i64> = BTreeMap::new();
    let (mut holders, mut plans) = (Vec::new(), Vec::new());
    for revision in revisions {
        let from = seconds(revision["from_at"].as_str().unwrap());
        let lasted = seconds(revision["to_at"].as_str().unwrap_or(until)) - from;
        if lasted > 0 {
            *spent.entry(revision["status"].as_str().unwrap()).or_default() += lasted;
        }
        let assignees = revision["assignees"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !assignees.is_empty() && holders.last() != Some(&assignees) {
            holders.push(assignees);
        }
        if let Some(due_on) = revision["due_on"].as_str()
            && plans.last() != Some(&due_on)
        {
            plans.push(due_on);
        }
    }
    json!([holders.len().saturating_sub(1), plans.len().saturating_sub(1), spent])
}

#[test]
fn real_histories_of_jira_give_hand_offs_replans_and_status_times_as_recorded() {
    let Some(folder) = corpus("corpus_jira_history") else { return };
    let until = "2026-01-01T00:00:00Z";
    let expect: Value = serde_json::from_str(&python(&folder, &["history", until])).unwrap();
    let place = Place::new();
    place.write("issues.jsonl", python(&folder, &["issues"]));
    let said = place.stdout(&["ingest", "webhooks", "--format", "jira", "issues.jsonl"]);
    let events = "ticket.closed 516, ticket.created 501, ticket.reopened 20, ticket.updated 918";
    assert!(said.contains("501 bodies") && said.contains(events), "{said}");
    let sql = "SELECT ticket, from_at, to_at, status, assignees, due_on FROM ticket_revision \
               ORDER BY ticket, revision";
    let found: Value = serde_json::from_str(&place.stdout(&["sql", sql, "--format", "json"])).unwrap();
    let mut by_ticket: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for row in found["rows"].as_array().unwrap() {
        by_ticket.entry(row["ticket"].as_str().unwrap()).or_default().push(row);
    }
    assert_eq!(by_ticket.len(), expect.as_object().unwrap().len());
    let mut sums = [0, 0];
    for (ticket, revisions) in by_ticket {
        let got = history(&revisions, until);
        let key = ticket.strip_prefix("issues.apache.org/").expect("ids name their site");
        assert_eq!(got, expect[key], "{ticket}: {revisions:#?}");
        sums.iter_mut().zip([0, 1]).for_each(|(sum, n)| *sum += got[n].as_i64().unwrap());
    }
    assert_eq!(sums, [160, 2], "hand-offs and re-plans of all tickets");
}
