//! Gitea's and Forgejo's hooks: each kind, hand-made and short, in the shape of their documentation.

use serde_json::{Value, json};

use super::{lines, normalise};
use crate::Format;

#[track_caller]
fn check(name: Option<&str>, body: &Value, expected: &[&str]) {
    let found: Vec<String> = lines(Format::Gitea, name, body).iter().map(|line| short(line)).collect();
    assert_eq!(found, expected, "{name:?} {body}");
}

/// Type, id and time.
fn short(line: &str) -> String {
    line.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn account(id: i64, login: &str) -> Value {
    json!({"id": id, "login": login, "username": login, "email": "", "full_name": ""})
}

/// What bo did to `thing`.
fn body(action: &str, thing: &str, members: Value, beside: Value) -> Value {
    let mut subject = json!({
        "id": 70, "number": 7, "user": account(1, "ada"), "title": "API-7: Round fees", "body": "", "labels": [],
        "milestone": null, "assignee": null, "assignees": null, "state": "open",
        "html_url": "https://git.acme.example/acme/api/pulls/7",
        "created_at": "2026-03-02T09:00:00Z", "updated_at": "2026-03-02T10:30:00+01:00", "closed_at": null,
    });
    subject.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let mut body = json!({
        "action": action, "number": 7, "sender": account(2, "bo"),
        "repository": {"id": 9, "full_name": "acme/api", "html_url": "https://git.acme.example/acme/api", "default_branch": "main"},
    });
    body[thing] = subject;
    body.as_object_mut().unwrap().extend(beside.as_object().unwrap().clone());
    body
}

fn pull(action: &str, members: Value, beside: Value) -> Value {
    let refs = json!({
        "merged": false, "base": {"ref": "main", "sha": "aa"}, "head": {"ref": "fees", "sha": "bb"},
        "requested_reviewers": null, "requested_reviewers_teams": null,
    });
    let mut pull = refs.as_object().unwrap().clone();
    pull.extend(members.as_object().unwrap().clone());
    body(action, "pull_request", Value::Object(pull), beside)
}

fn data(name: Option<&str>, body: &Value, at: usize) -> Value {
    let found = normalise(Format::Gitea, name, body.to_string().as_bytes()).unwrap();
    Value::Object(found.events[at].data.clone())
}

#[test]
fn a_pull_request_is_opened_with_its_reviewers() {
    let asked = json!({"requested_reviewers": [account(3, "cy")], "requested_reviewers_teams": [{"id": 1, "name": "core"}]});
    let opened = pull("opened", asked, json!({}));
    let expected = [
        "change.opened gitea:acme/api/pull/7:opened 2026-03-02T09:00:00Z",
        "review.requested gitea:acme/api/pull/7:requested:cy:2026-03-02T09:00:00Z 2026-03-02T09:00:00Z",
        "review.requested gitea:acme/api/pull/7:requested:team/core:2026-03-02T09:00:00Z 2026-03-02T09:00:00Z",
    ];
    check(Some("pull_request"), &opened, &expected);
    check(None, &opened, &expected);
    let told = data(None, &opened, 0);
    assert_eq!(told["author"], "ada");
    assert_eq!((&told["head_branch"], &told["draft"]), (&json!("fees"), &json!(false)));
    assert_eq!((&told["tickets"], &told["repo_id"]), (&json!(["API-7"]), &json!("9")));
    let found = normalise(Format::Gitea, None, opened.to_string().as_bytes()).unwrap();
    assert_eq!(found.events[0].source, "gitea:https://git.acme.example/acme/api");
}

#[test]
fn requests_answers_and_removals_are_those_of_the_body() {
    let at = "2026-03-02T09:30:00Z";
    let cy = json!({"requested_reviewer": account(3, "cy")});
    for (action, kind, word) in [
        ("review_requested", "review.requested", "requested"),
        ("review_request_removed", "review.request_removed", "request-removed"),
    ] {
        let line = format!("{kind} gitea:acme/api/pull/7:{word}:cy:{at} {at}");
        check(Some("pull_request"), &pull(action, json!({}), cy.clone()), &[&line]);
    }
    let team = json!({"requested_reviewers_teams": [{"name": "core"}]});
    let line = format!("review.requested gitea:acme/api/pull/7:requested:team/core:{at} {at}");
    check(
        Some("pull_request"),
        &pull("review_requested", team, json!({"requested_reviewer": null})),
        &[&line],
    );
    // The team that is asked no more is not listed any more, so the last one listed is another.
    let others = json!({"requested_reviewers_teams": [{"name": "web"}]});
    check(Some("pull_request"), &pull("review_request_removed", others, json!({})), &[]);
    check(Some("pull_request"), &pull("review_requested", json!({}), json!({})), &[]);
    for (event, type_, verdict) in [
        ("pull_request_approved", "pull_request_review_approved", "approved"),
        ("pull_request_rejected", "pull_request_review_rejected", "changes_requested"),
        ("pull_request_comment", "pull_request_review_comment", "commented"),
    ] {
        let beside = json!({"review": {"type": type_, "content": "Fine"}, "commit_id": ""});
        let reviewed = pull("reviewed", json!({}), beside);
        let line = format!("review.submitted gitea:acme/api/pull/7:review:bo:{verdict}:{at}:submitted {at}");
        check(Some(event), &reviewed, &[&line]);
        check(None, &reviewed, &[&line]);
        let told = data(None, &reviewed, 0);
        assert_eq!(
            (&told["reviewer"], &told["verdict"], &told["head"]),
            (&json!("bo"), &json!(verdict), &json!("bb"))
        );
    }
}

#[test]
fn a_title_tells_whether_work_is_in_progress() {
    let edited = |from: &str, to: &str| {
        let changes = json!({"changes": {"title": {"from": from}}});
        lines(Format::Gitea, Some("pull_request"), &pull("edited", json!({"title": to}), changes))
            .iter()
            .map(|line| line.split(' ').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(edited("WIP: Round", "Round"), ["change.updated", "change.ready"]);
    assert_eq!(edited("Round", "[wip] Round"), ["change.updated", "change.drafted"]);
    assert_eq!(edited("Round", "Round fees"), ["change.updated"]);
    assert_eq!(data(None, &pull("opened", json!({"title": "WIP: Round"}), json!({})), 0)["draft"], true);
}

#[test]
fn pull_requests_end_as_merged_or_closed() {
    let merged = json!({"state": "closed", "merged": true, "merged_at": "2026-03-03T09:00:00Z", "merged_by": account(3, "cy")});
    let body = pull("closed", merged, json!({}));
    check(Some("pull_request"), &body, &["change.merged gitea:acme/api/pull/7:merged 2026-03-03T09:00:00Z"]);
    assert_eq!(data(None, &body, 0)["merged_by"], "cy");
    let closed = json!({"state": "closed", "closed_at": "2026-03-03T09:00:00Z"});
    let line = "change.closed gitea:acme/api/pull/7:closed:2026-03-03T09:00:00Z 2026-03-03T09:00:00Z";
    check(Some("pull_request"), &pull("closed", closed, json!({})), &[line]);
    let line =
        "change.updated gitea:acme/api/pull/7:synchronize:bb:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z";
    check(Some("pull_request_sync"), &pull("synchronized", json!({}), json!({})), &[line]);
}

#[test]
fn issues_have_due_dates_and_tell_of_their_milestone() {
    let milestone = json!({"id": 5, "title": "Q2", "state": "open", "due_on": "2026-06-30T23:59:59+02:00", "updated_at": "2026-03-01T08:00:00Z"});
    let issue = body(
        "milestoned",
        "issue",
        json!({"milestone": milestone, "due_date": "2026-04-30T23:59:59+02:00", "assignees": [account(3, "cy")]}),
        json!({}),
    );
    check(
        Some("issue_milestone"),
        &issue,
        &[
            "ticket.updated gitea:acme/api/issues/7:milestoned:5:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z",
            "milestone.updated gitea:acme/api/milestones/5:edited::2026-03-01T08:00:00Z 2026-03-01T08:00:00Z",
        ],
    );
    let told = data(None, &issue, 0);
    assert_eq!(
        (&told["due_on"], &told["milestone"]),
        (&json!("2026-04-30"), &json!("acme/api/milestones/5"))
    );
    assert_eq!(told["assignees"], json!(["cy"]));
    let told = data(None, &issue, 1);
    assert_eq!((&told["title"], &told["due_on"]), (&json!("Q2"), &json!("2026-06-30")));
    let gone = body("opened", "issue", json!({"user": account(-1, "Ghost"), "due_date": null}), json!({}));
    let told = data(Some("issues"), &gone, 0);
    assert_eq!((&told["reporter"], &told["due_on"]), (&json!("ghost"), &Value::Null));
    check(
        Some("issue_label"),
        &body("label_updated", "issue", json!({}), json!({})),
        &["ticket.updated gitea:acme/api/issues/7:labeled::2026-03-02T09:30:00Z 2026-03-02T09:30:00Z"],
    );
}

#[test]
fn comments_count_below_pull_requests_only() {
    let comment = json!({"id": 45, "user": account(2, "bo"), "created_at": "0001-01-01T00:00:00Z"});
    let below =
        |what: Value| body("created", "issue", json!({"pull_request": what}), json!({"comment": comment}));
    let line = "review.commented gitea:acme/api/pull/7:comment:45 2026-03-02T09:30:00Z";
    check(Some("issue_comment"), &below(json!({"merged": false, "merged_at": null})), &[line]);
    check(Some("issue_comment"), &below(Value::Null), &[]);
    check(Some("pull_request_comment"), &pull("created", json!({}), json!({"comment": comment})), &[line]);
}

#[test]
fn pushes_tell_commits_and_other_kinds_nothing() {
    let commit = json!({
        "id": "4522cbcefc20728a5b72b3a86af35e608622c514", "message": "Round\n", "timestamp": "2026-03-02T09:10:00Z",
        "author": {"name": "Ada", "email": "ada@acme.example", "username": "ada"}, "added": [], "removed": [], "modified": ["a.rs"],
    });
    let mut push = body(
        "",
        "x",
        json!({}),
        json!({"ref": "refs/heads/main", "before": "a", "after": "b", "commits": [commit]}),
    );
    push.as_object_mut().unwrap().remove("action");
    let line = "commit.pushed git-acme/api-4522cbcefc20728a5b72b3a86af35e608622c514 2026-03-02T09:10:00Z";
    check(Some("push"), &push, &[line]);
    check(None, &push, &[line]);
    for silent in ["create", "fork", "release", "wiki"] {
        check(Some(silent), &json!({"repository": {}}), &[]);
    }
    let unknown = normalise(Format::Gitea, Some("novel"), b"{}").unwrap();
    assert!(!unknown.known);
}

pub(super) fn seeds() -> Vec<(&'static str, Value)> {
    let review = json!({"review": {"type": "pull_request_review_approved", "content": ""}});
    let comment =
        json!({"comment": {"id": 45, "user": account(2, "bo"), "created_at": "2026-03-02T09:20:00Z"}});
    let milestone = json!({"milestone": {"id": 5, "title": "Q2", "due_on": "2026-06-30T23:59:59Z"}, "due_date": "2026-04-30T23:59:59Z"});
    vec![
        ("pull_request", pull("opened", json!({"requested_reviewers": [account(3, "cy")]}), json!({}))),
        (
            "pull_request",
            pull("edited", json!({"title": "WIP: x"}), json!({"changes": {"title": {"from": "x"}}})),
        ),
        (
            "pull_request",
            pull("review_requested", json!({"requested_reviewers_teams": [{"name": "core"}]}), json!({})),
        ),
        ("pull_request_approved", pull("reviewed", json!({}), review)),
        ("issue_comment", body("created", "issue", json!({"pull_request": {}}), comment.clone())),
        ("pull_request_comment", pull("created", json!({}), comment)),
        ("issues", body("milestoned", "issue", milestone, json!({}))),
    ]
}
