//! Gitea and Forgejo: webhook bodies, which are GitHub's with other words.
//!
//! A body is respelt as GitHub would say it and then read by GitHub's rules; what only Gitea says (due dates of issues, a
//! milestone told next to its issue alone) is added after that.
//! Invariant: ids begin with `gitea:`; like GitHub's they hold what a fact is about and the fact's own time.
//! Deliberately absent: milestones without an issue or pull request, of which Gitea sends nothing.

use serde_json::{Map, Value, json};

use super::body::{self, at, moment, need_text, text};
use super::github::{self, GitHubHook, HookKind};
use super::{Delivery, Draft, Normalised};
use crate::reject::Reject;

pub(super) const GITEA: &str = "gitea";
/// Where Gitea knows no time.
const NO_TIME: &str = "0001-01-01T00:00:00Z";
/// The number of an account that somebody deleted.
const GHOST: i64 = -1;
/// A pull request whose title begins so is not ready, in any letter case.
const WORK_IN_PROGRESS: [&str; 2] = ["wip:", "[wip]"];
/// Events that say nothing about commits, changes or tickets.
const SILENT: [&str; 11] = [
    "create",
    "delete",
    "fork",
    "package",
    "release",
    "repository",
    "star",
    "status",
    "wiki",
    "workflow_job",
    "workflow_run",
];

/// The families of events: Gitea names some by what they change.
fn family(event: &str) -> Option<HookKind> {
    Some(match event {
        "pull_request"
        | "pull_request_assign"
        | "pull_request_label"
        | "pull_request_milestone"
        | "pull_request_review_request"
        | "pull_request_sync" => HookKind::PullRequest,
        "pull_request_approved"
        | "pull_request_rejected"
        | "pull_request_comment"
        | "pull_request_review"
        | "pull_request_review_approved"
        | "pull_request_review_rejected"
        | "pull_request_review_comment" => HookKind::Review,
        "issue_comment" => HookKind::IssueComment,
        "issues" | "issue_assign" | "issue_label" | "issue_milestone" => HookKind::Issue,
        "push" => HookKind::Push,
        _ => return None,
    })
}

/// The event's name from the members of a body that came without one.
fn inferred(body: &Value) -> Option<&'static str> {
    let has = |name: &str| at(body, name).is_some();
    Some(match () {
        () if has("pull_request") && has("review") => "pull_request_review",
        () if has("issue") && has("comment") || has("pull_request") && has("comment") => "issue_comment",
        () if has("pull_request") => "pull_request",
        () if has("issue") => "issues",
        () if has("commits") && has("ref") => "push",
        () if has("release") => "release",
        () if has("ref_type") => "create",
        () => return None,
    })
}

pub(super) fn normalise(delivery: &Delivery<'_>, body: &Value) -> Result<Normalised, Reject> {
    let Some(event) = delivery.name.map(str::trim).or_else(|| inferred(body)) else {
        return Ok(Normalised::unknown("unknown"));
    };
    let action = text(body, "action")?.unwrap_or_default();
    let name = github::name(event, action);
    if SILENT.contains(&event) {
        return Ok(Normalised::known(name, Vec::new()));
    }
    let Some(kind) = family(event) else { return Ok(Normalised::unknown(name)) };
    // A review comes as a pull request that was reviewed.
    let kind = if action == "reviewed" { HookKind::Review } else { kind };
    // And a comment on a pull request under the name of reviews.
    let kind = if kind == HookKind::Review && action != "reviewed" { HookKind::IssueComment } else { kind };
    let spelt = respell(body);
    let Some((action, spelt)) = as_github(kind, action, spelt)? else {
        return Ok(Normalised::known(name, Vec::new()));
    };
    let hook = GitHubHook {
        tool: GITEA,
        body: &spelt,
        repo: need_text(&spelt, "repository.full_name")?,
        repo_id: body::id(&spelt, "repository.id")?,
        by: text(&spelt, "sender.login")?,
        happened: None,
        received_us: delivery.received_us,
        source_version: 0,
    };
    let Some(mut events) = github::events(kind, &action, &hook)? else {
        return Ok(Normalised::unknown(name));
    };
    if let Some(turn) = readiness(kind, &action, &spelt)? {
        events.extend(github::events(kind, turn, &hook)?.unwrap_or_default());
    }
    add_due_date(&mut events, &spelt)?;
    if !events.is_empty() {
        events.extend(milestone(&hook)?);
    }
    Ok(Normalised::known(name, events))
}

