//! A report as data.

use serde::Serialize;

use super::detail::Section;
use super::footer::Footer;
use super::part::Part;
use super::question::Kind;

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
    pub detail: Vec<Section>,
    pub footer: Footer,
}
