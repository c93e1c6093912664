//! What is typed for a report: which one, for when, in which format and for whom.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};

use report::Week;
use surface::moment;

#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    /// The week: what changed, what is at risk, who needs help, what was achieved, what to decide
    Weekly(WeeklyArgs),
    /// The roadmap: milestones by goal with forecasts, drift and its causes, risks, capacity and scenarios
    Roadmap(RoadmapArgs),
}

#[derive(Debug, Args)]
pub struct WeeklyArgs {
    /// The ISO week, such as 2026-W46 [default: the last complete week]
    #[arg(long, value_name = "WEEK", value_parser = Week::parse, conflicts_with = "as_of")]
    pub week: Option<Week>,
    #[command(flatten)]
    pub report: ReportArgs,
}

#[derive(Debug, Args)]
pub struct RoadmapArgs {
    /// When the roadmap was last reviewed: RFC 3339, or a date (the end of that day, UTC) [default: 4 weeks before]
    #[arg(long, value_name = "T", value_parser = moment::parse)]
    pub since: Option<DateTime<Utc>>,
    /// A scenario: report as if the events in this file had happened, one CloudEvent a line; may be repeated
    #[arg(long, value_name = "FILE")]
    pub what_if: Vec<PathBuf>,
    #[command(flatten)]
    pub report: ReportArgs,
}

/// What every report takes.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Count what had happened by this moment: RFC 3339, or a date (the end of that day, UTC)
    #[arg(long, value_name = "T", value_parser = moment::parse)]
    pub as_of: Option<DateTime<Utc>>,
    /// Count only what was known by this moment [default: now]
    #[arg(long, value_name = "K", value_parser = moment::parse)]
    pub known_at: Option<DateTime<Utc>>,
    /// Limit figures of teams to this team
    #[arg(long)]
    pub team: Option<String>,
    /// Format of the report [default: from the file name of -o, otherwise md]
    #[arg(long, value_enum)]
    pub format: Option<ReportFormat>,
    /// Write to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Deliver to the receivers of this [[report]] in the configuration, except those that may have it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["team", "format", "output"])]
    pub deliver: Option<String>,
    /// Deliver also to receivers that may have it already
    #[arg(long, requires = "deliver")]
    pub again: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// One page for a browser, a mail or a printer
    Html,
    /// Markdown
    Md,
    /// For programs
    Json,
}
