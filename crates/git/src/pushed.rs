//! A `commit.pushed` event as a log takes it.
//!
//! Invariants: the same commit gives the same bytes, whatever else is read with it; an event stays
//! under the record limit: of a commit with very many files the first are listed, and the sums are
//! given besides.
//! Deliberately lacking: `observedat`: a backfilled commit became known when the log recorded it.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::lines::Counts;
use super::rename::ChangedFile;

/// Room for files in an event; with the rest of it well under the record limit of 1 MiB.
const FILES_BYTES_MAX: usize = 768 << 10;
/// What a listed file costs besides its paths.
const FILE_BYTES: usize = 80;
/// Longer names, subjects and such are cut.
const TEXT_BYTES_MAX: usize = 4 << 10;
/// Reviewers, co-authors and so on listed.
const PEOPLE_MAX: usize = 256;

/// One commit's event; it belongs to the topic of commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitEvent {
    /// The repository's name: all commits of one go to one partition.
    pub key: Vec<u8>,
    /// A structured CloudEvent, as JSON.
    pub value: Vec<u8>,
}

/// Everything about a commit that its event says.
pub struct CommitData<'c> {
    pub sha: String,
    pub parents: Vec<String>,
    pub author: Arc<RawValue>,
    pub committer: Arc<RawValue>,
    pub authored_at: Option<String>,
    pub committed_at: Option<String>,
    /// The envelope's time, UTC.
    pub time: String,
    pub branch: Option<&'c str>,
    pub subject: &'c str,
    pub co_authors: Vec<Arc<RawValue>>,
    pub reviewers: Vec<Arc<RawValue>>,
    pub acked_by: Vec<Arc<RawValue>>,
    pub tested_by: Vec<Arc<RawValue>>,
    pub tickets: Vec<String>,
    pub change: Option<String>,
    /// `None` when they could not be told because objects are missing.
    pub files: Option<&'c [FileCounts]>,
}

/// A changed file with its lines; `None` for a binary one.
pub struct FileCounts {
    pub changed: ChangedFile,
    pub lines: Option<Counts>,
}

#[derive(Serialize)]
struct Envelope<'c> {
    specversion: &'static str,
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: &'static str,
    time: &'c str,
    subject: String,
    data: Data<'c>,
}

#[derive(Serialize)]
struct Data<'c> {
    repo: &'c str,
    sha: &'c str,
    parents: &'c [String],
    #[serde(serialize_with = "raw")]
    author: &'c Arc<RawValue>,
    #[serde(serialize_with = "raw")]
    committer: &'c Arc<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authored_at: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    committed_at: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<&'c str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    subject: &'c str,
    #[serde(skip_serializing_if = "<[_]>::is_empty", serialize_with = "raws")]
    co_authors: &'c [Arc<RawValue>],
    #[serde(skip_serializing_if = "<[_]>::is_empty", serialize_with = "raws")]
    reviewers: &'c [Arc<RawValue>],
    #[serde(skip_serializing_if = "<[_]>::is_empty", serialize_with = "raws")]
    acked_by: &'c [Arc<RawValue>],
    #[serde(skip_serializing_if = "<[_]>::is_empty", serialize_with = "raws")]
    tested_by: &'c [Arc<RawValue>],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tickets: &'c [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additions: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletions: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_files: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<File<'c>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files_left_out: Option<usize>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    incomplete: bool,
}

#[derive(Serialize)]
struct File<'c> {
    path: Cow<'c, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_path: Option<Cow<'c, str>>,
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    additions: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletions: Option<u64>,
}

fn raw<S: Serializer>(value: &&Arc<RawValue>, serializer: S) -> Result<S::Ok, S::Error> {
    (**value).as_ref().serialize(serializer)
}

fn raws<S: Serializer>(values: &&[Arc<RawValue>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().take(PEOPLE_MAX).map(AsRef::as_ref))
}

impl CommitData<'_> {
    /// The event of this commit in `repository`, from `source`.
    pub fn event(&self, repository: &str, source: String) -> CommitEvent {
        let changed = self.files.unwrap_or_default();
        let files = listed(changed);
        let cut = files.len() < changed.len();
        let sum = |part: fn(Counts) -> u64| changed.iter().filter_map(|file| file.lines).map(part).sum();
        let envelope = Envelope {
            specversion: "1.0",
            id: format!("git-{repository}-{}", self.sha),
            source,
            kind: "dev.plimsoll.commit.pushed.v1",
            time: &self.time,
            subject: format!("{repository}@{}", self.sha),
            data: Data {
                repo: repository,
                sha: &self.sha,
                parents: &self.parents,
                author: &self.author,
                committer: &self.committer,
                authored_at: self.authored_at.as_deref(),
                committed_at: self.committed_at.as_deref(),
                branch: self.branch,
                subject: shortened(self.subject),
                co_authors: &self.co_authors,
                reviewers: &self.reviewers,
                acked_by: &self.acked_by,
                tested_by: &self.tested_by,
                tickets: &self.tickets,
                change: self.change.as_deref(),
                additions: cut.then(|| sum(|lines| lines.added)),
                deletions: cut.then(|| sum(|lines| lines.deleted)),
                changed_files: cut.then_some(changed.len()),
                files_left_out: cut.then(|| changed.len() - files.len()),
                files,
                incomplete: self.files.is_none(),
            },
        };
        let value = serde_json::to_vec(&envelope).expect("text, numbers and lists of them serialise");
        CommitEvent { key: repository.as_bytes().to_vec(), value }
    }
}

/// The first files that fit.
fn listed(changed: &[FileCounts]) -> Vec<File<'_>> {
    let mut room = FILES_BYTES_MAX;
    let fits = |file: &&FileCounts| {
        // Escapes may double a path.
        let old_path = file.changed.old_path.as_ref().map_or(0, Vec::len);
        let bytes = FILE_BYTES + 2 * (file.changed.path.len() + old_path);
        room.checked_sub(bytes).map(|left| room = left).is_some()
    };
    changed.iter().take_while(fits).map(File::of).collect()
}

impl<'c> File<'c> {
    fn of(file: &'c FileCounts) -> File<'c> {
        let ChangedFile { path, old_path, old, new } = &file.changed;
        File {
            path: path_text(path),
            old_path: old_path.as_deref().map(path_text),
            change: match (old_path, old, new) {
                (Some(_), _, _) => "renamed",
                (None, None, _) => "added",
                (None, _, None) => "deleted",
                (None, Some(_), Some(_)) => "modified",
            },
            additions: file.lines.map(|lines| lines.added),
            deletions: file.lines.map(|lines| lines.deleted),
        }
    }
}

/// A path as text: itself when it is UTF-8, else quoted with octal escapes as git prints it.
fn path_text(path: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(path) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(path.len() + 16);
    text.push('"');
    for &byte in path {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            0x20..=0x7e => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\{byte:03o}")),
        }
    }
    text.push('"');
    Cow::Owned(text)
}

pub fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_text_without_loss() {
        assert_eq!(path_text("src/p\u{e9}\n.rs".as_bytes()), "src/p\u{e9}\n.rs");
        assert_eq!(path_text(b"src/p\xe9\n\".rs"), "\"src/p\\351\\012\\\".rs\"");
    }
}
