//! The planning of a team, once each working day by its lead or a deputy: goals and
//! milestones of the quarter, stories, bugs and incidents, and what happens when a milestone is due.

use super::people::{PersonId, TEAMS, TeamId, by_login, lead_of};
use super::script;
use super::services::{BUG_FORMS, INCIDENT_FORMS, STANDING_GOALS, TASK_VERBS, THEMES};
use super::story;
use super::tickets::{container, create_story, file, last_weekday, pick_service};
use super::world::{Milestone, MilestoneId, Status, Ticket, TicketId, World};
use chrono::{Datelike, Duration, NaiveDate, Weekday};

/// A quarter has two cycles, each with one milestone.
const QUARTER_DAYS: i64 = 91;
const CYCLE_DAYS: i64 = 45;
/// The history ends this far into the last of the seven quarters: one milestone is nearly due,
/// and the next one has just been planned.
const LAST_QUARTER_DAYS: i64 = 37;
const LAST_CYCLE: i64 = 13;
/// The second milestone of a quarter is planned this long before it starts.
const PLANNED_AHEAD_DAYS: i64 = 14;
/// The history begins late in the first cycle, so that little of it is left to do.
const FIRST_CYCLE_STORIES: usize = 4;

/// Below this many tickets nobody has taken, the team finds itself maintenance to do.
const BACKLOG_MIN: usize = 4;

/// Today's planning of `team`, done by `planner`.
pub fn plan_day(world: &mut World, team: TeamId, planner: PersonId) {
    world.plans[team].last_planned = Some(world.day);
    begin_cycles(world, team, planner);
    script::play(world, team, planner);
    file_bugs(world, team);
    review_milestones(world, team);
    if world.day.weekday() == Weekday::Mon {
        adjust_scope(world, team, planner);
        close_finished_epics(world, team);
    }
    if world.dice.chance(0.05) {
        hand_over_a_ticket(world, team);
    }
    let waiting = |ticket: &Ticket| ticket.team == team && ticket.is_work() && ticket.assignee.is_none();
    let backlog = world.open_tickets.iter().filter(|&&id| waiting(&world.tickets[id])).count();
    for _ in backlog..BACKLOG_MIN {
        let (verb, service) = (world.dice.pick(&TASK_VERBS), pick_service(world, team));
        file(world, team, "task", verb, service, planner);
    }
}

/// Who plans for a team today: the lead, or the first present member.
pub fn planner(world: &World, team: TeamId) -> Option<PersonId> {
    let lead = lead_of(team);
    if world.is_present(lead) { Some(lead) } else { world.present_members(team).first().copied() }
}

fn cycle_start(world: &World, cycle: i64) -> NaiveDate {
    let into_cycle = if cycle % 2 == 0 { 0 } else { CYCLE_DAYS };
    let back = LAST_QUARTER_DAYS + (LAST_CYCLE / 2 - cycle / 2) * QUARTER_DAYS - into_cycle;
    world.ends_on - Duration::days(back)
}

fn begin_cycles(world: &mut World, team: TeamId, planner: PersonId) {
    loop {
        let cycle = world.plans[team].cycle.map_or(0, |cycle| cycle + 1);
        let start = cycle_start(world, cycle);
        let ahead = if cycle % 2 == 0 { 0 } else { PLANNED_AHEAD_DAYS };
        if cycle > LAST_CYCLE || world.day < start - Duration::days(ahead) {
            return;
        }
        if cycle == 0 {
            set_standing_goals(world, team, planner);
        }
        if cycle % 2 == 0 {
            set_goal(world, team, planner, (cycle / 2) as usize);
        }
        begin_cycle(world, team, planner, cycle, start);
        world.plans[team].cycle = Some(cycle);
    }
}

fn set_standing_goals(world: &mut World, team: TeamId, planner: PersonId) {
    for (_, title, owner, dated) in STANDING_GOALS.iter().filter(|goal| goal.0 == team) {
        let due_on = dated.then(|| world.ends_on + Duration::days(120));
        let mut goal = container("goal", team, title, planner);
        goal.assignee = owner.map(by_login);
        goal.due_on = due_on;
        world.create_ticket(goal);
    }
}

