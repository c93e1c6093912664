//! Commits: what they touch, and how they reach the log.
//!
//! A change's totals are the sums over its commits. The merge commit names both parents and no
//! files, as a code host reports it, so no line counts twice.

use super::facts::branch_of;
use super::log::rfc3339;
use super::people::{PEOPLE, PersonId};
use super::services::{FILES, SERVICES, ServiceId};
use super::world::{Author, ChangeId, World};
use chrono::Duration;
use serde_json::{Value, json};

/// Lines of one commit: a few large ones among many small ones.
const LINES: [i64; 12] = [4, 8, 14, 22, 34, 50, 72, 100, 140, 210, 300, 450];

/// A commit that is written but not announced yet.
pub struct Commit {
    sha: String,
    parents: Vec<String>,
    title: String,
    files: Vec<FileEdit>,
    co_author: Option<PersonId>,
}

struct FileEdit {
    path: String,
    old_path: Option<String>,
    edit: &'static str,
    additions: i64,
    deletions: i64,
}

/// The existing code of each service enters its repository as one commit of its owner.
pub fn import_code(world: &mut World) {
    for (service, facts) in SERVICES.iter().enumerate() {
        let mut paths: Vec<String> = Vec::new();
        for area in facts.areas {
            paths.extend(FILES.iter().map(|file| format!("src/{area}/{file}.rs")));
            paths.extend([format!("tests/{area}.rs"), format!("docs/{area}.md")]);
        }
        world.repos[service].files.clone_from(&paths);
        paths.push("Cargo.lock".to_owned());
        let files =
            paths.into_iter().map(|path| edit(path, "added", world.dice.between(40..=400), 0)).collect();
        let title = format!("Import {} from the old tree", facts.name);
        let commit = Commit { sha: world.dice.sha(), parents: Vec::new(), title, files, co_author: None };
        world.repos[service].head.clone_from(&commit.sha);
        push(world, service, Author::Person(facts.owner), commit, json!({ "branch": "main" }));
    }
}

/// Adds a commit of its author to a change.
pub fn write(world: &mut World, id: ChangeId) -> Commit {
    let change = &world.changes[id];
    let (service, author, first) = (change.service, change.author, change.files.is_empty());
    let (noun, title) = (world.dice.pick(&SERVICES[service].nouns), change.title.clone());
    let follow_up =
        world.dice.pick(&["Answer the review of", "Cover a missing case in", "Rename for clarity:"]);
    let title = if first { title } else { format!("{follow_up} {noun}") };
    let files = match author {
        Author::Bot => vec![edit("Cargo.lock".to_owned(), "modified", 4, 4)],
        Author::Person(who) => pick_files(world, service, who),
    };
    let co_author = match author {
        Author::Person(who) if world.dice.chance(0.05) => {
            Some(world.dice.pick(&world.at_work)).filter(|&mate| mate != who)
        }
        _ => None,
    };
    let change = &mut world.changes[id];
    for file in &files {
        change.files.insert(file.path.clone());
        change.additions += file.additions;
        change.deletions += file.deletions;
    }
    let commit =
        Commit { sha: world.dice.sha(), parents: vec![change.head.clone()], title, files, co_author };
    change.head.clone_from(&commit.sha);
    commit
}

/// Tells the log of a commit on the branch of a change.
pub fn announce(world: &mut World, id: ChangeId, commit: Commit) {
    let change = &world.changes[id];
    let ticket = change.ticket.map(|ticket| &world.tickets[ticket].key);
    let tickets: Vec<_> = ticket.into_iter().collect();
    let data =
        json!({ "branch": branch_of(change), "change": change.number.to_string(), "tickets": tickets });
    let (service, author) = (change.service, change.author);
    push(world, service, author, commit, data);
}

/// The merge commit that brings a change to the main branch.
pub fn announce_merge(world: &mut World, id: ChangeId, by: PersonId) {
    let change = &world.changes[id];
    let (service, number) = (change.service, change.number.to_string());
    let reviewers: Vec<&str> = change.approvals.iter().map(|&who| PEOPLE[who].login).collect();
    let data = json!({ "branch": "main", "change": number, "reviewers": reviewers });
    let title = format!("Merge change {number}: {}", change.title);
    let parents = vec![world.repos[service].head.clone(), change.head.clone()];
    let commit = Commit { sha: world.dice.sha(), parents, title, files: Vec::new(), co_author: None };
    world.repos[service].head.clone_from(&commit.sha);
    push(world, service, Author::Person(by), commit, data);
}

