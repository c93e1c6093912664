//! `demo`: the example organisation, through the same log and ingest as anything else, then served.
//!
//! Invariants: the example lives in a directory of its own and never mixes with other data; a second
//! run uses what is there; every surface says that it is example data.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::{DateTime, Utc};
use engine::Query;
use ingest::{Entry, Produce};
use serde_json::{Map, Value};

use super::{has_data, print, spinner, tell};
use crate::cli::DemoArgs;
use crate::config::{BadValue, Config, PostgresUser, Scope};
use crate::example::Example;
use crate::failure::Failure;
use crate::pipeline::{self, Store};
use demo;
use surface::moment;
use surface::output::{self, EXAMPLE_NOTE, Encoding};
use surface::own_rows;

/// Beside ./plimsoll-data, so that example and real numbers never meet.
const DEFAULT_DIR: &str = "plimsoll-demo";
/// Not PostgreSQL's own port, which may well be taken.
const POSTGRES_LISTEN: &str = "127.0.0.1:5433";
/// The example's one user, and their password.
const POSTGRES_USER: &str = "demo";
/// Events produced at once.
const BATCH_EVENTS: usize = 10_000;

pub fn run(mut config: Config, data: Option<PathBuf>, arguments: &DemoArgs) -> Result<(), Failure> {
    config.data_dir = data.unwrap_or_else(|| PathBuf::from(DEFAULT_DIR));
    // The example has no business in anybody's Kafka, and its people are invented.
    config.kafka.brokers.clear();
    config.people.visibility = crate::config::Visibility::All;
    let example = plan(&config.data_dir, arguments)?;
    let summary = crate::runtime::runtime("plimsoll")?.block_on(load(&config, &example))?;
    print(summary.as_bytes())?;
    if arguments.once {
        return Ok(());
    }
    let dir = config.data_dir.clone();
    let clients = open_to_sql_clients(&mut config)?;
    crate::serve::run(config, dir, move |address| {
        tell(&format!("\nserving the {EXAMPLE_NOTE}, on http://{address}/{clients} (stop with ctrl-c)"));
    })
}

/// Lets psql and Grafana in as well, unless the configuration says how; returns what to print about it. The data are invented, so
/// everybody may know the password.
fn open_to_sql_clients(config: &mut Config) -> Result<String, Failure> {
    let port = &mut config.postgres;
    if !port.users.is_empty() {
        return Ok(String::new());
    }
    if port.listen.is_empty() {
        POSTGRES_LISTEN.clone_into(&mut port.listen);
    }
    let wrong = |bad: BadValue| Failure::misuse(format!("{} {}", bad.key, bad.message));
    let address = port.address().map_err(wrong)?.expect("there is one by now");
    if let Err(error) = TcpListener::bind(address) {
        tell(&format!(
            "postgres clients are not served: {address}: {error}; choose another port with PLIMSOLL_POSTGRES_LISTEN=127.0.0.1:PORT"
        ));
        port.listen.clear();
        return Ok(String::new());
    }
    let password = config.data_dir.join("postgres-password");
    std::fs::write(&password, POSTGRES_USER)
        .map_err(|error| Failure::failed(format!("could not write {}: {error}", password.display())))?;
    port.users.push(PostgresUser {
        name: POSTGRES_USER.to_owned(),
        password: format!("file:{}", password.display()),
        scopes: vec![Scope::Read, Scope::Sql],
        person: String::new(),
    });
    Ok(format!(" and postgresql://{POSTGRES_USER}:{POSTGRES_USER}@{address}/plimsoll"))
}

/// What the directory holds already, or what it is to hold.
fn plan(dir: &Path, arguments: &DemoArgs) -> Result<Example, Failure> {
    let other = |what: &str| {
        Err(Failure::misuse(format!(
            "{} holds {what}; choose another directory: plimsoll demo --data DIR",
            dir.display()
        )))
    };
    if let Some(example) = Example::read(dir)? {
        if example.seed != arguments.seed {
            return other(&format!("the example of seed {}", example.seed));
        }
        if arguments.as_of.is_some_and(|as_of| as_of != example.as_of) {
            return other(&format!("an example that ends at {}", moment::format(example.as_of)));
        }
        return Ok(example);
    }
    if has_data(dir) {
        return other("data that is not the example");
    }
    let now = Utc::now();
    let as_of = arguments.as_of.unwrap_or(now);
    if as_of > now {
        return Err(Failure::misuse(format!("--as-of {} is in the future", moment::format(as_of))));
    }
    Ok(Example { seed: arguments.seed, as_of, complete: false })
}

async fn load(config: &Config, example: &Example) -> Result<String, Failure> {
    let dir = &config.data_dir;
    let started = Instant::now();
    if !example.complete {
        example.write(dir)?;
    }
    let store = pipeline::open(config, dir).await?;
    let mut text = String::new();
    if example.complete {
        store.catch_up(config).await?;
        text.push_str(&format!("{EXAMPLE_NOTE}: using what is in {}\n", dir.display()));
    } else {
        let (seed, as_of) = (example.seed, example.as_of);
        let events = store.load(config, move |log| produce(seed, as_of, log)).await?;
        Example { complete: true, ..example.clone() }.write(dir)?;
        let seconds = started.elapsed().as_secs_f64();
        text.push_str(&format!(
            "{EXAMPLE_NOTE} --seed {seed}: {events} events in {seconds:.1} s, in {}\n",
            dir.display()
        ));
    }
    text.push_str(&findings(&store, example.as_of, dir).await?);
    Ok(text)
}

