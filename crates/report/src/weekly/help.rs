//! Who needs help: teams whose reviews, work or plans are more than they carry.
//!
//! Invariant: a team over fewer people than may be shown has no numbers here, and so no sentence.

use crate::answers::Answers;
use crate::facts::Row;
use crate::grid::Urgency;
use crate::part::{Item, Part};
use crate::words::{count, number, percent, team};

/// A lead with fewer critical tickets than this is no pattern.
pub const CRITICAL_MIN: i64 = 3;

pub fn part(answers: &Answers) -> Part {
    let mut part = Part::new("help", "Who needs help");
    let of = |metric, make: fn(&Row) -> Option<Item>| answers.now.of(metric).iter().filter_map(make);
    part.items = of("review_load", reviews)
        .chain(of("delegation_balance", balance))
        .chain(of("team_commitment", commitment))
        .collect();
    part.items.sort_by(|a, b| name(a).cmp(name(b)));
    if part.items.is_empty() {
        part.note = Some(
            "No team has overloaded reviewers, depends on too few people, or has more due than it usually finishes.".to_owned(),
        );
    }
    part
}

fn name(item: &Item) -> &str {
    item.row.get("team").and_then(|team| team.as_str()).unwrap_or_default()
}

fn item(metric: &'static str, row: &Row, sentence: String, because: Option<String>) -> Option<Item> {
    Some(Item { because, ..Item::new(Urgency::Act, sentence, metric, row) })
}

fn reviews(row: &Row) -> Option<Item> {
    let overloaded = row.whole("overloaded_reviewers").filter(|n| *n > 0)?;
    let (open, reviewers) = (row.whole("open_reviews")?, row.whole("reviewers")?);
    let most = match row.number("top_share") {
        Some(share) if share >= 1.0 => ", all with one person".to_owned(),
        Some(share) if share > 0.4 => format!(", {} of them with one person", percent(share)),
        Some(_) | None => String::new(),
    };
    let sentence = format!(
        "{} has {} waiting{most}; {overloaded} of its {} {} overloaded.",
        team(row.text("team")?),
        count(open, "review", "reviews"),
        count(reviewers, "reviewer", "reviewers"),
        if overloaded == 1 { "is" } else { "are" },
    );
    item("review_load", row, sentence, None)
}

fn balance(row: &Row) -> Option<Item> {
    let (people, open) = (row.whole("people")?, row.number("open_tickets")?);
    let team = team(row.text("team")?);
    let critical = row.whole("critical_tickets").unwrap_or(0);
    let kept = row
        .number("lead_critical_share")
        .filter(|_| row.is("lead_keeps_too_much") && critical >= CRITICAL_MIN);
    let kept = kept.map(|share| match share {
        share if share >= 1.0 => format!("all {critical} critical tickets are with its lead"),
        share => format!("{} of its {critical} critical tickets are with its lead", percent(share)),
    });
    let few = row.number("effective_owners").filter(|_| row.is("concentrated")).map(|owners| {
        let (owners, open) = (number(owners), number(open));
        let hold = if owners == "1" { "holds" } else { "hold" };
        let tickets = if open == "1" { "ticket" } else { "tickets" };
        format!("effectively {owners} of its {people} people {hold} its {open} open {tickets}")
    });
    let told: Vec<String> = few.into_iter().chain(kept).collect();
    if told.is_empty() {
        return None;
    }
    item(
        "delegation_balance",
        row,
        format!("{team} depends on too few people: {}.", told.join(", and ")),
        None,
    )
}

fn commitment(row: &Row) -> Option<Item> {
    if !row.is("over") {
        return None;
    }
    let (due, capacity) = (row.number("points_due")?, row.number("points_capacity")?);
    let days = row.whole("horizon_days")?;
    let sentence = format!(
        "{} has {} points due in the next {} and usually finishes {} in that time.",
        team(row.text("team")?),
        number(due),
        count(days, "day", "days"),
        number(capacity),
    );
    let because = row
        .number("presence")
        .filter(|presence| *presence < 0.9)
        .map(|presence| format!("Its people are present for {} of that time.", percent(presence)));
    item("team_commitment", row, sentence, because)
}
