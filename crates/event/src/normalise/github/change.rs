//! Pull requests, their reviews and the comments on them.
//!
//! Invariant: events of a pull request carry all that the body says of it; requests, reviews and comments
//! carry only what never changes, so that two bodies which tell the same fact give the same content.
//! Deliberately absent: assignees and locks, which no metric asks for.

use serde_json::{Value, json};

use super::{Events, GitHubHook, edited, labels, login, milestone_of, need_login};
use crate::message;
use crate::normalise::Draft;
use crate::normalise::body::{self, at, count, flag, list, need_id, need_object, need_text, text, wrong};
use crate::reject::Reject;

/// A pull request that a body is about.
struct GitHubChange<'a> {
    hook: &'a GitHubHook<'a>,
    number: String,
    /// `acme/api#482`.
    subject: String,
    author: Option<&'a str>,
}

pub(super) fn pull_request(action: &str, hook: &GitHubHook<'_>) -> Events {
    let body = hook.body;
    let change = GitHubChange::of(hook)?;
    let updated = || hook.time("pull_request.updated_at");
    let draft = match action {
        "opened" => return change.opened().map(Some),
        "review_requested" => return Ok(Some(vec![change.request("review.requested")?])),
        "review_request_removed" => return Ok(Some(vec![change.request("review.request_removed")?])),
        "closed" if flag(body, "pull_request.merged")? == Some(true) => return change.merged().map(Some),
        "merged" => return change.merged().map(Some),
        "closed" => {
            let time = hook.time("pull_request.closed_at")?;
            change.draft("change.closed", &format!("closed:{time}"), time.clone()).with_some("by", hook.by)
        }
        "reopened" => return change.reopened(updated()?).map(Some),
        "ready_for_review" => {
            let time = updated()?;
            change.draft("change.ready", &format!("ready:{time}"), time.clone()).with_some("by", hook.by)
        }
        "converted_to_draft" => {
            let time = updated()?;
            change.draft("change.drafted", &format!("drafted:{time}"), time.clone()).with_some("by", hook.by)
        }
        "edited" | "synchronize" | "labeled" | "unlabeled" | "milestoned" | "demilestoned" => {
            change.updated(action, updated()?)?
        }
        "assigned"
        | "unassigned"
        | "locked"
        | "unlocked"
        | "auto_merge_enabled"
        | "auto_merge_disabled"
        | "enqueued"
        | "dequeued" => return Ok(Some(Vec::new())),
        _ => return Ok(None),
    };
    Ok(Some(vec![change.snapshot(draft)?]))
}

pub(super) fn review(action: &str, hook: &GitHubHook<'_>) -> Events {
    let body = hook.body;
    // The event feed says `created`.
    let submitted = matches!(action, "submitted" | "created");
    if !submitted && action != "dismissed" {
        return Ok(matches!(action, "edited" | "updated").then(Vec::new));
    }
    let change = GitHubChange::of(hook)?;
    need_object(body, "review")?;
    let (id, reviewer) = (need_id(body, "review.id")?, need_login(body, "review.user")?);
    let draft = if submitted {
        let Some(verdict) = verdict(need_text(body, "review.state")?)? else {
            return Ok(Some(Vec::new()));
        };
        let time = hook.time("review.submitted_at")?;
        change
            .draft("review.submitted", &format!("review:{id}:submitted"), time)
            .with("verdict", verdict)
            .with_some("head", text(body, "review.commit_id")?)
    } else {
        let time = hook.time("pull_request.updated_at")?;
        change.draft("review.dismissed", &format!("review:{id}:dismissed"), time).with_some("by", hook.by)
    };
    Ok(Some(vec![draft.with("reviewer", reviewer)]))
}

/// `None` for a review that its writer has not sent yet.
fn verdict(state: &str) -> Result<Option<&'static str>, Reject> {
    Ok(Some(match state.to_ascii_lowercase().as_str() {
        "approved" => "approved",
        "changes_requested" => "changes_requested",
        // Of a dismissed one the feed no longer tells what it had said; that it answered still counts.
        "commented" | "dismissed" => "commented",
        "pending" => return Ok(None),
        _ => return Err(wrong("review.state", &json!(state), "a review's state")),
    }))
}

