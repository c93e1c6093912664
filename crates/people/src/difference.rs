//! What must be said so that the tables agree with a file.
//!
//! Invariants: where they agree nothing is said; nothing is taken back but what the same source said last. A fact
//! that nobody contradicted holds from the beginning of time; where another source spoke, ours is dated now.
//! Deliberately absent: reading and writing; this is a function of two values and a moment.

mod calendar;
mod team;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::declared::{Declaration, Link, Person};
use super::known::{Known, KnownEvent, KnownPerson};
use super::names::{matches, name};
use super::spelling::spellings;
use super::statement::{Beginning, Statement};

/// What sources of this command's facts begin with.
pub const SOURCE: &str = "people:";

/// Events to come, and what a person should know.
#[derive(Debug, Default, PartialEq)]
pub struct Difference {
    pub statements: Vec<Statement>,
    pub notes: Vec<String>,
}

pub fn difference(declared: &Declaration, known: &Known, source: &str, now: DateTime<Utc>) -> Difference {
    let mut differ = Differ { known, source, now: Beginning::At(now), found: Difference::default() };
    differ.found.notes.clone_from(&declared.notes);
    differ.people(declared);
    let spelt = spellings(declared, known);
    differ.links(&[declared.links.as_slice(), &spelt].concat());
    differ.teams(declared);
    differ.stays(declared);
    differ.hours(declared);
    differ.leave(declared);
    differ.capacities(declared);
    differ.found
}

struct Differ<'a> {
    known: &'a Known,
    source: &'a str,
    now: Beginning,
    found: Difference,
}

/// One field of a person or team: what the file says, what holds, and whether an event speaks of it.
struct Field<D, K> {
    name: &'static str,
    of_declared: fn(&D) -> Option<Value>,
    of_known: fn(&K) -> Option<Value>,
    is_said: fn(&KnownEvent) -> bool,
}

const fn field<D, K>(
    name: &'static str,
    of_declared: fn(&D) -> Option<Value>,
    of_known: fn(&K) -> Option<Value>,
    is_said: fn(&KnownEvent) -> bool,
) -> Field<D, K> {
    Field { name, of_declared, of_known, is_said }
}

fn text(text: &Option<String>) -> Option<Value> {
    text.as_ref().map(|text| json!(text))
}

const OF_PERSON: [Field<Person, KnownPerson>; 4] = [
    field("name", |person| text(&person.name), |known| text(&known.name), |said| said.name.is_some()),
    field(
        "person_kind",
        |person| text(&person.kind),
        |known| text(&known.kind),
        |said| said.person_kind.is_some(),
    ),
    field(
        "timezone",
        |person| text(&person.timezone),
        |known| text(&known.timezone),
        |said| said.timezone.is_some(),
    ),
    field(
        "capacity",
        |person| person.capacity.map(|share| json!((share * 100.0).round() / 100.0)),
        |known| known.capacity.map(|share| json!(share as f64 / 100.0)),
        |said| said.capacity.is_some(),
    ),
];

impl<'a> Differ<'a> {
    fn say(&mut self, type_: &'static str, time: Beginning, subject: &str, data: Value) {
        self.found.statements.push(Statement::new(type_, time, subject, data));
    }

    /// Events about `id` of types that begin with `family`, in order.
    fn said(&self, family: &'a str, id: &'a str) -> impl DoubleEndedIterator<Item = &'a KnownEvent> {
        self.known.said.iter().filter(move |said| said.entity_id == id && said.r#type.starts_with(family))
    }

