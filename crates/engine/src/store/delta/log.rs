//! The Delta log as files: which versions exist, what a commit says, what the positions are.
//!
//! Delta Lake's own reader answers for one application id at a time and replays the log for each;
//! the store wants all of them at once, and wants to look at a commit that may be torn.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Deserialize;

use super::StoreError;

/// The directory of the log inside the table's.
pub const LOG_DIR: &str = "_delta_log";
/// Key in a commit's information: how many lines the commit has, to tell a cut one.
pub const LINES_KEY: &str = "plimsollLines";

/// The version of an app id that another has taken over from: its position speaks of nothing any more. A program that
/// does not know this finds no log with such an offset, and refuses.
pub const RETIRED: i64 = -1;

/// One line of a commit, as far as we look at it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    pub add: Option<FileAction>,
    pub remove: Option<FileAction>,
    pub txn: Option<Txn>,
    pub commit_info: Option<CommitInfo>,
    pub protocol: Option<serde::de::IgnoredAny>,
    pub meta_data: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub struct FileAction {
    pub path: String,
    pub size: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Txn {
    pub app_id: String,
    pub version: i64,
}

#[derive(Debug, Deserialize)]
pub struct CommitInfo {
    #[serde(rename = "plimsollLines")]
    pub lines: Option<usize>,
}

/// The files of the log by version.
#[derive(Debug, Default)]
pub struct Listing {
    pub commits: BTreeMap<u64, PathBuf>,
    /// A checkpoint can have several parts.
    pub checkpoints: BTreeMap<u64, Vec<PathBuf>>,
}

impl Listing {
    /// An absent directory is an empty log.
    pub fn read(log: &Path) -> io::Result<Listing> {
        let mut listing = Listing::default();
        let entries = match std::fs::read_dir(log) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(listing),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            let Some((version, rest)) = name.split_once('.') else { continue };
            let Ok(version) = version.parse::<u64>() else { continue };
            match rest {
                "json" => {
                    listing.commits.insert(version, path);
                }
                _ if rest.starts_with("checkpoint.") && rest.ends_with(".parquet") => {
                    listing.checkpoints.entry(version).or_default().push(path);
                }
                _ => {}
            }
        }
        Ok(listing)
    }

    pub fn checkpoint_before(&self, version: u64) -> Option<u64> {
        self.checkpoints.range(..=version).next_back().map(|(&version, _)| version)
    }
}

/// The lines of a commit, or why it is not whole.
pub fn parse(version: u64, bytes: &[u8]) -> Result<Vec<Action>, String> {
    if bytes.is_empty() {
        return Err("the commit is empty".to_owned());
    }
    if bytes.contains(&0) {
        return Err("the commit has zero bytes".to_owned());
    }
    let lines = bytes.split(|&b| b == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let actions: Vec<Action> = lines
        .map(|line| serde_json::from_slice(line).map_err(|e| format!("the commit does not parse: {e}")))
        .collect::<Result<_, _>>()?;
    let expected = actions.iter().find_map(|a| a.commit_info.as_ref()?.lines);
    if let Some(expected) = expected.filter(|&n| n != actions.len()) {
        return Err(format!("the commit has {} of its {expected} lines", actions.len()));
    }
    let first_is_whole =
        actions.iter().any(|a| a.protocol.is_some()) && actions.iter().any(|a| a.meta_data.is_some());
    if version == 0 && !first_is_whole {
        return Err("the first commit lacks the table's description".to_owned());
    }
    Ok(actions)
}

/// The next offset of every application id at `version`: the newest checkpoint, then the commits.
pub fn positions(log: &Path, version: u64) -> Result<HashMap<String, i64>, StoreError> {
    let listing = Listing::read(log).map_err(|e| StoreError::io(log, &e))?;
    let mut positions = HashMap::new();
    let checkpoint = listing.checkpoint_before(version);
    for part in checkpoint.iter().flat_map(|v| &listing.checkpoints[v]) {
        read_checkpoint(part, &mut positions)?;
    }
    for version in checkpoint.map_or(0, |v| v + 1)..=version {
        let path = listing.commits.get(&version).ok_or_else(|| StoreError::Damaged {
            path: log.display().to_string(),
            reason: format!("commit {version} is missing"),
        })?;
        let bytes = std::fs::read(path).map_err(|e| StoreError::io(path, &e))?;
        let actions = parse(version, &bytes)
            .map_err(|reason| StoreError::Damaged { path: path.display().to_string(), reason })?;
        positions.extend(actions.into_iter().filter_map(|a| a.txn).map(|txn| (txn.app_id, txn.version)));
    }
    positions.retain(|_, next| *next != RETIRED);
    Ok(positions)
}

/// Whether one of the commits in `versions` adds the file `path`.
pub fn adds(log: &Path, versions: RangeInclusive<u64>, path: &str) -> Result<bool, StoreError> {
    let listing = Listing::read(log).map_err(|e| StoreError::io(log, &e))?;
    for (&version, commit) in listing.commits.range(versions) {
        let bytes = std::fs::read(commit).map_err(|e| StoreError::io(commit, &e))?;
        let actions = parse(version, &bytes)
            .map_err(|reason| StoreError::Damaged { path: commit.display().to_string(), reason })?;
        if actions.iter().filter_map(|a| a.add.as_ref()).any(|add| add.path == path) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn read_checkpoint(path: &Path, positions: &mut HashMap<String, i64>) -> Result<(), StoreError> {
    let damaged = |reason: &dyn std::fmt::Display| StoreError::Damaged {
        path: path.display().to_string(),
        reason: reason.to_string(),
    };
    let file = File::open(path).map_err(|e| StoreError::io(path, &e))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| damaged(&e))?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), ["txn.appId", "txn.version"]);
    let reader = builder.with_projection(mask).build().map_err(|e| damaged(&e))?;
    for batch in reader {
        let batch = batch.map_err(|e| damaged(&e))?;
        let Some(txns) = batch.column_by_name("txn").and_then(|c| c.as_struct_opt()) else { continue };
        let (Some(ids), Some(versions)) = (txns.column_by_name("appId"), txns.column_by_name("version"))
        else {
            continue;
        };
        let ids = cast(ids, &DataType::Utf8).map_err(|e| damaged(&e))?;
        let (ids, versions) = (ids.as_string::<i32>(), versions.as_primitive::<Int64Type>());
        for row in (0..txns.len()).filter(|&row| txns.is_valid(row) && ids.is_valid(row)) {
            positions.insert(ids.value(row).to_owned(), versions.value(row));
        }
    }
    Ok(())
}
