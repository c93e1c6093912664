//! The pollers against a server that answers as the APIs document: pages, limits, failures and restarts.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use super::stub::{Reply, Stub};
use super::*;

struct Collected(Vec<Entry>);

impl Produce for Collected {
    fn produce(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        self.0.extend(entries);
        Ok(())
    }
}

type Waits = Arc<Mutex<Vec<(Duration, String)>>>;

/// A client that notes its waits instead of waiting.
fn client_of(base: &str, login: Login) -> (RestClient, Waits) {
    let waits = Waits::default();
    let noted = Arc::clone(&waits);
    let pause = Box::new(move |wait, why: &str| noted.lock().unwrap().push((wait, why.to_owned())));
    (RestClient::new(base, login, pause).unwrap(), waits)
}

/// Polls one scope; the events as `type id time`, in order of their times.
fn poll(tool: Tool, scope: &str, stub: &Stub, cursor: &Path) -> (Vec<String>, Vec<Value>, BodyTotals) {
    let (mut client, _) = client_of(&stub.base(), Login::Nobody);
    let plan = PollPlan { tool, scopes: vec![scope.to_owned()], since: None };
    let mut log = Collected(Vec::new());
    let totals = super::poll(&plan, &mut client, cursor, &mut log, &mut |_, _| {}).unwrap();
    let mut events: Vec<Value> =
        log.0.iter().map(|entry| serde_json::from_slice(&entry.value).unwrap()).collect();
    events.sort_by_key(|event: &Value| {
        (event["time"].as_str().unwrap().to_owned(), event["sequence"].as_i64())
    });
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let lines = events.iter().map(|event| {
        let type_ = text(&event["type"]).replace("dev.plimsoll.", "").replace(".v1", "");
        format!("{type_} {} {}", without_digest(&text(&event["id"])), text(&event["time"]))
    });
    (lines.collect(), events, totals)
}

/// The id of a reading without the digest of what it says.
fn without_digest(id: &str) -> String {
    let digest = |part: &&str| part.len() == 16 && part.chars().all(|c| c.is_ascii_hexdigit());
    let parts = id.split(':').filter(|part| !(id.starts_with("reconcile:") && digest(part)));
    parts.collect::<Vec<_>>().join(":")
}

#[test]
fn what_fails_in_passing_is_asked_again() {
    let list = json!([{"n": 1}, {"n": 2}]);
    let soon = crate::bodies::now_us() / 1_000_000 + 100;
    let stub = Stub::start(vec![
        ("/busy", vec![Reply::status(502), Reply::ok(&list).cut(), Reply::status(503), Reply::ok(&list)]),
        ("/limited", vec![Reply::status(429).header("Retry-After", 7), Reply::ok(&list)]),
        (
            "/hourly",
            vec![
                Reply::status(403).header("X-RateLimit-Remaining", 0).header("X-RateLimit-Reset", soon),
                Reply::ok(&list),
            ],
        ),
        (
            "/burst",
            vec![
                Reply {
                    body: json!({"message": "You have exceeded a secondary rate limit"}).to_string(),
                    ..Reply::status(403)
                },
                Reply::ok(&list),
            ],
        ),
        (
            "/abuse",
            vec![
                Reply {
                    body: json!({"message": "You have triggered an abuse detection mechanism."}).to_string(),
                    ..Reply::status(403)
                },
                Reply::ok(&list),
            ],
        ),
        ("/forbidden", vec![Reply::status(403)]),
        ("/broken", vec![Reply::status(500)]),
        ("/never", vec![Reply::status(429).header("Retry-After", 86_400)]),
        ("/secret", vec![Reply::status(401)]),
        ("/page", vec![Reply::ok("<html>")]),
    ]);
    for (path, expect) in [
        ("/busy", Ok(3)),
        ("/limited", Ok(1)),
        ("/hourly", Ok(1)),
        ("/burst", Ok(1)),
        ("/abuse", Ok(1)),
        ("/forbidden", Err("403 Forbidden; the token may not read this")),
        ("/broken", Err("500 Internal Server Error, 6 times; run it again later")),
        ("/never", Err("a rate limit says to wait 86400 s")),
        ("/secret", Err("401 Unauthorized; check --token")),
        ("/page", Err("the answer is no JSON")),
        ("/nowhere", Err("404 Not Found; check the name")),
    ] {
        let (mut client, waits) = client_of(&stub.base(), Login::Nobody);
        let url = client.url(path, &[("q", "private")]);
        let answer = client.get(&url);
        let waits = waits.lock().unwrap();
        match (answer, expect) {
            (Ok(answer), Ok(count)) => {
                assert_eq!((answer.body, waits.len()), (list.clone(), count), "{path}: {waits:?}");
            }
            (Err(error), Err(text)) => {
                let error = error.to_string();
                assert!(error.contains(text) && error.contains(path), "{error}");
                assert!(!error.contains("private"), "{error}");
            }
            (answer, _) => panic!("{path}: {answer:?}"),
        }
        match path {
            "/limited" => assert_eq!(waits[0].0, Duration::from_secs(7)),
            "/hourly" => assert!((95..=102).contains(&waits[0].0.as_secs()), "{waits:?}"),
            "/broken" => assert!(waits.windows(2).all(|pair| pair[1].0 > pair[0].0 / 2), "{waits:?}"),
            _ => {}
        }
    }
}

