//! `ingest gharchive` and `ingest webhooks`: bodies that another tool sent, kept in files.
//!
//! Invariant: what became of every body is printed: events by type, silent, unknown, refused.

use std::path::{Path, PathBuf};

use event::Format;
use ingest::{Bodies, Folder, Lines, Produce, STDIN};

use super::{load, spinner};
use crate::cli::{IngestGharchiveArgs, IngestWebhooksArgs};
use crate::config::Config;
use crate::failure::Failure;
use crate::pipeline;

pub async fn from_archive(config: &Config, arguments: IngestGharchiveArgs) -> Result<(), Failure> {
    // A name that is not there must not leave a new data directory behind.
    for file in arguments.files.iter().filter(|file| file.as_path() != Path::new(STDIN)) {
        Lines::open(file).map_err(|error| pipeline::log_failure(&error))?;
    }
    let paths = arguments.files;
    let read = move |log: &mut dyn Produce| {
        let name = match paths.as_slice() {
            [path] => path.display().to_string(),
            paths => format!("{} files", paths.len()),
        };
        let folder = Folder { lines: paths, ..Folder::default() };
        read_all(Format::GhArchive, &name, "lines", &folder, log)
    };
    load(config, arguments.target.to_kafka, read).await
}

pub async fn from_folders(config: &Config, arguments: IngestWebhooksArgs) -> Result<(), Failure> {
    let found: Result<Vec<Folder>, ingest::Error> =
        arguments.paths.iter().map(|path| Folder::read(path)).collect();
    let found = found.map_err(|error| pipeline::log_failure(&error))?;
    if let Some((path, _)) =
        arguments.paths.iter().zip(&found).find(|(_, folder)| folder.bodies.len() + folder.lines.len() == 0)
    {
        return Err(Failure::failed(format!(
            "{} holds no .json, .jsonl or .ndjson file; name the folder with the bodies",
            path.display()
        )));
    }
    let (format, paths) = (arguments.format, arguments.paths);
    let read = move |log: &mut dyn Produce| {
        let mut lines = Vec::new();
        for (path, folder) in paths.iter().zip(&found) {
            lines.extend(read_all(format, &path.display().to_string(), "bodies", folder, log)?);
            if folder.others > 0 {
                lines.push(format!("  skipped: {} other files", folder.others));
            }
        }
        Ok(lines)
    };
    load(config, arguments.target.to_kafka, read).await
}

fn read_all(
    format: Format,
    name: &str,
    unit: &str,
    folder: &Folder,
    log: &mut dyn Produce,
) -> Result<Vec<String>, ingest::Error> {
    let bar = spinner(name);
    let mut bodies = Bodies::new(format, log);
    let tell = |path: &PathBuf| bar.set_message(path.display().to_string());
    for path in &folder.bodies {
        if bodies.read_whole(path)? {
            bar.set_position(bodies.totals().bodies);
        }
    }
    for path in &folder.lines {
        tell(path);
        bodies.read_lines(path, &mut |totals| bar.set_position(totals.bodies))?;
    }
    bodies.flush()?;
    bar.finish_and_clear();
    Ok(bodies.totals().describe(name, unit))
}
