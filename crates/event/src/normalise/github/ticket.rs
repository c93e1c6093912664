//! Issues, their place under other issues, and milestones.
//!
//! A ticket's id is `owner/name#12`: what commit messages and pull requests call it, so that these join. A
//! transfer gives an issue a new number in another repository, and no id of GitHub's survives that: the
//! old ticket is deleted, and `changes` tells the new one.
//! Invariant: every event but a deletion and a move under a parent carries the issue as it is now.
//! Deliberately absent: points and due dates of issues, which GitHub does not have.

use serde_json::{Map, Value, json};

use super::{Events, GitHubHook, change, edited, labels, login, milestone_id, milestone_of};
use crate::normalise::Draft;
use crate::normalise::body::{self, at, is_null, list, moment, need_id, need_object, need_text, text, wrong};
use crate::reject::Reject;

/// What labels say of an issue's kind, where it has no type; the first that one of them matches counts.
const KINDS: [(&str, &str); 15] = [
    ("incident", "incident"),
    ("outage", "incident"),
    ("bug", "bug"),
    ("defect", "bug"),
    ("regression", "bug"),
    ("epic", "epic"),
    ("goal", "goal"),
    ("objective", "goal"),
    ("story", "story"),
    ("user story", "story"),
    ("feature", "story"),
    ("feature request", "story"),
    ("enhancement", "story"),
    ("task", "task"),
    ("chore", "task"),
];
/// The kind of an issue that neither type nor labels tell.
const PLAIN: &str = "task";

/// An issue that a body is about.
struct Issue<'a> {
    hook: &'a GitHubHook<'a>,
    issue: &'a Value,
    repo: &'a str,
    number: String,
}

pub(super) fn issue(action: &str, hook: &GitHubHook<'_>) -> Events {
    let body = need_object(hook.body, "issue")?;
    if at(body, "pull_request").is_some() {
        return change::as_issue(action, hook);
    }
    let issue = Issue::new(hook, body, hook.repo)?;
    let updated = || hook.time("issue.updated_at");
    let (kind, fact, time) = match action {
        "opened" => ("ticket.created", "opened".to_owned(), hook.time("issue.created_at")?),
        "closed" => {
            let time = hook.time("issue.closed_at")?;
            ("ticket.closed", format!("closed:{time}"), time)
        }
        "reopened" => {
            let time = updated()?;
            ("ticket.reopened", format!("reopened:{time}"), time)
        }
        "edited" | "labeled" | "unlabeled" | "assigned" | "unassigned" | "milestoned" | "demilestoned"
        | "typed" | "untyped" => {
            let (what, time) = (subject_of(action, hook.body)?, updated()?);
            ("ticket.updated", format!("{action}:{what}:{time}"), time)
        }
        "deleted" => return issue.deleted("deleted", None).map(|draft| Some(vec![draft])),
        "transferred" => {
            let to = issue.transferred_to()?;
            return issue.deleted("transferred", to).map(|draft| Some(vec![draft]));
        }
        "pinned" | "unpinned" | "locked" | "unlocked" | "field_added" | "field_removed" => {
            return Ok(Some(Vec::new()));
        }
        _ => return Ok(None),
    };
    let draft = issue.snapshot(issue.draft(kind, &fact, time))?;
    let changes = changes(action, hook, &draft)?;
    Ok(Some(vec![draft.with_some("changes", changes)]))
}

/// An issue came under another one, or no longer is. Both repositories are told: one fact, one event.
pub(super) fn sub_issue(action: &str, hook: &GitHubHook<'_>) -> Events {
    let added = match action {
        "parent_issue_added" | "sub_issue_added" => true,
        "parent_issue_removed" | "sub_issue_removed" => false,
        _ => return Ok(None),
    };
    let repo = |path: &str| text(hook.body, path).map(|repo| repo.unwrap_or(hook.repo));
    let issue = Issue::new(hook, need_object(hook.body, "sub_issue")?, repo("sub_issue_repo.full_name")?)?;
    let parent =
        format!("{}#{}", repo("parent_issue_repo.full_name")?, need_id(hook.body, "parent_issue.number")?);
    let time = hook.time("sub_issue.updated_at")?;
    let (word, from, to) =
        if added { ("added", Value::Null, json!(parent)) } else { ("removed", json!(parent), Value::Null) };
    let draft = issue
        .draft("ticket.updated", &format!("parent-{word}:{parent}:{time}"), time)
        .with("parent", to.clone())
        .with("changes", json!({ "parent": { "from": from, "to": to } }));
    Ok(Some(vec![draft]))
}

