//! GitHub: webhook bodies, and the payloads of its event feed, which GH Archive keeps.
//!
//! A pull request is a change, an issue a ticket, a milestone a milestone, a pushed commit a commit.
//! Invariants: an id is made of what the fact is about and of the fact's own time, never of the delivery;
//! a field that a slim body leaves out is left out, and one that it gives as null is cleared.
//! Deliberately absent: deployments, checks and releases, which no table holds.

mod change;
mod push;
mod ticket;

use serde_json::Value;

use super::body::{self, at, is_null, moment, need_text, rfc3339, text};
use super::{Delivery, Draft, Normalised};
use crate::reject::Reject;
use crate::site::site_of_link;
use crate::trace::clip;

const TOOL: &str = "github";
/// The site whose sources name no site.
const GITHUB: &str = "github.com";
/// An account that somebody deleted, as GitHub itself names it.
const DELETED_ACCOUNT: &str = "ghost";
/// A fact about an account has no time of its own; this one is before GitHub's first day, so that it holds
/// for all that the account ever did, and the same account always gives the same event.
const BEFORE_GITHUB: &str = "2008-01-01T00:00:00Z";

/// The events that become ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HookKind {
    PullRequest,
    Review,
    ReviewComment,
    ReviewThread,
    IssueComment,
    Issue,
    SubIssue,
    Milestone,
    Push,
    Repository,
}

impl HookKind {
    fn of(event: &str) -> Option<HookKind> {
        Some(match event {
            "pull_request" => HookKind::PullRequest,
            "pull_request_review" => HookKind::Review,
            "pull_request_review_comment" => HookKind::ReviewComment,
            "pull_request_review_thread" => HookKind::ReviewThread,
            "issue_comment" => HookKind::IssueComment,
            "issues" => HookKind::Issue,
            "sub_issues" => HookKind::SubIssue,
            "milestone" => HookKind::Milestone,
            "push" => HookKind::Push,
            "repository" => HookKind::Repository,
            _ => return None,
        })
    }
}

/// Events that GitHub documents and that say nothing about commits, changes or tickets. What is in neither
/// list is new, and counted as unknown so that somebody looks.
const SILENT: [&str; 59] = [
    "branch_protection_configuration",
    "branch_protection_rule",
    "check_run",
    "check_suite",
    "code_scanning_alert",
    "commit_comment",
    "create",
    "custom_property",
    "custom_property_values",
    "delete",
    "dependabot_alert",
    "deploy_key",
    "deployment",
    "deployment_protection_rule",
    "deployment_review",
    "deployment_status",
    "discussion",
    "discussion_comment",
    "fork",
    "github_app_authorization",
    "gollum",
    "installation",
    "installation_repositories",
    "installation_target",
    "issue_dependencies",
    "label",
    "marketplace_purchase",
    "member",
    "membership",
    "merge_group",
    "meta",
    "org_block",
    "organization",
    "package",
    "page_build",
    "personal_access_token_request",
    "ping",
    "project",
    "project_card",
    "project_column",
    "projects_v2",
    "projects_v2_item",
    "projects_v2_status_update",
    "public",
    "registry_package",
    "release",
    "repository_advisory",
    "repository_dispatch",
    "repository_import",
    "repository_ruleset",
    "secret_scanning_alert",
    "secret_scanning_alert_location",
    "security_advisory",
    "security_and_analysis",
    "sponsorship",
    "star",
    "status",
    "team",
    "team_add",
];

/// Silent as well, without being a fact about anything that is kept.
const SILENT_RUNS: [&str; 4] = ["watch", "workflow_dispatch", "workflow_job", "workflow_run"];

/// What an action becomes: our events, or `None` where the action is not known.
pub(super) type Events = Result<Option<Vec<Draft>>, Reject>;

/// The body of a webhook, or of an archive of them, and what its surroundings say.
pub(super) struct GitHubHook<'a> {
    /// What ids and sources begin with.
    pub(super) tool: &'static str,
    pub(super) body: &'a Value,
    pub(super) repo: &'a str,
    /// The repository's number, where it is told.
    pub(super) repo_id: Option<String>,
    /// The login of who did it.
    pub(super) by: Option<&'a str>,
    /// When it happened, where the surroundings tell.
    pub(super) happened: Option<String>,
    pub(super) received_us: i64,
    /// Of the events; those of commits get one less, so that the fuller ones of `ingest git` win.
    pub(super) source_version: i64,
}

