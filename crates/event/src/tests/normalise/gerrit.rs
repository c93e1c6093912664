//! Gerrit's stream events of old and new servers, and two of the real data field by field.

use serde_json::{Value, json};

use super::super::corpus::corpus;
use super::{lines, normalise};
use crate::{Format, Reason};

#[track_caller]
fn check(event: &Value, expected: &[&str]) {
    assert_eq!(lines(Format::Gerrit, None, event), expected, "{event}");
}

fn with(mut event: Value, members: Value) -> Value {
    event.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    event
}

/// What bo did at 09:30 to ada's change, as a new server tells it.
fn event(type_: &str, members: Value) -> Value {
    let event = json!({
        "type": type_, "eventCreatedOn": 1_772_443_800,
        "change": {
            "project": "api", "number": 7, "branch": "main", "subject": "Round fees", "status": "NEW",
            "owner": {"username": "ada"}, "url": "https://review.acme.example/c/api/+/7",
            "commitMessage": "Round fees\n\nBug: API-7\n", "createdOn": 1_772_442_000,
        },
        "patchSet": {"number": 2, "revision": "abc", "sizeInsertions": 12, "sizeDeletions": 3, "createdOn": 1_772_442_060},
    });
    with(event, members)
}

const SNAPSHOT: &str = concat!(
    r#""base":"main","change":"7","deletions":3,"draft":false,"head":"abc","repo":"api","tickets":["API-7"],"#,
    r#""title":"Round fees","url":"https://review.acme.example/c/api/+/7""#,
);
const AT: &str = "2026-03-02T09:30:00Z";

