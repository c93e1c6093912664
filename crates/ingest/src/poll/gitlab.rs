//! GitLab: merge requests with their notes, issues, and milestones, over the REST interface.
//!
//! GitLab keeps what happened in lists of its own (states, labels, milestones) and in notes that it writes
//! itself ("assigned to @ada", "changed due date to March 2, 2026"). What is there now is led back through
//! them to the opening, and forth again, so each body shows the issue as it was then: after everything of that
//! second, since nothing orders events of one second, and whichever counts as the last must leave the right state.
//! Invariant: times are cut to whole seconds, as the webhooks tell them, so that both give one id.
//! Deliberately lacking: past titles, weights and dates of milestones, which those lists do not tell.

mod notes;

use serde_json::{Map, Value, json};

use super::changed::{self, List};
use super::cursor::Mark;
use super::{Feed, RestClient};
use crate::Error;
use notes::Fact;

const PER_PAGE: (&str, &str) = ("per_page", "100");
/// How far apart the times are of a change of state and of the note about it, at most.
const NOTED_WITHIN_US: u64 = 5_000_000;

pub(super) fn poll(project: &str, client: &mut RestClient, feed: &mut Feed<'_>) -> Result<(), Error> {
    let root = format!("/api/v4/projects/{}", project.replace('/', "%2F"));
    feed.progress(&format!("{project} milestones"));
    for milestone in client.pages(&format!("{root}/milestones"), &[PER_PAGE])? {
        tell_milestone(project, &milestone, feed);
    }
    feed.commit("milestones", Mark::default())?;
    for (name, take) in [
        ("issues", issue as fn(&Place<'_>, &Value, &mut RestClient, &mut Feed<'_>) -> Result<(), Error>),
        ("merge_requests", merge_request),
    ] {
        let list = List {
            name,
            path: format!("{root}/{name}"),
            parameters: &[("scope", "all"), ("order_by", "updated_at"), ("sort", "asc")],
            since: "updated_after",
            number: "iid",
        };
        changed::each(&list, client, feed, &mut |client, feed, item| {
            let place = Place { project, path: format!("{root}/{name}/{}", item["iid"]), item };
            feed.progress(&place.origin());
            take(&place, item, client, feed)
        })?;
    }
    Ok(())
}

/// An issue or a merge request, and where it is.
struct Place<'p> {
    project: &'p str,
    path: String,
    item: &'p Value,
}

impl Place<'_> {
    fn origin(&self) -> String {
        format!("{} {}", self.project, self.item["web_url"].as_str().unwrap_or(&self.path))
    }

    /// What happened to it, oldest first.
    fn happened(&self, client: &mut RestClient) -> Result<Vec<Occurrence>, Error> {
        let mut all = Vec::new();
        for list in ["resource_state_events", "resource_label_events", "resource_milestone_events"] {
            for event in client.pages(&format!("{}/{list}", self.path), &[PER_PAGE])? {
                all.extend(Occurrence::of_event(list, &event));
            }
        }
        let parameters = [("sort", "asc"), ("order_by", "created_at"), PER_PAGE];
        let mut noted = Vec::new();
        for note in client.pages(&format!("{}/notes", self.path), &parameters)? {
            for what in notes::said(&note) {
                noted.push(Occurrence::new(&note["created_at"], &note["author"], what));
            }
        }
        // The list of states began with GitLab 13.2; before it, and beside it, notes tell the same.
        noted.retain(|note| !all.iter().any(|event| event.tells_state_of(note)));
        all.append(&mut noted);
        all.sort_by(|a, b| a.time.cmp(&b.time));
        self.close(&mut all);
        Ok(all)
    }

    /// An item that is closed, and of which nothing tells the closing, was closed when it says.
    fn close(&self, all: &mut Vec<Occurrence>) {
        let told = all.iter().rev().find_map(|one| match &one.what {
            Fact::State(state) => Some(state.as_str()),
            _ => None,
        });
        if self.item["state"] != "closed" || told == Some("closed") {
            return;
        }
        let at = if self.item["closed_at"].is_string() { "closed_at" } else { "updated_at" };
        let closing =
            Occurrence::new(&self.item[at], &self.item["closed_by"], Fact::State("closed".to_owned()));
        let place = all.partition_point(|one| one.time <= closing.time);
        all.insert(place, closing);
    }
}

/// One thing that happened, and when, to the second.
struct Occurrence {
    time: String,
    by: Value,
    what: Fact,
}

