//! What was typed: the command line, parsed and nothing more.
//!
//! Nothing here reads a file, the clock or the environment; `config::resolve` turns this into what
//! is meant before any command runs. Parsing errors come back as one line.

use std::ffi::OsString;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::failure::Failure;
use crate::moment;

/// Engineering metrics that you can audit at any past date.
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, about, max_term_width = 100)]
#[command(
    after_help = "Start with `plimsoll demo`, or `plimsoll ingest git .` and then `plimsoll query review_load`."
)]
pub struct Cli {
    /// Data directory [default: ./plimsoll-data, for demo ./plimsoll-demo]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Configuration file [default: ./plimsoll.toml where there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Generate an example organisation, load it, print what it shows and serve it
    Demo(DemoArgs),
    /// Load events from a git history or from files
    #[command(subcommand)]
    Ingest(IngestCommand),
    /// Ingest from Kafka or the local log, and serve HTTP
    Serve(ServeArgs),
    /// Print one metric, now or at any past moment
    Query(QueryArgs),
    /// Show the events behind a metric's rows, with source links and the formula
    Explain(ExplainArgs),
    /// Show what changed in a metric between two moments and which events did it, in sentences
    Diff(DiffArgs),
    /// Run two versions of a metric's definition over the same history, side by side
    Replay(ReplayArgs),
    /// Run one read-only SQL statement over tables, views and functions
    Sql(SqlArgs),
    /// Say who is who, who is in which team and when they work, from files or by hand
    #[command(subcommand)]
    People(PeopleCommand),
    /// Make tokens for HTTP
    #[command(subcommand)]
    Token(TokenCommand),
    /// Check every view and metric file and report problems as file:line
    Check(CheckArgs),
    /// Print the effective configuration, where each value comes from, secrets redacted
    Config,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Address to serve on; loopback only [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// Print the summary and stop, without serving
    #[arg(long)]
    pub once: bool,
    /// Seed of the generator: the same seed and moment give the same organisation
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The moment at which the example ends: RFC 3339 or a date [default: now]
    #[arg(long, value_name = "T", value_parser = moment::parse)]
    pub as_of: Option<DateTime<Utc>>,
}

#[derive(Debug, Subcommand)]
pub enum IngestCommand {
    /// Backfill commits, reviews and tickets from git repositories; a second run takes what is new
    Git(IngestGitArgs),
    /// Load CloudEvents, one JSON object a line; .gz and .zst are read as they are
    Events(IngestEventsArgs),
    /// Load hours of GH Archive; .gz and .zst are read as they are, in any order
    Gharchive(IngestGharchiveArgs),
    /// Load webhook bodies that were kept in files: .json one body, .jsonl and .ndjson one a line
    Webhooks(IngestWebhooksArgs),
    /// Poll repositories of GitHub: pull requests, reviews, issues, milestones; a second run takes what is new
    Github(IngestGithubArgs),
    /// Poll projects of a GitLab: merge requests, notes, issues, milestones
    Gitlab(IngestGitlabArgs),
    /// Poll a Jira: issues with their whole changelog, versions
    Jira(IngestJiraArgs),
}

#[derive(Debug, Args)]
pub struct IngestGitArgs {
    /// Repositories: work trees, .git directories or bare repositories
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Read all local and remote branches, not only the one that is checked out
    #[arg(long)]
    pub branches: bool,
    /// Produce to the Kafka topics instead of the local log
    #[arg(long)]
    pub to_kafka: bool,
}

#[derive(Debug, Args)]
pub struct IngestEventsArgs {
    /// Files of one event a line, or - for stdin
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Produce to the Kafka topics instead of the local log
    #[arg(long)]
    pub to_kafka: bool,
}

#[derive(Debug, Args)]
pub struct IngestGharchiveArgs {
    /// Files of one GH Archive event a line, or - for stdin
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Produce to the Kafka topics instead of the local log
    #[arg(long)]
    pub to_kafka: bool,
}

#[derive(Debug, Args)]
pub struct IngestWebhooksArgs {
    /// Whose bodies they are: github, gitlab, jira, gerrit, bitbucket or cdevents
    #[arg(long, value_name = "TOOL", value_parser = vendor)]
    pub format: event::Format,
    /// Folders, read with what is in them, and files
    #[arg(required = true, value_name = "DIR|FILE")]
    pub paths: Vec<PathBuf>,
    /// Produce to the Kafka topics instead of the local log
    #[arg(long)]
    pub to_kafka: bool,
}

#[derive(Debug, Args)]
pub struct IngestGithubArgs {
    /// Address of the REST interface; of a GitHub Enterprise Server https://HOST/api/v3
    #[arg(long, default_value = "https://api.github.com", value_name = "URL")]
    pub url: String,
    /// A repository, owner/name; may be repeated
    #[arg(long = "repo", required = true, value_name = "OWNER/NAME", value_parser = repository)]
    pub repos: Vec<String>,
    #[command(flatten)]
    pub poll: PollArgs,
}

#[derive(Debug, Args)]
pub struct IngestGitlabArgs {
    /// Address of the GitLab
    #[arg(long, default_value = "https://gitlab.com", value_name = "URL")]
    pub url: String,
    /// A project with its groups, group/project; may be repeated
    #[arg(long = "project", required = true, value_name = "GROUP/PROJECT", value_parser = repository)]
    pub projects: Vec<String>,
    #[command(flatten)]
    pub poll: PollArgs,
}

#[derive(Debug, Args)]
pub struct IngestJiraArgs {
    /// Address of the site, such as https://acme.atlassian.net
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// A project by its key, with its versions; may be repeated
    #[arg(long = "project", value_name = "KEY", value_parser = project_key)]
    pub projects: Vec<String>,
    /// Issues by a JQL filter, without ORDER BY; may be repeated
    #[arg(long, value_name = "FILTER", required_unless_present = "projects", value_parser = filter)]
    pub jql: Vec<String>,
    /// The account that the token belongs to, as Jira Cloud wants it; without, the token stands alone
    #[arg(long, value_name = "EMAIL", requires = "token")]
    pub user: Option<String>,
    #[command(flatten)]
    pub poll: PollArgs,
}

/// What all pollers take.
#[derive(Debug, Args)]
pub struct PollArgs {
    /// Where the token is: env:NAME or file:PATH; it is never written on the command line
    #[arg(long, value_name = "SOURCE")]
    pub token: Option<String>,
    /// Only what changed since then, on the first run: RFC 3339, or a date for its start in UTC [default: all]
    #[arg(long, value_name = "T", value_parser = moment::parse_start)]
    pub since: Option<DateTime<Utc>>,
    /// Forget how far earlier runs came, and begin anew; what comes twice is dropped
    #[arg(long)]
    pub again: bool,
    /// Produce to the Kafka topics instead of the local log
    #[arg(long)]
    pub to_kafka: bool,
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address to listen on; loopback only [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
}

/// What every question about a metric may say.
#[derive(Debug, Args)]
pub struct GivenArgs {
    /// What was known by then [default: now]
    #[arg(long, value_name = "K", value_parser = moment::parse)]
    pub known_at: Option<DateTime<Utc>>,
    /// A parameter of the metric; may be repeated
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    pub params: Vec<(String, String)>,
}

/// A range of moments in place of one.
#[derive(Debug, Args)]
pub struct StepArgs {
    /// At each moment of a range: the first one
    #[arg(long, value_name = "T", value_parser = moment::parse, conflicts_with = "as_of")]
    pub from: Option<DateTime<Utc>>,
    /// ... up to here [default: now]
    #[arg(long, value_name = "T", value_parser = moment::parse, requires = "from")]
    pub to: Option<DateTime<Utc>>,
    /// ... one every so often, such as 12h, 1d or 7d [default: 7d]
    #[arg(long, value_name = "DURATION", requires = "from")]
    pub step: Option<String>,
}

#[derive(Debug, Args)]
pub struct QueryArgs {
    /// Name of the metric; without one, the metrics are listed
    pub metric: Option<String>,
    /// List the metrics
    #[arg(long, conflicts_with = "metric")]
    pub list: bool,
    /// What had happened by then: RFC 3339, or a date for the end of that day UTC [default: now]
    #[arg(long, value_name = "T", value_parser = moment::parse)]
    pub as_of: Option<DateTime<Utc>>,
    #[command(flatten)]
    pub steps: StepArgs,
    #[command(flatten)]
    pub given: GivenArgs,
    /// Only rows of this team
    #[arg(long)]
    pub team: Option<String>,
    /// Take the events of this file, one CloudEvent a line, or - for stdin, to have happened; nothing is stored
    #[arg(long, value_name = "FILE", requires = "metric")]
    pub what_if: Option<PathBuf>,
    /// Call people by pseudonyms, with the key that people.pseudonyms names
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
    /// What had happened by then: RFC 3339, or a date for the end of that day UTC [default: now]
    #[arg(long, value_name = "T", value_parser = moment::parse)]
    pub as_of: Option<DateTime<Utc>>,
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
    /// The earlier moment: RFC 3339, or a date for the end of that day UTC
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
    /// The other version: a metric's .sql file, or a directory whose view/ and metric/ files stand in for ours
    #[arg(long, value_name = "FILE|DIR")]
    pub against: PathBuf,
    /// What had happened by then: RFC 3339, or a date for the end of that day UTC [default: now]
    #[arg(long, value_name = "T", value_parser = moment::parse)]
    pub as_of: Option<DateTime<Utc>>,
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
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Print a new token, once, and the lines for plimsoll.toml that make it known
    New(TokenNewArgs),
}

#[derive(Debug, Args)]
pub struct TokenNewArgs {
    /// What the token is for, such as grafana
    pub name: String,
    /// What it may do: read, sql, ingest, admin
    #[arg(long, value_delimiter = ',', default_value = "read", value_parser = ["read", "sql", "ingest", "admin"])]
    pub scopes: Vec<String>,
    /// The person whose token it is, for person-level metrics
    #[arg(long)]
    pub person: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum PeopleCommand {
    /// Load people.toml, teams.toml, calendars.toml, .mailmap, CODEOWNERS or *.ics; a second run says nothing
    Import(PeopleImportArgs),
    /// Say that other names are this person's
    Merge(MergeArgs),
    /// Take that back: names are not this person's
    Unmerge(MergeArgs),
    /// List everybody, with how many names they have and how often events mention them
    List(PeopleListArgs),
    /// Show what is known of one person
    Show(PersonArgs),
    /// Make a person unrecoverable in log, tables and caches, and keep every count
    Erase(EraseArgs),
    /// List who may be one person, and why; changes nothing
    Suggest(SuggestArgs),
}

#[derive(Debug, Args)]
pub struct PeopleImportArgs {
    /// Files; what each is, its name and content tell
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Whose leave an .ics file is
    #[arg(long, conflicts_with = "team")]
    pub person: Option<String>,
    /// The team whose holidays an .ics file is
    #[arg(long)]
    pub team: Option<String>,
    /// Time zone of an .ics file that names none [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// Print the events that would be said, one a line, and say none
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The name to keep
    pub person: String,
    /// The other names: logins, e-mail addresses, names
    #[arg(required = true, value_name = "IDENTITY")]
    pub others: Vec<String>,
    /// From when on: RFC 3339, or a date for its beginning in UTC [default: always]
    #[arg(long, value_name = "T", value_parser = moment::parse_start)]
    pub since: Option<DateTime<Utc>>,
}

#[derive(Debug, Args)]
pub struct PeopleListArgs {
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct PersonArgs {
    /// Any of the person's names
    pub person: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct EraseArgs {
    /// Any of the person's names
    pub person: String,
    /// Do it; without this, only say what would be erased
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct SuggestArgs {
    /// A .mailmap to take into account
    #[arg(long, value_name = "FILE")]
    pub mailmap: Option<PathBuf>,
    /// Leave out what is less likely than this
    #[arg(long, value_name = "0-100", default_value_t = 50)]
    pub score_min: u32,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// A directory with view/ and metric/ to check beside the shipped files
    pub dir: Option<PathBuf>,
}

/// How results are written to stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns for people
    #[default]
    Table,
    /// The same JSON as the HTTP route
    Json,
    /// Comma-separated values with a header
    Csv,
    /// An Arrow IPC stream
    Arrow,
    /// A Parquet file
    Parquet,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("give it as name=value, such as window_days=28".to_owned()),
    }
}

/// At least two names with a slash between, of which none climbs.
fn repository(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name = |part: &str| !part.is_empty() && part.chars().all(plain) && part.trim_matches('.') == part;
    if text.contains('/') && text.split('/').all(name) {
        return Ok(text.to_owned());
    }
    Err("give it as owner/name".to_owned())
}

fn project_key(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(text.to_owned());
    }
    Err("give the key, such as API; a filter is given with --jql".to_owned())
}

fn filter(text: &str) -> Result<String, String> {
    if text.to_lowercase().contains("order by") {
        return Err("leave ORDER BY out: issues are read in order of their last change".to_owned());
    }
    if text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err("give a filter, such as 'project = API'".to_owned());
    }
    Ok(text.to_owned())
}

fn vendor(name: &str) -> Result<event::Format, String> {
    match event::Format::from_name(name) {
        Some(event::Format::CloudEvents) => Err("events are loaded with 'plimsoll ingest events'".to_owned()),
        Some(format) => Ok(format),
        None => Err("give github, gitlab, jira, gerrit, bitbucket or cdevents".to_owned()),
    }
}

/// What parsing came to: a command, or text such as help that ends the run with success.
pub enum Parsed {
    Run(Box<Cli>),
    Print(String),
}

pub fn parse<I, T>(arguments: I) -> Result<Parsed, Failure>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString>,
{
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => Ok(Parsed::Run(Box::new(cli))),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Ok(Parsed::Print(error.render().to_string()))
            }
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                Err(Failure::misuse("no command given; try 'plimsoll demo', or 'plimsoll --help'"))
            }
            _ => Err(Failure::misuse(one_line(&error, &arguments))),
        },
    }
}

