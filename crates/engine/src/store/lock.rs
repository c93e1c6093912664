//! The lock on a data directory.
//!
//! Invariant: it is the operating system's and goes with the process, so a killed one leaves nothing to clean up.

use std::fs::File;
use std::path::Path;

use crate::error::Error;

/// Held by the one process that has the directory open.
pub fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(|error| {
        let path = path.display();
        Error::Storage {
            message: format!("{path}: {error}; the data directory must be writable, and lock a file"),
        }
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::Locked { dir: dir.display().to_string() }),
        Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
    }
}
