//! Tickets and the change that a text refers to.
//!
//! Invariant: a reference is taken only where its form leaves little doubt; a ticket is named once; a text is read no
//! further than to the last reference that counts.
//! Deliberately lacking: any knowledge of which tickets exist.

use super::Trailer;

/// Words before `#12` that say the ticket is dealt with.
const CLOSING: [&str; 9] =
    ["fix", "fixes", "fixed", "close", "closes", "closed", "resolve", "resolves", "resolved"];
/// Trailers whose values name tickets.
const TICKET_KEYS: [&str; 7] = ["Jira", "Ticket", "Issue", "Bug", "Fixes", "Closes", "Resolves"];
/// Prefixes that look like ticket keys and are names of standards.
const NOT_PROJECTS: [&str; 38] = [
    "AES", "ANSI", "ARM", "BIP", "BSD", "CAN", "CP", "CRC", "CVE", "CWE", "DES", "EN", "FIPS", "GPL", "HTTP",
    "IEC", "IEEE", "ISO", "LGPL", "MD", "OSI", "PEP", "PKCS", "POSIX", "RFC", "RSA", "SHA", "SHA2", "SHA3",
    "SSL", "TLS", "UCS", "USB", "UTC", "UTF", "X", "XEP", "ZIP",
];
const MAX_TICKETS: usize = 64;