fn push(world: &mut World, service: ServiceId, author: Author, commit: Commit, mut data: Value) {
    let authored_at = world.clock() - Duration::minutes(world.dice.between(2..=20));
    let repo = SERVICES[service].repo();
    let files: Vec<Value> = commit.files.iter().map(FileEdit::to_json).collect();
    data["repo"] = json!(repo);
    data["sha"] = json!(commit.sha);
    data["parents"] = json!(commit.parents);
    data["author"] = world.signature(author);
    data["authored_at"] = json!(rfc3339(authored_at));
    data["committed_at"] = json!(rfc3339(authored_at));
    data["subject"] = json!(commit.title);
    data["files"] = json!(files);
    if let Some(who) = commit.co_author {
        data["co_authors"] = json!([PEOPLE[who].login]);
    }
    let key = match data["change"].as_str() {
        Some(change) => format!("{repo}#{change}"),
        None => repo,
    };
    world.emit("commit.pushed", &key, data);
}

/// One to five files, most of them in the area where this person usually works.
fn pick_files(world: &mut World, service: ServiceId, who: PersonId) -> Vec<FileEdit> {
    let facts = &SERVICES[service];
    let home = facts.areas[(who * 7 + service * 3) % facts.areas.len()];
    let area = if world.dice.chance(0.65) { home } else { world.dice.pick(&facts.areas) };
    let prefix = format!("src/{area}/");
    let mut lines = world.dice.pick(&LINES);
    let mut edits: Vec<FileEdit> = Vec::new();
    for _ in 0..world.dice.pick(&[1, 1, 2, 2, 3, 5]) {
        let in_area: Vec<usize> = (0..world.repos[service].files.len())
            .filter(|&index| world.repos[service].files[index].starts_with(&prefix))
            .collect();
        let index = world.dice.pick(&in_area);
        let path = world.repos[service].files[index].clone();
        if edits.iter().any(|edit| edit.path == path) {
            continue;
        }
        let share = world.dice.between(1..=lines.max(1));
        lines -= share;
        let deletions = share * world.dice.between(5..=45) / 100;
        let mut file = edit(path, "modified", share - deletions, deletions);
        if world.dice.chance(0.02) {
            let new_path = format!("{prefix}{}_{}.rs", world.dice.pick(&FILES), world.changes.len());
            if !world.repos[service].files.contains(&new_path) {
                world.repos[service].files[index].clone_from(&new_path);
                file = FileEdit { old_path: Some(file.path), path: new_path, edit: "renamed", ..file };
            }
        }
        edits.push(file);
        if lines <= 0 {
            break;
        }
    }
    if lines > 0 {
        extend(world, service, area, lines, &mut edits);
    }
    edits
}

/// The rest of a commit goes to the area's tests, now and then to its documentation or a new file.
fn extend(world: &mut World, service: ServiceId, area: &str, lines: i64, edits: &mut Vec<FileEdit>) {
    if world.dice.chance(0.12) {
        let path = format!("src/{area}/part_{}.rs", world.changes.len());
        if !world.repos[service].files.contains(&path) {
            world.repos[service].files.push(path.clone());
            edits.push(edit(path, "added", lines, 0));
        }
    } else if world.dice.chance(0.15) {
        edits.push(edit(format!("docs/{area}.md"), "modified", lines, 0));
    } else {
        edits.push(edit(format!("tests/{area}.rs"), "modified", lines, lines / 5));
    }
}

fn edit(path: String, edit: &'static str, additions: i64, deletions: i64) -> FileEdit {
    FileEdit { path, old_path: None, edit, additions, deletions }
}

impl FileEdit {
    fn to_json(&self) -> Value {
        let mut file = json!({
            "path": self.path,
            "change": self.edit,
            "additions": self.additions,
            "deletions": self.deletions,
        });
        if let Some(old_path) = &self.old_path {
            file["old_path"] = json!(old_path);
        }
        file
    }
}
