//! Whatever a body is, its normaliser ends, and what it gives either decodes or is refused with a reason.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{bitbucket, cdevents, gerrit, gitea, gitlab, jira, normalise};
use crate::tests::LOGGED_US;
use crate::{Delivery, Format, Normalised, Record, Reject};

/// A body of each shape that the normalisers look into, as short as can be.
fn seeds() -> Vec<(Format, &'static str, Value)> {
    let user = json!({"login": "ada", "type": "User"});
    let at = "2026-03-02T09:00:00Z";
    let pull = json!({
        "number": 7, "title": "API-7", "body": "Fixes #1, https://h/a/b/issues/2", "user": user, "created_at": at,
        "updated_at": at, "closed_at": at, "merged": true, "merged_at": at, "merged_by": user, "html_url": "https://h",
        "draft": false, "base": {"ref": "main"}, "head": {"ref": "API-7", "sha": "abc"}, "additions": 1,
        "labels": [{"name": "bug"}], "milestone": {"number": 1}, "requested_reviewers": [user],
        "requested_teams": [{"slug": "t"}],
    });
    let issue = json!({
        "number": 9, "title": "T", "user": user, "assignees": [user], "labels": [{"name": "kind/bug"}], "state": "open",
        "created_at": at, "updated_at": at, "closed_at": at, "milestone": null, "type": {"name": "Bug"},
        "parent_issue_url": "https://h/repos/a/b/issues/2",
    });
    let commit = json!({
        "id": "abc", "message": "T (#7)\n\nReviewed-by: Ada <a@x>\n", "timestamp": at, "added": ["a"], "distinct": true,
        "author": {"name": "Ada", "email": "a@x", "username": "ada"},
    });
    let comment = json!({"id": 1, "user": user, "created_at": at});
    let review = json!({"id": 1, "user": user, "state": "approved", "submitted_at": at, "commit_id": "abc"});
    let milestone = json!({
        "number": 1, "title": "M", "due_on": at, "state": "open", "created_at": at, "updated_at": at, "closed_at": at,
    });
    let hook = |action: &str, members: Value| {
        let mut body = json!({"action": action, "repository": {"full_name": "a/b"}, "sender": user});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body
    };
    let github = [
        ("pull_request", hook("opened", json!({ "pull_request": pull }))),
        ("pull_request", hook("closed", json!({ "pull_request": pull }))),
        ("pull_request", hook("labeled", json!({"pull_request": pull, "label": {"name": "bug"}}))),
        ("pull_request", hook("review_requested", json!({"pull_request": pull, "requested_reviewer": user}))),
        ("pull_request_review", hook("submitted", json!({"pull_request": pull, "review": review}))),
        ("pull_request_review_comment", hook("created", json!({"pull_request": pull, "comment": comment}))),
        (
            "issue_comment",
            hook("created", json!({"issue": {"number": 9, "pull_request": {}}, "comment": comment})),
        ),
        ("issues", hook("labeled", json!({"issue": issue, "label": {"name": "kind/bug"}}))),
        ("issues", hook("transferred", json!({"issue": issue, "changes": {"new_issue": {"number": 1}}}))),
        ("sub_issues", hook("sub_issue_added", json!({"sub_issue": issue, "parent_issue": issue}))),
        ("milestone", hook("edited", json!({"milestone": milestone, "changes": {"due_on": {"from": at}}}))),
        (
            "push",
            hook("", json!({"ref": "refs/heads/main", "before": "0", "after": "1", "commits": [commit]})),
        ),
    ];
    let feed = |type_: &str, payload: &Value| {
        let line = json!({
            "type": type_, "actor": user, "repo": {"name": "a/b"}, "payload": payload, "created_at": at,
        });
        (Format::GhArchive, "", line)
    };
    let lines = [feed("PullRequestEvent", &github[1].1), feed("PushEvent", &github[11].1)];
    let others = [
        (Format::GitLab, gitlab::seeds()),
        (Format::Jira, jira::seeds()),
        (Format::Gerrit, gerrit::seeds()),
        (Format::Bitbucket, bitbucket::seeds()),
        (Format::Gitea, gitea::seeds()),
        (Format::CdEvents, cdevents::seeds()),
    ];
    let named = |(format, seeds): (Format, Vec<(&'static str, Value)>)| {
        seeds.into_iter().map(move |(name, body)| (format, name, body))
    };
    let github = github.map(|(event, body)| (Format::GitHub, event, body));
    github.into_iter().chain(lines).chain(others.into_iter().flat_map(named)).collect()
}

/// One change to a body: which of its nodes, and what becomes of it.
type Mutation = (prop::sample::Index, Option<Value>);

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "[ -~\u{0}-\u{1f}]{0,30}".prop_map(Value::from),
        "20[0-9]{2}-0[1-9]-[0-3][0-9][T ][0-2][0-9]:00:00(Z| UTC|[+-]0[0-9]:?00)".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec(("(login|name|number|ref|[a-d]{1,2})", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Replaces the node at `index` of a walk over the value, or takes it out of its container.
fn mutate(value: &mut Value, index: &mut usize, by: &Option<Value>) -> bool {
    if *index == 0 {
        *value = by.clone().unwrap_or(Value::Null);
        return true;
    }
    *index -= 1;
    match value {
        Value::Object(members) => {
            let names: Vec<String> = members.keys().cloned().collect();
            for name in names {
                if *index == 0 && by.is_none() {
                    members.remove(&name);
                    return true;
                }
                if members.get_mut(&name).is_some_and(|member| mutate(member, index, by)) {
                    return true;
                }
            }
            false
        }
        Value::Array(items) => items.iter_mut().any(|item| mutate(item, index, by)),
        _ => false,
    }
}

fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Object(members) => members.values().map(nodes).sum(),
        Value::Array(items) => items.iter().map(nodes).sum(),
        _ => 0,
    }
}

/// The normaliser ends, the same way twice and with the same ids whenever the body was received, and its events decode or are refused.
fn ends(format: Format, name: Option<&str>, bytes: &[u8]) {
    let found = normalise(format, name, bytes);
    assert_eq!(found, normalise(format, name, bytes));
    let later = crate::normalise(format, &Delivery { name, body: bytes, received_us: LOGGED_US + 1_000_000 });
    let ids = |found: &Result<Normalised, Reject>| -> Vec<String> {
        found.iter().flat_map(|found| &found.events).map(|draft| draft.id.clone()).collect()
    };
    assert_eq!(ids(&found), ids(&later));
    for draft in found.iter().flat_map(|found| &found.events) {
        let text = draft.to_json();
        assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
        let _ = (draft.key(), draft.table());
        let record = Record {
            topic: "t",
            partition: 0,
            offset: 0,
            timestamp_us: -1,
            key: None,
            headers: &[],
            value: Some(text.as_bytes()),
        };
        assert!(!matches!(crate::decode(&record), Ok(crate::Decoded::Unknown { .. })), "{text}");
    }
}

proptest! {
    #[test]
    fn mutated_bodies_end_somewhere(seed in any::<prop::sample::Index>(), mutations in vec((any::<prop::sample::Index>(), proptest::option::of(any_json())), 0..4)) {
        let seeds = seeds();
        let (format, name, mut body) = seeds[seed.index(seeds.len())].clone();
        for (index, by) in &mutations as &Vec<Mutation> {
            let mut at = index.index(nodes(&body));
            mutate(&mut body, &mut at, by);
        }
        let text = body.to_string();
        ends(format, Some(name), text.as_bytes());
        for format in Format::ALL {
            ends(format, None, text.as_bytes());
        }
    }

    #[test]
    fn any_json_ends_somewhere(body in any_json(), name in "\\PC{0,20}") {
        for format in Format::ALL {
            ends(format, Some(&name), body.to_string().as_bytes());
        }
    }

    #[test]
    fn cut_bodies_end_somewhere(seed in any::<prop::sample::Index>(), end in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let seeds = seeds();
        let (format, name, body) = &seeds[seed.index(seeds.len())];
        let mut bytes = body.to_string().into_bytes();
        let at = end.index(bytes.len());
        ends(*format, Some(name), &bytes[..at]);
        bytes[at] = byte;
        ends(*format, Some(name), &bytes);
    }
}
