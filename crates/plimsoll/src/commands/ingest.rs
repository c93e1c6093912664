//! `ingest`: histories, files and interfaces of tools into the log, and from the log into the tables.
//!
//! Invariant: a backfill goes the same way as anything else: it only produces to the log, and the
//! ingest loop alone writes tables. Running it twice changes no number.

mod bodies;
mod poll;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ingest::{COMMITS_TOPIC, Entry, Lines, Produce, STDIN, ingest_file};

use super::{commit_bar, print, spinner};
use crate::cli::{IngestCommand, IngestEventsArgs, IngestGitArgs};
use crate::config::Config;
use crate::failure::Failure;
use crate::pipeline::{self, Store};
use surface::output::EXAMPLE_NOTE;

/// How often the progress bar is drawn.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(100);

pub fn run(config: Config, command: IngestCommand) -> Result<(), Failure> {
    let runtime = crate::runtime::runtime("plimsoll")?;
    runtime.block_on(async move {
        match command {
            IngestCommand::Git(arguments) => from_git(&config, arguments).await,
            IngestCommand::Events(arguments) => from_files(&config, arguments).await,
            IngestCommand::Gharchive(arguments) => bodies::from_archive(&config, arguments).await,
            IngestCommand::Webhooks(arguments) => bodies::from_folders(&config, arguments).await,
            IngestCommand::Github(arguments) => poll::github(&config, arguments).await,
            IngestCommand::Gitlab(arguments) => poll::gitlab(&config, arguments).await,
            IngestCommand::Jira(arguments) => poll::jira(&config, arguments).await,
        }
    })
}

async fn from_files(config: &Config, arguments: IngestEventsArgs) -> Result<(), Failure> {
    // A name that is not there must not leave a new data directory behind.
    for file in arguments.files.iter().filter(|file| file.as_path() != Path::new(STDIN)) {
        Lines::open(file).map_err(|error| pipeline::log_failure(&error))?;
    }
    let paths = arguments.files;
    load(config, arguments.target.to_kafka, move |log| read_files(&paths, log)).await
}

fn read_files(paths: &[PathBuf], log: &mut dyn Produce) -> Result<Vec<String>, ingest::Error> {
    let mut lines = Vec::new();
    for path in paths {
        let bar = spinner(&path.display().to_string());
        let totals = ingest_file(path, log, &mut |totals| bar.set_position(totals.entries))?;
        bar.finish_and_clear();
        let name = if path.as_path() == Path::new(STDIN) { "stdin".into() } else { path.to_string_lossy() };
        lines.push(format!("{name}: {} events read, {} bytes", totals.entries, totals.bytes));
    }
    Ok(lines)
}

async fn from_git(config: &Config, arguments: IngestGitArgs) -> Result<(), Failure> {
    // A name that is not there must not leave a new data directory behind.
    if let Some(missing) = arguments.paths.iter().find(|path| !path.exists()) {
        return Err(Failure::failed(format!(
            "git repository {}: the directory does not exist; name a work tree or a bare repository",
            missing.display()
        )));
    }
    let cursor = cursor_path(config, "git", arguments.target.to_kafka);
    let scope = if arguments.branches { git::Scope::Branches } else { git::Scope::Head };
    let options = git::Options { scope, ..git::Options::default() };
    let paths = arguments.paths;
    load(config, arguments.target.to_kafka, move |log| read_histories(&paths, &options, &cursor, log)).await
}

