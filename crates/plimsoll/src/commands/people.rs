//! `people`: who is who, who is in which team, and when they work.
//!
//! Invariant: whatever is changed goes through the log as events and nothing else; saying it twice says nothing.
//! The server must be stopped for all of these, because one process has the data directory.

mod erase;

use std::path::Path;

use chrono::Utc;
use ingest::{BATCH_ENTRIES, Entry};
use serde_json::json;

use super::{has_data, print, tell};
use crate::cli::{Format, MergeArgs, PeopleCommand, PeopleImportArgs, PersonArgs, SuggestArgs};
use crate::config::Config;
use crate::failure::Failure;
use crate::files::read_text;
use crate::pipeline::{self, Store};
use people::{
    Beginning, Declaration, Difference, FILE_BYTES_MAX, Kind, Known, Link, SOURCE, Sighting, Statement,
    Suggestion, Whose, difference, entries, name, rows, suggest,
};
use surface::output::{self, Encoding};
use surface::own_rows;

/// The source of links that somebody typed.
const BY_HAND: &str = "people:by-hand";

pub fn run(config: &Config, command: PeopleCommand) -> Result<(), Failure> {
    crate::runtime::runtime("plimsoll")?.block_on(async {
        match command {
            PeopleCommand::Import(arguments) => import(config, arguments).await,
            PeopleCommand::Merge(arguments) => merge(config, arguments).await,
            PeopleCommand::Unmerge(arguments) => unmerge(config, arguments).await,
            PeopleCommand::List(arguments) => table(config, LIST, arguments.format).await,
            PeopleCommand::Show(arguments) => show(config, arguments).await,
            PeopleCommand::Erase(arguments) => erase::run(config, arguments).await,
            PeopleCommand::Suggest(arguments) => suggestions(config, arguments).await,
        }
    })
}

/// One file, read and understood.
struct Input {
    kind: Kind,
    source: String,
    declared: Declaration,
}

async fn import(config: &Config, arguments: PeopleImportArgs) -> Result<(), Failure> {
    let mut inputs = Vec::new();
    for path in &arguments.files {
        inputs.push(read(path, &arguments)?);
    }
    // People before teams before calendars: a team's holidays go to those who are in it.
    inputs.sort_by_key(|input| input.kind);
    let store = pipeline::open(config, &config.data_dir).await?;
    store.catch_up(config).await?;
    let mut printed = Vec::new();
    for input in inputs {
        let known = Known::read(&store.engine, true).await?;
        let now = Utc::now();
        let Difference { statements, notes } = difference(&input.declared, &known, &input.source, now);
        let file = input.source.trim_start_matches(SOURCE);
        notes.iter().for_each(|note| tell(&format!("{file}: {note}")));
        let summary = summary(&statements);
        let entries = entries(&input.source, statements, now);
        if arguments.dry_run {
            printed.extend(entries.into_iter().flat_map(|entry| [entry.value, b"\n".to_vec()].concat()));
            continue;
        }
        append(&store, config, entries).await?;
        printed.extend(format!("{file}: {summary}\n").into_bytes());
    }
    print(&printed)
}

fn read(path: &Path, arguments: &PeopleImportArgs) -> Result<Input, Failure> {
    let shown = path.display();
    let failed = |error: std::io::Error| Failure::failed(format!("could not read {shown}: {error}"));
    let text = read_text(path, FILE_BYTES_MAX).map_err(failed)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let Some(kind) = Kind::of(path, text) else {
        return Err(Failure::misuse(format!(
            "{shown} is not people.toml, teams.toml, calendars.toml, .mailmap, CODEOWNERS or *.ics; see docs/people.md"
        )));
    };
    let wrong = |wrong: people::Wrong| Failure::failed(format!("{shown}:{}: {}", wrong.line, wrong.message));
    let mut source = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let declared = match kind {
        Kind::People => people::read_people(text),
        Kind::Teams => people::read_teams(text),
        Kind::Calendars => people::read_calendars(text),
        Kind::Mailmap => people::read_mailmap(text),
        Kind::Owners => people::read_owners(text),
        Kind::Ical => {
            let whose = whose(path, arguments)?;
            // One file may be the holidays of several teams: each has its own.
            match &whose {
                Whose::Person(person) => source.push_str(&format!(":{person}")),
                Whose::Team(team) => source.push_str(&format!(":{team}")),
            }
            let zone = people::zone(arguments.timezone.as_deref()).map_err(Failure::misuse)?;
            people::read_ical(text, &whose, zone)
        }
    };
    Ok(Input { kind, source: format!("{SOURCE}{source}"), declared: declared.map_err(wrong)? })
}

