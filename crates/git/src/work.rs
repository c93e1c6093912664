//! One thread's work: from a run of commits to their events.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use event::{change_of_message, people_of_message, tickets_of_message, trailers_of_message};
use serde_json::value::RawValue;

use super::attributes::Attributes;
use super::commit::{Commit, Signature, Time};
use super::lines::{self, Counts};
use super::objects::{Fault, Object, Packs, Reader};
use super::people::People;
use super::pushed::{CommitData, CommitEvent, FileCounts, shortened};
use super::rename::{self, ChangedFile, Similarity};
use super::repository::Repository;
use super::totals::{FAULTS_MAX, Totals};
use super::tree::{self, Change, Mode, Side};
use super::walk::{Base, Node};

/// The events of a run of commits and what they sum to.
#[derive(Default)]
pub struct RunEvents {
    pub events: Vec<CommitEvent>,
    pub totals: Totals,
}

pub struct Worker<'w> {
    reader: Reader<'w>,
    attributes: Option<Attributes<'w>>,
    people: People<'w>,
    similarity: Similarity,
    repository: &'w Repository,
    /// Read for the commit at hand.
    content_bytes: u64,
}

/// Bytes of files read for one commit: a small blob may be named many times.
const CONTENT_BYTES_MAX: u64 = 16 << 30;

/// Of a commit with no usable date at all.
const EPOCH: Time = Time::At { seconds: 0, offset_minutes: 0 };

