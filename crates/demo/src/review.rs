//! Reviews: who is asked, who answers when, and what they say.

use super::facts::author_login;
use super::merge::merge;
use super::people::{PEOPLE, PersonId, TEAMS, TeamId};
use super::services::SERVICES;
use super::story;
use super::world::{Author, Change, ChangeId, Request, Reviewer, World};
use chrono::Duration;
use serde_json::json;

/// A request that waits longer than this for somebody who is present is repeated.
const REMIND_AFTER_DAYS: i64 = 3;
/// How much likelier the owner of a service is asked than another member of the team.
const OWNER_WEIGHT: u32 = 3;

/// Asks the people whose review a change needs: its signer where there is one, one or two of the
/// team that runs the service, sometimes the team as a whole.
pub fn ask_reviewers(world: &mut World, id: ChangeId) {
    let (service, author) = (world.changes[id].service, world.changes[id].author);
    let team = SERVICES[service].team;
    let signer = story::sign_off(service, world.ago()).filter(|&signer| author != Author::Person(signer));
    if let Some(signer) = signer {
        ask(world, id, Reviewer::Person(signer));
    } else if author != Author::Bot && world.dice.chance(0.05) {
        ask(world, id, Reviewer::Team(team));
        return;
    }
    let wanted = match (author, signer) {
        (Author::Bot, _) => 1,
        (_, Some(_)) => usize::from(world.dice.chance(0.4)),
        (_, None) => world.dice.pick(&[1, 2, 2]),
    };
    for _ in 0..wanted {
        if let Some(reviewer) = pick_reviewer(world, id, team) {
            ask(world, id, Reviewer::Person(reviewer));
        }
    }
}

/// A present member of `team` who is neither the author nor asked already.
fn pick_reviewer(world: &mut World, id: ChangeId, team: TeamId) -> Option<PersonId> {
    let change = &world.changes[id];
    let owner = SERVICES[change.service].owner;
    let candidates: Vec<(PersonId, u32)> = world
        .present_members(team)
        .into_iter()
        .filter(|&who| change.author != Author::Person(who) && !change.is_asked(Reviewer::Person(who)))
        .map(|who| (who, if who == owner { OWNER_WEIGHT } else { 2 }))
        .collect();
    world.dice.weighted(&candidates)
}

/// Asks for a review; asking again for one that is due is a reminder.
pub fn ask(world: &mut World, id: ChangeId, reviewer: Reviewer) {
    let at = world.clock();
    let change = &mut world.changes[id];
    if !change.is_asked(reviewer) {
        change.requests.push(Request { reviewer, at });
    }
    let by = author_login(change.author);
    let data = match reviewer {
        Reviewer::Person(who) => json!({ "reviewer": PEOPLE[who].login, "by": by }),
        Reviewer::Team(team) => json!({ "team": TEAMS[team].id, "by": by }),
    };
    world.emit_change("review.requested", id, data);
}

/// Reminds a reviewer who is present, asks another where the reviewer is away.
pub fn remind_or_replace(world: &mut World, id: ChangeId) -> bool {
    let limit = world.clock() - Duration::days(REMIND_AFTER_DAYS);
    let change = &world.changes[id];
    let overdue = change.requests.iter().find(|request| request.at < limit).map(|request| request.reviewer);
    let (service, author) = (change.service, change.author);
    match overdue {
        None if change.requests.is_empty() && change.feedback.is_empty() && change.approvals.is_empty() => {
            ask_reviewers(world, id);
            true
        }
        None => false,
        Some(Reviewer::Person(who)) if !world.is_present(who) => {
            world.changes[id].requests.retain(|request| request.reviewer != Reviewer::Person(who));
            let by = author_login(author);
            world.emit_change(
                "review.request_removed",
                id,
                json!({ "reviewer": PEOPLE[who].login, "by": by }),
            );
            if let Some(other) = pick_reviewer(world, id, SERVICES[service].team) {
                ask(world, id, Reviewer::Person(other));
            }
            true
        }
        Some(reviewer) => {
            ask(world, id, reviewer);
            true
        }
    }
}

/// Reviews one of the changes that wait for this person; seldom one that nobody asked them about.
pub fn review_one(world: &mut World, who: PersonId) -> bool {
    let team = PEOPLE[who].team(world.ago());
    let waits = |change: &Change| {
        let asked = change.is_asked(Reviewer::Person(who))
            || team.is_some_and(|team| change.is_asked(Reviewer::Team(team)));
        asked && !change.draft && change.author != Author::Person(who)
    };
    let waiting: Vec<ChangeId> =
        world.open_changes.iter().copied().filter(|&id| waits(&world.changes[id])).collect();
    if waiting.is_empty() {
        return volunteer(world, who, team);
    }
    if !world.dice.chance(story::review_chance(who, world.ago())) {
        return false;
    }
    // Changes stand in the order in which they were opened.
    let id = if world.dice.chance(0.6) { waiting[0] } else { world.dice.pick(&waiting) };
    let verdict = verdict(world, id);
    submit(world, who, id, verdict);
    if world.changes[id].author == Author::Bot && verdict == "approved" {
        merge(world, id, who);
    }
    true
}

fn verdict(world: &mut World, id: ChangeId) -> &'static str {
    let change = &world.changes[id];
    let (approve, request) = match (change.author, change.rounds) {
        (Author::Bot, _) => (100, 0),
        (_, 0) => (52, 25),
        _ => (82, 8),
    };
    let options =
        [("approved", approve), ("changes_requested", request), ("commented", 100 - approve - request)];
    world.dice.weighted(&options).expect("the weights are not all zero")
}

fn submit(world: &mut World, who: PersonId, id: ChangeId, verdict: &'static str) {
    let team = PEOPLE[who].team(world.ago());
    let change = &mut world.changes[id];
    change.requests.retain(|request| match request.reviewer {
        Reviewer::Person(asked) => asked != who,
        Reviewer::Team(asked) => Some(asked) != team,
    });
    change.rounds += 1;
    change.approvals.retain(|&other| other != who);
    change.feedback.retain(|&(other, _)| other != who);
    if verdict == "approved" {
        change.approvals.push(who);
    } else {
        change.feedback.push((who, verdict == "changes_requested"));
    }
    let data = json!({ "reviewer": PEOPLE[who].login, "verdict": verdict, "head": change.head });
    world.emit_change("review.submitted", id, data);
    if verdict != "approved" && world.dice.chance(0.4) {
        let data = json!({ "reviewer": PEOPLE[who].login, "by": PEOPLE[who].login });
        world.emit_change("review.commented", id, data);
    }
}

/// A look at a teammate's change that waits for others.
fn volunteer(world: &mut World, who: PersonId, team: Option<TeamId>) -> bool {
    if !world.dice.chance(0.004) {
        return false;
    }
    let fits = |change: &Change| {
        !change.draft
            && change.author != Author::Person(who)
            && change.author != Author::Bot
            && Some(SERVICES[change.service].team) == team
            && change.feedback.is_empty()
            && !change.approvals.contains(&who)
    };
    let open: Vec<ChangeId> =
        world.open_changes.iter().copied().filter(|&id| fits(&world.changes[id])).collect();
    if open.is_empty() {
        return false;
    }
    let id = world.dice.pick(&open);
    submit(world, who, id, "commented");
    true
}