fn whose(path: &Path, arguments: &PeopleImportArgs) -> Result<Whose, Failure> {
    match (&arguments.person, &arguments.team) {
        (Some(person), None) => Ok(Whose::Person(name(person))),
        (None, Some(team)) => Ok(Whose::Team(team.clone())),
        _ => Err(Failure::misuse(format!(
            "{} does not say whose it is; give --person NAME or --team NAME",
            path.display()
        ))),
    }
}

fn summary(statements: &[Statement]) -> String {
    if statements.is_empty() {
        return "nothing new".to_owned();
    }
    let mut counts = std::collections::BTreeMap::new();
    for statement in statements {
        *counts.entry(statement.type_).or_insert(0) += 1;
    }
    let parts: Vec<String> = counts.into_iter().map(|(type_, count)| format!("{count} {type_}")).collect();
    format!("{} events: {}", statements.len(), parts.join(", "))
}

async fn append(store: &Store, config: &Config, entries: Vec<Entry>) -> Result<(), Failure> {
    if entries.is_empty() {
        return Ok(());
    }
    store
        .load(config, move |log| {
            let mut entries = entries.into_iter();
            loop {
                let batch: Vec<Entry> = entries.by_ref().take(BATCH_ENTRIES).collect();
                if batch.is_empty() {
                    return Ok(());
                }
                log.produce(batch)?;
            }
        })
        .await
}

async fn merge(config: &Config, arguments: MergeArgs) -> Result<(), Failure> {
    let store = existing(config).await?;
    let known = Known::read(&store.engine, false).await?;
    let keep = name(&arguments.person);
    let keep = known.person(&keep).to_owned();
    let mut statements = Vec::new();
    for other in arguments.others.iter().map(|other| name(other)) {
        // Everything that was the other's follows it, for links are chains.
        let other = known.person(&other).to_owned();
        if other == keep {
            tell(&format!("{other} is already {keep}"));
            continue;
        }
        statements.push(link("person.linked", arguments.since.into(), &keep, &other));
    }
    say(&store, config, statements).await
}

async fn unmerge(config: &Config, arguments: MergeArgs) -> Result<(), Failure> {
    let store = existing(config).await?;
    let known = Known::read(&store.engine, false).await?;
    let mut statements = Vec::new();
    for identity in arguments.others.iter().map(|other| name(other)) {
        let (person, times) = holder(&known, &name(&arguments.person), &identity).ok_or_else(|| {
            Failure::failed(format!(
                "{identity} is not linked to {}; see 'plimsoll people show {}'",
                arguments.person, arguments.person
            ))
        })?;
        match arguments.since {
            Some(since) => {
                statements.push(link("person.unlinked", Beginning::At(since), &person, &identity));
            }
            // Without a date the link never was: each time at which it was said gets the opposite.
            None => statements.extend(
                times
                    .into_iter()
                    .map(|at| link("person.unlinked", Beginning::from_micros(at), &person, &identity)),
            ),
        }
    }
    say(&store, config, statements).await
}

/// Who holds the identity directly: the person, or one of their other names.
fn holder(known: &Known, person: &str, identity: &str) -> Option<(String, Vec<i64>)> {
    let direct = known.link(person, identity).map(|(times, _)| (person.to_owned(), times));
    direct.or_else(|| {
        let root = known.person(person);
        let names = known.person_of.iter().filter(|(_, of)| *of == root).map(|(name, _)| name.as_str());
        names
            .chain([root])
            .find_map(|name| known.link(name, identity).map(|(times, _)| (name.to_owned(), times)))
    })
}

fn link(type_: &'static str, time: Beginning, person: &str, identity: &str) -> Statement {
    Statement::new(type_, time, person, json!({ "person": person, "identity": identity }))
}