/// The pull or merge request, review or change that brought the commit in: from the subject, else a
/// merge request line, a `Reviewed-on` address, a differential revision or a `Change-Id`.
pub fn change(subject: &str, message: &str, trailers: &[Trailer<'_>]) -> Option<String> {
    let from_subject = pull_request(subject).map(str::to_owned);
    let value =
        |key: &str| trailers.iter().rev().find(|trailer| trailer.is(key)).map(|trailer| trailer.value);
    from_subject
        .or_else(|| merge_request(message).map(str::to_owned))
        .or_else(|| value("Reviewed-on").and_then(last_number).map(str::to_owned))
        .or_else(|| differential(message).map(str::to_owned))
        .or_else(|| value("Change-Id").filter(|id| is_change_id(id)).map(str::to_owned))
}

/// Tickets that a change names: in its title and text as a commit message would, and in its branch's name.
pub fn change_tickets(repo: &str, title: &str, text: &str, branch: &str) -> Vec<String> {
    let mut found = tickets(repo, title, &format!("{title}\n{text}"), &[]);
    for ticket in branch_tickets(branch) {
        if !found.contains(&ticket) {
            found.push(ticket);
        }
    }
    found
}

/// `Merge pull request #12 from ...`, or `(#12)` at the end of a squashed commit's subject.
fn pull_request(subject: &str) -> Option<&str> {
    if let Some(rest) = subject.strip_prefix("Merge pull request #") {
        return leading_number(rest);
    }
    let inner = subject.trim_end().strip_suffix(')')?;
    let (_, number) = inner.rsplit_once("(#")?;
    leading_number(number).filter(|digits| digits.len() == number.len())
}

/// `See merge request group/project!12`.
fn merge_request(message: &str) -> Option<&str> {
    let line = message.lines().rev().find_map(|line| line.trim().strip_prefix("See merge request "))?;
    leading_number(line.rsplit_once('!')?.1)
}

/// `Differential Revision: https://host/D12`.
fn differential(message: &str) -> Option<&str> {
    let value = message.lines().rev().find_map(|line| line.trim().strip_prefix("Differential Revision:"))?;
    let id = value.trim().rsplit('/').next()?;
    let number = id.strip_prefix('D')?;
    (leading_number(number)?.len() == number.len()).then_some(id)
}

/// The number at the end of an address such as `https://host/c/project/+/12`.
fn last_number(address: &str) -> Option<&str> {
    let last = address.split_whitespace().next()?.trim_end_matches('/').rsplit('/').next()?;
    leading_number(last).filter(|digits| digits.len() == last.len())
}

fn is_change_id(id: &str) -> bool {
    id.strip_prefix('I')
        .is_some_and(|hash| hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Tickets of the message, each once and in order: keys such as `API-7` in the subject and in ticket
/// trailers, and numbers after a closing word as `<repository>#12`.
pub fn tickets(repository: &str, subject: &str, message: &str, trailers: &[Trailer<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    keys(subject, &mut found);
    for trailer in trailers.iter().filter(|trailer| TICKET_KEYS.iter().any(|key| trailer.is(key))) {
        keys(trailer.value, &mut found);
    }
    for line in message.lines() {
        closed(repository, line, &mut found);
    }
    found
}

fn is_full(found: &[String]) -> bool {
    found.len() >= MAX_TICKETS
}

/// The list is short, so that looking through it costs little.
fn push_new(found: &mut Vec<String>, ticket: String) {
    if !is_full(found) && !found.contains(&ticket) {
        found.push(ticket);
    }
}

/// Jira-like keys: two to ten capitals and digits, a dash, a number.
fn keys(text: &str, found: &mut Vec<String>) {
    let words = text.split(|char: char| !(char.is_ascii_alphanumeric() || char == '-' || char == '_'));
    for word in words {
        if is_full(found) {
            return;
        }
        let Some((project, number)) = word.split_once('-') else {
            continue;
        };
        let is_project = (2..=10).contains(&project.len())
            && project.starts_with(|char: char| char.is_ascii_uppercase())
            && project.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let is_number = (1..=7).contains(&number.len())
            && !number.starts_with('0')
            && number.bytes().all(|byte| byte.is_ascii_digit());
        if is_project && is_number && !NOT_PROJECTS.contains(&project) {
            push_new(found, word.to_owned());
        }
    }
}

/// Keys such as `API-7` in the name of a branch: `feature/API-7-round-fees`, `API-7_fees`.
pub fn branch_tickets(branch: &str) -> Vec<String> {
    let mut found = Vec::new();
    for word in branch.split(|char: char| !(char.is_ascii_alphanumeric() || char == '-')) {
        let parts: Vec<&str> = word.split('-').collect();
        for pair in parts.windows(2) {
            keys(&pair.join("-"), &mut found);
        }
    }
    found
}

/// `Fixes #12`, `closes: owner/name#12`, `Resolves https://host/owner/name/issues/12`, with more after commas.
fn closed(repository: &str, line: &str, found: &mut Vec<String>) {
    let mut after_closing = false;
    for word in line.split_whitespace() {
        if is_full(found) {
            return;
        }
        let bare = word.trim_matches(|char: char| matches!(char, '(' | ')' | '[' | ']' | ',' | '.' | ';'));
        if CLOSING.iter().any(|closing| bare.trim_end_matches(':').eq_ignore_ascii_case(closing)) {
            after_closing = true;
        } else if after_closing && !matches!(bare, "and" | "issue" | "bug" | "&" | "") {
            after_closing = false;
            for part in bare.split(',') {
                if let Some(ticket) = numbered(repository, part) {
                    push_new(found, ticket);
                    // A list goes on; anything else ends it.
                    after_closing = true;
                }
            }
        }
    }
}

fn numbered(repository: &str, word: &str) -> Option<String> {
    if let Some(address) = word.strip_prefix("https://") {
        let (path, number) = address.rsplit_once("/issues/")?;
        let number = leading_number(number)?;
        let project = path.split_once('/')?.1.trim_end_matches("/-");
        return Some(format!("{project}#{number}"));
    }
    let (project, number) = word.split_once('#')?;
    let digits = leading_number(number).filter(|digits| digits.len() == number.len())?;
    let is_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '_' | '/');
    match project {
        "" => Some(format!("{repository}#{digits}")),
        _ if project.contains('/') && project.chars().all(is_name) => Some(format!("{project}#{digits}")),
        _ => None,
    }
}

/// The digits that `text` starts with, when they make a sensible number.
fn leading_number(text: &str) -> Option<&str> {
    let len = text.bytes().take_while(u8::is_ascii_digit).count();
    (1..=18).contains(&len).then(|| &text[..len])
}

#[cfg(test)]
mod tests {
    use super::super::trailers;
    use super::*;

    #[test]
    fn the_change_is_the_most_telling_reference() {
        let check = |message: &str, expect: Option<&str>| {
            let subject = message.lines().next().unwrap_or_default();
            assert_eq!(change(subject, message, &trailers(message)).as_deref(), expect, "{message:?}");
        };
        check("Round fees (#482)", Some("482"));
        check("Merge pull request #17 from acme/fees", Some("17"));
        check("Merge branch 'x' into 'main'\n\nSee merge request acme/api!31", Some("31"));
        check(
            "T\n\nChange-Id: I0123456789012345678901234567890123456789\nReviewed-on: https://r.example/c/p/+/55\n",
            Some("55"),
        );
        check(
            "T\n\nChange-Id: I0123456789012345678901234567890123456789\n",
            Some("I0123456789012345678901234567890123456789"),
        );
        check("T\n\nDifferential Revision: https://p.example/D77", Some("D77"));
        check("Round fees (#x)", None);
        check("Round fees #482", None);
    }

    #[test]
    fn tickets_are_keys_and_closed_numbers() {
        let check = |message: &str, expect: &[&str]| {
            let subject = message.lines().next().unwrap_or_default();
            assert_eq!(tickets("acme/api", subject, message, &trailers(message)), expect, "{message:?}");
        };
        check("API-7: round fees as UTF-8, see [PAY-12]", &["API-7", "PAY-12"]);
        check("T\n\nFixes #12, #13 and closes acme/web#9.", &["acme/api#12", "acme/api#13", "acme/web#9"]);
        check("T\n\nResolves: https://h.example/acme/api/issues/4", &["acme/api#4"]);
        check("T\n\nFixes: 0123456789ab (\"Round fees\")", &[]);
        check("T\n\nJira: API-8\n", &["API-8"]);
        check("Fix #12 off by one; #13 is another", &["acme/api#12"]);
        check("No ticket #12", &[]);
    }

    #[test]
    fn branches_name_tickets() {
        assert_eq!(branch_tickets("feature/API-7-round-fees"), ["API-7"]);
        assert_eq!(branch_tickets("ada/fix-API-7_PAY-12"), ["API-7", "PAY-12"]);
        assert!(branch_tickets("release-2026-01/api-7").is_empty());
    }
}
