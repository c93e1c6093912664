//! The folder of real data: webhook bodies of many tools, and an hour of GH Archive.
//!
//! Invariant: where it is absent a test says that it did not run; on CI that is a failure.

use std::path::{Path, PathBuf};

/// `PLIMSOLL_CORPUS`, else ../shared/data beside the checkout.
pub(super) fn corpus(test: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("PLIMSOLL_CORPUS").map_or_else(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!ci, "{test} needs the folder of real data (PLIMSOLL_CORPUS)");
    eprintln!("{test} did not run: it needs the folder of real data (PLIMSOLL_CORPUS)");
    None
}

/// The bodies below a folder of the real data: path from that folder and bytes, in order of path.
pub(super) fn bodies(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                found.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "{} holds no bodies", folder.display());
    found
}
