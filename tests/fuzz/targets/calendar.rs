//! An iCalendar file, bounded however often it repeats things.
#![no_main]
#![allow(dead_code)]

use libfuzzer_sys::fuzz_target;
use people::declared::Whose;

mod people;

fuzz_target!(|text: &str| {
    let _ = people::ical::read(text, &Whose::Person("ada".to_owned()), chrono_tz::Europe::Berlin);
});
