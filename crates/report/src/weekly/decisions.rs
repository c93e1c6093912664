//! What somebody has to decide, each with a proposal.

use crate::answers::Answers;
use crate::facts::Row;
use crate::gaps::gap;
use crate::grid::Urgency;
use crate::part::{Item, Part};
use crate::risk::Outlook;
use crate::words::{count, team};

use super::help::CRITICAL_MIN;

/// Decisions of one sort that are listed; a list that nobody reads decides nothing.
const EACH_MAX: usize = 6;

pub fn part(answers: &Answers, risks: &[Outlook<'_>]) -> Part {
    let mut part = Part::new("decisions", "Decisions to take");
    let now = answers.what.as_of.date_naive();
    let facts = &answers.now;
    let milestones: Vec<Item> = risks.iter().filter_map(|outlook| outlook.decision(now)).collect();
    let gaps: Vec<Item> = facts.of("ownership_gaps").iter().filter_map(gap).collect();
    let teams: Vec<Item> = facts
        .of("review_load")
        .iter()
        .filter_map(reviews)
        .chain(facts.of("delegation_balance").iter().filter_map(balance))
        .chain(facts.of("team_commitment").iter().filter_map(commitment))
        .collect();
    let mut left_out = 0;
    for sort in [milestones, teams, gaps] {
        left_out += sort.len().saturating_sub(EACH_MAX);
        part.items.extend(sort.into_iter().take(EACH_MAX));
    }
    part.note = match (part.items.len(), left_out) {
        (0, _) => Some("Nothing needs a decision.".to_owned()),
        (_, 0) => None,
        (_, n) => Some(format!("These are the most pressing; the roadmap review has {n} more.")),
    };
    part
}

fn reviews(row: &Row) -> Option<Item> {
    let overloaded = row.whole("overloaded_reviewers").filter(|n| *n > 0)?;
    let (open, name) = (row.whole("open_reviews")?, team(row.text("team")?));
    let who = count(overloaded, "reviewer", "reviewers");
    let sentence = format!("{name} has {who} with more reviews than one person can do.");
    let proposal = format!(
        "Redistribute the {}, and let a second person approve what now waits for one.",
        count(open, "waiting review", "waiting reviews")
    );
    Some(Item { proposal: Some(proposal), ..Item::new(Urgency::Act, sentence, "review_load", row) })
}

fn balance(row: &Row) -> Option<Item> {
    let critical =
        row.whole("critical_tickets").filter(|n| *n >= CRITICAL_MIN && row.is("lead_keeps_too_much"))?;
    let sentence = format!("{}'s lead keeps too much of the critical work.", team(row.text("team")?));
    let proposal = format!(
        "Hand over some of the {critical} critical tickets; the metric \"reallocation\" suggests who has time and knows the area."
    );
    Some(Item { proposal: Some(proposal), ..Item::new(Urgency::Act, sentence, "delegation_balance", row) })
}

fn commitment(row: &Row) -> Option<Item> {
    if !row.is("over") {
        return None;
    }
    let (due, capacity) = (row.number("points_due")?, row.number("points_capacity")?);
    let sentence = format!("{} has more due than it usually finishes.", team(row.text("team")?));
    let proposal = format!(
        "Postpone about {} of work or move it to another team, or agree on later dates.",
        count((due - capacity).ceil() as i64, "point", "points")
    );
    Some(Item { proposal: Some(proposal), ..Item::new(Urgency::Act, sentence, "team_commitment", row) })
}
