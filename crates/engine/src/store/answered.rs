//! How far the log was in what readers have seen, so that no restart answers from an older position.
//!
//! Readers see rows before a commit has them. After a crash the tables are behind what was seen, until the log is read
//! again. Invariant: the file is written before the snapshot that it speaks of is published, and never goes back.
//! Deliberately absent: an fsync, which each publication would wait for. After a power cut the file may be some moments
//! old, or unreadable, which says nothing.

use std::path::{Path, PathBuf};

use crate::snapshot::Position;

/// The position that readers have seen, in memory and on disk.
#[derive(Debug, Default)]
pub struct Answered {
    path: PathBuf,
    position: Position,
    failed: bool,
}

impl Answered {
    pub fn read(dir: &Path) -> Answered {
        let path = dir.join("answered.json");
        let position = std::fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        Answered { path, position: position.unwrap_or_default(), failed: false }
    }

    pub fn position(&self) -> &Position {
        &self.position
    }

    /// To be called before `position` is published.
    pub fn raise(&mut self, position: &Position) {
        let mut raised = false;
        for (partition, &next) in position {
            match self.position.get_mut(partition) {
                Some(seen) if *seen >= next => {}
                Some(seen) => (*seen, raised) = (next, true),
                None => {
                    self.position.insert(partition.clone(), next);
                    raised = true;
                }
            }
        }
        if !raised {
            return;
        }
        let text = serde_json::to_vec(&self.position).expect("a position is strings and integers");
        let fresh = self.path.with_extension("new");
        let written = std::fs::write(&fresh, text).and_then(|()| std::fs::rename(&fresh, &self.path));
        if let Err(error) = &written
            && !self.failed
        {
            let path = self.path.display();
            tracing::warn!(%path, %error, "cannot write how far readers have seen; after a crash, answers may be older");
        }
        self.failed = written.is_err();
    }
}

/// Whether `position` is nowhere behind `seen`.
pub fn covers(position: &Position, seen: &Position) -> bool {
    seen.iter().all(|(partition, &next)| position.get(partition).is_some_and(|&covered| covered >= next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(pairs: &[(&str, i64)]) -> Position {
        pairs.iter().map(|(name, next)| ((*name).to_owned(), *next)).collect()
    }

    #[test]
    fn what_was_seen_outlives_the_process_and_never_goes_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut answered = Answered::read(dir.path());
        assert!(covers(&Position::new(), answered.position()), "a new directory");
        answered.raise(&position(&[("a/0", 5)]));
        answered.raise(&position(&[("a/0", 3), ("a/1", 1)]));
        let again = Answered::read(dir.path());
        assert_eq!(again.position(), &position(&[("a/0", 5), ("a/1", 1)]));
        assert!(!covers(&position(&[("a/0", 9)]), again.position()));
        assert!(!covers(&position(&[("a/0", 4), ("a/1", 1)]), again.position()));
        assert!(covers(&position(&[("a/0", 5), ("a/1", 2), ("b/0", 1)]), again.position()));
        std::fs::write(dir.path().join("answered.json"), "{\"a/0").unwrap();
        assert_eq!(Answered::read(dir.path()).position(), &Position::new(), "a torn file says nothing");
    }
}
