//! Bitbucket Cloud: pull requests and pushes of repository webhooks.
//!
//! Invariants: a person is the account id, which Jira Cloud shares and which no renaming changes; an id is
//! made of what the fact is about and of the fact's own time, never of the delivery.
//! Deliberately absent: reviewers taken away, which no body tells, and Bitbucket Server, whose bodies differ.

use serde_json::Value;

use super::body::{self, at, flag, id, list, moment, need_id, need_object, need_text, person, text, time_us};
use super::push::pushed;
use super::{Delivery, Draft, Normalised};
use crate::message;
use crate::reject::Reject;
use crate::trace::clip;

/// What events are about that say nothing about commits or changes, as their names start; and single ones.
const SILENT: [&str; 8] = [
    "issue:",
    "project:",
    "pullrequest:comment_deleted",
    "pullrequest:comment_reopened",
    "pullrequest:comment_resolved",
    "pullrequest:comment_updated",
    "pullrequest:push",
    "repo:",
];

/// Reviewers asked; far more than a pull request may have.
const REVIEWERS_MAX: usize = 256;

/// A pull request that a body is about.
struct PullRequest<'a> {
    body: &'a Value,
    pull: &'a Value,
    repo: &'a str,
    number: String,
    received_us: i64,
}

pub(super) fn normalise(delivery: &Delivery<'_>, body: &Value) -> Result<Normalised, Reject> {
    let Some(kind) = delivery.name.map(str::trim).or_else(|| inferred(body)) else {
        return Ok(Normalised::unknown("unknown"));
    };
    let name = clip(kind).to_owned();
    if kind == "repo:push" {
        return Ok(Normalised::known(name, commits(delivery, body)?));
    }
    if SILENT.iter().any(|start| kind.starts_with(start)) {
        return Ok(Normalised::known(name, Vec::new()));
    }
    let Some(action) = kind.strip_prefix("pullrequest:") else {
        return Ok(Normalised::unknown(name));
    };
    let request = PullRequest::of(delivery, body)?;
    let events = match action {
        "created" => request.created()?,
        "updated" => request.updated()?,
        "approved" => request.verdict("review.submitted", "approved", "approval")?,
        "changes_request_created" => {
            request.verdict("review.submitted", "changes_requested", "changes_request")?
        }
        "unapproved" => request.verdict("review.dismissed", "unapproved", "approval")?,
        "changes_request_removed" => {
            request.verdict("review.dismissed", "changes-request-removed", "changes_request")?
        }
        "fulfilled" => request.fulfilled()?,
        "rejected" => request.rejected()?,
        "comment_created" => request.commented()?,
        _ => return Ok(Normalised::unknown(name)),
    };
    Ok(Normalised::known(name, events))
}

/// The event's name from the members of a body that came without one, where they leave no doubt.
fn inferred(body: &Value) -> Option<&'static str> {
    if at(body, "push").is_some() {
        return Some("repo:push");
    }
    match at(body, "pullrequest.state")?.as_str()? {
        _ if at(body, "comment").is_some() || at(body, "approval").is_some() => None,
        _ if at(body, "changes_request").is_some() => None,
        "MERGED" => Some("pullrequest:fulfilled"),
        "DECLINED" | "SUPERSEDED" => Some("pullrequest:rejected"),
        _ => None,
    }
}

/// Bitbucket Cloud is one site.
fn source(repo: &str) -> String {
    format!("bitbucket:https://bitbucket.org/{repo}")
}