impl Occurrence {
    /// Whether both tell one change of state: a note is written within the same moment.
    fn tells_state_of(&self, note: &Occurrence) -> bool {
        let both = matches!(note.what, Fact::State(_)) && self.what == note.what;
        let apart =
            event::parse_time(&self.time).zip(event::parse_time(&note.time)).map(|(a, b)| a.abs_diff(b));
        both && apart.is_some_and(|apart| apart <= NOTED_WITHIN_US)
    }

    fn new(time: &Value, by: &Value, what: Fact) -> Occurrence {
        Occurrence { time: second(time), by: by.clone(), what }
    }

    fn of_event(list: &str, event: &Value) -> Option<Occurrence> {
        let added = event["action"] == "add";
        let what = match list {
            "resource_state_events" => Fact::State(event["state"].as_str()?.to_owned()),
            "resource_label_events" => {
                Fact::Label { title: event["label"]["name"].as_str()?.to_owned(), added }
            }
            _ => Fact::Milestone { id: event["milestone"]["id"].clone(), added },
        };
        Some(Occurrence::new(&event["created_at"], &event["user"], what))
    }
}

/// The part of an item that changes, as the lists tell it.
#[derive(Clone)]
struct ItemState {
    /// Members of `object_attributes`.
    attributes: Map<String, Value>,
    labels: Vec<String>,
    assignees: Vec<String>,
    opened: bool,
}

impl ItemState {
    fn now(item: &Value) -> ItemState {
        let mut attributes = Map::new();
        for name in
            ["iid", "title", "description", "draft", "target_branch", "source_branch", "due_date", "weight"]
        {
            if let Some(value) = item.get(name) {
                attributes.insert(name.to_owned(), value.clone());
            }
        }
        for name in ["created_at", "closed_at", "merged_at"] {
            if item[name].is_string() {
                attributes.insert(name.to_owned(), json!(second(&item[name])));
            }
        }
        attributes.insert("url".to_owned(), item["web_url"].clone());
        attributes.insert("author_id".to_owned(), item["author"]["id"].clone());
        attributes.insert("milestone_id".to_owned(), item["milestone"]["id"].clone());
        // Bodies number the other issue, the interface has the address of the one that this is a duplicate of.
        let others = [
            ("moved_to_id", &item["moved_to_id"]),
            ("duplicated_to_id", &item["_links"]["closed_as_duplicate_of"]),
        ];
        for (name, other) in others.into_iter().filter(|(_, other)| !other.is_null()) {
            attributes.insert(name.to_owned(), other.clone());
        }
        if let Some(kind) = item.get("issue_type").or_else(|| item.get("type")) {
            attributes.insert("type".to_owned(), kind.clone());
        }
        if item["confidential"] == true {
            attributes.insert("confidential".to_owned(), json!(true));
        }
        let texts = |list: &Value, of: fn(&Value) -> &Value| -> Vec<String> {
            let items = list.as_array().into_iter().flatten();
            items.filter_map(|item| Some(of(item).as_str()?.to_owned())).collect()
        };
        ItemState {
            attributes,
            labels: texts(&item["labels"], |label| label),
            assignees: texts(&item["assignees"], |person| &person["username"]),
            opened: item["state"] == "opened",
        }
    }

    /// Does what was done, or takes it back.
    fn apply(&mut self, what: &Fact, back: bool) {
        match what {
            Fact::State(state) => self.opened = (state == "reopened") != back,
            Fact::Label { title, added } => put(&mut self.labels, title, *added != back),
            Fact::Assigned(name) => put(&mut self.assignees, name, !back),
            Fact::Unassigned(name) => put(&mut self.assignees, name, back),
            Fact::Milestone { id, added } => {
                let id = if *added == back { Value::Null } else { id.clone() };
                self.attributes.insert("milestone_id".to_owned(), id);
            }
            // What the date was before, only the note before it tells.
            Fact::Due(_) if back => drop(self.attributes.remove("due_date")),
            Fact::Due(day) => drop(self.attributes.insert("due_date".to_owned(), json!(day))),
            Fact::Draft(draft) => drop(self.attributes.insert("draft".to_owned(), json!(*draft != back))),
            Fact::Comment { .. }
            | Fact::Asked(_)
            | Fact::AskedNoMore(_)
            | Fact::Approved
            | Fact::Unapproved => {}
        }
    }
}

fn put(list: &mut Vec<String>, item: &str, there: bool) {
    list.retain(|other| other != item);
    if there {
        list.push(item.to_owned());
    }
}

