//! What is said when a file of people, teams or calendars changes: as little as makes it true.

use super::*;
use crate::files::{people, teams};
use crate::known::{KnownEvent, KnownPerson, KnownStay};

fn now() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-03-02T09:00:00Z").unwrap().with_timezone(&Utc)
}

/// Types and times of what is said, `ever` for the beginning of time.
fn said(declared: &Declaration, known: &Known) -> Vec<String> {
    let found = difference(declared, known, "people:x.toml", now());
    let line = |statement: &Statement| {
        let time = match statement.time {
            Beginning::Ever => "ever".to_owned(),
            Beginning::At(time) => time.format("%Y-%m-%d").to_string(),
        };
        format!("{} {time} {}", statement.type_, Value::Object(statement.data.clone()))
    };
    found.statements.iter().map(line).collect()
}

fn linked(source: &str, at: i64) -> KnownEvent {
    KnownEvent {
        r#type: "person.linked".into(),
        source: source.into(),
        entity_id: "ada".into(),
        at,
        person: Some("ada".into()),
        identity: Some("a@x".into()),
        ..KnownEvent::default()
    }
}

#[test]
fn a_link_is_said_once_and_withdrawn_only_by_who_said_it() {
    let declared = people("[[person]]\nid = \"ada\"\nidentities = [\"a@x\"]").unwrap();
    let none = people("[[person]]\nid = \"ada\"").unwrap();
    let ours = Known { said: vec![linked("people:x.toml", 0)], ..Known::default() };
    let theirs = Known { said: vec![linked("people:y.toml", 0)], ..Known::default() };
    assert_eq!(
        said(&declared, &Known::default()),
        [r#"person.linked ever {"identity":"a@x","person":"ada"}"#]
    );
    assert_eq!(said(&declared, &ours), [""; 0]);
    assert_eq!(said(&declared, &theirs), [""; 0]);
    assert_eq!(said(&none, &ours), [r#"person.unlinked ever {"identity":"a@x","person":"ada"}"#]);
    assert_eq!(said(&none, &theirs), [""; 0]);
}

#[test]
fn a_later_beginning_takes_the_earlier_word_back() {
    let declared =
        people("[[person]]\nid = \"ada\"\nidentities = [{ identity = \"a@x\", since = \"2026-01-01\" }]")
            .unwrap();
    let known = Known { said: vec![linked("people:x.toml", 0)], ..Known::default() };
    assert_eq!(
        said(&declared, &known),
        [
            r#"person.unlinked ever {"identity":"a@x","person":"ada"}"#,
            r#"person.linked 2026-01-01 {"identity":"a@x","person":"ada"}"#
        ]
    );
}

#[test]
fn what_another_source_said_is_contradicted_from_now_on() {
    let declared = people("[[person]]\nid = \"ada\"\nkind = \"bot\"").unwrap();
    let mut known = Known::default();
    let person = KnownPerson { person: "ada".into(), kind: Some("human".into()), ..KnownPerson::default() };
    known.people.insert("ada".into(), person);
    let said_of = |source: &str| KnownEvent {
        r#type: "person.updated".into(),
        source: source.into(),
        entity_id: "ada".into(),
        person_kind: Some("human".into()),
        ..KnownEvent::default()
    };
    known.said = vec![said_of("hr")];
    assert_eq!(
        said(&declared, &known),
        [r#"person.updated 2026-03-02 {"person":"ada","person_kind":"bot"}"#]
    );
    known.said = vec![said_of("people:x.toml")];
    assert_eq!(said(&declared, &known), [r#"person.updated ever {"person":"ada","person_kind":"bot"}"#]);
    let silent = people("").unwrap();
    assert_eq!(said(&silent, &known), [r#"person.updated ever {"person":"ada","person_kind":null}"#]);
}

#[test]
fn members_are_dated() {
    let member = |entry: &str| teams(&format!("[[team]]\nid = \"core\"\nmembers = [{entry}]")).unwrap();
    let stay = |since: i64, until: Option<i64>| KnownStay {
        team: "core".into(),
        person: "ada".into(),
        role: None,
        since,
        until,
    };
    let added = KnownEvent {
        r#type: "team.member_added".into(),
        source: "people:x.toml".into(),
        entity_id: "core".into(),
        person: Some("ada".into()),
        ..KnownEvent::default()
    };
    let team = crate::known::KnownTeam { team: "core".into(), ..Default::default() };
    let known = |stays: Vec<KnownStay>| Known {
        said: vec![added.clone()],
        stays,
        teams: [("core".to_owned(), crate::known::KnownTeam { team: "core".into(), ..Default::default() })]
            .into(),
        ..Known::default()
    };
    assert_eq!(team.team, "core");
    let fresh = said(&member("\"ada\""), &Known::default());
    assert_eq!(
        fresh,
        [r#"team.created ever {"team":"core"}"#, r#"team.member_added ever {"person":"ada","team":"core"}"#]
    );
    assert_eq!(said(&member("\"ada\""), &known(vec![stay(0, None)])), [""; 0]);
    let left = said(&member(""), &known(vec![stay(0, None)]));
    assert_eq!(
        left,
        [r#"team.member_removed 2026-03-02 {"person":"ada","team":"core","until":"2026-03-02T09:00:00Z"}"#]
    );
    let dated = said(&member("{ person = \"ada\", since = \"2026-01-01\" }"), &known(vec![stay(0, None)]));
    assert_eq!(
        dated,
        [
            r#"team.member_removed ever {"person":"ada","team":"core","until":"1970-01-01T00:00:00Z"}"#,
            r#"team.member_added ever {"person":"ada","since":"2026-01-01T00:00:00Z","team":"core"}"#
        ]
    );
}
