//! What each command does, once everything it needs is resolved.

pub mod accept_gap;
pub mod check;
pub mod dashboard;
pub mod demo;
pub mod diff;
pub mod doctor;
pub mod explain;
pub mod health;
pub mod ingest;
pub mod manual;
pub mod people;
pub mod query;
pub mod replay;
pub mod report;
pub mod token;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::config::Config;
use crate::failure::Failure;

/// Writes a result to stdout.
pub fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(Failure::writing)
}

/// Prints a line for the person at the terminal, which is not a result. A closed stderr is no failure.
pub fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

pub fn serve(config: Config) -> Result<(), Failure> {
    let dir = config.data_dir.clone();
    crate::serve::run(config, dir, |_| {})
}

/// A line that moves while long work goes on; nothing where stderr is no terminal.
pub fn spinner(what: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{spinner} {prefix} {human_pos} {msg} ({elapsed})")
        .expect("the template is well-formed");
    bar.set_style(style);
    bar.set_prefix(what.to_owned());
    if std::io::stderr().is_terminal() {
        bar.enable_steady_tick(Duration::from_millis(120));
    }
    bar
}

/// A bar of commits, with rate and time left once their number is known.
pub fn commit_bar(what: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let template = "{prefix} {wide_bar} {human_pos}/{human_len} commits, {per_sec}, {eta} left";
    bar.set_style(ProgressStyle::with_template(template).expect("the template is well-formed"));
    bar.set_prefix(what.to_owned());
    bar
}

/// Whether the directory has a log or tables, from whichever command.
pub fn has_data(dir: &Path) -> bool {
    dir.join("log").exists() || dir.join("events").exists()
}

/// A directory that is gone when the command is over.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Result<Self, Failure> {
        let nanos = chrono::Utc::now().timestamp_subsec_nanos();
        let name = format!("plimsoll-{}-{nanos:x}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir(&dir)
            .map_err(|error| Failure::failed(format!("could not create {}: {error}", dir.display())))?;
        Ok(Self(dir))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
