//! The commits of a push.
//!
//! Invariant: a commit is told once, by the first push that brought it to the repository (`distinct`).
//! Deliberately absent: tags, deleted branches, and commits that an earlier push had brought.

use super::GitHubHook;
use crate::normalise::Draft;
use crate::normalise::body::{flag, list, need_text};
use crate::normalise::push::pushed;
use crate::reject::Reject;

pub(super) fn commits(hook: &GitHubHook<'_>) -> Result<Vec<Draft>, Reject> {
    let Some(branch) = need_text(hook.body, "ref")?.strip_prefix("refs/heads/") else {
        return Ok(Vec::new());
    };
    // Since October 2025 the public feed tells where a branch went, and no commits.
    let commits = list(hook.body, "commits")?.unwrap_or_default();
    let mut events = Vec::with_capacity(commits.len());
    for commit in commits {
        if flag(commit, "distinct")? != Some(false) {
            let otherwise = || hook.time_outside("repository.pushed_at");
            let draft = pushed(hook.repo, hook.source(), branch, commit, otherwise)?;
            let source_version = hook.source_version + draft.source_version;
            events.push(Draft { source_version, ..draft });
        }
    }
    Ok(events)
}
