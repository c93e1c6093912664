//! `.mailmap`, as git reads it: which names and addresses of commits are one person.
//!
//! `Proper Name <proper@x> Commit Name <commit@x>`, with or without the names. Here an identity is an address, so a
//! line links the commit's address to the proper one. As in git, a comment is a line that begins with `#`, and a line that
//! is no mapping is passed over; each of these gets a note.
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
    let (mut doubles, mut bad) = (0, Vec::new());
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let Some((proper_name, person, rest)) = name_and_address(line) else {
            bad.push(index + 1);
            continue;
        };
        if !proper_name.is_empty() {
            names.insert(person.clone(), proper_name.to_owned());
        }
        let Some((commit_name, identity, _)) = name_and_address(rest) else { continue };
        // What stands in a comment is no commit's.
        if commit_name.starts_with('#') || identity == person {
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
    if !bad.is_empty() {
        let told: Vec<String> = bad.iter().take(NOTES_MAX).map(usize::to_string).collect();
        let more = if bad.len() > NOTES_MAX { " and more" } else { "" };
        declared.notes.push(format!(
            "passed over, as git does: {} of the lines ({}{more}) are not `Name <address>` or `Name <address> Name <address>`",
            bad.len(),
            told.join(", ")
        ));
    }
    declared.people = names
        .into_iter()
        .map(|(person, name)| Person { person, name: Some(name), ..Person::default() })
        .collect();
    Ok(declared)
}

/// The first name and address of a text, and what follows; `None` without an address.
fn name_and_address(text: &str) -> Option<(&str, String, &str)> {
    let (before, rest) = text.split_once('<')?;
    let (address, rest) = rest.split_once('>')?;
    let address = name(address);
    (!address.is_empty()).then(|| (before.trim(), address, rest))
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
        let declared =
            read("\nnobody\nBo <bo@acme.example\n<> <x@acme.example>\nC# Guild <cs@acme.example>\n").unwrap();
        assert_eq!((declared.people[0].name.as_deref(), declared.links.len()), (Some("C# Guild"), 0));
        assert!(declared.notes[0].contains("3 of the lines (2, 3, 4)"), "{:?}", declared.notes);
        let doubles: String = (0..100_000).map(|n| format!("<p{n}@x.example> <a@x.example>\n")).collect();
        assert_eq!(read(&doubles).unwrap().notes.len(), NOTES_MAX + 1);
    }
}
