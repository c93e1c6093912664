//! What changed: the signals of the process charts that are called out, and nothing else.

use serde_json::Value;

use crate::answers::Answers;
use crate::facts::Row;
use crate::figure;
use crate::grid::Urgency;
use crate::part::{Item, Part};
use crate::words::{self, number};

/// Charts in a report.
const FIGURES_MAX: usize = 6;

pub fn part(answers: &Answers) -> Part {
    let label = answers.what.week().label();
    let mut part = Part::new("changed", "What changed");
    // A series that fell silent keeps its last judgement; that is no news of this week.
    let of_week = |row: &&Row| row.text("week") == Some(&label) && row.text("team") != Some(words::NO_TEAM);
    let judged: Vec<&Row> = answers.now.of("signals").iter().filter(of_week).collect();
    let signals: Vec<&Row> = judged.iter().copied().filter(|row| row.is("called_out")).collect();
    part.items = signals.iter().filter_map(|row| item(answers, row)).collect();
    for (item, row) in part.items.iter_mut().zip(&signals).take(FIGURES_MAX) {
        item.figure = figure::process(answers, row);
    }
    part.note = Some(note(judged.len(), part.items.len()));
    part
}

/// How many of the weekly figures are called out.
fn note(judged: usize, called_out: usize) -> String {
    let figures = words::number(judged as f64);
    match (judged, called_out) {
        (0 | 1, 0) => "No weekly figure changed beyond the usual ups and downs.".to_owned(),
        (_, 0) => format!("None of the {figures} weekly figures changed beyond the usual ups and downs."),
        (1, _) => "The one weekly figure changed beyond its usual ups and downs:".to_owned(),
        (_, 1) => {
            format!("Of the {figures} weekly figures, only one changed beyond its usual ups and downs:")
        }
        _ => format!("Of the {figures} weekly figures, only these changed beyond their usual ups and downs:"),
    }
}

/// The teams of these signals, each once.
pub fn teams(items: &[Item]) -> Vec<String> {
    let mut teams: Vec<String> = items
        .iter()
        .filter_map(|item| item.row.get("team").and_then(Value::as_str))
        .map(words::team)
        .collect();
    teams.dedup();
    teams
}

fn item(answers: &Answers, row: &Row) -> Option<Item> {
    let team = words::team(row.text("team")?);
    let (latest, mean) = (row.number("latest")?, row.number("mean")?);
    let series = row.text("series")?;
    let usual = match (row.number("lower"), row.number("upper")) {
        (Some(lower), Some(upper)) => format!("range of {} to {}", number(lower), number(upper)),
        _ => format!("level of {}", number(mean)),
    };
    let judged = match row.text("meaning")? {
        "beyond a limit" => format!(", {} its usual {usual}", if latest < mean { "below" } else { "above" }),
        "a jump beyond the range limit" => {
            "; that is an unusually large step from the week before".to_owned()
        }
        "long above the mean" => {
            format!("; for at least eight weeks it has been above its average of {}", number(mean))
        }
        "long below the mean" => {
            format!("; for at least eight weeks it has been below its average of {}", number(mean))
        }
        "near the upper limit" => {
            format!("; in three of the last four weeks it was close to the top of its usual {usual}")
        }
        "near the lower limit" => {
            format!("; in three of the last four weeks it was close to the bottom of its usual {usual}")
        }
        other => format!(" ({other})"),
    };
    let did = did(series, latest);
    let urgency = if row.whole("signal") == Some(1) { Urgency::Watch } else { Urgency::Plain };
    let sentence = format!("{team} {did} in week {}{judged}.", answers.what.week().number());
    Some(Item::new(urgency, sentence, "signals", row))
}

/// What a series counts, as something that a team did.
fn did(series: &str, value: f64) -> String {
    let counted =
        |one: &str, many: &str| format!("{} {}", number(value), if value == 1.0 { one } else { many });
    match series {
        "tickets_done" => format!("finished {}", counted("ticket", "tickets")),
        "points_done" => format!("finished {}", counted("point", "points")),
        "changes_merged" => format!("merged {}", counted("change", "changes")),
        "reviews_requested" => format!("was asked for {}", counted("review", "reviews")),
        "reviews_done" => format!("completed {}", counted("review", "reviews")),
        "response_hours" => {
            format!("answered review requests within {} (median)", counted("working hour", "working hours"))
        }
        other => format!("had {} {}", number(value), other.replace('_', " ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_counts_the_figures() {
        for (judged, called_out, expect) in [
            (0, 0, "No weekly figure changed beyond the usual ups and downs."),
            (8, 0, "None of the 8 weekly figures changed beyond the usual ups and downs."),
            (8, 1, "Of the 8 weekly figures, only one changed beyond its usual ups and downs:"),
            (8, 2, "Of the 8 weekly figures, only these changed beyond their usual ups and downs:"),
        ] {
            assert_eq!(note(judged, called_out), expect);
        }
    }
}