pub(super) fn review_comment(action: &str, hook: &GitHubHook<'_>) -> Events {
    match action {
        "created" => {
            let change = GitHubChange::of(hook)?;
            let id = need_id(hook.body, "comment.id")?;
            Ok(Some(vec![change.commented(&format!("review-comment:{id}"))?]))
        }
        "edited" | "deleted" => Ok(Some(Vec::new())),
        _ => Ok(None),
    }
}

/// A comment below an issue says nothing; one below a pull request is part of its review.
pub(super) fn issue_comment(action: &str, hook: &GitHubHook<'_>) -> Events {
    if !matches!(action, "created" | "edited" | "deleted" | "pinned" | "unpinned") {
        return Ok(None);
    }
    let body = hook.body;
    let issue = need_object(body, "issue")?;
    if action != "created" || at(issue, "pull_request").is_none() {
        return Ok(Some(Vec::new()));
    }
    let change = GitHubChange::new(hook, need_id(issue, "number")?, login(issue, "user")?);
    let id = need_id(body, "comment.id")?;
    Ok(Some(vec![change.commented(&format!("comment:{id}"))?]))
}

/// GitHub tells of some milestones of pull requests as if they were issues. Where it also tells it of the
/// pull request, that body says more, so this one yields.
pub(super) fn as_issue(action: &str, hook: &GitHubHook<'_>) -> Events {
    if !matches!(action, "milestoned" | "demilestoned") {
        return Ok(Some(Vec::new()));
    }
    let issue = need_object(hook.body, "issue")?;
    let change = GitHubChange::new(hook, need_id(issue, "number")?, login(issue, "user")?);
    let draft = change.updated(action, hook.time("issue.updated_at")?)?;
    let draft = draft.with_some("milestone", milestone_of(hook.repo, issue)?);
    Ok(Some(vec![Draft { source_version: hook.source_version - 1, ..draft }]))
}

