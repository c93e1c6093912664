//! What was typed: the command line, parsed and nothing more.
//!
//! Nothing here reads a file, the clock or the environment; `config::resolve` turns this into what
//! is meant before any command runs. Parsing errors come back as one line. Each group of commands
//! has its file.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use crate::failure::Failure;

mod ask;
mod ingest;
mod people;
mod report;
mod serve;
mod tools;

pub use ask::*;
pub use ingest::*;
pub use people::*;
pub use report::*;
pub use serve::*;
pub use tools::*;

/// Engineering metrics that you can audit at any past date.
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, about, max_term_width = 100)]
#[command(
    after_help = "Start with `plimsoll demo`, or `plimsoll ingest git .` and then `plimsoll query review_load`."
)]
pub struct Cli {
    /// Data directory [default: ./plimsoll-data; for demo: ./plimsoll-demo]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Configuration file [default: ./plimsoll.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Generate an example organisation, load it, print its stories and serve it
    Demo(DemoArgs),
    /// Load events from git, from files, or from GitHub, GitLab and Jira
    #[command(subcommand)]
    Ingest(IngestCommand),
    /// Read Kafka or the local log, and serve HTTP
    Serve(ServeArgs),
    /// Print one metric, now or at any past moment
    Query(QueryArgs),
    /// Show the events behind a metric's rows, with source links and the formula
    Explain(ExplainArgs),
    /// Show what changed in a metric between two moments, and which events changed it
    Diff(DiffArgs),
    /// Compare two versions of a metric's definition over the same history
    Replay(ReplayArgs),
    /// Write a report: the week, or the roadmap
    #[command(subcommand)]
    Report(ReportCommand),
    /// Run one read-only SQL statement over tables, views and functions
    Sql(SqlArgs),
    /// Record who is who, who is in which team and when they work
    #[command(subcommand)]
    People(PeopleCommand),
    /// Create tokens for HTTP
    #[command(subcommand)]
    Token(TokenCommand),
    /// Go on reading a halted partition without the records that its log has lost
    AcceptGap(AcceptGapArgs),
    /// Check every view and metric file, and report problems as file:line
    Check(CheckArgs),
    /// Write Grafana dashboards for the metrics, one file each
    Dashboard(DashboardArgs),
    /// Print the configuration in force and where each value comes from; secrets are redacted
    Config,
    /// Check an installation, and say how to fix what is wrong
    Doctor(DoctorArgs),
    /// Ask the running server whether it is alive; the exit code is 0 or 1
    Health(HealthArgs),
    /// Print a shell script that completes commands and flags
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for each command
    Man(ManArgs),
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

/// What parsing came to: a command, or text such as help that ends the run with success.
pub enum Invocation {
    Run(Box<Cli>),
    Print(String),
}

pub fn parse<I, T>(arguments: I) -> Result<Invocation, Failure>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString>,
{
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => Ok(Invocation::Run(Box::new(cli))),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Ok(Invocation::Print(error.render().to_string()))
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
            ("plimsoll accept-gap", "<TOPIC/PARTITION>"),
            ("plimsoll accept-gap plimsoll.commits", "TOPIC/NUMBER"),
            ("plimsoll ingest gharchive", "<FILE>"),
            ("plimsoll ingest github", "--repo"),
            ("plimsoll ingest github --repo api", "give it as owner/name"),
            ("plimsoll ingest github --repo acme/../x", "give it as owner/name"),
            ("plimsoll ingest github --repo acme/api --since soon", "is not a moment"),
            ("plimsoll ingest jira --url https://j", "--jql"),
            ("plimsoll ingest jira --url https://j --project a-b", "for a filter, use --jql"),
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

    /// The commands of a document's code blocks, as a shell would split them; what it would pipe or set is cut off.
    fn commands(text: &str) -> Vec<Vec<String>> {
        let in_blocks = text.split("```").skip(1).step_by(2).flat_map(str::lines);
        let ours = in_blocks.filter(|line| line.starts_with("plimsoll ") && !line.contains("..."));
        ours.map(|line| {
            let (mut words, mut quote, mut word) = (Vec::new(), None, String::new());
            for c in line.chars() {
                match (quote, c) {
                    (Some(open), c) if c == open => quote = None,
                    (None, '\'' | '"') => quote = Some(c),
                    (None, '#' | '|' | '>' | '&') => break,
                    (None, ' ') if word.is_empty() => {}
                    (None, ' ') => words.push(std::mem::take(&mut word)),
                    (_, c) => word.push(c),
                }
            }
            words.extend((!word.is_empty()).then_some(word));
            words
        })
        .collect()
    }

    #[test]
    fn the_documents_commands_are_understood() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let docs = std::fs::read_dir(root.join("docs")).expect("there are documents");
        let mut files: Vec<PathBuf> = docs.map(|entry| entry.expect("a document").path()).collect();
        files.push(root.join("README.md"));
        let mut understood = 0;
        for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "md")) {
            for command in commands(&std::fs::read_to_string(file).expect("a document is text")) {
                if let Err(failure) = parse(&command) {
                    panic!("{}: {}: {failure}", file.display(), command.join(" "));
                }
                understood += 1;
            }
        }
        assert!(understood > 20, "only {understood} commands were found");
    }

    #[test]
    fn global_flags_are_taken_on_either_side() {
        for line in ["plimsoll --data d config", "plimsoll config --data d"] {
            match parse(line.split(' ')) {
                Ok(Invocation::Run(cli)) => assert_eq!(cli.data, Some(PathBuf::from("d"))),
                Ok(Invocation::Print(_)) | Err(_) => panic!("{line} was not accepted"),
            }
        }
    }
}
