//! Records that must end as dead letters, each with the reason it must get.

use crate::story::event;

const TIME: &str = "2026-02-01T10:00:00Z";

pub struct BadRecord {
    /// One of these must be the reason; where two hold, either is right.
    pub reasons: &'static [&'static str],
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub headers: Vec<(String, Vec<u8>)>,
}

fn opened() -> String {
    event(
        "bad",
        "change.opened",
        TIME,
        serde_json::json!({"repo": "acme/bad", "change": "1", "author": "ada"}),
    )
}

pub fn all() -> Vec<BadRecord> {
    let good = opened();
    let with = |old: &str, new: &str| {
        let text = good.replace(old, new);
        assert_ne!(text, good, "{old:?} is in the event");
        text.into_bytes()
    };
    let in_data = |field: &str| with("\"author\":\"ada\"", &format!("\"author\":\"ada\",{field}"));
    let mut invalid_utf8 = good.clone().into_bytes();
    let at = good.find("ada").unwrap();
    invalid_utf8[at] = 0xff;
    let deep = format!("\"extra\":{}{}", "[".repeat(10_000), "]".repeat(10_000));

    let mut records: Vec<BadRecord> = [
        (&["empty_value"][..], Vec::new()),
        (&["invalid_utf8"], invalid_utf8),
        (&["truncated_json"], good.as_bytes()[..good.len() - 9].to_vec()),
        (&["too_deep"], in_data(&deep)),
        (&["duplicate_key"], in_data("\"author\":\"bo\"")),
        (&["number_out_of_range", "bad_field"], in_data("\"additions\":18446744073709551616")),
        (&["number_out_of_range", "bad_field"], in_data("\"additions\":1e999")),
        (&["lone_surrogate"], in_data("\"title\":\"\\ud800\"")),
        (&["nul_in_string"], in_data("\"title\":\"a\\u0000b\"")),
        (&["unknown_version"], with("opened.v1", "opened.v9")),
        (&["bad_attribute"], with("\"id\":\"bad\"", "\"id\":[\"bad\"]")),
        (&["missing_attribute"], with("\"id\":\"bad\",", "")),
        (&["bad_time"], with(TIME, "0000-02-01T10:00:00Z")),
        (&["bad_time"], with(TIME, "2026-02-30T10:00:00Z")),
        (&["bad_time", "bad_attribute"], with(TIME, "yesterday")),
        (&["byte_order_mark"], [b"\xef\xbb\xbf", good.as_bytes()].concat()),
        (&["trailing_garbage"], [good.as_bytes(), b" x"].concat()),
        (&["invalid_json"], b"{'single': 'quotes'}".to_vec()),
        (&["not_an_event"], b"[1, 2, 3]".to_vec()),
        (&["missing_field"], with("\"change\":\"1\",", "")),
        (&["bad_field"], in_data("\"draft\":\"perhaps\"")),
        (&["value_too_large"], in_data(&format!("\"title\":\"{}\"", "x".repeat(2 << 20)))),
    ]
    .into_iter()
    .map(|(reasons, value)| BadRecord { reasons, key: b"acme/bad/1".to_vec(), value, headers: Vec::new() })
    .collect();
    records.push(BadRecord {
        reasons: &["key_too_large"],
        key: vec![b'k'; 1 << 20],
        value: good.clone().into_bytes(),
        headers: Vec::new(),
    });
    records.push(BadRecord {
        reasons: &["headers_too_large"],
        key: b"acme/bad/1".to_vec(),
        value: good.into_bytes(),
        headers: (0..5_000).map(|i| (format!("header-{i}"), vec![b'h'; 64])).collect(),
    });
    records
}
