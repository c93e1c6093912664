//! Deliveries of code hosts: what a proven one changes, and what every other one is told.

use ring::hmac;
use serde_json::{Value, json};

use crate::harness::{Place, Server, wait_for};
use crate::http_client::Response;

const SECRET: &str = "it is a secret";
const CONFIG: &str = r#"
[webhooks.github]
secret = "file:github-secret"
repositories = ["acme/*"]
[webhooks.gitlab]
token = "file:github-secret"
[webhooks.gerrit]
secret = "file:github-secret"
[people]
group_min = 1
[limits]
webhook_bytes_max = 100000
request_timeout_ms = 2000
"#;

fn server(place: &Place) -> Server {
    place.write("github-secret", format!("{SECRET}\n"));
    place.serve(CONFIG)
}

fn signature(body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    format!("sha256={}", hex::encode(hmac::sign(&key, body)))
}

fn deliver(server: &Server, event: &str, id: &str, body: &[u8]) -> Response {
    let signature = signature(body);
    let headers = [
        ("Content-Type", "application/json"),
        ("X-GitHub-Event", event),
        ("X-GitHub-Delivery", id),
        ("X-Hub-Signature-256", signature.as_str()),
    ];
    server.send("POST", "/webhooks/github", &headers, body)
}

fn person(login: &str) -> Value {
    json!({ "login": login, "id": 7, "type": "User" })
}

fn review_requested(repository: &str) -> Vec<u8> {
    let (owner, name) = repository.split_once('/').unwrap();
    json!({
        "action": "review_requested",
        "number": 7,
        "pull_request": {
            "id": 1007, "number": 7, "state": "open", "locked": false, "draft": false,
            "title": "Round fees half up",
            "html_url": format!("https://github.com/{repository}/pull/7"),
            "user": person("ada"),
            "created_at": "2026-03-02T09:00:00Z", "updated_at": "2026-03-02T09:05:00Z",
            "closed_at": null, "merged_at": null, "merged": false, "merged_by": null,
            "requested_reviewers": [person("bo")], "requested_teams": [], "labels": [], "assignees": [],
            "milestone": null, "additions": 120, "deletions": 8, "changed_files": 5,
            "head": { "ref": "fees", "sha": "9fceb02d0ae598e95dc970b74767f19372d61af8" },
            "base": { "ref": "main", "sha": "8a3c1f0d0ae598e95dc970b74767f19372d61af8" },
        },
        "requested_reviewer": person("bo"),
        "repository": { "id": 1, "name": name, "full_name": repository, "owner": person(owner) },
        "sender": person("ada"),
    })
    .to_string()
    .into_bytes()
}

fn open_reviews(server: &Server) -> Option<i64> {
    let rows = server.rows("review_load");
    rows.as_array()?.iter().find(|row| row["team"] == "(none)")?["open_reviews"].as_i64()
}

#[test]
fn a_signed_delivery_is_seen_once_and_a_forged_one_never() {
    let place = Place::new();
    let server = server(&place);
    let body = review_requested("acme/api");
    let answer = deliver(&server, "pull_request", "d-1", &body);
    assert_eq!(answer.status, 202, "{}", answer.text());
    wait_for("the request in review_load", || (open_reviews(&server) == Some(1)).then_some(()));
    let events = server.events();

    for id in ["d-1", "d-2"] {
        assert_eq!(deliver(&server, "pull_request", id, &body).status, 202);
    }
    let other = String::from_utf8(body.clone()).unwrap().replace("half up", "half down");
    assert_eq!(deliver(&server, "pull_request", "d-1", other.as_bytes()).status, 409);
    let forged = [
        ("Content-Type", "application/json"),
        ("X-GitHub-Event", "pull_request"),
        ("X-Hub-Signature-256", "sha256=0000000000000000000000000000000000000000000000000000000000000000"),
    ];
    assert_eq!(server.send("POST", "/webhooks/github", &forged, &body).status, 401);
    // An unknown kind is taken and counted; when the log has it, it has all that came before.
    assert_eq!(
        deliver(
            &server,
            "no_such_kind",
            "d-3",
            br#"{"action":"created","repository":{"full_name":"acme/api"}}"#
        )
        .status,
        202
    );
    wait_for("the unknown kind to be counted", || {
        let metrics = server.get("/metrics").text();
        let line = metrics.lines().find(|line| line.starts_with("plimsoll_ingest_unknown_total "))?;
        (line.rsplit(' ').next()? != "0").then_some(())
    });
    assert_eq!((server.events(), open_reviews(&server)), (events, Some(1)));
}

