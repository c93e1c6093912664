//! GitHub's webhook bodies: each kind and action, hand-made and short, and all those of the real data.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::corpus::{bodies, corpus};
use super::{line, lines, normalise};
use crate::{Format, Reason};

#[track_caller]
fn check(event: &str, body: &Value, expected: &[&str]) {
    assert_eq!(lines(Format::GitHub, Some(event), body), expected, "{event} {body}");
}

fn body(action: &str, members: Value) -> Value {
    let mut body = json!({
        "action": action,
        "repository": {"full_name": "acme/api"},
        "sender": {"login": "cy", "type": "User"},
    });
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

/// A pull request that was opened at 09:00 and changed at 09:30.
fn pull(action: &str, beside: Value, inside: Value) -> Value {
    let mut pull = json!({
        "number": 7, "user": {"login": "ada", "type": "User"}, "created_at": "2026-03-02T09:00:00Z",
        "updated_at": "2026-03-02T09:30:00Z",
    });
    pull.as_object_mut().unwrap().extend(inside.as_object().unwrap().clone());
    let mut body = body(action, json!({"number": 7, "pull_request": pull}));
    body.as_object_mut().unwrap().extend(beside.as_object().unwrap().clone());
    body
}

fn issue(action: &str, beside: Value, inside: Value) -> Value {
    let mut issue = json!({
        "number": 9, "title": "Fees", "created_at": "2026-03-02T09:00:00Z", "updated_at": "2026-03-02T09:30:00Z",
    });
    issue.as_object_mut().unwrap().extend(inside.as_object().unwrap().clone());
    let mut body = body(action, json!({ "issue": issue }));
    body.as_object_mut().unwrap().extend(beside.as_object().unwrap().clone());
    body
}

const WHO: &str = r#""author":"ada","change":"7""#;
const WHO_BY: &str = r#""author":"ada","by":"cy","change":"7""#;

#[test]
fn an_opened_pull_request_says_all_of_itself_and_asks_for_reviews() {
    let inside = json!({
        "title": "API-7: Round fees", "body": "Fixes #12\r\nand closes acme/web#3", "html_url": "https://h/7",
        "draft": false, "base": {"ref": "main"}, "head": {"ref": "ada/PAY-1-fees", "sha": "abc"},
        "additions": 12, "deletions": 3, "changed_files": 2, "labels": [{"name": "security"}],
        "milestone": {"number": 4}, "requested_reviewers": [{"login": "bo", "type": "User"}],
        "requested_teams": [{"slug": "payments"}],
    });
    check(
        "pull_request",
        &pull("opened", json!({}), inside),
        &[
            r#"change.opened github:acme/api/pull/7:opened 2026-03-02T09:00:00Z {"additions":12,"author":"ada","base":"main","change":"7","changed_files":2,"deletions":3,"draft":false,"head":"abc","head_branch":"ada/PAY-1-fees","labels":["security"],"milestone":"acme/api/milestones/4","repo":"acme/api","tickets":["API-7","acme/api#12","acme/web#3","PAY-1"],"title":"API-7: Round fees","url":"https://h/7"}"#,
            r#"review.requested github:acme/api/pull/7:requested:bo:2026-03-02T09:00:00Z 2026-03-02T09:00:00Z {"author":"ada","by":"cy","change":"7","repo":"acme/api","reviewer":"bo"}"#,
            r#"review.requested github:acme/api/pull/7:requested:team/payments:2026-03-02T09:00:00Z 2026-03-02T09:00:00Z {"author":"ada","by":"cy","change":"7","repo":"acme/api","team":"payments"}"#,
        ],
    );
    // The delivery of its own, in the same second, tells the same request.
    let asked = json!({"requested_reviewer": {"login": "bo"}});
    let same = json!({"updated_at": "2026-03-02T09:00:00Z", "title": "API-7: Round fees"});
    let own = normalise(
        Format::GitHub,
        Some("pull_request"),
        pull("review_requested", asked, same).to_string().as_bytes(),
    );
    let with_opening = normalise(
        Format::GitHub,
        Some("pull_request"),
        pull("opened", json!({}), json!({"requested_reviewers": [{"login": "bo"}]})).to_string().as_bytes(),
    );
    assert_eq!(own.unwrap().events[0], with_opening.unwrap().events[1]);
}

#[test]
fn a_pull_request_moves_on() {
    let changed = |action: &str, beside: Value, inside: Value, expected: &str| {
        let expected = expected.replace("WHO_BY", WHO_BY).replace("WHO", WHO);
        check("pull_request", &pull(action, beside, inside), &[expected.as_str()]);
    };
    let none = || json!({});
    changed(
        "synchronize",
        none(),
        json!({"head": {"sha": "def"}}),
        r#"change.updated github:acme/api/pull/7:synchronize:def:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z {WHO_BY,"head":"def","repo":"acme/api"}"#,
    );
    changed(
        "edited",
        json!({"changes": {"title": {"from": "a"}, "body": {"from": "b"}}}),
        json!({"title": "No ticket", "draft": true}),
        r#"change.updated github:acme/api/pull/7:edited:body+title:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z {WHO_BY,"draft":true,"repo":"acme/api","tickets":[],"title":"No ticket"}"#,
    );
    changed(
        "unlabeled",
        json!({"label": {"name": "bug"}}),
        json!({"labels": []}),
        r#"change.updated github:acme/api/pull/7:unlabeled:bug:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z {WHO_BY,"labels":[],"repo":"acme/api"}"#,
    );
    changed(
        "demilestoned",
        json!({"milestone": {"number": 4}}),
        json!({"milestone": null}),
        r#"change.updated github:acme/api/pull/7:demilestoned:4:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z {WHO_BY,"milestone":null,"repo":"acme/api"}"#,
    );
    changed(
        "ready_for_review",
        none(),
        json!({"draft": false}),
        r#"change.ready github:acme/api/pull/7:ready:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z {WHO_BY,"draft":false,"repo":"acme/api"}"#,
    );
    changed(
        "converted_to_draft",
        none(),
        json!({"draft": true}),
        r#"change.drafted github:acme/api/pull/7:drafted:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z {WHO_BY,"draft":true,"repo":"acme/api"}"#,
    );
    changed(
        "closed",
        none(),
        json!({"merged": false, "closed_at": "2026-03-02T09:29:59Z", "merged_by": null}),
        r#"change.closed github:acme/api/pull/7:closed:2026-03-02T09:29:59Z 2026-03-02T09:29:59Z {"author":"ada","by":"cy","change":"7","repo":"acme/api"}"#,
    );
    changed(
        "closed",
        none(),
        json!({"merged": true, "merged_at": "2026-03-02T09:29:58Z", "merged_by": {"login": "bo"}}),
        r#"change.merged github:acme/api/pull/7:merged 2026-03-02T09:29:58Z {WHO,"merged_by":"bo","repo":"acme/api"}"#,
    );
    changed(
        "reopened",
        none(),
        none(),
        r#"change.reopened github:acme/api/pull/7:reopened:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z {"author":"ada","by":"cy","change":"7","repo":"acme/api"}"#,
    );
    changed(
        "review_request_removed",
        json!({"requested_team": {"slug": "payments"}}),
        none(),
        r#"review.request_removed github:acme/api/pull/7:request-removed:team/payments:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z {"author":"ada","by":"cy","change":"7","repo":"acme/api","team":"payments"}"#,
    );
    for action in ["assigned", "locked", "auto_merge_enabled", "enqueued"] {
        check("pull_request", &pull(action, none(), none()), &[]);
    }
}

#[test]
fn reviews_and_comments() {
    let review = |action: &str, state: &str, user: Value| {
        let review = json!({"id": 31, "user": user, "state": state, "commit_id": "abc", "submitted_at": "2026-03-02T09:20:00Z"});
        pull(action, json!({ "review": review }), json!({}))
    };
    let bo = || json!({"login": "bo"});
    for (state, verdict) in
        [("approved", "approved"), ("CHANGES_REQUESTED", "changes_requested"), ("dismissed", "commented")]
    {
        let line = format!(
            r#"review.submitted github:acme/api/pull/7:review:31:submitted 2026-03-02T09:20:00Z {{{WHO},"head":"abc","repo":"acme/api","reviewer":"bo","verdict":"{verdict}"}}"#
        );
        check("pull_request_review", &review("submitted", state, bo()), &[line.as_str()]);
    }
    check("pull_request_review", &review("submitted", "pending", bo()), &[]);
    check("pull_request_review", &review("edited", "approved", bo()), &[]);
    check(
        "pull_request_review",
        &review("dismissed", "dismissed", Value::Null),
        &[
            r#"review.dismissed github:acme/api/pull/7:review:31:dismissed 2026-03-02T09:30:00Z {"author":"ada","by":"cy","change":"7","repo":"acme/api","reviewer":"ghost"}"#,
        ],
    );
    let comment =
        json!({"comment": {"id": 55, "user": {"login": "bo"}, "created_at": "2026-03-02T09:21:00Z"}});
    let on_lines = pull("created", comment.clone(), json!({}));
    check(
        "pull_request_review_comment",
        &on_lines,
        &[
            r#"review.commented github:acme/api/pull/7:review-comment:55 2026-03-02T09:21:00Z {"author":"ada","by":"bo","change":"7","repo":"acme/api"}"#,
        ],
    );
    let below = issue("created", comment.clone(), json!({"pull_request": {}, "user": {"login": "ada"}}));
    check(
        "issue_comment",
        &below,
        &[
            r#"review.commented github:acme/api/pull/9:comment:55 2026-03-02T09:21:00Z {"author":"ada","by":"bo","change":"9","repo":"acme/api"}"#,
        ],
    );
    check("issue_comment", &issue("created", comment, json!({})), &[]);
    check("pull_request_review_thread", &pull("resolved", json!({"thread": {}}), json!({})), &[]);
}

#[test]
fn issues_are_tickets() {
    let ticket = |action: &str, beside: Value, inside: Value, expected: &str| {
        let expected =
            expected.replace("KEYS", r#""key":"acme/api#9""#).replace("REST", r#""repo":"acme/api""#);
        let expected = expected.replace("LAST", r#""ticket":"acme/api#9","title":"Fees""#);
        check("issues", &issue(action, beside, inside), &[expected.as_str()]);
    };
    ticket(
        "opened",
        json!({}),
        json!({
            "state": "open", "state_reason": null, "html_url": "https://h/9", "user": {"login": "ada"},
            "assignees": [{"login": "bo"}], "labels": [{"name": "kind/Bug"}], "milestone": {"number": 4},
            "type": null, "parent_issue_url": "https://h/api/v3/repos/acme/web/issues/2",
        }),
        r#"ticket.created github:acme/api/issues/9:opened 2026-03-02T09:00:00Z {"assignees":["bo"],KEYS,"kind":"bug","labels":["kind/Bug"],"milestone":"acme/api/milestones/4","parent":"acme/web#2",REST,"reporter":"ada","status":"open","status_category":"todo","ticket":"acme/api#9","title":"Fees","url":"https://h/9"}"#,
    );
    ticket(
        "closed",
        json!({}),
        json!({"state": "closed", "state_reason": "not_planned", "closed_at": "2026-03-02T09:29:00Z"}),
        r#"ticket.closed github:acme/api/issues/9:closed:2026-03-02T09:29:00Z 2026-03-02T09:29:00Z {"changes":{"status":{"from":"open","to":"not_planned"}},KEYS,REST,"status":"not_planned","status_category":"done",LAST}"#,
    );
    ticket(
        "labeled",
        json!({"label": {"name": "epic"}}),
        json!({"labels": [{"name": "epic"}, {"name": "p1"}], "type": {"name": "Feature"}}),
        r#"ticket.updated github:acme/api/issues/9:labeled:epic:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z {"changes":{"labels":{"from":["p1"],"to":["epic","p1"]}},KEYS,"kind":"feature","labels":["epic","p1"],REST,LAST}"#,
    );
    ticket(
        "unassigned",
        json!({"assignee": {"login": "bo"}}),
        json!({"assignee": null}),
        r#"ticket.updated github:acme/api/issues/9:unassigned:bo:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z {"assignees":[],"changes":{"assignees":{"from":["bo"],"to":[]}},KEYS,REST,LAST}"#,
    );
    ticket(
        "demilestoned",
        json!({"milestone": {"number": 4}}),
        json!({"milestone": null, "labels": []}),
        r#"ticket.updated github:acme/api/issues/9:demilestoned:4:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z {"changes":{"milestone":{"from":"acme/api/milestones/4","to":null}},KEYS,"kind":"task","labels":[],"milestone":null,REST,LAST}"#,
    );
    ticket(
        "typed",
        json!({"type": {"name": "Bug"}}),
        json!({"type": {"name": "Bug"}}),
        r#"ticket.updated github:acme/api/issues/9:typed:Bug:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z {KEYS,"kind":"bug",REST,LAST}"#,
    );
    // Neither tells its own time: that of the log stands in.
    ticket(
        "deleted",
        json!({}),
        json!({}),
        r#"ticket.deleted github:acme/api/issues/9:deleted 2026-03-02T10:00:00Z {KEYS,REST,"ticket":"acme/api#9"}"#,
    );
    ticket(
        "transferred",
        json!({"changes": {"new_issue": {"number": 1}, "new_repository": {"full_name": "acme/web"}}}),
        json!({}),
        r#"ticket.deleted github:acme/api/issues/9:transferred 2026-03-02T10:00:00Z {"changes":{"ticket":{"from":"acme/api#9","to":"acme/web#1"}},KEYS,REST,"ticket":"acme/api#9"}"#,
    );
    for action in ["pinned", "locked"] {
        check("issues", &issue(action, json!({}), json!({})), &[]);
    }
    check(
        "issues",
        &issue(
            "milestoned",
            json!({"milestone": {"number": 4}}),
            json!({"pull_request": {}, "milestone": {"number": 4}}),
        ),
        &[
            r#"change.updated github:acme/api/pull/9:milestoned:4:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z {"by":"cy","change":"9","milestone":"acme/api/milestones/4","repo":"acme/api"}"#,
        ],
    );
}

#[test]
fn both_repositories_tell_of_a_sub_issue_as_one_fact() {
    let sub = json!({"number": 9, "updated_at": "2026-03-02T09:30:00Z"});
    let expected = [
        r#"ticket.updated github:acme/api/issues/9:parent-added:acme/web#2:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z {"changes":{"parent":{"from":null,"to":"acme/web#2"}},"key":"acme/api#9","parent":"acme/web#2","repo":"acme/api","ticket":"acme/api#9"}"#,
    ];
    let to_child = json!({"sub_issue": sub, "parent_issue": {"number": 2}, "parent_issue_repo": {"full_name": "acme/web"}});
    check("sub_issues", &body("parent_issue_added", to_child), &expected);
    let mut to_parent = body(
        "sub_issue_added",
        json!({"sub_issue": sub, "parent_issue": {"number": 2}, "sub_issue_repo": {"full_name": "acme/api"}}),
    );
    to_parent["repository"]["full_name"] = json!("acme/web");
    check("sub_issues", &to_parent, &expected);
}

#[test]
fn milestones_move() {
    let milestone = |action: &str, due: Value, beside: Value, expected: &str| {
        let milestone = json!({
            "number": 4, "title": "M4", "state": "open", "due_on": due, "created_at": "2026-03-02T09:00:00Z",
            "updated_at": "2026-03-02T09:30:00Z", "closed_at": "2026-03-02T09:31:00Z",
        });
        let mut body = body(action, json!({ "milestone": milestone }));
        body.as_object_mut().unwrap().extend(beside.as_object().unwrap().clone());
        let rest = r#""milestone":"acme/api/milestones/4","project":"acme/api","repo":"acme/api","status":"open","title":"M4"}"#;
        let expected = expected.replace("REST", rest).replace("ID", "github:acme/api/milestones/4");
        check("milestone", &body, &[expected.as_str()]);
    };
    let due = || json!("2026-06-30T07:00:00Z");
    milestone(
        "created",
        due(),
        json!({}),
        r#"milestone.created ID:created 2026-03-02T09:00:00Z {"due_on":"2026-06-30",REST"#,
    );
    milestone(
        "edited",
        due(),
        json!({"changes": {"due_on": {"from": "2026-06-15T07:00:00Z"}}}),
        r#"milestone.updated ID:edited:due_on:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z {"changes":{"due_on":{"from":"2026-06-15","to":"2026-06-30"}},"due_on":"2026-06-30",REST"#,
    );
    milestone(
        "edited",
        Value::Null,
        json!({"changes": {"due_on": {"from": "2026-06-15T07:00:00Z"}, "title": {"from": "M3"}}}),
        r#"milestone.updated ID:edited:due_on+title:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z {"changes":{"due_on":{"from":"2026-06-15","to":null},"title":{"from":"M3","to":"M4"}},"due_on":null,REST"#,
    );
    milestone(
        "closed",
        due(),
        json!({}),
        r#"milestone.closed ID:closed:2026-03-02T09:31:00Z 2026-03-02T09:31:00Z {"due_on":"2026-06-30",REST"#,
    );
    milestone(
        "opened",
        due(),
        json!({}),
        r#"milestone.reopened ID:opened:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z {"due_on":"2026-06-30",REST"#,
    );
    milestone(
        "deleted",
        due(),
        json!({}),
        r#"milestone.deleted ID:deleted 2026-03-02T10:00:00Z {"due_on":"2026-06-30",REST"#,
    );
}

#[test]
fn a_commit_of_many_files_stays_one_event_that_the_log_takes() {
    let paths: Vec<String> = (0..50_000).map(|n| format!("a/long/path/to/a/file/{n:050}")).collect();
    let commit =
        json!({"id": "111", "distinct": true, "timestamp": "2026-03-02T10:00:00Z", "modified": paths});
    let push = body("", json!({"ref": "refs/heads/main", "before": "1", "after": "2", "commits": [commit]}));
    let found = normalise(Format::GitHub, Some("push"), push.to_string().as_bytes()).unwrap();
    let text = found.events[0].to_json();
    assert!((400_000..1 << 20).contains(&text.len()), "{} bytes", text.len());
    let data = &found.events[0].data;
    let listed = data["files"].as_array().unwrap();
    assert_eq!(data["changed_files"], 50_000);
    assert!(listed.len() > 3_000 && listed[0]["path"] == paths[0].as_str(), "{} listed", listed.len());
}

#[test]
fn pushes_bring_commits_once() {
    let commit = |id: &str, distinct: bool| {
        json!({
            "id": id, "distinct": distinct, "timestamp": "2026-03-02T10:00:00+01:00",
            "message": "API-7: Round fees (#482)\n\nFixes #12\n\nReviewed-by: Dee <dee@a.example>\nCo-authored-by: Cy <cy@a.example>\n",
            "author": {"name": "Ada", "email": "ada@a.example", "username": "ada"},
            "committer": {"name": "GitHub", "email": "noreply@a.example"},
            "added": ["a.rs"], "removed": ["b.rs"], "modified": ["c.rs"],
        })
    };
    let push = |reference: &str| {
        body("", json!({"ref": reference, "commits": [commit("111", true), commit("222", false)]}))
    };
    check(
        "push",
        &push("refs/heads/fix/fees"),
        &[
            r#"commit.pushed git-acme/api-111 2026-03-02T09:00:00Z {"author":{"email":"ada@a.example","login":"ada","name":"Ada"},"branch":"fix/fees","change":"482","co_authors":[{"email":"cy@a.example","name":"Cy"}],"committed_at":"2026-03-02T09:00:00Z","committer":{"email":"noreply@a.example","name":"GitHub"},"files":[{"change":"added","path":"a.rs"},{"change":"modified","path":"c.rs"},{"change":"deleted","path":"b.rs"}],"repo":"acme/api","reviewers":[{"email":"dee@a.example","name":"Dee"}],"sha":"111","subject":"API-7: Round fees (#482)","tickets":["API-7","acme/api#12"]}"#,
        ],
    );
    check("push", &push("refs/tags/v1"), &[]);
    let deleted = json!({"ref": "refs/heads/x", "deleted": true, "commits": []});
    check("push", &body("", deleted), &[]);
    let one = normalise(Format::GitHub, None, push("refs/heads/main").to_string().as_bytes()).unwrap();
    assert!(!one.known, "a body without `before` and `after` is not taken for a push");
}

#[test]
fn accounts_called_bots_are_told_once_unless_their_name_says_so() {
    let robot = json!({"login": "shipit", "type": "Bot"});
    let asked = json!({"requested_reviewer": robot, "sender": {"login": "app[bot]", "type": "Bot"}});
    let found = pull("review_requested", asked, json!({"requested_reviewers": [robot]}));
    check(
        "pull_request",
        &found,
        &[
            r#"review.requested github:acme/api/pull/7:requested:shipit:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z {"author":"ada","by":"app[bot]","change":"7","repo":"acme/api","reviewer":"shipit"}"#,
            r#"person.updated github:bot:shipit 2008-01-01T00:00:00Z {"person":"shipit","person_kind":"bot"}"#,
        ],
    );
}

#[test]
fn what_is_new_is_unknown_and_what_is_broken_is_refused() {
    for (event, action) in
        [("teleport", ""), ("pull_request", "teleported"), ("issues", "sung"), ("milestone", "painted")]
    {
        let found = body(
            action,
            json!({"pull_request": {"number": 1}, "issue": {"number": 1}, "milestone": {"number": 1}}),
        );
        let found = normalise(Format::GitHub, Some(event), found.to_string().as_bytes()).unwrap();
        assert!(!found.known && found.events.is_empty(), "{event}.{action}");
        assert!(found.kind.starts_with(event));
    }
    for (event, body, reason) in [
        ("pull_request", pull("opened", json!({"repository": null}), json!({})), Reason::MissingField),
        ("pull_request", body("opened", json!({})), Reason::MissingField),
        ("pull_request", body("opened", json!({"pull_request": "7"})), Reason::BadField),
        ("pull_request", pull("opened", json!({}), json!({"title": 7})), Reason::BadField),
        ("pull_request", pull("opened", json!({}), json!({"additions": -1})), Reason::BadField),
        ("pull_request", pull("opened", json!({}), json!({"labels": [7]})), Reason::MissingField),
        ("pull_request", pull("opened", json!({}), json!({"created_at": "yesterday"})), Reason::BadTime),
        ("pull_request", pull("reopened", json!({}), json!({"updated_at": null})), Reason::MissingField),
        ("pull_request", pull("review_requested", json!({}), json!({})), Reason::MissingField),
        (
            "pull_request_review",
            pull("submitted", json!({"review": {"id": 1, "user": null, "state": "odd"}}), json!({})),
            Reason::BadField,
        ),
        ("push", body("", json!({"ref": "refs/heads/x", "commits": [{}]})), Reason::MissingField),
        ("issues", body(7.to_string().as_str(), json!({"action": 7})), Reason::BadField),
    ] {
        let found = normalise(Format::GitHub, Some(event), body.to_string().as_bytes());
        assert_eq!(found.unwrap_err().reason, reason, "{event} {body}");
    }
}

#[test]
fn every_real_body_gives_the_same_with_and_without_its_name() {
    let Some(folder) = corpus("every_real_body_gives_the_same_with_and_without_its_name") else { return };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let bodies = bodies(&folder.join("webhooks/github"));
    assert_eq!(bodies.len(), 64);
    for (path, bytes) in &bodies {
        let event = path.split('/').next().unwrap();
        let named =
            normalise(Format::GitHub, Some(event), bytes).unwrap_or_else(|reject| panic!("{path}: {reject}"));
        assert!(named.known, "{path}: {}", named.kind);
        assert_eq!(normalise(Format::GitHub, None, bytes), Ok(named.clone()), "{path}");
        let kinds: Vec<&str> = named.events.iter().map(|draft| draft.kind).collect();
        named.events.iter().for_each(|draft| drop(line(draft)));
        *counts.entry(format!("{}: {}", named.kind, kinds.join(" "))).or_default() += 1;
    }
    let found: Vec<String> = counts
        .iter()
        .map(|(kinds, count)| format!("{count} {kinds}").trim_end_matches(": ").to_owned())
        .collect();
    assert_eq!(found, REAL);
}

#[test]
fn two_real_bodies_are_followed_field_by_field() {
    let Some(folder) = corpus("two_real_bodies_are_followed_field_by_field") else { return };
    let check = |path: &str, expected: &[&str]| {
        let bytes = std::fs::read(folder.join("webhooks/github").join(path)).unwrap();
        let found = normalise(Format::GitHub, None, &bytes).unwrap();
        assert_eq!(found.events.iter().map(line).collect::<Vec<_>>(), expected, "{path}");
        assert_eq!(found.events[0].source, "github:Codertocat/Hello-World");
    };
    check(
        "pull_request/closed.with-organization.payload.json",
        &[
            r#"change.closed github:Codertocat/Hello-World/pull/2:closed:2019-05-15T15:21:18Z 2019-05-15T15:21:18Z {"additions":1,"author":"Codertocat","base":"master","by":"Codertocat","change":"2","changed_files":1,"deletions":1,"draft":false,"head":"ec26c3e57ca3a959ca5aad62de7213c562f8c821","head_branch":"changes","labels":["bug"],"milestone":null,"repo":"Codertocat/Hello-World","repo_id":"186853002","tickets":[],"title":"Update the README with new information.","url":"https://github.com/Codertocat/Hello-World/pull/2"}"#,
        ],
    );
    check(
        "pull_request_review/submitted.payload.json",
        &[
            r#"review.submitted github:Codertocat/Hello-World/pull/2:review:237895671:submitted 2019-05-15T15:20:38Z {"author":"Codertocat","change":"2","head":"ec26c3e57ca3a959ca5aad62de7213c562f8c821","repo":"Codertocat/Hello-World","repo_id":"186853002","reviewer":"Codertocat","verdict":"commented"}"#,
        ],
    );
}

/// How many real bodies of each kind there are, and what each gives.
const REAL: [&str; 42] = [
    "3 deployment.created",
    "3 deployment_status.created",
    "2 issues.assigned: ticket.updated",
    "1 issues.deleted: ticket.deleted",
    "1 issues.demilestoned: change.updated",
    "2 issues.edited: ticket.updated",
    "1 issues.labeled: ticket.updated",
    "1 issues.locked",
    "2 issues.milestoned: change.updated",
    "2 issues.opened: ticket.created",
    "1 issues.pinned",
    "1 issues.reopened: ticket.reopened",
    "2 issues.unassigned: ticket.updated",
    "1 issues.unlabeled: ticket.updated",
    "1 issues.unlocked",
    "1 issues.unpinned",
    "2 milestone.closed: milestone.closed",
    "1 milestone.created: milestone.created",
    "1 milestone.deleted: milestone.deleted",
    "3 ping",
    "2 pull_request.assigned",
    "1 pull_request.closed: change.closed",
    "2 pull_request.converted_to_draft: change.drafted",
    "1 pull_request.labeled: change.updated",
    "2 pull_request.locked",
    "2 pull_request.opened: change.opened review.requested",
    "2 pull_request.ready_for_review: change.ready",
    "1 pull_request.reopened: change.reopened review.requested",
    "1 pull_request.review_request_removed: review.request_removed",
    "1 pull_request.synchronize: change.updated",
    "1 pull_request.unassigned",
    "2 pull_request.unlabeled: change.updated",
    "1 pull_request.unlocked",
    "1 pull_request_review.dismissed: review.dismissed",
    "2 pull_request_review.submitted: review.submitted",
    "2 pull_request_review_comment.created: review.commented",
    "1 pull_request_review_comment.deleted",
    "1 pull_request_review_comment.edited",
    "1 pull_request_review_thread.resolved",
    "1 pull_request_review_thread.unresolved",
    "2 push",
    "2 push: commit.pushed",
];