fn set_goal(world: &mut World, team: TeamId, planner: PersonId, quarter: usize) {
    let last = quarter as i64 == LAST_CYCLE / 2;
    let end = cycle_start(world, 2 * quarter as i64) + Duration::days(QUARTER_DAYS - 1);
    let members = world.present_members(team);
    let owner = world.dice.pick(&members);
    let owned = world.dice.chance(0.9) && !story::goal_lacks_owner(team, last);
    let dated = world.dice.chance(0.9) && !story::goal_lacks_date(team, last);
    let mut goal = container("goal", team, THEMES[team][quarter].goal, planner);
    goal.assignee = owned.then_some(owner);
    goal.due_on = dated.then_some(end);
    let goal = world.create_ticket(goal);
    world.plans[team].goal = Some(goal);
}

/// A milestone with two epics and their stories.
fn begin_cycle(world: &mut World, team: TeamId, planner: PersonId, cycle: i64, start: NaiveDate) {
    let title = THEMES[team][(cycle / 2) as usize].milestones[(cycle % 2) as usize];
    let id = |cycle: i64| format!("{}-m{:02}", TEAMS[team].id, cycle + 1);
    let depends_on = if cycle % 2 == 1 { vec![id(cycle - 1)] } else { Vec::new() };
    let members = world.present_members(team);
    let (owner, owned) = (world.dice.pick(&members), world.dice.chance(0.9));
    let milestone = world.create_milestone(Milestone {
        id: id(cycle),
        team,
        title: title.to_owned(),
        start_on: start,
        due_on: last_weekday(start + Duration::days(CYCLE_DAYS - 1)),
        owner: owned.then_some(owner),
        goal: world.plans[team].goal,
        depends_on,
        open: true,
        moved: false,
        scripted: false,
    });
    if world.dice.chance(0.5) {
        world.emit_milestone("milestone.baselined", milestone, None);
    }
    let mut epics = Vec::new();
    for part in ["first route", "all routes"] {
        let mut epic = container("epic", team, &format!("{title}: {part}"), planner);
        epic.parent = world.plans[team].goal;
        epic.milestone = Some(milestone);
        epics.push(world.create_ticket(epic));
    }
    let stories = if cycle == 0 { FIRST_CYCLE_STORIES } else { TEAMS[team].stories_per_milestone };
    for _ in 0..stories {
        let epic = world.dice.pick(&epics);
        create_story(world, team, planner, Some(milestone), Some(epic), None);
    }
    world.plans[team].epics.extend(epics);
}

/// Bugs and incidents, reported by anybody who is at work.
fn file_bugs(world: &mut World, team: TeamId) {
    let reporters = world.at_work.clone();
    if world.dice.chance(0.33) {
        let (form, service) = (world.dice.pick(&BUG_FORMS), pick_service(world, team));
        let reporter = world.dice.pick(&reporters);
        file(world, team, "bug", form, service, reporter);
    }
    if world.dice.chance(0.025) {
        let (form, service) = (world.dice.pick(&INCIDENT_FORMS), pick_service(world, team));
        let reporter = world.dice.pick(&reporters);
        file(world, team, "incident", form, service, reporter);
    }
}

/// What to do about milestones that are done, nearly due, or overdue.
fn review_milestones(world: &mut World, team: TeamId) {
    for id in 0..world.milestones.len() {
        let milestone = &world.milestones[id];
        if milestone.team != team || !milestone.open || milestone.scripted || world.day < milestone.start_on {
            continue;
        }
        let days_left = (milestone.due_on - world.day).num_days();
        let in_it: Vec<TicketId> = (0..world.tickets.len())
            .filter(|&ticket| world.tickets[ticket].is_work() && world.tickets[ticket].milestone == Some(id))
            .collect();
        let unfinished: Vec<TicketId> =
            in_it.iter().copied().filter(|&ticket| world.tickets[ticket].status != Status::Done).collect();
        let behind = unfinished.len() * 10 > in_it.len() * 4;
        if unfinished.is_empty() || days_left < 0 {
            carry_over(world, id, &unfinished);
            close_milestone(world, id);
        } else if days_left <= 6 && behind && !milestone.moved {
            let due_on = last_weekday(milestone.due_on + Duration::days(world.dice.between(8..=14)));
            world.edit_milestone(id, |milestone| {
                milestone.due_on = due_on;
                milestone.moved = true;
            });
        }
    }
}

