//! Files that are replaced whole: a crash leaves the old one or the new one.
//!
//! Deliberately absent: appending, and more than one file at a time; the log and the tables do that.

use std::path::Path;

/// Replaces a file whole and durably: a crash leaves the old one or the new one.
pub fn replace_file(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    // A bare name is in the directory that we are in.
    let dir = path.parent().map(|dir| if dir.as_os_str().is_empty() { Path::new(".") } else { dir });
    if let Some(dir) = dir {
        std::fs::create_dir_all(dir)?;
    }
    std::fs::write(&fresh, content)?;
    std::fs::File::open(&fresh)?.sync_all()?;
    std::fs::rename(&fresh, path)?;
    match dir {
        Some(dir) => std::fs::File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}
