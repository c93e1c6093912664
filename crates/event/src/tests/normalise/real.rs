//! Vendors' bodies of the real data: every one normalises, and how many give what is stated here.
//!
//! Invariant: a body of the folder that is not in these lists, or gives something else, fails the test.
//! Deliberately absent: GitHub's and GH Archive's, which are in their own files.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::corpus::{bodies, corpus};
use super::{line, normalise};
use crate::Format;

/// Every body normalises to events that decode; `expected` says how many there are of each kind, and what
/// each gives.
#[track_caller]
fn check(test: &str, format: Format, texts: impl FnOnce(&Path) -> Vec<Vec<u8>>, expected: &[&str]) {
    let Some(folder) = corpus(test) else { return };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for bytes in texts(&folder.join("webhooks").join(format.name())) {
        let found = normalise(format, None, &bytes);
        let found = found.unwrap_or_else(|reject| panic!("{reject}: {}", String::from_utf8_lossy(&bytes)));
        assert!(found.known, "{}", found.kind);
        let kinds: Vec<&str> = found.events.iter().map(|draft| draft.kind).collect();
        found.events.iter().for_each(|draft| drop(line(draft)));
        *counts.entry(format!("{}: {}", found.kind, kinds.join(" "))).or_default() += 1;
    }
    let found: Vec<String> =
        counts.iter().map(|(kinds, count)| format!("{count} {}", kinds.trim_end())).collect();
    assert_eq!(found, expected);
}

fn files(folder: &Path) -> Vec<Vec<u8>> {
    bodies(folder).into_iter().map(|(_, bytes)| bytes).collect()
}

fn lines(folder: &Path) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(folder.join("stream-events.jsonl")).unwrap();
    text.lines().map(|line| line.as_bytes().to_vec()).collect()
}

#[test]
fn gitlab() {
    let expected = [
        "1 deployment:",
        "2 issue.open: ticket.created",
        "1 merge_request.open: change.opened review.requested",
        "1 note:",
        "1 note: review.commented",
        "1 push: commit.pushed commit.pushed",
    ];
    check("gitlab", Format::GitLab, files, &expected);
}

#[test]
fn jira() {
    let expected = [
        "1 comment_created:",
        "2 comment_deleted:",
        "4 jira:issue_created: ticket.created",
        "5 jira:issue_updated:",
        "2 jira:issue_updated: ticket.closed",
        "1 jira:issue_updated: ticket.reopened",
        "13 jira:issue_updated: ticket.updated",
    ];
    check("jira", Format::Jira, files, &expected);
}

#[test]
fn gerrit() {
    let expected = [
        "3 change-merged: change.merged",
        "1 change-restored: change.reopened",
        "1 comment-added: review.submitted",
        "1 patchset-created: change.opened",
        "1 patchset-created: change.updated",
        "1 ref-updated:",
        "1 reviewer-added: review.requested",
        "1 wip-state-changed: change.drafted",
        "1 wip-state-changed: change.ready",
    ];
    check("gerrit", Format::Gerrit, lines, &expected);
}
