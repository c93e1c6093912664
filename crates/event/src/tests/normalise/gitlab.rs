//! GitLab's hooks: each kind and action, hand-made and short, and two bodies of the real data field by field.

use serde_json::{Value, json};

use super::super::corpus::corpus;
use super::{lines, normalise};
use crate::{Format, Reason};

#[track_caller]
fn check(body: &Value, expected: &[&str]) {
    assert_eq!(lines(Format::GitLab, None, body), expected, "{body}");
}

fn with(mut body: Value, members: Value) -> Value {
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

fn user(id: u64, name: &str) -> Value {
    json!({"id": id, "username": name, "email": "[REDACTED]"})
}

/// What ada, whose merge request or issue it is, did at 09:30.
fn hook(kind: &str, action: &str, inside: Value, beside: Value) -> Value {
    let attributes = json!({
        "iid": 7, "author_id": 1, "action": action, "created_at": "2026-03-02 09:00:00 UTC",
        "updated_at": "2026-03-02 09:30:00 UTC",
    });
    let body = json!({
        "object_kind": kind, "user": user(1, "ada"),
        "project": {"path_with_namespace": "acme/api", "web_url": "https://git.acme.example/acme/api"},
        "object_attributes": with(attributes, inside),
    });
    with(body, beside)
}

fn merge_request(action: &str, inside: Value, beside: Value) -> Value {
    hook("merge_request", action, inside, beside)
}

const WHO: &str = r#""author":{"login":"ada"}"#;
const CHANGE: &str = r#""change":"7","repo":"acme/api""#;

/// An expected line: what stands before and after the fields that all have.
fn line(kind: &str, fact: &str, time: &str, before: &str, after: &str) -> String {
    let data = format!("{{{WHO}{before},{CHANGE}{after}}}");
    format!("{kind} gitlab:acme/api!7:{fact} 2026-03-02T{time}Z {data}")
}

#[test]
fn an_opened_merge_request_says_all_of_itself_and_asks_for_reviews() {
    let inside = json!({
        "title": "API-7: Round fees", "description": "Closes #12", "url": "https://h/7", "draft": false,
        "target_branch": "main", "source_branch": "ada/PAY-1-fees", "last_commit": {"id": "abc"},
        "labels": [{"title": "security"}], "milestone_id": 4,
    });
    let body = merge_request("open", inside, json!({"reviewers": [user(2, "bo"), {"id": 3}]}));
    check(
        &body,
        &[
            concat!(
                r#"change.opened gitlab:acme/api!7:opened 2026-03-02T09:00:00Z {"author":{"login":"ada"},"base":"main","#,
                r#""change":"7","draft":false,"head":"abc","head_branch":"ada/PAY-1-fees","labels":["security"],"milestone":"milestone/4","#,
                r#""repo":"acme/api","tickets":["API-7","acme/api#12","PAY-1"],"title":"API-7: Round fees","#,
                r#""url":"https://h/7"}"#,
            ),
            concat!(
                r#"review.requested gitlab:acme/api!7:requested:bo:2026-03-02T09:00:00Z 2026-03-02T09:00:00Z "#,
                r#"{"author":{"login":"ada"},"by":{"login":"ada"},"change":"7","repo":"acme/api","#,
                r#""reviewer":{"login":"bo"}}"#,
            ),
        ],
    );
}

#[test]
fn an_end_says_who_and_when() {
    let bo = json!({"user": user(2, "bo")});
    let closed = json!({"closed_at": "2026-03-02 09:20:00 +0000", "author_id": 2});
    for (action, inside, expected) in [
        (
            "merge",
            json!({"author_id": 9}),
            r#"change.merged gitlab:acme/api!7:merged 2026-03-02T09:30:00Z {"change":"7","merged_by":{"login":"bo"},"repo":"acme/api"}"#,
        ),
        (
            "close",
            closed,
            r#"change.closed gitlab:acme/api!7:closed:2026-03-02T09:20:00Z 2026-03-02T09:20:00Z {"author":{"login":"bo"},"by":{"login":"bo"},"change":"7","repo":"acme/api"}"#,
        ),
        (
            "reopen",
            json!({"author_id": 9, "milestone_id": null}),
            r#"change.reopened gitlab:acme/api!7:reopened:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z {"by":{"login":"bo"},"change":"7","milestone":null,"repo":"acme/api"}"#,
        ),
    ] {
        check(&merge_request(action, inside, bo.clone()), &[expected]);
    }
}

#[test]
fn an_approval_has_the_time_at_which_it_came() {
    // Received at 10:00, half an hour after the last change of the merge request.
    let bo = json!({"user": user(2, "bo"), "assignees": [user(1, "ada")]});
    let inside = json!({"last_commit": {"id": "abc"}});
    for (action, kind, fact, after) in [
        ("approved", "review.submitted", "approved", r#","reviewer":{"login":"bo"},"verdict":"approved""#),
        ("approval", "review.submitted", "approved", r#","reviewer":{"login":"bo"},"verdict":"approved""#),
        ("unapproved", "review.dismissed", "unapproved", r#","reviewer":{"login":"bo"}"#),
    ] {
        let body = merge_request(action, inside.clone(), bo.clone());
        let fact = format!("{fact}:bo:2026-03-02T09:30:00Z");
        let expected = line(kind, &fact, "10:00:00", "", after);
        let expected = if kind == "review.submitted" {
            expected.replace(r#""repo""#, r#""head":"abc","repo""#)
        } else {
            expected.replace(r#""change""#, r#""by":{"login":"bo"},"change""#)
        };
        check(&body, &[&expected]);
    }
    let reviewers = json!([with(user(2, "bo"), json!({"state": "unapproved"})), user(3, "cy")]);
    let reset = merge_request("unapproved", json!({"system": true}), json!({ "reviewers": reviewers }));
    let fact = "unapproved:bo:2026-03-02T09:30:00Z";
    let before = r#","by":{"login":"ada"}"#;
    check(&reset, &[&line("review.dismissed", fact, "10:00:00", before, r#","reviewer":{"login":"bo"}"#)]);
}

#[test]
fn an_update_may_tell_several_facts() {
    let reviewer = |id, name, state: &str, again: bool| {
        with(user(id, name), json!({"state": state, "re_requested": again}))
    };
    let previous = json!([
        reviewer(2, "bo", "unreviewed", false),
        reviewer(3, "cy", "unreviewed", false),
        reviewer(4, "dee", "reviewed", false),
        reviewer(5, "eve", "unreviewed", false),
    ]);
    let current = json!([
        reviewer(3, "cy", "requested_changes", false),
        reviewer(4, "dee", "unreviewed", true),
        reviewer(5, "eve", "approved", false),
        reviewer(6, "fay", "unreviewed", false),
    ]);
    let changes = json!({
        "draft": {"previous": true, "current": false},
        "labels": {"previous": [], "current": [{"title": "security"}]},
        "reviewers": {"previous": previous, "current": current},
        "updated_at": {"previous": "2026-03-02 09:00:00 UTC", "current": "2026-03-02 09:30:00 UTC"},
    });
    let body =
        merge_request("update", json!({"oldrev": "aaa", "draft": false}), json!({ "changes": changes }));
    let found = lines(Format::GitLab, None, &body);
    let at = "2026-03-02T09:30:00Z";
    let starts = [
        format!("change.ready gitlab:acme/api!7:ready:{at} {at} "),
        format!("change.updated gitlab:acme/api!7:updated:{at}:"),
        format!("review.submitted gitlab:acme/api!7:changes-requested:cy:{at} {at} "),
        format!("review.requested gitlab:acme/api!7:requested:dee:{at} {at} "),
        format!("review.requested gitlab:acme/api!7:requested:fay:{at} {at} "),
        format!("review.request_removed gitlab:acme/api!7:request-removed:bo:{at} {at} "),
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(&start), "{found} {start}");
    }
    // Older servers give the two sides as a pair.
    let pair = json!({"reviewers": [[], [user(2, "bo")]]});
    let expected = line(
        "review.requested",
        &format!("requested:bo:{at}"),
        "09:30:00",
        r#","by":{"login":"ada"}"#,
        r#","reviewer":{"login":"bo"}"#,
    );
    check(&merge_request("update", json!({}), json!({ "changes": pair })), &[&expected]);
    check(
        &merge_request(
            "update",
            json!({}),
            json!({"changes": {"description": {"previous": "", "current": "x"}}}),
        ),
        &[],
    );
}

#[test]
fn a_note_is_a_comment_unless_gitlab_wrote_it() {
    let note = |inside: Value| {
        let inside = with(json!({"id": 3, "noteable_type": "MergeRequest", "system": false}), inside);
        hook("note", "create", inside, json!({"user": user(2, "bo"), "merge_request": {"iid": 7}}))
    };
    check(
        &note(json!({})),
        &[
            r#"review.commented gitlab:acme/api!7:note:3 2026-03-02T09:00:00Z {"by":{"login":"bo"},"change":"7","repo":"acme/api"}"#,
        ],
    );
    check(&note(json!({"system": true})), &[]);
    check(&note(json!({"action": "update"})), &[]);
    check(&note(json!({"noteable_type": "Issue"})), &[]);
}

#[test]
fn an_issue_says_all_of_itself() {
    let inside = json!({
        "title": "Charge in euros", "type": "Incident", "url": "https://h/9", "state": "opened", "weight": 3,
        "due_date": "2026-06-30", "milestone_id": 4, "labels": [{"title": "security"}],
    });
    let body = hook("issue", "open", inside, json!({"assignees": [user(2, "bo")]}));
    check(
        &body,
        &[concat!(
            r#"ticket.created gitlab:acme/api#7:opened 2026-03-02T09:00:00Z {"assignees":[{"login":"bo"}],"due_on":"2026-06-30","#,
            r#""key":"acme/api#7","kind":"incident","labels":["security"],"milestone":"milestone/4","points":3,"#,
            r#""project":"acme/api","repo":"acme/api","reporter":{"login":"ada"},"status":"opened","#,
            r#""status_category":"todo","ticket":"acme/api#7","title":"Charge in euros","url":"https://h/9"}"#,
        )],
    );
}

#[test]
fn a_change_of_an_issue_tells_from_and_to() {
    let changes = json!({
        "due_date": {"previous": "2026-06-30", "current": "2026-07-14"},
        "weight": {"previous": null, "current": 5},
        "milestone_id": {"previous": 4, "current": 5},
        "assignees": {"previous": [user(1, "ada")], "current": [user(2, "bo")]},
        "title": {"previous": "A", "current": "B"},
        "relative_position": {"previous": 1, "current": 2},
    });
    let inside = json!({"state": "opened", "weight": 5, "due_date": null, "assignee_id": null, "title": "B"});
    let body = hook("work_item", "update", inside.clone(), json!({ "changes": changes }));
    let found = lines(Format::GitLab, None, &body);
    let expected = concat!(
        r#"{"assignees":[],"changes":{"assignees":{"from":["ada"],"to":["bo"]},"due_on":{"from":"2026-06-30","to":"2026-07-14"},"#,
        r#""milestone":{"from":"milestone/4","to":"milestone/5"},"points":{"from":null,"to":5},"#,
        r#""title":{"from":"A","to":"B"}},"due_on":null,"key":"acme/api#7","points":5,"project":"acme/api","#,
        r#""repo":"acme/api","reporter":{"login":"ada"},"status":"opened","status_category":"todo","#,
        r#""ticket":"acme/api#7","title":"B"}"#,
    );
    assert!(
        found[0].starts_with("ticket.updated gitlab:acme/api#7:updated:2026-03-02T09:30:00Z:"),
        "{found:?}"
    );
    assert!(found[0].ends_with(expected), "{found:?}");
    // Of a confidential issue no title gets out.
    let secret = with(inside, json!({"confidential": true}));
    let found = lines(Format::GitLab, None, &hook("issue", "update", secret, json!({ "changes": changes })));
    assert!(!found[0].contains("title"), "{found:?}");
    let named =
        normalise(Format::GitLab, Some("Confidential Issue Hook"), body.to_string().as_bytes()).unwrap();
    assert!(!named.events[0].to_json().contains("title"), "{named:?}");
}

#[test]
fn an_issue_is_closed_and_opened_again() {
    let closed = hook("issue", "close", json!({"state": "closed"}), json!({}));
    let found = lines(Format::GitLab, None, &closed);
    assert!(
        found[0].starts_with("ticket.closed gitlab:acme/api#7:closed:2026-03-02T09:30:00Z 2026"),
        "{found:?}"
    );
    assert!(found[0].contains(r#""changes":{"status":{"from":"opened","to":"closed"}}"#), "{found:?}");
    assert!(found[0].contains(r#""status_category":"done""#), "{found:?}");
    let opened = hook("issue", "reopen", json!({"state": "opened"}), json!({}));
    let found = lines(Format::GitLab, None, &opened);
    assert!(
        found[0].starts_with("ticket.reopened gitlab:acme/api#7:reopened:2026-03-02T09:30:00Z 2026"),
        "{found:?}"
    );
}

#[test]
fn a_milestone_has_its_dates() {
    let inside =
        json!({"id": 61, "title": "M3", "due_date": "2026-06-30", "start_date": null, "state": "active"});
    let body = hook("milestone", "create", inside.clone(), json!({}));
    check(
        &body,
        &[concat!(
            r#"milestone.created gitlab:milestone/61:created 2026-03-02T09:00:00Z {"due_on":"2026-06-30","#,
            r#""milestone":"milestone/61","project":"acme/api","repo":"acme/api","start_on":null,"status":"active","title":"M3"}"#,
        )],
    );
    let group = json!({"project": null, "group": {"group_path": "acme"}});
    let found = lines(Format::GitLab, None, &hook("milestone", "close", inside, group));
    assert!(
        found[0].starts_with("milestone.closed gitlab:milestone/61:closed:2026-03-02T09:30:00Z"),
        "{found:?}"
    );
    assert!(found[0].contains(r#""project":"acme""#), "{found:?}");
}

#[test]
fn what_nobody_knows_is_unknown_and_what_says_nothing_is_not() {
    let kind = |body: Value| normalise(Format::GitLab, None, body.to_string().as_bytes()).unwrap();
    assert!(!kind(hook("teleport", "open", json!({}), json!({}))).known);
    assert!(!kind(hook("issue", "vanish", json!({}), json!({}))).known);
    assert!(!kind(json!({})).known);
    assert!(kind(json!({"object_kind": "pipeline"})).known);
    let nameless = json!({"object_kind": "push", "ref": "refs/heads/main"});
    let reject = normalise(Format::GitLab, None, nameless.to_string().as_bytes()).unwrap_err();
    assert_eq!(reject.reason, Reason::MissingField);
}

/// The merge request and the issue of the real data, each with all that it gives.
#[test]
fn two_real_bodies_field_by_field() {
    let Some(folder) = corpus("gitlab::two_real_bodies_field_by_field") else { return };
    let found = |name: &str| -> Vec<String> {
        let bytes = std::fs::read(folder.join("webhooks/gitlab").join(name)).unwrap();
        lines(Format::GitLab, None, &serde_json::from_slice(&bytes).unwrap())
    };
    assert_eq!(
        found("merge-request-event.json"),
        [
            concat!(
                r#"change.opened gitlab:gitlabhq/gitlab-test!1:opened 2013-12-03T17:23:34Z {"base":"master","#,
                r#""change":"1","draft":false,"head":"da1560886d4f094c3e6c9ef40349f7d38b5d27d7","head_branch":"ms-viewport","labels":["API"],"#,
                r#""milestone":null,"repo":"gitlabhq/gitlab-test","repo_id":"1","tickets":[],"title":"MS-Viewport","#,
                r#""url":"http://example.com/diaspora/merge_requests/1"}"#,
            ),
            concat!(
                r#"review.requested gitlab:gitlabhq/gitlab-test!1:requested:user1:2013-12-03T17:23:34Z 2013-12-03T17:23:34Z "#,
                r#"{"by":{"email":"admin@example.com","login":"root","name":"Administrator"},"change":"1","#,
                r#""repo":"gitlabhq/gitlab-test","repo_id":"1","reviewer":{"login":"user1","name":"User1"}}"#,
            ),
        ]
    );
    assert_eq!(
        found("issue-event.json"),
        [concat!(
            r#"ticket.created gitlab:gitlabhq/gitlab-test#23:opened 2013-12-03T17:15:43Z "#,
            r#"{"assignees":[{"login":"user1","name":"User1"}],"key":"gitlabhq/gitlab-test#23","milestone":null,"#,
            r#""project":"gitlabhq/gitlab-test","repo":"gitlabhq/gitlab-test","status":"opened","#,
            r#""status_category":"todo","ticket":"gitlabhq/gitlab-test#23","#,
            r#""title":"New API: create/update/delete file","url":"http://example.com/diaspora/issues/23"}"#,
        )]
    );
}

/// A body of each shape that the normaliser looks into.
pub(super) fn seeds() -> Vec<(&'static str, Value)> {
    let people =
        json!([with(user(2, "bo"), json!({"state": "reviewed", "re_requested": true})), user(1, "ada")]);
    let changes = json!({
        "draft": {"previous": true, "current": false}, "reviewers": {"previous": [], "current": people},
        "title": {"previous": "A", "current": "B"}, "due_date": {"previous": null, "current": "2026-06-30"},
        "labels": {"previous": [{"title": "a"}], "current": []},
    });
    let inside = json!({
        "id": 3, "title": "API-7", "draft": true, "oldrev": "aaa", "weight": 3, "due_date": "2026-06-30", "state": "closed",
        "last_commit": {"id": "abc"}, "labels": [{"title": "a"}], "milestone_id": 4, "noteable_type": "MergeRequest",
        "closed_at": "2026-03-02 09:20:00 UTC", "type": "Issue",
    });
    let beside = json!({
        "changes": changes, "reviewers": people, "assignees": people, "merge_request": {"iid": 7, "author_id": 1},
    });
    let hook = |kind: &str, action: &str| hook(kind, action, inside.clone(), beside.clone());
    let commit = json!({"id": "abc", "message": "T", "timestamp": "2026-03-02T09:00:00+01:00", "author": {"name": "Ada"}});
    let push = with(hook("push", ""), json!({"ref": "refs/heads/main", "commits": [commit]}));
    vec![
        ("Merge Request Hook", hook("merge_request", "open")),
        ("Merge Request Hook", hook("merge_request", "update")),
        ("Merge Request Hook", hook("merge_request", "close")),
        ("Merge Request Hook", hook("merge_request", "approved")),
        ("Merge Request Hook", with(hook("merge_request", "unapproved"), json!({"system": true}))),
        ("Note Hook", hook("note", "create")),
        ("Issue Hook", hook("issue", "update")),
        ("Confidential Issue Hook", hook("issue", "close")),
        ("Milestone Hook", hook("milestone", "update")),
        ("Push Hook", push),
    ]
}

#[test]
fn a_closed_issue_says_how_it_ended() {
    let ending = |state: &str, beside: Value| {
        let mut attributes =
            json!({"iid": 7, "state": state, "action": "close", "closed_at": "2026-03-02 09:14:00 UTC"});
        attributes.as_object_mut().unwrap().extend(beside.as_object().unwrap().clone());
        let body = json!({"object_kind": "issue", "project": {"path_with_namespace": "acme/api"}, "object_attributes": attributes});
        let events = normalise(Format::GitLab, None, body.to_string().as_bytes()).unwrap().events;
        events[0].data.get("ending").and_then(Value::as_str).unwrap_or("-").to_owned()
    };
    assert_eq!(ending("closed", json!({"duplicated_to_id": 3})), "duplicate");
    assert_eq!(ending("closed", json!({"moved_to_id": 9, "duplicated_to_id": null})), "moved");
    assert_eq!(ending("closed", json!({})), "-");
    assert_eq!(ending("opened", json!({"moved_to_id": 9})), "-");
}