#[test]
fn pages_are_followed_and_lead_nowhere_else() {
    let stub = Stub::start(vec![
        ("/list?page=2", vec![Reply::ok(json!([{"n": 3}]))]),
        (
            "/list",
            vec![
                Reply::ok(json!([{"n": 1}, {"n": 2}]))
                    .header("Link", "<BASE/list?page=1>; rel=\"first\", <BASE/list?page=2>; rel=\"next\""),
            ],
        ),
        ("/away", vec![Reply::ok(json!([{}])).header("Link", "<http://127.0.0.2:1/list>; rel=\"next\"")]),
        ("/odd", vec![Reply::ok(json!([1]))]),
        ("/moved", vec![Reply::status(302).header("Location", "http://127.0.0.2:1/x")]),
        ("/renamed", vec![Reply::status(301).header("Location", "BASE/list?page=2")]),
    ]);
    let (mut client, _) = client_of(&stub.base(), Login::Bearer(b"hush".to_vec()));
    assert_eq!(client.pages("/list", &[]).unwrap(), [1, 2, 3].map(|n| json!({ "n": n })));
    assert_eq!(client.pages("/renamed", &[]).unwrap(), [json!({"n": 3})]);
    for (path, expect) in [
        ("/away", "is elsewhere than --url"),
        ("/moved", "302 Found to another host"),
        ("/odd", "no list of objects"),
    ] {
        let error = client.pages(path, &[]).unwrap_err().to_string();
        assert!(error.contains(expect) && !error.contains("hush"), "{error}");
    }
    assert!(stub.asked()[0].ends_with("[authorization: Bearer hush]"), "{:?}", stub.asked());
    for (login, header) in [
        (Login::PrivateToken(b"hush".to_vec()), "[private-token: hush]"),
        // ada:hush
        (
            Login::Basic { user: "ada".to_owned(), password: b"hush".to_vec() },
            "[authorization: Basic YWRhOmh1c2g=]",
        ),
        (Login::Nobody, "/list"),
    ] {
        let (mut client, _) = client_of(&stub.base(), login);
        client.pages("/list", &[]).unwrap();
        let asked = stub.asked();
        assert!(asked[asked.len() - 2].ends_with(header), "{asked:?}");
    }
}

#[test]
fn a_token_goes_to_no_plain_address() {
    let pause = || -> client::Pause { Box::new(|_, _| {}) };
    for (base, login, expect) in [
        ("http://git.acme.example", Login::Bearer(b"hush".to_vec()), "is not https"),
        ("https://ada:hush@git.acme.example", Login::Nobody, "holds a password"),
        ("git.acme.example", Login::Nobody, "is no address"),
        ("ftp://git.acme.example", Login::Nobody, "neither https nor http"),
        ("https://git.acme.example", Login::Bearer(b"hu\nsh".to_vec()), "bytes that no header may"),
    ] {
        let error = RestClient::new(base, login, pause()).err().map(|error| error.to_string()).unwrap();
        assert!(error.contains(expect) && !error.contains("hu"), "{error}");
    }
}

fn user(login: &str) -> Value {
    json!({ "login": login, "type": "User" })
}

