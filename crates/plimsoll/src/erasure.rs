//! An erasure that is finished whatever happens in between.
//!
//! Who is to be erased is written down before anything changes, and taken away when log and tables are done. An erasure
//! that was cut short goes on when the directory is opened next, by whichever command, with the names and the pseudonym
//! that it began with: so log and tables call the person the same, and no name waits for somebody to remember.
//! Invariant: the names are on disk in this file only while log or tables still have them.

use std::io::Write;
use std::path::Path;

use ingest::rewrite_local_log;
use people::Forget;
use serde::{Deserialize, Serialize};

use crate::durable::{fresh, replace_file};
use crate::failure::Failure;

const FILE: &str = "erasing.json";
/// Where the local log is.
const LOG: &str = "log";

/// As [`Forget`] has them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begun {
    names: Vec<String>,
    whole: Vec<String>,
    pseudonym: String,
}

/// What an erasure changed.
pub struct Erased {
    pub records: u64,
    pub files: usize,
}

/// Erases somebody from the log and the tables in `dir`, which no process has open.
pub async fn erase(dir: &Path, forget: &Forget) -> Result<Erased, Failure> {
    let Forget { names, whole, pseudonym } = forget;
    let begun = Begun { names: names.clone(), whole: whole.clone(), pseudonym: pseudonym.clone() };
    let text = serde_json::to_vec(&begun).map_err(|error| Failure::failed(error.to_string()))?;
    replace_file(&dir.join(FILE), &text).map_err(|error| failed(dir, &error))?;
    go_on(dir, forget).await
}

/// Goes on with an erasure that was cut short, if there is one.
pub async fn resume(dir: &Path) -> Result<(), Failure> {
    let path = dir.join(FILE);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(dir, &error)),
    };
    let Begun { names, whole, pseudonym } = serde_json::from_slice(&text).map_err(|error| {
        Failure::failed(format!(
            "{}: {error}; remove it and run 'plimsoll people erase' again",
            path.display()
        ))
    })?;
    let forget = Forget::new(names, whole, pseudonym);
    go_on(dir, &forget).await?;
    let _ =
        writeln!(std::io::stderr(), "plimsoll: finished an erasure that was cut short: {}", forget.pseudonym);
    Ok(())
}

async fn go_on(dir: &Path, forget: &Forget) -> Result<Erased, Failure> {
    let records = rewrite_local_log(&dir.join(LOG), &|member, bytes| forget.bytes(member, bytes))
        .map_err(|error| Failure::failed(error.to_string()))?;
    let done = engine::rewrite_texts(dir, forget).await.map_err(|error| Failure::engine(&error))?;
    for path in [fresh(&dir.join(FILE)), dir.join(FILE)] {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(dir, &error)),
            Ok(()) | Err(_) => {}
        }
    }
    std::fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| failed(dir, &error))?;
    Ok(Erased { records, files: done.files })
}

fn failed(dir: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("{}: {error}", dir.join(FILE).display()))
}
