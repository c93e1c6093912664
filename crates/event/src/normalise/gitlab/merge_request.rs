//! Merge requests, their approvals and the notes on them.
//!
//! Invariant: an event of the merge request carries all that the body says of it; requests, reviews and
//! notes carry only what never changes.
//! Deliberately absent: assignees and the pipeline, which no metric asks for.

use serde_json::{Value, json};

use super::{GitLabHook, changes, labels, milestone_of, sides, user, user_key};
use crate::message;
use crate::normalise::Draft;
use crate::normalise::body::{self, When, at, digest, flag, id, list, need_id, need_object, text};
use crate::reject::Reject;

/// Fields of a merge request that our events have, by GitLab's names and ours.
const FIELDS: [(&str, &str); 4] =
    [("title", "title"), ("labels", "labels"), ("milestone_id", "milestone"), ("target_branch", "base")];

/// Reviewers asked; more than a merge request may have.
const REVIEWERS_MAX: usize = 256;

/// A merge request that a body is about.
struct MergeRequest<'a> {
    hook: &'a GitLabHook<'a>,
    attributes: &'a Value,
    number: String,
    /// `acme/api!482`.
    subject: String,
    author: Option<Value>,
}

/// The events of a body; `None` for an action that nobody here has heard of.
pub(super) fn events(action: &str, hook: &GitLabHook<'_>) -> Result<Option<Vec<Draft>>, Reject> {
    let request = MergeRequest::of(hook, need_object(hook.body, "object_attributes")?)?;
    let by = hook.by()?;
    let ended = |kind, word: &str, when: When| request.snapshot(request.draft(kind, word, when.time));
    Ok(Some(match action {
        "open" => request.opened()?,
        "merge" => {
            // A merge request is merged once, so the id needs no time.
            let merged = ended("change.merged", "merged", hook.when(&["merged_at", "updated_at"])?)?;
            vec![merged.with_some("merged_by", by)]
        }
        "close" => {
            let when = hook.when(&["closed_at", "updated_at"])?;
            let fact = format!("closed:{}", when.tag);
            vec![ended("change.closed", &fact, when)?.with_some("by", by)]
        }
        "reopen" => {
            let when = hook.when(&["updated_at"])?;
            let fact = format!("reopened:{}", when.tag);
            let mut events = vec![ended("change.reopened", &fact, when.clone())?.with_some("by", by)];
            // Who is still asked. Where the body does not tell, those are asked again who were when it was closed.
            let listed = all(at(hook.body, "reviewers").unwrap_or(&Value::Null));
            for reviewer in listed.iter().filter(|reviewer| reviewer["state"] == "unreviewed") {
                events.extend(request.request("review.requested", reviewer, &when)?);
            }
            events
        }
        "approved" | "approval" => request.approved()?,
        "unapproved" | "unapproval" => request.unapproved()?,
        "update" => request.updated()?,
        _ => return Ok(None),
    }))
}

/// A comment on a merge request; what GitLab itself notes there says nothing that the other bodies do not.
pub(super) fn note(action: &str, hook: &GitLabHook<'_>) -> Result<Vec<Draft>, Reject> {
    let note = need_object(hook.body, "object_attributes")?;
    let quiet = flag(note, "system")? == Some(true) || action == "update";
    if quiet || text(note, "noteable_type")? != Some("MergeRequest") {
        return Ok(Vec::new());
    }
    let Some(by) = hook.by()? else {
        return Err(body::missing("user.username"));
    };
    let request = MergeRequest::of(hook, need_object(hook.body, "merge_request")?)?;
    let when = hook.when(&["created_at"])?;
    let fact = format!("note:{}", need_id(note, "id")?);
    Ok(vec![request.draft("review.commented", &fact, when.time).with("by", by)])
}

