//! The scripts of those stories that need events of their own, step by step as the days pass.

use super::people::{FLEET, PEOPLE, PersonId, TEAMS, TeamId, lead_of};
use super::services::CREWING;
use super::story::{RESTLESS, ROTA_BEGAN, SLOW_TEAM};
use super::tickets::{create_story, last_weekday};
use super::world::{Milestone, World};
use chrono::Duration;
use serde_json::json;

// The restless milestone. Each pair of its re-plans: on which day, to which due date.
const RESTLESS_CREATED: i64 = 200;
const RESTLESS_FIRST_DUE: i64 = 95;
const RESTLESS_REPLANS: [(i64, i64); 4] = [(130, 60), (75, 30), (24, -5), (9, -26)];

const ROTA_NOTE: &str = "review rota: a first look within half a working day, two people on duty each week";

/// What the scripts ask of a team today, done by `planner`.
pub fn play(world: &mut World, team: TeamId, planner: PersonId) {
    if team == FLEET {
        play_restless(world, planner);
    }
    if team == SLOW_TEAM && world.ago() <= ROTA_BEGAN && world.plans[team].story_step == 0 {
        world.plans[team].story_step = 1;
        let data = json!({
            "team": TEAMS[team].id,
            "name": TEAMS[team].name,
            "lead": PEOPLE[lead_of(team)].login,
            "working_agreement": ROTA_NOTE,
        });
        world.emit("team.updated", TEAMS[team].id, data);
    }
}

/// Creates the restless milestone, then moves it, each time with a little more in it.
fn play_restless(world: &mut World, planner: PersonId) {
    let step = world.plans[FLEET].story_step;
    if step == 0 {
        if world.ago() <= RESTLESS_CREATED {
            world.plans[FLEET].story_step = 1;
            let milestone = world.create_milestone(Milestone {
                id: "fleet-night".to_owned(),
                team: FLEET,
                title: RESTLESS.to_owned(),
                start_on: world.day,
                due_on: last_weekday(world.ends_on - Duration::days(RESTLESS_FIRST_DUE)),
                owner: Some(lead_of(FLEET)),
                goal: world.plans[FLEET].goal,
                depends_on: Vec::new(),
                open: true,
                moved: false,
                scripted: true,
            });
            world.emit_milestone("milestone.baselined", milestone, None);
            add_night_stories(world, planner, 9);
        }
        return;
    }
    let Some(&(asked, due)) = RESTLESS_REPLANS.get(step - 1) else { return };
    if world.ago() <= asked {
        world.plans[FLEET].story_step += 1;
        let milestone = restless(world);
        let due_on = last_weekday(world.ends_on - Duration::days(due));
        world.edit_milestone(milestone, |milestone| milestone.due_on = due_on);
        add_night_stories(world, planner, 3);
    }
}

fn add_night_stories(world: &mut World, planner: PersonId, count: usize) {
    let milestone = restless(world);
    for _ in 0..count {
        create_story(world, FLEET, planner, Some(milestone), None, Some(CREWING));
    }
}

fn restless(world: &World) -> usize {
    world.milestones.iter().position(|milestone| milestone.title == RESTLESS).expect("created in step 0")
}
