//! Reads a repository's history and prints what it sums to, to be compared with git:
//! `cargo run --release -p git --example git_totals -- PATH [--branches] [--numstat] [--threads N]`.
//! With `--numstat` the files of every commit go to standard output, for a comparison file by file.

use std::convert::Infallible;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use git::{Cursor, Options, Progress, Scope};

fn main() -> ExitCode {
    let mut options = Options::default();
    let (mut path, mut numstat) = (PathBuf::from("."), false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--branches" => options.scope = Scope::Branches,
            "--numstat" => numstat = true,
            "--threads" => options.threads = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(0),
            _ => path = argument.into(),
        }
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    let started = Instant::now();
    let totals = git::read(&path, &options, &mut Cursor::default(), &Progress::default(), &mut |events| {
        if numstat {
            for event in events {
                print_files(&mut out, &event.value);
            }
        }
        Ok::<_, Infallible>(())
    });
    match totals {
        Ok(totals) => {
            eprintln!("{totals:#?}\n{:.2} s", started.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(git::Stopped::Sink(never)) => match never {},
        Err(git::Stopped::Repository(error)) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// One line for the commit and one for each file: additions, deletions, old path or nothing, path.
fn print_files(out: &mut impl Write, event: &[u8]) {
    let event: serde_json::Value = serde_json::from_slice(event).expect("our own events are JSON");
    let data = &event["data"];
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let number =
        |value: &serde_json::Value| value.as_u64().map_or("-".to_owned(), |number| number.to_string());
    writeln!(out, "@{}", text(&data["sha"])).expect("standard output is open");
    for file in data["files"].as_array().into_iter().flatten() {
        let lines = (number(&file["additions"]), number(&file["deletions"]));
        writeln!(out, "{}\t{}\t{}\t{}", lines.0, lines.1, text(&file["old_path"]), text(&file["path"]))
            .expect("standard output is open");
    }
}