/// A repository of one milestone, one issue and one pull request.
fn github() -> Vec<(&'static str, Vec<Reply>)> {
    let at = |minute: u32| format!("2026-03-02T09:{minute:02}:00Z");
    let milestone = json!({
        "number": 3, "title": "1.0", "state": "open", "due_on": "2026-04-01T07:00:00Z", "creator": user("ada"),
        "created_at": at(0), "updated_at": at(40), "closed_at": null,
    });
    let issue = json!({
        "number": 9, "title": "Fees, rounded", "state": "closed", "user": user("ada"), "labels": [{"name": "bug"}],
        "assignees": [user("cy")], "milestone": milestone, "created_at": at(1), "updated_at": at(20),
        "closed_at": at(20),
    });
    let pull = json!({
        "number": 7, "title": "Round fees", "state": "closed", "draft": false, "merged": true, "user": user("ada"),
        "labels": [], "milestone": null, "base": {"ref": "main"}, "head": {"ref": "fees", "sha": "abc"},
        "body": "Fixes #9", "additions": 4, "deletions": 1, "changed_files": 2, "requested_reviewers": [],
        "created_at": at(2), "updated_at": at(30), "closed_at": at(30), "merged_at": at(30), "merged_by": user("bo"),
    });
    let mut listed = pull.clone();
    listed["pull_request"] = json!({});
    let of_issue = json!([
        {"event": "assigned", "created_at": at(5), "actor": user("ada"), "assignee": user("bo")},
        {"event": "labeled", "created_at": at(6), "actor": user("ada"), "label": {"name": "bug"}},
        {"event": "milestoned", "created_at": at(7), "actor": user("ada"), "milestone": {"title": "1.0"}},
    ]);
    let of_issue_too = json!([
        {"event": "renamed", "created_at": at(8), "actor": user("ada"), "rename": {"from": "Fees", "to": "Fees, rounded"}},
        {"event": "unassigned", "created_at": at(9), "actor": user("ada"), "assignee": user("bo")},
        {"event": "assigned", "created_at": at(9), "actor": user("ada"), "assignee": user("cy")},
        {"event": "subscribed", "created_at": at(9), "actor": user("cy")},
        {"event": "closed", "created_at": at(20), "actor": user("cy"), "state_reason": "completed"},
    ]);
    let of_pull = json!([
        {"event": "ready_for_review", "created_at": at(10), "actor": user("ada")},
        {"event": "review_requested", "created_at": at(11), "actor": user("ada"), "requested_reviewer": user("bo")},
        {"event": "commented", "id": 50, "created_at": at(12), "actor": user("bo"), "user": user("bo")},
        {"event": "review_dismissed", "created_at": at(15), "actor": user("ada"),
         "dismissed_review": {"review_id": 31, "state": "changes_requested"}},
        {"event": "merged", "created_at": at(30), "actor": user("bo")},
        {"event": "closed", "created_at": at(30), "actor": user("bo")},
    ]);
    let reviews = json!([
        {"id": 31, "user": user("bo"), "state": "DISMISSED", "submitted_at": at(14), "commit_id": "abc"},
        {"id": 32, "user": user("bo"), "state": "APPROVED", "submitted_at": at(16), "commit_id": "abc"},
    ]);
    let comments = json!([{"id": 60, "user": user("bo"), "created_at": at(13)}]);
    let next = |path: &str| format!("<BASE{path}>; rel=\"next\"");
    vec![
        ("/repos/acme/api/milestones", vec![Reply::ok(json!([milestone]))]),
        (
            "/repos/acme/api/issues?",
            vec![
                Reply::status(502),
                Reply::ok(json!([issue])).header("Link", next("/repos/acme/api/issues?page=2")),
                Reply::ok(json!([issue, listed])),
                Reply::ok(json!([listed])),
            ],
        ),
        (
            "/repos/acme/api/issues/9/timeline",
            vec![
                Reply::ok(&of_issue).header("Link", next("/repos/acme/api/issues/9/timeline-2")),
                Reply::ok(of_issue),
            ],
        ),
        ("/repos/acme/api/issues/9/timeline-2", vec![Reply::ok(of_issue_too)]),
        ("/repos/acme/api/pulls/7", vec![Reply::ok(pull)]),
        ("/repos/acme/api/issues/7/timeline", vec![Reply::ok(&of_pull).cut(), Reply::ok(of_pull)]),
        ("/repos/acme/api/pulls/7/reviews", vec![Reply::ok(reviews)]),
        ("/repos/acme/api/pulls/7/comments", vec![Reply::ok(comments)]),
    ]
}

