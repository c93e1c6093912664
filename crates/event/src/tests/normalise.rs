//! Vendors' bodies in, events out, through the same door as ingest: [`BatchBuilder::push_as`].
//!
//! Invariant: a case is a body and what it gives, each event as one line of type, id, time and data.
//! Deliberately absent: vendors' own rules, which have a file each below.

mod bitbucket;
mod cdevents;
mod gerrit;
mod gharchive;
mod gitea;
mod github;
mod gitlab;
mod jira;
mod jira_real;
mod properties;
mod real;

use serde_json::{Value, json};

use super::{LOGGED_US, Record, cell, record};
use crate::{BatchBuilder, Counts, Delivery, Draft, Format, Normalised, Outcome, Reason, Reject, Table};

fn normalise(format: Format, name: Option<&str>, body: &[u8]) -> Result<Normalised, Reject> {
    crate::normalise(format, &Delivery { name, body, received_us: LOGGED_US })
}

/// The events of a body, each as one line. Every event goes through the decoder.
#[track_caller]
fn lines(format: Format, name: Option<&str>, body: &Value) -> Vec<String> {
    let found = normalise(format, name, body.to_string().as_bytes());
    let found = found.unwrap_or_else(|reject| panic!("{reject}: {body}"));
    assert!(found.known, "{} is unknown: {body}", found.kind);
    found.events.iter().map(line).collect()
}

#[track_caller]
fn line(draft: &Draft) -> String {
    assert_decodes(draft);
    let Draft { kind, id, time, data, .. } = draft;
    format!("{kind} {id} {time} {}", Value::Object(data.clone()))
}

/// The decoder takes the event, knows all its fields, and gives it back as it was.
#[track_caller]
fn assert_decodes(draft: &Draft) {
    let text = draft.to_json();
    let event = match crate::decode(&record(&[], text.as_bytes())) {
        Ok(crate::Decoded::Event(event)) => event,
        other => panic!("{other:?}: {text}"),
    };
    assert_eq!(event.extra, None, "{text}");
    assert_eq!((event.kind.name, &*event.id, &*event.source), (draft.kind, &*draft.id, &*draft.source));
    assert_eq!((event.seq, event.source_version), (draft.sequence, draft.source_version));
    assert_eq!(event.table(), draft.table());
    assert!(!draft.key().is_empty());
}

/// Pushes raw records; how each one ended, what was counted, and how many rows each table has.
fn pushed(format: Format, records: &[Record<'_>]) -> (Vec<Outcome>, Counts, [usize; Table::ALL.len()]) {
    let mut builder = BatchBuilder::new();
    let outcomes = records.iter().map(|record| builder.push_as(format, record)).collect();
    let batch = builder.finish(Vec::new());
    let counts = batch.counts;
    assert_eq!(
        counts.records + counts.further,
        counts.events + counts.dead_letters + counts.unknown + counts.silent + counts.tombstones
    );
    (outcomes, counts, Table::ALL.map(|table| batch.table(table).num_rows()))
}

const PUSH: &str = r#"{"ref":"refs/heads/main","before":"0","after":"2","repository":{"full_name":"acme/api"},
    "commits":[{"id":"1","message":"One","author":{"name":"Ada"}},{"id":"2","message":"Two","author":{"name":"Bo"}}]}"#;

#[test]
fn formats_have_names() {
    for format in Format::ALL {
        assert_eq!(Format::from_name(format.name()), Some(format));
    }
    assert_eq!(Format::from_name("svn"), None);
}

#[test]
fn the_document_of_sources_names_every_format_and_header() {
    let text = include_str!("../../../../docs/sources.md");
    for format in Format::ALL {
        assert!(text.contains(&format!("| `{format}` |")), "no row of {format}");
        let heading = format!("(`{format}`)\n");
        assert!(format == Format::CloudEvents || text.contains(&heading), "no heading of {format}");
        let header = format.event_header().unwrap_or_default();
        assert!(text.contains(header), "{header} is not named");
    }
}

