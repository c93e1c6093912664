//! Events without what names somebody, for those who may not see people.
//!
//! An event's id is made of the fact, and so of logins; a producer may put a name into a subject, a link or a source too.
//! So an event is called by its place in the log, and the other three stay only if they name nobody whom the events of
//! the answer, or those about people and teams, have as a person.
//! Invariant: what is listed has none of the people in the columns of any of these events.
//! Deliberately absent: names that none of them has as a person.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Int32Type, Int64Type};
use arrow::error::ArrowError;

use crate::catalogue::holds_people;

/// Columns that stay where they name nobody.
const CARRIERS: [&str; 3] = ["subject", "url", "source"];
const ID: &str = "event_id";

/// Whom some events name.
#[derive(Default)]
pub struct PeopleNames {
    /// In lower case, by their first word.
    by_word: HashMap<String, Vec<String>>,
}

impl PeopleNames {
    /// The people in the columns of events.
    pub fn of<'e>(events: impl IntoIterator<Item = &'e RecordBatch>) -> Result<PeopleNames, ArrowError> {
        let mut names = PeopleNames::default();
        for rows in events {
            for (field, column) in rows.schema_ref().fields().iter().zip(rows.columns()) {
                if holds_people(field) {
                    let people = match field.data_type() {
                        DataType::List(_) => column.as_list::<i32>().values(),
                        _ => column,
                    };
                    let people = cast(people, &DataType::Utf8)?;
                    people.as_string::<i32>().iter().flatten().for_each(|name| names.add(name));
                }
            }
        }
        Ok(names)
    }

    fn add(&mut self, name: &str) {
        let name = name.to_lowercase();
        let Some((_, word)) = words(&name).next() else { return };
        match self.by_word.get_mut(word) {
            Some(known) if known.contains(&name) => {}
            Some(known) => known.push(name),
            None => drop(self.by_word.insert(word.to_owned(), vec![name])),
        }
    }

    /// Whether a text has one of the names as words of its own.
    fn stand_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let stands = |at: usize, name: &String| {
            let first = words(name).next().map_or(0, |(at, _)| at);
            let Some(from) = at.checked_sub(first) else { return false };
            text.get(from..).and_then(|rest| rest.strip_prefix(name.as_str())).is_some_and(is_end)
        };
        words(&text).any(|(at, word)| {
            self.by_word.get(word).is_some_and(|names| names.iter().any(|name| stands(at, name)))
        })
    }
}

/// Words of letters and digits, and where each begins.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let whole = text;
    text.split(|next: char| !in_word(next))
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr() as usize - whole.as_ptr() as usize, word))
}

fn in_word(next: char) -> bool {
    next.is_alphanumeric() || next == '_'
}

fn is_end(rest: &str) -> bool {
    !rest.starts_with(in_word)
}

/// `told`, which is some columns of `rows`, without what names somebody.
pub fn veiled(
    rows: &RecordBatch,
    told: &RecordBatch,
    names: &PeopleNames,
) -> Result<RecordBatch, ArrowError> {
    let column = |(field, column): (&FieldRef, &ArrayRef)| match field.name().as_str() {
        ID => Ok(Arc::new(places(rows)?) as ArrayRef),
        name if CARRIERS.contains(&name) => {
            let texts = cast(column, &DataType::Utf8)?;
            let kept = texts.as_string::<i32>().iter().map(|text| text.filter(|text| !names.stand_in(text)));
            Ok(Arc::new(kept.collect::<StringArray>()) as ArrayRef)
        }
        _ => Ok(Arc::clone(column)),
    };
    let columns = told.schema_ref().fields().iter().zip(told.columns()).map(column);
    RecordBatch::try_new(told.schema(), columns.collect::<Result<_, ArrowError>>()?)
}

/// Where each row's record stands in the log: `topic/partition/offset`.
fn places(rows: &RecordBatch) -> Result<StringArray, ArrowError> {
    let column = |name: &str| rows.column_by_name(name).expect("events have a place in a log");
    let topics = cast(column("topic"), &DataType::Utf8)?;
    let topics = topics.as_string::<i32>();
    let partitions = column("partition").as_primitive::<Int32Type>();
    let offsets = column("offset").as_primitive::<Int64Type>();
    let place =
        |row: usize| format!("{}/{}/{}", topics.value(row), partitions.value(row), offsets.value(row));
    Ok((0..rows.num_rows()).map(|row| Some(place(row))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_as_words_of_its_own() {
        let mut names = PeopleNames::default();
        for name in ["Ada", "ada lovelace", "@bo", "cy@a.example", "dee-smith", ""] {
            names.add(name);
        }
        for (text, expect) in [
            ("https://x.example/ADA/y", true),
            ("acme/api#1", false),
            ("github:acme/api/pull/1:requested:ada:2026", true),
            ("src/adapter", false),
            ("by ada_smith", false),
            ("Lovelace", false),
            ("see @bo", true),
            ("see bo", false),
            ("mailto:cy@a.example", true),
            ("cy@a.examples", false),
            ("x/dee-smith", true),
            ("x/dee-smithy", false),
            ("dee", false),
            ("", false),
        ] {
            assert_eq!(names.stand_in(text), expect, "{text}");
        }
    }
}
