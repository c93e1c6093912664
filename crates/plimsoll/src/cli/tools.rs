//! What is typed to look after an installation: `doctor`, `health`, `check`, `dashboard`, `token`, `completions`, `man`.

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
