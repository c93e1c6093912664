//! What a commit message, or the text of a change, says about people, tickets and the change it came from.
//!
//! Invariant: the trailer block is the one that git finds (`%(trailers)`), so counts of a trailer
//! equal git's own. Lines that tools put elsewhere (`Reviewers:`, `Fixes #12`) are read in the whole
//! message after its first line.
//! Deliberately lacking: `trailer.*` settings, which would make the result depend on the machine.

mod block;
mod references;

pub use block::{Trailer, trailers};
pub use references::{change, change_tickets, tickets};

/// Name and e-mail of a person as a trailer names one: `Name <e-mail>`, a bare address or a bare name.
pub fn name_and_email(text: &str) -> (&str, &str) {
    let (name, email) = match text.split_once('<') {
        Some((name, rest)) => (name, rest.split_once('>').map_or(rest, |(email, _)| email)),
        None if text.contains('@') && !text.contains(char::is_whitespace) => ("", text),
        None => (text, ""),
    };
    (name.trim().trim_matches('"'), email.trim())
}

/// Most people of one kind that a message names.
const PEOPLE_MAX: usize = 256;

/// People named by trailers, as written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct People<'m> {
    pub reviewers: Vec<&'m str>,
    pub co_authors: Vec<&'m str>,
    pub acked_by: Vec<&'m str>,
    pub tested_by: Vec<&'m str>,
    /// Whether git sees a `Reviewed-by` trailer.
    pub reviewed: bool,
}

/// People of the trailers and of `Reviewers:` lines, each once and in order.
pub fn people<'m>(message: &'m str, trailers: &[Trailer<'m>]) -> People<'m> {
    let mut people = People::default();
    for trailer in trailers {
        let list = if trailer.is("Reviewed-by") {
            people.reviewed = true;
            &mut people.reviewers
        } else if trailer.is("Co-authored-by") {
            &mut people.co_authors
        } else if trailer.is("Acked-by") {
            &mut people.acked_by
        } else if trailer.is("Tested-by") {
            &mut people.tested_by
        } else {
            continue;
        };
        push_new(list, trailer.value);
    }
    let lists = message.lines().skip(1).filter_map(|line| line.trim_start().strip_prefix("Reviewers:"));
    for person in lists.flat_map(|list| list.split(',')) {
        push_new(&mut people.reviewers, person.trim().trim_start_matches(['@', '#']));
    }
    people
}

/// Looking for doubles takes as long as the list is, so a message with very many people has only the first.
fn push_new<'m>(list: &mut Vec<&'m str>, text: &'m str) {
    if !text.is_empty() && list.len() < PEOPLE_MAX && !list.contains(&text) {
        list.push(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_come_from_trailers_and_reviewer_lists() {
        let message = "Round fees\n\nReviewers: @ada, bo, #fees\n\nText\n\nReviewed-by: Cy <cy@a.example>\n\
                       acked-by: Dee\nTested-by: Eve <eve@a.example>\nCo-authored-by: Fay <fay@a.example>\n\
                       Reviewed-by: Cy <cy@a.example>\n";
        let people = people(message, &trailers(message));
        assert_eq!(people.reviewers, ["Cy <cy@a.example>", "ada", "bo", "fees"]);
        assert_eq!(people.co_authors, ["Fay <fay@a.example>"]);
        assert_eq!(people.acked_by, ["Dee"]);
        assert_eq!(people.tested_by, ["Eve <eve@a.example>"]);
        assert!(people.reviewed);
    }

    #[test]
    fn a_message_with_very_many_names_takes_no_longer_than_a_long_one() {
        let mut message = String::from("Fix all");
        for n in 0..200_000 {
            message += &format!("\nFixes #{n}, API-{n}");
        }
        message += "\n\n";
        for n in 0..200_000 {
            message += &format!("Fixes: API-{n}\nReviewed-by: r{n}\nCo-authored-by: c{n} <c{n}@a.example>\n");
        }
        let started = std::time::Instant::now();
        let trailers = trailers(&message);
        let people = people(&message, &trailers);
        let tickets = tickets("acme/api", "Fix all", &message, &trailers);
        assert_eq!((people.reviewers.len(), people.co_authors.len()), (PEOPLE_MAX, PEOPLE_MAX));
        assert_eq!((tickets.len(), tickets[0].as_str(), tickets[63].as_str()), (64, "API-1", "API-64"));
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    }

    #[test]
    fn a_trailer_names_a_person_in_three_ways() {
        for (text, expect) in [
            ("Ada L <ada@a.example>", ("Ada L", "ada@a.example")),
            ("\"Ada\" <ada@a.example", ("Ada", "ada@a.example")),
            ("ada@a.example", ("", "ada@a.example")),
            ("Ada", ("Ada", "")),
        ] {
            assert_eq!(name_and_email(text), expect, "{text}");
        }
    }
}