/// A body of this kind and action, with the item as it was.
fn body(place: &Place<'_>, kind: &str, action: &str, state: &ItemState, time: &str, by: &Value) -> Value {
    let mut attributes = state.attributes.clone();
    attributes.insert("action".to_owned(), json!(action));
    attributes.insert("updated_at".to_owned(), json!(time));
    attributes.insert("state".to_owned(), json!(if state.opened { "opened" } else { "closed" }));
    let titles: Vec<Value> = state.labels.iter().map(|title| json!({ "title": title })).collect();
    attributes.insert("labels".to_owned(), json!(titles));
    let mut body = json!({
        "object_kind": kind,
        "project": {"path_with_namespace": place.project, "id": place.item["project_id"]},
        "user": by, "object_attributes": attributes,
    });
    if kind == "issue" {
        let people: Vec<Value> = state.assignees.iter().map(|name| person(place, name)).collect();
        body["assignees"] = json!(people);
    }
    if action != "open" {
        // The normaliser finds the author by number among the people of the body; of an opening it is the user.
        body["reviewers"] = json!([place.item["author"]]);
    }
    body
}

/// A user by name, with what the item says of them.
fn person(place: &Place<'_>, name: &str) -> Value {
    let lists = ["assignees", "reviewers"].iter().filter_map(|list| place.item[*list].as_array()).flatten();
    let known = lists.chain([&place.item["author"]]).find(|person| person["username"] == name);
    known.cloned().unwrap_or_else(|| json!({ "username": name }))
}

/// Back through what happened, to the opening.
fn first(item: &Value, happened: &[Occurrence]) -> ItemState {
    let mut state = ItemState::now(item);
    happened.iter().rev().for_each(|one| state.apply(&one.what, true));
    state.opened = true;
    state
}

/// At the first thing of a second, does all of that second again.
fn redo_second(before: &mut ItemState, state: &mut ItemState, happened: &[Occurrence], n: usize) {
    let time = &happened[n].time;
    if n == 0 || happened[n - 1].time != *time {
        *before = state.clone();
        let second = happened[n..].iter().take_while(|one| one.time == *time);
        second.for_each(|one| state.apply(&one.what, false));
    }
}

fn issue(place: &Place<'_>, item: &Value, client: &mut RestClient, feed: &mut Feed<'_>) -> Result<(), Error> {
    let happened = place.happened(client)?;
    let mut state = first(item, &happened);
    let opened = second(&item["created_at"]);
    feed.tell("Issue Hook", &place.origin(), &body(place, "issue", "open", &state, &opened, &item["author"]));
    let (mut before, mut last) = (state.clone(), Value::Null);
    for (n, one) in happened.iter().enumerate() {
        redo_second(&mut before, &mut state, &happened, n);
        let (action, changes) = match &one.what {
            Fact::State(state) if state == "closed" => ("close", json!({})),
            Fact::State(state) if state == "reopened" => ("reopen", json!({})),
            what => ("update", changes(what, &before, &state)),
        };
        if action == "update" && changes.as_object().is_none_or(Map::is_empty) {
            continue;
        }
        let mut body = body(place, "issue", action, &state, &one.time, &one.by);
        if action == "close" {
            body["object_attributes"]["closed_at"] = json!(one.time);
        }
        body["changes"] = changes;
        // Who was assigned and who no longer is are one change.
        if body != last {
            feed.tell("Issue Hook", &place.origin(), &body);
        }
        last = body;
    }
    let updated = second(&item["updated_at"]);
    let now = body(place, "issue", "update", &ItemState::now(item), &updated, &Value::Null);
    feed.tell_reading("Issue Hook", &place.origin(), &now);
    Ok(())
}

/// What one thing changed, as a webhook tells it.
fn changes(what: &Fact, before: &ItemState, after: &ItemState) -> Value {
    let people =
        |names: &[String]| -> Vec<Value> { names.iter().map(|name| json!({ "username": name })).collect() };
    let titles =
        |names: &[String]| -> Vec<Value> { names.iter().map(|name| json!({ "title": name })).collect() };
    let both =
        |name: &str| json!({"previous": before.attributes.get(name), "current": after.attributes.get(name)});
    match what {
        Fact::Label { .. } => {
            json!({"labels": {"previous": titles(&before.labels), "current": titles(&after.labels)}})
        }
        Fact::Assigned(_) | Fact::Unassigned(_) => {
            json!({"assignees": {"previous": people(&before.assignees), "current": people(&after.assignees)}})
        }
        Fact::Milestone { .. } => json!({"milestone_id": both("milestone_id")}),
        Fact::Due(_) => json!({"due_date": both("due_date")}),
        Fact::Draft(draft) => json!({"draft": {"previous": !draft, "current": draft}}),
        _ => json!({}),
    }
}

