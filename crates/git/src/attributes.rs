//! Which paths `.gitattributes` declares text or binary, where git would look at that.
//!
//! Invariant: as in git, only the files in the work tree, `info/attributes` and the global file count,
//! not those in the history. Most repositories say nothing about it, and then nothing is looked up.
//! Deliberately lacking: text conversion, which `--numstat` does not do.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use gix::attrs::StateRef;
use gix::bstr::{BStr, ByteSlice};
use gix::worktree::stack::state::attributes::Source;

/// As much of a file is looked through for words that matter.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Paths remembered at once.
const REMEMBERED: usize = 200_000;

pub struct Attributes<'r> {
    repository: &'r gix::Repository,
    stack: gix::AttributeStack<'r>,
    outcome: gix::attrs::search::Outcome,
    known: HashMap<Vec<u8>, Option<bool>>,
}

impl<'r> Attributes<'r> {
    /// `None` when no attributes file says anything that matters here.
    pub fn open(repository: &'r gix::Repository) -> Option<Attributes<'r>> {
        let index = repository.index_or_empty().ok()?;
        let global = repository.attribute_global_paths().unwrap_or_default();
        let own = [repository.common_dir().join("info").join("attributes")];
        let in_work_tree = repository.workdir().into_iter().flat_map(|root| {
            index
                .entries()
                .iter()
                .map(|entry| entry.path(&index))
                .filter(|path| path.ends_with(b".gitattributes"))
                .filter_map(|path| Some(root.join(path.to_path().ok()?)))
        });
        let says_something = |path: &Path| {
            let text = beginning(path);
            text.contains_str("diff") || text.contains_str("binary")
        };
        let mut files = global.into_iter().chain(own).chain(in_work_tree);
        if !files.any(|path| says_something(&path)) {
            return None;
        }
        let source =
            if repository.workdir().is_some() { Source::WorktreeThenIdMapping } else { Source::IdMapping };
        let empty = gix::index::State::new(repository.object_hash());
        let stack = repository.attributes_only(&empty, source).ok()?;
        let outcome = stack.selected_attribute_matches(["diff"]);
        Some(Attributes { repository, stack, outcome, known: HashMap::new() })
    }

    /// Whether attributes say that a path is binary, or that it is not.
    pub fn binary(&mut self, path: &[u8]) -> Option<bool> {
        if let Some(&known) = self.known.get(path) {
            return known;
        }
        let found = self.look_up(path.as_bstr());
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(path.to_owned(), found);
        found
    }

    fn look_up(&mut self, path: &BStr) -> Option<bool> {
        self.outcome.reset();
        let platform = self.stack.at_entry(path, None).ok()?;
        if !platform.matching_attributes(&mut self.outcome) {
            return None;
        }
        let state = self.outcome.iter_selected().next()?.assignment.state;
        match state {
            StateRef::Set => Some(false),
            StateRef::Unset => Some(true),
            StateRef::Unspecified => None,
            StateRef::Value(driver) => {
                let key = format!("diff.{}.binary", driver.as_bstr());
                self.repository.config_snapshot().boolean(key.as_str())
            }
        }
    }
}

/// As much of a file as is read, whatever it is.
fn beginning(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(path) {
        // What could not be read says nothing.
        let _ = file.take(FILE_BYTES_MAX).read_to_end(&mut bytes);
    }
    bytes
}