pub(super) fn milestone(action: &str, hook: &GitHubHook<'_>) -> Events {
    let milestone = need_object(hook.body, "milestone")?;
    let id = milestone_id(hook.repo, &need_id(milestone, "number")?);
    let (kind, fact, time) = match action {
        "created" => ("milestone.created", "created".to_owned(), hook.time("milestone.created_at")?),
        "edited" => {
            let time = hook.time("milestone.updated_at")?;
            ("milestone.updated", format!("edited:{}:{time}", edited(hook.body)), time)
        }
        "closed" => {
            let time = hook.time("milestone.closed_at")?;
            ("milestone.closed", format!("closed:{time}"), time)
        }
        "opened" => {
            let time = hook.time("milestone.updated_at")?;
            ("milestone.reopened", format!("opened:{time}"), time)
        }
        "deleted" => ("milestone.deleted", "deleted".to_owned(), hook.time_outside("milestone.updated_at")?),
        _ => return Ok(None),
    };
    let due_on = moment(milestone, "due_on")?.map(|time| json!(day(&time)));
    let due_on = due_on.or_else(|| is_null(milestone, "due_on").then_some(Value::Null));
    let changes = milestone_changes(hook.body, milestone, due_on.as_ref())?;
    let draft = hook
        .draft(kind, format!("{id}:{fact}"), time, &id)
        .with("milestone", id.as_str())
        .with("repo", hook.repo)
        .with("project", hook.repo)
        .with_some("title", text(milestone, "title")?)
        .with_some("url", text(milestone, "html_url")?)
        .with_some("status", text(milestone, "state")?)
        .with_some("due_on", due_on)
        .with_some("changes", changes);
    Ok(Some(vec![draft]))
}

/// GitHub keeps a due date as the morning in UTC of the day that was picked.
fn day(time: &str) -> &str {
    time.split('T').next().unwrap_or(time)
}

fn milestone_changes(body: &Value, now: &Value, due_on: Option<&Value>) -> Result<Option<Value>, Reject> {
    let mut changes = Map::new();
    if body.pointer("/changes/due_on").is_some() {
        let from = moment(body, "changes.due_on.from")?;
        let from = from.as_deref().map(day);
        changes.insert("due_on".to_owned(), json!({ "from": from, "to": due_on }));
    }
    if let Some(from) = text(body, "changes.title.from")? {
        changes.insert("title".to_owned(), json!({ "from": from, "to": now["title"] }));
    }
    Ok((!changes.is_empty()).then_some(Value::Object(changes)))
}

/// What an update was about, for its id.
fn subject_of(action: &str, body: &Value) -> Result<String, Reject> {
    Ok(match action {
        "edited" => edited(body),
        "labeled" | "unlabeled" => text(body, "label.name")?.unwrap_or_default().to_owned(),
        "assigned" | "unassigned" => login(body, "assignee")?.unwrap_or_default().to_owned(),
        "milestoned" | "demilestoned" => body::id(body, "milestone.number")?.unwrap_or_default(),
        _ => text(body, "type.name")?.unwrap_or_default().to_owned(),
    })
}

/// Fields before and after, as far as the body tells.
fn changes(action: &str, hook: &GitHubHook<'_>, draft: &Draft) -> Result<Option<Value>, Reject> {
    let body = hook.body;
    let now = |field: &str| draft.data.get(field).cloned();
    let change = |field: &str, from: Value, to: Value| Some(json!({ field: { "from": from, "to": to } }));
    // A list as it was: with or without the member that this event is about.
    let before = |field: &str, member: Option<&str>, added: bool| {
        let to = now(field)?;
        let mut from = to.as_array()?.clone();
        let member = json!(member?);
        from.retain(|other| *other != member);
        if !added {
            from.push(member);
        }
        change(field, Value::Array(from), to)
    };
    Ok(match action {
        "edited" => match text(body, "changes.title.from")? {
            Some(from) => change("title", json!(from), json!(now("title"))),
            None => None,
        },
        "labeled" | "unlabeled" => before("labels", text(body, "label.name")?, action == "labeled"),
        "assigned" | "unassigned" => before("assignees", login(body, "assignee")?, action == "assigned"),
        "milestoned" => now("milestone").map(|to| json!({ "milestone": { "to": to } })),
        "demilestoned" => match body::id(body, "milestone.number")? {
            Some(number) => change("milestone", json!(milestone_id(hook.repo, &number)), Value::Null),
            None => None,
        },
        "closed" => change("status", json!("open"), json!(now("status"))),
        "reopened" => change("status", json!("closed"), json!(now("status"))),
        _ => None,
    })
}

