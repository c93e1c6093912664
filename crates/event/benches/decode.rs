//! Events per second through decode and append, beside a plain `serde_json::from_slice::<Value>` of the same bytes.
//!
//! Invariant: both sides read the same records in the same order, alternately, in one thread. Its processor
//! time counts, and the best of the repetitions: other work on the machine can only slow a run down.
//! Deliberately absent: statistics over runs; the table is for orders of magnitude and for ratios.

use std::sync::LazyLock;
use std::time::Instant;

use event::{BatchBuilder, Record, decode};

const EVENTS: usize = 50_000;
const REPETITIONS: usize = 9;

fn main() {
    println!(
        "{:<22} {:>6} {:>14} {:>14} {:>14} {:>8}",
        "events", "bytes", "decode/s", "to rows/s", "json value/s", "ratio"
    );
    let kinds = ["change.opened", "review.submitted", "ticket.updated", "commit.pushed"];
    for kind in kinds {
        measure(kind, &(0..EVENTS).map(|n| sample(kind, n)).collect::<Vec<_>>());
    }
    measure("all four, mixed", &(0..EVENTS).map(|n| sample(kinds[n % kinds.len()], n)).collect::<Vec<_>>());
}

fn measure(name: &str, values: &[Vec<u8>]) {
    let mut best = [f64::MAX; 3];
    for _ in 0..REPETITIONS {
        for (best, pass) in best.iter_mut().zip([decode_all, decode_to_rows, parse_values]) {
            let start = seconds();
            pass(values);
            *best = best.min(seconds() - start);
        }
    }
    let [decoded, rows, parsed] = best.map(|seconds| values.len() as f64 / seconds);
    let bytes = values.iter().map(Vec::len).sum::<usize>() / values.len();
    println!("{name:<22} {bytes:>6} {decoded:>14.0} {rows:>14.0} {parsed:>14.0} {:>8.2}", rows / parsed);
}

/// Seconds that this thread has had a processor, where the system tells; else seconds that have passed.
fn seconds() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let on_cpu = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let on_cpu_ns = on_cpu.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    on_cpu_ns.map_or_else(|| START.elapsed().as_secs_f64(), |ns| ns as f64 / 1e9)
}

fn record(offset: usize, value: &[u8]) -> Record<'_> {
    Record {
        topic: "plimsoll.reviews",
        partition: 0,
        offset: offset as i64,
        timestamp_us: 1_772_442_900_000_000,
        key: Some(b"acme/api#482"),
        headers: &[],
        value: Some(value),
    }
}

fn decode_all(values: &[Vec<u8>]) {
    for (offset, value) in values.iter().enumerate() {
        assert!(std::hint::black_box(decode(&record(offset, value))).is_ok());
    }
}

fn decode_to_rows(values: &[Vec<u8>]) {
    let mut builder = BatchBuilder::new();
    for (offset, value) in values.iter().enumerate() {
        builder.push(&record(offset, value));
    }
    let batch = std::hint::black_box(builder.finish(Vec::new()));
    assert_eq!(batch.counts.events, values.len() as u64);
}

fn parse_values(values: &[Vec<u8>]) {
    for value in values {
        let parsed: Result<serde_json::Value, _> = serde_json::from_slice(value);
        assert!(std::hint::black_box(parsed).is_ok());
    }
}

/// An event of about 500 bytes.
fn sample(kind: &str, n: usize) -> Vec<u8> {
    let data = match kind {
        "change.opened" => format!(
            r#"{{"repo":"acme/api-{}","change":"{n}","author":"person-{}","title":"Round fees half up in {n} places","draft":false,"base":"main","head":"{n:040x}","additions":{},"deletions":8,"changed_files":5,"labels":["security","size/M"],"tickets":["API-{n}"],"url":"https://git.acme.example/api/{n}"}}"#,
            n % 40,
            n % 300,
            n % 1000,
        ),
        "review.submitted" => format!(
            r#"{{"repo":"acme/api-{}","change":"{n}","author":"person-{}","title":"Round fees half up in {n} places","head":"{n:040x}","url":"https://git.acme.example/api/{n}#review","reviewer":{{"login":"person-{}","name":"A Person","email":"a@acme.example"}},"verdict":"approved"}}"#,
            n % 40,
            n % 300,
            n % 200,
        ),
        "ticket.updated" => format!(
            r#"{{"ticket":"{n}","key":"API-{n}","kind":"story","title":"Charge in currency {n}","status":"In review","status_category":"in_progress","assignees":["person-{}"],"reporter":"bo","points":3.5,"due_on":"2026-06-30","milestone":"M{}","priority":"high","labels":["a","b"],"changes":{{"status":{{"from":"To do","to":"In review"}}}}}}"#,
            n % 300,
            n % 50,
        ),
        _ => format!(
            r#"{{"repo":"acme/api-{}","sha":"{n:040x}","parents":["{n:040x}"],"author":{{"name":"A Person","email":"p{}@acme.example"}},"authored_at":"2026-03-02T09:14:00Z","branch":"main","subject":"Round fees {n}","files":[{{"path":"src/pay/{}.rs","change":"modified","additions":12,"deletions":3}}]}}"#,
            n % 40,
            n % 300,
            n % 5000,
        ),
    };
    let event = format!(
        r#"{{"specversion":"1.0","id":"gh-{n}-{kind}","source":"github:acme/api","type":"dev.plimsoll.{kind}.v1","time":"2026-03-02T09:14:00Z","subject":"acme/api#{n}","datacontenttype":"application/json","data":{data}}}"#
    );
    event.into_bytes()
}
