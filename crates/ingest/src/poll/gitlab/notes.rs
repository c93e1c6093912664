//! What the notes below an issue or a merge request tell.
//!
//! GitLab writes notes itself, in English whatever the language of its pages, and marks them as `system`.
//! Deliberately lacking: notes of any other wording, which say nothing that is kept.

use serde_json::Value;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fact {
    /// `closed`, `reopened` or `merged`.
    State(String),
    Label {
        title: String,
        added: bool,
    },
    Milestone {
        id: Value,
        added: bool,
    },
    Assigned(String),
    Unassigned(String),
    /// The day, or that there is none any more.
    Due(Option<String>),
    Draft(bool),
    Asked(String),
    AskedNoMore(String),
    Approved,
    Unapproved,
    /// A person's comment.
    Comment {
        id: Value,
    },
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// What a note tells; most of GitLab's own tell nothing of interest.
pub(super) fn said(note: &Value) -> Vec<Fact> {
    if note["system"] != true {
        return vec![Fact::Comment { id: note["id"].clone() }];
    }
    let text = note["body"].as_str().unwrap_or_default().trim();
    let list = |text: &str, make: fn(String) -> Fact| -> Vec<Fact> { people(text).map(make).collect() };
    if let Some(rest) = text.strip_prefix("requested review from ") {
        let (asked, removed) = rest.split_once("removed review request for ").unwrap_or((rest, ""));
        return [list(asked, Fact::Asked), list(removed, Fact::AskedNoMore)].concat();
    }
    if let Some(rest) = text.strip_prefix("removed review request for ") {
        return list(rest, Fact::AskedNoMore);
    }
    if text.starts_with("assigned to ") || text.starts_with("unassigned ") {
        let (assigned, unassigned) = text.split_once("unassigned ").unwrap_or((text, ""));
        return [list(assigned, Fact::Assigned), list(unassigned, Fact::Unassigned)].concat();
    }
    if let Some((_, day)) = text.split_once("changed due date to ") {
        return date(day).map(|day| Fact::Due(Some(day))).into_iter().collect();
    }
    match text {
        "removed due date" => vec![Fact::Due(None)],
        "approved this merge request" => vec![Fact::Approved],
        "unapproved this merge request" => vec![Fact::Unapproved],
        // Servers before 13.2 tell changes of state only here, for a time with "Status changed to" in front.
        "closed" | "Status changed to closed" => vec![Fact::State("closed".to_owned())],
        "reopened" | "Status changed to reopened" => vec![Fact::State("reopened".to_owned())],
        _ if ["closed via ", "Status changed to closed by "].iter().any(|start| text.starts_with(start)) => {
            vec![Fact::State("closed".to_owned())]
        }
        // ... and drafts were called work in progress.
        _ if text.ends_with("as a **Work In Progress**") => vec![Fact::Draft(!text.starts_with("unmarked"))],
        _ if text.starts_with("marked this merge request as **draft**") => vec![Fact::Draft(true)],
        _ if text.starts_with("marked this merge request as **ready**") => vec![Fact::Draft(false)],
        _ => Vec::new(),
    }
}

/// `@ada, @bo, and @cy`
fn people(text: &str) -> impl Iterator<Item = String> {
    text.split('@').skip(1).filter_map(|part| {
        let end =
            part.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))).unwrap_or(part.len());
        let name = part[..end].trim_end_matches('.');
        (!name.is_empty()).then(|| name.to_owned())
    })
}

/// `March 2, 2026`
fn date(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    let month = 1 + MONTHS.iter().position(|month| words.clone().next() == Some(month))?;
    words.next();
    let day: u32 = words.next()?.trim_end_matches(',').parse().ok()?;
    let year: String = words.next()?.chars().take_while(char::is_ascii_digit).collect();
    let date = format!("{year:0>4}-{month:02}-{day:02}");
    event::parse_date(&date).map(|_| date)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn notes_of_gitlab_itself_are_understood() {
        let name = |name: &str| name.to_owned();
        for (text, expect) in [
            ("assigned to @ada", vec![Fact::Assigned(name("ada"))]),
            (
                "assigned to @ada, @b.o, and @cy and unassigned @dee",
                vec![
                    Fact::Assigned(name("ada")),
                    Fact::Assigned(name("b.o")),
                    Fact::Assigned(name("cy")),
                    Fact::Unassigned(name("dee")),
                ],
            ),
            ("unassigned @ada", vec![Fact::Unassigned(name("ada"))]),
            ("changed due date to March 2, 2026", vec![Fact::Due(Some(name("2026-03-02")))]),
            ("changed due date to Smarch 2, 2026", vec![]),
            ("removed due date", vec![Fact::Due(None)]),
            ("requested review from @bo", vec![Fact::Asked(name("bo"))]),
            (
                "requested review from @bo and removed review request for @cy",
                vec![Fact::Asked(name("bo")), Fact::AskedNoMore(name("cy"))],
            ),
            ("marked this merge request as **ready**", vec![Fact::Draft(false)]),
            ("approved this merge request", vec![Fact::Approved]),
            ("closed", vec![Fact::State(name("closed"))]),
            ("closed via merge request !7", vec![Fact::State(name("closed"))]),
            ("Status changed to closed by commit abc", vec![Fact::State(name("closed"))]),
            ("reopened", vec![Fact::State(name("reopened"))]),
            ("marked as a **Work In Progress**", vec![Fact::Draft(true)]),
            ("unmarked this merge request as a **Work In Progress**", vec![Fact::Draft(false)]),
            ("mentioned in commit abc", vec![]),
        ] {
            assert_eq!(said(&json!({"system": true, "body": text})), expect, "{text}");
        }
        let comment = json!({"system": false, "id": 7, "body": "assigned to @ada"});
        assert_eq!(said(&comment), [Fact::Comment { id: json!(7) }]);
    }
}
