//! The table for people: aligned columns, readable numbers, `-` where there is no value.
//!
//! Text from events is shown with control characters replaced, so that data cannot drive the
//! terminal. No colour, hence nothing for `NO_COLOR` to turn off.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use comfy_table::{Cell, CellAlignment};

/// Rows beyond this are not shown; the other formats give them all.
const ROWS_MAX: usize = 1_000;
const CELL_CHARS_MAX: usize = 60;

/// Column titles and cells as text, for a terminal or a page.
pub struct Table {
    pub titles: Vec<String>,
    /// Whether the column holds numbers, which align right.
    pub numeric: Vec<bool>,
    pub rows: Vec<Vec<String>>,
    /// Rows left out because there are too many to show.
    pub hidden: usize,
}

impl Table {
    pub fn of(batch: &RecordBatch, rows_max: usize) -> Result<Self, ArrowError> {
        let first = batch.slice(0, batch.num_rows().min(rows_max));
        let shown = super::flat(&first)?;
        let mut rows = vec![Vec::with_capacity(shown.num_columns()); shown.num_rows()];
        for ((field, nested), column) in
            shown.schema().fields().iter().zip(first.columns()).zip(shown.columns())
        {
            let column = if is_listed(nested.data_type()) { nested } else { column };
            for (row, cell) in rows.iter_mut().zip(cells(field.name(), column)?) {
                row.push(cell);
            }
        }
        Ok(Self {
            titles: batch.schema().fields().iter().map(|field| printable(field.name())).collect(),
            numeric: batch.schema().fields().iter().map(|f| f.data_type().is_numeric()).collect(),
            rows,
            hidden: batch.num_rows() - shown.num_rows(),
        })
    }
}

/// The table as text with a closing line break, and `footer` below it.
pub fn table(batch: &RecordBatch, footer: &[String]) -> Result<String, ArrowError> {
    let content = Table::of(batch, ROWS_MAX)?;
    let mut grid = comfy_table::Table::new();
    grid.load_preset("     --            ");
    grid.set_header(content.titles);
    for row in content.rows {
        grid.add_row(row.into_iter().zip(&content.numeric).map(|(text, numeric)| {
            let side = if *numeric { CellAlignment::Right } else { CellAlignment::Left };
            Cell::new(text).set_alignment(side)
        }));
    }
    let mut text: String = grid.lines().fold(String::new(), |text, line| text + line.trim_end() + "\n");
    if batch.num_rows() == 0 {
        text.push_str("(no rows)\n");
    }
    if content.hidden > 0 {
        text.push_str(&format!("({} more rows; --format csv gives all)\n", grouped(content.hidden as i64)));
    }
    for line in footer {
        text.push_str(&format!("{line}\n"));
    }
    Ok(text)
}

fn cells(name: &str, column: &ArrayRef) -> Result<Vec<String>, ArrowError> {
    let text = |row: usize, show: &dyn Fn(usize) -> String| {
        if column.is_null(row) { "-".to_owned() } else { show(row) }
    };
    let all = |show: &dyn Fn(usize) -> String| (0..column.len()).map(|row| text(row, show)).collect();
    Ok(match column.data_type() {
        integer if integer.is_integer() => {
            let wide = arrow::compute::cast(column, &DataType::Int64)?;
            let values = wide.as_primitive::<Int64Type>();
            if name.ends_with("_ms") {
                all(&|row| duration(values.value(row)))
            } else {
                all(&|row| grouped(values.value(row)))
            }
        }
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let wide = arrow::compute::cast(column, &DataType::Float64)?;
            let values = wide.as_primitive::<Float64Type>();
            all(&|row| decimal(values.value(row)))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let format = FormatOptions::new()
                .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M"))
                .with_timestamp_format(Some("%Y-%m-%d %H:%M"));
            let formatter = ArrayFormatter::try_new(column.as_ref(), &format)?;
            all(&|row| formatter.value(row).to_string())
        }
        list if is_listed(list) => all(&|row| printable(&listed(&column.as_list::<i32>().value(row)))),
        _ => {
            let formatter = ArrayFormatter::try_new(column.as_ref(), &FormatOptions::new())?;
            all(&|row| printable(&formatter.value(row).to_string()))
        }
    })
}

