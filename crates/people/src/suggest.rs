//! Who may be one person, and why.
//!
//! Pure functions over the names that events hold. Invariant: nothing is ever joined here; a suggestion carries its
//! reasons and a score from 0 to 100, and a person decides.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::declared::Link;
use super::names::name;

/// Names shared by more people than this say nothing about who they are.
const SHARED_MAX: usize = 8;
/// Local parts and name words shorter than this say nothing.
const WORD_MIN: usize = 3;

/// A name of somebody as the events have it, by the person it stands for now.
#[derive(Clone, Debug, Deserialize)]
pub struct Sighting {
    pub person: String,
    pub identity: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub login: Option<String>,
    pub events: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suggestion {
    pub keep: String,
    pub other: String,
    pub score: u32,
    pub reasons: Vec<String>,
    pub command: String,
}

/// Everything known of one person, in lower case.
#[derive(Default)]
struct Profile {
    names: BTreeSet<String>,
    words: BTreeSet<String>,
    locals: BTreeSet<String>,
    logins: BTreeSet<String>,
    spellings: BTreeSet<String>,
    events: u64,
}

/// Pairs of people who may be one, likeliest first.
pub fn suggest(seen: &[Sighting], mailmap: &[Link]) -> Vec<Suggestion> {
    let profiles = profiles(seen);
    let mut pairs: BTreeMap<(&str, &str), (u32, BTreeSet<String>)> = BTreeMap::new();
    let mut note = |a: &'_ str, b: &'_ str, score: u32, reason: String| {
        let known = |name: &str| profiles.get_key_value(name).map(|(key, _)| key.as_str());
        let (Some(a), Some(b)) = (known(a), known(b)) else { return };
        if a != b {
            let pair = pairs.entry(if a < b { (a, b) } else { (b, a) }).or_default();
            pair.0 = pair.0.max(score);
            pair.1.insert(reason);
        }
    };
    for (full, people) in holders(&profiles, |profile| &profile.names) {
        each_pair(&people, |a, b| note(a, b, 80, format!("both are called {full}")));
    }
    for (local, people) in holders(&profiles, |profile| &profile.locals) {
        each_pair(&people, |a, b| {
            if let Some(word) = profiles[a].words.intersection(&profiles[b].words).next() {
                note(a, b, 75, format!("both addresses begin with {local}@ and both names contain {word}"));
            }
        });
    }
    for (login, people) in holders(&profiles, |profile| &profile.logins) {
        for (other, profile) in profiles.iter().filter(|(_, profile)| profile.locals.contains(&login)) {
            for person in people.iter().filter(|person| **person != other) {
                let shared = profile.words.intersection(&profiles[*person].words).next();
                let score = if shared.is_some() { 85 } else { 60 };
                note(person, other, score, format!("an address begins with the login {login}"));
            }
        }
    }
    for (_, people) in holders(&profiles, |profile| &profile.spellings) {
        each_pair(&people, |a, b| note(a, b, 95, "they differ in letter case only".to_owned()));
    }
    for one in seen
        .iter()
        .filter(|one| one.email.as_deref().is_some_and(|email| name(email) != email.to_lowercase()))
    {
        let login = name(one.email.as_deref().unwrap_or_default());
        note(&one.person, &login, 95, format!("a no-reply address contains the login {login}"));
    }
    let person_of: BTreeMap<&str, &str> =
        seen.iter().map(|one| (one.identity.as_str(), one.person.as_str())).collect();
    for link in mailmap {
        let resolve = |name: &'_ str| person_of.get(name).copied().map(str::to_owned);
        if let (Some(a), Some(b)) = (resolve(&link.person), resolve(&link.identity)) {
            note(&a, &b, 100, ".mailmap says so".to_owned());
        }
    }
    let mut found: Vec<Suggestion> = pairs
        .into_iter()
        .map(|((a, b), (score, reasons))| suggestion(&profiles, a, b, score, reasons))
        .collect();
    found.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| (&a.keep, &a.other).cmp(&(&b.keep, &b.other))));
    found
}

