//! Trailers, people and references in a commit's message.
#![no_main]

use event::{change_of_message, name_and_email, people_of_message, tickets_of_message, trailers_of_message};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|message: &str| {
    let subject = message.lines().next().unwrap_or_default();
    let trailers = trailers_of_message(message);
    people_of_message(message, &trailers);
    change_of_message(subject, message, &trailers);
    let tickets = tickets_of_message("acme/api", subject, message, &trailers);
    assert!(tickets.len() <= 1_000, "references of one message are bounded: {}", tickets.len());
    let (name, email) = name_and_email(message);
    assert!(message.contains(name) && message.contains(email));
});
