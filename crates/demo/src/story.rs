//! What is not ordinary at Little Harbour Ferries: the four stories that the metrics must find,
//! two oddities of the records, and the texts that lead a reader to them. Of one team nothing is to be told.
//!
//! The rest of the generator knows of no story; it asks the functions here for the probabilities
//! and rules of the day. Dates are days before the last day of the history.

use super::people::{BOOKING, FLEET, PAYMENTS, PEOPLE, PLATFORM, PersonId, TEAMS, TeamId, by_login, lead_of};
use super::services::{CHECKOUT, LEDGER, ServiceId};
use chrono::{DateTime, Days, Duration, Utc};

// Story 1: everything that touches money waits for one reviewer, who is busy with something else.
const SIGNER: PersonId = by_login("leila");
const SIGN_OFF_BEGAN: i64 = 60;

// Story 2: one milestone, four re-plans.
pub const RESTLESS: &str = "Night sailings";

// Story 3: the lead of this team takes nearly every critical ticket.
const KEEPER_TEAM: TeamId = FLEET;
const KEEPING_BEGAN: i64 = 120;

// Story 4: this team let reviews wait until it agreed on a rota.
pub const SLOW_TEAM: TeamId = BOOKING;
pub const ROTA_BEGAN: i64 = 130;

// No story: nobody joins or leaves this team, and its pieces of work are of like size, so that its weeks are alike.
const STEADY_TEAM: TeamId = PLATFORM;

/// The directory hears of a change of team this much later.
pub const MOVE_RECORDED_AFTER: Duration = Duration::hours(5 * 24);

/// One person committed under an old address, until it was linked.
const OLD_ADDRESS: (PersonId, &str, i64) = (by_login("kurian"), "t.kurian@old-harbour.example", 330);

/// The chance that somebody with a review waiting does one in the next hour.
pub fn review_chance(who: PersonId, ago: i64) -> f64 {
    if who == SIGNER && ago <= SIGN_OFF_BEGAN {
        0.035
    } else if PEOPLE[who].team(ago) == Some(SLOW_TEAM) && ago > ROTA_BEGAN {
        0.045
    } else {
        0.14
    }
}

/// The person without whose approval a change of this service cannot be merged.
pub fn sign_off(service: ServiceId, ago: i64) -> Option<PersonId> {
    (ago <= SIGN_OFF_BEGAN && [LEDGER, CHECKOUT].contains(&service)).then_some(SIGNER)
}

/// Whether a team cuts its work into pieces of like size.
pub fn is_steady(team: TeamId) -> bool {
    team == STEADY_TEAM
}

/// The share of a team's new stories that are critical.
pub fn critical_share(team: TeamId, ago: i64) -> f64 {
    if team == KEEPER_TEAM && ago <= KEEPING_BEGAN { 0.28 } else { 0.12 }
}

/// Who takes nearly every critical ticket, where that is not open to the team.
pub fn keeper(team: TeamId, ago: i64) -> Option<PersonId> {
    (team == KEEPER_TEAM && ago <= KEEPING_BEGAN).then(|| lead_of(team))
}

/// People who take no leave at a time when a story needs them.
pub fn stays(who: PersonId, ago: i64) -> bool {
    (who == SIGNER || who == lead_of(KEEPER_TEAM)) && (-30..=SIGN_OFF_BEGAN + 20).contains(&ago)
}

/// Goals of the last quarter that somebody forgot to give an owner, or a date.
pub fn goal_lacks_owner(team: TeamId, is_last_quarter: bool) -> bool {
    is_last_quarter && team == BOOKING
}

pub fn goal_lacks_date(team: TeamId, is_last_quarter: bool) -> bool {
    is_last_quarter && team == FLEET
}

/// The address in a person's commits while nobody knows whose it is.
pub fn unlinked_email(who: PersonId, ago: i64) -> Option<&'static str> {
    let (person, email, linked) = OLD_ADDRESS;
    (who == person && ago > linked).then_some(email)
}

/// The address that a person reports as theirs today.
pub fn email_to_link(who: PersonId, ago: i64) -> Option<&'static str> {
    let (person, email, linked) = OLD_ADDRESS;
    (who == person && ago <= linked).then_some(email)
}

/// A story in the data and the command that shows it.
pub struct Story {
    pub title: &'static str,
    pub text: String,
    pub command: String,
}

/// What to look for, for a history that was generated at `now`.
pub fn stories(now: DateTime<Utc>) -> Vec<Story> {
    let before_rota = now.date_naive() - Days::new(ROTA_BEGAN as u64 + 14);
    let (signer, keeper) = (&PEOPLE[SIGNER], &PEOPLE[lead_of(KEEPER_TEAM)]);
    let (payments, booking) = (TEAMS[PAYMENTS].name, TEAMS[SLOW_TEAM].name);
    let (fleet, platform) = (TEAMS[FLEET].name, TEAMS[PLATFORM].name);
    vec![
        Story {
            title: "One reviewer is overloaded",
            text: format!(
                "In {payments} every change to the ledger and the checkout waits for {}. For comparison, look at \
                 {platform}, where nothing special happens.",
                signer.name
            ),
            command: "plimsoll query reviewer_load".to_owned(),
        },
        Story {
            title: "A milestone that does not come to rest",
            text: format!(
                "\"{RESTLESS}\" of {fleet} was re-planned four times, once after its due date had already passed."
            ),
            command: "plimsoll query milestone_drift".to_owned(),
        },
        Story {
            title: "A lead who keeps the critical work",
            text: format!(
                "In {fleet} nearly all critical tickets are assigned to {}, the lead.",
                keeper.name
            ),
            command: "plimsoll query delegation_balance".to_owned(),
        },
        Story {
            title: "A team that recovered",
            text: format!(
                "{booking} let reviews wait for days, then agreed on a review rota (a team.updated event). The \
                 same question asked of a day before it and of today."
            ),
            command: format!("plimsoll query review_load --as-of {before_rota}"),
        },
    ]
}
