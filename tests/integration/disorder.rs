//! Order does not matter: the same events shuffled and mostly doubled give byte-identical rows.

use crate::harness::Place;
use crate::story::{self, AS_OF, METRICS};

const EVENTS: i64 = 4_000;

#[test]
fn shuffled_and_doubled_events_give_identical_rows() {
    let facts = story::story(EVENTS);
    let straight = Place::new();
    straight.write("events.ndjson", story::lines(&facts));
    straight.stdout(&["ingest", "events", "events.ndjson"]);

    let shuffled = Place::new();
    let order = story::shuffled_and_doubled(&facts);
    let (first, second) = order.split_at(order.len() / 3);
    for (name, part) in [("first.ndjson", first), ("second.ndjson", second)] {
        let lines: String = part.iter().map(|fact| format!("{}\n", fact.json)).collect();
        shuffled.write(name, lines);
        shuffled.stdout(&["ingest", "events", name]);
    }
    for metric in METRICS {
        let expect = rows(&straight, metric, AS_OF);
        assert!(expect.len() > 2, "{metric} has no rows: the comparison would show nothing");
        assert_eq!(rows(&shuffled, metric, AS_OF), expect, "{metric}");
        let past = "2026-02-01T00:00:00Z";
        assert_eq!(rows(&shuffled, metric, past), rows(&straight, metric, past), "{metric} in the past");
    }
}

/// The text of the rows, exactly as printed.
fn rows(place: &Place, metric: &str, as_of: &str) -> String {
    place.stdout(&["query", metric, "--as-of", as_of, "--format", "csv"])
}
