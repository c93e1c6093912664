//! Takes out of a vendor's JSON what no text may hold: U+0000, and halves of surrogate pairs.
//!
//! Trackers and hosts keep both in titles and texts, and who sends a body cannot change it. Invariant: what is
//! clean comes back as it is, without a copy. Our own events stay strict, since their senders can be told.
//! Deliberately absent: any other repair.

use std::borrow::Cow;

/// The text of a JSON document without these characters, and how many there were: U+0000 is left out, half a pair becomes
/// U+FFFD.
pub fn clean_json(text: &str) -> (Cow<'_, str>, u64) {
    let bytes = text.as_bytes();
    let suspect = |at: usize| bytes[at] == 0 || (bytes[at] == b'\\' && bytes.get(at + 1) == Some(&b'u'));
    let Some(first) = (0..bytes.len()).find(|&at| suspect(at)) else { return (Cow::Borrowed(text), 0) };
    // An escaped backslash before a `u` is no escape, so the scan begins at the start of the run of backslashes.
    let run = bytes[..first].iter().rev().take_while(|byte| **byte == b'\\').count();
    let (mut at, mut kept, mut count) = (first - run, 0, 0);
    let mut out = String::new();
    while at < bytes.len() {
        let (length, put) = match bytes[at] {
            0 => (1, Some("")),
            b'\\' => match unit(bytes, at) {
                Some(0) => (6, Some("")),
                Some(0xd800..=0xdbff) => match unit(bytes, at + 6) {
                    Some(0xdc00..=0xdfff) => (12, None),
                    _ => (6, Some("\\ufffd")),
                },
                Some(0xdc00..=0xdfff) => (6, Some("\\ufffd")),
                Some(_) => (6, None),
                None => (2, None),
            },
            _ => (1, None),
        };
        if let Some(put) = put {
            out.push_str(&text[kept..at]);
            out.push_str(put);
            kept = at + length;
            count += 1;
        }
        at += length;
    }
    if count == 0 {
        return (Cow::Borrowed(text), 0);
    }
    out.push_str(&text[kept..]);
    (Cow::Owned(out), count)
}

/// The code unit of an escape `\uXXXX`.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + 6).filter(|escape| escape.starts_with(b"\\u"))?;
    let digits = std::str::from_utf8(&escape[2..]).ok()?;
    digits
        .bytes()
        .all(|digit| digit.is_ascii_hexdigit())
        .then(|| u16::from_str_radix(digits, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_text_may_hold_is_taken_out() {
        for (given, expected, count) in [
            (r#"{"a":"plain é"}"#, r#"{"a":"plain é"}"#, 0),
            (r#"{"a":"x\u0000y"}"#, r#"{"a":"xy"}"#, 1),
            (r#"{"a\u0000":"\u0000\u0000"}"#, r#"{"a":""}"#, 3),
            (r#"{"a":"\\u0000"}"#, r#"{"a":"\\u0000"}"#, 0),
            (r#"{"a":"\\\u0000"}"#, r#"{"a":"\\"}"#, 1),
            (r#"{"a":"\ud83d\ude00 \u00e9"}"#, r#"{"a":"\ud83d\ude00 \u00e9"}"#, 0),
            (r#"{"a":"\ud83d x"}"#, r#"{"a":"\ufffd x"}"#, 1),
            (r#"{"a":"\ude00\ud83d"}"#, r#"{"a":"\ufffd\ufffd"}"#, 2),
            (r#"{"a":"\ud83d\ud83d\ude00"}"#, r#"{"a":"\ufffd\ud83d\ude00"}"#, 1),
            ("{\"a\":\"x\0\"}", r#"{"a":"x"}"#, 1),
            (r#"{"a":"\u00"#, r#"{"a":"\u00"#, 0),
            ("\\", "\\", 0),
            ("é\\u", "é\\u", 0),
        ] {
            let (text, found) = clean_json(given);
            assert_eq!((&*text, found), (expected, count), "{given}");
        }
    }
}