impl<'a> PullRequest<'a> {
    fn of(delivery: &Delivery<'_>, body: &'a Value) -> Result<PullRequest<'a>, Reject> {
        let pull = need_object(body, "pullrequest")?;
        let (repo, number) = (need_text(body, "repository.full_name")?, need_id(pull, "id")?);
        Ok(PullRequest { body, pull, repo, number, received_us: delivery.received_us })
    }

    /// The time of the whole body's member, else of the pull request's last change.
    fn when(&self, path: &str) -> Result<body::When, Reject> {
        let told = match moment(self.body, path)? {
            Some(time) => Some(time),
            None => moment(self.pull, "updated_on")?,
        };
        body::when(told, self.received_us, self.body)
    }

    /// An event with what never changes about the pull request.
    fn draft(&self, kind: &'static str, fact: &str, time: String) -> Result<Draft, Reject> {
        let subject = format!("{}#{}", self.repo, self.number);
        let id = format!("bitbucket:{}/pull-requests/{}:{fact}", self.repo, self.number);
        Ok(Draft::new(kind, id, source(self.repo), time, subject)
            .with("repo", self.repo)
            .with("change", self.number.as_str())
            .with_some("author", at(self.pull, "author").map_or(Ok(None), account)?))
    }

    /// Adds what the body says of the pull request as it is now.
    fn snapshot(&self, draft: Draft) -> Result<Draft, Reject> {
        let pull = self.pull;
        Ok(draft
            .with_some("title", text(pull, "title")?)
            .with_some("url", text(pull, "links.html.href")?)
            .with_some("draft", flag(pull, "draft")?)
            .with_some("base", text(pull, "destination.branch.name")?)
            .with_some("head", text(pull, "source.commit.hash")?)
            .with_some("head_branch", text(pull, "source.branch.name")?)
            .with_some("tickets", self.tickets()?))
    }

    /// Tickets that title, text and branch name. A body without a title tells nothing of them.
    fn tickets(&self) -> Result<Option<Vec<String>>, Reject> {
        let Some(title) = text(self.pull, "title")? else { return Ok(None) };
        let whole = text(self.pull, "description")?.unwrap_or_default();
        let branch = text(self.pull, "source.branch.name")?.unwrap_or_default();
        Ok(Some(message::change_tickets(self.repo, title, whole, branch)))
    }

    fn actor(&self) -> Result<Option<Value>, Reject> {
        at(self.body, "actor").map_or(Ok(None), account)
    }

    fn created(&self) -> Result<Vec<Draft>, Reject> {
        let when = self.when("pullrequest.created_on")?;
        let mut events = vec![self.snapshot(self.draft("change.opened", "opened", when.time.clone())?)?];
        events.extend(self.requests(&when)?);
        Ok(events)
    }

    /// An update tells what it changed no more than whom it newly asks: the title, the branch and the
    /// reviewers are as they are now.
    fn updated(&self) -> Result<Vec<Draft>, Reject> {
        let when = self.when("pullrequest.updated_on")?;
        let fact = format!("updated:{}:{}", when.tag, body::digest(self.pull));
        let draft = self.draft("change.updated", &fact, when.time.clone())?;
        let mut events = vec![self.snapshot(draft)?.with_some("by", self.actor()?)];
        events.extend(self.requests(&when)?);
        Ok(events)
    }

    /// A request for each reviewer. Every body lists all of them, so a request has one id for good and the
    /// earliest body that lists the reviewer has the highest version.
    fn requests(&self, when: &body::When) -> Result<Vec<Draft>, Reject> {
        let mut events = Vec::new();
        for reviewer in list(self.pull, "reviewers")?.unwrap_or_default().iter().take(REVIEWERS_MAX) {
            let Some((person, key)) = account(reviewer)?.zip(account_key(reviewer)?) else { continue };
            let draft = self.draft("review.requested", &format!("requested:{key}"), when.time.clone())?;
            let source_version = -time_us(&when.time).unwrap_or(0);
            events.push(Draft { source_version, ..draft.with("reviewer", person) });
        }
        Ok(events)
    }

    /// A verdict, or its end. Only that of a verdict has a time in the body.
    fn verdict(&self, kind: &'static str, word: &str, member: &str) -> Result<Vec<Draft>, Reject> {
        let user = match at(self.body, &format!("{member}.user")) {
            Some(user) => user,
            None => at(self.body, "actor").ok_or_else(|| body::missing("actor"))?,
        };
        let Some((person, key)) = account(user)?.zip(account_key(user)?) else {
            return Err(body::missing("actor.account_id"));
        };
        let given = kind == "review.submitted";
        let when = match moment(self.body, &format!("{member}.date"))? {
            Some(date) if given => body::When { tag: date.clone(), time: date },
            // What is taken back is told with the time at which it was given.
            Some(date) => body::When { tag: date, time: self.taken_back()? },
            None => self.when("pullrequest.updated_on")?,
        };
        let draft = self.draft(kind, &format!("{}:{key}:{}", word.replace('_', "-"), when.tag), when.time)?;
        let draft = draft.with("reviewer", person);
        Ok(vec![if given {
            draft.with("verdict", word).with_some("head", text(self.pull, "source.commit.hash")?)
        } else {
            draft.with_some("by", self.actor()?)
        }])
    }

    /// Taking a verdict back leaves no time: when the body came, but not before the last change it tells.
    fn taken_back(&self) -> Result<String, Reject> {
        let told = self.when("pullrequest.updated_on")?.time;
        let received = body::when(None, self.received_us, self.body).map(|when| when.time);
        Ok(received.map_or(told.clone(), |received| received.max(told)))
    }

    /// A pull request is merged once, so the id needs no time.
    fn fulfilled(&self) -> Result<Vec<Draft>, Reject> {
        let draft = self.draft("change.merged", "merged", self.when("pullrequest.updated_on")?.time)?;
        let merged_by = match at(self.pull, "closed_by") {
            Some(person) => account(person)?,
            None => self.actor()?,
        };
        Ok(vec![self.snapshot(draft)?.with_some("merged_by", merged_by)])
    }

    /// Declined for good: Bitbucket opens no pull request again.
    fn rejected(&self) -> Result<Vec<Draft>, Reject> {
        let draft = self.draft("change.closed", "declined", self.when("pullrequest.updated_on")?.time)?;
        Ok(vec![self.snapshot(draft)?.with_some("by", self.actor()?)])
    }

    fn commented(&self) -> Result<Vec<Draft>, Reject> {
        let when = self.when("comment.created_on")?;
        let fact = format!("comment:{}", need_id(self.body, "comment.id")?);
        let by = match at(self.body, "comment.user") {
            Some(user) => account(user)?,
            None => self.actor()?,
        };
        let by = by.ok_or_else(|| body::missing("comment.user"))?;
        Ok(vec![self.draft("review.commented", &fact, when.time)?.with("by", by)])
    }
}

