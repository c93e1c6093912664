//! GitHub: pull requests with their reviews, issues, and milestones, over the REST interface.
//!
//! What is there now is led back through the timeline to the opening, and forth again, so each body shows the
//! pull request or the issue as it was then: after everything of that second, since nothing orders events of
//! one second, and whichever counts as the last must leave the right state. Requests: for an issue its timeline, for a pull request itself,
//! its timeline, its reviews and the comments on its lines.
//! Deliberately lacking: past due dates of milestones and the sizes of a pull request at its opening, which
//! GitHub does not keep; commits, which `ingest git` reads from the repository itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::changed::{self, List};
use super::cursor::Mark;
use super::{Feed, RestClient};
use crate::Error;

const PER_PAGE: (&str, &str) = ("per_page", "100");

/// Numbers of milestones by their titles: all that a timeline tells of one.
type Milestones = BTreeMap<String, Value>;

pub(super) fn poll(repo: &str, client: &mut RestClient, feed: &mut Feed<'_>) -> Result<(), Error> {
    feed.progress(&format!("{repo} milestones"));
    let path = format!("/repos/{repo}/milestones");
    let milestones = client.pages(&path, &[("state", "all"), PER_PAGE])?;
    for milestone in &milestones {
        tell_milestone(repo, milestone, feed);
    }
    feed.commit("milestones", Mark::default())?;
    let numbers: Milestones = milestones
        .iter()
        .filter_map(|milestone| Some((milestone["title"].as_str()?.to_owned(), milestone["number"].clone())))
        .collect();
    // Pull requests are issues, and this list alone can be read in order of change.
    let list = List {
        name: "issues",
        path: format!("/repos/{repo}/issues"),
        parameters: &[("state", "all"), ("sort", "updated"), ("direction", "asc")],
        since: "since",
        number: "number",
    };
    changed::each(&list, client, feed, &mut |client, feed, issue| {
        feed.progress(&format!("{repo}#{}", issue["number"]));
        match issue.get("pull_request") {
            Some(_) => pull_request(repo, issue, &numbers, client, feed),
            None => ticket(repo, issue, &numbers, client, feed),
        }
    })
}

/// The creation without a date, since the present one may be younger; the present state at its last change.
fn tell_milestone(repo: &str, milestone: &Value, feed: &mut Feed<'_>) {
    let origin = format!("{repo}/milestones/{}", milestone["number"]);
    let body = |action: &str, milestone: &Value| {
        json!({
            "action": action, "repository": {"full_name": repo}, "sender": milestone["creator"],
            "milestone": milestone,
        })
    };
    let mut first = milestone.clone();
    if let Some(first) =
        first.as_object_mut().filter(|first| first.get("updated_at") != first.get("created_at"))
    {
        ["due_on", "state"].iter().for_each(|name| drop(first.remove(*name)));
    }
    feed.tell("milestone", &origin, &body("created", &first));
    if !milestone["closed_at"].is_null() {
        feed.tell("milestone", &origin, &body("closed", milestone));
    }
    feed.tell_reading("milestone", &origin, &body("edited", milestone));
}

fn ticket(
    repo: &str,
    issue: &Value,
    milestones: &Milestones,
    client: &mut RestClient,
    feed: &mut Feed<'_>,
) -> Result<(), Error> {
    let number = &issue["number"];
    let mut timeline = timeline(repo, number, client)?;
    add_untold_end(&mut timeline, issue);
    let origin = format!("{repo}#{number}");
    let told = |action: &str, issue: &Map<String, Value>, beside: Value, by: &Value, feed: &mut Feed<'_>| {
        let mut body =
            json!({"action": action, "repository": {"full_name": repo}, "sender": by, "issue": issue});
        merge(&mut body, beside);
        feed.tell("issues", &origin, &body);
    };
    let mut state = members(issue);
    for event in timeline.iter().rev() {
        undo(&mut state, event, milestones);
    }
    told("opened", &at(&state, &issue["created_at"]), json!({}), &issue["user"], feed);
    for (n, event) in timeline.iter().enumerate() {
        redo_second(&mut state, &timeline, n, milestones);
        let Some((action, beside)) = issue_action(event, milestones) else { continue };
        let mut then = at(&state, &event["created_at"]);
        if action == "closed" {
            then.insert("closed_at".to_owned(), event["created_at"].clone());
        }
        told(action, &then, beside, &event["actor"], feed);
    }
    let body = json!({"action": "edited", "repository": {"full_name": repo}, "issue": issue});
    feed.tell_reading("issues", &origin, &body);
    Ok(())
}