/// Generates into the log. A run that was interrupted makes the same events again, and those that
/// the tables have are dropped as copies.
fn produce(seed: u64, as_of: DateTime<Utc>, log: &mut dyn Produce) -> Result<u64, ingest::Error> {
    let bar = spinner("example");
    let mut batch = Vec::with_capacity(BATCH_EVENTS);
    let mut events = 0;
    for event in demo::generate(seed, as_of) {
        batch.push(Entry {
            topic: event.topic,
            key: event.key.into_bytes(),
            headers: Vec::new(),
            value: event.json.into_bytes(),
        });
        events += 1;
        if batch.len() == BATCH_EVENTS {
            log.produce(std::mem::replace(&mut batch, Vec::with_capacity(BATCH_EVENTS)))?;
            bar.set_position(events);
        }
    }
    log.produce(batch)?;
    bar.finish_and_clear();
    Ok(events)
}

/// The stories of the example, each with the numbers that tell it and the command that asks for more.
async fn findings(store: &Store, as_of: DateTime<Utc>, dir: &Path) -> Result<String, Failure> {
    let mut text = format!("as of {}\n", moment::format(as_of));
    for story in demo::stories(as_of) {
        text.push_str(&format!("\n{}\n  {}\n", story.title, story.text));
        if let Some(numbers) = numbers(store, &story.command, as_of).await? {
            text.push_str(&format!("  {numbers}\n"));
        }
        text.push_str(&format!("  {} --data {}\n", story.command, dir.display()));
    }
    text.push_str(&format!(
        "\nmore: plimsoll query --list, and: plimsoll sql \"SELECT * FROM change LIMIT 5\" --data {}\n",
        dir.display()
    ));
    Ok(text)
}

/// What tells each story: the metric, the column that picks the row, and the columns to show.
const TELLING: [(&str, &str, &[&str]); 4] = [
    ("reviewer_load", "open_reviews", &["open_reviews", "oldest_age_hours", "overloaded"]),
    ("milestone_drift", "replans", &["replans", "replans_after_due", "slip_days"]),
    (
        "delegation_balance",
        "lead_critical_share",
        &["lead_critical_share", "critical_tickets", "effective_owners"],
    ),
    ("review_load", "open_reviews", &["open_reviews", "top_share"]),
];

type Row = Map<String, Value>;

/// The row that stands out in the story's metric, as text; at two moments where the command asks
/// about the past, because then the change is the story.
async fn numbers(store: &Store, command: &str, as_of: DateTime<Utc>) -> Result<Option<String>, Failure> {
    let mut words = command.split_whitespace().skip(2);
    let name = words.next().unwrap_or_default();
    let told = TELLING.iter().find(|(metric, ..)| *metric == name);
    let catalogue = store.engine.catalogue();
    let (Some(metric), Some((_, rank, shown))) = (catalogue.metric(name), told) else {
        return Ok(None);
    };
    let past = words.skip_while(|word| *word != "--as-of").nth(1).and_then(|text| moment::parse(text).ok());
    let mut lines = Vec::new();
    let mut first = None;
    for moment in past.into_iter().chain([as_of]) {
        let rows = rows_at(store, name, moment).await?;
        let label = |row: &Row| {
            let texts = metric.labels.iter().filter_map(|label| row.get(label)?.as_str());
            texts.map(output::printable).collect::<Vec<_>>().join(" / ")
        };
        let number = |row: &Row| row.get(*rank).and_then(Value::as_f64).unwrap_or(f64::MIN);
        let row = match &first {
            Some(first) => rows.iter().find(|row| label(row) == *first),
            None => rows.iter().max_by(|a, b| number(a).total_cmp(&number(b))),
        };
        let Some(row) = row else { continue };
        let values: Vec<String> = shown
            .iter()
            .map(|column| format!("{column} {}", row.get(*column).map_or("-".to_owned(), short)))
            .collect();
        lines.push(format!("{} {}: {}", moment.date_naive(), label(row), values.join(", ")));
        first.get_or_insert(label(row));
    }
    Ok((!lines.is_empty()).then(|| lines.join("; ")))
}

async fn rows_at(store: &Store, metric: &str, moment: DateTime<Utc>) -> Result<Vec<Row>, Failure> {
    let query = Query { as_of: Some(moment), ..Query::default() };
    let result = store.engine.query(metric, &query).await.map_err(|error| Failure::engine(&error))?;
    let unreadable = |error: String| Failure::failed(format!("could not read {metric}: {error}"));
    let bytes = output::rows(&own_rows(result.rows.clone()), Encoding::Json, false)
        .map_err(|error| unreadable(error.to_string()))?;
    let json: Value = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
    Ok(json["rows"].as_array().into_iter().flatten().filter_map(|row| row.as_object().cloned()).collect())
}

/// Two decimals are enough for a headline.
fn short(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_f64() => {
            let text = format!("{:.2}", number.as_f64().unwrap_or_default());
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        Value::Null => "-".to_owned(),
        Value::String(text) => output::printable(text),
        other => other.to_string(),
    }
}
