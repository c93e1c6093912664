//! `memberships(at, seq, event_id, type, person, role, since_at, until_at)`: dated memberships of one team.
//!
//! `team.member_added` opens a membership at `since_at`, else at the event; said again before a removal,
//! it changes the role and the end and can only move the beginning back. `team.member_removed` ends it at
//! `until_at`, else `since_at`, else at the event; an end before the beginning means that the membership
//! never was. An `until_at` given when adding is the end unless a later event says otherwise.
//! `team.deleted` ends all. Other events say nothing.
//! Gives a list of structs `person`, `role`, `from_at`, `to_at` in order of (from_at, person).

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewBuilder, StructArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, TimestampMicrosecondType};
use datafusion::common::Result;

use super::gathered::{Entry, Sorted, Texts, lists};
use super::types::{check_types, timestamp};

const TYPE: usize = 3;
const PERSON: usize = 4;
const ROLE: usize = 5;
const SINCE: usize = 6;
const UNTIL: usize = 7;
/// Of a person's memberships that only a stated end is about to end, so many of the last are looked through.
const HELD_MAX: usize = 64;

fn item() -> Fields {
    Fields::from(vec![
        Field::new("person", DataType::Utf8View, true),
        Field::new("role", DataType::Utf8View, true),
        Field::new("from_at", timestamp(), true),
        Field::new("to_at", timestamp(), true),
    ])
}

pub(super) fn output(fields: &[FieldRef]) -> Result<DataType> {
    let wanted = [
        ("effective_at", timestamp()),
        ("seq", DataType::Int64),
        ("event_id", DataType::Utf8View),
        ("type", DataType::Utf8View),
        ("person", DataType::Utf8View),
        ("role", DataType::Utf8View),
        ("since_at", timestamp()),
        ("until_at", timestamp()),
    ];
    check_types("memberships", fields, &wanted)?;
    Ok(DataType::List(Arc::new(Field::new("item", DataType::Struct(item()), true))))
}

struct Membership<'a> {
    person: &'a str,
    role: Option<&'a str>,
    from: i64,
    to: Option<i64>,
}

/// The memberships of a team while its events go by.
#[derive(Default)]
struct Team<'a> {
    memberships: Vec<Membership<'a>>,
    /// Of each person, those that no event has ended, so that adding the person again does not start another.
    held: HashMap<&'a str, Vec<usize>>,
}

pub(super) fn fold(rows: &Sorted) -> Result<ArrayRef> {
    let (types, persons, roles) =
        (Texts(rows.texts(TYPE)), Texts(rows.texts(PERSON)), Texts(rows.texts(ROLE)));
    let (mut people, mut held) = (StringViewBuilder::new(), StringViewBuilder::new());
    let (mut from, mut to) = (Vec::new(), Vec::new());
    let mut lengths = Vec::with_capacity(rows.groups);
    for range in rows.ranges() {
        let mut team = Team::default();
        for entry in &rows.entries[range] {
            let (since, until) = (time(rows, SINCE, entry), time(rows, UNTIL, entry));
            match (types.get(entry), persons.get(entry)) {
                (Some("team.member_added"), Some(person)) => {
                    let from = since.unwrap_or(entry.at);
                    team.add(Membership { person, role: roles.get(entry), from, to: until }, since.is_some())
                }
                (Some("team.member_removed"), Some(person)) => {
                    team.remove(person, until.or(since).unwrap_or(entry.at))
                }
                (Some("team.deleted"), _) => team.end(entry.at),
                _ => {}
            }
        }
        let mut team = team.memberships;
        team.retain(|one| one.to.is_none_or(|to| to > one.from));
        team.sort_by(|a, b| (a.from, a.person, a.to).cmp(&(b.from, b.person, b.to)));
        lengths.push(team.len());
        for one in team {
            people.append_value(one.person);
            held.append_option(one.role);
            from.push(one.from);
            to.push(one.to);
        }
    }
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(people.finish()),
        Arc::new(held.finish()),
        Arc::new(TimestampMicrosecondArray::from(from).with_timezone("UTC")),
        Arc::new(TimestampMicrosecondArray::from(to).with_timezone("UTC")),
    ];
    lists(&DataType::Struct(item()), lengths, Arc::new(StructArray::try_new(item(), arrays, None)?))
}

impl<'a> Team<'a> {
    /// `dated` says whether the event names the beginning.
    fn add(&mut self, new: Membership<'a>, dated: bool) {
        let held = self.held.entry(new.person).or_default();
        // A membership whose stated end has passed by the time of this one is over.
        let goes_on = |place: &&usize| self.memberships[**place].to.is_none_or(|to| to >= new.from);
        match held.iter().rev().take(HELD_MAX).find(goes_on) {
            Some(&place) => {
                let one = &mut self.memberships[place];
                if dated {
                    one.from = one.from.min(new.from);
                }
                one.role = new.role.or(one.role);
                one.to = new.to;
            }
            None => {
                held.push(self.memberships.len());
                self.memberships.push(new);
            }
        }
    }

    fn remove(&mut self, person: &str, at: i64) {
        for place in self.held.remove(person).unwrap_or_default() {
            let one = &mut self.memberships[place];
            if one.to.is_none_or(|to| to > at) {
                one.to = Some(at);
            }
        }
    }

    /// Ends those of everybody.
    fn end(&mut self, at: i64) {
        let people: Vec<&str> = self.held.keys().copied().collect();
        people.into_iter().for_each(|person| self.remove(person, at));
    }
}

fn time(rows: &Sorted, column: usize, entry: &Entry) -> Option<i64> {
    let times = rows.batches[entry.batch as usize][column].as_primitive::<TimestampMicrosecondType>();
    times.is_valid(entry.row as usize).then(|| times.value(entry.row as usize))
}
