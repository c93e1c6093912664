//! What a report is put together from: a question, and the sentences, tables and drawings that answer it.
//!
//! Invariant: a sentence names the metric and the row that it rests on.

use serde::Serialize;
use serde_json::{Map, Value};

use super::facts::Row;
use super::grid::{Grid, Urgency};

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
    pub figures: Vec<Figure>,
}

impl Part {
    pub fn new(id: &'static str, title: &'static str) -> Part {
        Part { id, title, note: None, items: Vec::new(), tables: Vec::new(), figures: Vec::new() }
    }
}

/// One sentence, and what it rests on.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    #[serde(rename = "tone")]
    pub urgency: Urgency,
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
    pub figure: Option<Figure>,
}

impl Item {
    /// A sentence alone.
    pub fn new(urgency: Urgency, sentence: String, metric: &'static str, row: &Row) -> Item {
        Item { urgency, sentence, because: None, proposal: None, metric, row: row.0.clone(), figure: None }
    }
}

#[derive(Clone, Debug)]
pub struct Figure {
    /// Said above it, where it is not next to a sentence.
    pub caption: String,
    pub svg: String,
}
