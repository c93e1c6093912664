//! Finds catalogue files: those in the program, and those in a user's directories.
//!
//! A directory holds `view/*.sql`, `metric/*.sql`, and `params.toml` with the parameters that several files share.
//!
//! Invariant: a file's name alone decides what it is called, and two files never share a name.
//! Symbolic links and names that could leave the directory are refused, not followed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use include_dir::{Dir, include_dir};

use super::{FILE_BYTES_MAX, FILES_MAX, Problem};

static QUERIES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../queries");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    View,
    Metric,
    /// Shared parameters.
    Params,
}

/// The folders of SQL files.
const FOLDERS: [(Kind, &str); 2] = [(Kind::View, "view"), (Kind::Metric, "metric")];
/// The file of shared parameters.
pub(super) const PARAMS: &str = "params.toml";

/// The text of one file, before it is understood.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub kind: Kind,
    pub name: String,
    pub file: String,
    pub text: String,
    /// Whether it comes in the place of a file in force, to be compared with it.
    pub newer: bool,
}

impl Source {
    pub fn problem(&self, line: usize, message: impl Into<String>) -> Problem {
        Problem::new(self.file.clone(), line, message)
    }
}

/// Whether a file came with the program, by its name.
pub(super) fn is_shipped(file: &str) -> bool {
    file.starts_with("queries/")
}

pub(super) fn shipped() -> Vec<Source> {
    let mut sources = Vec::new();
    for (kind, folder) in FOLDERS {
        let files = QUERIES.get_dir(folder).into_iter().flat_map(|dir| dir.files());
        for file in files.filter(|file| file.path().extension().is_some_and(|extension| extension == "sql")) {
            let name = file.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
            sources.push(Source {
                kind,
                file: format!("queries/{folder}/{name}.sql"),
                name,
                text: file.contents_utf8().unwrap_or_default().to_owned(),
                newer: false,
            });
        }
    }
    sources.sort_by(|a, b| a.file.cmp(&b.file));
    let text = QUERIES.get_file(PARAMS).and_then(|file| file.contents_utf8()).unwrap_or_default();
    sources.push(params(format!("queries/{PARAMS}"), text.to_owned()));
    sources
}

fn params(file: String, text: String) -> Source {
    Source { kind: Kind::Params, name: "params".to_owned(), file, text, newer: false }
}

/// Reads `dir/view/*.sql` and `dir/metric/*.sql`, in order of name, and `dir/params.toml`.
pub(super) fn directory(dir: &Path, sources: &mut Vec<Source>, problems: &mut Vec<Problem>) {
    if !dir.is_dir() {
        problems.push(problem_at(dir, "is not a directory; make it, or take it out of the configuration"));
        return;
    }
    let mut found = false;
    for (kind, folder) in FOLDERS {
        let folder = dir.join(folder);
        match fs::symlink_metadata(&folder) {
            Err(_) => continue,
            Ok(meta) if !meta.is_dir() => problems
                .push(problem_at(&folder, "is not a plain directory; symbolic links are not followed")),
            Ok(_) => files(kind, &folder, sources, problems),
        }
        found = true;
    }
    let shared = dir.join(PARAMS);
    if fs::symlink_metadata(&shared).is_ok() {
        match text(&shared) {
            Ok((_, text)) => sources.push(params(shared.display().to_string(), text)),
            Err(message) => problems.push(problem_at(&shared, message)),
        }
    }
    if !found {
        problems.push(problem_at(dir, "has no directory view or metric; put .sql files into one of them"));
    }
}

fn files(kind: Kind, folder: &Path, sources: &mut Vec<Source>, problems: &mut Vec<Problem>) {
    let entries = match fs::read_dir(folder)
        .and_then(|entries| entries.take(FILES_MAX + 1).collect::<Result<Vec<_>, _>>())
    {
        Ok(entries) if entries.len() <= FILES_MAX => entries,
        Ok(_) => {
            return problems.push(problem_at(folder, format!("holds more than {FILES_MAX} files; split it")));
        }
        Err(error) => return problems.push(problem_at(folder, format!("cannot be read: {error}"))),
    };
    let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "sql")) {
        match text(path) {
            Ok((name, text)) => {
                sources.push(Source { kind, name, file: path.display().to_string(), text, newer: false })
            }
            Err(message) => problems.push(problem_at(path, message)),
        }
    }
}

/// One file as a version of a metric.
pub(super) fn version(path: &Path, metric: &str, sources: &mut Vec<Source>, problems: &mut Vec<Problem>) {
    let file = path.display().to_string();
    match text(path) {
        Ok((_, text)) => {
            sources.push(Source { kind: Kind::Metric, name: metric.to_owned(), file, text, newer: true })
        }
        Err(message) => problems.push(problem_at(path, message)),
    }
}

fn text(path: &Path) -> Result<(String, String), String> {
    let name = path.file_stem().and_then(|stem| stem.to_str()).ok_or("file name is not UTF-8")?;
    let meta = fs::symlink_metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    if !meta.is_file() {
        return Err("is not a plain file; symbolic links are not followed, copy the file here".into());
    }
    if meta.len() > FILE_BYTES_MAX {
        return Err(format!("is {} bytes; at most {FILE_BYTES_MAX} are read", meta.len()));
    }
    let text = fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    Ok((name.to_owned(), text))
}

fn problem_at(path: &Path, message: impl Into<String>) -> Problem {
    Problem::new(path.display().to_string(), 1, message)
}

/// Keeps the files with a legal name that nothing else has.
pub(super) fn unique(sources: Vec<Source>, problems: &mut Vec<Problem>) -> Vec<Source> {
    let mut first: BTreeMap<String, String> = BTreeMap::new();
    let mut kept = Vec::with_capacity(sources.len());
    for source in sources {
        if source.kind == Kind::Params {
            kept.push(source);
        } else if !is_name(&source.name) {
            problems.push(source.problem(1, format!("name {:?} must be lower-case letters, digits and _, start with a letter and have at most 63 characters", source.name)));
        } else if super::graph::TABLES.contains(&source.name.as_str()) {
            problems
                .push(source.problem(1, format!("{} is the name of a table; rename the file", source.name)));
        } else if let Some(other) = first.get(&source.name) {
            problems.push(
                source.problem(
                    1,
                    format!("{} is already defined in {other}; rename one of the two", source.name),
                ),
            );
        } else {
            first.insert(source.name.clone(), source.file.clone());
            kept.push(source);
        }
    }
    kept
}

pub(super) fn is_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
