//! The formats that a report is written down in.

use serde::{Deserialize, Serialize};

use super::report::Report;
use super::{html, markdown};

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
    /// A page's policy where it is served: nothing but itself.
    pub const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
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
