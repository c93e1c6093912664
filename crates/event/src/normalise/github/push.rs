//! The commits of a push.
//!
//! Invariant: a commit is told once, by the first push that brought it to the repository (`distinct`), and once more when
//! it comes to the default branch. A forced push of that branch takes its old head away.
//! Deliberately absent: tags, deleted branches, and what else a forced push took away, which its body does not list;
//! `ingest git` does.

use super::GitHubHook;
use crate::normalise::Draft;
use crate::normalise::body::{flag, list, moment, need_text, text};
use crate::normalise::push::{pushed, rewritten};
use crate::reject::Reject;

pub(super) fn commits(hook: &GitHubHook<'_>) -> Result<Vec<Draft>, Reject> {
    let Some(branch) = need_text(hook.body, "ref")?.strip_prefix("refs/heads/") else {
        return Ok(Vec::new());
    };
    // Since October 2025 the public feed tells where a branch went, and no commits.
    let commits = list(hook.body, "commits")?.unwrap_or_default();
    let default = text(hook.body, "repository.default_branch")?;
    let here = default == Some(branch);
    let mut events = Vec::with_capacity(commits.len());
    for commit in commits {
        if here || flag(commit, "distinct")? != Some(false) {
            let otherwise = || hook.time_outside("repository.pushed_at");
            let draft = pushed(hook.repo, hook.source(), (branch, default), commit, otherwise)?;
            let source_version = hook.source_version + draft.source_version;
            events.push(Draft { source_version, ..draft }.with_some("repo_id", hook.repo_id.clone()));
        }
    }
    if here && flag(hook.body, "forced")? == Some(true) {
        events.extend(forced(hook)?);
    }
    Ok(events)
}

/// The old head is gone, and each commit listed is there, whether or not it had been before.
fn forced(hook: &GitHubHook<'_>) -> Result<Vec<Draft>, Reject> {
    let (before, after) = (need_text(hook.body, "before")?, need_text(hook.body, "after")?);
    let is_none = |sha: &str| sha.bytes().all(|byte| byte == b'0');
    if is_none(before) || is_none(after) {
        return Ok(Vec::new());
    }
    let time = match moment(hook.body, "repository.pushed_at")? {
        Some(time) => time,
        None => hook.time_outside("head_commit.timestamp")?,
    };
    let here = || (hook.repo, hook.source());
    let mut events = vec![rewritten("commit.removed", here(), before, after, time.clone())];
    for commit in list(hook.body, "commits")?.unwrap_or_default() {
        if let Some(sha) = text(commit, "id")? {
            events.push(rewritten("commit.restored", here(), sha, after, time.clone()));
        }
    }
    Ok(events)
}
