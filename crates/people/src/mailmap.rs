//! `.mailmap`, as git reads it: which names and addresses of commits are one person.
//!
//! `Proper Name <proper@x> Commit Name <commit@x>`, with or without the names. Here an identity is an address, so a
//! line links the commit's address to the proper one.
//! Deliberately absent: lines that give one address two people by the commit's name; they get a note.

use std::collections::BTreeMap;

use super::declared::{Declaration, Link, Person};
use super::files::Wrong;
use super::names::name;

/// Most lines that get a note each.
const NOTES_MAX: usize = 20;

pub fn read(text: &str) -> Result<Declaration, Wrong> {
    let mut declared = Declaration { weak: true, ..Declaration::default() };
    let mut names = BTreeMap::new();
    let mut given = BTreeMap::new();
    let mut doubles = 0;
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let bad = || Wrong {
            line: index + 1,
            message: "is not `Name <address>` or `Name <address> Name <address>`".to_owned(),
        };
        let (proper_name, rest) = line.split_once('<').ok_or_else(bad)?;
        let (proper, rest) = rest.split_once('>').ok_or_else(bad)?;
        let person = name(proper);
        let proper_name = proper_name.trim();
        if person.is_empty() {
            return Err(bad());
        }
        if !proper_name.is_empty() {
            names.insert(person.clone(), proper_name.to_owned());
        }
        let Some((_, rest)) = rest.split_once('<') else { continue };
        let (commit, _) = rest.split_once('>').ok_or_else(bad)?;
        let identity = name(commit);
        if identity.is_empty() || identity == person {
            continue;
        }
        match given.insert(identity.clone(), person.clone()) {
            None => declared.links.push(Link { person, identity, since: None }),
            Some(other) if other == person => {}
            Some(other) => {
                doubles += 1;
                if doubles <= NOTES_MAX {
                    declared.notes.push(format!(
                        "line {}: {identity} is {other} above and {person} here; the first one counts",
                        index + 1
                    ));
                }
                given.insert(identity, other);
            }
        }
    }
    if doubles > NOTES_MAX {
        declared.notes.push(format!("{} more lines give an address another person", doubles - NOTES_MAX));
    }
    declared.people = names
        .into_iter()
        .map(|(person, name)| Person { person, name: Some(name), ..Person::default() })
        .collect();
    Ok(declared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_links() {
        let declared = read(
            "# who is who\nAda Lovelace <Ada@acme.example>\n<ada@acme.example> <ada@old.example> # moved\n\
             Bo <bo@acme.example> B <b@home.example>\nCy <cy@acme.example> <b@home.example>\n",
        )
        .unwrap();
        let links: Vec<_> = declared.links.iter().map(|l| (l.person.as_str(), l.identity.as_str())).collect();
        assert_eq!(links, [("ada@acme.example", "ada@old.example"), ("bo@acme.example", "b@home.example")]);
        assert_eq!(declared.people[0].name.as_deref(), Some("Ada Lovelace"));
        assert_eq!(declared.notes.len(), 1);
        assert_eq!(read("\nnobody\n").unwrap_err().line, 2);
        let doubles: String = (0..100_000).map(|n| format!("<p{n}@x.example> <a@x.example>\n")).collect();
        assert_eq!(read(&doubles).unwrap().notes.len(), NOTES_MAX + 1);
    }
}