fn merge_request(
    place: &Place<'_>,
    item: &Value,
    client: &mut RestClient,
    feed: &mut Feed<'_>,
) -> Result<(), Error> {
    let happened = place.happened(client)?;
    let mut state = first(item, &happened);
    let kind = "merge_request";
    let origin = place.origin();
    // An approval tells no time but that of its receipt.
    let mut tell = |name: &str, body: &Value, time: &str| {
        feed.tell_at(name, &origin, body, event::parse_time(time).unwrap_or(-1));
    };
    let opened = second(&item["created_at"]);
    let first = &body(place, kind, "open", &state, &opened, &item["author"]);
    tell("Merge Request Hook", first, &opened);
    let mut before = state.clone();
    for (n, one) in happened.iter().enumerate() {
        redo_second(&mut before, &mut state, &happened, n);
        let of = |action: &str| body(place, kind, action, &state, &one.time, &one.by);
        let told = match &one.what {
            Fact::State(state) if state == "closed" => {
                let mut body = of("close");
                body["object_attributes"]["closed_at"] = json!(one.time);
                body
            }
            Fact::State(state) if state == "reopened" => of("reopen"),
            // The merge request itself says when it was merged.
            Fact::State(_) | Fact::Assigned(_) | Fact::Unassigned(_) | Fact::Due(_) => continue,
            Fact::Approved => of("approved"),
            Fact::Unapproved => of("unapproved"),
            Fact::Comment { id } => {
                let mut body = of("");
                body["merge_request"] = body["object_attributes"].take();
                body["object_kind"] = json!("note");
                body["object_attributes"] =
                    json!({"id": id, "noteable_type": "MergeRequest", "created_at": one.time});
                tell("Note Hook", &body, &one.time);
                continue;
            }
            Fact::Asked(name) => {
                let mut body = of("update");
                body["changes"] = json!({"reviewers": [[], [person(place, name)]]});
                body
            }
            Fact::AskedNoMore(name) => {
                let mut body = of("update");
                body["changes"] = json!({"reviewers": [[person(place, name)], []]});
                body
            }
            what => {
                let mut body = of("update");
                body["changes"] = changes(what, &before, &state);
                body
            }
        };
        tell("Merge Request Hook", &told, &one.time);
    }
    if item["merged_at"].is_string() {
        let time = second(&item["merged_at"]);
        tell("Merge Request Hook", &merged(place, &time), &time);
    }
    let mut now =
        body(place, kind, "update", &ItemState::now(item), &second(&item["updated_at"]), &Value::Null);
    now["object_attributes"]["last_commit"] = json!({"id": item["sha"]});
    // An update that names no change tells nothing.
    now["changes"] = json!({"title": {"previous": null, "current": item["title"]}});
    feed.tell_reading("Merge Request Hook", &origin, &now);
    Ok(())
}

/// The merge, which the merge request itself tells best.
fn merged(place: &Place<'_>, time: &str) -> Value {
    let item = place.item;
    let by = if item["merge_user"].is_object() { &item["merge_user"] } else { &item["merged_by"] };
    let mut merged = body(place, "merge_request", "merge", &ItemState::now(item), time, by);
    merged["object_attributes"]["last_commit"] = json!({"id": item["sha"]});
    merged
}

/// The creation without dates, since the present ones may be younger; the present state at its last change.
fn tell_milestone(project: &str, milestone: &Value, feed: &mut Feed<'_>) {
    let origin = format!("{project} milestone {}", milestone["iid"]);
    let body = |action: &str, milestone: &Value| {
        json!({
            "object_kind": "milestone", "action": action,
            "project": {"path_with_namespace": project, "id": milestone["project_id"]},
            "object_attributes": milestone,
        })
    };
    let told = |action: &str, dates: bool| {
        let mut attributes = milestone.clone();
        for name in ["created_at", "updated_at"] {
            attributes[name] = json!(second(&milestone[name]));
        }
        attributes["action"] = json!(action);
        if let Some(attributes) = attributes.as_object_mut().filter(|_| !dates) {
            ["due_date", "start_date", "state"].iter().for_each(|name| drop(attributes.remove(*name)));
        }
        body(action, &attributes)
    };
    feed.tell("Milestone Hook", &origin, &told("create", milestone["updated_at"] == milestone["created_at"]));
    if milestone["state"] == "closed" {
        feed.tell("Milestone Hook", &origin, &told("close", true));
    }
    feed.tell_reading("Milestone Hook", &origin, &told("update", true));
}

/// `2026-03-02T09:14:00.123Z` as `2026-03-02T09:14:00Z`, which is how webhooks tell it.
fn second(time: &Value) -> String {
    let text = time.as_str().unwrap_or_default();
    match (text.split_once('.'), text.get(19..)) {
        (Some((clock, fraction)), Some(_)) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{clock}{zone}")
        }
        _ => text.to_owned(),
    }
}
