//! Who works at Little Harbour Ferries: four teams, thirty people in three ports, and a bot.
//!
//! Everybody here is invented. The tables say what is true of a person on a given day (member of
//! which team, in which time zone); what they do on it is decided in `work.rs` and `review.rs`.
//! Dates are written as `ago`: days before the last day of the history, which is always yesterday.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc, Weekday};
use chrono_tz::Tz;

/// Index into [`TEAMS`].
pub type TeamId = usize;
/// Index into [`PEOPLE`].
pub type PersonId = usize;

pub const BOOKING: TeamId = 0;
pub const PAYMENTS: TeamId = 1;
pub const FLEET: TeamId = 2;
pub const PLATFORM: TeamId = 3;

pub struct Team {
    pub id: &'static str,
    pub name: &'static str,
    /// Prefix of the team's ticket keys, as in `BKG-12`.
    pub prefix: &'static str,
    /// How many stories the team takes into a milestone of six weeks.
    pub stories_per_milestone: usize,
}

pub const TEAMS: [Team; 4] = [
    Team { id: "booking", name: "Booking", prefix: "BKG", stories_per_milestone: 24 },
    Team { id: "payments", name: "Payments", prefix: "PAY", stories_per_milestone: 24 },
    Team { id: "fleet", name: "Fleet", prefix: "FLT", stories_per_milestone: 18 },
    Team { id: "platform", name: "Platform", prefix: "PLT", stories_per_milestone: 22 },
];

const LISBON: Tz = Tz::Europe__Lisbon;
const HALIFAX: Tz = Tz::America__Halifax;
const KOCHI: Tz = Tz::Asia__Kolkata;

/// Opens the dependency changes; never asked for a review.
pub const BOT: &str = "tugboat";
pub const BOT_NAME: &str = "Tugboat";

pub struct Person {
    pub login: &'static str,
    pub name: &'static str,
    pub zone: Tz,
    team: TeamId,
    pub lead: bool,
    /// Works four days a week, with Fridays off.
    pub part_time: bool,
    joins: Option<i64>,
    leaves: Option<i64>,
    moves: Option<(i64, TeamId)>,
}

const fn person(login: &'static str, name: &'static str, zone: Tz, team: TeamId) -> Person {
    Person { login, name, zone, team, lead: false, part_time: false, joins: None, leaves: None, moves: None }
}

impl Person {
    const fn lead(mut self) -> Self {
        self.lead = true;
        self
    }
    const fn part_time(mut self) -> Self {
        self.part_time = true;
        self
    }
    const fn joins(mut self, ago: i64) -> Self {
        self.joins = Some(ago);
        self
    }
    const fn leaves(mut self, ago: i64) -> Self {
        self.leaves = Some(ago);
        self
    }
    const fn moves(mut self, ago: i64, to: TeamId) -> Self {
        self.moves = Some((ago, to));
        self
    }

    /// The team on a day, or `None` before the first and after the last day at the company.
    pub fn team(&self, ago: i64) -> Option<TeamId> {
        if self.joins.is_some_and(|joins| ago > joins) || self.leaves.is_some_and(|leaves| ago <= leaves) {
            return None;
        }
        match self.moves {
            Some((moved, to)) if ago <= moved => Some(to),
            _ => Some(self.team),
        }
    }

    pub fn email(&self) -> String {
        format!("{}@harbour.example", self.login)
    }

    /// Whether the whole hour that starts at `hour` lies in this person's working day:
    /// 9 to 17 in their own zone, on a weekday that is no public holiday.
    pub fn works_at(&self, hour: DateTime<Utc>) -> bool {
        let local = hour.with_timezone(&self.zone);
        let minute = local.hour() * 60 + local.minute();
        let day_off = match local.weekday() {
            Weekday::Sat | Weekday::Sun => true,
            Weekday::Fri => self.part_time,
            _ => is_holiday(local.date_naive()),
        };
        !day_off && (9 * 60..=16 * 60).contains(&minute)
    }
}

/// The two days on which no ferry and nobody else at the company works.
fn is_holiday(day: NaiveDate) -> bool {
    matches!((day.month(), day.day()), (12, 25) | (1, 1))
}

pub const PEOPLE: [Person; 30] = [
    person("ines", "Inês Carvalho", LISBON, BOOKING).lead(),
    person("tomas", "Tomás Figueiredo", LISBON, BOOKING),
    person("beatriz", "Beatriz Lopes", LISBON, BOOKING),
    person("noor", "Noor Haddad", LISBON, BOOKING),
    person("callum", "Callum MacLeod", HALIFAX, BOOKING).part_time(),
    person("amara", "Amara Okafor", HALIFAX, BOOKING).joins(390),
    person("yuki", "Yuki Tanabe", LISBON, BOOKING).moves(210, FLEET),
    person("rosa", "Rosa Quispe", HALIFAX, BOOKING),
    person("margaret", "Margaret Boudreau", HALIFAX, PAYMENTS).lead(),
    person("leila", "Leila Farahani", HALIFAX, PAYMENTS),
    person("dmitri", "Dmitri Sokolov", LISBON, PAYMENTS),
    person("grace", "Grace Mbeki", HALIFAX, PAYMENTS),
    person("hugo", "Hugo Almeida", LISBON, PAYMENTS),
    person("wen", "Wen Zhao", HALIFAX, PAYMENTS),
    person("sade", "Sadé Bello", LISBON, PAYMENTS),
    person("eamon", "Eamon Byrne", HALIFAX, PAYMENTS).leaves(150),
    person("arjun", "Arjun Menon", KOCHI, FLEET).lead(),
    person("priya", "Priya Nair", KOCHI, FLEET),
    person("kurian", "Thomas Kurian", KOCHI, FLEET),
    person("fatima", "Fatima Sheikh", KOCHI, FLEET).joins(300),
    person("joao", "João Pereira", LISBON, FLEET),
    person("meera", "Meera Pillai", KOCHI, FLEET).part_time(),
    person("lukas", "Lukas Brandt", LISBON, FLEET),
    person("sofia", "Sofia Marques", LISBON, PLATFORM).lead(),
    person("kwame", "Kwame Asante", HALIFAX, PLATFORM),
    person("anjali", "Anjali Thomas", KOCHI, PLATFORM),
    person("pierre", "Pierre LeBlanc", HALIFAX, PLATFORM),
    person("ngozi", "Ngozi Eze", LISBON, PLATFORM),
    person("ravi", "Ravi Krishnan", KOCHI, PLATFORM),
    person("elin", "Elin Sandberg", LISBON, PLATFORM),
];

pub fn everyone() -> std::ops::Range<PersonId> {
    0..PEOPLE.len()
}

/// The person with this login, who must be in [`PEOPLE`].
pub const fn by_login(login: &str) -> PersonId {
    let mut who = 0;
    while who < PEOPLE.len() {
        if same(PEOPLE[who].login, login) {
            return who;
        }
        who += 1;
    }
    panic!("nobody has this login");
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// The lead of a team. Leads neither join, leave nor move in this history.
pub fn lead_of(team: TeamId) -> PersonId {
    PEOPLE.iter().position(|person| person.lead && person.team == team).expect("each team has a lead")
}
