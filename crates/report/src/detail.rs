//! Every metric of the catalogue as a small table, by section: what needs no code of its own.
//!
//! A metric over weeks or days becomes a table of its last ones, a row for each of its other labels. Values and rows that do
//! not fit are counted, and are in the JSON up to a limit.

use std::collections::{BTreeMap, BTreeSet};

use engine::Metric;
use serde::Serialize;
use serde_json::{Map, Value};

use super::answers::Answers;
use super::facts::{Row, Rows};
use super::grid::{Cell, Column, Grid};
use super::words::{NOTHING, number, percent};

/// Sections in the order of what a lead looks for; others follow by name.
const FIRST: [&str; 5] = ["Review load", "Milestone drift", "Delegation balance", "Flow", "Data quality"];
/// Labels that a metric has a row for each moment of.
const TIMES: [&str; 2] = ["week", "day"];
const TIMES_MAX: usize = 6;
const ROWS_MAX: usize = 8;
const COLUMNS_MAX: usize = 6;
/// Rows of one metric in the JSON.
const DATA_ROWS_MAX: usize = 200;
const CELL_CHARS_MAX: usize = 32;

#[derive(Clone, Debug, Serialize)]
pub struct Section {
    pub title: String,
    pub metrics: Vec<MetricTable>,
}

/// One metric.
#[derive(Clone, Debug, Serialize)]
pub struct MetricTable {
    pub metric: String,
    pub title: String,
    pub help: String,
    pub unit: String,
    pub definition: String,
    pub columns: Vec<String>,
    pub rows: Vec<Map<String, Value>>,
    pub rows_total: usize,
    /// The same for readers.
    #[serde(skip)]
    pub grid: Grid,
}

pub fn sections(answers: &Answers) -> Vec<Section> {
    let mut by_section: BTreeMap<(usize, &str), Vec<MetricTable>> = BTreeMap::new();
    for metric in &answers.metrics {
        let Some(rows) = answers.now.0.get(&metric.name) else { continue };
        let place = FIRST.iter().position(|first| *first == metric.section).unwrap_or(FIRST.len());
        let definition = answers.definitions.get(&metric.name).cloned().unwrap_or_default();
        by_section.entry((place, &metric.section)).or_default().push(shown(metric, rows, definition));
    }
    let section = |((_, title), mut metrics): ((usize, &str), Vec<MetricTable>)| {
        // The metric that a section is named after comes first in it.
        metrics.sort_by(|a, b| (a.title != title, &a.title).cmp(&(b.title != title, &b.title)));
        Section { title: title.to_owned(), metrics }
    };
    by_section.into_iter().map(section).collect()
}

fn shown(metric: &Metric, rows: &Rows, definition: String) -> MetricTable {
    let time = metric.labels.iter().find(|label| TIMES.contains(&label.as_str()));
    let grid = match time {
        Some(time) => over_time(metric, rows, time),
        None => plain(metric, rows),
    };
    MetricTable {
        metric: metric.name.clone(),
        title: metric.title.clone(),
        help: metric.help.clone(),
        unit: metric.unit.clone(),
        definition,
        columns: rows.columns.clone(),
        rows: rows.rows.iter().take(DATA_ROWS_MAX).map(|row| row.0.clone()).collect(),
        rows_total: rows.total,
        grid,
    }
}

fn plain(metric: &Metric, rows: &Rows) -> Grid {
    let first = metric.labels.iter().chain([&metric.value]);
    let rest = rows.columns.iter().filter(|name| !metric.labels.contains(name) && **name != metric.value);
    let all: Vec<&String> = first.chain(rest).filter(|name| rows.columns.contains(name)).collect();
    let shown = &all[..all.len().min(COLUMNS_MAX)];
    let mut grid = Grid::new("", shown.iter().map(|name| column(name, rows)));
    grid.rows = rows
        .rows
        .iter()
        .take(ROWS_MAX)
        .map(|row| shown.iter().map(|name| Cell::from(said(name, row.0.get(*name)))).collect())
        .collect();
    grid.note = left_out(rows.total.saturating_sub(ROWS_MAX), all.len() - shown.len());
    grid
}

