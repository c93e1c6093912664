//! A report as Markdown, which also is the text part of a mail.
//!
//! Invariant: text from events cannot become markup: what means something to Markdown or HTML is escaped.

use std::fmt::Write as _;

use super::grid::{Grid, Urgency};
use super::part::{Item, Part};
use super::report::Report;

pub fn text(report: &Report) -> String {
    let mut text = format!("# {}\n\n{}", plain(&report.title), plain(&report.period));
    if let Some(team) = &report.team {
        let _ = write!(text, ", team {}", plain(team));
    }
    text.push_str("\n\n");
    if let Some(example) = report.example {
        let _ = write!(text, "> {}: no real people, no real work.\n\n", super::words::capital(example));
    }
    for line in &report.in_short {
        let _ = writeln!(text, "- {}", plain(line));
    }
    for part in &report.parts {
        self::part(&mut text, part);
    }
    text.push_str("\n## In detail\n");
    for section in &report.detail {
        let _ = write!(text, "\n### {}\n", plain(&section.title));
        for shown in &section.metrics {
            let _ = write!(
                text,
                "\n**{}** ({}, definition {}). {}\n",
                plain(&shown.title),
                plain(&shown.metric),
                shown.definition,
                plain(&shown.help)
            );
            grid(&mut text, &shown.grid);
        }
    }
    footer(&mut text, report);
    text
}

fn part(text: &mut String, part: &Part) {
    let _ = write!(text, "\n## {}\n\n", part.title);
    if let Some(note) = &part.note {
        let _ = write!(text, "{}\n\n", plain(note));
    }
    for item in &part.items {
        self::item(text, item);
    }
    for table in &part.tables {
        grid(text, table);
    }
}

fn item(text: &mut String, item: &Item) {
    let mark = match item.urgency {
        Urgency::Act | Urgency::Watch => "**",
        Urgency::Good | Urgency::Plain => "",
    };
    let _ = write!(text, "- {mark}{}{mark}", plain(&item.sentence));
    for more in [&item.because, &item.proposal].into_iter().flatten() {
        let _ = write!(text, " {}", plain(more));
    }
    text.push('\n');
}

fn grid(text: &mut String, grid: &Grid) {
    if !grid.title.is_empty() {
        let _ = write!(text, "\n{}:\n", plain(&grid.title));
    }
    if grid.rows.is_empty() {
        text.push_str("\nNo rows.\n");
        return;
    }
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    text.push('\n');
    text.push_str(&row(grid.columns.iter().map(|column| plain(&column.title)).collect()));
    text.push_str(&row(grid
        .columns
        .iter()
        .map(|c| if c.number { "---:" } else { "---" }.to_owned())
        .collect()));
    for cells in &grid.rows {
        text.push_str(&row(cells.iter().map(|cell| plain(&cell.text)).collect()));
    }
    if let Some(note) = &grid.note {
        let _ = write!(text, "\n{}\n", plain(note));
    }
}

fn footer(text: &mut String, report: &Report) {
    let footer = &report.footer;
    text.push_str("\n## What this rests on\n\n");
    for line in &footer.completeness {
        let _ = writeln!(text, "- {}", plain(line));
    }
    let _ = writeln!(text, "- As of {}, with what was known at {}.", footer.as_of, footer.known_at);
    let _ = writeln!(text, "- Log position: {}.", plain(&footer.positions()));
    let _ = writeln!(text, "- Definitions: {}.", footer.definitions);
    if !footer.about_people.is_empty() {
        let _ = writeln!(
            text,
            "- Left out of every report because they are about single people: {}.",
            plain(&footer.about_people.join(", "))
        );
    }
}

fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '#' => escaped.extend(['\\', c]),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_markup() {
        assert_eq!(plain("a*b* [x](y) <i> |\n#"), "a\\*b\\* \\[x\\](y) \\<i\\> \\|\u{20}\\#");
    }
}
