//! The roadmap review: each goal's milestones, how far they drifted since the last review and why, what is risky, and what
//! would be otherwise if.

mod drift;
mod scenarios;

use std::collections::BTreeMap;

use super::answers::Answers;
use super::facts::Row;
use super::figure;
use super::footer::Footer;
use super::gaps::gap;
use super::grid::{Cell, Column, Grid, Urgency};
use super::part::{Item, Part};
use super::period::period;
use super::question::Kind;
use super::report::Report;
use super::risk::{Outlook, outlooks};
use super::summary::{decisions_line, risk_line};
use super::words::{self, NOTHING, capital_count, count, number, percent, short, team};

pub fn report(answers: &Answers, footer: Footer) -> Report {
    let what = &answers.what;
    let mut risks = outlooks(&answers.now);
    let mut parts = vec![plan(answers, &risks), drift::part(answers, &risks), matrix(&risks)];
    parts.extend(scenarios::part(answers, &risks));
    parts.extend([scope(answers), capacity(answers), gaps(answers), decisions(answers, &risks)]);
    risks.retain(|outlook| outlook.due().is_some());
    Report {
        report: Kind::Roadmap,
        title: format!("Roadmap review, {}", words::day_and_year(answers.what.as_of.date_naive())),
        period: format!("What changed from {}", period(what.from(), what.as_of)),
        example: None,
        team: what.team.clone(),
        in_short: in_short(&parts, &risks),
        parts,
        detail: Vec::new(),
        footer,
    }
}