/// Times that are none and accounts that are gone become null; milestones are numbered by their id.
fn respell(value: &Value) -> Value {
    match value {
        Value::String(text) if text == NO_TIME => Value::Null,
        Value::Array(items) => Value::Array(items.iter().map(respell).collect()),
        Value::Object(members) => {
            let is_account = members.contains_key("login");
            if is_account && members.get("id").and_then(Value::as_i64) == Some(GHOST) {
                return Value::Null;
            }
            let spelt = |(name, value): (&String, &Value)| {
                let value = respell(value);
                let value = if name == "milestone" { numbered(value) } else { value };
                (name.clone(), value)
            };
            Value::Object(members.iter().map(spelt).collect())
        }
        value => value.clone(),
    }
}

fn numbered(mut milestone: Value) -> Value {
    if let (Some(id), Some(members)) = (milestone.get("id").cloned(), milestone.as_object_mut()) {
        members.entry("number").or_insert(id);
    }
    milestone
}

/// The action and the body as GitHub has them; `None` where there is nothing to say.
fn as_github(kind: HookKind, action: &str, mut body: Value) -> Result<Option<(String, Value)>, Reject> {
    if let Some(change) = body.get_mut("pull_request").and_then(Value::as_object_mut) {
        complete(change);
    }
    let action = match action {
        "label_updated" | "label_cleared" => "labeled",
        "synchronized" => "synchronize",
        // Who it was is not told; the issue says who has it now.
        "assigned" | "unassigned" => "edited",
        "reviewed" => "submitted",
        action => action,
    };
    match kind {
        HookKind::Review => {
            let Some(review) = review(&body)? else { return Ok(None) };
            set(&mut body, "review", review);
        }
        HookKind::PullRequest if action.starts_with("review_request") => {
            let nobody = at(&body, "requested_reviewer").is_none();
            let teams = at(&body, "pull_request.requested_teams").and_then(Value::as_array);
            // Which team is asked no more is not told: the others are listed.
            let asked = nobody && action == "review_requested";
            if let Some(team) = teams.and_then(|teams| teams.last()).filter(|_| asked).cloned() {
                set(&mut body, "requested_team", team);
            } else if nobody {
                return Ok(None);
            }
        }
        HookKind::Issue if action == "milestoned" => {
            if let Some(milestone) = at(&body, "issue.milestone").cloned() {
                set(&mut body, "milestone", milestone);
            }
        }
        // A comment tells no time of its own in some versions.
        HookKind::IssueComment => {
            let below = if at(&body, "issue").is_some() { "issue" } else { "pull_request" };
            if at(&body, "issue").is_none() {
                let mut issue = body["pull_request"].clone();
                set(&mut issue, "pull_request", json!({}));
                set(&mut body, "issue", issue);
            }
            if at(&body, "comment.created_at").is_none()
                && let Some(time) = at(&body, &format!("{below}.updated_at")).cloned()
                && let Some(comment) = body.get_mut("comment")
            {
                set(comment, "created_at", time);
            }
        }
        _ => {}
    }
    Ok(Some((action.to_owned(), body)))
}

/// Sets a member, where there is an object to have it.
fn set(value: &mut Value, name: &str, member: Value) {
    if let Some(members) = value.as_object_mut() {
        members.insert(name.to_owned(), member);
    }
}

