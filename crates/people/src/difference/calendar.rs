//! Working hours, leave, holidays and capacity. What a file says of a team it says of everybody in it.
//!
//! Leave and holidays of a team are those of the people who are in it then; hours and capacity of those in it now.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Differ;
use crate::declared::{Capacity, Declaration, Hours, Whose};
use crate::known::KnownEvent;
use crate::statement::{Beginning, rfc3339};

/// A stretch of time of a person, in microseconds.
type Stretch = (String, i64, Option<i64>);

impl Differ<'_> {
    /// People who are in the team, or in one below it, at some moment from `since` until `until`.
    fn members(&self, team: &str, since: i64, until: Option<i64>) -> BTreeSet<String> {
        let mut teams = BTreeSet::from([team.to_owned()]);
        loop {
            let is_below = |team: &&crate::known::KnownTeam| {
                !teams.contains(&team.team)
                    && team.parent.as_ref().is_some_and(|parent| teams.contains(parent))
            };
            let below: Vec<String> =
                self.known.teams.values().filter(is_below).map(|t| t.team.clone()).collect();
            if below.is_empty() {
                break;
            }
            teams.extend(below);
        }
        let there = |stay: &&crate::known::KnownStay| {
            teams.contains(&stay.team)
                && until.is_none_or(|until| stay.since < until)
                && stay.until.is_none_or(|end| end > since)
        };
        let people = self.known.stays.iter().filter(there);
        people.map(|stay| self.known.person(&stay.person).to_owned()).collect()
    }

    fn whom(&self, whose: &Whose, since: i64, until: Option<i64>) -> BTreeSet<String> {
        match whose {
            Whose::Person(person) => BTreeSet::from([person.clone()]),
            Whose::Team(team) => self.members(team, since, until),
        }
    }

    pub(super) fn hours(&mut self, declared: &Declaration) {
        let now = self.now.micros();
        let mut wanted: BTreeMap<String, Vec<&Hours>> = BTreeMap::new();
        for hours in declared.hours.iter().filter(|hours| matches!(hours.whose, Whose::Person(_))) {
            for person in self.whom(&hours.whose, now, Some(now + 1)) {
                wanted.entry(person).or_default().push(hours);
            }
        }
        let own: BTreeSet<String> = wanted.keys().cloned().collect();
        for hours in declared.hours.iter().filter(|hours| matches!(hours.whose, Whose::Team(_))) {
            for person in self.whom(&hours.whose, now, Some(now + 1)) {
                let theirs = self.said("calendar.hours_set", &person).next_back();
                let elsewhere = theirs.is_some_and(|said| said.source != self.source);
                if !own.contains(&person) && !elsewhere {
                    wanted.entry(person).or_default().push(hours);
                }
            }
        }
        for (person, list) in &wanted {
            for hours in list {
                self.person_hours(person, hours);
            }
        }
        for person in
            self.subjects("calendar.hours_set").iter().filter(|person| !wanted.contains_key(*person))
        {
            let last = self.said("calendar.hours_set", person).next_back();
            if last.is_some_and(|said| {
                said.source == self.source && (said.timezone.is_some() || said.hours.is_some())
            }) {
                let data = json!({ "person": person, "timezone": null, "hours": null });
                self.say("calendar.hours_set", self.now, person, data);
            }
        }
    }

    fn person_hours(&mut self, person: &str, wanted: &Hours) {
        let same = |said: &KnownEvent| {
            let hours: Option<Value> = said.hours.as_deref().and_then(|text| serde_json::from_str(text).ok());
            said.timezone == wanted.timezone && hours == wanted.hours
        };
        let time = match wanted.since {
            Some(since) => {
                let at = since.timestamp_micros();
                let last = self.said("calendar.hours_set", person).rfind(|said| said.at == at);
                if last.is_some_and(same) {
                    return;
                }
                Beginning::At(since)
            }
            None => match self.said("calendar.hours_set", person).next_back() {
                Some(last) if same(last) => return,
                Some(_) => self.now,
                None => Beginning::Ever,
            },
        };
        let data = json!({ "person": person, "timezone": wanted.timezone, "hours": wanted.hours });
        self.say("calendar.hours_set", time, person, data);
    }

    pub(super) fn leave(&mut self, declared: &Declaration) {
        let mut wanted: BTreeMap<Stretch, &str> = BTreeMap::new();
        for leave in &declared.leave {
            let (since, until) =
                (leave.since.timestamp_micros(), leave.until.map(|until| until.timestamp_micros()));
            for person in self.whom(&leave.whose, since, until) {
                wanted.insert((person, since, until), &leave.kind);
            }
        }
        let (known, source) = (self.known, self.source);
        let holds = |(person, since, until): &Stretch| {
            known.leave.iter().find(|l| l.person == *person && l.since == *since && l.until == *until)
        };
        for (stretch, kind) in &wanted {
            if holds(stretch).is_some_and(|leave| leave.kind.as_deref() == Some(*kind)) {
                continue;
            }
            let time = self.since(words(known, stretch));
            self.say("calendar.leave_added", time, &stretch.0, stretch_data(stretch, Some(kind)));
        }
        for said in known.said.iter().filter(|s| s.r#type == "calendar.leave_added" && s.source == source) {
            let stretch = (said.entity_id.clone(), said.since.unwrap_or(said.at), said.until);
            if wanted.contains_key(&stretch)
                || holds(&stretch).is_none()
                || !self.is_ours(words(known, &stretch))
            {
                continue;
            }
            let time = self.since(words(known, &stretch));
            wanted.insert(stretch.clone(), "");
            self.say("calendar.leave_removed", time, &stretch.0, stretch_data(&stretch, None));
        }
    }

    pub(super) fn capacities(&mut self, declared: &Declaration) {
        let now = self.now.micros();
        let mut wanted: BTreeMap<Stretch, &Capacity> = BTreeMap::new();
        for capacity in &declared.capacities {
            let since = Beginning::from(capacity.since).micros();
            let until = capacity.until.map(|until| until.timestamp_micros());
            for person in self.whom(&capacity.whose, now, Some(now + 1)) {
                wanted.insert((person, since, until), capacity);
            }
        }
        let known = self.known;
        let last = |(person, since, until): &Stretch| {
            known.said.iter().rfind(|said| {
                said.r#type == "calendar.capacity_set"
                    && said.entity_id == *person
                    && said.since.unwrap_or(said.at) == *since
                    && said.until == *until
            })
        };
        for (stretch, capacity) in &wanted {
            let share = (capacity.share * 100.0).round() as i64;
            if last(stretch).is_some_and(|said| said.capacity == Some(share)) {
                continue;
            }
            self.say_capacity(stretch, json!(share as f64 / 100.0));
        }
        let ours =
            known.said.iter().filter(|s| s.r#type == "calendar.capacity_set" && s.source == self.source);
        let ours: BTreeSet<Stretch> =
            ours.map(|said| (said.entity_id.clone(), said.since.unwrap_or(said.at), said.until)).collect();
        for stretch in ours.iter().filter(|stretch| !wanted.contains_key(*stretch)) {
            if last(stretch).is_some_and(|said| said.source == self.source && said.capacity.is_some()) {
                self.say_capacity(stretch, Value::Null);
            }
        }
    }

    /// Dated at the stretch's beginning, so that of two stretches the one that begins later holds.
    fn say_capacity(&mut self, stretch: &Stretch, share: Value) {
        let mut data = stretch_data(stretch, None);
        data["capacity"] = share;
        self.say("calendar.capacity_set", Beginning::from_micros(stretch.1), &stretch.0, data);
    }
}

/// Every word on a stretch of leave, in order.
fn words<'a>(
    known: &'a crate::known::Known,
    (person, since, until): &Stretch,
) -> impl DoubleEndedIterator<Item = &'a KnownEvent> {
    let (person, since, until) = (person.clone(), *since, *until);
    known.said.iter().filter(move |said| {
        said.r#type.starts_with("calendar.leave_")
            && said.entity_id == person
            && said.since.unwrap_or(said.at) == since
            && said.until == until
    })
}

fn stretch_data((person, since, until): &Stretch, kind: Option<&str>) -> Value {
    let text = |micros: i64| DateTime::<Utc>::from_timestamp_micros(micros).map(rfc3339);
    let mut data = json!({ "person": person, "since": text(*since) });
    if let Some(until) = until {
        data["until"] = json!(text(*until));
    }
    if let Some(kind) = kind {
        data["kind"] = json!(kind);
    }
    data
}