/// What happened to an issue or a pull request, oldest first; commits and reviews are read elsewhere.
fn timeline(repo: &str, number: &Value, client: &mut RestClient) -> Result<Vec<Value>, Error> {
    let mut events = client.pages(&format!("/repos/{repo}/issues/{number}/timeline"), &[PER_PAGE])?;
    events.retain(|event| event["created_at"].is_string());
    Ok(events)
}

/// Of an item that came closed from elsewhere the timeline tells no end, but the item says when it was.
fn add_untold_end(timeline: &mut Vec<Value>, item: &Value) {
    let told = timeline.iter().any(|event| matches!(event["event"].as_str(), Some("closed" | "merged")));
    let Some(closed_at) = item["closed_at"].as_str().filter(|_| !told) else { return };
    let event = if item["merged_at"].is_string() { "merged" } else { "closed" };
    let place = timeline.iter().position(|event| event["created_at"].as_str() > Some(closed_at));
    let end = json!({
        "event": event, "created_at": closed_at, "state_reason": item["state_reason"], "actor": item["closed_by"],
    });
    timeline.insert(place.unwrap_or(timeline.len()), end);
}

fn issue_action(event: &Value, milestones: &Milestones) -> Option<(&'static str, Value)> {
    Some(match event["event"].as_str()? {
        "labeled" => ("labeled", json!({"label": event["label"]})),
        "unlabeled" => ("unlabeled", json!({"label": event["label"]})),
        "assigned" => ("assigned", json!({"assignee": event["assignee"]})),
        "unassigned" => ("unassigned", json!({"assignee": event["assignee"]})),
        "milestoned" => ("milestoned", beside_milestone(event, milestones)),
        "demilestoned" => ("demilestoned", beside_milestone(event, milestones)),
        "renamed" => ("edited", json!({"changes": {"title": {"from": event["rename"]["from"]}}})),
        "closed" => ("closed", json!({})),
        "reopened" => ("reopened", json!({})),
        _ => return None,
    })
}

fn pull_request(
    repo: &str,
    issue: &Value,
    milestones: &Milestones,
    client: &mut RestClient,
    feed: &mut Feed<'_>,
) -> Result<(), Error> {
    let number = &issue["number"];
    let pull = client.get(&client.url(&format!("/repos/{repo}/pulls/{number}"), &[]))?.body;
    let mut timeline = timeline(repo, number, client)?;
    add_untold_end(&mut timeline, &pull);
    let reviews = client.pages(&format!("/repos/{repo}/pulls/{number}/reviews"), &[PER_PAGE])?;
    let comments = client.pages(&format!("/repos/{repo}/pulls/{number}/comments"), &[PER_PAGE])?;
    let change = PullRequest { repo, pull: &pull, origin: format!("{repo}#{number}"), milestones };
    let mut state = members(&pull);
    // What GitHub tells of the present only.
    for name in ["requested_reviewers", "requested_teams", "additions", "deletions", "changed_files", "head"]
    {
        state.remove(name);
    }
    if let Some(branch) = pull["head"]["ref"].as_str() {
        state.insert("head".to_owned(), json!({ "ref": branch }));
    }
    for event in timeline.iter().rev() {
        undo(&mut state, event, milestones);
    }
    change.tell("pull_request", "opened", &at(&state, &pull["created_at"]), json!({}), &pull["user"], feed);
    for (n, event) in timeline.iter().enumerate() {
        redo_second(&mut state, &timeline, n, milestones);
        change.timeline(event, &state, &reviews, feed);
    }
    for review in &reviews {
        let mut review = review.clone();
        // A dismissed review no longer says what it said; its dismissal does.
        let dismissal = timeline.iter().find(|event| event["dismissed_review"]["review_id"] == review["id"]);
        if let Some(was) = dismissal.and_then(|event| event["dismissed_review"]["state"].as_str()) {
            review["state"] = json!(was);
        }
        let (by, beside) = (review["user"].clone(), json!({ "review": review }));
        change.tell("pull_request_review", "submitted", &change.named(), beside, &by, feed);
    }
    for comment in &comments {
        let beside = json!({ "comment": comment });
        change.tell(
            "pull_request_review_comment",
            "created",
            &change.named(),
            beside,
            &comment["user"],
            feed,
        );
    }
    let body = json!({"action": "edited", "repository": {"full_name": repo}, "pull_request": pull});
    feed.tell_reading("pull_request", &change.origin, &body);
    Ok(())
}