/// Clap explains over several lines; this keeps the first sentence, its list and its suggestion,
/// and names the help of the command that was meant.
fn one_line(error: &clap::Error, arguments: &[OsString]) -> String {
    let text = error.to_string();
    let body = text.split("\n\nUsage:").next().unwrap_or(&text);
    let body = body.split("\n\nFor more information").next().unwrap_or(body);
    let mut lines = body.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("bad arguments");
    let mut message = first.strip_prefix("error: ").unwrap_or(first).to_owned();
    for line in lines {
        let line = line.strip_prefix("tip: ").unwrap_or(line);
        let separator = if message.ends_with(':') { " " } else { "; " };
        message.push_str(separator);
        message.push_str(line);
    }
    format!("{message}; try '{} --help'", command_of(arguments))
}

/// The command that the arguments lead to, such as `plimsoll ingest git`.
fn command_of(arguments: &[OsString]) -> String {
    let root = Cli::command();
    let mut command = &root;
    let mut path = root.get_name().to_owned();
    for argument in arguments.iter().skip(1) {
        if let Some(inner) = command.find_subcommand(argument) {
            command = inner;
            path.push(' ');
            path.push_str(inner.get_name());
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(line: &str) -> String {
        match parse(line.split(' ')) {
            Ok(_) => panic!("{line} was accepted"),
            Err(failure) => {
                assert_eq!(failure.exit_code(), 2);
                failure.to_string()
            }
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn wrong_flags_get_one_line_that_names_the_next_command() {
        for (line, expect) in [
            ("plimsoll query review_load --fromat json", "'--fromat'"),
            ("plimsoll query review_load --format xml", "table, json, csv"),
            ("plimsoll query review_load --as-of yesterday", "is not a moment"),
            ("plimsoll query review_load --param x", "name=value"),
            ("plimsoll ingest git", "<PATH>"),
            ("plimsoll ingest gharchive", "<FILE>"),
            ("plimsoll ingest github", "--repo"),
            ("plimsoll ingest github --repo api", "give it as owner/name"),
            ("plimsoll ingest github --repo acme/../x", "give it as owner/name"),
            ("plimsoll ingest github --repo acme/api --since soon", "is not a moment"),
            ("plimsoll ingest jira --url https://j", "--jql"),
            ("plimsoll ingest jira --url https://j --project a-b", "a filter is given with --jql"),
            ("plimsoll ingest jira --url https://j --jql API", "give a filter"),
            ("plimsoll ingest webhooks dir", "--format"),
            ("plimsoll ingest webhooks --format githab dir", "give github, gitlab"),
            ("plimsoll ingest webhooks --format cloudevents dir", "plimsoll ingest events"),
            ("plimsoll serv", "'serv'"),
            ("plimsoll", "plimsoll demo"),
        ] {
            let message = error(line);
            assert!(message.contains(expect), "{line}: {message}");
            assert!(message.contains("--help'"), "{line}: {message}");
            assert!(!message.contains('\n'), "{line}: {message}");
        }
    }

    #[test]
    fn global_flags_are_taken_on_either_side() {
        for line in ["plimsoll --data d config", "plimsoll config --data d"] {
            match parse(line.split(' ')) {
                Ok(Parsed::Run(cli)) => assert_eq!(cli.data, Some(PathBuf::from("d"))),
                Ok(Parsed::Print(_)) | Err(_) => panic!("{line} was not accepted"),
            }
        }
    }
}
