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
    let figures = words::count(judged.len() as i64, "weekly figure", "weekly figures");
    part.note = Some(if part.items.is_empty() {
        format!("None of {figures} changed beyond the usual ups and downs.")
    } else {
        format!("Of {figures} only these are beyond the usual ups and downs:")
    });
    part
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
        (Some(lower), Some(upper)) => format!("{} to {}", number(lower), number(upper)),
        _ => number(mean),
    };
    let judged = match row.text("meaning")? {
        "beyond a limit" => format!(", {} its usual {usual}", if latest < mean { "below" } else { "above" }),
        "a jump beyond the range limit" => {
            "; that is a bigger step from the week before than usual".to_owned()
        }
        "long above the mean" => {
            format!("; for at least eight weeks it has been above its average of {}", number(mean))
        }
        "long below the mean" => {
            format!("; for at least eight weeks it has been below its average of {}", number(mean))
        }
        "near the upper limit" => {
            format!("; three of the last four weeks were close to the high end of its usual {usual}")
        }
        "near the lower limit" => {
            format!("; three of the last four weeks were close to the low end of its usual {usual}")
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
        "reviews_done" => format!("did {}", counted("review", "reviews")),
        "response_hours" => {
            format!("answers review requests within {} (median)", counted("working hour", "working hours"))
        }
        other => format!("had {} {}", number(value), other.replace('_', " ")),
    }
}
