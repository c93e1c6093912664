//! `file_knowledge(at_ms, seq, sha, path, old_path, kind, person)`: who knows each file that exists, as a list of structs.
//!
//! Degree of authorship (Fritz et al. 2014; Avelino et al. 2016):
//! DOA = 3.293 + 1.098 FA + 0.164 DL - 0.321 ln(1 + AC). FA: the person created the file. DL: commits of the person
//! that changed it later, renames included. AC: commits of others that did. The creating commit is no DL and no AC;
//! somebody else who adds the file again gets FA too. A person is an author when DOA is above 0.75 of the
//! file's highest and either at least 3.293 or of its creator.
//!
//! Rows are commits' files, one for each author and co-author, in any order; they are sorted by time, sequence and sha.
//! A file keeps its history through renames, and through deletion until it is added again; deleted files are left out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A person with less of the file's highest DOA is no author.
const AUTHOR_SHARE: f64 = 0.75;
const DOA_BASE: f64 = 3.293;

/// One file of one commit, by one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touch<'a> {
    pub at_ms: i64,
    pub seq: i64,
    pub sha: &'a str,
    pub path: &'a str,
    pub old_path: Option<&'a str>,
    pub kind: &'a str,
    pub person: &'a str,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Authorship<'a> {
    pub path: &'a str,
    pub person: &'a str,
    pub first_author: bool,
    pub deliveries: i64,
    pub acceptances: i64,
    pub doa: f64,
    pub is_author: bool,
    pub last_ms: i64,
}

pub fn doa(first_author: bool, deliveries: i64, acceptances: i64) -> f64 {
    DOA_BASE + if first_author { 1.098 } else { 0.0 } + 0.164 * deliveries as f64
        - 0.321 * (acceptances as f64).ln_1p()
}

#[derive(Debug, Default)]
struct File<'a> {
    /// Commits that changed it after creation.
    changes: i64,
    gone: bool,
    people: BTreeMap<&'a str, Person>,
}

#[derive(Debug, Default)]
struct Person {
    first_author: bool,
    deliveries: i64,
    last_ms: i64,
}

/// By path, then person.
pub fn knowledge<'a>(touches: &mut Vec<Touch<'a>>) -> Vec<Authorship<'a>> {
    touches.sort_unstable();
    touches.dedup();
    let mut files: HashMap<&str, File<'a>> = HashMap::new();
    for commit in touches.chunk_by(|a, b| (a.at_ms, a.seq, a.sha) == (b.at_ms, b.seq, b.sha)) {
        // Names move together: a commit may swap two files.
        let names: BTreeSet<(&str, &str)> = commit
            .iter()
            .filter(|touch| touch.kind == "renamed")
            .filter_map(|touch| touch.old_path.map(|old| (old, touch.path)))
            .collect();
        let moved: Vec<(&str, File<'a>)> =
            names.iter().filter_map(|(old, new)| Some((*new, files.remove(old)?))).collect();
        files.extend(moved);
        for of_file in commit.chunk_by(|a, b| a.path == b.path) {
            files.entry(of_file[0].path).or_default().apply(of_file);
        }
    }
    let mut paths: Vec<(&str, File<'a>)> = files.into_iter().filter(|(_, file)| !file.gone).collect();
    paths.sort_unstable_by_key(|(path, _)| *path);
    paths.iter().flat_map(|(path, file)| file.known(path)).collect()
}

impl<'a> File<'a> {
    /// One commit, by all its authors.
    fn apply(&mut self, touches: &[Touch<'a>]) {
        if touches[0].kind == "deleted" {
            self.gone = true;
            return;
        }
        self.gone = false;
        let added = touches[0].kind == "added";
        let mut changed = false;
        for touch in touches {
            let person = self.people.entry(touch.person).or_default();
            person.last_ms = touch.at_ms;
            if added && !person.first_author {
                person.first_author = true;
            } else {
                person.deliveries += 1;
                changed = true;
            }
        }
        self.changes += i64::from(changed);
    }

    fn known(&self, path: &'a str) -> Vec<Authorship<'a>> {
        let degree = |person: &Person| {
            doa(person.first_author, person.deliveries, (self.changes - person.deliveries).max(0))
        };
        let highest = self.people.values().map(degree).fold(f64::MIN, f64::max);
        let known = |(name, person): (&&'a str, &Person)| {
            let doa = degree(person);
            Authorship {
                path,
                person: name,
                first_author: person.first_author,
                deliveries: person.deliveries,
                acceptances: (self.changes - person.deliveries).max(0),
                doa,
                is_author: doa > AUTHOR_SHARE * highest && (person.first_author || doa >= DOA_BASE),
                last_ms: person.last_ms,
            }
        };
        self.people.iter().map(known).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch<'a>(at_ms: i64, kind: &'a str, path: &'a str, person: &'a str) -> Touch<'a> {
        let (path, old_path) = path.split_once(" from ").map_or((path, None), |(new, old)| (new, Some(old)));
        Touch { at_ms, seq: 0, sha: "sha", path, old_path, kind, person }
    }

    fn told(touches: &[Touch<'_>]) -> Vec<String> {
        let mut reversed: Vec<Touch<'_>> = touches.iter().rev().copied().collect();
        let known = knowledge(&mut reversed);
        let line = |known: &Authorship<'_>| {
            let flag = |yes: bool| i64::from(yes);
            format!(
                "{} {} {} {} {} {}",
                known.path,
                known.person,
                flag(known.first_author),
                known.deliveries,
                known.acceptances,
                flag(known.is_author)
            )
        };
        known.iter().map(line).collect()
    }

    #[test]
    fn doa_of_the_worked_case() {
        assert!((doa(true, 0, 0) - 4.391).abs() < 5e-6);
        let (a, b) = (doa(true, 3, 2), doa(false, 2, 3));
        assert!((a - 4.53035).abs() < 5e-6 && (b - 3.17600).abs() < 5e-6, "{a} {b}");
        assert!((b / a - 0.70105).abs() < 5e-6);
        let mut touches = vec![touch(1, "added", "f", "a")];
        touches.extend((2..=4).map(|at| touch(at, "modified", "f", "a")));
        touches.extend((5..=6).map(|at| touch(at, "modified", "f", "b")));
        assert_eq!(told(&touches), ["f a 1 3 2 1", "f b 0 2 3 0"]);
    }

    #[test]
    fn files_keep_their_history_through_renames_and_deletion() {
        let touches = [
            touch(1, "added", "old", "a"),
            touch(2, "renamed", "new from old", "b"),
            touch(3, "deleted", "new", "a"),
            touch(4, "added", "new", "c"),
            touch(5, "added", "gone", "c"),
            touch(6, "deleted", "gone", "c"),
        ];
        assert_eq!(told(&touches), ["new a 1 0 1 1", "new b 0 1 0 1", "new c 1 0 1 1"]);
    }

    #[test]
    fn a_commit_by_two_is_one_change() {
        let touches = [
            touch(1, "added", "f", "a"),
            touch(1, "added", "f", "b"),
            touch(2, "modified", "f", "a"),
            touch(2, "modified", "f", "b"),
        ];
        assert_eq!(told(&touches), ["f a 1 1 0 1", "f b 1 1 0 1"]);
        let swap = [
            touch(1, "added", "x", "a"),
            touch(1, "added", "y", "b"),
            touch(2, "renamed", "x from y", "c"),
            touch(2, "renamed", "y from x", "c"),
        ];
        assert_eq!(told(&swap)[0], "x b 1 0 1 1");
    }
}