pub(super) fn normalise(delivery: &Delivery<'_>, body: &Value) -> Result<Normalised, Reject> {
    let Some(event) = delivery.name.map(str::trim).or_else(|| inferred(body)) else {
        return Ok(Normalised::unknown("unknown"));
    };
    let action = text(body, "action")?.unwrap_or_default();
    let name = name(event, action);
    if SILENT.contains(&event) || SILENT_RUNS.contains(&event) {
        return Ok(Normalised::known(name, Vec::new()));
    }
    let Some(kind) = HookKind::of(event) else {
        return Ok(Normalised::unknown(name));
    };
    let hook = GitHubHook {
        tool: TOOL,
        body,
        repo: need_text(body, "repository.full_name")?,
        repo_id: match body::id(body, "repository.id")? {
            Some(id) => Some(id),
            None => body::id(body, "pull_request.base.repo.id")?,
        },
        by: login(body, "sender")?,
        happened: None,
        received_us: delivery.received_us,
        source_version: 0,
    };
    Ok(match events(kind, action, &hook)? {
        Some(events) => Normalised::known(name, events),
        None => Normalised::unknown(name),
    })
}

/// What happened, as one name; bounded, since it comes from outside.
pub(super) fn name(event: &str, action: &str) -> String {
    match action {
        "" => clip(event).to_owned(),
        _ => format!("{}.{}", clip(event), clip(action)),
    }
}

/// The events of a body; `None` for an action that nobody here has heard of.
pub(super) fn events(kind: HookKind, action: &str, hook: &GitHubHook<'_>) -> Events {
    let events = match kind {
        HookKind::PullRequest => change::pull_request(action, hook)?,
        HookKind::Review => change::review(action, hook)?,
        HookKind::ReviewComment => change::review_comment(action, hook)?,
        HookKind::ReviewThread => matches!(action, "resolved" | "unresolved").then(Vec::new),
        HookKind::IssueComment => change::issue_comment(action, hook)?,
        HookKind::Issue => ticket::issue(action, hook)?,
        HookKind::SubIssue => ticket::sub_issue(action, hook)?,
        HookKind::Milestone => ticket::milestone(action, hook)?,
        HookKind::Push => Some(push::commits(hook)?),
        HookKind::Repository => Some(renamed(action, hook)?),
    };
    Ok(events.map(|mut events| {
        if !events.is_empty() {
            events.extend(bots(hook.body));
        }
        events
    }))
}

/// A repository that was renamed, or moved to another owner.
fn renamed(action: &str, hook: &GitHubHook<'_>) -> Result<Vec<Draft>, Reject> {
    let (owner, name) = hook.repo.split_once('/').unwrap_or(("", hook.repo));
    let was = match action {
        "renamed" => {
            text(hook.body, "changes.repository.name.from")?.map(|before| format!("{owner}/{before}"))
        }
        "transferred" => {
            let from = |kind: &str| text(hook.body, &format!("changes.owner.from.{kind}.login"));
            let before = from("user")?.or(from("organization")?);
            before.map(|before| format!("{before}/{name}"))
        }
        _ => None,
    };
    let (Some(was), Some(number)) = (was, &hook.repo_id) else { return Ok(Vec::new()) };
    let time = hook.time_outside("repository.updated_at")?;
    let fact = format!("repository:{number}:{was}:{}", hook.repo);
    Ok(vec![hook.draft("repository.renamed", fact, time, hook.repo).with("repo", hook.repo).with("was", was)])
}

/// The event's name from the members of a body that came without one.
fn inferred(body: &Value) -> Option<&'static str> {
    let has = |name: &str| at(body, name).is_some();
    Some(match () {
        () if has("pull_request") && has("review") => "pull_request_review",
        () if has("pull_request") && has("thread") => "pull_request_review_thread",
        () if has("pull_request") && has("comment") => "pull_request_review_comment",
        () if has("pull_request") => "pull_request",
        () if has("issue") && has("comment") => "issue_comment",
        () if has("sub_issue") => "sub_issues",
        () if has("issue") => "issues",
        () if has("milestone") => "milestone",
        () if has("ref") && has("before") && has("after") => "push",
        () if has("deployment_status") => "deployment_status",
        () if has("deployment") => "deployment",
        () if has("zen") => "ping",
        () => return None,
    })
}