/// What Gitea says of a pull request in another way.
fn complete(change: &mut Map<String, Value>) {
    if let Some(teams) = change.get("requested_reviewers_teams").and_then(Value::as_array) {
        let teams = teams.iter().filter_map(|team| Some(json!({ "slug": team.get("name")?.as_str()? })));
        let teams: Vec<Value> = teams.collect();
        change.insert("requested_teams".to_owned(), Value::Array(teams));
    }
    let title = change.get("title").and_then(Value::as_str).unwrap_or_default();
    let is_draft = is_work_in_progress(title);
    change.entry("draft").or_insert(Value::Bool(is_draft));
}

fn is_work_in_progress(title: &str) -> bool {
    let title = title.trim_start().to_lowercase();
    WORK_IN_PROGRESS.iter().any(|prefix| title.starts_with(prefix))
}

/// The review of a body. It has no number: who, what and on which commit tell it from others.
fn review(body: &Value) -> Result<Option<Value>, Reject> {
    let state = match need_text(body, "review.type")?.rsplit('_').next() {
        Some("approved") => "approved",
        Some("rejected") => "changes_requested",
        Some("comment") => "commented",
        _ => return Ok(None),
    };
    let time =
        moment(body, "pull_request.updated_at")?.ok_or_else(|| body::missing("pull_request.updated_at"))?;
    let who = text(body, "sender.login")?.unwrap_or_default();
    let commit = match text(body, "commit_id")?.filter(|commit| !commit.is_empty()) {
        Some(commit) => Some(commit),
        None => text(body, "pull_request.head.sha")?,
    };
    Ok(Some(json!({
        "id": format!("{who}:{state}:{time}"),
        "user": body["sender"],
        "state": state,
        "submitted_at": time,
        "commit_id": commit,
    })))
}

/// A title that begins or ceases to say that work is in progress makes the pull request a draft, or ready.
fn readiness(kind: HookKind, action: &str, body: &Value) -> Result<Option<&'static str>, Reject> {
    if kind != HookKind::PullRequest || action != "edited" {
        return Ok(None);
    }
    let Some(before) = text(body, "changes.title.from")? else { return Ok(None) };
    let now = text(body, "pull_request.title")?.unwrap_or_default();
    Ok(match (is_work_in_progress(before), is_work_in_progress(now)) {
        (true, false) => Some("ready_for_review"),
        (false, true) => Some("converted_to_draft"),
        _ => None,
    })
}

/// Gitea keeps a due date as the last second of the day that was picked, in the server's zone.
fn add_due_date(events: &mut [Draft], body: &Value) -> Result<(), Reject> {
    let due = match text(body, "issue.due_date")? {
        Some(time) => json!(time.split('T').next().unwrap_or(time)),
        None if body::is_null(body, "issue.due_date") => Value::Null,
        None => return Ok(()),
    };
    for event in events.iter_mut().filter(|event| event.kind.starts_with("ticket.")) {
        event.data.insert("due_on".to_owned(), due.clone());
    }
    Ok(())
}

/// The milestone that the issue or pull request names, as it is at that time.
fn milestone(hook: &GitHubHook<'_>) -> Result<Vec<Draft>, Reject> {
    for place in ["pull_request", "issue"] {
        let Some(milestone) = at(hook.body, &format!("{place}.milestone")) else { continue };
        let mut told = milestone.clone();
        if at(&told, "updated_at").is_none() {
            set(&mut told, "updated_at", hook.body[place]["updated_at"].clone());
        }
        let body = json!({
            "milestone": told,
            "repository": hook.body["repository"],
        });
        let (repo_id, happened) = (hook.repo_id.clone(), hook.happened.clone());
        let hook = GitHubHook { body: &body, repo_id, happened, ..*hook };
        return Ok(github::events(HookKind::Milestone, "edited", &hook)?.unwrap_or_default());
    }
    Ok(Vec::new())
}
