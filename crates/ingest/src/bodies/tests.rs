//! Files of webhook bodies, read from a folder and told from anything else that lies there.

use event::{BatchBuilder, Outcome, Record};
use serde_json::json;

use super::*;
use crate::Formats;

struct Collected(Vec<Entry>);

impl Produce for Collected {
    fn produce(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        self.0.extend(entries);
        Ok(())
    }
}

fn write(folder: &Path, name: &str, content: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// A ping that names nothing but its repository.
fn milestone(action: &str) -> String {
    json!({
        "action": action, "repository": {"full_name": "acme/api"},
        "milestone": {"number": 3, "title": "M", "created_at": "2026-01-02T03:04:05Z", "due_on": null},
    })
    .to_string()
}

fn ingest(folder: &Path, format: Format) -> (Vec<Entry>, BodyTotals) {
    let mut log = Collected(Vec::new());
    let mut bodies = Bodies::new(format, &mut log);
    let found = Folder::read(folder).unwrap();
    for path in &found.bodies {
        bodies.read_whole(path).unwrap();
    }
    for path in &found.lines {
        bodies.read_lines(path, &mut |_| {}).unwrap();
    }
    bodies.flush().unwrap();
    let totals = bodies.totals().clone();
    (log.0, totals)
}

#[test]
fn bodies_of_a_folder_are_counted_once_as_what_they_became() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "milestone/created.json", &milestone("created"));
    // The folder's name is no event's, so the body tells.
    write(folder.path(), "kept/deep/created.json", &milestone("created"));
    write(folder.path(), "ping/1.json", "{\"zen\":\"z\"}");
    write(folder.path(), "more.jsonl", &format!("{}\n\n{{\"zen\":\"z\"}}\n", milestone("teleported")));
    write(folder.path(), "broken.json", "{\"action\":");
    write(folder.path(), "README.md", "no body");
    let (entries, totals) = ingest(folder.path(), Format::GitHub);
    assert_eq!((totals.bodies, totals.silent, totals.unknown_count(), totals.refused), (6, 2, 1, 1));
    assert_eq!(totals.events.iter().collect::<Vec<_>>(), [(&"milestone.created", &2)]);
    assert_eq!(totals.unknown.keys().collect::<Vec<_>>(), ["milestone.teleported"]);
    assert!(totals.refusals[0].contains("broken.json: truncated"), "{:?}", totals.refusals);
    assert_eq!(entries.len(), 3);
    assert!(totals.describe("hooks", "bodies")[0].contains("6 bodies"));
}

#[test]
fn a_refused_body_becomes_the_same_dead_letter_further_on() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "push/1.json", "{\"ref\":\"refs/heads/main\"}");
    write(folder.path(), "other/2.json", "not json");
    let (entries, totals) = ingest(folder.path(), Format::GitHub);
    assert_eq!((entries.len(), totals.refused), (2, 2));
    for (entry, refusal) in entries.iter().zip(&totals.refusals) {
        let headers: Vec<(&str, &[u8])> =
            entry.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let record = Record {
            topic: entry.topic,
            partition: 0,
            offset: 0,
            timestamp_us: now_us(),
            key: Some(&entry.key),
            headers: &headers,
            value: Some(&entry.value),
        };
        let outcome = BatchBuilder::new().push_as(Formats::default().of(&record), &record);
        let Outcome::DeadLetter(reason) = outcome else { panic!("{outcome:?}") };
        assert!(refusal.contains(reason.as_str()), "{refusal}: {reason:?}");
    }
}

#[test]
fn a_body_that_is_too_long_is_cut_and_refused() {
    let length = BODY_BYTES_MAX as u64 + 1;
    let body = Body { bytes: vec![b' '; BODY_BYTES_MAX], length, ..Body::default() };
    let done = done(Format::GitHub, &body, 0);
    assert_eq!(done.outcome.unwrap_err().reason, Reason::ValueTooLarge);
    assert_eq!(done.entries[0].value.len(), REFUSED_BYTES_MAX);
    assert!(done.entries[0].headers.contains(&(LENGTH_HEADER.to_owned(), length.to_string().into_bytes())));
}

#[test]
fn what_does_not_exist_is_named() {
    let error = Folder::read(Path::new("no-such-folder")).unwrap_err();
    assert!(error.to_string().starts_with("no-such-folder"), "{error}");
}
