//! Teams and dated memberships.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Differ, Field, field, text};
use crate::declared::{Declaration, Stay, Team};
use crate::known::{KnownEvent, KnownStay, KnownTeam};
use crate::statement::{Beginning, rfc3339};

const OF_TEAM: [Field<Team, KnownTeam>; 5] = [
    field("name", |team| text(&team.name), |known| text(&known.name), |said| said.name.is_some()),
    field("lead", |team| text(&team.lead), |known| text(&known.lead), |said| said.lead.is_some()),
    field("parent", |team| text(&team.parent), |known| text(&known.parent), |said| said.parent.is_some()),
    field(
        "timezone",
        |team| text(&team.timezone),
        |known| text(&known.timezone),
        |said| said.timezone.is_some(),
    ),
    field(
        "areas",
        |team| team.areas.as_ref().map(|areas| json!(areas)),
        |known| known.areas.as_ref().map(|areas| json!(areas)),
        |said| said.has_areas,
    ),
];

impl Differ<'_> {
    pub(super) fn teams(&mut self, declared: &Declaration) {
        for team in &declared.teams {
            let holds = self.known.teams.get(&team.team).filter(|team| !team.deleted);
            let data = self.team_changes(team, holds);
            match holds {
                None => {
                    let gone = self.known.teams.contains_key(&team.team);
                    let time = if gone { self.now } else { Beginning::Ever };
                    self.say_team("team.created", time, &team.team, data);
                }
                Some(_) if data.is_empty() => {}
                Some(_) => self.say_team("team.updated", self.now, &team.team, data),
            }
        }
        let ours: BTreeSet<String> =
            self.subjects("team.created").into_iter().chain(self.subjects("team.updated")).collect();
        for id in ours.iter().filter(|id| !declared.teams.iter().any(|team| team.team == **id)) {
            let Some(holds) = self.known.teams.get(id).filter(|team| !team.deleted) else { continue };
            if self.said("team.", id).all(|said| said.source == self.source) {
                self.say("team.deleted", self.now, id, json!({ "team": id }));
                continue;
            }
            let data = self.team_changes(&Team { team: id.clone(), ..Team::default() }, Some(holds));
            if !data.is_empty() {
                self.say_team("team.updated", self.now, id, data);
            }
        }
    }

    fn team_changes(&self, team: &Team, holds: Option<&KnownTeam>) -> serde_json::Map<String, Value> {
        self.changed(("team.", &team.team), &OF_TEAM, (team, holds), false)
    }

    fn say_team(
        &mut self,
        type_: &'static str,
        time: Beginning,
        team: &str,
        mut data: serde_json::Map<String, Value>,
    ) {
        data.insert("team".to_owned(), json!(team));
        self.say(type_, time, team, Value::Object(data));
    }

    pub(super) fn stays(&mut self, declared: &Declaration) {
        let mut pairs: BTreeMap<(String, String), Vec<&Stay>> = BTreeMap::new();
        for said in &self.known.said {
            if said.r#type == "team.member_added"
                && said.source == self.source
                && let Some(person) = &said.person
            {
                pairs.entry((said.entity_id.clone(), person.clone())).or_default();
            }
        }
        for stay in &declared.stays {
            pairs.entry((stay.team.clone(), stay.person.clone())).or_default().push(stay);
        }
        for ((team, person), mut wanted) in pairs {
            wanted.sort_by_key(|stay| stay.since);
            let held = self.known.stays.iter().filter(|stay| stay.team == team && stay.person == person);
            self.pair(&team, &person, &wanted, &held.cloned().collect::<Vec<_>>());
        }
    }

    /// The stays of one person in one team.
    fn pair(&mut self, team: &str, person: &str, wanted: &[&Stay], held: &[KnownStay]) {
        let missing: Vec<&Stay> =
            wanted.iter().copied().filter(|stay| !held.iter().any(|held| agrees(stay, held))).collect();
        let extra = |held: &&KnownStay| !wanted.iter().any(|stay| agrees(stay, held));
        let open = held.iter().filter(extra).any(|held| held.until.is_none());
        if missing.is_empty() && !open {
            return;
        }
        let about = |said: &&KnownEvent| said.person.as_deref() == Some(person);
        let said: Vec<_> = self.said("team.member_", team).filter(about).collect();
        let ours = said.iter().all(|said| said.source == self.source && said.at == 0);
        let dated = wanted.iter().any(|stay| stay.since.is_some() || stay.until.is_some());
        if ours && dated {
            // Said wrongly before: it never was, and then what is.
            if let Some(first) = held.iter().map(|stay| stay.since).min() {
                self.remove(team, person, Beginning::Ever, Beginning::from_micros(first));
            }
            wanted.iter().for_each(|stay| self.add(stay, Beginning::Ever));
            return;
        }
        let role_only = !missing.is_empty()
            && missing.iter().all(|stay| stay.since.is_none() && stay.until.is_none())
            && held.iter().any(|held| held.until.is_none());
        if open && !role_only && self.is_ours(said.iter().copied()) {
            self.remove(team, person, self.now, self.now);
        }
        let time = if held.is_empty() && said.is_empty() { Beginning::Ever } else { self.now };
        missing.into_iter().for_each(|stay| self.add(stay, time));
    }

    fn add(&mut self, stay: &Stay, time: Beginning) {
        let mut data = json!({ "team": stay.team, "person": stay.person });
        let day = |time: DateTime<Utc>| json!(rfc3339(time));
        for (field, value) in [
            ("role", stay.role.as_ref().map(|role| json!(role))),
            ("since", stay.since.map(day)),
            ("until", stay.until.map(day)),
        ] {
            if let Some(value) = value {
                data[field] = value;
            }
        }
        self.say("team.member_added", time, &stay.team, data);
    }

    fn remove(&mut self, team: &str, person: &str, time: Beginning, until: Beginning) {
        let until = match until {
            Beginning::Ever => "1970-01-01T00:00:00Z".to_owned(),
            Beginning::At(time) => rfc3339(time),
        };
        self.say(
            "team.member_removed",
            time,
            team,
            json!({ "team": team, "person": person, "until": until }),
        );
    }
}

/// Whether a stay that holds is the one that the file means; a file without a date takes any open stay.
fn agrees(wanted: &Stay, held: &KnownStay) -> bool {
    let since = wanted.since.is_none_or(|since| since.timestamp_micros() == held.since);
    let role = wanted.role.is_none() || wanted.role == held.role;
    since && role && wanted.until.map(|until| until.timestamp_micros()) == held.until
}
