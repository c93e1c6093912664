//! What earlier runs have seen: the tips of each repository, as JSON text for the caller to keep.

use std::collections::BTreeMap;

use gix::ObjectId;
use serde::{Deserialize, Serialize};

use crate::options::Scope;

/// Known tips by repository name and scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    repositories: BTreeMap<String, BTreeMap<String, Vec<String>>>,
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

    pub(super) fn set(&mut self, repository: &str, scope: Scope, tips: &[ObjectId]) {
        let name = match scope {
            Scope::Head => "head",
            Scope::Branches => "branches",
        };
        let tips = tips.iter().map(ToString::to_string).collect();
        self.repositories.entry(repository.to_owned()).or_default().insert(name.to_owned(), tips);
    }
}
