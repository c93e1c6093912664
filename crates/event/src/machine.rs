//! Who is a human, a bot or an AI agent, by name: one list for normalisers and for SQL.
//!
//! The list is data, `queries/data/machines.toml`, with a source for each entry. Invariants: letter case means nothing;
//! of several entries the first counts; a name that no entry knows is a human's.
//! Deliberately absent: what vendors and people say of an account (its type, people.toml); that goes before the name and
//! arrives as `person.updated`.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;

/// The catalogue's list.
pub const MACHINES: &str = include_str!("../../../queries/data/machines.toml");

/// Longer names are nobody's in the list.
const NAME_BYTES_MAX: usize = 128;

/// What a person is, as `person_kind` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MachineKind {
    Bot,
    Ai,
}

impl MachineKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            MachineKind::Bot => "bot",
            MachineKind::Ai => "ai",
        }
    }
}

/// The kind of whom a name, login or address belongs to; `None` for a human.
pub fn machine_kind(name: &str) -> Option<MachineKind> {
    static LIST: OnceLock<List> = OnceLock::new();
    LIST.get_or_init(|| List::parse(MACHINES)).kind(name)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    machine: Vec<Machine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Machine {
    #[cfg_attr(not(test), expect(dead_code, reason = "for who reads the file"))]
    name: String,
    kind: KindName,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    accounts: Vec<String>,
    #[serde(default)]
    addresses: Vec<String>,
    #[cfg_attr(not(test), expect(dead_code, reason = "for who reads the file"))]
    source: String,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum KindName {
    Bot,
    Ai,
}

/// NameList that are looked up, and the few that are patterns.
#[derive(Default)]
struct NameList {
    whole: HashMap<String, MachineKind>,
    patterns: Vec<(String, MachineKind)>,
}

impl NameList {
    fn add(&mut self, name: &str, kind: MachineKind) {
        let name = name.to_ascii_lowercase();
        if name.contains(['*', '?']) {
            self.patterns.push((name, kind));
        } else {
            self.whole.entry(name).or_insert(kind);
        }
    }

    fn kind(&self, name: &str) -> Option<MachineKind> {
        self.whole.get(name).copied().or_else(|| {
            let found =
                self.patterns.iter().find(|(pattern, _)| matches(pattern.as_bytes(), name.as_bytes()));
            found.map(|(_, kind)| *kind)
        })
    }
}

#[derive(Default)]
struct List {
    names: NameList,
    /// Those of `names` that count before the `@` of any address.
    accounts: NameList,
    addresses: NameList,
}

impl List {
    fn parse(text: &str) -> List {
        let document: Document = toml::from_str(text).expect("the list of machines is checked by a test");
        let mut list = List::default();
        for machine in document.machine {
            let kind = match machine.kind {
                KindName::Bot => MachineKind::Bot,
                KindName::Ai => MachineKind::Ai,
            };
            machine.names.iter().chain(&machine.accounts).for_each(|name| list.names.add(name, kind));
            machine.accounts.iter().for_each(|name| list.accounts.add(name, kind));
            machine.addresses.iter().for_each(|address| list.addresses.add(address, kind));
        }
        list
    }

    fn kind(&self, name: &str) -> Option<MachineKind> {
        // A copy on the stack is all the memory this takes.
        let mut buffer = [0; NAME_BYTES_MAX];
        let name = name.trim();
        let lower = buffer.get_mut(..name.len())?;
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        let name = std::str::from_utf8(lower).ok()?;
        let Some((local, host)) = name.split_once('@') else { return self.named(&self.names, name) };
        if let Some(kind) = self.addresses.kind(name) {
            return Some(kind);
        }
        // `123+login@users.noreply.github.com` is a login.
        if host.contains("noreply.") {
            return self.named(&self.names, local.split_once('+').map_or(local, |(_, login)| login));
        }
        self.named(&self.accounts, local)
    }

    /// `x[bot]` is the account of the app `x`.
    fn named(&self, names: &NameList, name: &str) -> Option<MachineKind> {
        let app = name.strip_suffix("[bot]").filter(|app| !app.is_empty());
        app.and_then(|app| self.names.kind(app)).or_else(|| names.kind(name))
    }
}

/// Whether a text has the form of a pattern, where `*` is any text and `?` one byte.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut next) = (0, 0);
    // Where to go on with one byte more for the last star.
    let mut star = None;
    while next < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, next));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[next] => {
                at += 1;
                next += 1;
            }
            _ => match star {
                Some((from, taken)) => {
                    star = Some((from, taken + 1));
                    at = from + 1;
                    next = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_told_by_name() {
        for (name, kind) in [
            ("dependabot[bot]", "bot"),
            ("Renovate", "bot"),
            ("49699333+dependabot[bot]@users.noreply.github.com", "bot"),
            ("acme-bot", "bot"),
            ("acme-bot@acme.example", "bot"),
            ("k8s-ci-robot", "bot"),
            ("pre-commit-ci[bot]", "bot"),
            ("jenkins@acme.example", "bot"),
            ("Zuul", "bot"),
            ("Acme Storage CI", "bot"),
            ("Hosted Weblate", "bot"),
            ("hosted@weblate.org", "bot"),
            ("project_278964_bot", "bot"),
            ("project_278964_bot_1f0c", "bot"),
            ("group_42_bot_1f0c@noreply.gitlab.acme.example", "bot"),
            ("service_account_group_42_1f0c", "bot"),
            ("web-flow", "bot"),
            ("Copilot", "ai"),
            ("198982749+Copilot@users.noreply.github.com", "ai"),
            ("copilot-swe-agent[bot]", "ai"),
            ("claude[bot]", "ai"),
            ("Claude Opus 4.5", "ai"),
            ("noreply@anthropic.com", "ai"),
            ("NoReply@OpenAI.com", "ai"),
            ("cursoragent@cursor.com", "ai"),
            ("aider (gpt-5)", "ai"),
        ] {
            assert_eq!(machine_kind(name).map(MachineKind::as_str), Some(kind), "{name}");
        }
        let long = format!("{}-bot", "x".repeat(NAME_BYTES_MAX));
        for name in [
            "ada",
            "abbot",
            "robot",
            "bot",
            "",
            "[bot]",
            "talbot@acme.org",
            "ada+bot@acme.org",
            // First names are people's, whatever a tool is called.
            "claude@acme.example",
            "Claude Martin",
            "devin",
            "Devin Park",
            "noreply@acme.example",
            "zuulia",
            "project_manager",
            &long,
        ] {
            assert_eq!(machine_kind(name), None, "{name}");
        }
    }

    #[test]
    fn every_entry_has_names_and_a_source() {
        let document: Document = toml::from_str(MACHINES).unwrap();
        for machine in document.machine {
            assert!(machine.source.starts_with("https://"), "{}: {}", machine.name, machine.source);
            let found = machine.names.len() + machine.accounts.len() + machine.addresses.len();
            assert!(found > 0, "{} has no names", machine.name);
        }
    }

    #[test]
    fn patterns_match_as_shells_do() {
        for (pattern, text, found) in [
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "acb", false),
            ("*_bot_*", "project_1_bot_2", true),
            ("?*-bot", "-bot", false),
            ("?*-bot", "x-bot", true),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), found, "{pattern} {text}");
        }
    }
}
