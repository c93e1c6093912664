//! How far each milestone's forecast moved since the last review, and by what.
//!
//! The day with an even chance is compared. Its causes are the differences of what `milestone_forecast` splits the drift into
//! at both moments. They are told only where they add up to the move, which a new baseline breaks, and where the
//! date stood still: a moved date is a new plan, against which scope and pace count from zero.

use chrono::NaiveDate;

use crate::answers::Answers;
use crate::facts::Row;
use crate::grid::{Cell, Column, Grid, Urgency};
use crate::part::{Item, Part};
use crate::risk::Outlook;
use crate::words::{NOTHING, capital, days, list, near, short};

/// Milestones that get a sentence; all stand in the table.
const SENTENCES_MAX: usize = 5;
/// Column, and its cause as the end of a sentence, for later and for earlier.
const CAUSES: [(&str, &str, &str); 4] = [
    ("drift_by_date", "because of a later date", "because of an earlier date"),
    ("drift_by_scope", "because of more scope", "because of less scope"),
    ("drift_by_estimate", "because of larger estimates", "because of smaller estimates"),
    ("drift_by_throughput", "because of slower work than planned", "because of faster work than planned"),
];

struct Move<'o, 'f> {
    outlook: &'o Outlook<'f>,
    before: NaiveDate,
    after: NaiveDate,
    causes: Option<Causes>,
}

enum Causes {
    /// As in [`CAUSES`].
    Split([i64; 4]),
    /// The date was moved by so many days; what is left is not split.
    Moved(i64),
}

impl Move<'_, '_> {
    fn days(&self) -> i64 {
        (self.after - self.before).num_days()
    }
}

pub fn part(answers: &Answers, risks: &[Outlook<'_>]) -> Part {
    let now = answers.what.as_of.date_naive();
    let since = near(answers.what.from().date_naive(), now);
    let mut part = Part::new("drift", "Drift since the last review");
    let mut moves: Vec<Move<'_, '_>> = risks.iter().filter_map(|outlook| moved(answers, outlook)).collect();
    moves.sort_by_key(|moved| (-moved.days().abs(), moved.outlook.id));
    let is_new = |outlook: &&Outlook<'_>| answers.before.find("roadmap", "milestone", outlook.id).is_none();
    let new: Vec<String> = risks.iter().filter(is_new).map(|outlook| outlook.title.clone()).collect();
    if moves.is_empty() {
        part.note = Some(format!("No open milestone has a forecast for both {since} and now."));
        return part;
    }
    part.items = moves
        .iter()
        .filter(|moved| moved.days() != 0)
        .take(SENTENCES_MAX)
        .map(|moved| item(moved, now))
        .collect();
    if part.items.is_empty() {
        part.note = Some(format!("No forecast has moved since {since}."));
    }
    part.tables.push(grid(&moves, now, &since, &new));
    part
}

fn moved<'o, 'f>(answers: &Answers, outlook: &'o Outlook<'f>) -> Option<Move<'o, 'f>> {
    let old = answers.before.find("milestone_forecast", "milestone", outlook.id)?;
    let (before, after) = (old.date("p50_on")?, outlook.p50()?);
    let split = |row: &Row| -> Option<[i64; 4]> {
        let mut parts = [0; 4];
        for (part, (column, ..)) in parts.iter_mut().zip(CAUSES) {
            *part = row.whole(column)?;
        }
        Some(parts)
    };
    let difference = |(old, new): ([i64; 4], [i64; 4])| std::array::from_fn(|n| new[n] - old[n]);
    let causes = match old.date("due_on").zip(outlook.due()) {
        Some((was, is)) if was != is => Some(Causes::Moved((is - was).num_days())),
        _ => {
            let parts: Option<[i64; 4]> = split(old).zip(outlook.forecast.and_then(split)).map(difference);
            parts.filter(|parts| parts.iter().sum::<i64>() == (after - before).num_days()).map(Causes::Split)
        }
    };
    Some(Move { outlook, before, after, causes })
}

fn item(moved: &Move<'_, '_>, now: NaiveDate) -> Item {
    let (title, n) = (&moved.outlook.title, days(moved.days().abs()));
    let way = match moved.days() {
        1.. => format!("{title} slipped by {n}"),
        _ => format!("{title} moved {n} closer"),
    };
    let (after, before) = (near(moved.after, now), near(moved.before, now));
    let sentence = format!("{way}, from {before} to {after} (even chance).");
    let urgency = if moved.days() > 0 { Urgency::Watch } else { Urgency::Good };
    let row = moved.outlook.forecast.cloned().unwrap_or_default();
    Item {
        because: moved.causes.as_ref().map(|causes| because(causes, moved.days())),
        ..Item::new(urgency, sentence, "milestone_forecast", &row)
    }
}

fn because(causes: &Causes, moved: i64) -> String {
    let parts = match causes {
        Causes::Split(parts) => parts,
        Causes::Moved(date) => {
            let way = if *date > 0 { "later" } else { "earlier" };
            let rest = moved - date;
            let rest = match rest {
                0 => "the forecast moved as far".to_owned(),
                1.. => format!("scope and pace add {} to that", days(rest)),
                _ => format!("scope and pace take {} off that", days(-rest)),
            };
            return format!("Its date was moved {} {way}; {rest}.", days(date.abs()));
        }
    };
    let told: Vec<String> = parts
        .iter()
        .zip(CAUSES)
        .filter(|(n, _)| **n != 0)
        .map(|(n, (_, later, earlier))| match n {
            1.. => format!("{} later {later}", days(*n)),
            _ => format!("{} earlier {earlier}", days(-n)),
        })
        .collect();
    format!("{}.", capital(&list(&told)))
}

fn grid(moves: &[Move<'_, '_>], now: NaiveDate, since: &str, new: &[String]) -> Grid {
    let columns = ["Milestone", "Even chance then", "Now"].map(Column::text).into_iter();
    let columns = columns.chain(["Days moved", "Date", "Scope", "Estimates", "Pace"].map(Column::number));
    let mut grid = Grid::new(format!("Since {since}, in days"), columns);
    for moved in moves {
        let signed = |n: i64| if n > 0 { format!("+{n}") } else { n.to_string() };
        let mut row = vec![
            Cell::from(moved.outlook.title.clone()),
            short(Some(moved.before), now).into(),
            short(Some(moved.after), now).into(),
            signed(moved.days()).into(),
        ];
        row.extend((0..4).map(|n| match (&moved.causes, n) {
            (Some(Causes::Split(parts)), n) => Cell::from(signed(parts[n])),
            (Some(Causes::Moved(date)), 0) => Cell::from(signed(*date)),
            (Some(Causes::Moved(_)) | None, _) => Cell::from(NOTHING),
        }));
        grid.rows.push(row);
    }
    let new = if new.is_empty() { String::new() } else { format!(" New since then: {}.", list(new)) };
    grid.note = Some(format!(
        "Plus means later. Where all four causes are known, they add up to the days moved; where a date was moved, the rest is not split.{new}"
    ));
    grid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_said() {
        for (causes, moved, expect) in [
            (
                Causes::Split([0, 9, 0, -2]),
                7,
                "9 days later because of more scope and 2 days earlier because of faster work than planned.",
            ),
            (Causes::Moved(56), 148, "Its date was moved 56 days later; scope and pace add 92 days to that."),
            (Causes::Moved(-7), -8, "Its date was moved 7 days earlier; scope and pace take 1 day off that."),
        ] {
            assert_eq!(because(&causes, moved), expect);
        }
    }
}