/// An account as our events name a person. Addresses are never told.
fn account(account: &Value) -> Result<Option<Value>, Reject> {
    let name = match text(account, "display_name")? {
        Some(name) => Some(name),
        None => text(account, "nickname")?,
    };
    Ok(person(name, None, account_key(account)?.as_deref()))
}

/// The account id, else what older and shared accounts have.
fn account_key(account: &Value) -> Result<Option<String>, Reject> {
    for name in ["account_id", "nickname", "username", "uuid"] {
        if let Some(key) = id(account, name)? {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

/// Commits of the branches that a push moved. Bitbucket lists five a branch, in a shape of its own.
fn commits(delivery: &Delivery<'_>, body: &Value) -> Result<Vec<Draft>, Reject> {
    let repo = need_text(body, "repository.full_name")?;
    let mut events = Vec::new();
    for change in list(body, "push.changes")?.unwrap_or_default() {
        if text(change, "new.type")? != Some("branch") {
            continue;
        }
        let branch = need_text(change, "new.name")?;
        for commit in list(change, "commits")?.unwrap_or_default() {
            let otherwise = || body::when(None, delivery.received_us, commit).map(|when| when.time);
            let (source, commit) = (source(repo), plain_commit(commit)?);
            let default = text(body, "repository.mainbranch.name")?;
            events.push(pushed(repo, source, (branch, default), &commit, otherwise)?);
        }
    }
    Ok(events)
}

/// A commit as other vendors give it.
fn plain_commit(commit: &Value) -> Result<Value, Reject> {
    let raw = text(commit, "author.raw")?.unwrap_or_default();
    let (name, email) = message::name_and_email(raw);
    let author: Value =
        [("name", name), ("email", email)].into_iter().filter(|(_, text)| !text.is_empty()).collect();
    let mut plain = serde_json::json!({ "id": need_text(commit, "hash")?, "author": author });
    for (ours, theirs) in [("timestamp", "date"), ("message", "message")] {
        if let Some(text) = text(commit, theirs)? {
            plain[ours] = text.into();
        }
    }
    Ok(plain)
}