impl<'a> MergeRequest<'a> {
    fn of(hook: &'a GitLabHook<'a>, attributes: &'a Value) -> Result<MergeRequest<'a>, Reject> {
        let number = need_id(attributes, "iid")?;
        let author = match id(attributes, "author_id")? {
            Some(author) => hook.user_numbered(&author)?,
            None => None,
        };
        let subject = format!("{}!{number}", hook.repo);
        Ok(MergeRequest { hook, attributes, number, subject, author })
    }

    /// An event with what never changes about the merge request.
    fn draft(&self, kind: &'static str, fact: &str, time: String) -> Draft {
        self.hook
            .draft(kind, &self.subject, fact, time)
            .with("repo", self.hook.repo)
            .with("change", self.number.as_str())
            .with_some("author", self.author.clone())
    }

    /// Adds what the body says of the merge request as it is now.
    fn snapshot(&self, draft: Draft) -> Result<Draft, Reject> {
        let attributes = self.attributes;
        let mut labels_now = labels(attributes, "labels")?;
        if labels_now.is_none() {
            labels_now = labels(self.hook.body, "labels")?;
        }
        let is_draft = match flag(attributes, "draft")? {
            Some(is_draft) => Some(is_draft),
            None => flag(attributes, "work_in_progress")?,
        };
        Ok(draft
            .with_some("title", text(attributes, "title")?)
            .with_some("url", text(attributes, "url")?)
            .with_some("draft", is_draft)
            .with_some("base", text(attributes, "target_branch")?)
            .with_some("head", text(attributes, "last_commit.id")?)
            .with_some("head_branch", text(attributes, "source_branch")?)
            .with_some("labels", labels_now)
            .with_some("milestone", milestone_of(attributes)?)
            .with_some("tickets", self.tickets()?))
    }

    /// Tickets that title, text and branch name. A body without a title tells nothing of them.
    fn tickets(&self) -> Result<Option<Vec<String>>, Reject> {
        let Some(title) = text(self.attributes, "title")? else { return Ok(None) };
        let whole = text(self.attributes, "description")?.unwrap_or_default();
        let branch = text(self.attributes, "source_branch")?.unwrap_or_default();
        Ok(Some(message::change_tickets(self.hook.repo, title, whole, branch)))
    }

    /// The opening, and a request for each reviewer that was named with it.
    fn opened(&self) -> Result<Vec<Draft>, Reject> {
        let when = self.hook.when(&["created_at"])?;
        let mut opened = self.draft("change.opened", "opened", when.time.clone());
        if self.author.is_none() && id(self.hook.body, "user.id")?.is_none() {
            // Old servers number nobody but the author; who opens a merge request is just that.
            opened = opened.with_some("author", self.hook.by()?);
        }
        let mut events = vec![self.snapshot(opened)?];
        for reviewer in list(self.hook.body, "reviewers")?.unwrap_or_default().iter().take(REVIEWERS_MAX) {
            events.extend(self.request("review.requested", reviewer, &when)?);
        }
        Ok(events)
    }

    /// A request for a review, or its end.
    fn request(&self, kind: &'static str, reviewer: &Value, when: &When) -> Result<Option<Draft>, Reject> {
        let word = if kind == "review.requested" { "requested" } else { "request-removed" };
        let Some((person, key)) = user(reviewer)?.zip(user_key(reviewer)?) else { return Ok(None) };
        let draft = self.draft(kind, &format!("{word}:{key}:{}", when.tag), when.time.clone());
        Ok(Some(draft.with("reviewer", person).with_some("by", self.hook.by()?)))
    }

    fn review(&self, verdict: &str, reviewer: &Value, when: &When) -> Result<Option<Draft>, Reject> {
        let Some((person, key)) = user(reviewer)?.zip(user_key(reviewer)?) else { return Ok(None) };
        let fact = format!("{}:{key}:{}", verdict.replace('_', "-"), when.tag);
        let draft = self.draft("review.submitted", &fact, when.time.clone());
        Ok(Some(
            draft
                .with("reviewer", person)
                .with("verdict", verdict)
                .with_some("head", text(self.attributes, "last_commit.id")?),
        ))
    }

    /// An approval leaves no time in the merge request: the time is when the body came, but no earlier than
    /// the last change that it tells of.
    fn when_approved(&self) -> Result<When, Reject> {
        let changed = self.hook.when(&["updated_at"])?;
        let received = body::when(None, self.hook.received_us, self.hook.body);
        let time = received.map_or(changed.time.clone(), |received| received.time.max(changed.time));
        Ok(When { time, tag: changed.tag })
    }

    fn approved(&self) -> Result<Vec<Draft>, Reject> {
        let user = at(self.hook.body, "user").ok_or_else(|| body::missing("user"))?;
        Ok(self.review("approved", user, &self.when_approved()?)?.into_iter().collect())
    }

    /// One's own approval taken back, or all of them by GitLab after a push: then the reviewers' states
    /// tell whose.
    fn unapproved(&self) -> Result<Vec<Draft>, Reject> {
        let when = self.when_approved()?;
        let by = self.hook.by()?;
        let dismissed = |reviewer: &Value| -> Result<Option<Draft>, Reject> {
            let Some((person, key)) = user(reviewer)?.zip(user_key(reviewer)?) else { return Ok(None) };
            let fact = format!("unapproved:{key}:{}", when.tag);
            let draft = self.draft("review.dismissed", &fact, when.time.clone());
            Ok(Some(draft.with("reviewer", person).with_some("by", by.clone())))
        };
        if flag(self.attributes, "system")? != Some(true) {
            let user = at(self.hook.body, "user").ok_or_else(|| body::missing("user"))?;
            return Ok(dismissed(user)?.into_iter().collect());
        }
        let reviewers = list(self.hook.body, "reviewers")?.unwrap_or_default();
        let taken = reviewers.iter().take(REVIEWERS_MAX).filter(|reviewer| reviewer["state"] == "unapproved");
        taken.map(dismissed).filter_map(Result::transpose).collect()
    }

    /// A push, an edit, a draft made ready or reviewers changed; one body may tell several of these.
    fn updated(&self) -> Result<Vec<Draft>, Reject> {
        let when = self.hook.when(&["updated_at"])?;
        let mut events = Vec::new();
        let changed = at(self.hook.body, "changes").unwrap_or(&Value::Null);
        if let Some(to) = drafted(changed) {
            let (kind, word) = if to { ("change.drafted", "drafted") } else { ("change.ready", "ready") };
            let draft = self.draft(kind, &format!("{word}:{}", when.tag), when.time.clone());
            events.push(self.snapshot(draft)?.with("draft", to).with_some("by", self.hook.by()?));
        }
        let pushed = text(self.attributes, "oldrev")?;
        let fields = changes(self.hook, &FIELDS);
        if pushed.is_some() || !fields.is_empty() {
            let what = digest(&json!([pushed, text(self.attributes, "last_commit.id")?, fields]));
            let fact = format!("updated:{}:{what}", when.tag);
            let draft = self.draft("change.updated", &fact, when.time.clone());
            events.push(self.snapshot(draft)?.with_some("by", self.hook.by()?));
        }
        if let Some((previous, current)) = sides(changed, "reviewers") {
            events.extend(self.reviewers_changed(previous, current, &when)?);
        }
        Ok(events)
    }

    /// Who was asked, asked again, asked no more, and who sent a review.
    fn reviewers_changed(
        &self,
        previous: &Value,
        current: &Value,
        when: &When,
    ) -> Result<Vec<Draft>, Reject> {
        let (previous, current) = (all(previous), all(current));
        let mut events = Vec::new();
        for reviewer in current {
            let before = same(previous, reviewer)?;
            let again = flag(reviewer, "re_requested")? == Some(true);
            if before.is_none() || again {
                events.extend(self.request("review.requested", reviewer, when)?);
                continue;
            }
            let state = text(reviewer, "state")?;
            let was = before.map_or(Ok(None), |before| text(before, "state"))?;
            // An approval has a body of its own.
            let verdict = match state.filter(|_| state != was) {
                Some("requested_changes") => "changes_requested",
                Some("reviewed") => "commented",
                _ => continue,
            };
            events.extend(self.review(verdict, reviewer, when)?);
        }
        for reviewer in previous {
            if same(current, reviewer)?.is_none() {
                events.extend(self.request("review.request_removed", reviewer, when)?);
            }
        }
        Ok(events)
    }
}

fn all(side: &Value) -> &[Value] {
    let users = side.as_array().map(Vec::as_slice).unwrap_or_default();
    &users[..users.len().min(REVIEWERS_MAX)]
}

/// The same user in another list.
fn same<'u>(users: &'u [Value], user: &Value) -> Result<Option<&'u Value>, Reject> {
    let key = user_key(user)?;
    for other in users {
        if user_key(other)? == key {
            return Ok(Some(other));
        }
    }
    Ok(None)
}

/// Whether it became a draft, or ceased to be one; old servers call that work in progress.
fn drafted(changed: &Value) -> Option<bool> {
    let (from, to) = sides(changed, "draft").or_else(|| sides(changed, "work_in_progress"))?;
    to.as_bool().filter(|to| from.as_bool() != Some(*to))
}
