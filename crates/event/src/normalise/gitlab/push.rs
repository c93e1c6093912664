//! Pushed commits.
//!
//! Invariant: a commit gives the event id that `ingest git` gives it in the same repository, under a lower
//! source version: where both tell of a commit, the one with parents, author date and line counts wins.
//! Deliberately absent: tags, deleted branches, and all but the newest twenty commits of a large push,
//! which GitLab leaves out.

use super::Told;
use crate::normalise::Draft;
use crate::normalise::body::{list, need_text, when};
use crate::normalise::github::push::pushed;
use crate::reject::Reject;

/// Below every other reading of a commit.
const SOURCE_VERSION: i64 = -1;

pub(super) fn commits(told: &Told<'_>) -> Result<Vec<Draft>, Reject> {
    let Some(branch) = need_text(told.body, "ref")?.strip_prefix("refs/heads/") else {
        return Ok(Vec::new());
    };
    let mut events = Vec::new();
    for commit in list(told.body, "commits")?.unwrap_or_default() {
        let otherwise = || when(None, told.received_us, commit).map(|when| when.time);
        let draft = pushed(told.repo, told.source(), branch, commit, otherwise)?;
        events.push(Draft { source_version: SOURCE_VERSION, ..draft });
    }
    Ok(events)
}