/// An expected line of an event with all that is told of the change.
fn whole(kind: &str, fact: &str, time: &str, before: &str) -> String {
    let (author, snapshot) = (r#""additions":12,"author":{"login":"ada"}"#, SNAPSHOT);
    let (base, rest) = snapshot.split_once(',').unwrap();
    format!("{kind} gerrit:review.acme.example:7:{fact} {time} {{{author},{base}{before},{rest}}}")
}

/// An expected line of a review.
fn review(kind: &str, fact: &str, before: &str, middle: &str, after: &str) -> String {
    format!(
        r#"{kind} gerrit:review.acme.example:7:{fact} {AT} {{"author":{{"login":"ada"}}{before},"change":"7"{middle},"repo":"api"{after}}}"#
    )
}

#[test]
fn the_first_patch_set_opens_a_change_and_others_update_it() {
    let mut first = event("patchset-created", json!({}));
    first["patchSet"]["number"] = json!(1);
    check(&first, &[&whole("change.opened", "opened", "2026-03-02T09:00:00Z", "")]);
    let second = event("patchset-created", json!({}));
    check(&second, &[&whole("change.updated", "patchset:2", "2026-03-02T09:01:00Z", "")]);
}

#[test]
fn a_change_ends_and_comes_back() {
    let bo = json!({"username": "bo"});
    for (type_, who, kind, fact, merged_by) in [
        ("change-abandoned", "abandoner", "change.closed", format!("abandoned:{AT}"), false),
        ("change-deleted", "deleter", "change.closed", format!("deleted:{AT}"), false),
        ("change-restored", "restorer", "change.reopened", format!("restored:{AT}"), false),
        ("change-merged", "submitter", "change.merged", "merged".to_owned(), true),
    ] {
        let found = whole(kind, &fact, AT, if merged_by { "" } else { r#","by":{"login":"bo"}"# });
        let by = r#""head":"abc","merged_by":{"login":"bo"}"#;
        let found = if merged_by { found.replace(r#""head":"abc""#, by) } else { found };
        check(&event(type_, json!({ who: bo })), &[&found]);
    }
}

#[test]
fn a_reply_with_a_vote_is_a_verdict() {
    let reply = |who: &str, members: Value| {
        let found = lines(
            Format::Gerrit,
            None,
            &event("comment-added", with(json!({"author": {"username": who}, "comment": "Fine"}), members)),
        );
        found
            .iter()
            .map(|line| {
                let kind = line.split(' ').next().unwrap();
                let verdict = line.split(r#""verdict":""#).nth(1).and_then(|rest| rest.split('"').next());
                format!("{kind} {}", verdict.unwrap_or_default()).trim_end().to_owned()
            })
            .collect::<Vec<_>>()
    };
    let vote = |label: &str, value: Value, old: Value| json!({"approvals": [{"type": "Verified", "value": "1"}, {"type": label, "value": value, "oldValue": old}]});
    let verdict = |value: Value| reply("bo", vote("Code-Review", value, json!(null)));
    assert_eq!(verdict(json!("2")), ["review.submitted approved"]);
    assert_eq!(verdict(json!(2)), ["review.submitted approved"]);
    assert_eq!(verdict(json!("+2")), ["review.submitted approved"]);
    assert_eq!(verdict(json!("1")), ["review.submitted commented"]);
    // The vote beside it, on another label, is no review.
    assert_eq!(verdict(json!("0")), ["review.commented"]);
    assert_eq!(verdict(json!("-1")), ["review.submitted changes_requested"]);
    assert_eq!(verdict(json!(-2)), ["review.submitted changes_requested"]);
    assert_eq!(reply("bo", vote("Style", json!("-2"), json!(null))), ["review.commented"]);
    assert_eq!(reply("bo", json!({})), ["review.submitted commented"]);
    assert_eq!(reply("bo", vote("Code-Review", json!("0"), json!("2"))), ["review.dismissed"]);
    // The owner's reply is no review, but the owner's vote is one.
    assert_eq!(reply("ada", json!({})), ["review.commented"]);
    assert_eq!(reply("ada", vote("Code-Review", json!("2"), json!("0"))), ["review.submitted approved"]);
    assert_eq!(reply("bo", json!({"tag": "autogenerated:zuul"})), Vec::<String>::new());
}

#[test]
fn replies_have_ids_of_their_own() {
    let id = |said: &str| {
        let event = event("comment-added", json!({"author": {"username": "bo"}, "comment": said}));
        normalise(Format::Gerrit, None, event.to_string().as_bytes()).unwrap().events[0].id.clone()
    };
    assert!(
        id("Fine").starts_with(&format!("gerrit:review.acme.example:7:review:2:bo:{AT}:")),
        "{}",
        id("Fine")
    );
    assert_ne!(id("Fine"), id("Fine!"));
    assert_eq!(id("Fine"), id("Fine"));
}

#[test]
fn a_service_is_told_to_be_a_bot() {
    let zuul = json!({"author": {"username": "zuul", "tags": ["SERVICE_USER"]}, "comment": "Built"});
    let found = lines(Format::Gerrit, None, &event("comment-added", zuul));
    assert_eq!(found.len(), 2);
    assert_eq!(
        found[1],
        r#"person.updated gerrit:bot:zuul 2008-01-01T00:00:00Z {"person":{"login":"zuul"},"person_kind":"bot"}"#
    );
}

#[test]
fn reviewers_are_asked_and_no_longer_asked() {
    let bo = |who: &str| json!({"reviewer": {"username": "bo", "email": "bo@acme.example"}, who: {"username": "ada"}});
    let (by, reviewer) =
        (r#","by":{"login":"ada"}"#, r#","reviewer":{"email":"bo@acme.example","login":"bo"}"#);
    for (type_, who, kind, fact) in [
        ("reviewer-added", "adder", "review.requested", "requested"),
        ("reviewer-deleted", "remover", "review.request_removed", "request-removed"),
    ] {
        let expected = review(kind, &format!("{fact}:bo:{AT}"), by, "", reviewer);
        check(&event(type_, bo(who)), &[&expected]);
    }
    let vote = |label: &str, value: &str| {
        with(bo("remover"), json!({"approvals": [{"type": label, "value": "0", "oldValue": value}]}))
    };
    let expected = review("review.dismissed", &format!("vote-deleted:bo:{AT}"), by, "", reviewer);
    check(&event("vote-deleted", vote("Code-Review", "2")), &[&expected]);
    check(&event("vote-deleted", vote("Code-Review", "0")), &[]);
    check(&event("vote-deleted", vote("Verified", "1")), &[]);
}

#[test]
fn a_change_in_progress_or_private_is_a_draft() {
    let state = |members: Value| {
        let mut event = event("wip-state-changed", json!({}));
        event["change"] = with(event["change"].clone(), members);
        lines(Format::Gerrit, None, &event)[0].split(' ').next().unwrap().to_owned()
    };
    assert_eq!(state(json!({"wip": true})), "change.drafted");
    assert_eq!(state(json!({"private": true})), "change.drafted");
    assert_eq!(state(json!({"wip": false})), "change.ready");
    assert_eq!(state(json!({})), "change.ready");
}

#[test]
fn hashtags_are_labels() {
    let mut tagged = event("hashtags-changed", json!({"hashtags": ["fees"], "added": ["fees"]}));
    tagged["change"]["hashtags"] = json!(["old"]);
    let found = lines(Format::Gerrit, None, &tagged);
    assert!(
        found[0].starts_with(&format!("change.updated gerrit:review.acme.example:7:hashtags:{AT}:")),
        "{found:?}"
    );
    assert!(found[0].contains(r#""labels":["fees"]"#), "{found:?}");
    let found = lines(Format::Gerrit, None, &event("hashtags-changed", json!({})));
    assert!(found[0].contains(r#""labels":[]"#), "{found:?}");
}

#[test]
fn what_nobody_knows_is_unknown_and_what_says_nothing_is_not() {
    let kind = |event: Value| normalise(Format::Gerrit, None, event.to_string().as_bytes());
    assert!(!kind(event("teleported", json!({}))).unwrap().known);
    assert!(!kind(json!({})).unwrap().known);
    check(&event("ref-updated", json!({})), &[]);
    check(&event("topic-changed", json!({})), &[]);
    assert_eq!(kind(json!({"type": "change-merged"})).unwrap_err().reason, Reason::MissingField);
    assert_eq!(kind(event("comment-added", json!({}))).unwrap_err().reason, Reason::MissingField);
}

/// A reply of an old server, which tells no time, and a change marked as in progress on a new one.
#[test]
fn two_real_events_field_by_field() {
    let Some(folder) = corpus("gerrit::two_real_events_field_by_field") else { return };
    let text = std::fs::read_to_string(folder.join("webhooks/gerrit/stream-events.jsonl")).unwrap();
    let found = |line: usize| {
        lines(Format::Gerrit, None, &serde_json::from_str(text.lines().nth(line).unwrap()).unwrap())
    };
    assert_eq!(
        found(5),
        [concat!(
            r#"review.submitted gerrit:codereview.qt-project.org:236085:review:1:qt_sanity_bot:5806aac83c4265b4:e3690e092bfcd3b7 "#,
            r#"2026-03-02T10:00:00Z {"author":{"email":"person-4@example.com","login":"person-4","name":"person-4"},"#,
            r#""change":"236085","head":"e0f9e7d6792348ab307e67ac0f775bc5abfc6e07","repo":"qt/qtdeclarative","#,
            r#""reviewer":{"email":"qt_sanitybot@qt-project.org","login":"qt_sanity_bot","name":"Qt Sanity Bot"},"#,
            r#""verdict":"changes_requested"}"#,
        )]
    );
    assert_eq!(
        found(3),
        [concat!(
            r#"change.drafted gerrit:cl.snix.dev:30628:drafted:2025-07-31T11:56:51Z 2025-07-31T11:56:51Z {"additions":16,"#,
            r#""author":{"email":"person-1@example.com","login":"person-1","name":"person-1"},"base":"canon","#,
            r#""by":{"email":"person-1@example.com","login":"person-1","name":"person-1"},"change":"30628","deletions":3,"draft":true,"head":"944b6f97be4cad910f7a831a9a24e5d3da06d77b","#,
            r#""repo":"snix","tickets":[],"title":"chore(3p/nixpkgs): bump channels (2025-07-31)","#,
            r#""url":"https://cl.snix.dev/c/snix/+/30628"}"#,
        )]
    );
}

/// An event of each shape that the normaliser looks into.
pub(super) fn seeds() -> Vec<(&'static str, Value)> {
    let bo = json!({"username": "bo", "email": "bo@acme.example", "tags": ["SERVICE_USER"]});
    let beside = json!({
        "author": bo, "reviewer": bo, "remover": bo, "submitter": bo, "comment": "Fine", "hashtags": ["fees"],
        "approvals": [{"type": "Code-Review", "value": "0", "oldValue": "2"}],
    });
    let types = [
        "patchset-created",
        "change-merged",
        "change-abandoned",
        "comment-added",
        "reviewer-added",
        "vote-deleted",
        "wip-state-changed",
        "hashtags-changed",
    ];
    types.map(|type_| ("", event(type_, beside.clone()))).into()
}

#[test]
fn a_vote_on_another_label_is_no_review() {
    let kinds = |approvals: Value, name: &str| -> Vec<&'static str> {
        let comment = event(
            "comment-added",
            json!({
                "author": {"username": "x1", "name": name}, "comment": "Build done", "approvals": approvals,
            }),
        );
        let events = normalise(Format::Gerrit, None, comment.to_string().as_bytes()).unwrap().events;
        events.iter().map(|event| event.kind).collect()
    };
    let vote = |label: &str, value: &str, old: Option<&str>| match old {
        Some(old) => json!({"type": label, "value": value, "oldValue": old}),
        None => json!({"type": label, "value": value}),
    };
    for (approvals, name, expected) in [
        (json!([vote("Verified", "1", None)]), "Bo", &["review.commented"][..]),
        (json!([vote("Verified", "-1", Some("0"))]), "Acme CI", &["review.commented", "person.updated"]),
        (
            json!([vote("Verified", "1", Some("0")), vote("Code-Review", "0", None)]),
            "Bo",
            &["review.commented"],
        ),
        // A vote that stands already is not cast again by a comment.
        (
            json!([vote("Workflow", "1", None), vote("Code-Review", "0", Some("0"))]),
            "Bo",
            &["review.submitted"],
        ),
        (
            json!([vote("Verified", "1", None), vote("Code-Review", "2", Some("0"))]),
            "Bo",
            &["review.submitted"],
        ),
        (
            json!([vote("Verified", "1", None), vote("Code-Review", "1", Some("0"))]),
            "Bo",
            &["review.submitted"],
        ),
        (json!([]), "Bo", &["review.submitted"]),
    ] {
        assert_eq!(kinds(approvals.clone(), name), expected, "{approvals}");
    }
}