#[test]
fn github_is_told_as_its_webhooks_would_have() {
    let folder = tempfile::tempdir().unwrap();
    let cursor = folder.path().join("cursor.json");
    let stub = Stub::start(github());
    let (lines, events, totals) = poll(Tool::GitHub, "acme/api", &stub, &cursor);
    assert_eq!(
        lines,
        [
            "milestone.created github:acme/api/milestones/3:created 2026-03-02T09:00:00Z",
            "ticket.created github:acme/api/issues/9:opened 2026-03-02T09:01:00Z",
            "change.opened github:acme/api/pull/7:opened 2026-03-02T09:02:00Z",
            "ticket.updated github:acme/api/issues/9:assigned:bo:2026-03-02T09:05:00Z 2026-03-02T09:05:00Z",
            "ticket.updated github:acme/api/issues/9:labeled:bug:2026-03-02T09:06:00Z 2026-03-02T09:06:00Z",
            "ticket.updated github:acme/api/issues/9:milestoned:3:2026-03-02T09:07:00Z 2026-03-02T09:07:00Z",
            "ticket.updated github:acme/api/issues/9:edited:title:2026-03-02T09:08:00Z 2026-03-02T09:08:00Z",
            "ticket.updated github:acme/api/issues/9:unassigned:bo:2026-03-02T09:09:00Z 2026-03-02T09:09:00Z",
            "ticket.updated github:acme/api/issues/9:assigned:cy:2026-03-02T09:09:00Z 2026-03-02T09:09:00Z",
            "change.ready github:acme/api/pull/7:ready:2026-03-02T09:10:00Z 2026-03-02T09:10:00Z",
            "review.requested github:acme/api/pull/7:requested:bo:2026-03-02T09:11:00Z 2026-03-02T09:11:00Z",
            "review.commented github:acme/api/pull/7:comment:50 2026-03-02T09:12:00Z",
            "review.commented github:acme/api/pull/7:review-comment:60 2026-03-02T09:13:00Z",
            "review.submitted github:acme/api/pull/7:review:31:submitted 2026-03-02T09:14:00Z",
            "review.dismissed github:acme/api/pull/7:review:31:dismissed 2026-03-02T09:15:00Z",
            "review.submitted github:acme/api/pull/7:review:32:submitted 2026-03-02T09:16:00Z",
            "ticket.closed github:acme/api/issues/9:closed:2026-03-02T09:20:00Z 2026-03-02T09:20:00Z",
            "ticket.updated reconcile:github:acme/api:acme/api#9:2026-03-02T09:20:00Z 2026-03-02T09:20:00Z",
            "change.merged github:acme/api/pull/7:merged 2026-03-02T09:30:00Z",
            "change.updated reconcile:github:acme/api:acme/api#7:2026-03-02T09:30:00Z 2026-03-02T09:30:00Z",
            "milestone.updated reconcile:github:acme/api:acme/api/milestones/3:2026-03-02T09:40:00Z 2026-03-02T09:40:00Z",
        ]
    );
    assert_eq!((totals.event_count(), totals.refused, totals.unknown_count()), (21, 0, 0));
    let data = |n: usize| &events[n]["data"];
    // As it was then, not as it is now.
    assert_eq!(data(0).get("due_on"), None);
    assert_eq!(
        (
            &data(1)["title"],
            &data(1)["assignees"],
            &data(1)["labels"],
            &data(1)["milestone"],
            &data(1)["status"]
        ),
        (&json!("Fees"), &json!([]), &json!([]), &Value::Null, &json!("open"))
    );
    assert_eq!((&data(2)["draft"], data(2).get("additions")), (&json!(true), None));
    // Whichever event of the second counts as the last, the holder is right.
    assert_eq!((&data(7)["assignees"], &data(8)["assignees"]), (&json!(["cy"]), &json!(["cy"])));
    assert_eq!(data(13)["verdict"], "changes_requested");
    assert_eq!((&data(18)["additions"], &data(18)["merged_by"]), (&json!(4), &json!("bo")));
    assert!(events.iter().all(|event| event["sourceversion"] == SOURCE_VERSION));

    assert_eq!((&data(17)["reconciled"], data(17).get("changes")), (&json!(true), None));

    // Whoever polls again asks from the last change on, and reads nothing that did not change.
    let asked = stub.asked().len();
    let (again, _, _) = poll(Tool::GitHub, "acme/api", &stub, &cursor);
    let asked = &stub.asked()[asked..];
    assert_eq!((again.len(), asked.len()), (2, 2), "{asked:?}");
    assert!(asked[1].contains("since=2026-03-02T09%3A30%3A00Z"), "{asked:?}");
}

