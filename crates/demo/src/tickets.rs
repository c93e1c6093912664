//! New tickets: what they are about, how large, whose.

use super::people::{PEOPLE, PersonId, TeamId};
use super::services::{SERVICES, STORY_VERBS, ServiceId};
use super::story;
use super::world::{MilestoneId, Status, Ticket, TicketId, World};
use chrono::{Datelike, Duration, NaiveDate, Weekday};

/// A new story; a critical one is given to somebody at once.
pub fn create_story(
    world: &mut World,
    team: TeamId,
    planner: PersonId,
    milestone: Option<MilestoneId>,
    epic: Option<TicketId>,
    service: Option<ServiceId>,
) -> TicketId {
    let service = service.unwrap_or_else(|| pick_service(world, team));
    let critical = world.dice.chance(story::critical_share(team, world.ago()));
    let verb = world.dice.pick(&STORY_VERBS);
    let noun = world.dice.pick(&SERVICES[service].nouns);
    let mut ticket = container("story", team, &format!("{verb} {noun}"), planner);
    ticket.status = Status::Todo;
    let sizes: &[i64] = if story::is_steady(team) { &[3] } else { &[1, 2, 2, 3, 3, 5, 5, 8] };
    ticket.points = estimate(world, 0.94, sizes);
    ticket.milestone = milestone;
    ticket.parent = epic;
    ticket.service = Some(service);
    ticket.changes_left = if world.dice.chance(0.2) && !story::is_steady(team) { 2 } else { 1 };
    if critical {
        ticket.priority = "critical";
        ticket.labels.push("critical-path");
        ticket.assignee = take_critical(world, team);
    } else if world.dice.chance(0.2) {
        ticket.priority = "high";
    }
    if world.dice.chance(0.05) {
        ticket.labels.push("security");
    }
    world.create_ticket(ticket)
}

/// Points, for the share of tickets that somebody estimates at all.
fn estimate(world: &mut World, share: f64, scale: &[i64]) -> Option<i64> {
    let points = world.dice.pick(scale);
    world.dice.chance(share).then_some(points)
}

/// Who is given a critical ticket: most often anybody but the lead.
fn take_critical(world: &mut World, team: TeamId) -> Option<PersonId> {
    if let Some(keeper) = story::keeper(team, world.ago())
        && world.dice.chance(0.9)
    {
        return Some(keeper);
    }
    let members = world.present_members(team);
    let weights: Vec<_> = members.iter().map(|&who| (who, if PEOPLE[who].lead { 1 } else { 2 })).collect();
    world.dice.weighted(&weights)
}

/// A ticket that is no part of the plan.
pub fn file(
    world: &mut World,
    team: TeamId,
    kind: &'static str,
    form: &str,
    service: ServiceId,
    reporter: PersonId,
) {
    let noun = world.dice.pick(&SERVICES[service].nouns);
    let mut ticket = container(kind, team, &format!("{form} {noun}"), reporter);
    ticket.status = Status::Todo;
    ticket.service = Some(service);
    ticket.changes_left = 1;
    ticket.points = estimate(world, 0.7, if story::is_steady(team) { &[2] } else { &[1, 1, 2, 3] });
    match kind {
        "incident" => {
            ticket.priority = "critical";
            ticket.points = None;
            ticket.assignee = take_critical(world, team);
        }
        "bug" => ticket.priority = world.dice.pick(&["high", "medium", "medium", "low"]),
        _ => ticket.priority = "low",
    }
    world.create_ticket(ticket);
}

/// One of the team's own services, now and then another's.
pub fn pick_service(world: &mut World, team: TeamId) -> ServiceId {
    if world.dice.chance(0.08) {
        return world.dice.index(SERVICES.len());
    }
    let own: Vec<ServiceId> = (0..SERVICES.len()).filter(|&service| SERVICES[service].team == team).collect();
    world.dice.pick(&own)
}

/// The day itself, or the Friday before it.
pub fn last_weekday(day: NaiveDate) -> NaiveDate {
    match day.weekday() {
        Weekday::Sat => day - Duration::days(1),
        Weekday::Sun => day - Duration::days(2),
        _ => day,
    }
}

/// A ticket with nothing in it yet; in progress, as goals and epics are from the start.
pub fn container(kind: &'static str, team: TeamId, title: &str, reporter: PersonId) -> Ticket {
    Ticket {
        key: String::new(),
        team,
        kind,
        title: title.to_owned(),
        status: Status::InProgress,
        assignee: None,
        reporter,
        points: None,
        due_on: None,
        milestone: None,
        parent: None,
        priority: "medium",
        labels: Vec::new(),
        service: None,
        changes_left: 0,
        change: None,
    }
}
