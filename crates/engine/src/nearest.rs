//! "Did you mean": names that are close to one that is not there.

use strsim::levenshtein;

/// A longer name is cut, which bounds the work.
const CHARS_MAX: usize = 64;

/// The names closest to `wanted`, nearest first, at most three; none that is far off.
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted: String = wanted.chars().take(CHARS_MAX).collect();
    let mut scored: Vec<(usize, &str)> = names
        .into_iter()
        .map(|name| (levenshtein(&wanted, name), name))
        .filter(|(score, name)| {
            *score <= 2.max(wanted.len().max(name.len()) / 3) || (wanted.len() >= 3 && name.contains(&wanted))
        })
        .collect();
    scored.sort_unstable();
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_names_come_first() {
        let names = ["review_load", "reviewer_load", "milestone_drift", "goal_hygiene"];
        assert_eq!(nearest("reviw_load", names)[0], "review_load");
        assert_eq!(nearest("drift", names), vec!["milestone_drift"]);
        assert!(nearest("zzzzzzzzzzzz", names).is_empty());
    }
}
