//! `CODEOWNERS`: which teams and people answer for which paths, as GitHub and GitLab read it.
//!
//! A rule's teams (`@org/team`) get its pattern as an area. Forges name a team with its organisation; here it is what
//! follows the first slash, as in webhooks, with the groups between them. The last rule that matches a path wins on the
//! forge; areas keep the order of the file, so that a reader can do the same. A backslash takes the meaning from the space
//! or `#` after it and stays in the pattern. Owners in the head of a section (`[Docs] @org/docs`) own its rules that
//! name none.
//! Deliberately absent: people as owners of paths, roles (`@@developers`) and exceptions (`!path`); there is a note of how
//! many were left out.

use std::collections::{BTreeMap, HashSet};

use super::declared::{Declaration, Team};
use super::files::Wrong;

/// Most patterns of one team.
const AREAS_MAX: usize = 5_000;

pub fn read(text: &str) -> Result<Declaration, Wrong> {
    let mut areas: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut seen: HashSet<(&str, &str)> = HashSet::new();
    let (mut people, mut exceptions) = (0, 0);
    // The owners of the section that the line is in.
    let mut section: Vec<&str> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if let Some(owners) = head(line) {
            section = words(owners);
            continue;
        }
        let mut words = words(line);
        if words.is_empty() {
            continue;
        }
        let pattern = words.remove(0);
        if pattern.starts_with('!') {
            exceptions += 1;
            continue;
        }
        let owners = if words.is_empty() { &section } else { &words };
        for owner in owners {
            match owner.strip_prefix('@').and_then(|owner| owner.split_once('/')) {
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
    if exceptions > 0 {
        declared.notes.push(format!("{exceptions} exceptions (`!path`) were left out; areas have none"));
    }
    declared.teams =
        areas.into_iter().map(|(team, areas)| Team { team, areas: Some(areas), ..Team::default() }).collect();
    Ok(declared)
}

/// What follows the name of a section, where the line is the head of one: `[Docs]`, `^[Docs]` for an optional one,
/// `[Docs][2]` for one that needs two approvals.
fn head(line: &str) -> Option<&str> {
    let (_, rest) = line.strip_prefix('^').unwrap_or(line).strip_prefix('[')?.split_once(']')?;
    match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((approvals, rest)) if approvals.bytes().all(|byte| byte.is_ascii_digit()) => Some(rest),
        _ => Some(rest),
    }
}

/// The words of a line up to its comment.
fn words(line: &str) -> Vec<&str> {
    let (mut words, mut from, mut escaped) = (Vec::new(), None, false);
    for (at, c) in line.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '#' && from.is_none() {
            return words;
        } else if c.is_whitespace() {
            words.extend(from.take().map(|from| &line[from..at]));
            continue;
        } else {
            escaped = c == '\\';
        }
        from = from.or(Some(at));
    }
    words.extend(from.map(|from| &line[from..]));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &[&str])], notes: usize) {
        let declared = read(text).unwrap();
        let found: Vec<(String, Vec<String>)> =
            declared.teams.into_iter().map(|team| (team.team, team.areas.unwrap())).collect();
        let expected: Vec<(String, Vec<String>)> = expected
            .iter()
            .map(|(team, areas)| ((*team).to_owned(), areas.iter().map(|area| (*area).to_owned()).collect()))
            .collect();
        assert_eq!((found, declared.notes.len()), (expected, notes), "{text}");
    }

    #[test]
    fn teams_get_their_patterns() {
        check(
            "# all\n* @acme/core\n/pay/ @acme/payments @ada # money\n[Docs]\n*.md @acme/core\n",
            &[("core", &["*", "*.md"]), ("payments", &["/pay/"])],
            1,
        );
    }

    #[test]
    fn a_backslash_keeps_a_space_or_a_hash_in_the_pattern() {
        check(
            "/Price\\ Lists/ @acme/fees\n/\\#notes/a\\ b.md @acme/docs#2 # c\n",
            &[("docs#2", &["/\\#notes/a\\ b.md"]), ("fees", &["/Price\\ Lists/"])],
            0,
        );
    }

    #[test]
    fn the_head_of_a_section_owns_what_names_nobody() {
        check(
            "/top\n[Handbook] @acme/docs @acme/legal\n*.md\n/law/ @acme/law\n^[Look and feel][2] @acme/web\n*.css\n[None]\n*.txt\n!x.txt\n",
            &[("docs", &["*.md"]), ("law", &["/law/"]), ("legal", &["*.md"]), ("web", &["*.css"])],
            1,
        );
    }

    #[test]
    fn nested_groups_stay_apart() {
        check(
            "/a/ @acme/shop/core\n/b/ @acme/bank/core @@developers\n",
            &[("bank/core", &["/b/"]), ("shop/core", &["/a/"])],
            1,
        );
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
