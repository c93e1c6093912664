//! A vendor's body: refused with a reason, or events that our own decoder takes.
//!
//! The first byte chooses vendor and event name; the rest is the body.
#![no_main]

use event::{Decoded, Delivery, Format, Record, decode, normalise};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 16] = [
    "pull_request", "pull_request_review", "issues", "push", "milestone", "issue_comment", "repository", "organization",
    "Merge Request Hook", "Issue Hook", "Note Hook", "Push Hook", "pullrequest:created", "pullrequest:approved",
    "repo:push", "pullrequest:fulfilled",
];

fuzz_target!(|data: &[u8]| {
    let Some((choice, body)) = data.split_first() else { return };
    let formats: Vec<Format> = Format::ALL.into_iter().filter(|format| *format != Format::CloudEvents).collect();
    let format = formats[usize::from(choice & 15) % formats.len()];
    let name = format.event_header().map(|_| NAMES[usize::from(choice >> 4)]);
    let Ok(said) = normalise(format, &Delivery { name, body, received_us: 1_780_000_000_000_000 }) else { return };
    for draft in &said.events {
        let text = draft.to_json();
        let record = Record {
            topic: "t",
            partition: 0,
            offset: 0,
            timestamp_us: 1_780_000_000_000_000,
            key: Some(draft.key().as_bytes()),
            headers: &[],
            value: Some(text.as_bytes()),
        };
        match decode(&record) {
            Ok(Decoded::Event(event)) => assert_eq!(event.table(), draft.table()),
            // What is too long or has odd characters is refused when it is read; the vendor's own words may be.
            Ok(_) => panic!("an event of ours is not taken for one: {text}"),
            Err(_) => {}
        }
    }
});
