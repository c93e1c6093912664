//! What is typed about people: `people` and its commands.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use super::Format;
use surface::moment;

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
