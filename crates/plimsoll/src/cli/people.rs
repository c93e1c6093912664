//! What is typed about people: `people` and its commands.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use super::Format;
use surface::moment;

#[derive(Debug, Subcommand)]
pub enum PeopleCommand {
    /// Load people.toml, teams.toml, calendars.toml, .mailmap, CODEOWNERS or *.ics; loading a file again changes nothing
    Import(PeopleImportArgs),
    /// Record that other names belong to this person
    Merge(MergeArgs),
    /// Undo a merge: the names do not belong to this person
    Unmerge(MergeArgs),
    /// List all people, with the number of their names and of the events that mention them
    List(PeopleListArgs),
    /// Show what is known about one person
    Show(PersonArgs),
    /// Erase a person from log, tables and caches for good, and keep every count
    Erase(EraseArgs),
    /// List names that may belong to one person, and why; changes nothing
    Suggest(SuggestArgs),
}

#[derive(Debug, Args)]
pub struct PeopleImportArgs {
    /// Files; the name and the content decide what each one is
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The person whose leave an .ics file lists
    #[arg(long, conflicts_with = "team")]
    pub person: Option<String>,
    /// The team whose holidays an .ics file lists
    #[arg(long)]
    pub team: Option<String>,
    /// Time zone of an .ics file without one [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// Print the events, one a line, and store nothing
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
    /// Since when: RFC 3339, or a date (its start, UTC) [default: always]
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
    /// Erase; without this flag, only print what would be erased
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct SuggestArgs {
    /// A .mailmap file to use as well
    #[arg(long, value_name = "FILE")]
    pub mailmap: Option<PathBuf>,
    /// Lowest score to list
    #[arg(long, value_name = "0-100", default_value_t = 50)]
    pub score_min: u32,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}
