//! Reports: which one, of when, how it is written and to whom it goes.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};

use report::Week;
use surface::moment;

#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    /// What changed, what is at risk, who needs help, what was achieved, what to decide
    Weekly(WeeklyArgs),
    /// Milestones by goal: forecasts, drift since the last review and its causes, risks, capacity, what if
    Roadmap(RoadmapArgs),
}

#[derive(Debug, Args)]
pub struct WeeklyArgs {
    /// The ISO week, such as 2026-W46 [default: the last one that is over]
    #[arg(long, value_name = "WEEK", value_parser = Week::parse, conflicts_with = "as_of")]
    pub week: Option<Week>,
    #[command(flatten)]
    pub report: ReportArgs,
}

#[derive(Debug, Args)]
pub struct RoadmapArgs {
    /// When the roadmap was last reviewed: RFC 3339, or a date for the end of that day UTC [default: 4 weeks before]
    #[arg(long, value_name = "T", value_parser = moment::parse)]
    pub since: Option<DateTime<Utc>>,
    /// A scenario: events of this file, one CloudEvent a line, taken to have happened; may be repeated
    #[arg(long, value_name = "FILE")]
    pub what_if: Vec<PathBuf>,
    #[command(flatten)]
    pub report: ReportArgs,
}

/// What every report takes.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// What had happened by then: RFC 3339, or a date for the end of that day UTC
    #[arg(long, value_name = "T", value_parser = moment::parse)]
    pub as_of: Option<DateTime<Utc>>,
    /// What was known by then [default: now]
    #[arg(long, value_name = "K", value_parser = moment::parse)]
    pub known_at: Option<DateTime<Utc>>,
    /// Only this team, where figures are of teams
    #[arg(long)]
    pub team: Option<String>,
    /// How it is written [default: by the ending of -o, else md]
    #[arg(long, value_enum)]
    pub format: Option<ReportFormat>,
    /// Write to this file in place of stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Hand it to the receivers of this [[report]] of the configuration, who may not have it yet
    #[arg(long, value_name = "NAME", conflicts_with_all = ["team", "format", "output"])]
    pub deliver: Option<String>,
    /// ... also to those who may have it
    #[arg(long, requires = "deliver")]
    pub again: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// One page, for a browser, a mail or a printer
    Html,
    /// Markdown
    Md,
    /// For programs
    Json,
}
