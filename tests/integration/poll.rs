//! Polling a tool: what its interface tells becomes events once, whatever goes wrong on the way.

#[path = "../../crates/ingest/src/poll/stub.rs"]
mod stub;

use serde_json::{Value, json};

use crate::harness::Place;
use stub::{Reply, Stub};

const TOKEN: &str = "a-token-that-nobody-may-see";

fn user(login: &str) -> Value {
    json!({ "login": login, "type": "User" })
}

fn at(minute: u32) -> String {
    format!("2026-03-02T09:{minute:02}:00Z")
}

fn pull() -> Value {
    json!({
        "number": 7, "title": "Round fees", "state": "open", "draft": false, "merged": false, "user": user("ada"),
        "labels": [], "milestone": null, "base": {"ref": "main"}, "head": {"ref": "fees", "sha": "abc"},
        "body": null, "additions": 4, "deletions": 1, "changed_files": 2, "requested_reviewers": [user("bo")],
        "created_at": at(2), "updated_at": at(11), "closed_at": null, "merged_at": null, "merged_by": null,
    })
}

/// A repository with one open pull request whose review was asked for; the interface stumbles twice.
fn repository() -> Stub {
    let mut listed = pull();
    listed["pull_request"] = json!({});
    let timeline = json!([
        {"event": "review_requested", "created_at": at(11), "actor": user("ada"), "requested_reviewer": user("bo")},
    ]);
    Stub::start(vec![
        ("/repos/acme/api/milestones", vec![Reply::ok(json!([]))]),
        (
            "/repos/acme/api/issues?",
            vec![Reply::status(429).header("Retry-After", 1), Reply::ok(json!([listed]))],
        ),
        ("/repos/acme/api/pulls/7", vec![Reply::ok(pull()).cut(), Reply::ok(pull())]),
        ("/repos/acme/api/issues/7/timeline", vec![Reply::ok(timeline)]),
        ("/repos/acme/api/pulls/7/reviews", vec![Reply::ok(json!([]))]),
        ("/repos/acme/api/pulls/7/comments", vec![Reply::ok(json!([]))]),
    ])
}

fn count(place: &Place, sql: &str) -> i64 {
    let text = place.stdout(&["sql", sql, "--format", "json"]);
    let answer: Value = serde_json::from_str(&text).unwrap();
    answer["rows"][0].as_object().unwrap().values().next().unwrap().as_i64().unwrap()
}

#[test]
fn a_polled_request_is_the_one_that_the_webhook_told() {
    let place = Place::new();
    let hook = json!({
        "action": "review_requested", "repository": {"full_name": "acme/api"}, "sender": user("ada"),
        "pull_request": pull(), "requested_reviewer": user("bo"),
    });
    place.write("hooks/1.json", hook.to_string());
    place.stdout(&["ingest", "webhooks", "--format", "github", "hooks"]);
    let stub = repository();
    place.write("token", format!("{TOKEN}\n"));
    let base = stub.base();
    let poll = ["ingest", "github", "--url", &base, "--repo", "acme/api", "--token", "file:token"];
    let said = place.stdout(&poll);
    assert!(said.contains("3 events, 0 silent, 0 unknown, 0 refused"), "{said}");
    assert!(said.contains("change.opened 1, change.updated 1, review.requested 1"), "{said}");
    assert_eq!(count(&place, "SELECT count(*) FROM reviews"), 3);
    assert_eq!(count(&place, "SELECT count(*) FROM review_episode WHERE reviewer = 'bo'"), 1);
    let asked = stub.asked();
    assert_eq!(asked.len(), 8, "two were asked again: {asked:?}");
    assert!(
        asked.iter().all(|asked| asked.ends_with(&format!("[authorization: Bearer {TOKEN}]"))),
        "{asked:?}"
    );

    let again = place.stdout(&poll);
    assert!(again.contains("0 bodies, 0 bytes: 0 events"), "{again}");
    assert_eq!(stub.asked().len(), asked.len() + 2, "what did not change is not asked for");
    let anew = place.stdout(&[&poll[..], &["--again"]].concat());
    assert!(anew.contains("3 events, 3 of them seen before"), "{anew}");
    assert_eq!(count(&place, "SELECT count(*) FROM reviews"), 3);
}

#[test]
fn what_cannot_be_polled_is_one_line_without_the_token() {
    let place = Place::new();
    place.write("token", TOKEN);
    let stub = Stub::start(vec![("/repos/acme/locked", vec![Reply::status(401)])]);
    let base = stub.base();
    for (url, repo, token, code, expect) in [
        (base.as_str(), "acme/locked", "file:token", 1, "401 Unauthorized; check --token"),
        (&base, "acme/absent", "file:token", 1, "404 Not Found; check the name"),
        (&base, "acme/locked", TOKEN, 2, "--token takes env:NAME or file:PATH"),
        (&base, "acme/locked", "file:none", 2, "--token names the file none"),
        ("http://git.acme.example", "acme/locked", "file:token", 1, "is not https"),
    ] {
        let output = place.run(&["ingest", "github", "--url", url, "--repo", repo, "--token", token]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(expect) && stderr.trim_end().lines().count() == 1, "{stderr}");
        assert!(!stderr.contains(TOKEN), "{stderr}");
    }
}

#[test]
fn a_lost_webhook_is_corrected_and_counted() {
    let place = Place::new();
    let issue = |number: u32, assignees: Value, updated: u32| {
        json!({
            "number": number, "title": "Fees", "state": "open", "user": user("ada"), "labels": [], "milestone": null,
            "assignees": assignees, "created_at": at(1), "updated_at": at(updated), "closed_at": null,
        })
    };
    for number in [8, 9] {
        let hook = json!({
            "action": "assigned", "repository": {"full_name": "acme/api"}, "sender": user("ada"),
            "issue": issue(number, json!([user("bo")]), 5), "assignee": user("bo"),
        });
        place.write(&format!("hooks/{number}.json"), hook.to_string());
    }
    place.stdout(&["ingest", "webhooks", "--format", "github", "hooks"]);
    // Since then #9 went to cy, and neither a webhook nor the timeline tells of it.
    let assigned =
        json!([{"event": "assigned", "created_at": at(5), "actor": user("ada"), "assignee": user("bo")}]);
    let listed = json!([issue(8, json!([user("bo")]), 5), issue(9, json!([user("cy")]), 20)]);
    let stub = Stub::start(vec![
        ("/repos/acme/api/milestones", vec![Reply::ok(json!([]))]),
        ("/repos/acme/api/issues?", vec![Reply::ok(listed)]),
        ("/repos/acme/api/issues/8/timeline", vec![Reply::ok(&assigned)]),
        ("/repos/acme/api/issues/9/timeline", vec![Reply::ok(&assigned)]),
    ]);
    let holder = "SELECT count(*) FROM ticket WHERE ticket = 'acme/api#9' AND assignees[1] = 'cy'";
    assert_eq!(count(&place, holder), 0);
    place.stdout(&["ingest", "github", "--url", &stub.base(), "--repo", "acme/api"]);
    assert_eq!(count(&place, holder), 1);
    assert_eq!(count(&place, "SELECT count(*) FROM ticket WHERE assignees[1] = 'bo'"), 1);
    let text = place.stdout(&["query", "discrepancy_rate", "--as-of", "2026-03-03", "--format", "json"]);
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        answer["rows"],
        json!([{"tool": "github", "kind": "ticket", "readings": 2, "corrections": 1, "share": 0.5}])
    );
}
