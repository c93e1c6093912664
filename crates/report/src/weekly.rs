//! The weekly report: what changed, what is at risk, who needs help, what was achieved, what to decide.
//!
//! Changes are signals only: what stays within the usual ups and downs is not news. Help is about teams, never people.

mod changed;
mod decisions;
mod help;

use super::answers::Answers;
use super::facts::Row;
use super::figure;
use super::footer::Footer;
use super::grid::{Cell, Column, Grid, Urgency};
use super::part::{Item, Part};
use super::question::Kind;
use super::report::Report;
use super::risk::{Outlook, outlooks};
use super::summary::{decisions_line, risk_line};
use super::words::{self, NOTHING, against_date, capital_count, count, list, near, short};

/// Milestones that get a sentence of their own; all stand in the table.
const SENTENCES_MAX: usize = 3;

pub fn report(answers: &Answers, footer: Footer) -> Report {
    let week = answers.what.week();
    let risks = outlooks(&answers.now);
    let parts = vec![
        changed::part(answers),
        at_risk(answers, &risks),
        help::part(answers),
        achieved(answers),
        decisions::part(answers, &risks),
    ];
    Report {
        report: Kind::Weekly,
        title: format!("Weekly report, week {}", week.number()),
        period: period(answers),
        example: None,
        team: answers.what.team.clone(),
        in_short: in_short(&parts, &risks),
        parts,
        detail: Vec::new(),
        footer,
    }
}

/// The week, and the moment where that is another than the week's end.
fn period(answers: &Answers) -> String {
    let (week, as_of) = (answers.what.week(), answers.what.as_of);
    if as_of == week.end() {
        week.days()
    } else {
        let at = as_of.format("%H:%M UTC");
        format!("{}, as of {} at {at}", week.days(), words::day_and_year(as_of.date_naive()))
    }
}

/// One line a part, for who reads no further.
fn in_short(parts: &[Part], risks: &[Outlook<'_>]) -> Vec<String> {
    let mut lines = Vec::new();
    for part in parts {
        let n = part.items.len();
        match part.id {
            "changed" if n == 0 => lines.push("Nothing changed beyond the usual ups and downs.".to_owned()),
            "changed" => {
                let teams = list(&changed::teams(&part.items));
                let figures = capital_count(n, "weekly figure", "weekly figures");
                let are = if n == 1 { "is" } else { "are" };
                lines.push(format!("{figures} in {teams} {are} out of the ordinary."));
            }
            "at_risk" => lines.push(risk_line(risks)),
            "help" if n > 0 => {
                lines.push(format!("{} could use help.", list(&changed::teams(&part.items))));
            }
            "achieved" => {
                let closed = part.items.iter().filter(|item| item.metric == "achievements").count();
                if closed > 0 {
                    let what = capital_count(closed, "goal or milestone was", "goals and milestones were");
                    lines.push(format!("{what} closed."));
                }
            }
            "decisions" if n > 0 => lines.push(decisions_line(n)),
            _ => {}
        }
    }
    lines
}

fn at_risk(answers: &Answers, risks: &[Outlook<'_>]) -> Part {
    let now = answers.what.as_of.date_naive();
    let risky: Vec<&Outlook<'_>> = risks.iter().filter(|outlook| outlook.is_at_risk()).collect();
    let mut part = Part::new("at_risk", "What is at risk");
    if risky.is_empty() {
        part.note = Some("No open milestone is at risk of missing its date.".to_owned());
        return part;
    }
    part.items = risky.iter().take(SENTENCES_MAX).map(|outlook| outlook.item(&answers.now, now)).collect();
    part.figures = figure::lateness(&risky).into_iter().collect();
    let columns = [
        Column::text("Milestone"),
        Column::text("Date"),
        Column::text("Likely done by"),
        Column::number("Days late"),
        Column::number("Chance of meeting it"),
        Column::number("Tickets left"),
    ];
    let mut grid = Grid::new("All milestones at risk", columns);
    for outlook in &risky {
        let late = outlook.late_days().map_or_else(|| NOTHING.to_owned(), |late| late.to_string());
        let endless = outlook.p85().is_none() && outlook.p50().is_some();
        let likely = if endless { "no end in sight".to_owned() } else { short(outlook.p85(), now) };
        grid.rows.push(vec![
            Cell::urgent(outlook.title.clone(), outlook.urgency()),
            short(outlook.due(), now).into(),
            likely.into(),
            late.into(),
            outlook.chance().into(),
            outlook.plan.whole("remaining").unwrap_or(0).to_string().into(),
        ]);
    }
    grid.note = Some(
        "\"Likely\" means with a probability of 85%, by the pace of the work and by how past milestones went.".to_owned(),
    );
    part.tables.push(grid);
    part
}

fn achieved(answers: &Answers) -> Part {
    let now = answers.what.as_of.date_naive();
    let mut part = Part::new("achieved", "What was achieved");
    for row in answers.now.of("achievements") {
        let (Some(kind), Some(item), Some(on)) = (row.text("kind"), row.text("item"), row.date("closed_on"))
        else {
            continue;
        };
        let late =
            row.whole("days_late").map_or_else(String::new, |late| format!(", {}", against_date(late)));
        let left = match row.whole("open_tickets") {
            Some(left) if left > 0 => {
                format!("; {} still open", count(left, "ticket in it is", "tickets in it are"))
            }
            Some(_) | None => String::new(),
        };
        let name = words::title(row.text("title"), item);
        let sentence = format!("The {kind} \"{name}\" was closed on {}{late}{left}.", near(on, now));
        part.items.push(Item::new(Urgency::Good, sentence, "achievements", row));
    }
    if part.items.is_empty() {
        part.note = Some("No goal or milestone was closed in these seven days.".to_owned());
    }
    part.items.extend(finished(answers));
    part
}

/// Tickets by team, teams by name.
fn finished(answers: &Answers) -> Option<Item> {
    let week = answers.what.week();
    let label = week.label();
    let rows = answers.now.of("throughput").iter().filter(|row| row.text("week") == Some(&label));
    let mut told = Vec::new();
    let mut all = serde_json::Map::new();
    for row in rows {
        let (Some(team), Some(done)) = (row.text("team"), row.whole("done")) else { continue };
        all.insert(team.to_owned(), done.into());
        if done > 0 {
            told.push(format!("{} {done}", words::team(team)));
        }
    }
    if told.is_empty() {
        return None;
    }
    let teams = list(&told);
    let sentence = format!("Tickets finished in week {}: {teams}.", week.number());
    Some(Item::new(Urgency::Plain, sentence, "throughput", &Row(all)))
}