/// The cursor lies with the log that it speaks of, so that a new log starts with no cursor.
fn cursor_path(config: &Config, what: &str, to_kafka: bool) -> PathBuf {
    if !to_kafka {
        return config.data_dir.join("log").join(format!("{what}-cursor.json"));
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let brokers: String = config.kafka.brokers.join("-").chars().map(plain).collect();
    config.data_dir.join(format!("{what}-cursor-kafka-{brokers}.json"))
}

fn read_histories(
    paths: &[PathBuf],
    options: &git::Options,
    cursor_path: &Path,
    log: &mut dyn Produce,
) -> Result<Vec<String>, ingest::Error> {
    let mut cursor = read_cursor(cursor_path)?;
    let mut lines = Vec::new();
    for path in paths {
        let started = Instant::now();
        let progress = git::Progress::default();
        let done = AtomicBool::new(false);
        let totals = std::thread::scope(|scope| {
            scope.spawn(|| follow(&path.display().to_string(), &progress, &done));
            let totals = git::read(path, options, &mut cursor, &progress, &mut |events| {
                log.produce(events.into_iter().map(entry).collect())
            });
            done.store(true, Ordering::Relaxed);
            totals.map_err(stopped)
        })?;
        write_cursor(cursor_path, &cursor)?;
        lines.extend(describe(&totals, started.elapsed().as_secs_f64()));
    }
    Ok(lines)
}

fn entry(commit: git::CommitEvent) -> Entry {
    Entry { topic: COMMITS_TOPIC, key: commit.key, headers: Vec::new(), value: commit.value }
}

fn stopped(reason: git::Stopped<ingest::Error>) -> ingest::Error {
    match reason {
        git::Stopped::Sink(error) => error,
        git::Stopped::Repository(git::Error { repository, detail }) => {
            ingest::Error::Input { name: format!("git repository {}", repository.display()), detail }
        }
    }
}

/// Draws how far the walk is, until it is done.
fn follow(name: &str, progress: &git::Progress, done: &AtomicBool) {
    let bar = commit_bar(name);
    while !done.load(Ordering::Relaxed) {
        if progress.walked.load(Ordering::Relaxed) {
            bar.set_length(progress.found.load(Ordering::Relaxed));
        }
        bar.set_position(progress.done.load(Ordering::Relaxed));
        std::thread::sleep(FOLLOW_INTERVAL);
    }
    bar.finish_and_clear();
}

fn describe(totals: &git::Totals, seconds: f64) -> Vec<String> {
    let mut lines = vec![format!(
        "{}: {} new commits ({} merges), {} files ({} renames, {} binary), +{} -{} lines, {} commits with Reviewed-by, {seconds:.1} s",
        totals.repository,
        totals.commits,
        totals.merges,
        totals.files,
        totals.renames,
        totals.binary_files,
        totals.additions,
        totals.deletions,
        totals.reviewed_commits,
    )];
    if totals.gone_commits > 0 {
        lines.push(format!(
            "  the history was rewritten: {} commits are gone from the branch",
            totals.gone_commits
        ));
    }
    if totals.incomplete_commits + totals.absent_commits > 0 {
        lines.push(format!(
            "  {} commits without their files and {} commits left out, because objects are missing or damaged",
            totals.incomplete_commits, totals.absent_commits
        ));
        lines.extend(totals.faults.iter().map(|fault| format!("  {fault}")));
    }
    lines
}

fn read_cursor(path: &Path) -> Result<git::Cursor, ingest::Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => git::Cursor::from_json(&text).map_err(|_| ingest::Error::Input {
            name: path.display().to_string(),
            detail: "is damaged; remove it to read all history again; duplicates are dropped".to_owned(),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(git::Cursor::default()),
        Err(error) => Err(unusable(path, &error)),
    }
}

fn write_cursor(path: &Path, cursor: &git::Cursor) -> Result<(), ingest::Error> {
    crate::durable::replace_file(path, cursor.to_json().as_bytes()).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &std::io::Error) -> ingest::Error {
    ingest::Error::Input { name: path.display().to_string(), detail: error.to_string() }
}

/// Produces to the log that was asked for, and prints what came of it.
async fn load(
    config: &Config,
    to_kafka: bool,
    work: impl FnOnce(&mut dyn Produce) -> Result<Vec<String>, ingest::Error> + Send + 'static,
) -> Result<(), Failure> {
    let started = Instant::now();
    if to_kafka {
        let mut producer = pipeline::kafka_producer(config)?;
        let lines = tokio::task::spawn_blocking(move || work(&mut producer))
            .await
            .map_err(|error| Failure::failed(format!("reading the input stopped: {error}")))?
            .map_err(|error| pipeline::log_failure(&error))?;
        let seconds = started.elapsed().as_secs_f64();
        let brokers = config.kafka.brokers.join(",");
        return print(
            format!("{}\nproduced to kafka at {brokers} in {seconds:.1} s\n", lines.join("\n")).as_bytes(),
        );
    }
    let store = pipeline::open(config, &config.data_dir).await?;
    store.catch_up(config).await?;
    let before = store.engine.stats();
    let lines = store.load(config, work).await?;
    print(summary(&store, &before, &lines, started.elapsed().as_secs_f64(), &data_flag(config)).as_bytes())
}

/// The flag that the next command needs to read the same directory, if any.
fn data_flag(config: &Config) -> String {
    if config.data_dir == Config::default().data_dir {
        return String::new();
    }
    format!(" --data {}", config.data_dir.display())
}

/// A metric that has rows with what there is.
fn telling(stats: &engine::Stats) -> &'static str {
    let any = |table: &str| {
        [&stats.rows_hot, &stats.rows_cold].iter().any(|of| of.get(table).is_some_and(|n| *n > 0))
    };
    match (any("reviews"), any("commits")) {
        (true, _) => "review_load",
        (false, true) => "truck_factor",
        (false, false) => "goal_hygiene",
    }
}

/// Counts of this run, what was wrong with the rest, and the next command.
fn summary(store: &Store, before: &engine::Stats, lines: &[String], seconds: f64, data: &str) -> String {
    let after = store.engine.stats();
    let mut text = String::new();
    for line in lines {
        text.push_str(&format!("{line}\n"));
    }
    let counts = after.counts;
    let records = counts.records - before.counts.records;
    let rate = records as f64 / seconds.max(0.001);
    text.push_str(&format!(
        "{records} records in {seconds:.1} s ({rate:.0}/s): {} events, {} of them seen before, {} dead letters, {} of unknown types\n",
        counts.events - before.counts.events,
        after.duplicates - before.duplicates,
        counts.dead_letters - before.counts.dead_letters,
        counts.unknown - before.counts.unknown,
    ));
    let mut dead = false;
    for (reason, count) in &after.dead_letters_by_reason {
        let new = count - before.dead_letters_by_reason.get(reason).copied().unwrap_or(0);
        if new > 0 {
            text.push_str(&format!("  dead letters, {reason}: {new}\n"));
            dead = true;
        }
    }
    if dead {
        text.push_str(&format!(
            "see them: plimsoll sql 'SELECT topic, partition, \"offset\", reason, detail FROM dead_letters'{data}\n"
        ));
    }
    if store.example.is_some() {
        text.push_str(&format!("note: this directory holds {EXAMPLE_NOTE}\n"));
    }
    text.push_str(&format!("next: plimsoll query {}{data}\n", telling(&after)));
    text
}
