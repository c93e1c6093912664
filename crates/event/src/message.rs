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

/// People named by trailers, as written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Named<'m> {
    pub reviewers: Vec<&'m str>,
    pub co_authors: Vec<&'m str>,
    pub acked_by: Vec<&'m str>,
    pub tested_by: Vec<&'m str>,
    /// Whether git sees a `Reviewed-by` trailer.
    pub reviewed: bool,
}

/// People of the trailers and of `Reviewers:` lines, each once and in order.
pub fn named<'m>(message: &'m str, trailers: &[Trailer<'m>]) -> Named<'m> {
    let mut named = Named::default();
    for trailer in trailers {
        let list = if trailer.is("Reviewed-by") {
            named.reviewed = true;
            &mut named.reviewers
        } else if trailer.is("Co-authored-by") {
            &mut named.co_authors
        } else if trailer.is("Acked-by") {
            &mut named.acked_by
        } else if trailer.is("Tested-by") {
            &mut named.tested_by
        } else {
            continue;
        };
        push_new(list, trailer.value);
    }
    let lists = message.lines().skip(1).filter_map(|line| line.trim_start().strip_prefix("Reviewers:"));
    for person in lists.flat_map(|list| list.split(',')) {
        push_new(&mut named.reviewers, person.trim().trim_start_matches(['@', '#']));
    }
    named
}

fn push_new<'m>(list: &mut Vec<&'m str>, text: &'m str) {
    if !text.is_empty() && !list.contains(&text) {
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
        let named = named(message, &trailers(message));
        assert_eq!(named.reviewers, ["Cy <cy@a.example>", "ada", "bo", "fees"]);
        assert_eq!(named.co_authors, ["Fay <fay@a.example>"]);
        assert_eq!(named.acked_by, ["Dee"]);
        assert_eq!(named.tested_by, ["Eve <eve@a.example>"]);
        assert!(named.reviewed);
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
