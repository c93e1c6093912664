//! What ends a run before its end.
//!
//! Deliberately lacking: objects that are missing or damaged; they are counted, and end nothing.

use std::fmt;
use std::path::PathBuf;

/// A repository that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub repository: PathBuf,
    pub detail: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "git repository {}: {}", self.repository.display(), self.detail)
    }
}

impl std::error::Error for Error {}

/// Why a run ended early: what it read from, or what it handed events to, with the sink's own error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped<E> {
    Repository(Error),
    Sink(E),
}

impl<E> From<Error> for Stopped<E> {
    fn from(error: Error) -> Self {
        Stopped::Repository(error)
    }
}