/// A pull request and where it is.
struct PullRequest<'a> {
    repo: &'a str,
    pull: &'a Value,
    origin: String,
    milestones: &'a Milestones,
}

impl PullRequest<'_> {
    fn tell(
        &self,
        name: &str,
        action: &str,
        pull: &Map<String, Value>,
        beside: Value,
        by: &Value,
        feed: &mut Feed<'_>,
    ) {
        let mut body =
            json!({"action": action, "repository": {"full_name": self.repo}, "pull_request": pull});
        if !by.is_null() {
            body["sender"] = by.clone();
        }
        merge(&mut body, beside);
        feed.tell(name, &self.origin, &body);
    }

    /// What never changes about it.
    fn named(&self) -> Map<String, Value> {
        let names = ["number", "user", "created_at"];
        names.iter().map(|name| ((*name).to_owned(), self.pull[*name].clone())).collect()
    }

    fn timeline(&self, event: &Value, state: &Map<String, Value>, reviews: &[Value], feed: &mut Feed<'_>) {
        let (time, by) = (&event["created_at"], &event["actor"]);
        let mut then = at(state, time);
        let merged = !self.pull["merged_at"].is_null();
        let (action, beside) = match event["event"].as_str().unwrap_or_default() {
            "ready_for_review" => ("ready_for_review", json!({})),
            "convert_to_draft" => ("converted_to_draft", json!({})),
            "reopened" => ("reopened", json!({})),
            // A merge closes as well; it is one fact.
            "closed" if merged && time == &self.pull["closed_at"] => return,
            "closed" => {
                then.extend([("closed_at".to_owned(), time.clone()), ("merged".to_owned(), json!(false))]);
                ("closed", json!({}))
            }
            "merged" => {
                then = at(&members(self.pull), time);
                then.insert("merged".to_owned(), json!(true));
                ("closed", json!({}))
            }
            "labeled" => ("labeled", json!({"label": event["label"]})),
            "unlabeled" => ("unlabeled", json!({"label": event["label"]})),
            "milestoned" => ("milestoned", beside_milestone(event, self.milestones)),
            "demilestoned" => ("demilestoned", beside_milestone(event, self.milestones)),
            "renamed" => ("edited", json!({"changes": {"title": {"from": event["rename"]["from"]}}})),
            "review_requested" => ("review_requested", asked(event)),
            "review_request_removed" => ("review_request_removed", asked(event)),
            "review_dismissed" => {
                let id = &event["dismissed_review"]["review_id"];
                let Some(review) = reviews.iter().find(|review| review["id"] == *id) else { return };
                let mut named = self.named();
                named.insert("updated_at".to_owned(), time.clone());
                let beside = json!({ "review": review });
                return self.tell("pull_request_review", "dismissed", &named, beside, by, feed);
            }
            "commented" => {
                let user = if event["user"].is_null() { by } else { &event["user"] };
                let body = json!({
                    "action": "created", "repository": {"full_name": self.repo}, "sender": user,
                    "issue": {"number": self.pull["number"], "user": self.pull["user"], "pull_request": {}},
                    "comment": {"id": event["id"], "user": user, "created_at": time},
                });
                return feed.tell("issue_comment", &self.origin, &body);
            }
            _ => return,
        };
        self.tell("pull_request", action, &then, beside, by, feed);
    }
}

fn asked(event: &Value) -> Value {
    match event.get("requested_team") {
        Some(team) if !team.is_null() => json!({ "requested_team": team }),
        _ => json!({"requested_reviewer": event["requested_reviewer"]}),
    }
}

/// The milestone of an event, where its title still names one.
fn milestone(event: &Value, milestones: &Milestones) -> Option<Value> {
    let title = event["milestone"]["title"].as_str()?;
    Some(json!({"title": title, "number": milestones.get(title)?}))
}

