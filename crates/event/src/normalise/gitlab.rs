//! GitLab: bodies of project, group and system hooks.
//!
//! A merge request is a change, an issue or work item a ticket, a milestone a milestone, a pushed commit a
//! commit.
//! Invariants: an id is made of what the fact is about and of the fact's own time; a person is a user name,
//! or not told: numbers of users, which some bodies have alone, name nobody.
//! Deliberately absent: pipelines, deployments and releases, which no table holds; titles of confidential
//! issues.

mod issue;
mod merge_request;
mod milestone;
mod push;

use serde_json::{Map, Value, json};

use super::body::{self, at, flag, id, list, moment, need_text, person, text};
use super::{Account, Delivery, Draft, Normalised};
use crate::reject::Reject;
use crate::site::site_of_link;
use crate::trace::clip;

/// Kinds that GitLab documents and that say nothing about commits, changes or tickets.
const SILENT: [&str; 17] = [
    "access_token",
    "build",
    "deployment",
    "emoji",
    "feature_flag",
    "group_create",
    "group_destroy",
    "job",
    "member",
    "pipeline",
    "project",
    "release",
    "subgroup",
    "tag_push",
    "vulnerability",
    "wiki_page",
    "repository_update",
];

/// The body of a webhook and what its surroundings say.
struct GitLabHook<'a> {
    body: &'a Value,
    /// The project's path with its groups; of a group's milestone the group's path.
    repo: &'a str,
    /// The hook's name, or the body, says that what it tells is not for everybody.
    confidential: bool,
    received_us: i64,
}

pub(super) fn normalise(delivery: &Delivery<'_>, body: &Value) -> Result<Normalised, Reject> {
    let kind = match text(body, "object_kind")? {
        Some(kind) => kind,
        None => text(body, "event_name")?.or(delivery.name).unwrap_or("unknown"),
    };
    let action = text(body, "object_attributes.action")?.unwrap_or_default();
    let name = match action {
        "" => clip(kind).to_owned(),
        _ => format!("{}.{}", clip(kind), clip(action)),
    };
    if SILENT.contains(&kind) {
        return Ok(Normalised::known(name, Vec::new()));
    }
    let hook = || -> Result<GitLabHook<'_>, Reject> {
        let named = delivery.name.is_some_and(|name| name.starts_with("Confidential"));
        let typed = text(body, "event_type")?.is_some_and(|type_| type_.starts_with("confidential"));
        let marked = flag(body, "object_attributes.confidential")? == Some(true);
        let confidential = named || typed || marked;
        Ok(GitLabHook { body, repo: repo(body)?, confidential, received_us: delivery.received_us })
    };
    let events = match kind {
        "merge_request" => merge_request::events(action, &hook()?)?,
        "note" => Some(merge_request::note(action, &hook()?)?),
        "issue" | "work_item" => issue::events(action, &hook()?)?,
        "milestone" => milestone::events(action, &hook()?)?,
        "push" => Some(push::commits(&hook()?)?),
        _ => None,
    };
    Ok(match events {
        Some(mut events) => {
            if !events.is_empty() {
                events.extend(machines(body)?);
            }
            Normalised::known(name, events)
        }
        None => Normalised::unknown(name),
    })
}

/// Accounts in the body that are machines by the name beside the user name, or by what the interface says of them.
fn machines(body: &Value) -> Result<Vec<Draft>, Reject> {
    let listed = ["reviewers", "assignees"].iter().filter_map(|name| at(body, name)?.as_array()).flatten();
    let alone = ["user", "assignee"].iter().filter_map(|name| at(body, name));
    let mut events = Vec::new();
    for found in alone.chain(listed) {
        let Some((person, key)) = user(found)?.zip(text(found, "username")?) else { continue };
        let service = found["bot"] == true;
        let beside = [text(found, "name")?, text(found, "email")?];
        events.extend(Account { person, key: key.to_owned(), beside, service }.machine("gitlab"));
    }
    events.sort_by(|a, b| a.id.cmp(&b.id));
    events.dedup_by(|a, b| a.id == b.id);
    Ok(events)
}

fn repo(body: &Value) -> Result<&str, Reject> {
    for path in ["project.path_with_namespace", "group.full_path", "group.group_path", "group.path"] {
        if let Some(repo) = text(body, path)?.filter(|repo| !repo.is_empty()) {
            return Ok(repo);
        }
    }
    Err(body::missing("project.path_with_namespace"))
}

impl<'a> GitLabHook<'a> {
    fn source(&self) -> String {
        const LINKS: [&str; 7] = [
            "project.web_url",
            "group.web_url",
            "object_attributes.url",
            "object_attributes.web_url",
            "merge_request.url",
            "project.homepage",
            "repository.homepage",
        ];
        let link = LINKS.iter().find_map(|path| at(self.body, path)?.as_str());
        match link.and_then(|link| site_of_link(link, self.repo)) {
            Some(site) => format!("gitlab:https://{site}/{}", self.repo),
            None => format!("gitlab:{}", self.repo),
        }
    }

