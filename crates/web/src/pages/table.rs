//! The rows of a metric as a table for people: headings in words, shares in percent, days as days.
//!
//! Deliberately absent: an order of its own. Rows stand as the metric gives them, so nothing ranks people.

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use engine::Metric;
use maud::{Markup, html};

use super::lens::Lens;
use super::risk;
use super::rows::Rows;
use super::words;
use report::chart;
use surface::output::Table;

/// Rows on a page; all of them are in the downloads.
pub const ROWS_MAX: usize = 200;

/// What a cell shows.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Absent,
    Text(String),
    Number(String),
    Flag(bool),
}

/// What a page adds to a table.
pub struct Extras<'a> {
    /// The last cell of a row, such as a link to its events.
    pub last: &'a dyn Fn(usize) -> Markup,
    pub last_heading: &'a str,
}

/// The rows of `batch`; `metric` tells which columns are labels and which is the value.
pub fn table(
    metric: &Metric,
    batch: &RecordBatch,
    lens: &Lens,
    extras: Option<Extras<'_>>,
) -> Result<Markup, ArrowError> {
    let shown = batch.slice(0, batch.num_rows().min(ROWS_MAX));
    let columns: Vec<(String, Vec<Cell>)> = shown
        .schema()
        .fields()
        .iter()
        .zip(shown.columns())
        .map(|(field, column)| Ok((field.name().clone(), cells(field.name(), column, &shown)?)))
        .collect::<Result<_, ArrowError>>()?;
    let is_label = |name: &str| metric.labels.iter().any(|label| label == name);
    let numeric: Vec<bool> = shown
        .schema()
        .fields()
        .iter()
        .map(|field| field.data_type().is_numeric() && !field.name().ends_with("_ms"))
        .collect();
    Ok(html! {
        div.wide tabindex="0" role="region" aria-label={ (metric.title) ", table" } {
            table {
                thead { tr {
                    @for ((name, _), numeric) in columns.iter().zip(&numeric) {
                        th scope="col" title=(name) class=[class(*numeric, *name == metric.value)] { (words::heading(name)) }
                    }
                    @if let Some(extras) = &extras { th.pin scope="col" { (extras.last_heading) } }
                } }
                tbody {
                    @for row in 0..shown.num_rows() {
                        tr {
                            @for (index, (name, cells)) in columns.iter().enumerate() {
                                @if index == 0 && is_label(name) {
                                    th scope="row" { (cell(name, &cells[row], lens)) }
                                } @else {
                                    td class=[class(numeric[index], *name == metric.value)] { (cell(name, &cells[row], lens)) }
                                }
                            }
                            @if let Some(extras) = &extras { td.pin { ((extras.last)(row)) } }
                        }
                    }
                }
            }
        }
        @if batch.num_rows() > shown.num_rows() {
            p.soft { "The first " (shown.num_rows()) " of " (words::count(batch.num_rows(), "row", "rows")) "; the downloads have all." }
        }
    })
}

/// A table that scrolls sideways where the page is too narrow. A column whose heading begins with `#` holds numbers.
pub fn frame(name: &str, columns: &[&str], rows: &Markup) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label={ "Table: " (name) } {
            table {
                thead { tr {
                    @for column in columns {
                        @if let Some(heading) = column.strip_prefix('#') { th.n scope="col" { (heading) } }
                        @else { th scope="col" { (column) } }
                    }
                } }
                tbody { (rows) }
            }
        }
    }
}

fn class(numeric: bool, headline: bool) -> Option<&'static str> {
    match (numeric, headline) {
        (true, true) => Some("n headline"),
        (true, false) => Some("n"),
        (false, true) => Some("headline"),
        (false, false) => None,
    }
}

fn cell(column: &str, cell: &Cell, lens: &Lens) -> Markup {
    match cell {
        Cell::Text(id) if column == "milestone" => {
            html! { a href=(lens.link(&risk::path(id), &[])) { (id) } }
        }
        Cell::Absent => html! { span.soft title="no value" { "–" } },
        Cell::Text(text) | Cell::Number(text) => html! { (text) },
        Cell::Flag(true) => html! { span.flag { "yes" } },
        Cell::Flag(false) => html! { span.soft { "no" } },
    }
}

fn cells(name: &str, column: &ArrayRef, of: &RecordBatch) -> Result<Vec<Cell>, ArrowError> {
    let rows = Rows::of_facts(of);
    let absent = |text: Option<String>| text.map_or(Cell::Absent, Cell::Text);
    Ok(match column.data_type() {
        kind if kind.is_numeric() && !name.ends_with("_ms") => {
            let said =
                |value: f64| if words::is_share(name) { words::percent(value) } else { chart::number(value) };
            let number = |value: Option<f64>| value.map_or(Cell::Absent, |value| Cell::Number(said(value)));
            rows.numbers(name).into_iter().map(number).collect()
        }
        DataType::Boolean => {
            rows.flags(name).into_iter().map(|f| f.map_or(Cell::Absent, Cell::Flag)).collect()
        }
        DataType::Date32 | DataType::Date64 => {
            rows.dates(name).into_iter().map(|on| absent(on.map(words::date))).collect()
        }
        DataType::Timestamp(TimeUnit::Microsecond | TimeUnit::Nanosecond, _) => {
            rows.moments(name).into_iter().map(|at| absent(at.map(words::moment))).collect()
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let formatter = ArrayFormatter::try_new(column.as_ref(), &FormatOptions::new())?;
            (0..column.len())
                .map(|row| absent(column.is_valid(row).then(|| formatter.value(row).to_string())))
                .collect()
        }
        // Durations and nested values are written as the command line writes them.
        _ => {
            let index = of.schema().index_of(name)?;
            let texts = Table::of(of, of.num_rows())?.rows;
            (0..column.len())
                .map(|row| absent(column.is_valid(row).then(|| texts[row][index].clone())))
                .collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_read_well() {
        let sample = surface::output::sample::sample();
        let column = |name: &str| {
            let index = sample.schema().index_of(name).unwrap();
            cells(name, sample.column(index), &sample).unwrap()
        };
        assert_eq!(column("open_reviews"), [Cell::Number("12,345".into()), Cell::Absent]);
        assert_eq!(column("share"), [Cell::Number("25%".into()), Cell::Absent]);
        assert_eq!(column("oldest_age_ms"), [Cell::Text("1d 2h".into()), Cell::Absent]);
        assert_eq!(column("since"), [Cell::Text("2 Mar 2026, 09:14 UTC".into()), Cell::Absent]);
        assert_eq!(column("owners"), [Cell::Text("[\"ada\"]".into()), Cell::Absent]);
    }
}
