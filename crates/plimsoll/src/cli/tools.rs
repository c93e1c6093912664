//! What is typed to look after an installation: `token`, `check`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// A directory with view/ and metric/ to check beside the shipped files
    pub dir: Option<PathBuf>,
}