#[test]
fn a_proven_delivery_that_nobody_can_read_is_kept() {
    let place = Place::new();
    place.write("github-secret", format!("{SECRET}\n"));
    let server = place.serve("[webhooks.github]\nsecret = \"file:github-secret\"\n[people]\ngroup_min = 1\n");
    let whole = String::from_utf8(review_requested("acme/api")).unwrap();
    let broken = whole.replace("\"updated_at\":\"2026-03-02T09:05:00Z\"", "\"updated_at\":\"last Monday\"");
    assert_ne!(broken, whole);
    for _ in 0..2 {
        let answer = deliver(&server, "pull_request", "d-9", broken.as_bytes());
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert_eq!(answer.json()["kept"], true, "{}", answer.text());
    }
    assert_eq!(deliver(&server, "pull_request", "d-10", whole.as_bytes()).status, 202);
    wait_for("what came after it", || (open_reviews(&server) == Some(1)).then_some(()));
    assert_eq!(dead_letters(&server), 1, "one delivery is kept once");
    for said in ["webhook github:d-9", "pull_request"] {
        let sql = format!("SELECT count(*) FROM dead_letters WHERE headers LIKE '%{said}%'");
        assert_eq!(server.count(&sql), 1, "{said}");
    }
    let body = server.sql("SELECT value FROM dead_letters").text();
    assert!(body.contains(&hex::encode(&broken)), "the whole body: {body}");
    assert!(server.get("/metrics").text().contains("plimsoll_ingest_dead_letters_total{"));
}