    /// The project's number; of a group's milestone there is none.
    fn repo_id(&self) -> Option<String> {
        at(self.body, "project.path_with_namespace")?;
        ["project.id", "project_id"].iter().find_map(|path| id(self.body, path).ok().flatten())
    }

    /// The first of these times that the body tells, else when it was received; as a time, and as a part
    /// of an id.
    fn when(&self, paths: &[&str]) -> Result<body::When, Reject> {
        for path in paths {
            if let Some(time) = moment(self.body, &format!("object_attributes.{path}"))? {
                return body::when(Some(time), self.received_us, self.body);
            }
        }
        body::when(None, self.received_us, self.body)
    }

    /// An event about `subject`; `fact` is the id's last part.
    fn draft(&self, kind: &'static str, subject: &str, fact: &str, time: String) -> Draft {
        let id = format!("gitlab:{subject}:{fact}");
        Draft::new(kind, id, self.source(), time, subject.to_owned()).with_some("repo_id", self.repo_id())
    }

    /// Who did it.
    fn by(&self) -> Result<Option<Value>, Reject> {
        at(self.body, "user").map_or(Ok(None), user)
    }

    /// The user with this number, where the body has more of them than the number.
    fn user_numbered(&self, number: &str) -> Result<Option<Value>, Reject> {
        let listed = ["reviewers", "assignees"].iter().filter_map(|name| at(self.body, name)?.as_array());
        let alone = ["user", "assignee"].iter().filter_map(|name| at(self.body, name));
        for found in alone.chain(listed.flatten()) {
            if id(found, "id")?.is_some_and(|found| found == number) {
                return user(found);
            }
        }
        Ok(None)
    }
}

/// A user as our events name a person. Addresses that are hidden are not left out but filled with a word.
fn user(user: &Value) -> Result<Option<Value>, Reject> {
    let email = text(user, "email")?.filter(|email| email.contains('@'));
    Ok(person(text(user, "name")?, email, text(user, "username")?))
}

/// What tells users apart in a body: the user name, else the number.
fn user_key(user: &Value) -> Result<Option<String>, Reject> {
    match text(user, "username")? {
        Some(name) if !name.is_empty() => Ok(Some(name.to_owned())),
        _ => id(user, "id"),
    }
}

/// The titles of labels.
fn labels(value: &Value, path: &str) -> Result<Option<Vec<String>>, Reject> {
    let Some(labels) = list(value, path)? else { return Ok(None) };
    labels
        .iter()
        .map(|label| need_text(label, "title").map(str::to_owned))
        .collect::<Result<_, _>>()
        .map(Some)
}

/// The milestone with this number, which no two projects or groups of a GitLab share.
fn milestone_id(number: &str) -> String {
    format!("milestone/{number}")
}

/// The milestone of an issue or a merge request: null where the body says that there is none.
fn milestone_of(value: &Value) -> Result<Option<Value>, Reject> {
    if body::is_null(value, "milestone_id") {
        return Ok(Some(Value::Null));
    }
    Ok(id(value, "milestone_id")?.map(|number| json!(milestone_id(&number))))
}

/// Both sides of a changed field; GitLab gives them by name or, for reviewers, as a pair.
fn sides<'a>(changes: &'a Value, field: &str) -> Option<(&'a Value, &'a Value)> {
    let change = changes.get(field)?;
    match change.as_array().map(Vec::as_slice) {
        Some([previous, current]) => Some((previous, current)),
        Some(_) => None,
        None => Some((&change["previous"], &change["current"])),
    }
}

/// What the body says was changed, by our names of the fields.
fn changes(hook: &GitLabHook<'_>, fields: &[(&str, &str)]) -> Map<String, Value> {
    let Some(changes) = at(hook.body, "changes") else { return Map::new() };
    let both = fields.iter().filter_map(|(theirs, ours)| {
        let (from, to) = sides(changes, theirs)?;
        let (from, to) = (plain(theirs, from), plain(theirs, to));
        (from != to).then(|| ((*ours).to_owned(), json!({ "from": from, "to": to })))
    });
    both.collect()
}

/// One side of a change as our fields have it: labels by title, people by user name.
fn plain(field: &str, value: &Value) -> Value {
    match (field, value) {
        ("milestone_id", Value::Number(number)) => json!(milestone_id(&number.to_string())),
        (_, Value::Array(items)) => items
            .iter()
            .filter_map(|item| item.get("title").or_else(|| item.get("username")))
            .filter(|name| name.is_string())
            .cloned()
            .collect(),
        (_, Value::Object(_)) => Value::Null,
        (_, value) => value.clone(),
    }
}
