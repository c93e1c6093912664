//! A record of the log, of any bytes: one row or one dead letter, never a panic, and the same for the same bytes.
#![no_main]

use event::{BatchBuilder, Format, Record};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &[u8]| {
    let record = Record {
        topic: "plimsoll.tickets",
        partition: 0,
        offset: 7,
        timestamp_us: 1_780_000_000_000_000,
        key: Some(b"k"),
        headers: &[],
        value: Some(value),
    };
    let push = || {
        let mut batch = BatchBuilder::new();
        let outcome = format!("{:?}", batch.push(&record));
        let rows = batch.len();
        assert!(rows <= 1, "one record is one row at most: {rows}");
        (outcome, format!("{:?}", batch.finish(Vec::new())))
    };
    assert_eq!(push(), push());
    for format in Format::ALL {
        let mut batch = BatchBuilder::new();
        batch.push_as(format, &record);
        batch.finish(Vec::new());
    }
});
