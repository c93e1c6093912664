//! What earlier runs have seen: the tips of each repository, as JSON text for the caller to keep.

use std::collections::{BTreeMap, BTreeSet};

use gix::ObjectId;
use serde::{Deserialize, Serialize};

use crate::options::Scope;
use crate::rewritten::{Earlier, Rewriting};

/// What the tips of the branch that is checked out are kept under.
const HEAD: &str = "head";

/// Known tips by repository name and scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    repositories: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// How new the newest commit of a repository's branch was, in seconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    newest: BTreeMap<String, i64>,
    /// Repositories whose history was rewritten.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    rewritten: BTreeSet<String>,
}

impl Cursor {
    /// Reads what [`Cursor::to_json`] wrote; empty text is an empty cursor. Fails on any other text.
    pub fn from_json(text: &str) -> Result<Cursor, serde_json::Error> {
        if text.trim().is_empty() {
            return Ok(Cursor::default());
        }
        serde_json::from_str(text)
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("maps of text serialise")
    }

    pub(super) fn known(&self, repository: &str) -> Vec<ObjectId> {
        let scopes = self.repositories.get(repository).into_iter().flat_map(BTreeMap::values);
        let mut known: Vec<_> =
            scopes.flatten().filter_map(|tip| ObjectId::from_hex(tip.as_bytes()).ok()).collect();
        known.sort_unstable();
        known.dedup();
        known
    }

    /// Where the branch was that is checked out; `None` before the first run.
    pub(super) fn earlier(&self, repository: &str) -> Option<Earlier> {
        let tips = self.repositories.get(repository)?.get(HEAD)?;
        Some(Earlier {
            tips: tips.iter().filter_map(|tip| ObjectId::from_hex(tip.as_bytes()).ok()).collect(),
            newest: self.newest.get(repository).copied().unwrap_or(0),
            rewritten: self.rewritten.contains(repository),
        })
    }

    pub(super) fn moved(&mut self, repository: &str, rewriting: &Rewriting) {
        self.newest.insert(repository.to_owned(), rewriting.newest);
        if rewriting.rewritten {
            self.rewritten.insert(repository.to_owned());
        }
    }

    pub(super) fn set(&mut self, repository: &str, scope: Scope, tips: &[ObjectId]) {
        let name = match scope {
            Scope::Head => HEAD,
            Scope::Branches => "branches",
        };
        let tips = tips.iter().map(ToString::to_string).collect();
        self.repositories.entry(repository.to_owned()).or_default().insert(name.to_owned(), tips);
    }
}
