//! `memberships(at, seq, event_id, type, person, role, since_at, until_at)`: dated memberships of one team.
//!
//! `team.member_added` opens a membership at `since_at`, else at the event; said again before a removal,
//! it changes the role and the end and can only move the beginning back. `team.member_removed` ends it at
//! `until_at`, else `since_at`, else at the event; an end before the beginning means that the membership
//! never was. An `until_at` given when adding is the end unless a later event says otherwise.
//! `team.deleted` ends all. Other events say nothing.
//! Gives a list of structs `person`, `role`, `from_at`, `to_at` in order of (from_at, person).

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
    /// Whether an event has ended it, so that adding the person again starts another.
    ended: bool,
}

pub(super) fn fold(rows: &Sorted) -> Result<ArrayRef> {
    let (types, persons, roles) =
        (Texts(rows.texts(TYPE)), Texts(rows.texts(PERSON)), Texts(rows.texts(ROLE)));
    let (mut people, mut held) = (StringViewBuilder::new(), StringViewBuilder::new());
    let (mut from, mut to) = (Vec::new(), Vec::new());
    let mut lengths = Vec::with_capacity(rows.groups);
    for range in rows.ranges() {
        let mut team: Vec<Membership<'_>> = Vec::new();
        for entry in &rows.entries[range] {
            let (since, until) = (time(rows, SINCE, entry), time(rows, UNTIL, entry));
            match (types.get(entry), persons.get(entry)) {
                (Some("team.member_added"), Some(person)) => added(
                    &mut team,
                    person,
                    roles.get(entry),
                    since.unwrap_or(entry.at),
                    since.is_some(),
                    until,
                ),
                (Some("team.member_removed"), Some(person)) => {
                    removed(&mut team, Some(person), until.or(since).unwrap_or(entry.at))
                }
                (Some("team.deleted"), _) => removed(&mut team, None, entry.at),
                _ => {}
            }
        }
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

fn added<'a>(
    team: &mut Vec<Membership<'a>>,
    person: &'a str,
    role: Option<&'a str>,
    from: i64,
    dated: bool,
    until: Option<i64>,
) {
    // A membership whose stated end has passed by the time of this one is over.
    let current = team
        .iter_mut()
        .rev()
        .find(|one| one.person == person && !one.ended && one.to.is_none_or(|to| to >= from));
    match current {
        Some(one) => {
            if dated {
                one.from = one.from.min(from);
            }
            one.role = role.or(one.role);
            one.to = until;
        }
        None => team.push(Membership { person, role, from, to: until, ended: false }),
    }
}

fn removed(team: &mut [Membership<'_>], person: Option<&str>, at: i64) {
    for one in team.iter_mut().filter(|one| !one.ended && person.is_none_or(|person| person == one.person)) {
        if one.to.is_none_or(|to| to > at) {
            one.to = Some(at);
        }
        one.ended = true;
    }
}

fn time(rows: &Sorted, column: usize, entry: &Entry) -> Option<i64> {
    let times = rows.batches[entry.batch as usize][column].as_primitive::<TimestampMicrosecondType>();
    times.is_valid(entry.row as usize).then(|| times.value(entry.row as usize))
}
