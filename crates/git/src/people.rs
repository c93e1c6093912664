//! People as events carry them: `.mailmap` applied, then `{"name","email"}` as JSON.
//!
//! Invariants: the same signature gives the same bytes; no person is empty, since an event with such a
//! person would be refused; memory is bounded.
//! Deliberately lacking: identities across addresses, which `person.linked` events state.

use std::collections::HashMap;
use std::sync::Arc;

use event::name_and_email;
use gix::actor::SignatureRef;
use gix::bstr::{BStr, ByteSlice};
use gix::mailmap::Snapshot;
use serde::Serialize;
use serde_json::value::RawValue;

/// For commits that name nobody.
const NOBODY: &str = "unknown";
/// People remembered at once.
const REMEMBERED: usize = 100_000;

#[derive(Serialize)]
struct Person<'p> {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'p str,
    #[serde(skip_serializing_if = "str::is_empty")]
    email: &'p str,
}

/// Turns signatures into JSON, remembering those it has seen.
pub struct People<'m> {
    mailmap: &'m Snapshot,
    known: HashMap<String, Arc<RawValue>>,
}

impl<'m> People<'m> {
    pub fn new(mailmap: &'m Snapshot) -> People<'m> {
        People { mailmap, known: HashMap::new() }
    }

    pub fn person(&mut self, name: &str, email: &str) -> Arc<RawValue> {
        let key = format!("{name}\0{email}");
        if let Some(person) = self.known.get(&key) {
            return Arc::clone(person);
        }
        let signature =
            SignatureRef { name: BStr::new(name.as_bytes()), email: BStr::new(email.as_bytes()), time: "" };
        let mapped = self.mailmap.resolve_cow(signature);
        let (name, email) = (mapped.name.to_str_lossy(), mapped.email.to_str_lossy());
        let (name, email) = (name.trim(), email.trim());
        let name = if name.is_empty() && email.is_empty() { NOBODY } else { name };
        let person: Arc<RawValue> =
            serde_json::value::to_raw_value(&Person { name, email }).expect("two strings serialise").into();
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(key, Arc::clone(&person));
        person
    }

    /// A person as a trailer names one: `Name <e-mail>`, a bare address or a bare name.
    pub fn named(&mut self, text: &str) -> Arc<RawValue> {
        let (name, email) = name_and_email(text);
        self.person(name, email)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_mapped_and_never_empty() {
        let mailmap = Snapshot::from_bytes(b"Ada Lovelace <ada@acme.example> <old@acme.example>\n");
        let mut people = People::new(&mailmap);
        let mut check = |text: &str, expect: &str| assert_eq!(people.named(text).get(), expect, "{text}");
        check("A <old@acme.example>", r#"{"name":"Ada Lovelace","email":"ada@acme.example"}"#);
        check("Bo <bo@acme.example> # twice", r#"{"name":"Bo","email":"bo@acme.example"}"#);
        check("bo@acme.example", r#"{"email":"bo@acme.example"}"#);
        check("bo", r#"{"name":"bo"}"#);
        check("<>", r#"{"name":"unknown"}"#);
    }
}
