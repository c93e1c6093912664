//! An hour of somebody's work: one thing, the most pressing first.
//!
//! Writing: take a ticket, write for some hours, push commits, open a change, answer the review,
//! merge, close the ticket. Reading other people's changes is in `review.rs`.

use super::commits;
use super::merge::{may_merge, merge};
use super::people::{PEOPLE, PersonId, TeamId};
use super::review;
use super::services::{LIBRARIES, SERVICES, ServiceId};
use super::story;
use super::world::{Author, Change, ChangeId, Reviewer, Status, Ticket, TicketId, World};
use chrono::Duration;
use serde_json::json;
use std::collections::BTreeSet;

/// Nobody starts new work with this many changes of their own open.
const OPEN_CHANGES_MAX: usize = 3;
/// A reviewer is reminded after this long.
const REMIND_AFTER_HOURS: i64 = 72;
/// The bot gives up a dependency change that nobody wanted.
const BOT_CLOSES_AFTER_DAYS: i64 = 25;

pub fn hour(world: &mut World, who: PersonId) {
    let _ = answer_review(world, who)
        || merge_approved(world, who)
        || chase(world, who)
        || review::review_one(world, who)
        || write(world, who)
        || take_ticket(world, who);
}

/// The bot's round, before anybody is at work: one dependency change, and old ones closed.
pub fn bot_round(world: &mut World) {
    for id in world.open_changes.clone() {
        let change = &world.changes[id];
        let age = world.clock() - change.opened_at;
        if change.author == Author::Bot && age > Duration::days(BOT_CLOSES_AFTER_DAYS) {
            close(world, id);
        }
    }
    if world.dice.chance(0.5) {
        let service = world.dice.index(SERVICES.len());
        let (library, patch) = (world.dice.pick(&LIBRARIES), world.dice.between(1..=19));
        let minor = (540 - world.ago().min(540)) / 60;
        let title = format!("Update {library} to 2.{minor}.{patch}");
        let id = register(world, service, Author::Bot, None, title, vec!["dependencies"]);
        let commit = commits::write(world, id);
        world.emit_change("change.opened", id, world.change_fields(id));
        commits::announce(world, id, commit);
        review::ask_reviewers(world, id);
    }
}

/// Pushes what a reviewer asked for and asks again; a mere remark may only be replied to.
fn answer_review(world: &mut World, who: PersonId) -> bool {
    let waiting = |change: &Change| change.author == Author::Person(who) && !change.feedback.is_empty();
    let Some(id) = world.open_changes.iter().copied().find(|&id| waiting(&world.changes[id])) else {
        return false;
    };
    if !world.dice.chance(0.4) {
        return false;
    }
    let feedback = std::mem::take(&mut world.changes[id].feedback);
    if world.dice.chance(0.4) {
        let reviewer = PEOPLE[feedback[0].0].login;
        world.emit_change("review.commented", id, json!({ "reviewer": reviewer, "by": PEOPLE[who].login }));
    }
    if feedback.iter().any(|&(_, asks)| asks) || world.dice.chance(0.4) {
        if world.dice.chance(0.06) && !world.changes[id].draft {
            world.changes[id].draft = true;
            world.emit_change("change.drafted", id, json!({ "draft": true }));
        }
        let commit = commits::write(world, id);
        commits::announce(world, id, commit);
        world.emit_change("change.updated", id, world.change_fields(id));
        dismiss_stale_approvals(world, id, who);
    }
    for (reviewer, _) in feedback {
        if world.is_present(reviewer) {
            review::ask(world, id, Reviewer::Person(reviewer));
        }
    }
    true
}

/// New commits sometimes void an approval; its giver is asked again.
fn dismiss_stale_approvals(world: &mut World, id: ChangeId, by: PersonId) {
    if world.changes[id].approvals.is_empty() || !world.dice.chance(0.4) {
        return;
    }
    for reviewer in std::mem::take(&mut world.changes[id].approvals) {
        let data = json!({ "reviewer": PEOPLE[reviewer].login, "by": PEOPLE[by].login });
        world.emit_change("review.dismissed", id, data);
        review::ask(world, id, Reviewer::Person(reviewer));
    }
}