#[test]
fn who_is_interrupted_goes_on_where_the_log_ends() {
    let folder = tempfile::tempdir().unwrap();
    let cursor = folder.path().join("cursor.json");
    let mut routes = github();
    routes.retain(|(route, _)| !route.contains("pulls/7"));
    routes.push(("/repos/acme/api/pulls/7", vec![Reply::status(403)]));
    let stub = Stub::start(routes);
    let (mut client, _) = client_of(&stub.base(), Login::Nobody);
    let plan = PollPlan { tool: Tool::GitHub, scopes: vec!["acme/api".to_owned()], since: None };
    let mut log = Collected(Vec::new());
    let error = super::poll(&plan, &mut client, &cursor, &mut log, &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("/repos/acme/api/pulls/7: 403 Forbidden"), "{error}");
    assert_eq!(log.0.len(), 11, "the milestone and the first page of issues");
    let stub = Stub::start(github());
    let text = std::fs::read_to_string(&cursor).unwrap();
    std::fs::write(&cursor, text.replace(client.base(), &stub.base())).unwrap();
    let (lines, _, _) = poll(Tool::GitHub, "acme/api", &stub, &cursor);
    assert_eq!(lines.len(), 2 + 10, "{lines:?}");
    assert!(!stub.asked().iter().any(|asked| asked.contains("issues/9/timeline")), "{:?}", stub.asked());
}

#[test]
fn a_damaged_cursor_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cursor.json");
    assert_eq!(PollCursor::read(&path).unwrap(), PollCursor::default());
    std::fs::write(&path, "{").unwrap();
    let error = PollCursor::read(&path).unwrap_err().to_string();
    assert!(error.contains("is damaged; remove it"), "{error}");
}

/// A project of one milestone, one issue and one merge request.
fn gitlab() -> Vec<(&'static str, Vec<Reply>)> {
    let at = |minute: u32| format!("2026-03-02T09:{minute:02}:00.123Z");
    let user = |id: u32, name: &str| json!({ "id": id, "username": name, "name": name });
    let (ada, bo, cy) = (user(1, "ada"), user(2, "bo"), user(3, "cy"));
    let milestone = json!({
        "id": 12, "iid": 3, "title": "1.0", "state": "active", "due_date": "2026-04-01", "start_date": null,
        "created_at": at(0), "updated_at": at(40),
    });
    let issue = json!({
        "iid": 9, "title": "Fees", "state": "closed", "author": ada, "assignees": [cy], "labels": ["bug"],
        "milestone": milestone, "due_date": "2026-03-20", "weight": 3, "issue_type": "issue",
        "created_at": at(1), "updated_at": at(20), "closed_at": at(20), "web_url": "https://g.example/acme/api/-/issues/9",
    });
    let request = json!({
        "iid": 7, "title": "Round fees", "state": "merged", "author": ada, "assignees": [], "reviewers": [bo],
        "labels": [], "milestone": null, "draft": false, "target_branch": "main", "source_branch": "fees", "sha": "abc",
        "created_at": at(2), "updated_at": at(30), "merged_at": at(30), "merge_user": bo,
        "web_url": "https://g.example/acme/api/-/merge_requests/7",
    });
    let note = |id: u32, minute: u32, by: &Value, body: &str| json!({"id": id, "system": true, "author": by, "created_at": at(minute), "body": body});
    let of_issue = json!([
        note(1, 5, &ada, "assigned to @bo"),
        note(2, 6, &ada, "changed due date to March 10, 2026"),
        note(3, 7, &bo, "changed due date to March 20, 2026"),
        note(4, 9, &bo, "assigned to @cy and unassigned @bo"),
        {"id": 5, "system": false, "author": bo, "created_at": at(10), "body": "Hm."},
    ]);
    let of_request = json!([
        note(11, 11, &ada, "requested review from @bo"),
        note(12, 12, &ada, "marked this merge request as **ready**"),
        {"id": 13, "system": false, "author": bo, "created_at": at(13), "body": "Fine."},
        note(14, 14, &bo, "approved this merge request"),
    ]);
    let root = "/api/v4/projects/acme%2Fapi";
    let route = |path: &str| -> &'static str { Box::leak(format!("{root}{path}").into_boxed_str()) };
    let empty = || vec![Reply::ok(json!([]))];
    vec![
        (route("/milestones"), vec![Reply::ok(json!([milestone]))]),
        (route("/issues?"), vec![Reply::ok(json!([issue]))]),
        (route("/issues/9/notes"), vec![Reply::status(429).header("Retry-After", 3), Reply::ok(of_issue)]),
        (
            route("/issues/9/resource_state_events"),
            vec![Reply::ok(json!([{"user": cy, "created_at": at(20), "state": "closed"}]))],
        ),
        (
            route("/issues/9/resource_label_events"),
            vec![Reply::ok(
                json!([{"user": ada, "created_at": at(8), "action": "add", "label": {"name": "bug"}}]),
            )],
        ),
        (
            route("/issues/9/resource_milestone_events"),
            vec![Reply::ok(
                json!([{"user": ada, "created_at": at(4), "action": "add", "milestone": {"id": 12}}]),
            )],
        ),
        (route("/merge_requests?"), vec![Reply::ok(json!([request]))]),
        (route("/merge_requests/7/notes"), vec![Reply::ok(of_request)]),
        (
            route("/merge_requests/7/resource_state_events"),
            vec![Reply::ok(json!([{"user": bo, "created_at": at(30), "state": "merged"}]))],
        ),
        (route("/merge_requests/7/resource_label_events"), empty()),
        (route("/merge_requests/7/resource_milestone_events"), empty()),
    ]
}

