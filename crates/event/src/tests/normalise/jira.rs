//! Jira: webhooks of the cloud and of servers, and whole issues with their history, which tell the same
//! changes under the same ids.

use serde_json::{Value, json};

use super::super::corpus::corpus;
use super::{assert_decodes, line, lines, normalise};
use crate::{Draft, Format, Reason, jira_issue_history};

const SITE: &str = "https://tickets.acme.example";

#[track_caller]
fn check(body: &Value, expected: &[&str]) {
    assert_eq!(lines(Format::Jira, None, body), expected, "{body}");
}

fn with(mut body: Value, members: Value) -> Value {
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

fn status(id: &str, name: &str, category: &str) -> Value {
    json!({"id": id, "name": name, "statusCategory": {"key": category}})
}

fn person(account: &str, name: &str) -> Value {
    json!({"accountId": account, "displayName": name, "emailAddress": "?"})
}

fn version(id: &str, released_on: Option<&str>) -> Value {
    json!({"id": id, "name": format!("v{id}"), "released": released_on.is_some(), "releaseDate": released_on})
}

fn issue(fields: Value) -> Value {
    let fields = with(json!({"project": {"key": "API"}}), fields);
    json!({"id": "10482", "key": "API-7", "self": format!("{SITE}/rest/api/2/issue/10482"), "fields": fields})
}

fn item(field: &str, from: Value, to: Value, from_shown: Value, to_shown: Value) -> Value {
    json!({
        "field": field, "fieldId": field, "from": from, "fromString": from_shown, "to": to, "toString": to_shown,
    })
}

fn hook(event: &str, issue: Value, beside: Value) -> Value {
    with(json!({"webhookEvent": event, "timestamp": 1_772_444_400_000_i64, "issue": issue}), beside)
}

fn updated(fields: Value, changelog: Value) -> Value {
    let fields = with(json!({"updated": "2026-03-02T10:30:00.500+0100"}), fields);
    hook("jira:issue_updated", issue(fields), json!({ "changelog": changelog }))
}

/// An issue of today: ada's first, then bo's, planned anew, started, and meant for another version.
fn grown() -> Value {
    let issue = issue(json!({
        "summary": "Round fees", "issuetype": {"name": "Story"}, "created": "2026-03-01T09:00:00.000+0000",
        "updated": "2026-03-05T09:00:00.000+0000", "status": status("3", "Doing", "indeterminate"),
        "assignee": person("b", "Bo"), "reporter": person("a", "Ada"), "priority": {"name": "High"},
        "duedate": "2026-07-14", "labels": ["security"], "components": [], "resolution": null,
        "fixVersions": [version("20", None)], "customfield_10016": 5, "parent": {"id": "10400"},
    }));
    let entry = |id: &str, day: &str, items: Value| json!({"id": id, "created": format!("2026-03-{day}T09:00:00.000+0000"), "author": person("a", "Ada"), "items": items});
    let histories = json!([
        entry(
            "104",
            "05",
            json!([
                item("fixVersions", json!("10"), json!(null), json!("v10"), json!(null)),
                item("fixVersions", json!(null), json!("20"), json!(null), json!("v20")),
            ])
        ),
        entry(
            "103",
            "04",
            json!([
                item("status", json!("1"), json!("3"), json!("Ready"), json!("Doing")),
                item("description", json!(null), json!(null), json!("x"), json!("y")),
            ])
        ),
        entry(
            "102",
            "03",
            json!([item(
                "duedate",
                json!("2026-06-30"),
                json!("2026-07-14"),
                json!("2026-06-30 00:00:00.0"),
                json!("2026-07-14 00:00:00.0")
            ),])
        ),
        entry(
            "101",
            "02",
            json!([
                item("assignee", json!("a"), json!("b"), json!("Ada"), json!("Bo")),
                {"field": "Story Points", "fieldId": "customfield_10016", "fromString": "3", "toString": "5"},
            ])
        ),
    ]);
    with(issue, json!({"changelog": {"histories": histories, "total": 4}}))
}

fn history(issue: &Value) -> Vec<Draft> {
    let statuses = json!([status("1", "Ready", "new"), status("3", "Doing", "indeterminate")]);
    let drafts = jira_issue_history(SITE, issue, &statuses).unwrap();
    drafts.iter().for_each(assert_decodes);
    drafts
}

#[test]
fn an_issue_grows_through_its_history() {
    let found: Vec<String> = history(&grown()).iter().map(line).collect();
    let known = r#""components":[],"due_on":"#;
    let names = r#","key":"API-7","kind":"story","labels":["security"],"milestone":"#;
    let rest = r#","priority":"High","project":"API","reporter":{"login":"a","name":"Ada"},"status":"#;
    let end = r#","ticket":"10482","title":"Round fees","url":"https://tickets.acme.example/browse/API-7"}"#;
    let (ada, bo) =
        (r#"{"assignees":[{"login":"a","name":"Ada"}],"#, r#"{"assignees":[{"login":"b","name":"Bo"}],"#);
    let (june, july) = (r#""2026-06-30""#, r#""2026-07-14""#);
    let todo = r#""Ready","status_category":"todo""#;
    let doing = r#""Doing","status_category":"in_progress""#;
    let fact = |kind: &str, fact: &str, day: &str| {
        format!("{kind} jira:tickets.acme.example:10482:{fact} 2026-03-{day}T09:00:00Z ")
    };
    let data = |who: &str, changes: &str, due: &str, milestone: &str, points: &str, status: &str| {
        format!(
            r#"{who}{changes}{known}{due}{names}"version/{milestone}","parent":"10400","points":{points}{rest}{status}{end}"#
        )
    };
    let changes = |changes: &str| format!(r#""changes":{{{changes}}},"#);
    let expected = [
        fact("ticket.created", "created", "01") + &data(ada, "", june, "10", "3.0", todo),
        fact("ticket.updated", "history:101", "02")
            + &data(
                bo,
                &changes(r#""assignees":{"from":["a"],"to":["b"]},"points":{"from":3.0,"to":5.0}"#),
                june,
                "10",
                "5.0",
                todo,
            ),
        fact("ticket.updated", "history:102", "03")
            + &data(
                bo,
                &changes(r#""due_on":{"from":"2026-06-30","to":"2026-07-14"}"#),
                july,
                "10",
                "5.0",
                todo,
            ),
        fact("ticket.updated", "history:103", "04")
            + &data(bo, &changes(r#""status":{"from":"Ready","to":"Doing"}"#), july, "10", "5.0", doing),
        fact("ticket.updated", "history:104", "05")
            + &data(
                bo,
                &changes(r#""milestone":{"from":"version/10","to":"version/20"}"#),
                july,
                "20",
                "5.0",
                doing,
            ),
    ];
    assert_eq!(found, expected);
    let order: Vec<i64> = history(&grown()).iter().map(|draft| draft.sequence).collect();
    assert_eq!(order, [0, 101, 102, 103, 104]);
}

#[test]
fn a_webhook_and_the_history_tell_one_change_as_one_event() {
    let grown = grown();
    let entry = &grown["changelog"]["histories"][0];
    let mut read = grown.clone();
    read.as_object_mut().unwrap().remove("changelog");
    let changelog = json!({"id": entry["id"], "items": entry["items"]});
    let body = hook("jira:issue_updated", read, json!({"user": person("a", "Ada"), "changelog": changelog}));
    let told = normalise(Format::Jira, None, body.to_string().as_bytes()).unwrap().events;
    let mut kept = history(&grown).pop().unwrap();
    assert_eq!(
        (&*told[0].id, told[0].kind),
        ("jira:tickets.acme.example:10482:history:104", "ticket.updated")
    );
    // No name of its field is in the webhook, so it says nothing about points.
    kept.data.remove("points");
    assert_eq!(told, [kept]);
}

#[test]
fn an_issue_in_a_topic_is_its_history() {
    let found = normalise(Format::Jira, None, grown().to_string().as_bytes()).unwrap();
    assert_eq!((found.kind.as_str(), found.events.len()), ("issue", 5));
    // Of the statuses only the present one is told: a name that nobody knows is work under way.
    assert_eq!(found.events[0].data["status_category"], "in_progress");
}

#[test]
fn a_history_that_is_cut_off_says_little_of_the_creation() {
    let mut cut = grown();
    cut["changelog"]["total"] = json!(120);
    let created = history(&cut).remove(0);
    let known: Vec<&str> = created.data.keys().map(String::as_str).collect();
    assert_eq!(known, ["key", "project", "ticket", "url"]);
}

#[test]
fn a_history_that_would_outgrow_memory_is_refused() {
    let mut heavy = grown();
    heavy["fields"]["labels"] = json!(["x".repeat(1 << 20)]);
    let entry = json!({"id": "1", "created": "2026-03-02T09:00:00.000+0000", "items": []});
    heavy["changelog"]["histories"] = json!(vec![entry; 100]);
    let reject = jira_issue_history(SITE, &heavy, &Value::Null).unwrap_err();
    assert_eq!(reject.reason, Reason::ValueTooLarge);
}

#[test]
fn a_renamed_holder_is_one_person() {
    let mut renamed = grown();
    renamed["fields"]["assignee"] = person("b2", "Bo");
    let found = history(&renamed);
    assert_eq!(found[1].data["assignees"], json!([{"login": "b2", "name": "Bo"}]));
    assert_eq!(found[4].data["assignees"], found[1].data["assignees"]);
}

#[test]
fn a_status_closes_and_opens_by_what_it_means() {
    let moved = |from: (&str, &str), to: Value, more: Value| {
        let mut items =
            vec![item("status", json!(from.0), to["id"].clone(), json!(from.1), to["name"].clone())];
        items.extend(more.as_array().unwrap().clone());
        let body = updated(json!({ "status": to }), json!({"id": 7, "items": items}));
        lines(Format::Jira, None, &body)[0].split(' ').next().unwrap().to_owned()
    };
    let resolved = json!([item("resolution", json!(null), json!("1"), json!(null), json!("Fixed"))]);
    let cleared = json!([item("resolution", json!("1"), json!(null), json!("Fixed"), json!(null))]);
    let (open, done) = (status("1", "Triage", "new"), status("9", "Shipped", "done"));
    assert_eq!(moved(("1", "Triage"), done.clone(), json!([])), "ticket.closed");
    assert_eq!(moved(("1", "Triage"), done.clone(), resolved), "ticket.closed");
    assert_eq!(moved(("5", "Resolved"), done, json!([])), "ticket.updated");
    assert_eq!(moved(("9", "Shipped"), open.clone(), json!([])), "ticket.updated");
    assert_eq!(moved(("9", "Shipped"), open.clone(), cleared), "ticket.reopened");
    assert_eq!(moved(("6", "Closed"), open, json!([])), "ticket.reopened");
}

#[test]
fn a_change_goes_before_what_was_read_later() {
    let labels = item("labels", json!(null), json!(null), json!("a b"), json!("a c"));
    let body = updated(
        json!({"labels": ["a", "z"], "summary": "T"}),
        json!({"id": "7", "items": [labels, {"field": "Epic Link", "from": null, "to": "10400", "toString": "API-1"}]}),
    );
    check(
        &body,
        &[concat!(
            r#"ticket.updated jira:tickets.acme.example:10482:history:7 2026-03-02T09:30:00.500000Z "#,
            r#"{"changes":{"labels":{"from":["a","b"],"to":["a","c"]},"parent":{"from":null,"to":"10400"}},"#,
            r#""key":"API-7","labels":["a","c"],"parent":"10400","project":"API","ticket":"10482","title":"T","#,
            r#""url":"https://tickets.acme.example/browse/API-7"}"#,
        )],
    );
}

#[test]
fn a_move_changes_key_and_project_and_keeps_the_id() {
    let mut body = updated(
        json!({"project": {"key": "WEB"}}),
        json!({"id": "7", "items": [item("Key", json!(null), json!(null), json!("API-7"), json!("WEB-3"))]}),
    );
    body["issue"]["key"] = json!("WEB-3");
    check(
        &body,
        &[concat!(
            r#"ticket.updated jira:tickets.acme.example:10482:history:7 2026-03-02T09:30:00.500000Z "#,
            r#"{"changes":{"key":{"from":"API-7","to":"WEB-3"},"project":{"from":"API","to":"WEB"}},"#,
            r#""key":"WEB-3","project":"WEB","ticket":"10482","url":"https://tickets.acme.example/browse/WEB-3"}"#,
        )],
    );
}

#[test]
fn the_milestone_is_the_first_version_not_out_yet_and_the_sprint_the_latest() {
    let told = |name: &str, fields: Value| {
        let body = updated(fields, json!({"id": "7", "items": []}));
        let found = normalise(Format::Jira, None, body.to_string().as_bytes()).unwrap();
        found.events[0].data.get(name).cloned()
    };
    let milestone = |fields: Value| told("milestone", fields);
    let sprint_of = |fields: Value| told("sprint", fields);
    let versions = |versions: &[Value]| milestone(json!({ "fixVersions": versions }));
    let out = version("9", Some("2026-01-31"));
    assert_eq!(versions(&[version("21", None), out.clone(), version("20", None)]), Some(json!("version/20")));
    assert_eq!(versions(&[out.clone(), version("10", Some("2026-02-01"))]), Some(json!("version/10")));
    // Out since, but not at that time.
    assert_eq!(versions(&[version("8", Some("2026-03-31")), version("20", None)]), Some(json!("version/8")));
    assert_eq!(versions(&[]), Some(Value::Null));
    assert_eq!(milestone(json!({})), None);
    let printed = |id: u32| {
        format!("com.atlassian.greenhopper.service.sprint.Sprint@1f[id={id},state=CLOSED,name=S {id}]")
    };
    let sprints = json!({"customfield_1": [printed(9), printed(10)], "fixVersions": []});
    assert_eq!(sprint_of(sprints), Some(json!("sprint/10")));
    let sprint = |id: u32| json!({"id": id, "name": "S", "state": "active", "boardId": 1});
    assert_eq!(sprint_of(json!({"customfield_1": [sprint(3), sprint(2)]})), Some(json!("sprint/3")));
    let both = json!({"customfield_1": [sprint(3)], "fixVersions": [out]});
    assert_eq!(milestone(both.clone()), Some(json!("version/9")));
    assert_eq!(sprint_of(both), Some(json!("sprint/3")), "two memberships of one ticket");
    assert_eq!(sprint_of(json!({"customfield_1": [{"id": 3, "name": "not a sprint"}]})), None);
}

#[test]
fn comments_and_the_like_say_nothing() {
    let body = |event: &str| hook(event, issue(json!({})), json!({"comment": {"id": "1"}}));
    for event in
        ["jira:issue_updated", "comment_created", "issuelink_created", "worklog_updated", "user_created"]
    {
        check(&body(event), &[]);
    }
    let unknown = |body: Value| !normalise(Format::Jira, None, body.to_string().as_bytes()).unwrap().known;
    assert!(unknown(body("teleported")));
    assert!(unknown(body("jira:version_teleported")));
    assert!(unknown(json!({})));
    let nameless = json!({"webhookEvent": "jira:issue_updated", "changelog": {"id": "1"}, "issue": {}});
    let reject = normalise(Format::Jira, None, nameless.to_string().as_bytes()).unwrap_err();
    assert_eq!(reject.reason, Reason::MissingField);
}

#[test]
fn an_issue_is_deleted() {
    check(
        &hook("jira:issue_deleted", issue(json!({})), json!({})),
        &[concat!(
            r#"ticket.deleted jira:tickets.acme.example:10482:deleted 2026-03-02T09:40:00Z {"key":"API-7","#,
            r#""project":"API","ticket":"10482","url":"https://tickets.acme.example/browse/API-7"}"#,
        )],
    );
}

#[test]
fn versions_and_sprints_are_milestones() {
    let version = |event: &str, members: Value| {
        let link = format!("{SITE}/jira/rest/api/2/version/20");
        let version = with(json!({"id": "20", "self": link, "name": "v20", "released": false}), members);
        json!({"webhookEvent": event, "timestamp": 1_772_444_400_000_i64, "version": version})
    };
    let sprint = |event: &str| {
        let link = format!("{SITE}/rest/agile/1.0/sprint/3");
        let sprint = json!({
            "id": 3, "self": link, "name": "S 3", "startDate": "2026-03-02T09:00:00.000Z",
            "endDate": "2026-03-16T09:00:00.000+0100",
        });
        json!({"webhookEvent": event, "timestamp": 1_772_444_400_000_i64, "sprint": sprint})
    };
    let site = "jira:tickets.acme.example";
    let at = "2026-03-02T09:40:00Z";
    let due = json!({"releaseDate": "2026-06-30"});
    let out = json!({"releaseDate": "2026-03-02", "released": true});
    let v20 = r#""milestone":"version/20""#;
    let s3 = r#"{"due_on":"2026-03-16","milestone":"sprint/3","start_on":"2026-03-02","title":"S 3"}"#;
    for (body, expected) in [
        (
            version("jira:version_created", due),
            format!(
                r#"milestone.created {site}/jira:version/20:created {at} {{"due_on":"2026-06-30",{v20},"title":"v20"}}"#
            ),
        ),
        (
            version("jira:version_updated", json!({})),
            format!(
                r#"milestone.updated {site}/jira:version/20:updated:{at} {at} {{"due_on":null,{v20},"start_on":null,"title":"v20"}}"#
            ),
        ),
        (
            version("jira:version_released", out),
            format!(r#"milestone.closed {site}/jira:version/20:released:{at} {at} {{{v20},"title":"v20"}}"#),
        ),
        (
            version("jira:version_unreleased", json!({})),
            format!(
                r#"milestone.reopened {site}/jira:version/20:unreleased:{at} {at} {{{v20},"title":"v20"}}"#
            ),
        ),
        (
            version("jira:version_deleted", json!({})),
            format!(r#"milestone.deleted {site}/jira:version/20:deleted {at} {{{v20},"title":"v20"}}"#),
        ),
        (sprint("sprint_created"), format!("milestone.created {site}:sprint/3:created {at} {s3}")),
        (sprint("sprint_started"), format!("milestone.updated {site}:sprint/3:started:{at} {at} {s3}")),
        (sprint("sprint_closed"), format!("milestone.closed {site}:sprint/3:closed:{at} {at} {s3}")),
    ] {
        check(&body, &[&expected]);
    }
    check(&version("jira:version_moved", json!({})), &[]);
}

/// Two bodies of the real data, of the cloud and of a server, each with all that it gives.
#[test]
fn two_real_bodies_field_by_field() {
    let Some(folder) = corpus("jira::two_real_bodies_field_by_field") else { return };
    let found = |name: &str| -> Vec<String> {
        let bytes = std::fs::read(folder.join("webhooks/jira").join(name)).unwrap();
        lines(Format::Jira, None, &serde_json::from_slice(&bytes).unwrap())
    };
    assert_eq!(
        found("webhook-cloud-issue-created-many-fields.json"),
        [concat!(
            r#"ticket.created jira:mmtest.atlassian.net:10509:created 2019-08-27T19:43:24.193000Z {"assignees":"#,
            r#"[{"email":"user@example.com","login":"5cedcb4355a88a0fc86388ba","name":"Sample User"}],"components":[],"#,
            r#""due_on":null,"key":"KT-22","kind":"task","labels":["Label1","Label2"],"milestone":"version/10000","#,
            r#""priority":"Medium","project":"KT","reporter":{"email":"user@example.com","#,
            r#""login":"5cedcb4355a88a0fc86388ba","name":"Sample User"},"sprint":"sprint/1","status":"To Do","status_category":"todo","#,
            r#""ticket":"10509","title":"Lots of fields selected","url":"https://mmtest.atlassian.net/browse/KT-22"}"#,
        )]
    );
    assert_eq!(
        found("webhook-server-issue-updated-resolved.json"),
        [concat!(
            r#"ticket.closed jira:some-instance-test.centralus.cloudapp.azure.com:8080:10300:history:10414 "#,
            r#"2019-08-12T23:23:01.993000Z {"assignees":[],"changes":{"resolution":{"from":null,"to":"Done"},"#,
            r#""status":{"from":"In Progress","to":"Resolved"}},"#,
            r#""components":[],"due_on":null,"key":"TES-4","kind":"bug","labels":[],"milestone":null,"#,
            r#""priority":"Medium","project":"TES","reporter":{"email":"admin@admin.com","login":"admin","#,
            r#""name":"admin"},"resolution":"Done","status":"Resolved","status_category":"done","ticket":"10300","#,
            r#""title":"Unit test summary 1","#,
            r#""url":"http://some-instance-test.centralus.cloudapp.azure.com:8080/browse/TES-4"}"#,
        )]
    );
}

/// A body of each shape that the normaliser looks into.
pub(super) fn seeds() -> Vec<(&'static str, Value)> {
    let sprints = json!({
        "customfield_1": ["com.atlassian.greenhopper.service.sprint.Sprint@1f[id=9,state=CLOSED]"],
        "customfield_2": [{"id": 3, "name": "S", "state": "active", "boardId": 1}],
    });
    let mut grown = with(grown(), json!({"names": {"customfield_10016": "Story Points"}}));
    grown["fields"] = with(grown["fields"].clone(), sprints);
    let entry = &grown["changelog"]["histories"][0];
    let beside =
        json!({"user": person("a", "Ada"), "changelog": {"id": entry["id"], "items": entry["items"]}});
    let link = format!("{SITE}/rest/api/2/version/20");
    let version =
        json!({"id": "20", "self": link, "name": "v20", "releaseDate": "2026-06-30", "released": false});
    let versions = json!({"webhookEvent": "jira:version_updated", "timestamp": 1_772_444_400_000_i64, "version": version});
    vec![
        ("", hook("jira:issue_created", grown.clone(), beside.clone())),
        ("", hook("jira:issue_updated", grown.clone(), beside)),
        ("", hook("jira:issue_deleted", grown.clone(), json!({}))),
        ("", grown),
        ("", versions),
    ]
}

/// An issue that was done when it came, resolved on the fifth.
fn born_done(resolved: Value) -> Value {
    issue(json!({
        "summary": "Came along", "created": "2026-03-01T09:00:00.000+0000", "updated": "2026-03-06T09:00:00.000+0000",
        "status": status("5", "Done", "done"), "resolution": {"name": "Fixed"}, "resolutiondate": resolved,
    }))
}

#[test]
fn an_issue_that_was_born_done_ends_when_jira_says() {
    let told = |body: &Value| -> Vec<String> {
        let fields = |draft: &Draft| {
            let field = |name: &str| draft.data.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
            format!(
                "{} {} {} {} {}",
                draft.kind,
                draft.time,
                field("status"),
                field("status_category"),
                field("resolution")
            )
        };
        normalise(Format::Jira, None, body.to_string().as_bytes())
            .unwrap()
            .events
            .iter()
            .map(fields)
            .collect()
    };
    let created = "ticket.created 2026-03-01T09:00:00Z - - -";
    let closed = "ticket.closed 2026-03-05T09:00:00Z Done done Fixed";
    let at = json!("2026-03-05T09:00:00.000+0000");
    assert_eq!(told(&born_done(at.clone())), [created, closed]);
    // A change of the title before and after the end, and none of the status.
    let entry = |id: &str, day: &str| {
        json!({"id": id, "created": format!("2026-03-{day}T09:00:00.000+0000"), "author": person("a", "Ada"),
        "items": [item("summary", json!(null), json!(null), json!("Came"), json!("Came along"))]})
    };
    let mut edited = born_done(at.clone());
    edited["changelog"] = json!({"total": 2, "histories": [entry("7", "06"), entry("6", "04")]});
    assert_eq!(
        told(&edited),
        [
            created,
            "ticket.updated 2026-03-04T09:00:00Z - - -",
            closed,
            "ticket.updated 2026-03-06T09:00:00Z Done done Fixed",
        ]
    );
    // The same from the webhook of its creation.
    assert_eq!(told(&hook("jira:issue_created", born_done(at), json!({}))), [created, closed]);
    // Without a time of its own, or with a history of its status, it is as before.
    assert_eq!(told(&born_done(json!(null))), ["ticket.created 2026-03-01T09:00:00Z Done done Fixed"]);
    let mut with_history = born_done(json!("2026-03-05T09:00:00.000+0000"));
    with_history["changelog"] = json!({"total": 1, "histories": [{
    "id": "5", "created": "2026-03-05T09:00:00.000+0000", "items": [
        item("status", json!("1"), json!("5"), json!("To Do"), json!("Done")),
        item("resolution", json!(null), json!("1"), json!(null), json!("Fixed")),
    ]}]});
    assert_eq!(told(&with_history), ["ticket.created 2026-03-01T09:00:00Z To Do todo -", closed]);
}

#[test]
fn the_sprint_is_the_active_one_else_the_next_else_the_last() {
    let sprint = |id: u32, state: &str, start: Option<&str>, complete: Option<&str>| json!({"id": id, "name": format!("S {id}"), "state": state, "boardId": 1, "startDate": start, "completeDate": complete});
    let of = |sprints: Value| {
        let fields = json!({"customfield_1": sprints, "created": "2026-03-10T09:00:00.000+0000"});
        let events = normalise(Format::Jira, None, issue(fields).to_string().as_bytes()).unwrap().events;
        events[0].data.get("sprint").and_then(Value::as_str).unwrap_or("-").to_owned()
    };
    let over = sprint(1, "closed", Some("2026-02-01T09:00:00.000Z"), Some("2026-02-15T09:00:00.000Z"));
    let active = sprint(2, "active", Some("2026-03-02T09:00:00.000Z"), None);
    let next = sprint(4, "future", Some("2026-03-16T09:00:00.000Z"), None);
    let later = sprint(3, "future", Some("2026-03-30T09:00:00.000Z"), None);
    let unplanned = sprint(9, "future", None, None);
    assert_eq!(of(json!([over, active, next, later])), "sprint/2");
    assert_eq!(of(json!([later, over, next, unplanned])), "sprint/4");
    assert_eq!(of(json!([over, unplanned])), "sprint/9");
    assert_eq!(of(json!([over])), "sprint/1");
    // What is over today was active then.
    let ended = sprint(5, "closed", Some("2026-03-02T09:00:00.000Z"), Some("2026-03-20T09:00:00.000Z"));
    assert_eq!(of(json!([ended, next])), "sprint/5");
    let printed = "com.atlassian.greenhopper.service.sprint.Sprint@1f[id=7,state=ACTIVE,name=S 7,startDate=2026-03-02T09:00:00.000Z,completeDate=<null>]";
    assert_eq!(of(json!([over, printed, next])), "sprint/7");
}

#[test]
fn apps_and_machines_are_told_apart_from_people() {
    let app = json!({"accountId": "app-1", "displayName": "Release Helper", "accountType": "app"});
    let named = json!({"accountId": "u-2", "displayName": "Acme CI", "accountType": "atlassian"});
    let body = issue(json!({
        "created": "2026-03-01T09:00:00.000+0000", "assignee": app, "reporter": named, "creator": person("a", "Ada"),
    }));
    let events = normalise(Format::Jira, None, body.to_string().as_bytes()).unwrap().events;
    let machines: Vec<String> =
        events.iter().filter(|event| event.kind == "person.updated").map(line).collect();
    assert_eq!(
        machines,
        [
            r#"person.updated jira:bot:app-1 2008-01-01T00:00:00Z {"person":{"login":"app-1","name":"Release Helper"},"person_kind":"bot"}"#,
            r#"person.updated jira:bot:u-2 2008-01-01T00:00:00Z {"person":{"login":"u-2","name":"Acme CI"},"person_kind":"bot"}"#,
        ]
    );
}