impl<'w> Worker<'w> {
    pub fn new(packs: &'w Packs, git: &'w gix::Repository, repository: &'w Repository) -> Worker<'w> {
        Worker {
            reader: Reader::new(packs, git.clone()),
            attributes: Attributes::open(git),
            people: People::new(&repository.mailmap),
            similarity: Similarity::default(),
            repository,
            content_bytes: 0,
        }
    }

    pub fn run(&mut self, run: &[Node]) -> RunEvents {
        let mut done = RunEvents::default();
        for node in run {
            self.commit(node, &mut done);
        }
        done
    }

    fn commit(&mut self, node: &Node, done: &mut RunEvents) {
        let object = match self.reader.commit(&node.id) {
            Ok(object) => object,
            Err(fault) => {
                // The walk could read it a moment ago; the repository is being changed under us.
                done.totals.absent_commits += 1;
                push_fault(&mut done.totals, fault.to_string());
                return;
            }
        };
        let commit = Commit::parse(&object.data);
        let totals = &mut done.totals;
        totals.commits += 1;
        totals.merges += u64::from(commit.parents.len() > 1);
        // A decoder that panics on a damaged object must not end the run.
        let files = catch_unwind(AssertUnwindSafe(|| self.files(node, &commit)))
            .unwrap_or_else(|_| Err("an object that cannot be decoded".to_owned()));
        match &files {
            Ok(files) => totals.add(sums(files)),
            Err(fault) => {
                totals.incomplete_commits += 1;
                push_fault(totals, format!("commit {}: {fault}", node.id));
            }
        }
        let event = self.event(node, &commit, files.ok().as_deref(), totals);
        done.totals.bytes += event.value.len() as u64;
        done.events.push(event);
    }

    /// The files of a commit with their lines.
    fn files(&mut self, node: &Node, commit: &Commit<'_>) -> Result<Vec<FileCounts>, String> {
        let base = match &node.base {
            Base::Merge => return Ok(Vec::new()),
            Base::Absent => return Err("its parent is missing".to_owned()),
            Base::Empty => None,
            Base::Tree(tree) => Some(tree),
        };
        let tree = commit.tree.as_ref().ok_or_else(|| "it names no tree".to_owned())?;
        let mut changes: Vec<Change> = Vec::new();
        let mut compare = || -> Result<Vec<FileCounts>, Fault> {
            tree::diff(&mut self.reader, base, Some(tree), &mut changes)?;
            let limit = self.repository.rename_limit;
            let changed =
                rename::find(&mut self.reader, std::mem::take(&mut changes), limit, &mut self.similarity)?;
            let mut files = Vec::with_capacity(changed.len());
            self.content_bytes = 0;
            for changed in changed {
                if let Some(lines) = self.lines(&changed)? {
                    files.push(FileCounts { changed, lines });
                }
            }
            Ok(files)
        };
        compare().map_err(|fault| fault.to_string())
    }

    /// Lines of one file; `Some(None)` for a binary one. `None` when git would show no row.
    fn lines(&mut self, changed: &ChangedFile) -> Result<Option<Option<Counts>>, Fault> {
        let same = matches!((&changed.old, &changed.new), (Some(old), Some(new)) if old.id == new.id);
        let old = self.content(changed.old.as_ref())?;
        let new = if same { old.clone() } else { self.content(changed.new.as_ref())? };
        let old_path = changed.old_path.as_deref().unwrap_or(&changed.path);
        if self.is_binary(old_path, old.as_ref()) || (!same && self.is_binary(&changed.path, new.as_ref())) {
            return Ok(Some(None));
        }
        let bytes = |content: &Option<Content>| content.clone();
        let counts = match (bytes(&old), bytes(&new)) {
            _ if same => Counts::default(),
            (Some(old), Some(new)) => lines::diff(old.bytes(), new.bytes()),
            (Some(old), None) => Counts { added: 0, deleted: lines::count(old.bytes()) },
            (None, Some(new)) => Counts { added: lines::count(new.bytes()), deleted: 0 },
            (None, None) => Counts::default(),
        };
        let is_modified = changed.old_path.is_none() && changed.old.is_some() && changed.new.is_some();
        let same_mode = changed.old.map(|side| side.mode) == changed.new.map(|side| side.mode);
        if is_modified && same_mode && counts == Counts::default() {
            return Ok(None);
        }
        Ok(Some(Some(counts)))
    }

    fn content(&mut self, side: Option<&Side>) -> Result<Option<Content>, Fault> {
        let Some(side) = side else {
            return Ok(None);
        };
        if side.mode == Mode::Submodule {
            return Ok(Some(Content::Submodule(format!("Subproject commit {}\n", side.id).into())));
        }
        match self.reader.content(&side.id) {
            Ok(object) => {
                self.content_bytes += object.data.len() as u64;
                if self.content_bytes > CONTENT_BYTES_MAX {
                    return Err(Fault::TooMany("bytes"));
                }
                Ok(Some(Content::Object(object)))
            }
            Err(Fault::TooLarge(_)) => Ok(Some(Content::TooLarge)),
            Err(fault) => Err(fault),
        }
    }

    fn is_binary(&mut self, path: &[u8], content: Option<&Content>) -> bool {
        let Some(content) = content else {
            return false;
        };
        let declared = self.attributes.as_mut().and_then(|attributes| attributes.binary(path));
        match (declared, content) {
            (_, Content::TooLarge) => true,
            (Some(binary), _) => binary,
            (None, content) => lines::is_binary(content.bytes()),
        }
    }

    fn event(
        &mut self,
        node: &Node,
        commit: &Commit<'_>,
        files: Option<&[FileCounts]>,
        totals: &mut Totals,
    ) -> CommitEvent {
        let whole = commit.text(commit.message);
        let text = whole.trim_start_matches(['\n', '\r', ' ', '\t']);
        let subject = text.lines().next().unwrap_or_default().trim();
        let trailers = trailers_of_message(&whole);
        let named = people_of_message(&whole, &trailers);
        totals.reviewed_commits += u64::from(named.reviewed);
        let time = |signature: Option<Signature<'_>>| signature.map(|signature| signature.time);
        let (authored, committed) = (time(commit.author), time(commit.committer));
        let usable = |time: &Time| matches!(time, Time::At { .. });
        let happened = committed.filter(usable).or(authored.filter(usable)).unwrap_or(EPOCH);
        let name = &self.repository.name;
        let pushed = CommitData {
            sha: node.id.to_string(),
            parents: commit.parents.iter().map(ToString::to_string).collect(),
            author: self.signature(commit, commit.author),
            committer: self.signature(commit, commit.committer),
            authored_at: authored.and_then(Time::rfc3339),
            committed_at: committed.and_then(Time::rfc3339),
            time: happened.utc().rfc3339().expect("a usable time"),
            branch: self.repository.branch.as_deref(),
            subject,
            co_authors: self.people(&named.co_authors),
            reviewers: self.people(&named.reviewers),
            acked_by: self.people(&named.acked_by),
            tested_by: self.people(&named.tested_by),
            tickets: tickets_of_message(name, subject, &whole, &trailers),
            change: change_of_message(subject, &whole, &trailers),
            files,
        };
        pushed.event(name, self.repository.source())
    }

    fn signature(&mut self, commit: &Commit<'_>, signature: Option<Signature<'_>>) -> Arc<RawValue> {
        let (name, email) =
            signature.map_or((&b""[..], &b""[..]), |signature| (signature.name, signature.email));
        let text = |bytes| super::commit::decode(bytes, commit.encoding);
        self.people.person(shortened(&text(name)), shortened(&text(email)))
    }

    fn people(&mut self, names: &[&str]) -> Vec<Arc<RawValue>> {
        names.iter().map(|name| self.people.named(shortened(name))).collect()
    }
}

/// One side of a file.
#[derive(Clone)]
enum Content {
    Object(Arc<Object>),
    /// The line that git shows for a submodule.
    Submodule(Arc<str>),
    TooLarge,
}

impl Content {
    fn bytes(&self) -> &[u8] {
        match self {
            Content::Object(object) => &object.data,
            Content::Submodule(line) => line.as_bytes(),
            Content::TooLarge => &[],
        }
    }
}

fn sums(files: &[FileCounts]) -> Totals {
    let lines = || files.iter().filter_map(|file| file.lines);
    Totals {
        files: files.len() as u64,
        renames: files.iter().filter(|file| file.changed.old_path.is_some()).count() as u64,
        binary_files: files.iter().filter(|file| file.lines.is_none()).count() as u64,
        additions: lines().map(|lines| lines.added).sum(),
        deletions: lines().map(|lines| lines.deleted).sum(),
        ..Totals::default()
    }
}

fn push_fault(totals: &mut Totals, fault: String) {
    if totals.faults.len() < FAULTS_MAX {
        totals.faults.push(fault);
    }
}
