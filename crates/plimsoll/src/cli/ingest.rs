//! What is typed to load history: `ingest` and its sources.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use surface::moment;

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
    #[command(flatten)]
    pub target: TargetArgs,
}

#[derive(Debug, Args)]
pub struct IngestEventsArgs {
    /// Files of one event a line, or - for stdin
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub target: TargetArgs,
}

#[derive(Debug, Args)]
pub struct IngestGharchiveArgs {
    /// Files of one GH Archive event a line, or - for stdin
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub target: TargetArgs,
}

#[derive(Debug, Args)]
pub struct IngestWebhooksArgs {
    /// Whose bodies they are: github, gitlab, jira, gerrit, bitbucket or cdevents
    #[arg(long, value_name = "TOOL", value_parser = vendor)]
    pub format: event::Format,
    /// Folders, read with what is in them, and files
    #[arg(required = true, value_name = "DIR|FILE")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub target: TargetArgs,
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
    #[command(flatten)]
    pub target: TargetArgs,
}

/// Which log takes the events.
#[derive(Debug, Args)]
pub struct TargetArgs {
    /// Produce to the Kafka topics instead of the local log
    #[arg(long)]
    pub to_kafka: bool,
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