#[test]
fn gitlab_is_told_with_the_due_dates_and_hand_offs_of_the_past() {
    let folder = tempfile::tempdir().unwrap();
    let stub = Stub::start(gitlab());
    let (lines, events, totals) = poll(Tool::GitLab, "acme/api", &stub, &folder.path().join("cursor.json"));
    let short: Vec<String> = lines
        .iter()
        .map(|line| {
            let mut words = line.split(' ');
            let (type_, id) = (words.next().unwrap(), words.next().unwrap());
            // Digests of what changed are not readable.
            let id = id.split(":updated:").next().unwrap();
            format!("{type_} {id} {}", &words.next().unwrap()[11..])
        })
        .collect();
    assert_eq!(
        short,
        [
            "milestone.created gitlab:milestone/12:created 09:00:00Z",
            "ticket.created gitlab:acme/api#9:opened 09:01:00Z",
            "change.opened gitlab:acme/api!7:opened 09:02:00Z",
            "ticket.updated gitlab:acme/api#9 09:04:00Z",
            "ticket.updated gitlab:acme/api#9 09:05:00Z",
            "ticket.updated gitlab:acme/api#9 09:06:00Z",
            "ticket.updated gitlab:acme/api#9 09:07:00Z",
            "ticket.updated gitlab:acme/api#9 09:08:00Z",
            "ticket.updated gitlab:acme/api#9 09:09:00Z",
            "review.requested gitlab:acme/api!7:requested:bo:2026-03-02T09:11:00Z 09:11:00Z",
            "change.ready gitlab:acme/api!7:ready:2026-03-02T09:12:00Z 09:12:00Z",
            "review.commented gitlab:acme/api!7:note:13 09:13:00Z",
            "review.submitted gitlab:acme/api!7:approved:bo:2026-03-02T09:14:00Z 09:14:00Z",
            "ticket.closed gitlab:acme/api#9:closed:2026-03-02T09:20:00Z 09:20:00Z",
            "ticket.updated reconcile:gitlab:acme/api:acme/api#9:2026-03-02T09:20:00Z 09:20:00Z",
            "change.merged gitlab:acme/api!7:merged 09:30:00Z",
            "change.updated reconcile:gitlab:acme/api:acme/api!7:2026-03-02T09:30:00Z 09:30:00Z",
            "milestone.updated reconcile:gitlab:acme/api:milestone/12:2026-03-02T09:40:00Z 09:40:00Z",
        ]
    );
    assert_eq!((totals.refused, totals.unknown_count()), (0, 0), "{totals:?}");
    let data = |n: usize| &events[n]["data"];
    assert_eq!((data(0).get("due_on"), data(1).get("due_on")), (None, None));
    assert_eq!(
        (&data(1)["assignees"], &data(1)["labels"], &data(1)["status"]),
        (&json!([]), &json!([]), &json!("opened"))
    );
    assert_eq!((&data(5)["due_on"], &data(6)["due_on"]), (&json!("2026-03-10"), &json!("2026-03-20")));
    assert_eq!(data(6)["changes"], json!({"due_on": {"from": "2026-03-10", "to": "2026-03-20"}}));
    assert_eq!(data(13)["assignees"][0]["login"], "cy");
    assert_eq!((&data(2)["draft"], &data(15)["merged_by"]["login"]), (&json!(true), &json!("bo")));
    assert_eq!((&data(12)["verdict"], &data(12)["author"]["login"]), (&json!("approved"), &json!("ada")));
}

