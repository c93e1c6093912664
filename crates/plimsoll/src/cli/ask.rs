//! What is typed to ask: `query`, `explain`, `diff`, `replay`, `sql`.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::Args;

use super::Format;
use surface::moment;

#[derive(Debug, Args)]
pub struct QueryArgs {
    /// Name of the metric; without a name, list the metrics
    pub metric: Option<String>,
    /// List the metrics and their parameters
    #[arg(long, conflicts_with = "metric")]
    pub list: bool,
    #[command(flatten)]
    pub at: AsOfArgs,
    #[command(flatten)]
    pub steps: StepArgs,
    #[command(flatten)]
    pub given: GivenArgs,
    /// Only rows of this team
    #[arg(long)]
    pub team: Option<String>,
    /// Answer as if the events in this file had happened, one CloudEvent a line, - for stdin; nothing is stored
    #[arg(long, value_name = "FILE", requires = "metric")]
    pub what_if: Option<PathBuf>,
    /// Show pseudonyms for people, made with the key that people.pseudonyms names
    #[arg(long)]
    pub pseudonyms: bool,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Name of the metric
    pub metric: String,
    /// Only rows with this value in this column; may be repeated
    #[arg(long = "where", value_name = "LABEL=VALUE", value_parser = parameter)]
    pub wanted: Vec<(String, String)>,
    #[command(flatten)]
    pub at: AsOfArgs,
    #[command(flatten)]
    pub given: GivenArgs,
    /// Most events to list, newest first
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct DiffArgs {
    /// Name of the metric
    pub metric: String,
    /// The earlier moment: RFC 3339, or a date (the end of that day, UTC)
    #[arg(long, value_name = "T", value_parser = moment::parse)]
    pub from: DateTime<Utc>,
    /// The later moment [default: now]
    #[arg(long, value_name = "T", value_parser = moment::parse)]
    pub to: Option<DateTime<Utc>>,
    #[command(flatten)]
    pub given: GivenArgs,
    /// Only rows of this team
    #[arg(long)]
    pub team: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Name of the metric
    pub metric: String,
    /// The other version: a metric's .sql file, or a directory whose view/ and metric/ files replace the current ones
    #[arg(long, value_name = "FILE|DIR")]
    pub against: PathBuf,
    #[command(flatten)]
    pub at: AsOfArgs,
    #[command(flatten)]
    pub steps: StepArgs,
    #[command(flatten)]
    pub given: GivenArgs,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct SqlArgs {
    /// One SELECT, or - to read it from stdin
    pub statement: String,
    #[command(flatten)]
    pub moment: AsOfArgs,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// The moment that a question is about.
#[derive(Debug, Args)]
pub struct AsOfArgs {
    /// Count what had happened by this moment: RFC 3339, or a date (the end of that day, UTC) [default: now]
    #[arg(long, value_name = "T", value_parser = moment::parse)]
    pub as_of: Option<DateTime<Utc>>,
}

/// What every question about a metric may say.
#[derive(Debug, Args)]
pub struct GivenArgs {
    /// Count only what was known by this moment [default: now]
    #[arg(long, value_name = "K", value_parser = moment::parse)]
    pub known_at: Option<DateTime<Utc>>,
    /// A parameter of the metric; may be repeated
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    pub params: Vec<(String, String)>,
}

/// A range of moments in place of one.
#[derive(Debug, Args)]
pub struct StepArgs {
    /// Compute the metric at each moment of a range; this is the first moment
    #[arg(long, value_name = "T", value_parser = moment::parse, conflicts_with = "as_of")]
    pub from: Option<DateTime<Utc>>,
    /// The last moment of the range [default: now]
    #[arg(long, value_name = "T", value_parser = moment::parse, requires = "from")]
    pub to: Option<DateTime<Utc>>,
    /// Time between two moments, such as 12h, 1d or 7d [default: 7d]
    #[arg(long, value_name = "DURATION", requires = "from")]
    pub step: Option<String>,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("give it as name=value, such as window_days=28".to_owned()),
    }
}
