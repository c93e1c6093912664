//! GH Archive: a whole hour of 2015 counted, two lines of it followed, and the slim payloads of today.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};

use super::super::corpus::corpus;
use super::{line, lines, normalise, pushed, record};
use crate::{BatchBuilder, Format, Reason};

#[track_caller]
fn check(line: &Value, expected: &[&str]) {
    assert_eq!(lines(Format::GhArchive, None, line), expected, "{line}");
}

fn feed(type_: &str, payload: Value) -> Value {
    json!({
        "id": "1", "type": type_, "actor": {"login": "cy"}, "repo": {"name": "acme/api"}, "payload": payload,
        "created_at": "2026-03-02T09:30:05Z",
    })
}

/// As GitHub's feed gives pull requests since October 2025.
fn slim() -> Value {
    json!({
        "id": 1, "number": 7, "url": "https://h/api/pulls/7", "base": {"ref": "main", "sha": "000"},
        "head": {"ref": "fees", "sha": "abc"},
    })
}

fn hour(test: &str) -> Option<String> {
    let path = corpus(test)?.join("gharchive/2015-01-01-0.json.gz");
    let mut text = String::new();
    MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    Some(text)
}

/// Counted apart from this program, by a script over the same file: type and action of each line, `merged`,
/// `issue.pull_request` and `distinct`.
const HOUR: [(&str, usize); 9] = [
    ("change.closed", 25),
    ("change.merged", 126),
    ("change.opened", 163),
    ("change.reopened", 1),
    ("commit.pushed", 6468),
    ("review.commented", 332),
    ("ticket.closed", 135),
    ("ticket.created", 235),
    ("ticket.reopened", 3),
];

#[test]
fn an_hour_goes_in() {
    let Some(text) = hour("an_hour_goes_in") else { return };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    let mut pushed_twice = 0;
    for body in text.lines() {
        let found = normalise(Format::GhArchive, None, body.as_bytes()).unwrap();
        assert!(found.known, "{}", found.kind);
        for draft in &found.events {
            *counts.entry(draft.kind).or_default() += 1;
            if let Some(other) = ids.insert(draft.id.clone(), line(draft)) {
                // The feed calls a commit new on two branches that were pushed within seconds.
                assert_eq!(draft.kind, "commit.pushed", "two facts share an id: {other}");
                pushed_twice += 1;
            }
        }
    }
    assert_eq!(pushed_twice, 5);
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), HOUR);
    let records: Vec<_> = text.lines().map(|line| record(&[], line.as_bytes())).collect();
    let (_, counts, rows) = pushed(Format::GhArchive, &records);
    assert_eq!((counts.records, counts.dead_letters, counts.unknown), (7702, 0, 0));
    assert_eq!(rows, [6468, 647, 373, 0, 0]);
}

#[test]
fn two_lines_are_followed_field_by_field() {
    let Some(text) = hour("two_lines_are_followed_field_by_field") else { return };
    let check = |id: &str, expected: &str| {
        let start = format!("{{\"id\":\"{id}\"");
        let body = text.lines().find(|line| line.starts_with(&start)).unwrap();
        let found = normalise(Format::GhArchive, None, body.as_bytes()).unwrap();
        assert_eq!(found.events.iter().map(line).collect::<Vec<_>>(), [expected]);
        assert_eq!(
            (found.events[0].source_version, &*found.events[0].source),
            (-1, "github:selfhub/selfhub")
        );
    };
    check(
        "2489368455",
        r#"change.merged github:selfhub/selfhub/pull/124:merged 2015-01-01T00:00:30Z {"additions":2,"author":"dduugg","base":"develop","change":"124","changed_files":2,"deletions":6,"head":"47c1cd384b3deb0427e7e546e8d6b4346a65d816","head_branch":"feature/env","merged_by":"zindlerb","milestone":null,"repo":"selfhub/selfhub","repo_id":"28109544","tickets":["selfhub/selfhub#117"],"title":"make AWS S3 bucket prefix an environmental variable","url":"https://github.com/selfhub/selfhub/pull/124"}"#,
    );
    check(
        "2489368454",
        r#"ticket.closed github:selfhub/selfhub/issues/117:closed:2015-01-01T00:00:30Z 2015-01-01T00:00:30Z {"assignees":["dduugg"],"changes":{"status":{"from":"open","to":"closed"}},"key":"selfhub/selfhub#117","kind":"task","labels":["in progress","p2"],"milestone":"selfhub/selfhub/milestones/2","repo":"selfhub/selfhub","repo_id":"28109544","reporter":"cmperez","status":"closed","status_category":"done","ticket":"selfhub/selfhub#117","title":"make bucket prefix an environmental variable","url":"https://github.com/selfhub/selfhub/issues/117"}"#,
    );
}

