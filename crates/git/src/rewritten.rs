//! Histories that were rewritten since an earlier run: which commits the branch no longer has.
//!
//! Where the clone still has the old commits, each that is gone is told by itself. Where they are gone from the clone as
//! well (`git filter-repo`, a fresh clone), one event takes all of the repository away, and each commit that the branch has
//! is brought back. Neither tells when it happened: the time is that of the newest commit it is about, old or new.
//! Invariants: a history that only grew tells nothing; the same two histories tell the same events.
//! Deliberately lacking: branches other than the one that is checked out.

use std::collections::HashSet;

use gix::ObjectId;
use serde_json::json;

use crate::commit::{Commit, Time};
use crate::objects::Reader;
use crate::pushed::CommitEvent;
use crate::repository::Repository;

/// What an earlier run left: where the branch was, and how new its newest commit.
pub struct Earlier {
    pub tips: Vec<ObjectId>,
    pub newest: i64,
    /// Whether commits were taken away before: what comes may be one of them.
    pub rewritten: bool,
}

/// What became of the history.
#[derive(Default)]
pub struct Rewriting {
    pub events: Vec<CommitEvent>,
    /// Commits that are gone, where they could be named.
    pub gone: u64,
    /// Whether anything was ever rewritten.
    pub rewritten: bool,
    /// Seconds of the newest commit at the tips.
    pub newest: i64,
}

/// Of a history that was never read before.
pub fn first(reader: &mut Reader<'_>, repository: &Repository) -> Rewriting {
    let newest = repository.tips.iter().filter_map(|tip| seconds_of(reader, tip)).max().unwrap_or(0);
    Rewriting { newest, ..Rewriting::default() }
}

/// Compares the branch with where it was.
pub fn compare(reader: &mut Reader<'_>, repository: &Repository, earlier: &Earlier) -> Rewriting {
    let mut found = Rewriting { rewritten: earlier.rewritten, ..first(reader, repository) };
    let newest = found.newest;
    let moved = earlier.tips.iter().any(|tip| !repository.tips.contains(tip));
    if !moved || repository.tips.is_empty() {
        return found;
    }
    let shallow: HashSet<ObjectId> = repository.shallow.iter().copied().collect();
    let has = all_from(reader, &repository.tips, &shallow, &HashSet::new());
    if earlier.tips.iter().all(|tip| has.commits.iter().any(|(id, _)| id == tip)) {
        if earlier.rewritten {
            // What had been taken away may be back.
            let old = all_from(reader, &earlier.tips, &shallow, &HashSet::new()).ids();
            let fresh = has.commits.iter().filter(|(id, _)| !old.contains(id));
            found.events =
                fresh.map(|(id, at)| told(repository, "restored", id, (*at).max(newest))).collect();
        }
        return found;
    }
    // A shallow clone does not say what it lacks.
    if !shallow.is_empty() {
        return found;
    }
    let ids = has.ids();
    let old = all_from(reader, &earlier.tips, &shallow, &ids);
    found.rewritten = true;
    if old.is_whole {
        found.gone = old.commits.len() as u64;
        let gone = old.commits.iter().map(|(id, at)| told(repository, "removed", id, (*at).max(newest)));
        found.events = gone.collect();
        if earlier.rewritten {
            let before = all_from(reader, &earlier.tips, &shallow, &HashSet::new()).ids();
            let fresh = has.commits.iter().filter(|(id, _)| !before.contains(id));
            found.events.extend(fresh.map(|(id, at)| told(repository, "restored", id, (*at).max(newest))));
        }
        return found;
    }
    let at = newest.max(earlier.newest);
    found.events.push(told(repository, "reset", &repository.tips[0], at));
    found.events.extend(has.commits.iter().map(|(id, own)| told(repository, "restored", id, (*own).max(at))));
    found
}

/// Commits that can be reached.
struct Reached {
    /// With their seconds, in the order of the walk.
    commits: Vec<(ObjectId, i64)>,
    /// Whether all of them could be read.
    is_whole: bool,
}

impl Reached {
    fn ids(&self) -> HashSet<ObjectId> {
        self.commits.iter().map(|(id, _)| *id).collect()
    }
}

/// Every commit from `tips` on, without those of `but` and what only they lead to.
fn all_from(
    reader: &mut Reader<'_>,
    tips: &[ObjectId],
    shallow: &HashSet<ObjectId>,
    but: &HashSet<ObjectId>,
) -> Reached {
    let mut reached = Reached { commits: Vec::new(), is_whole: true };
    let mut seen: HashSet<ObjectId> = HashSet::new();
    let mut waiting: Vec<ObjectId> = tips.to_vec();
    while let Some(id) = waiting.pop() {
        if but.contains(&id) || !seen.insert(id) {
            continue;
        }
        let Ok(object) = reader.commit(&id) else {
            reached.is_whole = false;
            continue;
        };
        let commit = Commit::parse(&object.data);
        reached.commits.push((id, commit.seconds()));
        if !shallow.contains(&id) {
            waiting.extend(commit.parents);
        }
    }
    reached
}

fn seconds_of(reader: &mut Reader<'_>, id: &ObjectId) -> Option<i64> {
    reader.commit(id).ok().map(|object| Commit::parse(&object.data).seconds())
}

fn told(repository: &Repository, what: &str, id: &ObjectId, seconds: i64) -> CommitEvent {
    let name = &repository.name;
    let time = Time::At { seconds, offset_minutes: 0 };
    let head = repository.tips.first().map(ToString::to_string).unwrap_or_default();
    let sequence = if what == "restored" { 2 } else { 1 };
    let mut event = json!({
        "specversion": "1.0", "id": format!("git-{name}-{id}-{what}-{head}"), "source": repository.source(),
        "type": format!("dev.plimsoll.commit.{what}.v1"),
        "time": time.rfc3339().expect("commits have times of the calendar"),
        "subject": format!("{name}@{id}"), "sequence": sequence,
        "data": {"repo": name, "sha": id.to_string(), "branch": repository.branch},
    });
    if repository.branch.is_none()
        && let Some(data) = event["data"].as_object_mut()
    {
        data.remove("branch");
    }
    CommitEvent { key: name.as_bytes().to_vec(), value: event.to_string().into_bytes() }
}