    /// Whether the last word is this source's.
    fn is_ours<'b>(&self, mut said: impl DoubleEndedIterator<Item = &'b KnownEvent>) -> bool {
        said.next_back().is_some_and(|said| said.source == self.source)
    }

    /// From the beginning of time, unless a source other than a file of people spoke.
    fn since<'b>(&self, mut said: impl Iterator<Item = &'b KnownEvent>) -> Beginning {
        if said.any(|said| !said.source.starts_with(SOURCE)) { self.now } else { Beginning::Ever }
    }

    /// Subjects of events of this type that this source said.
    fn subjects(&self, type_: &str) -> BTreeSet<String> {
        let said = self.known.said.iter().filter(|said| said.r#type == type_ && said.source == self.source);
        said.map(|said| said.entity_id.clone()).collect()
    }

    /// The fields that must change, with null for those that only this source said and no longer says.
    fn changed<D, K>(
        &self,
        (family, id): (&'a str, &'a str),
        fields: &[Field<D, K>],
        (declared, known): (&D, Option<&K>),
        weak: bool,
    ) -> Map<String, Value> {
        let mut data = Map::new();
        for field in fields {
            let (wanted, holds) = ((field.of_declared)(declared), known.and_then(field.of_known));
            let words = || self.said(family, id).filter(|said| (field.is_said)(said));
            if wanted == holds || (weak && holds.is_some() && !self.is_ours(words())) {
                continue;
            }
            match wanted {
                Some(value) => drop(data.insert(field.name.to_owned(), value)),
                None if self.is_ours(words()) => drop(data.insert(field.name.to_owned(), Value::Null)),
                None => {}
            }
        }
        data
    }

    fn people(&mut self, declared: &Declaration) {
        let nobody = Person::default();
        let mut wanted: BTreeMap<String, &Person> = BTreeMap::new();
        wanted.extend(self.subjects("person.updated").into_iter().map(|person| (person, &nobody)));
        wanted.extend(declared.people.iter().map(|person| (person.person.clone(), person)));
        let bots = self.bots(declared);
        wanted.extend(bots.iter().map(|bot| (bot.person.clone(), bot)));
        for (id, person) in &wanted {
            let holds = self.known.people.get(id);
            let mut data = self.changed(("person.updated", id), &OF_PERSON, (*person, holds), declared.weak);
            if !data.is_empty() {
                let time = self.since(self.said("person.updated", id));
                data.insert("person".to_owned(), json!(id));
                self.say("person.updated", time, id, Value::Object(data));
            }
        }
    }

    /// Those whom a name or pattern makes bots and whom the file does not describe otherwise.
    fn bots(&self, declared: &Declaration) -> Vec<Person> {
        let described = |name: &str| declared.people.iter().any(|person| person.person == name);
        let named = declared.bots.iter().filter(|pattern| !pattern.contains('*')).map(|text| name(text));
        let seen = self.known.names.iter().filter(|name| {
            declared.bots.iter().any(|pattern| pattern.contains('*') && matches(pattern, name))
        });
        let people: BTreeSet<String> =
            named.chain(seen.map(|name| self.known.person(name).to_owned())).collect();
        let bot = |person| Person { person, kind: Some("bot".to_owned()), ..Person::default() };
        people.into_iter().filter(|name| !described(name)).map(bot).collect()
    }

    fn links(&mut self, declared: &[Link]) {
        for link in declared {
            let held = self.known.link(&link.person, &link.identity).map(|(times, _)| times);
            let from = Beginning::from(link.since);
            if let Some(times) = &held
                && (link.since.is_none() || times[0] == from.micros())
            {
                continue;
            }
            // A later beginning means that the earlier words were wrong.
            for time in held.into_iter().flatten().filter(|time| *time < from.micros()) {
                self.say_link("person.unlinked", Beginning::from_micros(time), &link.person, &link.identity);
            }
            self.say_link("person.linked", from, &link.person, &link.identity);
            if let Some(other) = self.known.person_of.get(&link.identity)
                && other != self.known.person(&link.person)
            {
                self.found.notes.push(format!(
                    "{} is linked to {other} as well; the later link holds, and 'plimsoll people unmerge {other} {}' removes the other",
                    link.identity, link.identity
                ));
            }
        }
        for person in self.subjects("person.linked") {
            let identities: BTreeSet<String> =
                self.said("person.linked", &person).filter_map(|said| said.identity.clone()).collect();
            for identity in identities {
                let stays = declared.iter().any(|l| l.person == person && l.identity == identity);
                let held = self.known.link(&person, &identity).filter(|(_, by)| *by == self.source);
                let Some((times, _)) = held.filter(|_| !stays) else { continue };
                for time in times {
                    self.say_link("person.unlinked", Beginning::from_micros(time), &person, &identity);
                }
            }
        }
    }

    fn say_link(&mut self, type_: &'static str, time: Beginning, person: &str, identity: &str) {
        self.say(type_, time, person, json!({ "person": person, "identity": identity }));
    }
}

#[cfg(test)]
mod tests;
