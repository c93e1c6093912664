//! CDEvents about changes and tickets, alone and inside a CloudEvent.

use serde_json::{Value, json};

use super::{lines, normalise};
use crate::{Format, Reason};

#[track_caller]
fn check(event: &Value, expected: &[&str]) {
    let inside = json!({
        "specversion": "1.0", "id": "e1", "source": "/forge", "type": event["context"]["type"], "data": event,
    });
    assert_eq!(lines(Format::CdEvents, None, event), expected, "{event}");
    assert_eq!(lines(Format::CdEvents, None, &inside), expected, "{inside}");
}

fn event(type_: &str, id: &str, content: Value) -> Value {
    json!({
        "context": {"id": "e1", "source": "/forge", "type": type_, "timestamp": "2026-03-02T10:30:00+01:00"},
        "subject": {"id": id, "content": content},
    })
}

#[test]
fn a_change_lives() {
    for (verb, kind) in [
        ("created.0.4.0-draft", "change.opened"),
        ("updated.0.2.0", "change.updated"),
        ("merged.0.2.0", "change.merged"),
        ("abandoned.0.2.0", "change.closed"),
    ] {
        let content = json!({"repository": {"id": "acme/api", "source": "https://git.acme.example"}});
        let expected =
            format!(r#"{kind} cdevents:/forge:e1 2026-03-02T09:30:00Z {{"change":"7","repo":"acme/api"}}"#);
        check(&event(&format!("dev.cdevents.change.{verb}"), "7", content), &[&expected]);
    }
    let plain = event("dev.cdevents.change.merged.0.1.0", "7", json!({}));
    check(
        &plain,
        &[r#"change.merged cdevents:/forge:e1 2026-03-02T09:30:00Z {"change":"7","repo":"/forge"}"#],
    );
}

#[test]
fn a_ticket_lives() {
    let content = json!({
        "summary": "Charge in euros", "ticketType": "task", "group": "payments", "creator": "ada",
        "assignees": ["bo", ""], "priority": "high", "labels": ["security"], "milestone": "M3",
        "uri": "https://h/9", "resolution": "completed",
    });
    let line = |kind: &str, status: &str| {
        format!(
            concat!(
                r#"{} cdevents:/forge:e1 2026-03-02T09:30:00Z {{"assignees":["bo"],"kind":"task","labels":["security"],"#,
                r#""milestone":"M3","priority":"high","project":"payments","reporter":"ada"{},"ticket":"9","#,
                r#""title":"Charge in euros","url":"https://h/9"}}"#,
            ),
            kind, status
        )
    };
    for (verb, kind, status) in [
        ("created", "ticket.created", r#","status_category":"todo""#),
        ("updated", "ticket.updated", ""),
        ("closed", "ticket.closed", r#","status":"completed","status_category":"done""#),
    ] {
        let event = event(&format!("dev.cdevents.ticket.{verb}.0.2.0"), "9", content.clone());
        check(&event, &[&line(kind, status)]);
    }
}

#[test]
fn what_nobody_knows_is_unknown_and_what_says_nothing_is_not() {
    check(&event("dev.cdevents.change.reviewed.0.2.0", "7", json!({})), &[]);
    check(&event("dev.cdevents.build.finished.0.2.0", "7", json!({})), &[]);
    let kind = |event: Value| normalise(Format::CdEvents, None, event.to_string().as_bytes());
    assert!(!kind(event("dev.cdevents.change.teleported.0.1.0", "7", json!({}))).unwrap().known);
    assert!(!kind(event("com.acme.thing", "7", json!({}))).unwrap().known);
    assert!(!kind(json!({"type": "com.acme.thing"})).unwrap().known);
    let mut timeless = event("dev.cdevents.ticket.closed.0.2.0", "9", json!({}));
    timeless["context"]["timestamp"] = Value::Null;
    assert_eq!(kind(timeless).unwrap_err().reason, Reason::MissingField);
}

/// An event of each shape that the normaliser looks into.
pub(super) fn seeds() -> Vec<(&'static str, Value)> {
    let content = json!({
        "repository": {"id": "acme/api"}, "summary": "T", "creator": "ada", "assignees": ["bo"], "labels": ["a"],
    });
    let change = event("dev.cdevents.change.merged.0.2.0", "7", content.clone());
    let ticket = event("dev.cdevents.ticket.updated.0.2.0", "9", content);
    vec![("", change.clone()), ("", json!({"data": change})), ("", ticket)]
}