/// Moves what is left to the team's newest milestone, or out of any.
fn carry_over(world: &mut World, from: MilestoneId, unfinished: &[TicketId]) {
    let team = world.milestones[from].team;
    let next = (0..world.milestones.len()).rev().find(|&id| {
        let milestone = &world.milestones[id];
        id != from && milestone.team == team && milestone.open && !milestone.scripted
    });
    for &ticket in unfinished {
        world.edit_ticket(ticket, |ticket| ticket.milestone = next);
    }
}

fn close_milestone(world: &mut World, id: MilestoneId) {
    world.edit_milestone(id, |milestone| milestone.open = false);
    let Some(goal) = world.milestones[id].goal else { return };
    let pending = world.milestones.iter().any(|other| other.open && other.goal == Some(goal));
    let both_planned =
        world.milestones.iter().filter(|other| other.goal == Some(goal) && !other.scripted).count() == 2;
    if both_planned && !pending && world.tickets[goal].status != Status::Done {
        world.edit_ticket(goal, |goal| goal.status = Status::Done);
    }
}

/// Monday: something is added to the current milestone, something is re-estimated.
fn adjust_scope(world: &mut World, team: TeamId, planner: PersonId) {
    if let Some(milestone) = current_milestone(world, team)
        && world.dice.chance(0.4)
    {
        let open = |epic: &&TicketId| world.tickets[**epic].status != Status::Done;
        let epic = world.plans[team].epics.iter().rev().find(open).copied();
        create_story(world, team, planner, Some(milestone), epic, None);
    }
    let estimated =
        |ticket: &Ticket| ticket.team == team && ticket.kind == "story" && ticket.status == Status::Todo;
    let candidates: Vec<TicketId> =
        world.open_tickets.iter().copied().filter(|&id| estimated(&world.tickets[id])).collect();
    if !candidates.is_empty() && world.dice.chance(0.4) {
        let (ticket, points) = (world.dice.pick(&candidates), world.dice.pick(&[2, 3, 5, 8]));
        if world.tickets[ticket].points != Some(points) {
            world.edit_ticket(ticket, |ticket| ticket.points = Some(points));
        }
    }
}

fn current_milestone(world: &World, team: TeamId) -> Option<MilestoneId> {
    (0..world.milestones.len()).find(|&id| {
        let milestone = &world.milestones[id];
        milestone.team == team && milestone.open && !milestone.scripted && milestone.start_on <= world.day
    })
}

fn close_finished_epics(world: &mut World, team: TeamId) {
    for epic in world.plans[team].epics.clone() {
        let open_child = world.open_tickets.iter().any(|&id| world.tickets[id].parent == Some(epic));
        let milestone_open = world.tickets[epic].milestone.is_some_and(|id| world.milestones[id].open);
        if !open_child && !milestone_open {
            world.plans[team].epics.retain(|&open| open != epic);
            world.edit_ticket(epic, |epic| epic.status = Status::Done);
        }
    }
}

/// A ticket that somebody has begun goes to somebody else. Critical ones stay where they are.
fn hand_over_a_ticket(world: &mut World, team: TeamId) {
    let movable = |ticket: &Ticket| {
        ticket.team == team
            && ticket.status == Status::InProgress
            && ticket.is_work()
            && !ticket.is_critical()
    };
    let candidates: Vec<TicketId> =
        world.open_tickets.iter().copied().filter(|&id| movable(&world.tickets[id])).collect();
    let members = world.present_members(team);
    if candidates.is_empty() || members.is_empty() {
        return;
    }
    let (id, to) = (world.dice.pick(&candidates), world.dice.pick(&members));
    let Some(from) = world.tickets[id].assignee.filter(|&from| from != to) else { return };
    if world.desks[from].ticket == Some(id) {
        world.desks[from].ticket = None;
    }
    world.edit_ticket(id, |ticket| ticket.assignee = Some(to));
}