fn entry(id: u32, minute: u32, items: &Value) -> Value {
    json!({"id": id.to_string(), "created": format!("2026-03-02T09:{minute:02}:00.000+0000"), "author": {"name": "ada"}, "items": items})
}

fn moved(field: &str, from: &str, to: &str) -> Value {
    let cell = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
    json!([{"field": field, "from": cell(from), "fromString": cell(from), "to": cell(to), "toString": cell(to)}])
}

#[test]
fn jira_is_told_with_its_whole_changelog_whichever_search_the_site_has() {
    let at = |minute: u32| format!("2026-03-02T09:{minute:02}:00.000+0000");
    let entries = [
        entry(101, 5, &moved("assignee", "", "bo")),
        entry(102, 6, &moved("duedate", "2026-03-10", "2026-03-20")),
        entry(103, 7, &moved("assignee", "bo", "cy")),
        entry(104, 20, &moved("status", "Open", "Closed")),
    ];
    let issue = json!({
        "id": "10009", "key": "API-9", "self": "https://j.example/rest/api/2/issue/10009",
        "fields": {
            "summary": "Fees", "project": {"key": "API"}, "issuetype": {"name": "Bug"}, "created": at(1), "updated": at(20),
            "status": {"name": "Closed"}, "assignee": {"name": "cy"}, "duedate": "2026-03-20",
            "resolution": {"name": "Fixed"}, "customfield_1": 5,
        },
        "changelog": {"total": 4, "maxResults": 2, "histories": entries[2..]},
    });
    let page =
        json!({"startAt": 0, "total": 1, "issues": [issue], "names": {"customfield_1": "Story Points"}});
    let statuses = json!([
        {"name": "Open", "statusCategory": {"key": "new"}}, {"name": "Closed", "statusCategory": {"key": "done"}},
    ]);
    let version = json!({
        "self": "https://j.example/rest/api/2/version/7", "id": "7", "name": "1.0", "released": false,
        "releaseDate": "2026-04-01",
    });
    let changelog = |from: usize| json!({"startAt": from, "total": 4, "values": entries[from..from + 2]});
    let common = || {
        vec![
            ("/rest/api/2/status", vec![Reply::ok(&statuses)]),
            ("/rest/api/2/project/API/versions", vec![Reply::ok(json!([version]))]),
            (
                "/rest/api/2/issue/10009/changelog?startAt=0",
                vec![Reply::status(504), Reply::ok(changelog(0))],
            ),
            ("/rest/api/2/issue/10009/changelog?startAt=2", vec![Reply::ok(changelog(2))]),
        ]
    };
    let mut newer = page.clone();
    newer["nextPageToken"] = json!("t");
    let older_site = [common(), vec![("/rest/api/2/search?", vec![Reply::ok(&page)])]].concat();
    let newer_site = [
        common(),
        vec![
            ("/rest/api/2/search?", vec![Reply::status(410)]),
            ("/rest/api/2/search/jql?", vec![Reply::ok(&newer), Reply::ok(json!({"issues": []}))]),
        ],
    ]
    .concat();
    for routes in [older_site, newer_site] {
        let folder = tempfile::tempdir().unwrap();
        let stub = Stub::start(routes);
        let cursor = folder.path().join("cursor.json");
        let (lines, events, totals) = poll(Tool::Jira, "API", &stub, &cursor);
        let host = stub.base().replace("http://", "");
        let ids: Vec<String> = lines.iter().map(|line| line.replace(&host, "HOST")).collect();
        assert_eq!(
            ids[..6],
            [
                "ticket.created jira:HOST:10009:created 2026-03-02T09:01:00Z",
                "ticket.updated jira:HOST:10009:history:101 2026-03-02T09:05:00Z",
                "ticket.updated jira:HOST:10009:history:102 2026-03-02T09:06:00Z",
                "ticket.updated jira:HOST:10009:history:103 2026-03-02T09:07:00Z",
                "ticket.closed jira:HOST:10009:history:104 2026-03-02T09:20:00Z",
                "ticket.updated reconcile:jira:http://HOST:API-9:2026-03-02T09:20:00Z 2026-03-02T09:20:00Z",
            ]
        );
        assert!(ids[6].starts_with("milestone.updated jira:j.example:version/7:updated:"), "{ids:?}");
        assert_eq!((totals.bodies, totals.refused), (2, 0));
        let data = |n: usize| &events[n]["data"];
        assert_eq!((&data(0)["due_on"], &data(0)["assignees"]), (&json!("2026-03-10"), &json!([])));
        assert_eq!(
            (&data(2)["due_on"], &data(3)["assignees"][0]["login"]),
            (&json!("2026-03-20"), &json!("cy"))
        );
        assert_eq!((&data(4)["points"], &data(4)["status_category"]), (&json!(5), &json!("done")));
        // Again: nothing changed, and the filter says since when.
        let (again, _, _) = poll(Tool::Jira, "API", &stub, &cursor);
        assert_eq!(again, Vec::<String>::new());
        let asked = stub.asked();
        assert!(asked.last().unwrap().contains("updated+%3E%3D+%22-"), "{asked:?}");
    }
}

