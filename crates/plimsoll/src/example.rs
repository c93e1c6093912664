//! The mark on a data directory that holds the generated example organisation.
//!
//! Invariant: the mark is written before the first example event, so no surface can show example
//! numbers without saying so; a directory with data of its own never gets the mark.

use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

const FILE: &str = "example.json";

/// How the example was made, and whether all of it is in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    pub seed: u64,
    pub as_of: DateTime<Utc>,
    pub complete: bool,
}

impl Example {
    pub fn read(dir: &Path) -> Result<Option<Self>, Failure> {
        let path = dir.join(FILE);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
                Failure::failed(format!(
                    "{} is damaged ({error}); remove {} and run 'plimsoll demo' again",
                    path.display(),
                    dir.display()
                ))
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::failed(format!("could not read {}: {error}", path.display()))),
        }
    }

    pub fn write(&self, dir: &Path) -> Result<(), Failure> {
        let path = dir.join(FILE);
        let write = || crate::durable::replace_file(&path, &serde_json::to_vec(self)?);
        write().map_err(|error: std::io::Error| {
            Failure::failed(format!("could not write {}: {error}", path.display()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_reads_back() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        assert_eq!(Example::read(dir.path()).expect("no mark"), None);
        let mark = Example { seed: 7, as_of: Utc::now(), complete: false };
        mark.write(dir.path()).expect("written");
        assert_eq!(Example::read(dir.path()).expect("a mark"), Some(mark));
        std::fs::write(dir.path().join(FILE), "{").expect("written");
        assert!(Example::read(dir.path()).is_err());
    }
}
