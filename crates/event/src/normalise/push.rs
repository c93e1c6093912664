//! Pushed commits, in the shape that several tools share.
//!
//! Invariant: a commit gives the event id that `ingest git` gives it in the same repository, under a lower
//! source version: where both tell of a commit, the one with parents, author date and line counts wins.
//! Deliberately absent: which commits of a push count; that is each tool's own.

use serde_json::{Value, json};

use super::Draft;
use super::body::{list, moment, need_text, person, text};
use crate::message;
use crate::reject::{Reason, Reject};

/// Below the events of `ingest git`.
const SOURCE_VERSION: i64 = -1;
/// Below what any push to the default branch tells.
const ELSEWHERE_VERSION: i64 = -8;
/// For commits that name nobody, as `ingest git` has it.
const NOBODY: &str = "unknown";
/// Longer subjects are cut.
const SUBJECT_BYTES_MAX: usize = 4 << 10;
/// Files listed of one commit take at most this much, so that the event stays one that the log takes.
const FILES_BYTES_MAX: usize = 512 << 10;
/// What a file takes besides its path.
const FILE_BYTES: usize = 32;
/// People listed of each sort of trailer.
const PEOPLE_MAX: usize = 256;

/// A commit of a push to a branch, as GitHub and GitLab both give it; `default` is the repository's default branch, and
/// `otherwise` the commit's time where it tells none.
pub(super) fn pushed(
    repo: &str,
    source: String,
    (branch, default): (&str, Option<&str>),
    commit: &Value,
    otherwise: impl FnOnce() -> Result<String, Reject>,
) -> Result<Draft, Reject> {
    let sha = sha(commit)?;
    let committed_at = moment(commit, "timestamp")?;
    let time = match &committed_at {
        Some(time) => time.clone(),
        None => otherwise()?,
    };
    let text_of = text(commit, "message")?.unwrap_or_default();
    let message = text_of.trim_start();
    let subject = message.lines().next().unwrap_or_default().trim();
    let trailers = message::trailers(text_of);
    let named = message::people(text_of, &trailers);
    let (listed, uncounted) = files(commit)?;
    let draft =
        Draft::new("commit.pushed", format!("git-{repo}-{sha}"), source, time, format!("{repo}@{sha}"));
    let draft = draft
        .with("repo", repo)
        .with("sha", sha)
        .with("author", signature(commit, "author")?.unwrap_or_else(|| json!({ "name": NOBODY })))
        .with_some("committer", signature(commit, "committer")?)
        .with_some("committed_at", committed_at)
        .with("branch", branch)
        .with("subject", &subject[..subject.floor_char_boundary(SUBJECT_BYTES_MAX)])
        .with("co_authors", people(&named.co_authors))
        .with("reviewers", people(&named.reviewers))
        .with("tickets", message::tickets(repo, subject, text_of, &trailers))
        .with_some("change", message::change(subject, text_of, &trailers))
        .with_some("files", listed)
        .with_some("changed_files", uncounted);
    // On its way to the default branch a commit may be pushed to others; there it counts.
    if default.is_some_and(|default| default != branch) {
        return Ok(Draft { source_version: ELSEWHERE_VERSION, ..draft.with("on_default", false) });
    }
    Ok(Draft { source_version: SOURCE_VERSION, ..draft })
}

/// Webhooks say `id`, the feed says `sha`.
fn sha(commit: &Value) -> Result<&str, Reject> {
    match text(commit, "id")? {
        Some(sha) if !sha.is_empty() => Ok(sha),
        _ => need_text(commit, "sha").map_err(|_| {
            Reject::new(Reason::MissingField, "a commit of `commits` has neither `id` nor `sha`")
        }),
    }
}

fn signature(commit: &Value, who: &str) -> Result<Option<Value>, Reject> {
    let part = |part: &str| text(commit, &format!("{who}.{part}"));
    Ok(person(part("name")?, part("email")?, part("username")?))
}

fn people(names: &[&str]) -> Vec<Value> {
    let person = |text: &&str| {
        let (name, email) = message::name_and_email(text);
        person(Some(name), Some(email), None)
    };
    names.iter().filter_map(person).take(PEOPLE_MAX).collect()
}

/// The paths that the commit changed; how many lines, a push does not tell. Where there are too many to list, also how
/// many files there are.
fn files(commit: &Value) -> Result<(Option<Vec<Value>>, Option<usize>), Reject> {
    let (mut listed, mut found, mut bytes) = (Vec::new(), 0, 0);
    for (member, change) in [("added", "added"), ("modified", "modified"), ("removed", "deleted")] {
        for path in list(commit, member)?.unwrap_or_default() {
            found += 1;
            bytes += path.to_string().len() + FILE_BYTES;
            if bytes <= FILES_BYTES_MAX {
                listed.push(json!({ "path": path, "change": change }));
            }
        }
    }
    let uncounted = (listed.len() < found).then_some(found);
    Ok(((!listed.is_empty()).then_some(listed), uncounted))
}

/// A commit that a push took away from the default branch, or brought back to it.
pub(super) fn rewritten(
    kind: &'static str,
    (repo, source): (&str, String),
    sha: &str,
    head: &str,
    time: String,
) -> Draft {
    let word = kind.rsplit('.').next().unwrap_or(kind);
    let id = format!("git-{repo}-{sha}-{word}-{head}");
    Draft::new(kind, id, source, time, format!("{repo}@{sha}")).with("repo", repo).with("sha", sha)
}
