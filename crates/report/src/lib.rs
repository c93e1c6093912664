//! Reports: what the numbers say, in sentences for people who do not code, with the numbers behind them.
//!
//! `ask` puts the questions to the engine, `weekly` and `roadmap` turn answers into one [`Report`], and `html`,
//! `markdown` and `json` write it down. Invariants: every sentence names the metric that it rests on; the same events,
//! moment and definitions give the same bytes; what a surface may not show is in no sentence and no table.
//! Deliberately absent: metrics about single people, any ranking of people, and anything fetched when it is read.

pub mod chart;

mod ask;
mod detail;
mod facts;
mod figure;
mod footer;
mod html;
mod markdown;
mod period;
mod risk;
mod roadmap;
mod weekly;
mod words;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use ask::{Kind, What, make};
pub use period::Week;

/// A report, ready to be written down in any format.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub report: Kind,
    pub title: String,
    /// What time it is about, in words.
    pub period: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// What somebody who reads no further must know.
    pub in_short: Vec<String>,
    pub parts: Vec<Part>,
    pub detail: Vec<detail::Section>,
    pub footer: footer::Footer,
}

/// A question that the report answers.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    pub id: &'static str,
    pub title: &'static str,
    /// Said in place of items, or before them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    pub items: Vec<Item>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Grid>,
    #[serde(skip)]
    pub figures: Vec<figure::Figure>,
}

impl Part {
    fn new(id: &'static str, title: &'static str) -> Part {
        Part { id, title, note: None, items: Vec::new(), tables: Vec::new(), figures: Vec::new() }
    }
}

/// How urgent something is; never by colour alone, the sentence says it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    Good,
    Plain,
    Watch,
    Act,
}

/// One sentence, and what it rests on.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    pub tone: Tone,
    pub sentence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// What could be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<String>,
    /// The metric, and its row.
    pub metric: &'static str,
    pub row: Map<String, Value>,
    #[serde(skip)]
    pub figure: Option<figure::Figure>,
}

/// A small table whose cells are ready to be read.
#[derive(Clone, Debug, Serialize)]
pub struct Grid {
    pub title: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
    /// Said below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Column {
    pub title: String,
    /// Numbers stand right.
    pub number: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tone: Option<Tone>,
}

impl Cell {
    fn toned(text: impl Into<String>, tone: Tone) -> Cell {
        Cell { text: text.into(), tone: Some(tone) }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell { text: text.into(), tone: None }
    }
}

impl Grid {
    /// Columns whose title begins with `#` hold numbers.
    fn new(title: impl Into<String>, columns: &[&str]) -> Grid {
        let column = |name: &&str| Column {
            title: name.trim_start_matches('#').to_owned(),
            number: name.starts_with('#'),
        };
        Grid {
            title: title.into(),
            columns: columns.iter().map(column).collect(),
            rows: Vec::new(),
            note: None,
        }
    }
}

/// How a report is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Html,
    #[serde(rename = "md")]
    Markdown,
    Json,
}

impl Format {
    pub const ALL: [Format; 3] = [Format::Html, Format::Markdown, Format::Json];

    /// Also the ending of a file.
    pub fn name(self) -> &'static str {
        match self {
            Format::Html => "html",
            Format::Markdown => "md",
            Format::Json => "json",
        }
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Format::Html => "text/html; charset=utf-8",
            Format::Markdown => "text/markdown; charset=utf-8",
            Format::Json => "application/json",
        }
    }

    pub fn from_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }
}

impl Report {
    pub fn write(&self, format: Format) -> String {
        match format {
            Format::Html => html::page(self),
            Format::Markdown => markdown::text(self),
            Format::Json => {
                let json = serde_json::to_string_pretty(self).expect("a report is text and numbers");
                format!("{json}\n")
            }
        }
    }
}