async fn say(store: &Store, config: &Config, statements: Vec<Statement>) -> Result<(), Failure> {
    let lines: Vec<String> = statements
        .iter()
        .map(|statement| {
            let since = match statement.time {
                Beginning::Ever => "always".to_owned(),
                Beginning::At(time) => format!("since {}", surface::moment::format(time)),
            };
            let text = |field: &str| statement.data.get(field).and_then(|v| v.as_str()).unwrap_or_default();
            let verb = if statement.type_ == "person.linked" { "is" } else { "is not" };
            format!("{} {verb} {}, {since}", text("identity"), text("person"))
        })
        .collect();
    let entries = entries(BY_HAND, statements, Utc::now());
    append(store, config, entries).await?;
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    print(lines.as_bytes())
}

async fn existing(config: &Config) -> Result<Store, Failure> {
    let dir = &config.data_dir;
    if !has_data(dir) {
        return Err(Failure::failed(format!(
            "there is no data in {}; load some with 'plimsoll ingest git PATH' first",
            dir.display()
        )));
    }
    let store = pipeline::open(config, dir).await?;
    store.catch_up(config).await?;
    Ok(store)
}

const LIST: &str = "\
WITH known AS (
  SELECT identity AS name FROM name_seen
  UNION SELECT identity AS name FROM person_of
  UNION SELECT person AS name FROM person_of
  UNION SELECT person AS name FROM person WHERE NOT deleted
  UNION SELECT person AS name FROM person_membership
),
resolved AS (
  SELECT DISTINCT COALESCE(person_of.person, known.name) AS person, known.name
  FROM known LEFT JOIN person_of ON person_of.identity = known.name
),
counted AS (
  SELECT resolved.person, COUNT(*) AS names FROM resolved GROUP BY resolved.person
),
mentioned AS (
  SELECT COALESCE(person_of.person, name_seen.identity) AS person, SUM(name_seen.events) AS mentions
  FROM name_seen LEFT JOIN person_of ON person_of.identity = name_seen.identity
  GROUP BY COALESCE(person_of.person, name_seen.identity)
)
SELECT counted.person, person.name, COALESCE(person.kind, kind_of(counted.person)) AS kind,
  counted.names, COALESCE(mentioned.mentions, 0) AS mentions
FROM counted
LEFT JOIN person ON person.person = counted.person
LEFT JOIN mentioned ON mentioned.person = counted.person
ORDER BY counted.person";

/// What one person's names, teams, calendar and capacity are, as rows of (what, value, since, until).
fn show_sql(person: &str) -> String {
    let is = format!("= '{}'", person.replace('\'', "''"));
    let none = "CAST(NULL AS VARCHAR)";
    let fact = |place: u32, what: &str, value: &str, dates: &str, from: String| {
        format!(
            "SELECT {place} AS place, CAST({what} AS VARCHAR) AS what, CAST({value} AS VARCHAR) AS value, {dates} FROM {from}"
        )
    };
    let undated = format!("{none} AS since, {none} AS until");
    let dated = "CAST(from_at AS VARCHAR) AS since, CAST(to_at AS VARCHAR) AS until";
    let facts = [
        fact(1, "'name'", "name", &undated, format!("person WHERE person {is} AND name IS NOT NULL")),
        fact(2, "'kind'", "kind", &undated, format!("person WHERE person {is} AND kind IS NOT NULL")),
        fact(
            3,
            "'identity'",
            "identity",
            &undated,
            format!("person_of WHERE person {is} AND NOT identity {is}"),
        ),
        fact(
            4,
            "'team'",
            "CASE WHEN role IS NULL THEN team ELSE team || ' (' || role || ')' END",
            dated,
            format!("person_membership WHERE person {is}"),
        ),
        fact(
            5,
            "'leads'",
            "team",
            &undated,
            format!(
                "team LEFT JOIN person_of ON person_of.identity = team.lead \
                 WHERE COALESCE(person_of.person, team.lead) {is} AND NOT deleted"
            ),
        ),
        fact(6, "'time zone'", "timezone", &undated, format!("person_calendar WHERE person {is}")),
        fact(7, "'hours'", "hours", &undated, format!("person_calendar WHERE person {is}")),
        fact(8, "'capacity %'", "capacity_hundredths", &undated, format!("capacity WHERE person {is}")),
        fact(
            9,
            "'away'",
            "kind",
            dated,
            format!(
                "absence LEFT JOIN person_of ON person_of.identity = absence.person \
                 WHERE COALESCE(person_of.person, absence.person) {is}"
            ),
        ),
    ];
    format!(
        "WITH fact AS ({}) SELECT what, value, since, until FROM fact ORDER BY place, since, value",
        facts.join(" UNION ALL ")
    )
}

