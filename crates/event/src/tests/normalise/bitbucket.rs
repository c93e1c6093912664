//! Bitbucket Cloud's hooks: each kind, hand-made and short, in the shape of its documentation.

use serde_json::{Value, json};

use super::{lines, normalise};
use crate::{Format, Reason};

#[track_caller]
fn check(name: &str, body: &Value, expected: &[&str]) {
    assert_eq!(lines(Format::Bitbucket, Some(name), body), expected, "{name} {body}");
}

fn with(mut body: Value, members: Value) -> Value {
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

fn account(id: &str, name: &str) -> Value {
    json!({"account_id": id, "nickname": name.to_lowercase(), "display_name": name, "type": "user"})
}

/// What bo did to ada's pull request, which was opened at 09:00 and changed at 09:30.
fn body(pull: Value, beside: Value) -> Value {
    let request = json!({
        "id": 7, "author": account("a", "Ada"), "created_on": "2026-03-02T09:00:00.500000+00:00",
        "updated_on": "2026-03-02T09:30:00.000000+00:00",
    });
    let body = json!({
        "actor": account("b", "Bo"), "repository": {"full_name": "acme/api"}, "pullrequest": with(request, pull),
    });
    with(body, beside)
}

const ADA: &str = r#""author":{"login":"a","name":"Ada"}"#;
const BO: &str = r#"{"login":"b","name":"Bo"}"#;
const AT: &str = "2026-03-02T09:30:00Z";

fn line(kind: &str, fact: &str, time: &str, before: &str, after: &str) -> String {
    format!(
        r#"{kind} bitbucket:acme/api/pull-requests/7:{fact} {time} {{{ADA}{before},"change":"7"{after}}}"#
    )
}

#[test]
fn an_opened_pull_request_says_all_of_itself_and_asks_for_reviews() {
    let pull = json!({
        "title": "API-7: Round fees", "description": "", "draft": false, "links": {"html": {"href": "https://h/7"}},
        "source": {"branch": {"name": "fees"}, "commit": {"hash": "abc"}},
        "destination": {"branch": {"name": "main"}}, "reviewers": [account("c", "Cy")],
    });
    let opened = line(
        "change.opened",
        "opened",
        "2026-03-02T09:00:00.500000Z",
        r#","base":"main""#,
        r#","draft":false,"head":"abc","head_branch":"fees","repo":"acme/api","tickets":["API-7"],"title":"API-7: Round fees","url":"https://h/7""#,
    );
    let asked = r#","repo":"acme/api","reviewer":{"login":"c","name":"Cy"}"#;
    let requested = line("review.requested", "requested:c", "2026-03-02T09:00:00.500000Z", "", asked);
    check("pullrequest:created", &body(pull.clone(), json!({})), &[&opened, &requested]);
    // An update lists the same reviewers: the same requests, of a lower version than before.
    let text = body(pull, json!({})).to_string();
    let events = |name| normalise(Format::Bitbucket, Some(name), text.as_bytes()).unwrap().events;
    let (created, updated) = (events("pullrequest:created"), events("pullrequest:updated"));
    assert_eq!(updated[0].kind, "change.updated");
    assert_eq!(created[1].id, updated[1].id);
    assert!(created[1].source_version > updated[1].source_version);
}

#[test]
fn verdicts_are_given_and_taken_back() {
    let given = |member: &str| {
        let pull = json!({"source": {"commit": {"hash": "abc"}}});
        body(pull, json!({ member: {"date": "2026-03-02T09:40:00Z", "user": account("b", "Bo")} }))
    };
    let after =
        |verdict: &str| format!(r#","head":"abc","repo":"acme/api","reviewer":{BO},"verdict":"{verdict}""#);
    let (told, came) = ("2026-03-02T09:40:00Z", "2026-03-02T10:00:00Z");
    let expected = line("review.submitted", &format!("approved:b:{told}"), told, "", &after("approved"));
    check("pullrequest:approved", &given("approval"), &[&expected]);
    let fact = format!("changes-requested:b:{told}");
    let expected = line("review.submitted", &fact, told, "", &after("changes_requested"));
    check("pullrequest:changes_request_created", &given("changes_request"), &[&expected]);
    let (by, taken) = (format!(r#","by":{BO}"#), format!(r#","repo":"acme/api","reviewer":{BO}"#));
    for (name, member, word) in [
        ("pullrequest:unapproved", "approval", "unapproved"),
        ("pullrequest:changes_request_removed", "changes_request", "changes-request-removed"),
    ] {
        let expected = line("review.dismissed", &format!("{word}:b:{told}"), came, &by, &taken);
        check(name, &given(member), &[&expected]);
    }
}

#[test]
fn a_pull_request_ends_once() {
    let merged_by = format!(r#","merged_by":{BO},"repo":"acme/api""#);
    let merged = line("change.merged", "merged", AT, "", &merged_by);
    check("pullrequest:fulfilled", &body(json!({"closed_by": account("b", "Bo")}), json!({})), &[&merged]);
    let by = format!(r#","by":{BO}"#);
    let declined = line("change.closed", "declined", AT, &by, r#","repo":"acme/api""#);
    check("pullrequest:rejected", &body(json!({}), json!({})), &[&declined]);
    // Without its name, where the state leaves no doubt.
    let found = lines(Format::Bitbucket, None, &body(json!({"state": "DECLINED"}), json!({})));
    assert_eq!(found, [declined]);
}

#[test]
fn a_comment_names_its_writer() {
    let comment =
        json!({"comment": {"id": 3, "created_on": "2026-03-02T09:20:00Z", "user": account("c", "Cy")}});
    let by = r#","by":{"login":"c","name":"Cy"}"#;
    let expected = line("review.commented", "comment:3", "2026-03-02T09:20:00Z", by, r#","repo":"acme/api""#);
    check("pullrequest:comment_created", &body(json!({}), comment.clone()), &[&expected]);
    check("pullrequest:comment_updated", &body(json!({}), comment), &[]);
}

#[test]
fn a_push_brings_commits() {
    let commit = json!({
        "hash": "abc", "date": "2026-03-02T09:10:00+00:00", "message": "API-7: Round fees\n\nText",
        "author": {"raw": "Ada <ada@acme.example>", "user": account("a", "Ada")},
    });
    let branch = json!({"new": {"type": "branch", "name": "main"}, "commits": [commit]});
    let tag = json!({"new": {"type": "tag", "name": "v1"}, "commits": [commit]});
    let gone = json!({"new": null, "commits": [commit]});
    let push = json!({"repository": {"full_name": "acme/api"}, "push": {"changes": [branch, tag, gone]}});
    let expected = concat!(
        r#"commit.pushed git-acme/api-abc 2026-03-02T09:10:00Z {"author":{"email":"ada@acme.example","name":"Ada"},"#,
        r#""branch":"main","co_authors":[],"committed_at":"2026-03-02T09:10:00Z","repo":"acme/api","reviewers":[],"#,
        r#""sha":"abc","subject":"API-7: Round fees","tickets":["API-7"]}"#,
    );
    check("repo:push", &push, &[expected]);
    assert_eq!(lines(Format::Bitbucket, None, &push), [expected]);
}

#[test]
fn what_nobody_knows_is_unknown_and_what_says_nothing_is_not() {
    let kind =
        |name: Option<&str>, body: Value| normalise(Format::Bitbucket, name, body.to_string().as_bytes());
    assert!(!kind(None, body(json!({}), json!({}))).unwrap().known);
    assert!(!kind(Some("pullrequest:teleported"), body(json!({}), json!({}))).unwrap().known);
    assert!(kind(Some("repo:fork"), json!({})).unwrap().known);
    assert!(kind(Some("issue:created"), json!({})).unwrap().known);
    assert_eq!(kind(Some("pullrequest:created"), json!({})).unwrap_err().reason, Reason::MissingField);
}

/// A body of each shape that the normaliser looks into.
pub(super) fn seeds() -> Vec<(&'static str, Value)> {
    let told = json!({"date": "2026-03-02T09:40:00Z", "user": account("b", "Bo")});
    let pull = json!({"title": "API-7", "reviewers": [account("c", "Cy")], "draft": true, "closed_by": account("b", "Bo")});
    let commit = json!({"hash": "abc", "date": "2026-03-02T09:10:00Z", "message": "T", "author": {"raw": "Ada <a@x>"}});
    let beside = json!({
        "approval": told, "changes_request": told,
        "comment": {"id": 3, "created_on": "2026-03-02T09:20:00Z", "user": account("c", "Cy")},
        "push": {"changes": [{"new": {"type": "branch", "name": "main"}, "commits": [commit]}]},
    });
    let names = [
        "pullrequest:created",
        "pullrequest:updated",
        "pullrequest:approved",
        "pullrequest:changes_request_removed",
        "pullrequest:fulfilled",
        "pullrequest:rejected",
        "pullrequest:comment_created",
        "repo:push",
    ];
    names.map(|name| (name, body(pull.clone(), beside.clone()))).into()
}
