//! A CODEOWNERS file.
#![no_main]
#![allow(dead_code)]

use libfuzzer_sys::fuzz_target;

mod people;

fuzz_target!(|text: &str| {
    let _ = people::owners::read(text);
});