impl<'a> GitHubChange<'a> {
    fn of(hook: &'a GitHubHook<'a>) -> Result<GitHubChange<'a>, Reject> {
        need_object(hook.body, "pull_request")?;
        let number = match body::id(hook.body, "pull_request.number")? {
            Some(number) => number,
            None => need_id(hook.body, "number")?,
        };
        Ok(GitHubChange::new(hook, number, login(hook.body, "pull_request.user")?))
    }

    fn new(hook: &'a GitHubHook<'a>, number: String, author: Option<&'a str>) -> GitHubChange<'a> {
        let subject = format!("{}#{number}", hook.repo);
        GitHubChange { hook, number, subject, author }
    }

    /// An event with what never changes about the pull request.
    fn draft(&self, kind: &'static str, fact: &str, time: String) -> Draft {
        let fact = format!("{}/pull/{}:{fact}", self.hook.repo, self.number);
        self.hook
            .draft(kind, fact, time, &self.subject)
            .with("repo", self.hook.repo)
            .with("change", self.number.as_str())
            .with_some("author", self.author)
    }

    fn updated(&self, action: &str, time: String) -> Result<Draft, Reject> {
        let body = self.hook.body;
        let what = match action {
            "edited" => edited(body),
            "synchronize" => text(body, "pull_request.head.sha")?.unwrap_or_default().to_owned(),
            "labeled" | "unlabeled" => text(body, "label.name")?.unwrap_or_default().to_owned(),
            _ => body::id(body, "milestone.number")?.unwrap_or_default(),
        };
        let draft = self.draft("change.updated", &format!("{action}:{what}:{time}"), time.clone());
        Ok(draft.with_some("by", self.hook.by))
    }

    /// Adds what the body says of the pull request as it is now.
    fn snapshot(&self, draft: Draft) -> Result<Draft, Reject> {
        let pull = need_object(self.hook.body, "pull_request")?;
        let mut labels = labels(pull, "labels")?;
        if labels.is_none() {
            // Slim bodies list them beside the pull request.
            labels = super::labels(self.hook.body, "labels")?;
        }
        Ok(draft
            .with_some("title", text(pull, "title")?)
            .with_some("url", text(pull, "html_url")?)
            .with_some("draft", flag(pull, "draft")?)
            .with_some("base", text(pull, "base.ref")?)
            .with_some("head", text(pull, "head.sha")?)
            .with_some("head_branch", text(pull, "head.ref")?)
            .with_some("additions", count(pull, "additions")?)
            .with_some("deletions", count(pull, "deletions")?)
            .with_some("changed_files", count(pull, "changed_files")?)
            .with_some("labels", labels)
            .with_some("milestone", milestone_of(self.hook.repo, pull)?)
            .with_some("tickets", self.tickets(pull)?))
    }

    /// Tickets that title, text and branch name. A body without a title tells nothing of them.
    fn tickets(&self, pull: &Value) -> Result<Option<Vec<String>>, Reject> {
        let Some(title) = text(pull, "title")? else { return Ok(None) };
        let whole = text(pull, "body")?.unwrap_or_default();
        let branch = text(pull, "head.ref")?.unwrap_or_default();
        Ok(Some(message::change_tickets(self.hook.repo, title, whole, branch)))
    }

    /// The opening, and a request for each reviewer that was named with it. Deliveries of their own tell
    /// the same requests; where these share the second they give the same events.
    fn opened(&self) -> Result<Vec<Draft>, Reject> {
        let hook = self.hook;
        let time = hook.time("pull_request.created_at")?;
        // Who opens a pull request is its author, where a slim body does not say so itself.
        let opened = GitHubChange {
            author: self.author.or(hook.by),
            ..GitHubChange::new(hook, self.number.clone(), None)
        };
        let mut events = vec![opened.snapshot(opened.draft("change.opened", "opened", time.clone()))?];
        events.extend(self.listed(&time)?);
        Ok(events)
    }

    /// The reopening, and a request for each reviewer that is still asked.
    fn reopened(&self, time: String) -> Result<Vec<Draft>, Reject> {
        let draft = self.draft("change.reopened", &format!("reopened:{time}"), time.clone());
        let mut events = vec![self.snapshot(draft.with_some("by", self.hook.by))?];
        events.extend(self.listed(&time)?);
        Ok(events)
    }

    /// A request for each reviewer that the body lists.
    fn listed(&self, time: &str) -> Result<Vec<Draft>, Reject> {
        let body = self.hook.body;
        let mut events = Vec::new();
        for person in list(body, "pull_request.requested_reviewers")?.unwrap_or_default() {
            let reviewer = need_text(person, "login")?;
            events.push(self.requested("review.requested", Reviewer::Person(reviewer), time.to_owned()));
        }
        for team in list(body, "pull_request.requested_teams")?.unwrap_or_default() {
            let team = need_text(team, "slug")?;
            events.push(self.requested("review.requested", Reviewer::Team(team), time.to_owned()));
        }
        Ok(events)
    }

    /// A pull request is merged once, so the id needs no time.
    fn merged(&self) -> Result<Vec<Draft>, Reject> {
        let time = self.hook.time("pull_request.merged_at")?;
        let merged_by = match at(self.hook.body, "pull_request.merged_by") {
            Some(_) => login(self.hook.body, "pull_request.merged_by")?,
            None => self.hook.by,
        };
        let draft = self.draft("change.merged", "merged", time).with_some("merged_by", merged_by);
        Ok(vec![self.snapshot(draft)?])
    }

    fn request(&self, kind: &'static str) -> Result<Draft, Reject> {
        let body = self.hook.body;
        let time = self.hook.time("pull_request.updated_at")?;
        let asked = match text(body, "requested_reviewer.login")? {
            Some(login) => Reviewer::Person(login),
            None if body::is_null(body, "requested_reviewer") && at(body, "requested_team").is_none() => {
                Reviewer::Person(super::DELETED_ACCOUNT)
            }
            None => Reviewer::Team(need_text(body, "requested_team.slug")?),
        };
        Ok(self.requested(kind, asked, time))
    }

    fn requested(&self, kind: &'static str, asked: Reviewer<'_>, time: String) -> Draft {
        let what = if kind == "review.requested" { "requested" } else { "request-removed" };
        let (field, name, id) = match asked {
            Reviewer::Person(login) => ("reviewer", login, login.to_owned()),
            Reviewer::Team(slug) => ("team", slug, format!("team/{slug}")),
        };
        self.draft(kind, &format!("{what}:{id}:{time}"), time.clone())
            .with(field, name)
            .with_some("by", self.hook.by)
    }

    fn commented(&self, fact: &str) -> Result<Draft, Reject> {
        let by = need_login(self.hook.body, "comment.user")?;
        let time = self.hook.time("comment.created_at")?;
        Ok(self.draft("review.commented", fact, time).with("by", by))
    }
}

/// Whose review is asked for.
#[derive(Debug, Clone, Copy)]
enum Reviewer<'a> {
    Person(&'a str),
    Team(&'a str),
}
