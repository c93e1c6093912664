//! Real issue histories: what the events tell of hand-offs, plans and statuses is what the changes say.
//!
//! The changes are laid out as Jira's REST interface gives them, so that the normaliser meets real ones.
//! Invariant: every change of the table is in the events once, at its time, with both its sides.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::corpus::corpus;
use super::assert_decodes;
use crate::{Draft, jira_issue_history};

type Row = BTreeMap<String, String>;

/// The rows of a table. No field of these has a comma or a quote in it.
fn table(text: &str) -> Vec<Row> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| {
        let cells = line.split(',').map(str::to_owned);
        names.iter().map(|name| (*name).to_owned()).zip(cells).collect()
    };
    lines.map(row).collect()
}

/// Nothing for an empty cell.
fn cell(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}

fn user(name: &str) -> Value {
    if name.is_empty() { Value::Null } else { json!({ "name": name }) }
}

/// An issue as the REST interface gives it; changes of the same second by the same person are one entry.
fn issue(ticket: &Row, changes: &[&Row]) -> Value {
    let mut histories: Vec<Value> = Vec::new();
    let mut last = None;
    for change in changes {
        let item = json!({
            "field": if change["field"] == "fixversion" { "Fix Version" } else { &change["field"] },
            "from": cell(&change["from"]), "fromString": cell(&change["from"]),
            "to": cell(&change["to"]), "toString": cell(&change["to"]),
        });
        let entry = Some((&change["at"], &change["by"]));
        if entry != last {
            let id = (histories.len() + 1).to_string();
            histories
                .push(json!({"id": id, "created": change["at"], "author": user(&change["by"]), "items": []}));
        }
        last = entry;
        histories.last_mut().unwrap()["items"].as_array_mut().unwrap().push(item);
    }
    json!({
        "id": ticket["key"], "key": ticket["key"],
        "fields": {
            "created": ticket["created"], "status": {"name": ticket["status"]}, "duedate": cell(&ticket["duedate"]),
            "assignee": user(&ticket["assignee"]), "priority": {"name": ticket["priority"]},
            "resolution": cell(&ticket["resolved"]),
        },
        "changelog": {"histories": histories},
    })
}

/// The changes of one of our fields: when, from what, to what.
fn told(events: &[Draft], field: &str) -> Vec<(String, Value, Value)> {
    let one = |value: &Value| match value {
        Value::Array(people) => people.first().cloned().unwrap_or_default(),
        value => value.clone(),
    };
    let changes = events.iter().filter_map(|event| {
        let change = event.data.get("changes")?.get(field)?;
        Some((event.time.clone(), one(&change["from"]), one(&change["to"])))
    });
    changes.collect()
}

/// The same from the table: what an entry of several changes did to the field in all.
fn recorded(changes: &[&Row], field: &str, now: &str) -> Vec<(String, Value, Value)> {
    let rows: Vec<&&Row> = changes.iter().filter(|change| change["field"] == field).collect();
    // An account may go by another name today than in the last change that names it.
    let renamed = rows.last().map(|row| row["to"].clone()).filter(|_| field == "assignee" && !now.is_empty());
    let name = |text: &String| cell(if Some(text) == renamed.as_ref() { now } else { text });
    let mut found: Vec<(String, String, Value, Value)> = Vec::new();
    for row in rows {
        match found.last_mut() {
            Some((at, by, _, to)) if *at == row["at"] && *by == row["by"] => *to = name(&row["to"]),
            _ => found.push((row["at"].clone(), row["by"].clone(), name(&row["from"]), name(&row["to"]))),
        }
    }
    found.into_iter().filter(|(_, _, from, to)| from != to).map(|(at, _, from, to)| (at, from, to)).collect()
}

#[test]
fn hand_offs_plans_and_statuses_are_those_recorded() {
    let Some(folder) = corpus("hand_offs_plans_and_statuses_are_those_recorded") else { return };
    let read = |name: &str| table(&std::fs::read_to_string(folder.join("jira").join(name)).unwrap());
    let (tickets, changes) = (read("tickets.csv"), read("ticket_changes.csv"));
    let mut by_key: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    changes.iter().for_each(|change| by_key.entry(&change["key"]).or_default().push(change));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for ticket in &tickets {
        let changes = by_key.get(ticket["key"].as_str()).map(Vec::as_slice).unwrap_or_default();
        let events =
            jira_issue_history("https://issues.example", &issue(ticket, changes), &Value::Null).unwrap();
        events.iter().for_each(assert_decodes);
        for (theirs, ours) in
            [("status", "status"), ("assignee", "assignees"), ("duedate", "due_on"), ("priority", "priority")]
        {
            let found = told(&events, ours);
            let now = if theirs == "assignee" { ticket["assignee"].as_str() } else { "" };
            assert_eq!(found, recorded(changes, theirs, now), "{} {theirs}", ticket["key"]);
            *counts.entry(ours).or_default() += found.len();
        }
        let last = &events.last().unwrap().data;
        assert_eq!(last["status"], ticket["status"], "{}", ticket["key"]);
        assert_eq!(last["due_on"], cell(&ticket["duedate"]), "{}", ticket["key"]);
        let holders = last["assignees"].as_array().unwrap().first();
        assert_eq!(holders.map_or(Value::Null, |holder| holder["login"].clone()), cell(&ticket["assignee"]));
        for event in &events {
            *counts.entry(event.kind).or_default() += 1;
        }
    }
    // As many as the table has rows of each field.
    let expected = [
        ("assignees", 343),
        ("due_on", 56),
        ("priority", 35),
        ("status", 827),
        ("ticket.closed", 516),
        ("ticket.created", 501),
        ("ticket.reopened", 20),
        ("ticket.updated", 918),
    ];
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
}
