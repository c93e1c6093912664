//! The commits of a push.
//!
//! Invariant: a commit that two branches got is one event: its id holds no branch.
//! Deliberately absent: tags, deleted branches, and all but the newest twenty commits of a large push,
//! which GitLab leaves out.

use super::GitLabHook;
use crate::normalise::Draft;
use crate::normalise::body::{list, need_text, text, when};
use crate::normalise::push::pushed;
use crate::reject::Reject;

pub(super) fn commits(hook: &GitLabHook<'_>) -> Result<Vec<Draft>, Reject> {
    let Some(branch) = need_text(hook.body, "ref")?.strip_prefix("refs/heads/") else {
        return Ok(Vec::new());
    };
    let default = text(hook.body, "project.default_branch")?;
    let mut events = Vec::new();
    for commit in list(hook.body, "commits")?.unwrap_or_default() {
        let otherwise = || when(None, hook.received_us, commit).map(|when| when.time);
        events.push(
            pushed(hook.repo, hook.source(), (branch, default), commit, otherwise)?
                .with_some("repo_id", hook.repo_id()),
        );
    }
    Ok(events)
}
