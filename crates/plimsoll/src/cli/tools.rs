//! What is typed to look after an installation: `doctor`, `health`, `accept-gap`, `check`, `dashboard`, `token`, `completions`, `man`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

use super::Format;

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Print a new token once, with its lines for plimsoll.toml
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

#[derive(Debug, Args)]
pub struct AcceptGapArgs {
    /// The halted partition, such as plimsoll.commits/0, or local/0
    #[arg(required = true, value_name = "TOPIC/PARTITION", value_parser = partition)]
    pub partitions: Vec<(String, i32)>,
}

fn partition(text: &str) -> Result<(String, i32), String> {
    let given = text.rsplit_once('/').filter(|(topic, _)| !topic.is_empty());
    let number = given.and_then(|(topic, number)| {
        Some((topic.to_owned(), number.parse::<i32>().ok().filter(|number| *number >= 0)?))
    });
    number.ok_or_else(|| {
        format!("{text} is no partition; give it as TOPIC/NUMBER, as plimsoll_ingest_halted does")
    })
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// A directory with view/ and metric/ to check with the shipped files
    pub dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Format of the findings: table or json
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct HealthArgs {
    /// Also ask whether it has caught up with its log
    #[arg(long)]
    pub ready: bool,
}

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for every command into this directory [default: print the main page]
    pub dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct DashboardArgs {
    /// Directory to write to
    #[arg(long, value_name = "DIR", default_value = "grafana/dashboards")]
    pub out: PathBuf,
}
