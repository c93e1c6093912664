//! A file of people, teams or calendars: a declaration, or one sentence that says what is wrong.
#![no_main]
#![allow(dead_code)]

use libfuzzer_sys::fuzz_target;

mod people;

fuzz_target!(|text: &str| {
    for read in [people::files::people, people::files::teams, people::files::calendars] {
        if let Err(wrong) = read(text) {
            assert!(!wrong.to_string().is_empty());
        }
    }
});