fn beside_milestone(event: &Value, milestones: &Milestones) -> Value {
    json!({"milestone": milestone(event, milestones)})
}

fn members(item: &Value) -> Map<String, Value> {
    item.as_object().cloned().unwrap_or_default()
}

fn merge(body: &mut Value, beside: Value) {
    if let (Some(body), Value::Object(beside)) = (body.as_object_mut(), beside) {
        body.extend(beside);
    }
}

/// As it was at that time, which a webhook would have called its last change.
fn at(state: &Map<String, Value>, time: &Value) -> Map<String, Value> {
    let mut then = state.clone();
    then.insert("updated_at".to_owned(), time.clone());
    then
}

/// Takes back what an event did.
fn undo(state: &mut Map<String, Value>, event: &Value, milestones: &Milestones) {
    match event["event"].as_str().unwrap_or_default() {
        "labeled" => without(state, "labels", "name", &event["label"]),
        "unlabeled" => with(state, "labels", "name", &event["label"]),
        "assigned" => without(state, "assignees", "login", &event["assignee"]),
        "unassigned" => with(state, "assignees", "login", &event["assignee"]),
        "milestoned" => set_milestone(state, Some(Value::Null)),
        "demilestoned" => set_milestone(state, milestone(event, milestones)),
        "renamed" => set(state, "title", event["rename"]["from"].clone()),
        "closed" | "merged" => open(state),
        "reopened" => set(state, "state", json!("closed")),
        "ready_for_review" => set(state, "draft", json!(true)),
        "convert_to_draft" => set(state, "draft", json!(false)),
        _ => {}
    }
}

/// At the first event of a second, does all of that second again.
fn redo_second(state: &mut Map<String, Value>, timeline: &[Value], n: usize, milestones: &Milestones) {
    let time = &timeline[n]["created_at"];
    if n == 0 || timeline[n - 1]["created_at"] != *time {
        let second = timeline[n..].iter().take_while(|event| event["created_at"] == *time);
        second.for_each(|event| redo(state, event, milestones));
    }
}

/// Does it again.
fn redo(state: &mut Map<String, Value>, event: &Value, milestones: &Milestones) {
    match event["event"].as_str().unwrap_or_default() {
        "labeled" => with(state, "labels", "name", &event["label"]),
        "unlabeled" => without(state, "labels", "name", &event["label"]),
        "assigned" => with(state, "assignees", "login", &event["assignee"]),
        "unassigned" => without(state, "assignees", "login", &event["assignee"]),
        "milestoned" => set_milestone(state, milestone(event, milestones)),
        "demilestoned" => set_milestone(state, Some(Value::Null)),
        "renamed" => set(state, "title", event["rename"]["to"].clone()),
        "closed" => {
            set(state, "state", json!("closed"));
            set(state, "state_reason", event["state_reason"].clone());
        }
        "reopened" => open(state),
        "ready_for_review" => set(state, "draft", json!(false)),
        "convert_to_draft" => set(state, "draft", json!(true)),
        _ => {}
    }
}

fn open(state: &mut Map<String, Value>) {
    set(state, "state", json!("open"));
    for name in ["state_reason", "closed_at", "merged_at", "merged_by"] {
        set(state, name, Value::Null);
    }
    if state.contains_key("merged") {
        set(state, "merged", json!(false));
    }
}

fn set(state: &mut Map<String, Value>, name: &str, value: Value) {
    state.insert(name.to_owned(), value);
}

/// A milestone that no longer exists under its title is not known, so nothing is said of it.
fn set_milestone(state: &mut Map<String, Value>, milestone: Option<Value>) {
    match milestone {
        Some(milestone) => set(state, "milestone", milestone),
        None => drop(state.remove("milestone")),
    }
}

fn with(state: &mut Map<String, Value>, list: &str, name: &str, item: &Value) {
    if item[name].is_null() {
        return;
    }
    without(state, list, name, item);
    if let Some(items) = state.entry(list.to_owned()).or_insert_with(|| json!([])).as_array_mut() {
        items.push(item.clone());
    }
}

fn without(state: &mut Map<String, Value>, list: &str, name: &str, item: &Value) {
    if let Some(items) = state.get_mut(list).and_then(Value::as_array_mut) {
        items.retain(|other| other[name] != item[name]);
    }
}
