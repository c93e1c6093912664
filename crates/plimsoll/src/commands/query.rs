//! `query` and `sql`: one answer from the data directory, printed.
//!
//! Invariant: the directory is only read, but for bringing the tables up to date with the log. A
//! directory that is not there is not created by asking.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Read};
use std::path::Path;

use engine::{Catalogue, Level, MetricResult, Overlay, Query, Series};
use serde_json::json;
use surface::{Pseudonyms, Sight, Wall, own_rows};

use super::{Scratch, has_data, print, tell};
use crate::cli::{Format, QueryArgs, SqlArgs, StepArgs};
use crate::config::Config;
use crate::failure::Failure;
use crate::pipeline::{self, Store};
use surface::moment;
use surface::output::{self, EXAMPLE_NOTE, Encoding};
use web::describe;

/// Longest statement that is read from stdin; the engine's own bound is smaller.
const STATEMENT_BYTES_MAX: u64 = 1 << 20;

pub fn metric(config: &Config, arguments: QueryArgs) -> Result<(), Failure> {
    let encoding = encoding(arguments.format)?;
    let Some(name) = arguments.metric else {
        return list(config, encoding, arguments.list);
    };
    let mut query = Query {
        as_of: arguments.at.as_of,
        known_at: arguments.given.known_at,
        team: arguments.team,
        params: Default::default(),
        what_if: arguments.what_if.map(|file| what_if(config, &file)).transpose()?,
    };
    for (name, value) in arguments.given.params {
        if query.params.insert(name.clone(), value).is_some() {
            return Err(Failure::misuse(format!("parameter '{name}' is given more than once")));
        }
    }
    let failed = |error: engine::Error| Failure::engine(&error);
    let series = steps(config, &arguments.steps).map_err(failed)?;
    crate::runtime::runtime("plimsoll")?.block_on(with_store(config, async |store| {
        let example = store.example.is_some();
        let metric = store.engine.metric(&name).map_err(failed)?;
        let wall = own_data(config, arguments.pseudonyms)?;
        let (bytes, none) = if let Some(series) = &series {
            let steps = store.engine.range(&name, &query, series).await.map_err(failed)?;
            let shown = wall.series(&metric, &steps, &Sight::All).map_err(failed)?;
            let rows = shown.rows();
            let bytes = match encoding {
                Some(encoding) => output::range(&shown, encoding, example),
                None => output::table(rows, &range_footer(shown.steps(), example)).map(String::into_bytes),
            };
            (bytes, rows.num_rows() == 0)
        } else {
            let result = store.engine.query(&name, &query).await.map_err(failed)?;
            let shown = wall.show(&metric, &result, &Sight::All).map_err(unprintable)?;
            let result = shown.result();
            let bytes = match encoding {
                Some(encoding) => output::metric(&shown, encoding, example),
                None => output::table(&result.rows, &footer(result, example)).map(String::into_bytes),
            };
            (bytes, result.rows.num_rows() == 0)
        };
        print(&bytes.map_err(unprintable)?)?;
        if none && let Some(why) = lacking(&store.engine.stats()) {
            tell(&format!("plimsoll: no rows; {why}"));
        }
        Ok(())
    }))
}

