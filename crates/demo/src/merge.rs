//! Merging a change: when it may be, and what follows from it.

use super::commits;
use super::people::{PEOPLE, PersonId};
use super::story;
use super::world::{Author, ChangeId, Status, World};
use serde_json::json;

/// Approved, nothing left to answer, and signed off where that is the rule.
pub fn may_merge(world: &World, id: ChangeId) -> bool {
    let change = &world.changes[id];
    let signed_off = story::sign_off(change.service, world.ago())
        .is_none_or(|signer| change.author == Author::Person(signer) || change.approvals.contains(&signer));
    !change.draft
        && !change.abandoned
        && !change.approvals.is_empty()
        && change.feedback.is_empty()
        && signed_off
}

/// Merges with a merge commit; the last change of a ticket closes the ticket.
pub fn merge(world: &mut World, id: ChangeId, by: PersonId) {
    let change = &mut world.changes[id];
    change.open = false;
    change.requests.clear();
    let (head, ticket, author) = (change.head.clone(), change.ticket, change.author);
    world.open_changes.retain(|&open| open != id);
    world.emit_change("change.merged", id, json!({ "merged_by": PEOPLE[by].login, "head": head }));
    commits::announce_merge(world, id, by);

    let Some(ticket) = ticket else { return };
    world.tickets[ticket].change = None;
    world.tickets[ticket].changes_left -= 1;
    if world.tickets[ticket].changes_left == 0 {
        world.edit_ticket(ticket, |ticket| ticket.status = Status::Done);
    } else if author == Author::Person(by) {
        world.edit_ticket(ticket, |ticket| ticket.status = Status::InProgress);
    }
}
