//! What if: each scenario's milestones next to what is expected as things stand.

use crate::answers::Answers;
use crate::grid::{Column, Grid};
use crate::part::Part;
use crate::risk::{Outlook, outlooks};
use crate::words::near;

/// Nothing where nobody asked what if.
pub fn part(answers: &Answers, risks: &[Outlook<'_>]) -> Option<Part> {
    if answers.scenarios.is_empty() {
        return None;
    }
    let now = answers.what.as_of.date_naive();
    let names = answers.scenarios.iter().map(|(name, _)| name.as_str());
    let columns = ["Milestone", "As things stand"].into_iter().chain(names).map(Column::text);
    let mut grid = Grid::new("Likely (85%) done by, and the chance of meeting the date", columns);
    let would: Vec<Vec<Outlook<'_>>> = answers.scenarios.iter().map(|(_, facts)| outlooks(facts)).collect();
    let said = |outlook: Option<&Outlook<'_>>| {
        outlook.map_or_else(
            || "not open".to_owned(),
            |outlook| {
                let by = outlook.p85().map_or_else(|| "not likely".to_owned(), |on| near(on, now));
                format!("{by} ({})", outlook.chance())
            },
        )
    };
    let mut all: Vec<(&str, &str)> =
        risks.iter().map(|outlook| (outlook.id, outlook.title.as_str())).collect();
    for outlook in would.iter().flatten() {
        if !all.iter().any(|(id, _)| *id == outlook.id) {
            all.push((outlook.id, &outlook.title)); // only there if
        }
    }
    for (id, title) in all {
        let of = |outlooks: &[Outlook<'_>]| said(outlooks.iter().find(|outlook| outlook.id == id));
        let mut row = vec![title.into(), of(risks).into()];
        row.extend(would.iter().map(|outlooks| of(outlooks).into()));
        grid.rows.push(row);
    }
    let mut part = Part::new("scenarios", "What if");
    part.note = Some("The same simulation with events that did not happen; none of it is stored.".to_owned());
    part.tables.push(grid);
    Some(part)
}