/// The events of a file, or of stdin, that are to be taken to have happened.
pub fn what_if(config: &Config, file: &Path) -> Result<Overlay, Failure> {
    let unreadable = |error| Failure::failed(format!("could not read {}: {error}", file.display()));
    let mut text = Vec::new();
    let limit = config.limits.body_bytes_max as u64;
    let mut input: Box<dyn Read> = match file.to_str() {
        Some("-") => Box::new(std::io::stdin()),
        _ => Box::new(std::fs::File::open(file).map_err(unreadable)?),
    };
    input.by_ref().take(limit + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > limit {
        return Err(Failure::misuse(format!(
            "{} is over {limit} bytes (limits.body_bytes_max); ask about fewer events at once",
            file.display()
        )));
    }
    Overlay::of_lines(&text, config.limits.what_if_events_max)
        .map_err(|error| Failure::misuse(format!("{}: {error}", file.display())))
}

/// The range that the command line asks for, if it does.
pub fn steps(config: &Config, steps: &StepArgs) -> Result<Option<Series>, engine::Error> {
    steps.from.map(|from| config.bounds().series(from, steps.to, steps.step.as_deref())).transpose()
}

pub fn sql(config: &Config, arguments: SqlArgs) -> Result<(), Failure> {
    let encoding = encoding(arguments.format)?;
    let statement = if arguments.statement == "-" { read_statement()? } else { arguments.statement };
    crate::runtime::runtime("plimsoll")?.block_on(with_store(config, async |store| {
        // Metrics are tables here; they are read from the board.
        let failed = |error: engine::Error| Failure::engine(&error);
        let rows = match arguments.moment.as_of {
            Some(as_of) => store.engine.sql_at(&statement, as_of).await,
            None => {
                let metrics = &store.engine.catalogue().metrics;
                if metrics.iter().any(|metric| statement.contains(&metric.name)) {
                    store.engine.evaluate().await.map_err(failed)?;
                }
                store.engine.sql(&statement).await
            }
        };
        let rows = rows.map_err(failed)?;
        let example = store.example.is_some();
        let bytes = match encoding {
            Some(encoding) => output::rows(&own_rows(rows), encoding, example),
            None => output::table(&rows, &example_footer(example)).map(String::into_bytes),
        };
        print(&bytes.map_err(unprintable)?)
    }))
}

/// One's own data, under the pseudonyms of `people.pseudonyms` where they are asked for.
fn own_data(config: &Config, renamed: bool) -> Result<Wall, Failure> {
    if !renamed {
        return Ok(Wall::own_data(None));
    }
    let names = Pseudonyms::new(&config.people.pseudonyms).map_err(Failure::misuse)?.ok_or_else(|| {
        Failure::misuse("--pseudonyms needs a key; set people.pseudonyms to env:NAME or file:PATH")
    })?;
    Ok(Wall::own_data(Some(names)))
}

pub fn unprintable(error: arrow::error::ArrowError) -> Failure {
    Failure::failed(format!("could not write the result: {error}; try another --format"))
}

fn read_statement() -> Result<String, Failure> {
    let mut statement = String::new();
    std::io::stdin()
        .take(STATEMENT_BYTES_MAX)
        .read_to_string(&mut statement)
        .map_err(|error| Failure::failed(format!("could not read the statement from stdin: {error}")))?;
    Ok(statement)
}

/// `None` is the table.
pub fn encoding(format: Format) -> Result<Option<Encoding>, Failure> {
    let encoding = match format {
        Format::Table => return Ok(None),
        Format::Json => Encoding::Json,
        Format::Csv => Encoding::Csv,
        Format::Arrow => Encoding::Arrow,
        Format::Parquet => Encoding::Parquet,
    };
    if encoding.is_binary() && std::io::stdout().is_terminal() {
        return Err(Failure::misuse(format!(
            "--format {name} is binary and stdout is a terminal; redirect it: > result.{name}",
            name = encoding.name()
        )));
    }
    Ok(Some(encoding))
}

pub fn footer(result: &MetricResult, example: bool) -> Vec<String> {
    let mut lines = vec![format!(
        "as of {}, known at {}, definition {}",
        moment::format(result.as_of),
        moment::format(result.known_at),
        result.definition
    )];
    lines.extend(what_if_footer(result));
    lines.extend(example_footer(example));
    lines
}

/// That some of it did not happen.
fn what_if_footer(result: &MetricResult) -> Option<String> {
    (result.what_if > 0).then(|| format!("what if: with {} events that did not happen", result.what_if))
}

fn range_footer(steps: &[MetricResult], example: bool) -> Vec<String> {
    let Some(last) = steps.last() else { return example_footer(example) };
    let mut lines = vec![format!(
        "{} moments, known at {}, definition {}",
        steps.len(),
        moment::format(last.known_at),
        last.definition
    )];
    lines.extend(what_if_footer(last));
    lines.extend(example_footer(example));
    lines
}

pub fn example_footer(example: bool) -> Vec<String> {
    if example { vec![EXAMPLE_NOTE.to_owned()] } else { Vec::new() }
}

/// Opens the data directory, up to date with its log, for one question.
pub async fn with_store(
    config: &Config,
    ask: impl AsyncFnOnce(&Store) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let dir = &config.data_dir;
    if !has_data(dir) {
        let empty = Scratch::new()?;
        ask(&pipeline::open(config, empty.path()).await?).await?;
        tell(&no_data(dir));
        return Ok(());
    }
    let store = pipeline::open(config, dir).await?;
    store.catch_up(config).await?;
    ask(&store).await
}

fn no_data(dir: &Path) -> String {
    format!(
        "plimsoll: there is no data in {}; load some with 'plimsoll ingest git PATH', or see 'plimsoll demo'",
        dir.display()
    )
}

/// The metrics: what they are and what they take.
/// The kinds of events that are not there at all, where others are, and what brings them.
fn lacking(stats: &engine::Stats) -> Option<String> {
    let rows = |table: &str| {
        let count = |of: &BTreeMap<String, u64>| of.get(table).copied().unwrap_or(0);
        count(&stats.rows_hot) + count(&stats.rows_cold)
    };
    let [commits, reviews, tickets, directory] = ["commits", "reviews", "tickets", "directory"].map(rows);
    let bring = match (commits + reviews + tickets + directory, reviews, tickets) {
        (0, ..) => return None,
        (_, 0, _) => "load reviews with 'plimsoll ingest github' or 'gitlab', or with webhooks",
        (_, _, 0) => {
            "load tickets and milestones with 'plimsoll ingest github', 'gitlab' or 'jira', or with webhooks"
        }
        _ => return None,
    };
    Some(format!(
        "there are {commits} events about commits, {reviews} about reviews, {tickets} about tickets and milestones, \
         {directory} about people and teams; {bring}"
    ))
}

fn list(config: &Config, encoding: Option<Encoding>, parameters: bool) -> Result<(), Failure> {
    let catalogue = pipeline::sound_catalogue(config)?;
    match encoding {
        None => print(listing(&catalogue, parameters).as_bytes()),
        Some(Encoding::Json) => {
            let metrics: Vec<_> =
                catalogue.metrics.iter().map(|m| describe(m, &catalogue.definition(m))).collect();
            print(format!("{}\n", json!({ "metrics": metrics })).as_bytes())
        }
        Some(Encoding::Csv | Encoding::Arrow | Encoding::Parquet) => {
            Err(Failure::misuse("the list of metrics has --format table or json"))
        }
    }
}

fn listing(catalogue: &Catalogue, parameters: bool) -> String {
    let width = catalogue.metrics.iter().map(|metric| metric.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for metric in &catalogue.metrics {
        let person = if metric.level == Level::Person { " (person)" } else { "" };
        text.push_str(&format!("{:width$}  {}{person}\n", metric.name, metric.help));
        for param in metric.params.iter().filter(|_| parameters) {
            text.push_str(&format!(
                "{:width$}    --param {}={}  {}\n",
                "", param.name, param.default, param.help
            ));
        }
    }
    if !parameters {
        text.push_str(
            "\nplimsoll query METRIC prints one; plimsoll query --list also shows their parameters\n",
        );
    }
    text
}