/// A second reason adds to the score. A login is kept before an address, and else who has more events.
fn suggestion(
    profiles: &BTreeMap<String, Profile>,
    a: &str,
    b: &str,
    score: u32,
    reasons: BTreeSet<String>,
) -> Suggestion {
    let rank =
        |name: &str| (name.contains('@') || name.contains(' '), std::cmp::Reverse(profiles[name].events));
    let (keep, other) = if rank(a) <= rank(b) { (a, b) } else { (b, a) };
    let more = 5 * (reasons.len() as u32 - 1);
    Suggestion {
        keep: keep.to_owned(),
        other: other.to_owned(),
        score: if score == 100 { 100 } else { (score + more).min(99) },
        reasons: reasons.into_iter().collect(),
        command: format!("plimsoll people merge {} {}", quoted(keep), quoted(other)),
    }
}

fn profiles(seen: &[Sighting]) -> BTreeMap<String, Profile> {
    let mut profiles: BTreeMap<String, Profile> = BTreeMap::new();
    for one in seen {
        let profile = profiles.entry(one.person.clone()).or_default();
        profile.events += one.events;
        profile.spellings.insert(one.identity.to_lowercase());
        for text in [Some(&one.identity), one.email.as_ref(), one.login.as_ref()].into_iter().flatten() {
            let text = text.to_lowercase();
            match text.split_once('@') {
                Some((local, _)) if local.len() >= WORD_MIN => drop(profile.locals.insert(local.to_owned())),
                Some(_) => {}
                None if text.contains(' ') => add_name(profile, &text),
                None if text.len() >= WORD_MIN => drop(profile.logins.insert(text)),
                None => {}
            }
        }
        if let Some(name) = &one.name {
            add_name(profile, &name.to_lowercase());
        }
    }
    profiles
}

fn add_name(profile: &mut Profile, name: &str) {
    let words: Vec<&str> =
        name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    profile
        .words
        .extend(words.iter().filter(|word| word.chars().count() >= WORD_MIN).map(|w| (*w).to_owned()));
    if words.len() >= 2 {
        profile.names.insert(words.join(" "));
    }
}

/// Who has each value, where few enough have it to mean something.
fn holders<'a>(
    profiles: &'a BTreeMap<String, Profile>,
    values: impl Fn(&'a Profile) -> &'a BTreeSet<String>,
) -> BTreeMap<String, Vec<&'a String>> {
    let mut holders: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for (person, profile) in profiles {
        for value in values(profile) {
            holders.entry(value.clone()).or_default().push(person);
        }
    }
    holders.retain(|_, people| people.len() <= SHARED_MAX);
    holders
}

fn each_pair(people: &[&String], mut look: impl FnMut(&str, &str)) {
    for (index, a) in people.iter().enumerate() {
        for b in &people[index + 1..] {
            look(a, b);
        }
    }
}

/// For a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@._-+".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(identity: &str, name: Option<&str>, events: u64) -> Sighting {
        Sighting {
            person: identity.to_owned(),
            identity: identity.to_owned(),
            name: name.map(str::to_owned),
            email: identity.contains('@').then(|| identity.to_owned()),
            login: None,
            events,
        }
    }

    #[test]
    fn reasons_are_found_and_strangers_are_not() {
        let everybody = [
            seen("ada@acme.example", Some("Ada Lovelace"), 5),
            seen("ada@home.example", Some("Ada Lovelace"), 2),
            seen("bo@acme.example", Some("Bo Diddley"), 3),
            seen("bo.diddley", None, 9),
            seen("dee.k@acme.example", Some("Dee K"), 1),
            seen("dee.k", None, 1),
            seen("info@acme.example", Some("Cy"), 1),
            seen("info@other.example", Some("Eve"), 1),
            seen("Flo-K", None, 1),
            seen("flo-k", None, 2),
        ];
        let found = suggest(&everybody, &[]);
        let brief: Vec<_> = found.iter().map(|s| (s.keep.as_str(), s.other.as_str(), s.score)).collect();
        assert_eq!(
            brief,
            [
                ("flo-k", "Flo-K", 95),
                ("ada@acme.example", "ada@home.example", 85),
                ("dee.k", "dee.k@acme.example", 60)
            ]
        );
        assert_eq!(found[1].reasons.len(), 2);
        assert_eq!(found[2].command, "plimsoll people merge dee.k dee.k@acme.example");
        let link = Link { person: "bo.diddley".into(), identity: "bo@acme.example".into(), since: None };
        assert_eq!(suggest(&everybody, &[link])[0].score, 100);
    }

    #[test]
    fn commands_can_be_pasted() {
        assert_eq!(quoted("Ada O'Neil"), r"'Ada O'\''Neil'");
        assert_eq!(quoted("ada@acme.example"), "ada@acme.example");
    }
}
