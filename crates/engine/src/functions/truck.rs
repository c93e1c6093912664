//! `truck_factor(file, person, changes, minor_share)`: how many people must go until most files have no author left.
//!
//! Avelino et al., A novel approach for estimating truck factors (2016). One row for each author of a file, and one
//! with a NULL person for a file that has none. People go in order of authored files, then changes, then name, until
//! fewer than half of the files have an author. `tf_pruned` leaves out those of them who author fewer than
//! `minor_share` of the files of the first (Jabrayilzade et al. 2022).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruckFactor {
    pub files: i64,
    pub tf_raw: i64,
    pub tf_pruned: i64,
    /// The people that `tf_raw` counts, in order.
    pub people: Vec<String>,
}

/// Rows are (file, author, changes by the author).
pub fn truck_factor(rows: &[(&str, Option<&str>, i64)], minor_share: f64) -> Option<TruckFactor> {
    let mut authors: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut changes: BTreeMap<&str, i64> = BTreeMap::new();
    for &(file, person, count) in rows {
        let of_file = authors.entry(file).or_default();
        if let Some(person) = person
            && of_file.insert(person)
        {
            *changes.entry(person).or_default() += count;
        }
    }
    if authors.is_empty() {
        return None;
    }
    let files = authors.len();
    let mut authored: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (file, people) in authors.values().enumerate() {
        for person in people {
            authored.entry(person).or_default().push(file);
        }
    }
    let mut order: Vec<&str> = authored.keys().copied().collect();
    order.sort_by_key(|person| (Reverse(authored[person].len()), Reverse(changes[person]), *person));
    let mut left: Vec<usize> = authors.values().map(BTreeSet::len).collect();
    let mut covered = left.iter().filter(|&&people| people > 0).count();
    let mut gone: Vec<&str> = Vec::new();
    for person in order {
        if covered * 2 < files {
            break;
        }
        for &file in &authored[person] {
            left[file] -= 1;
            covered -= usize::from(left[file] == 0);
        }
        gone.push(person);
    }
    let most = gone.first().map_or(0, |person| authored[person].len());
    let major =
        gone.iter().filter(|person| authored[*person].len() as f64 >= minor_share * most as f64).count();
    Some(TruckFactor {
        files: files as i64,
        tf_raw: gone.len() as i64,
        tf_pruned: major as i64,
        people: gone.into_iter().map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factor(rows: &[(&str, Option<&str>, i64)]) -> (i64, i64, Vec<String>) {
        let got = truck_factor(rows, 0.1).unwrap();
        (got.tf_raw, got.tf_pruned, got.people)
    }

    #[test]
    fn people_go_until_less_than_half_is_covered() {
        let one = [("a", Some("ada"), 1), ("b", Some("ada"), 1), ("c", Some("bo"), 9)];
        assert_eq!(factor(&one), (1, 1, vec!["ada".to_owned()]));
        let half = [("a", Some("bo"), 1), ("b", Some("ada"), 1)];
        assert_eq!(factor(&half), (2, 2, vec!["ada".to_owned(), "bo".to_owned()]));
        let ties = [("a", Some("ada"), 1), ("b", Some("bo"), 2), ("c", Some("bo"), 2), ("d", Some("ada"), 5)];
        assert_eq!(factor(&ties).2, ["ada", "bo"]);
        let alone = [("a", None, 0), ("b", None, 0), ("c", Some("ada"), 1)];
        assert_eq!(factor(&alone), (0, 0, Vec::new()));
        assert_eq!(truck_factor(&[], 0.1), None);
    }

    #[test]
    fn small_holders_are_pruned() {
        let names: Vec<String> = (0..24).map(|n| format!("f{n:02}")).collect();
        let mut rows: Vec<(&str, Option<&str>, i64)> =
            names[..12].iter().map(|file| (file.as_str(), Some("ada"), 1)).collect();
        rows.extend(names[12..].iter().zip(PEOPLE).map(|(file, person)| (file.as_str(), Some(person), 1)));
        assert_eq!((factor(&rows).0, factor(&rows).1), (2, 1));
    }

    const PEOPLE: [&str; 12] = ["b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"];
}
