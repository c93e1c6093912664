//! Names in a file that events spell with other letters, capital or small.
//!
//! GitHub, GitLab and most trackers take `Ada-L` and `ada-l` for one account, and so does a file about people. The other
//! spelling becomes a link, which `people show` lists and `people unmerge` takes back.
//! Invariant: a name that the file has itself is never linked here.

use std::collections::{BTreeMap, BTreeSet};

use super::declared::{Declaration, Link, Whose};
use super::known::Known;

/// From each spelling of events to the name in the file.
pub fn spellings(declared: &Declaration, known: &Known) -> Vec<Link> {
    let mut written: BTreeSet<&str> = BTreeSet::new();
    written.extend(declared.people.iter().map(|person| person.person.as_str()));
    written.extend(declared.links.iter().flat_map(|link| [link.person.as_str(), link.identity.as_str()]));
    written.extend(declared.teams.iter().filter_map(|team| team.lead.as_deref()));
    written.extend(declared.stays.iter().map(|stay| stay.person.as_str()));
    let hours = declared.hours.iter().map(|hours| &hours.whose);
    let leave = declared.leave.iter().map(|leave| &leave.whose);
    let capacities = declared.capacities.iter().map(|capacity| &capacity.whose);
    written.extend(hours.chain(leave).chain(capacities).filter_map(|whose| match whose {
        Whose::Person(person) => Some(person.as_str()),
        Whose::Team(_) => None,
    }));
    // Of two in the file that differ in nothing else the first in the alphabet.
    let mut of_folded: BTreeMap<String, &str> = BTreeMap::new();
    for name in &written {
        of_folded.entry(name.to_lowercase()).or_insert(name);
    }
    let others = known.names.iter().filter(|name| !written.contains(name.as_str()));
    others
        .filter_map(|identity| {
            let person = of_folded.get(&identity.to_lowercase())?;
            Some(Link { person: (*person).to_owned(), identity: identity.clone(), since: None })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::teams;

    #[test]
    fn another_spelling_is_linked_to_the_name_in_the_file() {
        let file = "[[team]]\nid = \"core\"\nlead = \"Bo\"\nmembers = [\"Ada-L\", \"cy\", \"Cy\"]\n";
        let declared = teams(file).unwrap();
        let names = ["ada-l", "ADA-L", "ada-lo", "bo", "cy", "CY", "Dee"];
        let known = Known { names: names.map(str::to_owned).into(), ..Known::default() };
        let found = spellings(&declared, &known);
        let found: Vec<_> = found.iter().map(|link| (link.identity.as_str(), link.person.as_str())).collect();
        assert_eq!(found, [("ADA-L", "Ada-L"), ("CY", "Cy"), ("ada-l", "Ada-L"), ("bo", "Bo")]);
    }
}
