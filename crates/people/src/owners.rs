//! `CODEOWNERS`: which teams and people answer for which paths.
//!
//! A rule's teams (`@org/team`) get its pattern as an area. Forges name a team with its organisation; here it is the
//! part after the slash, as in webhooks. The last rule that matches a path wins on the forge; areas keep the order of
//! the file, so that a reader can do the same.
//! Deliberately absent: people as owners of paths; there is a note of how many were left out.

use std::collections::{BTreeMap, HashSet};

use super::declared::{Declaration, Team};
use super::files::Wrong;

/// Most patterns of one team.
const AREAS_MAX: usize = 5_000;

pub fn read(text: &str) -> Result<Declaration, Wrong> {
    let mut areas: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut seen: HashSet<(&str, &str)> = HashSet::new();
    let mut people = 0;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split(" #").next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with('#') || line.starts_with('[') || line.starts_with("^[") {
            continue;
        }
        let mut words = line.split_whitespace();
        let pattern = words.next().unwrap_or_default();
        for owner in words {
            match owner.strip_prefix('@').and_then(|owner| owner.rsplit_once('/')) {
                Some((_, team)) => {
                    if !seen.insert((team, pattern)) {
                        continue;
                    }
                    let list = areas.entry(team.to_owned()).or_default();
                    if list.len() == AREAS_MAX {
                        let message =
                            format!("gives @{team} more than {AREAS_MAX} patterns; take wider patterns");
                        return Err(Wrong { line: number, message });
                    }
                    list.push(pattern.to_owned());
                }
                None => people += 1,
            }
        }
    }
    let mut declared = Declaration::default();
    if people > 0 {
        declared.notes.push(format!("{people} owners are people, not teams; only teams have areas"));
    }
    declared.teams =
        areas.into_iter().map(|(team, areas)| Team { team, areas: Some(areas), ..Team::default() }).collect();
    Ok(declared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn teams_get_their_patterns() {
        let declared =
            read("# all\n* @acme/core\n/pay/ @acme/payments @ada # money\n[Docs]\n*.md @acme/core\n")
                .unwrap();
        let areas: Vec<_> =
            declared.teams.iter().map(|t| (t.team.as_str(), t.areas.clone().unwrap())).collect();
        assert_eq!(
            areas,
            [("core", vec!["*".into(), "*.md".to_owned()]), ("payments", vec!["/pay/".to_owned()])]
        );
        assert_eq!(declared.notes.len(), 1);
    }

    #[test]
    fn very_many_patterns_are_refused_and_doubles_are_not_counted() {
        let lines: String = (0..=AREAS_MAX).map(|n| format!("/{n}/ @acme/core\n")).collect();
        let wrong = read(&lines).unwrap_err();
        assert_eq!((wrong.line, wrong.message.contains("@core")), (AREAS_MAX + 1, true), "{}", wrong.message);
        let same = format!("/a/{}\n", " @acme/core".repeat(500_000));
        assert_eq!(read(&same).unwrap().teams[0].areas.as_ref().unwrap().len(), 1);
    }
}