fn is_listed(kind: &DataType) -> bool {
    matches!(kind, DataType::List(item) if matches!(item.data_type(), DataType::Struct(_)))
}

/// A list of structs as text: the values of each one after another, such as `ada 0.5 1, bo 0.3 0.5`.
pub fn listed(structs: &ArrayRef) -> String {
    let Some(structs) = structs.as_struct_opt() else { return String::new() };
    let format = FormatOptions::new();
    let parts: Vec<_> = structs
        .columns()
        .iter()
        .filter_map(|part| ArrayFormatter::try_new(part.as_ref(), &format).ok())
        .collect();
    let one = |row: usize| {
        let values: Vec<String> = parts.iter().map(|part| part.value(row).to_string()).collect();
        values.join(" ")
    };
    (0..structs.len()).map(one).collect::<Vec<_>>().join(", ")
}

/// Text without control characters, cut at a bound.
pub fn printable(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(CELL_CHARS_MAX)
        .map(|c| if c.is_control() || is_direction_mark(c) { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(CELL_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// Marks that reorder what is read without being seen.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// 12345 as 12,345.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn decimal(number: f64) -> String {
    if !number.is_finite() || number.abs() >= 1e15 {
        return number.to_string();
    }
    let text = format!("{:.3}", number.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let whole = grouped(whole.parse().unwrap_or(0));
    let sign = if number < 0.0 && (whole != "0" || !fraction.is_empty()) { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Milliseconds as the two largest units: 93,784,000 is `1d 2h`.
fn duration(ms: i64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let sign = if ms < 0 { "-" } else { "" };
    let left = ms.unsigned_abs();
    let Some(largest) = UNITS.iter().position(|(size, _)| left >= *size) else {
        return format!("{sign}{left}ms");
    };
    let (size, unit) = UNITS[largest];
    let mut text = format!("{sign}{}{unit}", left / size);
    if let Some((smaller, name)) = UNITS.get(largest + 1) {
        let rest = left % size / smaller;
        if rest > 0 {
            text.push_str(&format!(" {rest}{name}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        for (number, expect) in [(0, "0"), (999, "999"), (1_000, "1,000"), (-1_234_567, "-1,234,567")] {
            assert_eq!(grouped(number), expect);
        }
        for (number, expect) in [(0.25, "0.25"), (1234.5678, "1,234.568"), (-0.0001, "0"), (2.0, "2")] {
            assert_eq!(decimal(number), expect);
        }
        for (ms, expect) in
            [(0, "0ms"), (93_784_000, "1d 2h"), (60_000, "1m"), (61_500, "1m 1s"), (-3_600_000, "-1h")]
        {
            assert_eq!(duration(ms), expect);
        }
    }

    #[test]
    fn a_table_aligns_and_shows_absence() {
        let text = table(&super::super::sample::sample(), &["as of now".to_owned()]).expect("a table");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("open_reviews"), "{text}");
        assert!(lines[1].trim().starts_with("----"), "{text}");
        assert!(lines[2].contains("12,345") && lines[2].contains("1d 2h"), "{text}");
        assert!(lines[2].contains("2026-03-02 09:14"), "{text}");
        assert!(lines[3].contains(" - "), "{text}");
        assert_eq!(lines.last(), Some(&"as of now"));
        assert_eq!(lines[2].find("12,345").map(|at| at + 6), lines[3].find('-').map(|at| at + 1), "{text}");
    }

    #[test]
    fn data_cannot_drive_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\n\u{202e}"), "a\u{fffd}[31mb\u{fffd}\u{fffd}");
        assert_eq!(printable(&"x".repeat(80)).chars().count(), CELL_CHARS_MAX + 1);
    }
}
