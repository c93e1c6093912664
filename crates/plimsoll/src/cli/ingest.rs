//! What is typed to load history: `ingest` and its sources.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use surface::moment;

#[derive(Debug, Subcommand)]
pub enum IngestCommand {
    /// Load commits, reviews and tickets from git repositories; a second run loads only what is new
    Git(IngestGitArgs),
    /// Load CloudEvents, one JSON object a line; files may be .gz or .zst
    Events(IngestEventsArgs),
    /// Load hours of GH Archive, in any order; files may be .gz or .zst
    Gharchive(IngestGharchiveArgs),
    /// Load webhook bodies from files: one body in each .json file, one a line in .jsonl and .ndjson files
    Webhooks(IngestWebhooksArgs),
    /// Poll GitHub for pull requests, reviews, issues and milestones; a second run loads only what is new
    Github(IngestGithubArgs),
    /// Poll GitLab for merge requests, notes, issues and milestones
    Gitlab(IngestGitlabArgs),
    /// Poll Jira for issues with their whole changelog, and for versions
    Jira(IngestJiraArgs),
}

#[derive(Debug, Args)]
pub struct IngestGitArgs {
    /// Repositories: work trees, .git directories or bare repositories
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Read all local and remote branches instead of the branch that is checked out
    #[arg(long)]
    pub branches: bool,
    #[command(flatten)]
    pub target: TargetArgs,
}

#[derive(Debug, Args)]
pub struct IngestEventsArgs {
    /// Files with one event a line, or - for stdin
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub target: TargetArgs,
}

#[derive(Debug, Args)]
pub struct IngestGharchiveArgs {
    /// Files with one GH Archive event a line, or - for stdin
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub target: TargetArgs,
}

#[derive(Debug, Args)]
pub struct IngestWebhooksArgs {
    /// The tool that sent the bodies: github, gitlab, jira, gerrit, bitbucket, gitea or cdevents
    #[arg(long, value_name = "TOOL", value_parser = vendor)]
    pub format: event::Format,
    /// Files, and folders with everything in them
    #[arg(required = true, value_name = "DIR|FILE")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub target: TargetArgs,
}

#[derive(Debug, Args)]
pub struct IngestGithubArgs {
    /// Address of the REST API; for GitHub Enterprise Server https://HOST/api/v3
    #[arg(long, default_value = "https://api.github.com", value_name = "URL")]
    pub url: String,
    /// A repository as owner/name; may be repeated
    #[arg(long = "repo", required = true, value_name = "OWNER/NAME", value_parser = repository)]
    pub repos: Vec<String>,
    #[command(flatten)]
    pub poll: PollArgs,
}

#[derive(Debug, Args)]
pub struct IngestGitlabArgs {
    /// Address of the GitLab server
    #[arg(long, default_value = "https://gitlab.com", value_name = "URL")]
    pub url: String,
    /// A project with its groups, such as group/project; may be repeated
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
    /// Key of a project to load, with its versions; may be repeated
    #[arg(long = "project", value_name = "KEY", value_parser = project_key)]
    pub projects: Vec<String>,
    /// A JQL filter for issues, without ORDER BY; may be repeated
    #[arg(long, value_name = "FILTER", required_unless_present = "projects", value_parser = filter)]
    pub jql: Vec<String>,
    /// The account of the token, which Jira Cloud requires [default: send the token alone]
    #[arg(long, value_name = "EMAIL", requires = "token")]
    pub user: Option<String>,
    #[command(flatten)]
    pub poll: PollArgs,
}

/// What all pollers take.
#[derive(Debug, Args)]
pub struct PollArgs {
    /// Where the token is: env:NAME or file:PATH; never the token itself
    #[arg(long, value_name = "SOURCE")]
    pub token: Option<String>,
    /// On the first run, load only what changed since: RFC 3339, or a date (its start, UTC) [default: everything]
    #[arg(long, value_name = "T", value_parser = moment::parse_start)]
    pub since: Option<DateTime<Utc>>,
    /// Start from the beginning instead of where the last run stopped; duplicates are dropped
    #[arg(long)]
    pub again: bool,
    #[command(flatten)]
    pub target: TargetArgs,
}

/// Which log takes the events.
#[derive(Debug, Args)]
pub struct TargetArgs {
    /// Write to the Kafka topics instead of the local log
    #[arg(long)]
    pub to_kafka: bool,
}

/// At least two names with slashes between them; no name is a path upwards.
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
    Err("give the key, such as API; for a filter, use --jql".to_owned())
}

fn filter(text: &str) -> Result<String, String> {
    if text.to_lowercase().contains("order by") {
        return Err("remove ORDER BY: issues are read in the order of their last change".to_owned());
    }
    if text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err("give a filter, such as 'project = API'".to_owned());
    }
    Ok(text.to_owned())
}

fn vendor(name: &str) -> Result<event::Format, String> {
    match event::Format::from_name(name) {
        Some(event::Format::CloudEvents) => Err("for cloudevents, use 'plimsoll ingest events'".to_owned()),
        Some(format) => Ok(format),
        None => Err("give github, gitlab, jira, gerrit, bitbucket, gitea or cdevents".to_owned()),
    }
}
