//! Names of people, and patterns of them.

/// The name that tables have for whom a file calls `text`.
pub fn name(text: &str) -> String {
    event::person_name(text.trim()).into_owned()
}

/// Whether `pattern`, in which `*` stands for anything, is all of `text`; case does not matter.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, text, expect) in [
            ("*-ci", "acme-ci", true),
            ("*-ci", "acme-cis", false),
            ("ci", "ci", true),
            ("ci", "cid", false),
            ("a*b*c", "aXXbYc", true),
            ("a*b*c", "acb", false),
            ("*", "", true),
            ("Renovate*", "renovate[bot]", true),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(pattern, text), expect, "{pattern} {text}");
        }
    }
}