#[test]
fn what_is_wrong_with_a_delivery_is_told() {
    let place = Place::new();
    let server = server(&place);
    let body = review_requested("acme/api");
    let good = signature(&body);
    let base = [("Content-Type", "application/json"), ("X-GitHub-Event", "pull_request")];
    let with = |more: &[(&str, &str)], body: &[u8]| {
        server.send("POST", "/webhooks/github", &[&base[..], more].concat(), body).status
    };
    let name = "X-Hub-Signature-256";
    assert_eq!(with(&[], &body), 401, "unsigned");
    assert_eq!(with(&[("X-Hub-Signature", "sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709")], &body), 401);
    assert_eq!(with(&[(name, "sha256=xyz")], &body), 401);
    assert_eq!(with(&[(name, &good), (name, &good)], &body), 400, "two signatures");
    assert_eq!(with(&[(name, &good)], &[&body[..], b" "].concat()), 401, "encoded anew");
    assert_eq!(with(&[(name, &good), ("Content-Encoding", "gzip")], &body), 415);
    let large = vec![b' '; 100_001];
    assert_eq!(with(&[(name, &signature(&large))], &large), 413);
    let form = [("Content-Type", "application/x-www-form-urlencoded"), (name, good.as_str())];
    assert_eq!(server.send("POST", "/webhooks/github", &form, &body).status, 415);
    assert_eq!(deliver(&server, "pull_request", "x", &review_requested("evil/api")).status, 403);
    assert_eq!(
        deliver(&server, "pull_request", "y", br#"{"repository":{"full_name":"acme/api"}"#).status,
        403
    );
    let jira = server.post("/webhooks/jira", "application/json", &body);
    assert_eq!(jira.status, 404, "not configured");
    assert!(jira.text().contains("webhooks.jira.secret"), "{}", jira.text());
    assert_eq!(server.post("/webhooks/gerrit/wrong", "application/json", &body).status, 401);
    let gitlab = [("Content-Type", "application/json"), ("X-Gitlab-Token", SECRET)];
    assert_eq!(server.send("POST", "/webhooks/gitlab", &gitlab, br#"{"object_kind":"build"}"#).status, 202);
    assert_eq!(server.get("/healthz").status, 200);
    assert!(!server.running.log().contains(SECRET), "the log tells the secret");
}

/// How many records became dead letters.
fn dead_letters(server: &Server) -> i64 {
    server.count("SELECT count(*) FROM dead_letters")
}

#[test]
fn what_is_taken_is_never_a_dead_letter() {
    let place = Place::new();
    place.write("github-secret", format!("{SECRET}\n"));
    let server =
        place.serve("[webhooks]\nkeep_unknown = true\n[webhooks.github]\nsecret = \"file:github-secret\"\n");
    let push = |paths: Vec<String>, author: &str| {
        json!({
            "ref": "refs/heads/main", "before": "1", "after": "2", "repository": {"full_name": "acme/api"},
            "commits": [{
                "id": "111", "distinct": true, "message": "Move all", "timestamp": "2026-03-02T10:00:00Z",
                "author": {"name": author, "email": "ada@acme.example"}, "added": paths,
            }],
        })
        .to_string()
        .into_bytes()
    };
    let paths: Vec<String> =
        (0..20_000).map(|n| format!("a/long/path/to/a/file/that/moved/{n:050}")).collect();
    let answer = deliver(&server, "push", "p-1", &push(paths, "Ada"));
    assert_eq!(answer.status, 202, "{}", answer.text());
    server.wait_for_count("SELECT coalesce(max(changed_files), 0) FROM commits", 20_000);
    let listed = server.count("SELECT max(cardinality(files)) FROM commits");
    assert!((1_000..20_000).contains(&listed), "{listed} files are listed");

    let answer = deliver(&server, "push", "p-2", &push(Vec::new(), &"a".repeat(2 << 20)));
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert!(answer.text().contains("git-acme/api-111"), "it names the event: {}", answer.text());
    let unknown = json!({"action": "created", "padding": "x".repeat(2 << 20)}).to_string();
    assert_eq!(deliver(&server, "no_such_kind", "u-1", unknown.as_bytes()).status, 202);
    assert_eq!(deliver(&server, "push", "p-3", &push(Vec::new(), "Ada")).status, 202);
    wait_for("the note to be counted", || {
        let metrics = server.get("/metrics").text();
        let line = metrics.lines().find(|line| line.starts_with("plimsoll_ingest_unknown_total "))?;
        (line.rsplit(' ').next()? != "0").then_some(())
    });
    // What was refused is kept: one.
    assert_eq!(dead_letters(&server), 1);
    assert_eq!(
        server.count("SELECT count(*) FROM dead_letters WHERE headers LIKE '%webhook github:p-2%'"),
        1
    );
}

#[test]
fn a_signed_delivery_of_gitea_changes_what_is_known() {
    let place = Place::new();
    place.write("secret", SECRET);
    let server = place.serve(
        "[webhooks.gitea]\nsecret = \"file:secret\"\nrepositories = [\"acme/*\"]\n\
         [people]\ngroup_min = 1\n",
    );
    let body = |repository: &str| {
        json!({
            "action": "reviewed", "number": 7, "sender": person("bo"),
            "review": {"type": "pull_request_review_approved", "content": "Fine"},
            "repository": {"id": 9, "full_name": repository, "html_url": format!("https://git.acme.example/{repository}")},
            "pull_request": {
                "number": 7, "title": "Round fees", "user": person("ada"), "head": {"ref": "fees", "sha": "bb"},
                "created_at": "2026-03-02T09:00:00Z", "updated_at": "2026-03-02T09:30:00Z",
            },
        })
        .to_string()
    };
    let deliver = |repository: &str, signature: &str| {
        let headers = [
            ("Content-Type", "application/json"),
            ("X-Gitea-Event", "pull_request_approved"),
            ("X-Gitea-Delivery", "d-1"),
            ("X-Gitea-Signature", signature),
        ];
        server.send("POST", "/webhooks/gitea", &headers, body(repository).as_bytes())
    };
    let signed = |repository: &str| signature(body(repository).as_bytes()).replace("sha256=", "");
    assert_eq!(deliver("acme/api", &signed("acme/web")).status, 401, "another body's");
    assert_eq!(deliver("acme/api", "").status, 401);
    assert_eq!(deliver("evil/api", &signed("evil/api")).status, 403);
    for _ in 0..2 {
        assert_eq!(deliver("acme/api", &signed("acme/api")).status, 202);
    }
    let reviews = "SELECT count(*) FROM reviews WHERE repo = 'git.acme.example/acme/api' \
                   AND reviewer = 'bo' AND verdict = 'approved'";
    wait_for("the review", || (server.count(reviews) == 1).then_some(()));
}

#[test]
fn jira_and_gerrit_have_lists_too() {
    let place = Place::new();
    place.write("secret", SECRET);
    let server = place.serve(
        "[webhooks.jira]\nsecret = \"file:secret\"\nrepositories = [\"API\"]\n\
         [webhooks.gerrit]\nsecret = \"file:secret\"\nrepositories = [\"acme/*\"]\n",
    );
    let jira = |project: &str| {
        let body =
            json!({"webhookEvent": "comment_created", "issue": {"key": format!("{project}-7")}}).to_string();
        let signature = signature(body.as_bytes());
        let headers = [("Content-Type", "application/json"), ("X-Hub-Signature", signature.as_str())];
        server.send("POST", "/webhooks/jira", &headers, body.as_bytes())
    };
    let gerrit = |project: &str| {
        let body = json!({"type": "ref-updated", "refUpdate": {"project": project}}).to_string();
        let path = format!("/webhooks/gerrit/{}", SECRET.replace(' ', "%20"));
        server.post(&path, "application/json", body)
    };
    assert_eq!(jira("API").status, 202, "{}", jira("API").text());
    let refused = jira("WEB");
    assert_eq!(refused.status, 403);
    assert!(
        refused.text().contains("WEB is not among those of webhooks.jira.repositories"),
        "{}",
        refused.text()
    );
    assert_eq!(gerrit("acme/api").status, 202, "{}", gerrit("acme/api").text());
    assert_eq!(gerrit("other/api").status, 403);
}

#[test]
fn a_secret_that_cannot_be_read_keeps_the_server_from_listening() {
    let place = Place::new();
    place.write("plimsoll.toml", "[webhooks.github]\nsecret = \"file:no-such-file\"\n");
    let output = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("webhooks.github.secret"), "{stderr}");
}
