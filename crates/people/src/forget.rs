//! One person's names out of texts, a pseudonym into their place.
//!
//! Invariant: a name is replaced where it stands as a whole name and never inside another one: `ada` in `ada-smith` or
//! `ada@other.example` is somebody else's. Free text and ids, where names are joined to other words, are replaced at
//! every end of a word. Case does not matter.
//! What cannot be read as it should be (bytes that are no text, JSON that is none or names a member twice) may hold a name
//! that no replacing finds. Where it does, all of it goes: such records are dead letters, so nothing counts them.

use serde_json::Value;

use crate::seen;

/// Members and columns that hold free text or ids made of several parts.
const LOOSE: [&str; 13] = [
    "id",
    "event_id",
    "ce_id",
    "subject",
    "ce_subject",
    "title",
    "url",
    "branch",
    "base",
    "head",
    "key",
    "record_key",
    "detail",
];
/// Columns and parts of records that hold JSON.
const JSON: [&str; 5] = ["value", "extra", "changes", "hours", "headers"];
/// Characters that join parts of one name.
const JOINTS: &str = "-.+@";

/// Whom to forget, and who stands there instead.
#[derive(Debug)]
pub struct Forget {
    /// In lower case, longest first.
    pub names: Vec<String>,
    /// Display names that are no names by themselves, such as a first name: only a whole text counts.
    pub whole: Vec<String>,
    pub pseudonym: String,
}

impl engine::TextRewrite for Forget {
    fn text(&self, column: &str, text: &str) -> Option<String> {
        Forget::text(self, column, text)
    }

    fn bytes(&self, column: &str, bytes: &[u8]) -> Option<Vec<u8>> {
        Forget::bytes(self, column, bytes)
    }
}

impl Forget {
    pub fn new(names: impl IntoIterator<Item = String>, whole: Vec<String>, pseudonym: String) -> Forget {
        let mut names: Vec<String> = names.into_iter().map(|name| name.to_ascii_lowercase()).collect();
        names.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        names.dedup();
        Forget { names, whole, pseudonym }
    }

    /// What a text of this column or member becomes; `None` where it stays.
    pub fn text(&self, member: &str, text: &str) -> Option<String> {
        let is_json = JSON.contains(&member);
        if is_json && let Some(mut value) = seen::json(text) {
            return self.json(member, &mut value).then(|| value.to_string());
        }
        if self.whole.iter().any(|name| name.eq_ignore_ascii_case(text)) {
            return Some(self.pseudonym.clone());
        }
        let loose = LOOSE.contains(&member);
        let mut out: Option<String> = None;
        for name in &self.names {
            if let Some(changed) = self.without(name, out.as_deref().unwrap_or(text), loose) {
                out = Some(changed);
            }
        }
        let left = out.as_deref().unwrap_or(text);
        let hidden = if is_json { self.is_in(&seen::through(left)) } else { self.is_escaped_in(left, loose) };
        if hidden { Some(self.pseudonym.clone()) } else { out }
    }

