//! Bad records end as dead letters with their raw bytes, their position and one reason; the rest do not.

use super::{Headers, cell, check, event, push, record};
use crate::record::Limits;
use crate::{BatchBuilder, Outcome, Reason, Record};

/// A change with these members after `repo` and `change`.
fn change(members: &str) -> String {
    event("change.opened", &format!(r#"{{"repo":"r","change":"1"{members}}}"#))
}

#[track_caller]
fn rejected(value: impl AsRef<[u8]>, reason: Reason) {
    let value = value.as_ref();
    let outcome = format!("dead letter {reason}");
    check(
        &record(&[], value),
        &outcome,
        &[("topic", "plimsoll.reviews"), ("partition", "3"), ("offset", "42")],
    );
    let (_, batch) = push(&record(&[], value));
    let limit = Limits::default().dead_letter_bytes;
    let kept: String = value.iter().take(limit).map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(cell(&batch.dead_letters, "value"), kept);
    assert!(cell(&batch.dead_letters, "detail").chars().count() > 5);
}

#[test]
fn text_that_is_no_event() {
    let good = change("");
    rejected("", Reason::EmptyValue);
    rejected(" ", Reason::TruncatedJson);
    rejected(b"\xff\xfe", Reason::InvalidUtf8);
    rejected([good.as_bytes(), b"\xc3"].concat(), Reason::InvalidUtf8);
    for end in 1..good.len() {
        rejected(&good[..end], Reason::TruncatedJson);
    }
    rejected(format!("{good}x"), Reason::TrailingGarbage);
    rejected(format!("{good}{good}"), Reason::TrailingGarbage);
    rejected(format!("\u{feff}{good}"), Reason::ByteOrderMark);
    rejected("42", Reason::NotAnEvent);
    rejected("[]", Reason::NotAnEvent);
    rejected("null", Reason::NotAnEvent);
    rejected("{]", Reason::InvalidJson);
    rejected(good.replace("\"1.0\"", "'1.0'"), Reason::InvalidJson);
    rejected(change(r#","additions":01"#), Reason::InvalidJson);
    rejected(change(r#","additions":NaN"#), Reason::InvalidJson);
    rejected(change(",\"title\":\"a\nb\""), Reason::InvalidJson);
    rejected(format!("{}{good}", " ".repeat(1 << 20)), Reason::ValueTooLarge);
}

#[test]
fn nesting_is_bounded_everywhere() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
    let (arrays, objects) = (deep("[", "]"), deep("{\"a\":", "}"));
    for nested in [&arrays, &objects] {
        rejected(nested, Reason::TooDeep);
        rejected(change(&format!(",\"title\":{nested}")), Reason::TooDeep);
        rejected(change(&format!(",\"novel\":{nested}")), Reason::TooDeep);
        rejected(change(&format!(",\"labels\":[{nested}]")), Reason::TooDeep);
        rejected(change("").replace("\"e1\"", nested), Reason::TooDeep);
        rejected(event("change.opened", nested), Reason::TooDeep);
        rejected(format!("{{\"data\":{nested},{}", &change("")[1..]), Reason::TooDeep);
        rejected(
            event("ticket.updated", &format!(r#"{{"ticket":1,"changes":{{"a":{nested}}}}}"#)),
            Reason::TooDeep,
        );
    }
    rejected("[".repeat(1 << 20), Reason::TooDeep);
    let levels = |count: usize| change(&format!(",\"novel\":{}{}", "[".repeat(count), "]".repeat(count)));
    check(&record(&[], levels(30).as_bytes()), "row reviews", &[]);
    rejected(levels(31), Reason::TooDeep);
}

#[test]
fn keys_are_given_once() {
    let good = change("");
    rejected(good.replace("\"id\"", "\"id\":\"e0\",\"id\""), Reason::DuplicateKey);
    rejected(good.replace("\"data\"", "\"data\":{},\"data\""), Reason::DuplicateKey);
    rejected(good.replace("\"id\"", "\"ext\":1,\"ext\":2,\"id\""), Reason::DuplicateKey);
    rejected(change(r#","title":"a","title":"a""#), Reason::DuplicateKey);
    rejected(change(r#","title":null,"title":"a""#), Reason::DuplicateKey);
    rejected(change(r#","title":"a","ti\u0074le":"a""#), Reason::DuplicateKey);
    rejected(change(r#","novel":1,"other":2,"novel":1"#), Reason::DuplicateKey);
    rejected(change(r#","novel":{"a":1,"a":2}"#), Reason::DuplicateKey);
    rejected(change(r#","author":{"login":"a","login":"b"}"#), Reason::DuplicateKey);
    rejected(change(r#","author":{"login":"a","id":1,"id":2}"#), Reason::DuplicateKey);
    rejected(
        event("ticket.updated", r#"{"ticket":1,"changes":{"a":{"from":1,"from":2}}}"#),
        Reason::DuplicateKey,
    );
    let commit = |members: &str| {
        event("commit.pushed", &format!(r#"{{"repo":"r","sha":"a","author":"a",{members}}}"#))
    };
    rejected(commit(r#""subject":"a","title":"a""#), Reason::DuplicateKey);
    rejected(commit(r#""files":[{"path":"a","path":"b","change":"added"}]"#), Reason::DuplicateKey);
}

#[test]
fn numbers_and_strings_are_what_they_say() {
    for number in ["18446744073709551616", "-9223372036854775809", "1e999", "-1e999", "1e30"] {
        rejected(change(&format!(",\"additions\":{number}")), Reason::NumberOutOfRange);
        rejected(change(&format!(",\"novel\":[{number}]")), Reason::NumberOutOfRange);
        rejected(
            change("").replace("\"id\"", &format!("\"sequence\":{number},\"id\"")),
            Reason::NumberOutOfRange,
        );
        rejected(
            event("change.opened", &format!(r#"{{"repo":"r","change":{number}}}"#)),
            Reason::NumberOutOfRange,
        );
        rejected(
            event("ticket.created", &format!(r#"{{"ticket":1,"points":{number}}}"#)),
            Reason::NumberOutOfRange,
        );
    }
    rejected(change(",\"additions\":9223372036854775808"), Reason::NumberOutOfRange);
    rejected(change(",\"additions\":-1"), Reason::NumberOutOfRange);
    rejected(change(",\"additions\":1.5"), Reason::BadField);
    for text in [r"\ud800", r"\udc00", r"\ud800x", r"\ud800\n", r"\ud800\u0041"] {
        rejected(change(&format!(",\"title\":\"{text}\"")), Reason::LoneSurrogate);
        rejected(change(&format!(",\"novel\":\"{text}\"")), Reason::LoneSurrogate);
        rejected(change("").replace("e1", text), Reason::LoneSurrogate);
    }
    rejected(change(",\"title\":\"a\\u0000b\""), Reason::NulInString);
    rejected(change(",\"title\":\"a\0b\""), Reason::NulInString);
    rejected(change(",\"novel\":\"a\\u0000b\""), Reason::NulInString);
    rejected(change(",\"a\\u0000b\":1"), Reason::NulInString);
    rejected(change("").replace("e1", "e\\u0000"), Reason::NulInString);
    rejected(change(",\"title\":\"\\x\""), Reason::InvalidJson);
}

#[test]
fn an_event_without_a_time_has_the_logs() {
    let mut event: serde_json::Value = serde_json::from_str(&change("")).unwrap();
    event.as_object_mut().unwrap().remove("time");
    let text = event.to_string();
    let logged = super::record(&[], text.as_bytes());
    match crate::decode(&logged) {
        Ok(crate::Decoded::Event(event)) => assert_eq!(event.occurred_at, super::LOGGED_US),
        other => panic!("{other:?}"),
    }
    let unlogged = crate::Record { timestamp_us: -1, ..logged };
    assert_eq!(crate::decode(&unlogged).unwrap_err().reason, Reason::MissingAttribute);
}

#[test]
fn attributes_are_those_of_cloud_events() {
    let good = change("");
    for name in ["specversion", "id", "source", "type", "data"] {
        rejected(good.replace(&format!("\"{name}\""), "\"x\""), missing(name));
        let null = serde_json::from_str::<serde_json::Value>(&good).map(|mut value| {
            value[name] = serde_json::Value::Null;
            value.to_string()
        });
        let reason = if name == "data" { Reason::BadField } else { Reason::MissingAttribute };
        rejected(null.unwrap(), reason);
    }
    for bad in ["[]", "{}", "1", "true", "1.5", "\"\""] {
        rejected(good.replace("\"e1\"", bad), Reason::BadAttribute);
        rejected(good.replace("\"s\"", bad), Reason::BadAttribute);
    }
    rejected(good.replace("\"id\"", "\"sequence\":\"7a\",\"id\""), Reason::BadAttribute);
    rejected(good.replace("\"id\"", "\"sourceversion\":true,\"id\""), Reason::BadAttribute);
    rejected(good.replace("\"id\"", "\"ext\":[],\"id\""), Reason::BadAttribute);
    rejected(good.replace("\"1.0\"", "\"0.3\""), Reason::UnknownVersion);
    for version in [".v9", ".v0", ".v01", ".v", "", ".v1.1"] {
        rejected(good.replace(".v1\"", &format!("{version}\"")), Reason::UnknownVersion);
    }
    for time in ["0000-01-01T00:00:00Z", "2026-02-30T09:14:00Z", "2026-03-02", "yesterday", "1772445600"] {
        rejected(good.replace("2026-03-02T09:14:00Z", time), Reason::BadTime);
        rejected(good.replace("\"id\"", &format!("\"observedat\":\"{time}\",\"id\"")), Reason::BadTime);
    }
    rejected(good.replace("\"data\"", "\"data_base64\":\"e30=\",\"data\""), Reason::DuplicateKey);
    rejected(good.replace("\"id\"", "\"datacontenttype\":\"text/xml\",\"id\""), Reason::UnsupportedContent);
}

#[test]
fn data_as_base64_is_json_too() {
    use base64::Engine as _;
    let good = change("");
    let base64 = |data: &str| {
        let text = base64::engine::general_purpose::STANDARD.encode(data);
        let mut event: serde_json::Value = serde_json::from_str(&good).unwrap();
        let members = event.as_object_mut().unwrap();
        members.remove("data");
        members.insert("data_base64".into(), text.into());
        event.to_string()
    };
    let mut bytes: serde_json::Value = serde_json::from_str(&base64("{}")).unwrap();
    for (member, reason) in [("%%", Reason::BadAttribute), ("/w==", Reason::BadAttribute)] {
        bytes["data_base64"] = member.into();
        rejected(bytes.to_string(), reason);
    }
    bytes["data_base64"] = 7.into();
    rejected(bytes.to_string(), Reason::BadAttribute);
    rejected(base64("hello"), Reason::InvalidJson);
    rejected(base64(r#"{"repo":"r","change":"1"}x"#), Reason::TrailingGarbage);
    rejected(base64(r#"{"repo":"r"}"#), Reason::MissingField);
    rejected(base64(r#"{"repo":"r","change":"1","title":"a\u0000"}"#), Reason::NulInString);
    rejected(
        base64(&format!(r#"{{"repo":"r","change":"1","novel":{}1}}"#, "[".repeat(200))),
        Reason::TooDeep,
    );
}

/// `data` under another name is an extension attribute that holds an object.
fn missing(name: &str) -> Reason {
    if name == "data" { Reason::BadAttribute } else { Reason::MissingAttribute }
}

#[test]
fn fields_are_those_of_the_type() {
    rejected(event("change.opened", r#"{"repo":"r"}"#), Reason::MissingField);
    rejected(event("change.opened", r#"{"repo":"r","change":null}"#), Reason::MissingField);
    rejected(event("change.opened", r#"{"repo":"","change":1}"#), Reason::BadField);
    rejected(event("review.requested", r#"{"repo":"r","change":1}"#), Reason::MissingField);
    rejected(event("review.submitted", r#"{"repo":"r","change":1,"reviewer":"a"}"#), Reason::MissingField);
    rejected(event("person.linked", r#"{"person":"a"}"#), Reason::MissingField);
    rejected(event("change.opened", "[]"), Reason::BadField);
    rejected(event("change.opened", "\"{}\""), Reason::BadField);
    for bad in ["true", "1", "[]", "{}"] {
        rejected(change(&format!(",\"title\":{bad}")), Reason::BadField);
    }
    for bad in ["true", "1", "\"a\"", "{}", "[1]", "[null]", "[[]]"] {
        rejected(change(&format!(",\"labels\":{bad}")), Reason::BadField);
    }
    for bad in ["1", "\"\"", "{}", "[]", r#"{"login":null}"#, r#"{"login":""}"#, r#"{"login":1}"#] {
        rejected(change(&format!(",\"author\":{bad}")), Reason::BadField);
    }
    rejected(change(",\"draft\":\"yes\""), Reason::BadField);
    rejected(change(",\"verdict\":\"lgtm\""), Reason::BadField);
    rejected(event("ticket.created", r#"{"ticket":1,"due_on":"2026-02-30"}"#), Reason::BadTime);
    rejected(event("ticket.created", r#"{"ticket":1,"due_on":"2026-02-03T00:00:00Z"}"#), Reason::BadTime);
    rejected(event("ticket.created", r#"{"ticket":1,"changes":[]}"#), Reason::BadField);
    let file = |file: &str| {
        event("commit.pushed", &format!(r#"{{"repo":"r","sha":"a","author":"a","files":[{file}]}}"#))
    };
    for bad in [
        "1",
        "{}",
        r#"{"path":"a"}"#,
        r#"{"path":"a","change":"touched"}"#,
        r#"{"path":"","change":"added"}"#,
    ] {
        rejected(file(bad), Reason::BadField);
    }
}

#[test]
fn keys_and_headers_are_bounded() {
    let value = change("");
    let large = vec![b'k'; (16 << 10) + 1];
    let (outcome, batch) = push(&Record { key: Some(&large), ..record(&[], value.as_bytes()) });
    assert_eq!(outcome, "dead letter key_too_large");
    assert_eq!(
        cell(&batch.dead_letters, "record_key").len(),
        2 * (16 << 10),
        "the key is kept up to its limit"
    );

    let many: Vec<(&str, &[u8])> = vec![("h", b"v"); 129];
    check(&record(&many, value.as_bytes()), "dead letter headers_too_large", &[]);
    let long: Vec<(&str, &[u8])> =
        vec![("a", b"\xff\n"), ("b", &large), ("c", &large), ("d", &large), ("e", &large)];
    let (outcome, batch) = push(&record(&long, value.as_bytes()));
    assert_eq!(outcome, "dead letter headers_too_large");
    let headers = cell(&batch.dead_letters, "headers");
    assert!(
        headers.starts_with(r#"[{"name":"a","hex":"ff0a"},{"name":"b","value":"kkk"#),
        "{}",
        &headers[..80]
    );
    assert!(headers.ends_with(r#""},{"left_out":1}]"#), "{}", &headers[headers.len() - 80..]);
    let _: serde_json::Value = serde_json::from_str(&headers).unwrap();
}

#[test]
fn binary_mode_has_the_same_rules() {
    let good: Headers<'_> = &[
        ("ce_specversion", b"1.0"),
        ("ce_id", b"e1"),
        ("ce_source", b"s"),
        ("ce_type", b"dev.plimsoll.change.opened.v1"),
        ("ce_time", b"2026-03-02T09:14:00Z"),
        ("content-type", b"application/json; charset=utf-8"),
    ];
    let data = r#"{"repo":"r","change":"1"}"#;
    let with = |at: usize, name: &'static str, value: &'static [u8]| {
        let mut headers = good.to_vec();
        headers[at] = (name, value);
        headers
    };
    let no = |headers: Headers<'_>, data: &str, reason: Reason| {
        check(&record(headers, data.as_bytes()), &format!("dead letter {reason}"), &[]);
    };
    check(&record(good, data.as_bytes()), "row reviews", &[("event_id", "e1"), ("change", "1")]);
    no(good, "", Reason::EmptyValue);
    no(good, "[]", Reason::BadField);
    no(good, &data[..9], Reason::TruncatedJson);
    no(good, &format!("{data}{data}"), Reason::TrailingGarbage);
    no(good, &"[".repeat(10_000), Reason::TooDeep);
    no(&with(0, "ce_specversion", b"2.0"), data, Reason::UnknownVersion);
    no(&with(0, "ce_other", b"1.0"), data, Reason::MissingAttribute);
    no(&with(1, "ce_id", b"\xff"), data, Reason::InvalidUtf8);
    no(&with(1, "ce_id", b"a\0b"), data, Reason::NulInString);
    no(&with(1, "ce_id", b""), data, Reason::BadAttribute);
    no(&with(1, "ce_source", b"s"), data, Reason::DuplicateKey);
    no(&with(3, "ce_type", b"dev.plimsoll.change.opened.v9"), data, Reason::UnknownVersion);
    no(&with(4, "ce_time", b"2026-02-30T00:00:00Z"), data, Reason::BadTime);
    no(&with(5, "content-type", b"application/avro"), data, Reason::UnsupportedContent);
    no(&with(5, "content-type", b"application/cloudevents-batch+json"), data, Reason::UnsupportedContent);
    no(&with(5, "content-type", b"application/cloudevents+json"), data, Reason::MissingAttribute);
    check(&record(&with(3, "ce_type", b"com.example.other"), data.as_bytes()), "unknown", &[]);
}

#[test]
fn these_are_no_dead_letters() {
    let tombstone = Record { value: None, ..record(&[], b"") };
    check(&tombstone, "tombstone", &[]);
    let large = vec![0; 1 << 21];
    check(&Record { key: Some(&large), ..tombstone }, "tombstone", &[]);
    for other in ["com.example.thing", "dev.plimsoll.change.exploded.v1", "dev.plimsoll.v1", "change.opened"]
    {
        let value = change("").replace("dev.plimsoll.change.opened.v1", other);
        check(&record(&[], value.as_bytes()), "unknown", &[]);
    }
    let future = change("").replace("2026-03-02T09:14:00Z", "2026-03-03T10:00:00.000001Z");
    check(&record(&[], future.as_bytes()), "row reviews", &[("flags", "[future_time]")]);
    let near = change("").replace("2026-03-02T09:14:00Z", "2026-03-03T10:00:00Z");
    check(&record(&[], near.as_bytes()), "row reviews", &[("flags", "-")]);
    let novel = change(r#","novel":{"b":[1,2.50],"a":"x"},"more":null"#);
    check(
        &record(&[], novel.as_bytes()),
        "row reviews",
        &[("extra", r#"{"more":null,"novel":{"a":"x","b":[1,2.5]}}"#)],
    );
    assert_eq!(push(&record(&[], novel.as_bytes())).1.counts.unknown_fields, 2);
}

#[test]
fn a_builder_goes_on_after_bad_records() {
    let mut builder = BatchBuilder::new();
    for value in ["", "[", &change("")] {
        builder.push(&record(&[], value.as_bytes()));
    }
    assert_eq!(builder.push(&Record { value: None, ..record(&[], b"") }), Outcome::Tombstone);
    assert_eq!((builder.len(), builder.counts().records), (3, 4));
    assert!(builder.bytes() > 1000);
    let batch = builder.finish(Vec::new());
    assert_eq!((batch.dead_letters.num_rows(), batch.reviews.num_rows()), (2, 1));
    assert!(builder.is_empty() && builder.bytes() == 0 && builder.counts().records == 0);
    assert_eq!(builder.finish(Vec::new()).dead_letters.num_rows(), 0);
}

#[test]
fn reasons_have_distinct_stable_names() {
    let mut names: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Reason::ALL.len());
}