async fn show(config: &Config, arguments: PersonArgs) -> Result<(), Failure> {
    let store = existing(config).await?;
    let known = Known::read(&store.engine, true).await?;
    let given = name(&arguments.person);
    let person = known.person(&given);
    if person != given {
        tell(&format!("{given} is {person}"));
    }
    let batch = store.engine.ask(&show_sql(person)).await.map_err(|error| Failure::engine(&error))?;
    if batch.num_rows() == 0 && !known.names.contains(person) {
        let near = engine::nearest(person, known.names.iter().map(String::as_str));
        let hint =
            if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) };
        return Err(Failure::misuse(format!(
            "nothing is known about {given}{hint}; see 'plimsoll people list'"
        )));
    }
    write(&batch, arguments.format)
}

async fn table(config: &Config, sql: &str, format: Format) -> Result<(), Failure> {
    let store = existing(config).await?;
    write(&store.engine.ask(sql).await.map_err(|error| Failure::engine(&error))?, format)
}

fn write(batch: &arrow::array::RecordBatch, format: Format) -> Result<(), Failure> {
    let bytes = match format {
        Format::Table => output::table(batch, &[]).map(String::into_bytes),
        Format::Json => output::rows(&own_rows(batch.clone()), Encoding::Json, false),
        Format::Csv => output::rows(&own_rows(batch.clone()), Encoding::Csv, false),
        Format::Arrow | Format::Parquet => {
            return Err(Failure::misuse("people are printed with --format table, json or csv"));
        }
    };
    print(&bytes.map_err(|error| Failure::failed(format!("could not write the result: {error}")))?)
}

const SEEN: &str = "SELECT COALESCE(person_of.person, name_seen.identity) AS person, name_seen.identity, \
    name_seen.name, name_seen.email, name_seen.login, name_seen.events \
    FROM name_seen LEFT JOIN person_of ON person_of.identity = name_seen.identity \
    WHERE NOT is_bot(name_seen.identity) ORDER BY name_seen.identity";

async fn suggestions(config: &Config, arguments: SuggestArgs) -> Result<(), Failure> {
    let mailmap = match &arguments.mailmap {
        Some(path) => mailmap(path)?,
        None => Vec::new(),
    };
    let store = existing(config).await?;
    let seen: Vec<Sighting> = rows(&store.engine, SEEN).await?;
    let found: Vec<Suggestion> =
        suggest(&seen, &mailmap).into_iter().filter(|one| one.score >= arguments.score_min).collect();
    match arguments.format {
        Format::Json => print(format!("{}\n", json!({ "suggestions": found })).as_bytes()),
        Format::Table => {
            let lines: String = found
                .iter()
                .map(|one| format!("{:>3}  {}\n     {}\n", one.score, one.command, one.reasons.join("; ")))
                .collect();
            if found.is_empty() {
                tell("no two people look like the same person");
            }
            print(lines.as_bytes())
        }
        Format::Csv | Format::Arrow | Format::Parquet => {
            Err(Failure::misuse("suggestions are printed with --format table or json"))
        }
    }
}

fn mailmap(path: &Path) -> Result<Vec<Link>, Failure> {
    let text = read_text(path, FILE_BYTES_MAX)
        .map_err(|error| Failure::failed(format!("could not read {}: {error}", path.display())))?;
    match people::read_mailmap(&text) {
        Ok(declared) => Ok(declared.links),
        Err(wrong) => Err(Failure::failed(format!("{}:{}: {}", path.display(), wrong.line, wrong.message))),
    }
}
