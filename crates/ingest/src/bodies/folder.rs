//! The files of bodies below a folder.
//!
//! Invariant: files come in order of their paths, whatever the file system's order; links are not followed,
//! so the walk ends.
//! Deliberately lacking: archives in the folder, and any file whose name does not say that it holds JSON.

use std::path::{Path, PathBuf};

use crate::Error;

/// Files below one folder; a folder of more is read in parts.
const FILES_MAX: usize = 1_000_000;
/// Folders inside each other.
const DEPTH_MAX: usize = 32;

/// What a folder, or a file that was named itself, holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// Files of one body each.
    pub bodies: Vec<PathBuf>,
    /// Files of one body a line.
    pub lines: Vec<PathBuf>,
    /// Files that were passed over.
    pub others: usize,
}

impl Folder {
    /// The files below `path`; a file that is named itself is taken whatever it is called.
    pub fn read(path: &Path) -> Result<Folder, Error> {
        let mut folder = Folder::default();
        let about = std::fs::metadata(path).map_err(|error| input(path, &error))?;
        if about.is_dir() {
            folder.walk(path, 0)?;
        } else if is_lines(path) {
            folder.lines.push(path.to_owned());
        } else {
            folder.bodies.push(path.to_owned());
        }
        folder.bodies.sort();
        folder.lines.sort();
        Ok(folder)
    }

    fn walk(&mut self, folder: &Path, depth: usize) -> Result<(), Error> {
        if depth > DEPTH_MAX {
            let detail = format!("is more than {DEPTH_MAX} folders deep; name a folder inside it");
            return Err(Error::Input { name: folder.display().to_string(), detail });
        }
        for entry in std::fs::read_dir(folder).map_err(|error| input(folder, &error))? {
            let entry = entry.map_err(|error| input(folder, &error))?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(|error| input(folder, &error))?);
            if kind.is_dir() {
                self.walk(&path, depth + 1)?;
            } else if kind.is_file() && is_lines(&path) {
                self.lines.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "json") {
                self.bodies.push(path);
            } else {
                self.others += 1;
            }
            if self.bodies.len() + self.lines.len() > FILES_MAX {
                let detail = format!("holds more than {FILES_MAX} files; name the folders in it");
                return Err(Error::Input { name: folder.display().to_string(), detail });
            }
        }
        Ok(())
    }
}

/// Whether the name says that each line is a body, compressed or not.
fn is_lines(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    name.ends_with(".jsonl") || name.ends_with(".ndjson")
}

fn input(path: &Path, error: &std::io::Error) -> Error {
    Error::Input { name: path.display().to_string(), detail: error.to_string() }
}