/// An issue of a list, closed on the third.
fn listed(number: u32) -> Value {
    json!({
        "number": number, "title": "t", "state": "closed", "state_reason": "not_planned", "user": {"login": "ada"},
        "created_at": "2026-03-01T09:00:00Z", "updated_at": format!("2026-03-05T09:00:{number:02}Z"),
        "closed_at": "2026-03-03T09:00:00Z", "closed_by": {"login": "bo"}, "labels": [], "assignees": [],
    })
}

#[test]
fn an_item_that_is_not_there_ends_no_poll() {
    let dir = tempfile::tempdir().unwrap();
    let timeline = |number: u32| format!("/repos/acme/api/issues/{number}/timeline");
    let (first, third) = (timeline(1), timeline(3));
    let stub = Stub::start(vec![
        ("/repos/acme/api/milestones", vec![Reply::ok("[]")]),
        ("/repos/acme/api/issues?", vec![Reply::ok(json!([listed(1), listed(2), listed(3)]))]),
        (&first, vec![Reply::ok("[]")]),
        (&timeline(2), vec![Reply::status(410)]),
        (&third, vec![Reply::ok("[]")]),
    ]);
    let cursor = dir.path().join("cursor");
    let (lines, _, totals) = poll(Tool::GitHub, "acme/api", &stub, &cursor);
    let of = |number: u32| lines.iter().filter(|line| line.contains(&format!("issues/{number}:"))).count();
    assert_eq!((of(1), of(2), of(3)), (2, 0, 2), "{lines:?}");
    // What came closed from elsewhere ends when it was closed.
    let closed = "ticket.closed github:acme/api/issues/1:closed:2026-03-03T09:00:00Z 2026-03-03T09:00:00Z";
    assert!(lines.iter().any(|line| line == closed), "{lines:?}");
    assert_eq!((totals.absent, totals.refused), (1, 0));
    let told = totals.describe("github", "items").join("\n");
    assert!(told.contains("passed over: 1") && told.contains("issues/2/timeline: 410 Gone"), "{told}");
}

#[test]
fn many_items_that_are_not_there_end_a_poll_before_its_cursor_passes() {
    let dir = tempfile::tempdir().unwrap();
    let items: Vec<Value> = (1..=25).map(listed).collect();
    let stub = Stub::start(vec![
        ("/repos/acme/api/milestones", vec![Reply::ok("[]")]),
        ("/repos/acme/api/issues?", vec![Reply::ok(json!(items))]),
    ]);
    let (mut client, _) = client_of(&stub.base(), Login::Nobody);
    let plan = PollPlan { tool: Tool::GitHub, scopes: vec!["acme/api".to_owned()], since: None };
    let cursor = dir.path().join("cursor");
    let mut log = Collected(Vec::new());
    let error = super::poll(&plan, &mut client, &cursor, &mut log, &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("404 Not Found; check the name"), "{error}");
    let kept = PollCursor::read(&cursor).unwrap();
    assert_eq!(kept.since(&cursor::feed_name(Tool::GitHub, client.base(), "acme/api"), "issues"), None);
}