    pub fn bytes(&self, member: &str, bytes: &[u8]) -> Option<Vec<u8>> {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return self.text(member, text).map(String::into_bytes);
        }
        let hidden = seen::readings(bytes).iter().any(|text| self.is_in(&seen::through(text)));
        hidden.then(|| self.pseudonym.clone().into_bytes())
    }

    /// Whether any name, display names too, stands in a text that could not be read as it should be.
    fn is_in(&self, text: &str) -> bool {
        let lower = text.to_lowercase();
        self.names.iter().chain(&self.whole).any(|name| stands(&name.to_lowercase(), &lower, true))
    }

    /// Whether a name is written with escapes in a text without being JSON, as in JSON inside of JSON.
    fn is_escaped_in(&self, text: &str, loose: bool) -> bool {
        if !text.contains(['\\', '%']) {
            return false;
        }
        let lower = seen::through(text).to_ascii_lowercase();
        self.names.iter().any(|name| stands(name, &lower, loose))
    }

    fn without(&self, name: &str, text: &str, loose: bool) -> Option<String> {
        let lower = text.to_ascii_lowercase();
        let (mut out, mut done) = (String::new(), 0);
        for (at, _) in lower.match_indices(name) {
            let end = at + name.len();
            if at >= done && is_end(lower[..at].chars().rev(), loose) && is_end(lower[end..].chars(), loose) {
                out.push_str(&text[done..at]);
                out.push_str(&self.pseudonym);
                done = end;
            }
        }
        if done == 0 {
            return None;
        }
        out.push_str(&text[done..]);
        Some(out)
    }

    /// Changes every string and member name; says whether any changed.
    fn json(&self, member: &str, value: &mut Value) -> bool {
        match value {
            Value::String(text) => match self.text(if JSON.contains(&member) { "" } else { member }, text) {
                Some(changed) => {
                    *text = changed;
                    true
                }
                None => false,
            },
            Value::Array(items) => items.iter_mut().fold(false, |any, item| self.json(member, item) | any),
            Value::Object(members) => {
                let mut any = false;
                for (name, mut inner) in std::mem::take(members) {
                    any |= self.json(&name, &mut inner);
                    let renamed = self.text("", &name);
                    any |= renamed.is_some();
                    members.insert(renamed.unwrap_or(name), inner);
                }
                any
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
}

/// Whether a name stands in a text, both in lower case.
fn stands(name: &str, lower: &str, loose: bool) -> bool {
    !name.is_empty()
        && lower.match_indices(name).any(|(at, _)| {
            is_end(lower[..at].chars().rev(), loose) && is_end(lower[at + name.len()..].chars(), loose)
        })
}

/// Whether a name ends here, given the characters on that side, nearest first.
fn is_end(mut around: impl Iterator<Item = char>, loose: bool) -> bool {
    match around.next() {
        None => true,
        Some(next) if next.is_alphanumeric() || next == '_' => false,
        Some(next) if !loose && JOINTS.contains(next) => !around.next().is_some_and(char::is_alphanumeric),
        Some(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_go_and_others_stay() {
        let forget = Forget::new(
            ["ada".to_owned(), "Ada@Acme.example".to_owned(), "ada lovelace".to_owned()],
            vec!["Addie".to_owned()],
            "erased-1".to_owned(),
        );
        for (member, text, expect) in [
            ("author", "ada", Some("erased-1")),
            ("author", "ADA@acme.example", Some("erased-1")),
            ("author", "ada-smith", None),
            ("author", "ada@other.example", None),
            ("author", "adam", None),
            ("author_name", "Addie", Some("erased-1")),
            ("title", "Addie's fix", None),
            ("title", "As Ada Lovelace said to ada.", Some("As erased-1 said to erased-1.")),
            ("id", "gh-482-review-ada-3", Some("gh-482-review-erased-1-3")),
            ("url", "https://x.example/ada/y", Some("https://x.example/erased-1/y")),
            ("path", "src/adapter.rs", None),
            ("extra", r#"{"who":"ada","n":1}"#, Some(r#"{"n":1,"who":"erased-1"}"#)),
            (
                "value",
                r#"{"data":{"by":"\u0061da"},"id":"x-ada"}"#,
                Some(r#"{"data":{"by":"erased-1"},"id":"x-erased-1"}"#),
            ),
            ("value", "not json, by ada", Some("not json, by erased-1")),
            ("changes", r#"{"assignees":{"from":["ada"]}}"#, Some(r#"{"assignees":{"from":["erased-1"]}}"#)),
            // JSON that is none, or that names a member twice, has nothing that could be kept.
            ("value", r#"{"by":"\u0061da","#, Some("erased-1")),
            ("value", r#"{"by":"\u0061da","by":"bo"}"#, Some("erased-1")),
            ("value", r#"{"by":"ada","by":"bo"}"#, Some(r#"{"by":"erased-1","by":"bo"}"#)),
            ("value", r#"{"name":"Addie","#, Some("erased-1")),
            ("value", r#"{"by":"bo","by":"\u0062o"}"#, None),
            ("value", r#"{"body":"{\"by\":\"\\u0061da\"}"}"#, Some(r#"{"body":"erased-1"}"#)),
            ("url", "https://x.example/%61da/y", Some("erased-1")),
            ("author", "\\u0061da-smith", None),
        ] {
            assert_eq!(forget.text(member, text).as_deref(), expect, "{member} {text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_go_with_the_name() {
        let names = ["ada".to_owned(), "j\u{fc}rgen".to_owned()];
        let forget = Forget::new(names, vec!["Addie".to_owned()], "erased-1".to_owned());
        let wide: Vec<u8> = "by ada".encode_utf16().flat_map(u16::to_le_bytes).chain([0xff]).collect();
        for (bytes, expect) in [
            (&b"\xff by ada"[..], true),
            (b"\xff by \\u0061da", true),
            (b"\xff by Addie", true),
            (b"by J\xfcrgen", true),
            (wide.as_slice(), true),
            (b"\xff adapter", false),
        ] {
            let expect = expect.then(|| b"erased-1".to_vec());
            assert_eq!(forget.bytes("value", bytes), expect, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
