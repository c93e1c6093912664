//! The example organisation: eighteen months of Little Harbour Ferries, generated from a seed.
//!
//! Nothing here is measured anywhere: the company, its people, services and numbers are invented,
//! and every event says `"source": "example:harbour"`. The history is simulated hour by hour: in
//! each hour everybody who is at work does one thing, in random order ([`work::hour`]). Time only
//! moves forward, so causes stand before effects.
//!
//! Invariant: the events depend on the seed and on the date of `now` only, to the last byte.
//! Deliberately absent: reading a clock, and any knowledge of how metrics are computed.

mod people;
mod services;
mod story;

mod commits;
mod directory;
mod merge;
mod planning;
mod review;
mod script;
mod tickets;
mod work;
mod world;

mod dice;
mod facts;
mod log;

#[cfg(test)]
mod tests;

pub use log::DemoEvent;
pub use story::stories;

use chrono::{DateTime, Datelike, Days, Duration, Months, Utc, Weekday};
use people::{PEOPLE, TEAMS};
use world::World;

/// How far back the history goes.
const MONTHS: u32 = 18;

/// The events of the eighteen months that end with the day before `now`, in the order in which
/// they became known (`observedat`).
pub fn generate(seed: u64, now: DateTime<Utc>) -> impl Iterator<Item = DemoEvent> {
    let ends_on = now.date_naive() - Days::new(1);
    let mut world = World::new(seed, ends_on - Months::new(MONTHS), ends_on);
    directory::found(&mut world);
    commits::import_code(&mut world);
    while world.day <= ends_on {
        simulate_day(&mut world);
        world.day = world.day + Days::new(1);
    }
    world.log.finish()
}

/// One day; in every hour of it those who are at work act one after the other.
fn simulate_day(world: &mut World) {
    let midnight = world.day.and_hms_opt(0, 0, 0).expect("a valid time of day").and_utc();
    // Before anybody's working hours: the directory and the bot.
    world.advance_to(midnight + Duration::hours(2));
    directory::update(world);
    if !matches!(world.day.weekday(), Weekday::Sat | Weekday::Sun) {
        work::bot_round(world);
    }
    for hour in 0..24 {
        let hour = midnight + Duration::hours(hour);
        world.at_work =
            people::everyone().filter(|&who| world.is_present(who) && PEOPLE[who].works_at(hour)).collect();
        if world.at_work.is_empty() {
            continue;
        }
        let mut turns = world.at_work.clone();
        world.dice.shuffle(&mut turns);
        let slot = 3600 / (turns.len() as i64 + 1);
        for (turn, who) in turns.into_iter().enumerate() {
            let wait = slot * turn as i64 + world.dice.between(0..=slot / 2);
            world.advance_to(hour + Duration::seconds(wait));
            for team in 0..TEAMS.len() {
                if world.plans[team].last_planned != Some(world.day)
                    && planning::planner(world, team) == Some(who)
                {
                    planning::plan_day(world, team, who);
                }
            }
            directory::book_leave(world, who);
            directory::link_identity(world, who);
            work::hour(world, who);
        }
    }
}