fn in_short(parts: &[Part], risks: &[Outlook<'_>]) -> Vec<String> {
    let mut lines = vec![risk_line(risks)];
    for part in parts {
        let n = part.items.len();
        match part.id {
            "drift" if n > 0 => lines.extend(
                part.items
                    .first()
                    .map(|item| format!("The largest move since the last review: {}", item.sentence)),
            ),
            "gaps" if n > 0 => lines.push(format!(
                "{} a single owner or a date.",
                capital_count(n, "goal or milestone lacks", "goals or milestones lack")
            )),
            "decisions" if n > 0 => lines.push(decisions_line(n)),
            _ => {}
        }
    }
    lines
}

/// Milestones by goal; those that serve none come last.
fn plan(answers: &Answers, risks: &[Outlook<'_>]) -> Part {
    let now = answers.what.as_of.date_naive();
    let mut part = Part::new("plan", "Milestones by goal");
    if risks.is_empty() {
        part.note = Some("No milestone is open.".to_owned());
        return part;
    }
    let mut by_goal: BTreeMap<(bool, String), Vec<&Outlook<'_>>> = BTreeMap::new();
    for outlook in risks {
        let goal = outlook.plan.text("goal");
        let name = goal.map_or_else(
            || "Without a goal".to_owned(),
            |id| words::title(outlook.plan.text("goal_title"), id),
        );
        by_goal.entry((goal.is_none(), name)).or_default().push(outlook);
    }
    let columns = || {
        let texts = ["Milestone", "First date", "Date", "Even chance", "Likely"].map(Column::text);
        texts.into_iter().chain(["Chance of meeting it", "Done"].map(Column::number))
    };
    for ((_, goal), mut outlooks) in by_goal {
        outlooks.sort_by_key(|outlook| (outlook.due(), outlook.id));
        let mut grid = Grid::new(goal, columns());
        for outlook in outlooks {
            let done = outlook.plan.number("done_share").map_or_else(|| NOTHING.to_owned(), percent);
            grid.rows.push(vec![
                Cell::urgent(outlook.title.clone(), outlook.urgency()),
                short(outlook.plan.date("baseline_on"), now).into(),
                short(outlook.due(), now).into(),
                short(outlook.p50(), now).into(),
                short(outlook.p85(), now).into(),
                outlook.chance().into(),
                done.into(),
            ]);
        }
        part.tables.push(grid);
    }
    part.note = Some(
        "\"Even chance\" and \"likely\" are the days by which a milestone is done with a probability of 50% and of 85%; a dash means that the day is never reached, or not known.".to_owned(),
    );
    part
}

/// Five by five: how likely the date is missed, and by how much.
fn matrix(risks: &[Outlook<'_>]) -> Part {
    const CHANCES: [&str; 5] = [
        "Very unlikely (up to 10%)",
        "Unlikely (up to 30%)",
        "As likely as not (up to 50%)",
        "Probable (up to 70%)",
        "Very likely",
    ];
    const COLUMNS: [&str; 6] =
        ["Chance of a miss", "on time", "up to 5 days", "up to 10 days", "up to 20 days", "more"];
    let mut part = Part::new("matrix", "Risk matrix");
    let mut grid =
        Grid::new("How likely the date is missed, and by how many working days", COLUMNS.map(Column::text));
    let at = |likelihood: i64, impact: i64| -> Vec<String> {
        let there = risks.iter().filter(|outlook| {
            let of = |column| outlook.risk.and_then(|row| row.whole(column));
            of("likelihood") == Some(likelihood) && of("impact") == Some(impact)
        });
        there.map(|outlook| outlook.title.clone()).collect()
    };
    for likelihood in (1..=5).rev() {
        let mut row = vec![Cell::from(CHANCES[(likelihood - 1) as usize])];
        for impact in 1..=5 {
            let urgency = match likelihood * impact {
                15.. => Urgency::Act,
                8.. => Urgency::Watch,
                _ => Urgency::Good,
            };
            row.push(Cell::urgent(at(likelihood, impact).join(", "), urgency));
        }
        grid.rows.push(row);
    }
    grid.note = Some("A milestone that others wait for is one column further to the right.".to_owned());
    part.tables.push(grid);
    let unknown =
        risks.iter().filter(|outlook| outlook.risk.and_then(|row| row.whole("risk")).is_none()).count();
    if unknown > 0 {
        part.note = Some(format!(
            "{} not in it, for lack of a date or of history.",
            capital_count(unknown, "milestone is", "milestones are")
        ));
    }
    let risky: Vec<&Outlook<'_>> = risks.iter().filter(|outlook| outlook.is_at_risk()).collect();
    part.figures = figure::lateness(&risky).into_iter().collect();
    part
}

/// Tickets that came and went, by milestone.
fn scope(answers: &Answers) -> Part {
    let mut part = Part::new("scope", "Scope changes since the last review");
    let from = answers.what.from();
    let mut by_milestone: BTreeMap<&str, BTreeMap<&str, i64>> = BTreeMap::new();
    for row in answers.now.of("milestone_ledger") {
        let at = row.text("at").and_then(|at| surface::moment::parse(at).ok());
        let (Some(milestone), Some(what), Some(at)) = (row.text("milestone"), row.text("what"), at) else {
            continue;
        };
        if at > from && matches!(what, "added" | "removed" | "re-estimated") {
            *by_milestone.entry(milestone).or_default().entry(what).or_default() += 1;
        }
    }
    let mut grid = Grid::new(
        "",
        [
            Column::text("Milestone"),
            Column::number("Tickets added"),
            Column::number("Removed"),
            Column::number("Re-estimated"),
            Column::number("Tickets now"),
        ],
    );
    for (id, changes) in &by_milestone {
        let Some(plan) = answers.now.find("roadmap", "milestone", id) else { continue };
        let of = |what| changes.get(what).copied().unwrap_or(0);
        grid.rows.push(vec![
            words::title(plan.text("title"), id).into(),
            of("added").to_string().into(),
            of("removed").to_string().into(),
            of("re-estimated").to_string().into(),
            plan.whole("scope").unwrap_or(0).to_string().into(),
        ]);
    }
    if grid.rows.is_empty() {
        part.note = Some("No ticket of an open milestone was added, removed or re-estimated.".to_owned());
    } else {
        part.tables.push(grid);
    }
    part
}

/// What can be done by each date against what is due, and what teams hold against what they finish.
fn capacity(answers: &Answers) -> Part {
    let now = answers.what.as_of.date_naive();
    let mut part = Part::new("capacity", "Capacity against commitment");
    let mut grid = Grid::new(
        "By milestone: everything that its project has due by its date",
        [
            Column::text("Milestone"),
            Column::text("Date"),
            Column::number("Tickets left"),
            Column::number("Usually done by then"),
            Column::number("Done a week"),
        ],
    );
    for row in answers.now.of("roadmap_capacity") {
        let (Some(left), Some(id)) = (row.whole("remaining"), row.text("milestone")) else { continue };
        let usual = row.number("capacity");
        let over = usual.is_some_and(|usual| left as f64 > usual);
        let name = words::title(row.text("title"), id);
        grid.rows.push(vec![
            if over { Cell::urgent(name, Urgency::Act) } else { Cell::from(name) },
            short(row.date("due_on"), now).into(),
            left.to_string().into(),
            usual.map_or_else(|| NOTHING.to_owned(), number).into(),
            row.whole("done_per_week").unwrap_or(0).to_string().into(),
        ]);
    }
    if !grid.rows.is_empty() {
        part.tables.push(grid);
    }
    let teams: Vec<&Row> =
        answers.now.of("team_commitment").iter().filter(|row| row.number("points_due").is_some()).collect();
    let horizon = teams.iter().find_map(|row| row.whole("horizon_days"));
    if let Some(horizon) = horizon {
        let title =
            format!("By team: what is assigned to its people and due in {}", count(horizon, "day", "days"));
        let mut grid = Grid::new(
            title,
            [
                Column::text("Team"),
                Column::number("Points due"),
                Column::number("Usually finished"),
                Column::number("Present"),
            ],
        );
        for row in teams {
            let name = row.text("team").map(team).unwrap_or_default();
            let said = |column| row.number(column).map_or_else(|| NOTHING.to_owned(), number);
            grid.rows.push(vec![
                if row.is("over") { Cell::urgent(name, Urgency::Act) } else { Cell::from(name) },
                said("points_due").into(),
                said("points_capacity").into(),
                row.number("presence").map_or_else(|| NOTHING.to_owned(), percent).into(),
            ]);
        }
        part.tables.push(grid);
    }
    if part.tables.is_empty() {
        part.note = Some("No open milestone has a date.".to_owned());
    }
    part
}

fn gaps(answers: &Answers) -> Part {
    let mut part = Part::new("gaps", "Without one owner and a date");
    part.items = answers.now.of("ownership_gaps").iter().filter_map(gap).collect();
    if part.items.is_empty() {
        part.note = Some("Every open goal and milestone has one owner and a date.".to_owned());
    }
    part
}

fn decisions(answers: &Answers, risks: &[Outlook<'_>]) -> Part {
    let now = answers.what.as_of.date_naive();
    let mut part = Part::new("decisions", "Decisions to take");
    let decision = |outlook: &Outlook<'_>| {
        Some(Item { because: outlook.because(&answers.now), ..outlook.decision(now)? })
    };
    part.items = risks.iter().filter_map(decision).collect();
    if part.items.is_empty() {
        part.note = Some("No milestone needs a decision.".to_owned());
    }
    part
}
