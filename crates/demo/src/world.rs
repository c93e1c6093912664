//! The state of the organisation at one moment of the simulation, and its clock.
//!
//! The clock only moves forward and every fact is stamped from it, so causes stand before effects
//! by construction: nobody can review a change that is not open yet.

use super::dice::Dice;
use super::log::Log;
use super::people::{PEOPLE, PersonId, TEAMS, TeamId, everyone};
use super::services::{SERVICES, ServiceId};
use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde_json::Value;
use std::collections::BTreeSet;

pub type TicketId = usize;
pub type MilestoneId = usize;
pub type ChangeId = usize;

pub struct World {
    pub dice: Dice,
    pub log: Log,
    /// The last simulated day: yesterday.
    pub ends_on: NaiveDate,
    pub day: NaiveDate,
    clock: DateTime<Utc>,
    /// Who is at work in the current hour.
    pub at_work: Vec<PersonId>,
    pub desks: Vec<Desk>,
    pub leaves: Vec<Leave>,
    pub repos: Vec<Repo>,
    pub plans: Vec<Plan>,
    pub milestones: Vec<Milestone>,
    pub tickets: Vec<Ticket>,
    pub changes: Vec<Change>,
    /// Tickets that are not done, and changes that are neither merged nor closed.
    pub open_tickets: Vec<TicketId>,
    pub open_changes: Vec<ChangeId>,
    /// Changes closed unmerged whose authors are not done with them.
    pub second_thoughts: Vec<ChangeId>,
}

/// The ticket that one person is writing at the moment, and what they have seen to.
#[derive(Default)]
pub struct Desk {
    pub ticket: Option<TicketId>,
    pub hours_left: i64,
    pub address_linked: bool,
}

pub struct Leave {
    pub who: PersonId,
    pub from: NaiveDate,
    pub until: NaiveDate,
    pub booked_on: NaiveDate,
    pub booked: bool,
    /// The person gives the leave back a few days before it.
    pub cancelled: bool,
}

pub struct Repo {
    pub head: String,
    pub files: Vec<String>,
    pub changes: usize,
}

/// Where a team stands in its planning.
pub struct Plan {
    pub last_planned: Option<NaiveDate>,
    /// Milestones begun so far, two a quarter.
    pub cycle: Option<i64>,
    pub goal: Option<TicketId>,
    pub epics: Vec<TicketId>,
    pub tickets: usize,
    /// Steps of a scripted story already taken.
    pub story_step: usize,
}

pub struct Milestone {
    pub id: String,
    pub team: TeamId,
    pub title: String,
    pub start_on: NaiveDate,
    pub due_on: NaiveDate,
    pub owner: Option<PersonId>,
    pub goal: Option<TicketId>,
    pub depends_on: Vec<String>,
    pub open: bool,
    /// Moved by ordinary planning, which does so at most once.
    pub moved: bool,
    /// Follows a script instead of ordinary planning.
    pub scripted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Todo,
    InProgress,
    InReview,
    Done,
}

pub struct Ticket {
    pub key: String,
    pub team: TeamId,
    pub kind: &'static str,
    pub title: String,
    pub status: Status,
    pub assignee: Option<PersonId>,
    pub reporter: PersonId,
    pub points: Option<i64>,
    pub due_on: Option<NaiveDate>,
    pub milestone: Option<MilestoneId>,
    pub parent: Option<TicketId>,
    pub priority: &'static str,
    pub labels: Vec<&'static str>,
    pub service: Option<ServiceId>,
    /// Changes still to be merged before it is done.
    pub changes_left: i64,
    pub change: Option<ChangeId>,
}

impl Ticket {
    /// Goals and epics are containers; the rest is what people pick up.
    pub fn is_work(&self) -> bool {
        !matches!(self.kind, "goal" | "epic")
    }

