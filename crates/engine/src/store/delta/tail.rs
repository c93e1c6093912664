//! Checks the newest commits before the table is loaded, and sets torn ones aside.
//!
//! Invariant: after `check`, the newest commits parse whole and every file they add is there, has
//! its size and a readable footer. What is set aside moves to the quarantine directory and is never
//! deleted. Nothing is lost by it: the positions live in the same commits, so the log is read again
//! from where the table now ends.
//! Our own writes are fsynced in order and cannot tear like this; disks that lie, copied
//! directories and other writers can.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use parquet::file::metadata::ParquetMetaDataReader;
use url::Url;

use super::log::{FileAction, LOG_DIR, Listing, parse};

/// So many good commits in a row, newest first, end the check.
const GOOD_COMMITS: usize = 8;

/// A commit or checkpoint that was set aside, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    pub file: String,
    pub reason: String,
}

/// Sets every commit from the oldest bad one of the tail on aside in `quarantine`.
pub fn check(root: &Path, quarantine: &Path) -> io::Result<Vec<Torn>> {
    let log = root.join(LOG_DIR);
    let listing = Listing::read(&log)?;
    let mut aside = Aside { quarantine: quarantine.to_owned(), torn: Vec::new(), dirs: HashSet::new() };
    let mut removed = HashSet::new();
    let mut good = 0;
    for (&version, path) in listing.commits.iter().rev() {
        match inspect(root, version, path, &mut removed)? {
            None => good += 1,
            Some(bad) => {
                set_commits_aside(&mut aside, &listing, version, &bad)?;
                removed.clear();
                good = 0;
            }
        }
        if good == GOOD_COMMITS {
            break;
        }
    }
    check_checkpoint(&mut aside, &log)?;
    aside.finish()
}

/// What is wrong with a commit, and the files that are to blame.
struct Bad {
    reason: String,
    files: Vec<PathBuf>,
}

fn inspect(root: &Path, version: u64, path: &Path, removed: &mut HashSet<String>) -> io::Result<Option<Bad>> {
    let actions = match parse(version, &std::fs::read(path)?) {
        Ok(actions) => actions,
        Err(reason) => return Ok(Some(Bad { reason, files: Vec::new() })),
    };
    let mut bad: Option<Bad> = None;
    for add in actions.iter().filter_map(|a| a.add.as_ref()).filter(|add| !removed.contains(&add.path)) {
        let Some(file) = resolve(root, &add.path) else { continue };
        if let Some(reason) = check_file(&file, add)? {
            let bad = bad.get_or_insert_with(|| Bad { reason, files: Vec::new() });
            bad.files.push(file);
        }
    }
    removed.extend(actions.into_iter().filter_map(|a| a.remove).map(|remove| remove.path));
    Ok(bad)
}

/// The path of a file action, which is a URI relative to the table.
fn resolve(root: &Path, path: &str) -> Option<PathBuf> {
    Url::from_directory_path(root).ok()?.join(path).ok()?.to_file_path().ok()
}

/// Why a file is torn. A file that is there and cannot be opened is an error: that a rewind does
/// not heal.
fn check_file(path: &Path, add: &FileAction) -> io::Result<Option<String>> {
    let name = &add.path;
    let length = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Some(format!("file {name} is missing")));
        }
        Err(error) => return Err(error),
    };
    if let Some(size) = add.size.filter(|&size| size != length) {
        return Ok(Some(format!("file {name} has {length} of its {size} bytes")));
    }
    Ok(footer(path)?.map(|reason| format!("file {name} has no readable footer: {reason}")))
}

/// Why the Parquet footer of a file cannot be read, if so.
fn footer(path: &Path) -> io::Result<Option<String>> {
    let file = File::open(path)?;
    Ok(ParquetMetaDataReader::new().parse_and_finish(&file).err().map(|e| e.to_string()))
}

/// Moves commit `from` and all that build on it; the newest goes first, so that being killed in
/// the middle leaves a shorter table and not one with a gap.
fn set_commits_aside(aside: &mut Aside, listing: &Listing, from: u64, bad: &Bad) -> io::Result<()> {
    let hint = listing.commits[&from].with_file_name("_last_checkpoint");
    aside.take(&hint, "may name a checkpoint that is set aside")?;
    for (version, parts) in listing.checkpoints.range(from..).rev() {
        for part in parts {
            aside.take(part, &format!("checkpoint {version} builds on torn commit {from}"))?;
        }
    }
    for (&version, path) in listing.commits.range(from..).rev() {
        match version == from {
            true => aside.take(path, &bad.reason)?,
            false => aside.take(path, &format!("builds on torn commit {from}"))?,
        }
    }
    bad.files.iter().try_for_each(|file| aside.take(file, &bad.reason))
}

/// A torn checkpoint is not needed as long as the commits it sums up are there.
fn check_checkpoint(aside: &mut Aside, log: &Path) -> io::Result<()> {
    let listing = Listing::read(log)?;
    let Some((_, parts)) = listing.checkpoints.last_key_value() else { return Ok(()) };
    for part in parts {
        if let Some(reason) = footer(part)? {
            aside.take(&log.join("_last_checkpoint"), "may name a checkpoint that is set aside")?;
            aside.take(part, &format!("the checkpoint has no readable footer: {reason}"))?;
        }
    }
    Ok(())
}

/// Moves files into the quarantine and remembers what to fsync.
struct Aside {
    quarantine: PathBuf,
    torn: Vec<Torn>,
    dirs: HashSet<PathBuf>,
}

impl Aside {
    /// Moves `path` if it is there, under its name with `.torn` and a number if need be.
    fn take(&mut self, path: &Path, reason: &str) -> io::Result<()> {
        let (Some(name), Some(dir)) = (path.file_name().and_then(|n| n.to_str()), path.parent()) else {
            return Ok(());
        };
        if !path.exists() {
            return Ok(());
        }
        std::fs::create_dir_all(&self.quarantine)?;
        let free = (0..).map(|n| match n {
            0 => self.quarantine.join(format!("{name}.torn")),
            n => self.quarantine.join(format!("{name}.{n}.torn")),
        });
        let target = free.into_iter().find(|p| !p.exists()).expect("some number is free");
        std::fs::rename(path, &target)?;
        tracing::warn!(file = %path.display(), moved_to = %target.display(), reason, "set a torn file aside");
        self.dirs.insert(dir.to_owned());
        self.torn.push(Torn { file: name.to_owned(), reason: reason.to_owned() });
        Ok(())
    }

    fn finish(mut self) -> io::Result<Vec<Torn>> {
        if !self.torn.is_empty() {
            self.dirs.insert(self.quarantine.clone());
            self.dirs.extend(self.quarantine.parent().map(Path::to_owned));
        }
        for dir in &self.dirs {
            File::open(dir)?.sync_all()?;
        }
        Ok(self.torn)
    }
}