fn merge_approved(world: &mut World, who: PersonId) -> bool {
    let mine = |id: &ChangeId| world.changes[*id].author == Author::Person(who) && may_merge(world, *id);
    let Some(id) = world.open_changes.iter().copied().find(mine) else { return false };
    if !world.dice.chance(0.5) {
        return false;
    }
    merge(world, id, who);
    true
}

/// Looks after one's own changes: drafts made ready, lost causes closed, reviewers reminded or
/// replaced.
fn chase(world: &mut World, who: PersonId) -> bool {
    if let Some(id) =
        world.second_thoughts.iter().copied().find(|&id| world.changes[id].author == Author::Person(who))
        && world.dice.chance(0.05)
    {
        return reopen(world, id);
    }
    for id in world.open_changes.clone() {
        let change = &world.changes[id];
        if change.author != Author::Person(who) {
            continue;
        }
        let age = world.clock() - change.opened_at;
        let quiet = world.clock() - change.nudged_at > Duration::hours(REMIND_AFTER_HOURS);
        let (draft, abandoned) = (change.draft, change.abandoned);
        if draft && world.dice.chance(0.1) {
            world.changes[id].draft = false;
            world.emit_change("change.ready", id, json!({ "draft": false }));
            if world.changes[id].requests.is_empty() {
                review::ask_reviewers(world, id);
            }
            return true;
        }
        if abandoned && age > Duration::days(4) && world.dice.chance(0.1) {
            close(world, id);
            return true;
        }
        if quiet && !draft && world.dice.chance(0.1) {
            world.changes[id].nudged_at = world.clock();
            return review::remind_or_replace(world, id);
        }
    }
    false
}

/// Closes a change unmerged; its ticket is open for another attempt.
fn close(world: &mut World, id: ChangeId) {
    world.changes[id].open = false;
    world.changes[id].requests.clear();
    world.open_changes.retain(|&open| open != id);
    if let Some(ticket) = world.changes[id].ticket {
        world.tickets[ticket].change = None;
        if world.dice.chance(0.3) {
            world.second_thoughts.push(id);
        }
    }
    world.emit_change("change.closed", id, json!({}));
}

fn reopen(world: &mut World, id: ChangeId) -> bool {
    world.second_thoughts.retain(|&other| other != id);
    let Some(ticket) = world.changes[id].ticket else { return false };
    if world.tickets[ticket].change.is_some() || world.tickets[ticket].status == Status::Done {
        return false;
    }
    world.tickets[ticket].change = Some(id);
    for desk in &mut world.desks {
        if desk.ticket == Some(ticket) {
            desk.ticket = None;
        }
    }
    let change = &mut world.changes[id];
    (change.open, change.abandoned) = (true, false);
    change.feedback.clear();
    change.approvals.clear();
    world.open_changes.push(id);
    world.emit_change("change.reopened", id, json!({}));
    review::ask_reviewers(world, id);
    true
}

/// An hour of writing; at the end of the estimate the change is opened.
fn write(world: &mut World, who: PersonId) -> bool {
    let Some(ticket) = world.desks[who].ticket else { return false };
    // Leads have other things to do for half of their time.
    if PEOPLE[who].lead && world.dice.chance(0.5) {
        return true;
    }
    world.desks[who].hours_left -= 1;
    if world.desks[who].hours_left <= 0 {
        world.desks[who].ticket = None;
        open_change(world, who, ticket);
    }
    true
}

