//! Files that are replaced whole: a crash leaves the old one or the new one.
//!
//! What is no plain file, such as a terminal, `/dev/null`, a pipe or a link, is written in place and stays what it is.
//! Deliberately absent: appending, and more than one file at a time; the log and the tables do that.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::private;

/// Writes what the user asked for to the place that they named.
pub fn write_output(path: &Path, content: &[u8]) -> std::io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            let mut file = std::fs::OpenOptions::new().write(true).truncate(true).open(path)?;
            file.write_all(content)
        }
        Ok(metadata) => {
            replace_file(path, content)?;
            std::fs::set_permissions(path, metadata.permissions())
        }
        Err(_) => {
            replace_file(path, content)?;
            std::fs::set_permissions(path, Permissions::from_mode(private::asked_for()))
        }
    }
}

/// Replaces a file whole and durably: a crash leaves the old one or the new one.
pub fn replace_file(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let fresh = fresh(path);
    // A bare name is in the directory that we are in.
    let dir = path.parent().map(|dir| if dir.as_os_str().is_empty() { Path::new(".") } else { dir });
    if let Some(dir) = dir {
        std::fs::create_dir_all(dir)?;
    }
    // What a crash left, or a link that somebody put there, is not written through.
    if std::fs::symlink_metadata(&fresh).is_ok() {
        std::fs::remove_file(&fresh)?;
    }
    let mut file = std::fs::File::create_new(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    match dir {
        Some(dir) => std::fs::File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

/// What the content is called until it is whole.
pub fn fresh(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_file_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("target"), "a longer text").unwrap();
        std::os::unix::fs::symlink(path("target"), path("link")).unwrap();
        std::os::unix::fs::symlink("/dev/null", path("null")).unwrap();
        for name in ["link", "null", "plain"] {
            write_output(&path(name), b"report").unwrap();
        }
        let is_link = |name: &str| std::fs::symlink_metadata(path(name)).unwrap().is_symlink();
        assert!(is_link("link") && is_link("null"));
        assert_eq!(std::fs::read_to_string(path("target")).unwrap(), "report");
        std::fs::set_permissions(path("plain"), Permissions::from_mode(0o640)).unwrap();
        write_output(&path("plain"), b"again").unwrap();
        assert_eq!(std::fs::metadata(path("plain")).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(write_output(dir.path(), b"report").is_err());
        let full = write_output(Path::new("/dev/full"), b"report");
        assert!(full.is_err(), "a disk that is full is no success");
        assert!(!std::fs::metadata("/dev/full").unwrap().is_file());
    }
}
