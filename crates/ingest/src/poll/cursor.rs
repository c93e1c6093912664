//! How far polling came: a small file beside the log that it speaks of.
//!
//! Invariant: the file is replaced whole and durably, and only after the log has what it says; losing it costs
//! requests and no number, because events that come again are dropped by their ids.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Tool;
use crate::Error;

/// Feed, then list, then how far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PollCursor(BTreeMap<String, BTreeMap<String, Mark>>);

/// How far one list was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The last change that was read, as the tool writes it.
    pub since: String,
    /// Items of that moment that were read, and digests of items that tell no time of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<String>,
}

impl PollCursor {
    /// # Errors
    /// The file is there and cannot be read.
    pub fn read(path: &Path) -> Result<PollCursor, Error> {
        let input = |detail: String| Error::Input { name: path.display().to_string(), detail };
        match std::fs::read_to_string(path) {
            Ok(text) => serde_json::from_str(&text).map_err(|_| {
                input("is damaged; remove it to poll from the start again, doubles are dropped".to_owned())
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(PollCursor::default()),
            Err(error) => Err(input(error.to_string())),
        }
    }

    /// Replaces the file: a crash leaves the old one or the new one.
    pub(super) fn write(&self, path: &Path) -> Result<(), Error> {
        let written = || -> std::io::Result<()> {
            let folder = path.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(folder)?;
            let fresh = path.with_extension("new");
            let mut file = std::fs::File::create(&fresh)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.sync_all()?;
            std::fs::rename(&fresh, path)?;
            std::fs::File::open(folder)?.sync_all()
        };
        written()
            .map_err(|error| Error::Input { name: path.display().to_string(), detail: error.to_string() })
    }

    pub(super) fn mark(&self, feed: &str, list: &str) -> Option<&Mark> {
        self.0.get(feed)?.get(list)
    }

    pub(super) fn since(&self, feed: &str, list: &str) -> Option<&str> {
        self.mark(feed, list).map(|mark| mark.since.as_str())
    }

    pub(super) fn set(&mut self, feed: &str, list: &str, mark: Mark) {
        self.0.entry(feed.to_owned()).or_default().insert(list.to_owned(), mark);
    }

    /// Forgets all feeds of a tool at an address, so that they are read from the start again.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn forget(path: &Path, tool: Tool, url: &str) -> Result<(), Error> {
        let mut cursor = PollCursor::read(path)?;
        // Spelled as a client spells it.
        let url = reqwest::Url::parse(url).map_or(url.to_owned(), String::from);
        let feeds = feed_name(tool, url.trim_end_matches('/'), "");
        cursor.0.retain(|feed, _| !feed.starts_with(&feeds));
        match path.exists() {
            true => cursor.write(path),
            false => Ok(()),
        }
    }
}

/// What the cursor knows a scope by.
pub(super) fn feed_name(tool: Tool, url: &str, scope: &str) -> String {
    format!("{} {url} {scope}", tool.format().name())
}