    pub fn is_critical(&self) -> bool {
        self.priority == "critical"
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Author {
    Person(PersonId),
    Bot,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reviewer {
    Person(PersonId),
    Team(TeamId),
}

pub struct Request {
    pub reviewer: Reviewer,
    pub at: DateTime<Utc>,
}

pub struct Change {
    pub service: ServiceId,
    pub number: usize,
    pub author: Author,
    pub ticket: Option<TicketId>,
    pub title: String,
    pub head: String,
    pub labels: Vec<&'static str>,
    pub files: BTreeSet<String>,
    pub additions: i64,
    pub deletions: i64,
    pub opened_at: DateTime<Utc>,
    pub open: bool,
    pub draft: bool,
    pub requests: Vec<Request>,
    pub approvals: Vec<PersonId>,
    /// Reviewers whose last word still waits for the author, and whether it asks for changes.
    pub feedback: Vec<(PersonId, bool)>,
    pub rounds: usize,
    /// Will be given up unmerged.
    pub abandoned: bool,
    /// The last time the author reminded a reviewer.
    pub nudged_at: DateTime<Utc>,
}

impl Change {
    pub fn subject(&self) -> String {
        format!("{}#{}", SERVICES[self.service].repo(), self.number)
    }

    pub fn lines(&self) -> i64 {
        self.additions + self.deletions
    }

    pub fn is_asked(&self, reviewer: Reviewer) -> bool {
        self.requests.iter().any(|request| request.reviewer == reviewer)
    }
}

impl World {
    pub fn new(seed: u64, starts_on: NaiveDate, ends_on: NaiveDate) -> Self {
        let clock = starts_on.and_hms_opt(3, 0, 0).expect("a valid time of day").and_utc();
        let last_moment = ends_on.and_hms_opt(23, 59, 59).expect("a valid time of day").and_utc();
        Self {
            dice: Dice::new(seed, 0),
            log: Log::new(seed, last_moment),
            ends_on,
            day: starts_on,
            clock,
            at_work: Vec::new(),
            desks: PEOPLE.iter().map(|_| Desk::default()).collect(),
            leaves: Vec::new(),
            repos: SERVICES
                .iter()
                .map(|_| Repo { head: String::new(), files: Vec::new(), changes: 0 })
                .collect(),
            plans: TEAMS.iter().map(|_| Plan::new()).collect(),
            milestones: Vec::new(),
            tickets: Vec::new(),
            changes: Vec::new(),
            open_tickets: Vec::new(),
            open_changes: Vec::new(),
            second_thoughts: Vec::new(),
        }
    }

    /// Days from today to the last day of the history.
    pub fn ago(&self) -> i64 {
        (self.ends_on - self.day).num_days()
    }

    pub fn clock(&self) -> DateTime<Utc> {
        self.clock
    }

    /// Moves the clock to `at`, never back.
    pub fn advance_to(&mut self, at: DateTime<Utc>) {
        self.clock = self.clock.max(at);
    }

    /// Records a fact now; the clock moves on a few seconds so that no two facts are simultaneous.
    pub fn emit(&mut self, kind: &str, subject: &str, data: Value) {
        self.clock += Duration::seconds(self.dice.between(1..=4));
        self.log.emit(self.clock, kind, subject, data);
    }

    /// Records a fact now that the log hears of after `delay`.
    pub fn emit_late(&mut self, delay: Duration, kind: &str, subject: &str, data: Value) {
        self.clock += Duration::seconds(self.dice.between(1..=4));
        self.log.emit_late(self.clock, delay, kind, subject, data);
    }

    pub fn is_on_leave(&self, who: PersonId, day: NaiveDate) -> bool {
        self.leaves
            .iter()
            .any(|leave| leave.who == who && !leave.cancelled && (leave.from..=leave.until).contains(&day))
    }

    /// Employed today and not on leave.
    pub fn is_present(&self, who: PersonId) -> bool {
        PEOPLE[who].team(self.ago()).is_some() && !self.is_on_leave(who, self.day)
    }

    /// Members of the team today who are not on leave.
    pub fn present_members(&self, team: TeamId) -> Vec<PersonId> {
        everyone().filter(|&who| PEOPLE[who].team(self.ago()) == Some(team) && self.is_present(who)).collect()
    }
}

impl Plan {
    fn new() -> Self {
        Self { last_planned: None, cycle: None, goal: None, epics: Vec::new(), tickets: 0, story_step: 0 }
    }
}