#[test]
fn a_body_becomes_rows_at_one_place_of_the_log() {
    let header: &[(&str, &[u8])] = &[("x-github-EVENT", b"push")];
    let star = br#"{"action":"created","repository":{"full_name":"acme/api"}}"#;
    let (outcomes, counts, rows) = pushed(
        Format::GitHub,
        &[
            record(header, PUSH.as_bytes()),
            record(&[], PUSH.as_bytes()),
            record(&[("X-GitHub-Event", b"star")], star),
            record(&[("X-GitHub-Event", b"teleport")], star),
            record(&[], b"{}"),
            record(&[], b"{"),
            Record { value: None, ..record(&[], b"") },
        ],
    );
    let expected = [
        Outcome::Normalised(2),
        Outcome::Normalised(2),
        Outcome::Normalised(0),
        Outcome::Unknown,
        Outcome::Unknown,
        Outcome::DeadLetter(Reason::TruncatedJson),
        Outcome::Tombstone,
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(rows, [4, 0, 0, 0, 1]);
    assert_eq!((counts.records, counts.events, counts.further), (7, 4, 2));
    assert_eq!((counts.unknown, counts.silent, counts.tombstones, counts.dead_letters), (2, 1, 1, 1));
}

#[test]
fn a_body_with_one_bad_event_keeps_none() {
    let untimely = PUSH.replace(r#""message":"Two""#, r#""timestamp":"soon","message":"Two""#);
    let mut builder = BatchBuilder::new();
    let outcome = builder.push_as(Format::GitHub, &record(&[], untimely.as_bytes()));
    let batch = builder.finish(Vec::new());
    assert_eq!(outcome, Outcome::DeadLetter(Reason::BadTime));
    assert_eq!((batch.commits.num_rows(), batch.dead_letters.num_rows()), (0, 1));
    let kept: String = untimely.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(cell(&batch.dead_letters, "value"), kept);
    assert_eq!(cell(&batch.dead_letters, "offset"), "42");
}

#[test]
fn cloudevents_go_the_ordinary_way() {
    let text = super::event("change.opened", r#"{"repo":"r","change":"1"}"#);
    let (outcomes, ..) = pushed(Format::CloudEvents, &[record(&[], text.as_bytes())]);
    assert_eq!(outcomes, [Outcome::Event(Table::Reviews)]);
    let refused = normalise(Format::CloudEvents, None, text.as_bytes()).unwrap_err();
    assert_eq!(refused.reason, Reason::UnsupportedContent);
}

#[test]
fn broken_bodies_are_dead_letters_of_any_vendor() {
    let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    let cases: [(Vec<u8>, Reason); 9] = [
        (Vec::new(), Reason::EmptyValue),
        (b"{\"action\":\"\xff\"}".to_vec(), Reason::InvalidUtf8),
        ("\u{feff}{}".into(), Reason::ByteOrderMark),
        (PUSH[..PUSH.len() - 1].into(), Reason::TruncatedJson),
        (format!("{PUSH}]").into(), Reason::TrailingGarbage),
        (b"{'a':1}".to_vec(), Reason::InvalidJson),
        (b"{\"a\":1e999}".to_vec(), Reason::NumberOutOfRange),
        (b"[]".to_vec(), Reason::NotAnEvent),
        (deep(10_000).into(), Reason::TooDeep),
    ];
    for format in Format::ALL.into_iter().filter(|format| *format != Format::CloudEvents) {
        for (body, reason) in &cases {
            let (outcomes, ..) = pushed(format, &[record(&[], body)]);
            assert_eq!(
                outcomes,
                [Outcome::DeadLetter(*reason)],
                "{format} {}",
                String::from_utf8_lossy(body)
            );
        }
    }
    let heavy = vec![b' '; (1 << 20) + 1];
    let (outcomes, ..) = pushed(Format::GitHub, &[record(&[], &heavy)]);
    assert_eq!(outcomes, [Outcome::DeadLetter(Reason::ValueTooLarge)]);
}

#[test]
fn a_body_is_cleaned_of_what_no_text_may_hold() {
    let body = PUSH.replace("Two", r"T\u0000w\ud800o").replace(r#""after""#, r#""x\u0000":"\udfff","after""#);
    let mut builder = BatchBuilder::new();
    let outcome = builder.push_as(Format::GitHub, &record(&[], body.as_bytes()));
    let batch = builder.finish(Vec::new());
    assert_eq!(outcome, Outcome::Normalised(2));
    assert_eq!((batch.counts.cleaned, batch.counts.dead_letters), (1, 0));
    assert_eq!(normalise(Format::GitHub, Some("push"), body.as_bytes()).unwrap().cleaned, 4);
    // Who writes our own events can be told.
    let own = super::event("change.opened", r#"{"repo":"r","change":"1","title":"a\u0000"}"#);
    let (outcomes, ..) = pushed(Format::CloudEvents, &[record(&[], own.as_bytes())]);
    assert_eq!(outcomes, [Outcome::DeadLetter(Reason::NulInString)]);
}

#[test]
fn a_body_holds_a_bounded_number_of_events() {
    let commits = |len: usize| {
        let commits: Vec<Value> = (0..len).map(|sha| json!({"id": sha.to_string()})).collect();
        json!({"ref": "refs/heads/main", "repository": {"full_name": "acme/api"}, "commits": commits})
    };
    let events = |len: usize| normalise(Format::GitHub, Some("push"), commits(len).to_string().as_bytes());
    assert_eq!(events(4096).unwrap().events.len(), 4096);
    assert_eq!(events(4097).unwrap_err().reason, Reason::ValueTooLarge);
}
