//! Lines of GH Archive: GitHub's public event feed since 2015, one event a line.
//!
//! A payload is nearly the body of the webhook of the same event, so both go through one mapping (`github`).
//! Since October 2025 payloads are slim: a pull request has its number and its branches, a push no commits.
//! Invariants: an event of the feed gives the id that its webhook gives, where the payload tells the fact's
//! time; it has a lower source version, so the fuller body wins.
//! Deliberately absent: files before 2015, which have another shape, and guesses at what a slim body left out.

use serde_json::Value;

use super::body::{at, id, missing, moment, need_object, need_text, text};
use super::github::{self, GitHubHook, HookKind};
use super::{Delivery, Normalised};
use crate::reject::Reject;

/// Below the webhook's 0.
const SOURCE_VERSION: i64 = -1;

/// Types of the feed that say nothing about commits, changes or tickets.
const SILENT: [&str; 18] = [
    "CommitCommentEvent",
    "CreateEvent",
    "DeleteEvent",
    "DeploymentEvent",
    "DeploymentStatusEvent",
    "DiscussionCommentEvent",
    "DiscussionEvent",
    "DownloadEvent",
    "FollowEvent",
    "ForkApplyEvent",
    "ForkEvent",
    "GistEvent",
    "GollumEvent",
    "MemberEvent",
    "PublicEvent",
    "ReleaseEvent",
    "SponsorshipEvent",
    "WatchEvent",
];

pub(super) fn normalise(delivery: &Delivery<'_>, line: &Value) -> Result<Normalised, Reject> {
    let type_ = need_text(line, "type")?;
    let action = text(line, "payload.action")?.unwrap_or_default();
    let name = github::name(type_, action);
    if SILENT.contains(&type_) {
        return Ok(Normalised::known(name, Vec::new()));
    }
    let kind = match type_ {
        "PullRequestEvent" => HookKind::PullRequest,
        "PullRequestReviewEvent" => HookKind::Review,
        "PullRequestReviewCommentEvent" => HookKind::ReviewComment,
        "PullRequestReviewThreadEvent" => HookKind::ReviewThread,
        "IssueCommentEvent" => HookKind::IssueComment,
        "IssuesEvent" => HookKind::Issue,
        "PushEvent" => HookKind::Push,
        _ => return Ok(Normalised::unknown(name)),
    };
    let hook = GitHubHook {
        tool: "github",
        body: need_object(line, "payload")?,
        repo: need_text(line, "repo.name")?,
        repo_id: id(line, "repo.id")?,
        by: at(line, "actor").map(|actor| need_text(actor, "login")).transpose()?,
        happened: Some(moment(line, "created_at")?.ok_or_else(|| missing("created_at"))?),
        received_us: delivery.received_us,
        source_version: SOURCE_VERSION,
    };
    Ok(match github::events(kind, action, &hook)? {
        Some(events) => Normalised::known(name, events),
        None => Normalised::unknown(name),
    })
}