impl GitHubHook<'_> {
    fn source(&self) -> String {
        self.source_of(self.repo)
    }

    /// Of a repository next to this one, on the same site.
    fn source_of(&self, repo: &str) -> String {
        match self.site() {
            Some(site) => format!("{}:https://{site}/{repo}", self.tool),
            None => format!("{}:{repo}", self.tool),
        }
    }

    /// The site, by the address of anything in the body; `None` for github.com itself, and where nothing has one.
    fn site(&self) -> Option<String> {
        const PLACES: [&str; 8] =
            ["repository", "pull_request", "issue", "milestone", "sub_issue", "comment", "review", "sender"];
        let link = |place: &&str| {
            let own = at(self.body, place)?;
            at(own, "html_url").or_else(|| at(own, "url"))?.as_str()
        };
        let site = site_of_link(PLACES.iter().find_map(link)?, "")?;
        // The host of the interface stands for that of the pages.
        let site = site.strip_prefix("api.").unwrap_or(&site);
        (site != GITHUB).then(|| site.to_owned())
    }

    /// The time at `path`, else what the surroundings tell. Ids hold it, so the time of receipt will not do.
    fn time(&self, path: &str) -> Result<String, Reject> {
        let time = moment(self.body, path)?;
        time.or_else(|| self.happened.clone()).ok_or_else(|| body::missing(path))
    }

    /// The time of a fact that leaves none in the body, such as a deletion: when it happened by other
    /// accounts, else when it was received; `path` is the last resort. No id may hold it.
    fn time_outside(&self, path: &str) -> Result<String, Reject> {
        let received = || (self.received_us >= 0).then(|| rfc3339(self.received_us)).flatten();
        match self.happened.clone().or_else(received) {
            Some(time) => Ok(time),
            None => self.time(path),
        }
    }

    /// An event about `subject`; `fact` is its id without the host's name.
    fn draft(&self, kind: &'static str, fact: String, time: String, subject: &str) -> Draft {
        let draft =
            Draft::new(kind, format!("{}:{fact}", self.tool), self.source(), time, subject.to_owned());
        Draft { source_version: self.source_version, ..draft }.with_some("repo_id", self.repo_id.clone())
    }
}

/// The login of the account at `path`; `None` where the body does not tell. GitHub puts null for an
/// account that was deleted.
fn login<'a>(value: &'a Value, path: &str) -> Result<Option<&'a str>, Reject> {
    if is_null(value, path) {
        return Ok(Some(DELETED_ACCOUNT));
    }
    text(value, &format!("{path}.login"))
}

fn need_login<'a>(value: &'a Value, path: &str) -> Result<&'a str, Reject> {
    login(value, path)?.ok_or_else(|| body::missing(&format!("{path}.login")))
}

/// The names of labels, given as objects or as texts.
fn labels(value: &Value, path: &str) -> Result<Option<Vec<String>>, Reject> {
    let Some(labels) = body::list(value, path)? else { return Ok(None) };
    let name = |label: &Value| match label {
        Value::String(name) => Ok(name.clone()),
        label => need_text(label, "name").map(str::to_owned),
    };
    labels.iter().map(name).collect::<Result<_, _>>().map(Some)
}

/// The milestone of an issue or a pull request: null where the body says that there is none.
fn milestone_of(repo: &str, value: &Value) -> Result<Option<Value>, Reject> {
    if is_null(value, "milestone") {
        return Ok(Some(Value::Null));
    }
    Ok(body::id(value, "milestone.number")?.map(|number| Value::from(milestone_id(repo, &number))))
}

fn milestone_id(repo: &str, number: &str) -> String {
    format!("{repo}/milestones/{number}")
}

/// The names of the fields that an `edited` event changed, for its id.
fn edited(body: &Value) -> String {
    let names = at(body, "changes").and_then(Value::as_object);
    names.map(|names| names.keys().map(|name| clip(name)).collect::<Vec<_>>().join("+")).unwrap_or_default()
}

/// Accounts in the body that GitHub calls bots, unless the name says so: `x[bot]` is known as one already.
fn bots(body: &Value) -> Vec<Draft> {
    const PEOPLE: [&str; 8] = [
        "sender",
        "pull_request.user",
        "pull_request.merged_by",
        "review.user",
        "comment.user",
        "issue.user",
        "requested_reviewer",
        "assignee",
    ];
    const LISTS: [&str; 2] = ["pull_request.requested_reviewers", "issue.assignees"];
    let listed = LISTS.iter().filter_map(|path| at(body, path)?.as_array()).flatten();
    let people = PEOPLE.iter().filter_map(|path| at(body, path)).chain(listed);
    let mut logins: Vec<&str> = people
        .filter(|person| person["type"] == "Bot")
        .filter_map(|person| person["login"].as_str())
        .filter(|login| !login.is_empty() && !login.ends_with("[bot]"))
        .collect();
    logins.sort_unstable();
    logins.dedup();
    let draft = |login: &str| {
        let (id, time) = (format!("github:bot:{login}"), BEFORE_GITHUB.to_owned());
        Draft::new("person.updated", id, "github".to_owned(), time, login.to_owned())
            .with("person", login)
            .with("person_kind", "bot")
    };
    logins.into_iter().map(draft).collect()
}