/// The value at the last moments, a row for each of the other labels.
fn over_time(metric: &Metric, rows: &Rows, time: &str) -> Grid {
    // A week that has only begun would look like a fall.
    let is_over = |row: &&Row| !row.0.contains_key("complete") || row.is("complete");
    let times: BTreeSet<&str> = rows.rows.iter().filter(is_over).filter_map(|row| row.text(time)).collect();
    let times: Vec<&str> = times.iter().rev().take(TIMES_MAX).rev().copied().collect();
    let labels: Vec<&String> = metric.labels.iter().filter(|label| *label != time).collect();
    let name =
        |row: &Row| -> Vec<String> { labels.iter().map(|label| said(label, row.0.get(*label))).collect() };
    let mut by_name: BTreeMap<Vec<String>, BTreeMap<&str, String>> = BTreeMap::new();
    for row in &rows.rows {
        let Some(at) = row.text(time) else { continue };
        let values = by_name.entry(name(row)).or_default();
        if times.contains(&at) {
            values.insert(at, said(&metric.value, row.0.get(&metric.value)));
        }
    }
    let mut grid = Grid::new("", labels.iter().map(|label| column(label, rows)));
    // The year is that of the report in all but a few weeks, and the room is small.
    let short = |at: &&str| at.get(5..).unwrap_or(at).to_owned();
    grid.columns.extend(times.iter().map(|at| Column::number(short(at))));
    let total = by_name.len();
    let row = |(name, values): (Vec<String>, BTreeMap<&str, String>)| {
        let values = times.iter().map(|at| values.get(at).cloned().unwrap_or_else(|| NOTHING.to_owned()));
        name.into_iter().chain(values).map(Cell::from).collect()
    };
    grid.rows = by_name.into_iter().take(ROWS_MAX).map(row).collect();
    let others = rows.columns.len().saturating_sub(metric.labels.len() + 1);
    grid.note = left_out(total.saturating_sub(ROWS_MAX), others);
    grid
}

fn left_out(rows: usize, columns: usize) -> Option<String> {
    let told = |n: usize, what: &str| match n {
        0 => None,
        1 => Some(format!("1 more {what}")),
        n => Some(format!("{n} more {what}s")),
    };
    match (told(rows, "row"), told(columns, "column")) {
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => Some(one),
        (Some(rows), Some(columns)) => Some(format!("{rows}, {columns}")),
    }
}

fn column(name: &str, rows: &Rows) -> Column {
    let mut values = rows.rows.iter().filter_map(|row| row.0.get(name)).filter(|value| !value.is_null());
    let number = values.next().is_some_and(Value::is_number);
    Column { title: name.replace('_', " "), number }
}

/// A value as it is read. Shares and probabilities, by the names that they have in the catalogue, are per cent.
fn said(name: &str, value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => return NOTHING.to_owned(),
        Some(Value::Bool(yes)) => if *yes { "yes" } else { "no" }.to_owned(),
        Some(Value::Number(n)) => {
            let n = n.as_f64().unwrap_or_default();
            let of_one = (name.ends_with("share") || name.starts_with("p_")) && (0.0..=1.0).contains(&n);
            if of_one { percent(n) } else { fine(n) }
        }
        Some(Value::String(text)) if name.ends_with("_at") => {
            text.get(..16).unwrap_or(text).replace('T', " ")
        }
        Some(Value::String(text)) => text.chars().filter(|c| !c.is_control()).collect(),
        Some(nested) => nested.to_string(),
    };
    if text.chars().count() > CELL_CHARS_MAX {
        text.chars().take(CELL_CHARS_MAX - 1).chain(['…']).collect()
    } else {
        text
    }
}

/// Small numbers keep two digits that tell something.
fn fine(value: f64) -> String {
    if value != 0.0 && value.abs() < 10.0 && value.fract() != 0.0 {
        let text = format!("{value:.2}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        number(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_read_by_their_names() {
        for (name, value, expect) in [
            ("top_share", json!(0.25), "25%"),
            ("p_hit", json!(0.004), "under 1%"),
            ("gini", json!(0.254), "0.25"),
            ("open", json!(12345), "12,345"),
            ("late", json!(null), "–"),
            ("over", json!(true), "yes"),
            ("last_at", json!("2026-11-13T20:10:00Z"), "2026-11-13 20:10"),
            ("title", json!("a title that goes on and on and on and on"), "a title that goes on and on and…"),
        ] {
            assert_eq!(said(name, Some(&value)), expect, "{name}");
        }
        assert_eq!(left_out(2, 1).unwrap(), "2 more rows, 1 more column");
        assert_eq!(left_out(0, 0), None);
    }
}