#[test]
fn slim_payloads_give_fewer_fields_and_no_nulls() {
    check(
        &feed("PullRequestEvent", json!({"action": "opened", "number": 7, "pull_request": slim()})),
        &[
            r#"change.opened github:acme/api/pull/7:opened 2026-03-02T09:30:05Z {"author":"cy","base":"main","change":"7","head":"abc","head_branch":"fees","repo":"acme/api"}"#,
        ],
    );
    check(
        &feed("PullRequestEvent", json!({"action": "merged", "number": 7, "pull_request": slim()})),
        &[
            r#"change.merged github:acme/api/pull/7:merged 2026-03-02T09:30:05Z {"base":"main","change":"7","head":"abc","head_branch":"fees","merged_by":"cy","repo":"acme/api"}"#,
        ],
    );
    check(
        &feed("PullRequestEvent", json!({"action": "closed", "number": 7, "pull_request": slim()})),
        &[
            r#"change.closed github:acme/api/pull/7:closed:2026-03-02T09:30:05Z 2026-03-02T09:30:05Z {"base":"main","by":"cy","change":"7","head":"abc","head_branch":"fees","repo":"acme/api"}"#,
        ],
    );
    let labeled = json!({
        "action": "labeled", "number": 7, "pull_request": slim(), "label": {"name": "bug"}, "labels": [{"name": "bug"}],
    });
    check(
        &feed("PullRequestEvent", labeled),
        &[
            r#"change.updated github:acme/api/pull/7:labeled:bug:2026-03-02T09:30:05Z 2026-03-02T09:30:05Z {"base":"main","by":"cy","change":"7","head":"abc","head_branch":"fees","labels":["bug"],"repo":"acme/api"}"#,
        ],
    );
    let review = json!({
        "action": "created", "pull_request": slim(),
        "review": {"id": 31, "user": {"login": "bo"}, "commit_id": "abc", "submitted_at": "2026-03-02T09:30:00Z", "state": "approved"},
    });
    check(
        &feed("PullRequestReviewEvent", review),
        &[
            r#"review.submitted github:acme/api/pull/7:review:31:submitted 2026-03-02T09:30:00Z {"change":"7","head":"abc","repo":"acme/api","reviewer":"bo","verdict":"approved"}"#,
        ],
    );
    let push =
        json!({"repository_id": 1, "push_id": 2, "ref": "refs/heads/main", "head": "b", "before": "a"});
    check(&feed("PushEvent", push), &[]);
}

#[test]
fn webhook_and_archive_tell_one_fact_under_one_id() {
    let pull = |members: Value| {
        let mut pull = json!({"number": 7, "user": {"login": "ada"}, "created_at": "2026-03-02T09:00:00Z"});
        pull.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        json!({ "pull_request": pull })
    };
    let with = |mut body: Value, members: Value| {
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body
    };
    let at = "2026-03-02T09:30:00Z";
    let user = json!({"login": "bo"});
    let issue = json!({"number": 9, "created_at": at, "closed_at": at, "user": user});
    let commit = json!({"sha": "111", "message": "One", "author": {"name": "Ada"}, "distinct": true});
    for (type_, event, body) in [
        ("PullRequestEvent", "pull_request", with(pull(json!({})), json!({"action": "opened"}))),
        (
            "PullRequestEvent",
            "pull_request",
            with(
                pull(json!({"closed_at": at, "merged": true, "merged_at": at})),
                json!({"action": "closed"}),
            ),
        ),
        (
            "PullRequestEvent",
            "pull_request",
            with(pull(json!({"closed_at": at})), json!({"action": "closed"})),
        ),
        (
            "PullRequestReviewEvent",
            "pull_request_review",
            with(
                pull(json!({})),
                json!({"action": "submitted", "review": {"id": 1, "user": user, "state": "approved", "submitted_at": at}}),
            ),
        ),
        (
            "PullRequestReviewCommentEvent",
            "pull_request_review_comment",
            with(
                pull(json!({})),
                json!({"action": "created", "comment": {"id": 1, "user": user, "created_at": at}}),
            ),
        ),
        ("IssuesEvent", "issues", json!({"action": "closed", "issue": issue})),
        ("IssuesEvent", "issues", json!({"action": "opened", "issue": issue})),
        ("PushEvent", "push", json!({"ref": "refs/heads/main", "commits": [commit]})),
    ] {
        let hook =
            with(body.clone(), json!({"repository": {"full_name": "acme/api"}, "sender": {"login": "cy"}}));
        let hook = normalise(Format::GitHub, Some(event), hook.to_string().as_bytes()).unwrap();
        let archive = normalise(Format::GhArchive, None, feed(type_, body).to_string().as_bytes()).unwrap();
        let [hook, archive] = [&hook.events[..], &archive.events[..]].map(|events| match events {
            [event] => event.clone(),
            _ => panic!("one event: {events:?}"),
        });
        assert_eq!((&hook.id, &hook.source, &hook.data), (&archive.id, &archive.source, &archive.data));
        assert_eq!(hook.source_version, archive.source_version + 1, "the webhook's wins");
    }
}

#[test]
fn other_lines_are_silent_unknown_or_refused() {
    check(&feed("WatchEvent", json!({"action": "started"})), &[]);
    let unknown = feed("TeleportEvent", json!({})).to_string();
    assert!(!normalise(Format::GhArchive, None, unknown.as_bytes()).unwrap().known);
    let mut early = feed("PullRequestEvent", json!({"action": "opened", "pull_request": slim()}));
    early["repo"] = Value::Null;
    let mut timeless = feed("PushEvent", json!({"ref": "refs/heads/main"}));
    timeless["created_at"] = Value::Null;
    for (line, reason) in [
        (early, Reason::MissingField),
        (timeless, Reason::MissingField),
        (feed("IssuesEvent", json!({"action": "opened", "issue": 7})), Reason::BadField),
        (json!({"payload": {}}), Reason::MissingField),
    ] {
        let outcome =
            BatchBuilder::new().push_as(Format::GhArchive, &record(&[], line.to_string().as_bytes()));
        assert_eq!(outcome, crate::Outcome::DeadLetter(reason), "{line}");
    }
}