impl<'a> Issue<'a> {
    fn new(hook: &'a GitHubHook<'a>, issue: &'a Value, repo: &'a str) -> Result<Issue<'a>, Reject> {
        Ok(Issue { hook, issue, repo, number: need_id(issue, "number")? })
    }

    fn draft(&self, kind: &'static str, fact: &str, time: String) -> Draft {
        let ticket = format!("{}#{}", self.repo, self.number);
        let fact = format!("{}/issues/{}:{fact}", self.repo, self.number);
        let draft = self.hook.draft(kind, fact, time, &ticket);
        let mut draft = Draft { source: self.hook.source_of(self.repo), ..draft };
        if self.repo != self.hook.repo {
            // The number beside it is another repository's.
            draft.data.remove("repo_id");
        }
        draft.with("ticket", ticket.as_str()).with("key", ticket.as_str()).with("repo", self.repo)
    }

    fn snapshot(&self, draft: Draft) -> Result<Draft, Reject> {
        let issue = self.issue;
        let (status, category) = status(issue)?;
        Ok(draft
            .with_some("kind", kind(issue)?)
            .with_some("title", text(issue, "title")?)
            .with_some("url", text(issue, "html_url")?)
            .with_some("status", status)
            .with_some("status_category", category)
            .with_some("assignees", assignees(issue)?)
            .with_some("reporter", login(issue, "user")?)
            .with_some("labels", labels(issue, "labels")?)
            .with_some("milestone", milestone_of(self.repo, issue)?)
            .with_some("parent", parent(issue)?))
    }

    /// Nothing in the body tells when.
    fn deleted(&self, fact: &str, moved_to: Option<String>) -> Result<Draft, Reject> {
        let time = self.hook.time_outside("issue.updated_at")?;
        let draft = self.draft("ticket.deleted", fact, time);
        let changes = moved_to.map(|to| json!({ "ticket": { "from": draft.subject, "to": to } }));
        Ok(draft.with_some("changes", changes))
    }

    fn transferred_to(&self) -> Result<Option<String>, Reject> {
        let body = self.hook.body;
        let repo = text(body, "changes.new_repository.full_name")?;
        let number = body::id(body, "changes.new_issue.number")?;
        Ok(repo.zip(number).map(|(repo, number)| format!("{repo}#{number}")))
    }
}

/// The status as GitHub shows it, and what it means. Closed as completed is plain `closed`, which is all
/// that was known before there were reasons.
fn status(issue: &Value) -> Result<(Option<&str>, Option<&'static str>), Reject> {
    let reason = text(issue, "state_reason")?;
    Ok(match text(issue, "state")? {
        Some("closed") => match reason {
            Some(reason @ ("not_planned" | "duplicate")) => (Some(reason), Some("done")),
            _ => (Some("closed"), Some("done")),
        },
        Some("open") => (Some("open"), Some("todo")),
        other => (other, None),
    })
}

/// The issue's type, else what its labels say; `None` where the body tells neither.
fn kind(issue: &Value) -> Result<Option<String>, Reject> {
    if let Some(name) = text(issue, "type.name")? {
        return Ok(Some(name.to_lowercase()));
    }
    let Some(labels) = labels(issue, "labels")? else { return Ok(None) };
    let labels: Vec<String> = labels.iter().map(|label| bare(label)).collect();
    let found = KINDS.iter().find(|(name, _)| labels.iter().any(|label| label == name));
    Ok(Some(found.map_or(PLAIN, |(_, kind)| kind).to_owned()))
}

/// `Type: Bug`, `kind/bug` and `C-bug` are all `bug`.
fn bare(label: &str) -> String {
    let last = label.rsplit([':', '/', '=']).next().unwrap_or(label);
    let words = last.to_lowercase().replace(['-', '_'], " ");
    let words = words.trim();
    ["type ", "kind ", "c "].iter().find_map(|prefix| words.strip_prefix(prefix)).unwrap_or(words).to_owned()
}

/// Bodies of 2015 have one assignee, later ones a list as well.
fn assignees(issue: &Value) -> Result<Option<Vec<&str>>, Reject> {
    if let Some(people) = list(issue, "assignees")? {
        return people.iter().map(|person| need_text(person, "login")).collect::<Result<_, _>>().map(Some);
    }
    if is_null(issue, "assignee") {
        return Ok(Some(Vec::new()));
    }
    Ok(text(issue, "assignee.login")?.map(|login| vec![login]))
}

/// The issue that this one is under, from its address.
fn parent(issue: &Value) -> Result<Option<Value>, Reject> {
    if is_null(issue, "parent_issue_url") {
        return Ok(Some(Value::Null));
    }
    let Some(url) = text(issue, "parent_issue_url")? else { return Ok(None) };
    match url.rsplitn(5, '/').collect::<Vec<_>>()[..] {
        [number, "issues", name, owner, _] => Ok(Some(json!(format!("{owner}/{name}#{number}")))),
        _ => Err(wrong("parent_issue_url", &issue["parent_issue_url"], "the address of an issue")),
    }
}
