//! Writing a closed log anew, with other bytes in its records: for erasing a person.
//!
//! Invariants: offsets, times, topics and the log's id stay; the old file is replaced only when the new one is whole
//! and on disk. Deliberately absent: overwriting the old file's blocks on the disk, which file systems do not promise.

use std::fs::File;
use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable};

use super::block::{self, Frame, Frames};
use super::{ABOUT, BLOCKS, FILE, open_error};
use crate::{Entry, Error, topic};

/// What the bytes are of, and the bytes; gives what they become, or `None` where they stay.
pub type Rewrite<'a> = &'a dyn Fn(&str, &[u8]) -> Option<Vec<u8>>;

/// Rewrites the log in `directory` and gives the number of records that changed; no log is no change.
/// `change` hears of `key`, of each header by its name, and of `value`.
///
/// # Errors
/// `Locked` while a process has the log open; the old log stays after any error.
pub fn rewrite(directory: &Path, change: Rewrite<'_>) -> Result<u64, Error> {
    let path = directory.join(FILE);
    if !path.exists() {
        return Ok(0);
    }
    let fresh = path.with_extension("rewritten");
    let failed = |detail: String| Error::Log { path: path.clone(), detail };
    let old = Database::open(&path).map_err(|error| open_error(&path, error))?;
    let _ = std::fs::remove_file(&fresh); // what an earlier crash left
    let new = Database::create(&fresh).map_err(|error| open_error(&fresh, error))?;
    let changed = copy(&old, &new, change).map_err(failed)?;
    drop((old, new));
    let io = |error: std::io::Error| failed(error.to_string());
    File::open(&fresh).and_then(|file| file.sync_all()).map_err(io)?;
    std::fs::rename(&fresh, &path).map_err(io)?;
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(io)?;
    Ok(changed)
}

fn copy(old: &Database, new: &Database, change: Rewrite<'_>) -> Result<u64, String> {
    fn text(error: impl std::fmt::Display) -> String {
        error.to_string()
    }
    let read = old.begin_read().map_err(text)?;
    let write = new.begin_write().map_err(text)?;
    let mut changed = 0;
    {
        let mut about = write.open_table(ABOUT).map_err(text)?;
        for entry in read.open_table(ABOUT).map_err(text)?.iter().map_err(text)? {
            let (key, value) = entry.map_err(text)?;
            about.insert(key.value(), value.value()).map_err(text)?;
        }
        let mut blocks = write.open_table(BLOCKS).map_err(text)?;
        let mut frames = Frames::default();
        for entry in read.open_table(BLOCKS).map_err(text)?.iter().map_err(text)? {
            let (first, bytes) = entry.map_err(text)?;
            block::open(bytes.value(), &mut frames)?;
            let (fresh, count) = block_with(&frames, change)?;
            changed += count;
            blocks.insert(first.value(), fresh.as_slice()).map_err(text)?;
        }
    }
    write.commit().map_err(text)?;
    Ok(changed)
}

/// The block of the changed frames, and how many changed.
fn block_with(frames: &Frames, change: Rewrite<'_>) -> Result<(Vec<u8>, u64), String> {
    let (mut out, mut at, mut changed) = (Frames::default(), 0, 0);
    for _ in 0..frames.count {
        let (frame, next) = block::frame(&frames.bytes, at).ok_or("a block is damaged")?;
        at = next;
        let (entry, differs) = entry(&frame, change)?;
        changed += u64::from(differs);
        out.push(&entry, frame.timestamp_us).map_err(|error| error.to_string())?;
    }
    Ok((out.seal().bytes, changed))
}

fn entry(frame: &Frame<'_>, change: Rewrite<'_>) -> Result<(Entry, bool), String> {
    let mut differs = false;
    let mut changed = |name: &str, bytes: &[u8]| match change(name, bytes) {
        Some(bytes) => {
            differs = true;
            bytes
        }
        None => bytes.to_vec(),
    };
    let known = topic::ALL.into_iter().find(|topic| *topic == frame.topic);
    let entry = Entry {
        topic: known.ok_or_else(|| format!("topic {} is not one of Plimsoll's", frame.topic))?,
        key: changed("key", frame.key),
        headers: frame
            .headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), changed(name, value)))
            .collect(),
        value: changed("value", frame.value),
    };
    Ok((entry, differs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local_log::LocalLog;

    #[test]
    fn records_change_and_offsets_stay() {
        let directory = tempfile::tempdir().unwrap();
        let entry = |value: &str| Entry {
            topic: topic::REVIEWS,
            key: b"ada".to_vec(),
            headers: vec![("ce_id".to_owned(), b"x".to_vec())],
            value: value.as_bytes().to_vec(),
        };
        let log = LocalLog::open(directory.path()).unwrap();
        let id = log.id().clone();
        log.append(vec![entry("ada"), entry("bo")]).unwrap();
        log.append(vec![entry("ada and bo")]).unwrap();
        assert!(rewrite(directory.path(), &|_, _| None).is_err(), "an open log is not touched");
        drop(log);
        let change = |name: &str, bytes: &[u8]| {
            (name == "value" && bytes.starts_with(b"ada")).then(|| b"somebody".to_vec())
        };
        assert_eq!(rewrite(directory.path(), &change).unwrap(), 2);
        let log = LocalLog::open(directory.path()).unwrap();
        assert_eq!((log.id(), log.next_offset()), (&id, 3));
        let values: Vec<_> =
            log.read(0, 10, 1 << 20).unwrap().into_iter().map(|r| (r.offset, r.value)).collect();
        assert_eq!(values, [(0, b"somebody".to_vec()), (1, b"bo".to_vec()), (2, b"somebody".to_vec())]);
    }
}
