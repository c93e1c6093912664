//! A small table of a report, and how urgent what it says is.

use serde::Serialize;

/// How urgent something is; never by colour alone, the sentence says it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    Good,
    Plain,
    Watch,
    Act,
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
    #[serde(rename = "tone", skip_serializing_if = "Option::is_none")]
    pub urgency: Option<Urgency>,
}

impl Cell {
    pub fn urgent(text: impl Into<String>, urgency: Urgency) -> Cell {
        Cell { text: text.into(), urgency: Some(urgency) }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell { text: text.into(), urgency: None }
    }
}

impl Column {
    /// Of words or dates.
    pub fn text(title: impl Into<String>) -> Column {
        Column { title: title.into(), number: false }
    }

    pub fn number(title: impl Into<String>) -> Column {
        Column { title: title.into(), number: true }
    }
}

impl Grid {
    pub fn new(title: impl Into<String>, columns: impl IntoIterator<Item = Column>) -> Grid {
        Grid { title: title.into(), columns: columns.into_iter().collect(), rows: Vec::new(), note: None }
    }
}
