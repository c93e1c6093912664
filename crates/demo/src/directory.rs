//! What the staff directory and the calendar tell: people, teams, dated memberships, working hours,
//! part time and leave.

use super::people::{BOT, BOT_NAME, PEOPLE, PersonId, TEAMS, TeamId, everyone, lead_of};
use super::services::SERVICES;
use super::story;
use super::world::{Author, Leave, Status, World};
use chrono::{Days, Duration, NaiveDate};
use serde_json::{Value, json};

/// Leave is planned this far beyond the end of the history.
const HORIZON_DAYS: i64 = 60;
/// Each person has one leave, or none, in every block of this many days.
const LEAVE_BLOCK_DAYS: i64 = 75;

/// Records the organisation as it stands on the first day.
pub fn found(world: &mut World) {
    for (index, team) in TEAMS.iter().enumerate() {
        let services: Vec<&str> = SERVICES.iter().filter(|s| s.team == index).map(|s| s.name).collect();
        let data = json!({
            "team": team.id,
            "name": team.name,
            "lead": PEOPLE[lead_of(index)].login,
            "services": services,
        });
        world.emit("team.created", team.id, data);
    }
    world.emit("person.updated", BOT, json!({ "person": BOT, "name": BOT_NAME, "person_kind": "bot" }));
    for who in everyone() {
        if let Some(team) = PEOPLE[who].team(world.ago()) {
            introduce(world, who);
            let since = world.day - Days::new(365);
            join(world, who, team, since, Duration::seconds(5));
        }
    }
    plan_leave(world);
}

/// Joiners, leavers and movers of the day.
pub fn update(world: &mut World) {
    let today = world.ago();
    for who in everyone() {
        match (PEOPLE[who].team(today + 1), PEOPLE[who].team(today)) {
            (before, after) if before == after => {}
            (None, Some(team)) => {
                introduce(world, who);
                join(world, who, team, world.day, Duration::seconds(5));
            }
            (Some(team), None) => {
                part(world, who, team, Duration::seconds(5));
                hand_back(world, who);
            }
            (Some(from), Some(to)) => {
                part(world, who, from, story::MOVE_RECORDED_AFTER);
                join(world, who, to, world.day, story::MOVE_RECORDED_AFTER);
            }
            (None, None) => {}
        }
    }
}

/// Tells a planned leave once its booking day has come, and takes back one that is given up.
pub fn book_leave(world: &mut World, who: PersonId) {
    for index in 0..world.leaves.len() {
        let leave = &world.leaves[index];
        if leave.who != who || world.day >= leave.from {
            continue;
        }
        let give_up = leave.cancelled && leave.booked && (leave.from - world.day).num_days() <= 7;
        let book = !leave.booked && world.day >= leave.booked_on;
        if !(give_up || book) {
            continue;
        }
        let (since, until) = (leave.from.to_string(), (leave.until + Days::new(1)).to_string());
        let data = json!({ "person": PEOPLE[who].login, "kind": "holiday", "since": since, "until": until });
        if book {
            world.leaves[index].booked = true;
            world.emit("calendar.leave_added", PEOPLE[who].login, data);
        } else {
            world.leaves.remove(index);
            world.emit("calendar.leave_removed", PEOPLE[who].login, data);
            return;
        }
    }
}

/// Links an address that a person used for commits before anyone noticed.
pub fn link_identity(world: &mut World, who: PersonId) {
    if let Some(email) = story::email_to_link(who, world.ago())
        && !world.desks[who].address_linked
    {
        world.desks[who].address_linked = true;
        let login = PEOPLE[who].login;
        world.emit("person.linked", login, json!({ "person": login, "identity": email }));
    }
}

fn introduce(world: &mut World, who: PersonId) {
    let person = &PEOPLE[who];
    let zone = person.zone.name();
    let facts =
        json!({ "person": person.login, "name": person.name, "timezone": zone, "person_kind": "human" });
    world.emit("person.updated", person.login, facts);
    world.emit("person.linked", person.login, json!({ "person": person.login, "identity": person.email() }));
    world.emit(
        "calendar.hours_set",
        person.login,
        json!({ "person": person.login, "timezone": zone, "hours": hours(who) }),
    );
    if person.part_time {
        world.emit("calendar.capacity_set", person.login, json!({ "person": person.login, "capacity": 0.8 }));
    }
}

fn hours(who: PersonId) -> Value {
    let days: &[&str] = if PEOPLE[who].part_time {
        &["mon", "tue", "wed", "thu"]
    } else {
        &["mon", "tue", "wed", "thu", "fri"]
    };
    days.iter().map(|day| ((*day).to_owned(), json!(["09:00", "17:00"]))).collect()
}

fn join(world: &mut World, who: PersonId, team: TeamId, since: NaiveDate, delay: Duration) {
    let role = if PEOPLE[who].lead { "lead" } else { "member" };
    let data = json!({ "team": TEAMS[team].id, "person": PEOPLE[who].login, "role": role, "since": since.to_string() });
    world.emit_late(delay, "team.member_added", TEAMS[team].id, data);
}

fn part(world: &mut World, who: PersonId, team: TeamId, delay: Duration) {
    let data = json!({ "team": TEAMS[team].id, "person": PEOPLE[who].login, "until": world.day.to_string() });
    world.emit_late(delay, "team.member_removed", TEAMS[team].id, data);
}

/// Unfinished work of somebody who leaves goes back to the team.
fn hand_back(world: &mut World, who: PersonId) {
    for id in world.open_changes.clone() {
        if world.changes[id].author == Author::Person(who) {
            world.changes[id].open = false;
            world.open_changes.retain(|&open| open != id);
            if let Some(ticket) = world.changes[id].ticket {
                world.tickets[ticket].change = None;
            }
            world.emit_change("change.closed", id, json!({}));
        }
    }
    for id in world.open_tickets.clone() {
        if world.tickets[id].assignee == Some(who) {
            world.edit_ticket(id, |ticket| {
                ticket.assignee = None;
                if ticket.is_work() {
                    ticket.status = Status::Todo;
                }
            });
        }
    }
    world.desks[who].ticket = None;
}

/// Everybody's leave, decided in advance; the directory hears of each some weeks before.
fn plan_leave(world: &mut World) {
    const LENGTHS_DAYS: [i64; 7] = [1, 2, 3, 5, 8, 12, 16];
    let total = world.ago() + HORIZON_DAYS;
    for who in everyone() {
        for block in 0..total / LEAVE_BLOCK_DAYS {
            let first = block * LEAVE_BLOCK_DAYS + world.dice.between(0..=LEAVE_BLOCK_DAYS - 20);
            let length = world.dice.pick(&LENGTHS_DAYS);
            let notice = world.dice.between(15..=40);
            let cancelled = world.dice.chance(0.04);
            let from = world.day + Duration::days(first);
            let ago = (world.ends_on - from).num_days();
            if world.dice.chance(0.25) || story::stays(who, ago) || PEOPLE[who].team(ago).is_none() {
                continue;
            }
            let until = from + Duration::days(length - 1);
            let booked_on = from - Duration::days(notice);
            world.leaves.push(Leave { who, from, until, booked_on, booked: false, cancelled });
        }
    }
}
