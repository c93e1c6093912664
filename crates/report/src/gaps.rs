//! Goals and milestones that nobody answers for.

use super::facts::Row;
use super::grid::Urgency;
use super::part::Item;
use super::words::title;

/// A goal or a milestone without one owner and a date.
pub fn gap(row: &Row) -> Option<Item> {
    let (kind, lacks) = (row.text("kind")?, row.text("lacks")?);
    let name = title(row.text("title"), row.text("item")?);
    let (sentence, proposal) = match lacks {
        "an owner" => (format!("The {kind} \"{name}\" has no owner."), "Name one person who answers for it."),
        "a date" => (format!("The {kind} \"{name}\" has no date."), "Set a date, or take it off the plan."),
        "an owner and a date" => (
            format!("The {kind} \"{name}\" has neither an owner nor a date."),
            "Name one person and a date, or take it off the plan.",
        ),
        _ => (
            format!("The {kind} \"{name}\" has {} owners.", row.whole("owners").unwrap_or(0)),
            "Agree on one person who answers for it, and on its date.",
        ),
    };
    let item = Item::new(Urgency::Watch, sentence, "ownership_gaps", row);
    Some(Item { proposal: Some(proposal.to_owned()), ..item })
}