fn open_change(world: &mut World, who: PersonId, ticket: TicketId) {
    let service = world.tickets[ticket].service.expect("work is about a service");
    let title = world.tickets[ticket].title.clone();
    let labels = world.tickets[ticket].labels.clone();
    let id = register(world, service, Author::Person(who), Some(ticket), title, labels);
    world.changes[id].draft = world.dice.chance(0.12);
    world.changes[id].abandoned = world.dice.chance(0.04);
    world.tickets[ticket].change = Some(id);

    // The code host knows the totals when it announces the change, so the commits are written first.
    let written: Vec<_> = (0..world.dice.pick(&[1, 1, 2, 2, 3])).map(|_| commits::write(world, id)).collect();
    world.emit_change("change.opened", id, world.change_fields(id));
    for commit in written {
        commits::announce(world, id, commit);
    }
    if world.tickets[ticket].status != Status::InReview {
        world.edit_ticket(ticket, |ticket| ticket.status = Status::InReview);
    }
    let trivial = world.changes[id].lines() < 30 && story::sign_off(service, world.ago()).is_none();
    if world.changes[id].draft {
        return;
    }
    if trivial && world.dice.chance(0.25) {
        merge(world, id, who);
    } else {
        review::ask_reviewers(world, id);
    }
}

/// Continues with one's own ticket, or takes the next one from the team.
fn take_ticket(world: &mut World, who: PersonId) -> bool {
    let mine = |id: &&ChangeId| world.changes[**id].author == Author::Person(who);
    if world.open_changes.iter().filter(mine).count() >= OPEN_CHANGES_MAX || !world.dice.chance(0.3) {
        return false;
    }
    let Some(team) = PEOPLE[who].team(world.ago()) else { return false };
    let candidates = world.open_tickets.iter().copied();
    let next =
        candidates.filter_map(|id| Some((preference(world, &world.tickets[id], who, team)?, id))).min();
    let Some((_, id)) = next else { return false };
    let points = world.tickets[id].points.unwrap_or(2);
    let percent = if story::is_steady(team) { 90..=110 } else { 60..=150 };
    world.desks[who].ticket = Some(id);
    world.desks[who].hours_left = (8 + points * 5) * world.dice.between(percent) / 100;
    let ticket = &world.tickets[id];
    if ticket.status != Status::InProgress || ticket.assignee != Some(who) {
        world.edit_ticket(id, |ticket| {
            ticket.assignee = Some(who);
            ticket.status = Status::InProgress;
        });
    }
    true
}

/// What comes first: own work begun, critical work given to me, the milestone due next, the rest.
/// `None` for what is not mine to take.
fn preference(world: &World, ticket: &Ticket, who: PersonId, team: TeamId) -> Option<(u8, i64)> {
    let mine = ticket.assignee == Some(who);
    let free = ticket.assignee.is_none() && ticket.team == team;
    if !ticket.is_work() || ticket.change.is_some() || !(mine || free) {
        return None;
    }
    let due = ticket.milestone.map(|id| &world.milestones[id]);
    let days = due.map_or(i64::MAX, |milestone| (milestone.due_on - world.day).num_days());
    let begun = due.is_none_or(|milestone| milestone.start_on <= world.day);
    let scripted = due.is_some_and(|milestone| milestone.scripted);
    let class = match (mine, ticket.status == Status::Todo, ticket.is_critical()) {
        (true, false, _) => 0,
        (_, _, true) => 1,
        (true, ..) => 2,
        _ if ticket.kind == "bug" && ticket.priority == "high" => 3,
        _ if scripted || !begun => 6,
        _ if due.is_some() => 4,
        _ => 5,
    };
    Some((class, days))
}

fn register(
    world: &mut World,
    service: ServiceId,
    author: Author,
    ticket: Option<TicketId>,
    title: String,
    labels: Vec<&'static str>,
) -> ChangeId {
    let repo = &mut world.repos[service];
    repo.changes += 1;
    let change = Change {
        service,
        number: repo.changes,
        author,
        ticket,
        title,
        head: repo.head.clone(),
        labels,
        files: BTreeSet::new(),
        additions: 0,
        deletions: 0,
        opened_at: world.clock(),
        open: true,
        draft: false,
        requests: Vec::new(),
        approvals: Vec::new(),
        feedback: Vec::new(),
        rounds: 0,
        abandoned: false,
        nudged_at: world.clock(),
    };
    world.changes.push(change);
    world.open_changes.push(world.changes.len() - 1);
    world.changes.len() - 1
}
