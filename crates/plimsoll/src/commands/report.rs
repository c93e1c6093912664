//! `report`: a report for people, printed, written to a file, or delivered.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use chrono::{TimeDelta, Utc};
use ingest::Appender;
use surface::Wall;

use super::query::{what_if, with_store};
use super::{print, tell};
use crate::cli::{ReportArgs, ReportCommand, ReportFormat, RoadmapArgs, WeeklyArgs};
use crate::config::Config;
use crate::deliver::{Ledger, schedule};
use crate::durable::write_output;
use crate::failure::Failure;
use report::{self, Format, Kind, Week, What};

/// Scenarios in one report.
const SCENARIOS_MAX: usize = 4;

pub fn run(config: &Config, command: ReportCommand) -> Result<(), Failure> {
    let now = Utc::now();
    let (arguments, what) = match command {
        ReportCommand::Weekly(WeeklyArgs { week, report: arguments }) => {
            let as_of =
                week.map_or_else(|| arguments.as_of.unwrap_or_else(|| Week::before(now).end()), Week::end);
            let what = What::new(Kind::Weekly, as_of, arguments.known_at.unwrap_or(now));
            (arguments, what)
        }
        ReportCommand::Roadmap(RoadmapArgs { since, what_if: files, report: arguments }) => {
            let as_of = arguments.as_of.unwrap_or(now);
            let mut what = What::new(Kind::Roadmap, as_of, arguments.known_at.unwrap_or(now));
            what.since = since;
            what.scenarios = scenarios(config, &files)?;
            (arguments, what)
        }
    };
    if let Some(name) = &arguments.deliver {
        return deliver(config, name, what, arguments.again);
    }
    let what = What { team: arguments.team.clone(), ..what };
    if what.as_of > now + TimeDelta::days(1) {
        tell("plimsoll: this moment is in the future; the report shows what is known about it now");
    }
    crate::runtime::runtime("plimsoll")?.block_on(with_store(config, async |store| {
        let report = report::make(&store.engine, &what, &Wall::own_data(None), store.example.is_some())
            .await
            .map_err(|error| Failure::engine(&error))?;
        write(&report.write(format(&arguments)), arguments.output.as_deref())
    }))
}

/// Makes the report as its receivers may see it, and hands it to them.
fn deliver(config: &Config, name: &str, mut what: What, again: bool) -> Result<(), Failure> {
    let entry = config.report.iter().find(|entry| entry.name == name).ok_or_else(|| {
        let names = config.report.iter().map(|entry| entry.name.as_str());
        let near = engine::nearest(name, names)
            .first()
            .map_or(String::new(), |near| format!("; did you mean {near}?"));
        Failure::misuse(format!("no [[report]] is called {name:?}{near}"))
    })?;
    if entry.kind != what.kind {
        let kind = entry.kind.name();
        return Err(Failure::misuse(format!(
            "{name:?} is a {kind} report; send it with 'plimsoll report {kind} --deliver {name}'"
        )));
    }
    if config.kafka_enabled() {
        return Err(Failure::misuse(
            "with kafka.brokers, only 'plimsoll serve' reads the log and knows what was delivered; give the report a schedule",
        ));
    }
    what.team = (!entry.team.is_empty()).then(|| entry.team.clone());
    let wall = config.wall().map_err(Failure::misuse)?;
    let outcomes = Mutex::new(Vec::new());
    crate::runtime::runtime("plimsoll")?.block_on(with_store(config, async |store| {
        let report = report::make(&store.engine, &what, &wall, store.example.is_some())
            .await
            .map_err(|error| Failure::engine(&error))?;
        let ledger = Ledger::new(store.engine.clone(), Appender::Local(store.log.clone()));
        let came = schedule::all(config, &ledger, entry, &what, &report, again).await;
        *outcomes.lock().expect("nobody panics while holding it") = came;
        store.catch_up(config).await
    }))?;
    let outcomes = outcomes.into_inner().expect("nobody panics while holding it");
    for (to, outcome) in &outcomes {
        print(format!("{to}: {outcome}\n").as_bytes())?;
    }
    match outcomes.iter().filter(|(_, outcome)| !outcome.is_good()).count() {
        0 => Ok(()),
        n => {
            Err(Failure::failed(format!("delivery to {n} of {} receivers is not confirmed", outcomes.len())))
        }
    }
}

/// Each file is a scenario, called by its name.
fn scenarios(config: &Config, files: &[PathBuf]) -> Result<Vec<(String, engine::Overlay)>, Failure> {
    if files.len() > SCENARIOS_MAX {
        return Err(Failure::misuse(format!(
            "{} scenarios are too many; give at most {SCENARIOS_MAX}",
            files.len()
        )));
    }
    let named = |file: &PathBuf| {
        let name = file
            .file_stem()
            .map_or_else(|| file.display().to_string(), |name| name.to_string_lossy().into_owned());
        Ok((name.replace(['_', '-'], " "), what_if(config, file)?))
    };
    files.iter().map(named).collect()
}

/// What is asked for, else what the file's name ends in, else Markdown for a terminal or a pipe.
fn format(arguments: &ReportArgs) -> Format {
    let by_name = || arguments.output.as_ref()?.extension()?.to_str().and_then(Format::from_name);
    match arguments.format {
        Some(ReportFormat::Html) => Format::Html,
        Some(ReportFormat::Md) => Format::Markdown,
        Some(ReportFormat::Json) => Format::Json,
        None => by_name().unwrap_or(Format::Markdown),
    }
}

fn write(text: &str, output: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = output else { return print(text.as_bytes()) };
    write_output(path, text.as_bytes())
        .map_err(|error| Failure::failed(format!("could not write {}: {error}", path.display())))
}
