//! Repositories made with the real `git`, read by us and by `git log --numstat -M`, and compared.

mod limits;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{CommitEvent, Cursor, Options, Progress, Scope, Stopped, Totals};

/// What a sink that never fails says.
fn taken() -> Result<(), Infallible> {
    Ok(())
}

/// A repository in a temporary directory.
struct Repo(tempfile::TempDir);

impl Repo {
    fn new() -> Repo {
        let repo = Repo(tempfile::tempdir().unwrap());
        repo.git(&["init", "-q", "-b", "main"]);
        repo
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(self.path(), arguments, &[])
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) -> &Repo {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "--cleanup=verbatim", "-m", message]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// A commit written byte for byte, on top of HEAD, which moves to it.
    fn raw_commit(&self, author: &[u8], committer: &[u8], message: &[u8]) -> String {
        let tree = self.git(&["rev-parse", "HEAD^{tree}"]);
        let parent = self.git(&["rev-parse", "HEAD"]);
        let head = format!("tree {}\nparent {}\n", tree.trim(), parent.trim()).into_bytes();
        let parts = [&head, &b"author "[..], author, b"\ncommitter ", committer, b"\n\n", message];
        std::fs::write(self.path().join(".git/raw"), parts.concat()).unwrap();
        let id = self.git(&["hash-object", "-t", "commit", "-w", "--literally", ".git/raw"]);
        self.git(&["update-ref", "HEAD", id.trim()]);
        id.trim().to_owned()
    }
}

fn git(directory: &Path, arguments: &[&str], input: &[u8]) -> String {
    String::from_utf8_lossy(&git_bytes(directory, arguments, input)).into_owned()
}

fn git_bytes(directory: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("git");
    command.current_dir(directory).args(["-c", "protocol.file.allow=always"]).args(arguments);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "Ada").env(format!("GIT_{role}_EMAIL"), "ada@acme.example");
        command.env(format!("GIT_{role}_DATE"), "1772442840 +0100");
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("git is installed");
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn read_with(path: &Path, options: &Options, cursor: &mut Cursor) -> (Totals, Vec<Value>) {
    let mut events = Vec::new();
    let totals = super::read(path, options, cursor, &Progress::default(), &mut |entries| {
        events.extend(entries.iter().map(|entry| serde_json::from_slice(&entry.value).unwrap()));
        taken()
    });
    (totals.unwrap(), events)
}

fn read(path: &Path) -> (Totals, Vec<Value>) {
    read_with(path, &Options::default(), &mut Cursor::default())
}

/// Rows of one commit: additions, deletions, old path, path.
type Rows = Vec<(Option<u64>, Option<u64>, String, String)>;

fn rows_of(event: &Value) -> Rows {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let files = event["data"]["files"].as_array().cloned().unwrap_or_default();
    let row = |file: &Value| {
        (file["additions"].as_u64(), file["deletions"].as_u64(), text(&file["old_path"]), text(&file["path"]))
    };
    files.iter().map(row).collect()
}

/// What git says, commit by commit. Paths must be UTF-8.
fn rows_of_git(path: &Path) -> BTreeMap<String, Rows> {
    let output = git_bytes(path, &["log", "--numstat", "-M", "-z", "--format=@%H"], b"");
    let output = String::from_utf8(output).unwrap();
    let mut tokens = output.split('\0').map(|token| token.trim_start_matches('\n'));
    let mut rows = BTreeMap::<String, Rows>::new();
    let mut commit = String::new();
    while let Some(token) = tokens.next() {
        let mut fields = token.splitn(3, '\t');
        match (fields.next(), fields.next(), fields.next()) {
            (Some(added), Some(deleted), Some(name)) => {
                let renamed = name.is_empty();
                let old = if renamed { tokens.next().unwrap().to_owned() } else { String::new() };
                let name = if renamed { tokens.next().unwrap().to_owned() } else { name.to_owned() };
                let row = (added.parse().ok(), deleted.parse().ok(), old, name);
                rows.get_mut(&commit).unwrap().push(row);
            }
            (Some(id), None, None) if !id.is_empty() => {
                commit = id[1..].to_owned();
                rows.insert(commit.clone(), Rows::new());
            }
            _ => {}
        }
    }
    rows
}

/// The one comparison: all commits and all rows, in git's order.
fn check_equals_git(path: &Path) -> (Totals, Vec<Value>) {
    let (totals, events) = read(path);
    let ours: BTreeMap<_, _> = events
        .iter()
        .map(|event| (event["data"]["sha"].as_str().unwrap().to_owned(), rows_of(event)))
        .collect();
    let theirs = rows_of_git(path);
    assert_eq!(ours, theirs);
    assert_eq!(totals.commits as usize, theirs.len());
    assert_eq!(totals.files as usize, theirs.values().map(Vec::len).sum::<usize>());
    (totals, events)
}

fn lines(range: std::ops::Range<u32>) -> String {
    range.map(|line| format!("line {line} of this file\n")).collect()
}

#[test]
fn files_lines_and_renames_equal_gits() {
    let repo = Repo::new();
    repo.write("a.txt", lines(0..50)).write("b/c.txt", lines(100..150)).write("empty", "");
    repo.write("data.bin", b"a\0b")
        .write("tail", "no newline")
        .write("same/one", "1\n")
        .write("same/two", "1\n");
    repo.commit("first");
    repo.write("a.txt", lines(0..50).replace("line 7 ", "line seven ")).write("tail", "no newline\n");
    repo.write("data.bin", b"a\0c");
    repo.commit("modify");
    repo.git(&["mv", "a.txt", "moved.txt"]);
    repo.write("moved.txt", lines(0..40)).git(&["mv", "b/c.txt", "c.txt"]);
    repo.git(&["mv", "data.bin", "other.bin"]);
    repo.git(&["mv", "same/one", "two"]);
    repo.git(&["mv", "same/two", "other"]);
    repo.commit("rename");
    repo.write("moved.txt", lines(500..540)).git(&["rm", "-q", "empty"]);
    repo.write("empty/now a directory", "x\r\n");
    repo.commit("rewrite");
    repo.git(&["update-index", "--chmod=+x", "c.txt"]);
    repo.git(&["commit", "-q", "-m", "mode"]);
    std::os::unix::fs::symlink("c.txt", repo.path().join("link")).unwrap();
    repo.commit("link");
    repo.git(&["rm", "-q", "tail"]);
    std::os::unix::fs::symlink("c.txt", repo.path().join("tail")).unwrap();
    repo.commit("type change");
    let (totals, _) = check_equals_git(repo.path());
    assert_eq!((totals.renames, totals.binary_files, totals.incomplete_commits), (5, 3, 0));
    // The same from packs, and from a bare clone.
    repo.git(&["gc", "-q"]);
    assert_eq!(check_equals_git(repo.path()).0, totals);
    let bare = tempfile::tempdir().unwrap();
    repo.git(&["clone", "-q", "--bare", ".", bare.path().to_str().unwrap()]);
    check_equals_git(bare.path());
}

#[test]
fn hard_renames_equal_gits() {
    let repo = Repo::new();
    let mut state = 7_u32;
    let mut random = |below: u32| {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        (state >> 16) % below
    };
    for file in 0..40 {
        repo.write(&format!("d{}/f{}.txt", file % 5, file % 13), lines(random(5) * 10..random(40) + 60));
    }
    repo.commit("many alike");
    for round in 0..6 {
        for file in 0..40 {
            let path = repo.path().join(format!("d{}/f{}.txt", file % 5, file % 13));
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            if random(3) == 0 {
                std::fs::remove_file(&path).unwrap();
                let keep = text.lines().count() * (30 + random(70) as usize) / 100;
                let start = random(20);
                let text: String = text.lines().take(keep).map(|line| format!("{line}\n")).collect();
                let name = format!("d{}/f{}.txt", random(5), random(13));
                repo.write(&name, text + &lines(start..start + random(30)));
            }
        }
        repo.commit(&format!("round {round}"));
    }
    let (totals, _) = check_equals_git(repo.path());
    assert!(totals.renames > 10, "{totals:?}");
}

#[test]
fn frequent_lines_and_long_searches_count_as_gits() {
    let repo = Repo::new();
    let mut state = 3_u32;
    let mut random = |below: u32| {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        (state >> 16) % below
    };
    for length in [30, 300, 3_000, 12_000] {
        for common in [2, 10, 200] {
            let mut text = String::new();
            for _ in 0..length {
                match random(4) {
                    0 => text.push_str("}\n"),
                    1 => text.push('\n'),
                    _ => text.push_str(&format!("{}\n", random(common * 10))),
                }
            }
            repo.write(&format!("{length}-{common}"), text);
        }
    }
    repo.commit("one");
    for round in 0..3 {
        for entry in std::fs::read_dir(repo.path()).unwrap() {
            let path = entry.unwrap().path();
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let mut changed = String::new();
            for line in text.lines() {
                match random(6 + round * 4) {
                    0 => {}
                    1 => changed.push_str(&format!("new {}\n", random(500))),
                    2 => changed.push_str(&format!("{line}\n}}\n")),
                    _ => changed.push_str(&format!("{line}\n")),
                }
            }
            std::fs::write(path, changed).unwrap();
        }
        repo.commit(&format!("round {round}"));
    }
    check_equals_git(repo.path());
}

#[test]
fn submodules_are_one_line_and_merges_have_no_files() {
    let (repo, other) = (Repo::new(), Repo::new());
    other.write("x", "1\n").commit("first");
    let address = other.path().to_str().unwrap().to_owned();
    repo.git(&["submodule", "--quiet", "add", &address, "sub"]);
    repo.commit("add");
    let second = other.write("x", "2\n").commit("second");
    git(&repo.path().join("sub"), &["fetch", "-q"], b"");
    git(&repo.path().join("sub"), &["checkout", "-q", &second], b"");
    repo.commit("update");
    repo.git(&["checkout", "-q", "-b", "side", "HEAD~1"]);
    repo.write("side", "1\n").commit("side");
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["merge", "-q", "--no-ff", "-m", "Merge pull request #7 from acme/side", "side"]);
    let (totals, events) = check_equals_git(repo.path());
    assert_eq!(totals.merges, 1);
    assert_eq!(events[0]["data"]["change"], "7");
}

#[test]
fn attributes_of_the_work_tree_decide_what_is_binary() {
    let repo = Repo::new();
    repo.write(".gitattributes", "*.dat binary\n*.txt diff\n*.x diff=own\n");
    repo.git(&["config", "diff.own.binary", "true"]);
    repo.write("a.dat", "1\n").write("b.txt", b"1\n\0\n").write("c.x", "1\n").write("deep/down/d.dat", "1\n");
    repo.write("e", "1\n").commit("first");
    let (totals, _) = check_equals_git(repo.path());
    assert_eq!(totals.binary_files, 3);
}

#[test]
fn people_trailers_and_tickets_are_told() {
    let repo = Repo::new();
    repo.write(
        ".mailmap",
        "Ada Lovelace <ada@new.example> <ada@acme.example>\nBo B <bo@new.example> <bo@a.example>\n",
    );
    repo.commit(
        "API-7: round fees (#482)\n\nFixes #12\n\nReviewed-by: Bo <bo@a.example>\nReviewed-by: Cy <cy@a.example>\n\
         Acked-by: Dee <dee@a.example>\nCo-authored-by: Eve <eve@a.example>\n",
    );
    repo.commit("Not a trailer\n\nText\nReviewed-by: Bo <bo@a.example>\nmore text");
    let options = Options { name: Some("acme/api".to_owned()), ..Options::default() };
    let (totals, events) = read_with(repo.path(), &options, &mut Cursor::default());
    assert_eq!(totals.reviewed_commits, 1);
    let data = &events[1]["data"];
    let expect = |field: &str, expect: Value| assert_eq!(data[field], expect, "{field}");
    expect("author", serde_json::json!({"name": "Ada Lovelace", "email": "ada@new.example"}));
    expect("committer", serde_json::json!({"name": "Ada Lovelace", "email": "ada@new.example"}));
    expect(
        "reviewers",
        serde_json::json!([
            {"name": "Bo B", "email": "bo@new.example"}, {"name": "Cy", "email": "cy@a.example"}
        ]),
    );
    expect("acked_by", serde_json::json!([{"name": "Dee", "email": "dee@a.example"}]));
    expect("co_authors", serde_json::json!([{"name": "Eve", "email": "eve@a.example"}]));
    expect("tickets", serde_json::json!(["API-7", "acme/api#12"]));
    expect("change", "482".into());
    expect("subject", "API-7: round fees (#482)".into());
    expect("branch", "main".into());
    expect("authored_at", "2026-03-02T10:14:00+01:00".into());
    let sha = data["sha"].as_str().unwrap();
    assert_eq!(events[1]["id"], format!("git-acme/api-{sha}"));
    assert_eq!(events[1]["source"], "git:acme/api");
    assert_eq!(events[1]["time"], "2026-03-02T09:14:00Z");
}

#[test]
fn every_event_is_decoded_and_none_is_a_dead_letter() {
    let repo = Repo::new();
    repo.write("a", lines(0..9)).commit("first");
    repo.raw_commit(b"<> 1 +0000", b"Ada <ada@acme.example> 99999999999999999999 +0000", b"");
    repo.raw_commit(b"", b"Ada", b"\n\n \xff\xfe\x01\n");
    let mut seen = 0;
    let mut sink = |entries: Vec<CommitEvent>| {
        for entry in entries {
            let record = event::Record {
                topic: "plimsoll.commits",
                partition: 0,
                offset: seen,
                timestamp_us: 1_772_442_840_000_000,
                key: Some(&entry.key),
                headers: &[],
                value: Some(&entry.value),
            };
            let decoded = event::decode(&record);
            assert!(
                matches!(decoded, Ok(event::Decoded::Event(_))),
                "{:?}",
                String::from_utf8_lossy(&entry.value)
            );
            seen += 1;
        }
        taken()
    };
    super::read(repo.path(), &Options::default(), &mut Cursor::default(), &Progress::default(), &mut sink)
        .unwrap();
    assert_eq!(seen, 3);
}

#[test]
fn dirty_commits_are_read_as_far_as_they_go() {
    let repo = Repo::new();
    repo.commit("first");
    let check = |author: &[u8], committer: &[u8], message: &[u8], expect: Value| {
        let id = repo.raw_commit(author, committer, message);
        let (_, events) = read(repo.path());
        let event = events.iter().find(|event| event["data"]["sha"] == id).expect("the commit is there");
        let data = &event["data"];
        let found = serde_json::json!([
            event["time"],
            data["authored_at"],
            data["committed_at"],
            data["author"]["name"],
            data["subject"]
        ]);
        assert_eq!(found, expect);
    };
    check(
        b"J\xf6rg <j@x> 0 +0000",
        b"Ada <a@x> 4102444800 +0000",
        b"caf\xe9\n",
        serde_json::json!([
            "2100-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "2100-01-01T00:00:00Z",
            "J\u{f6}rg",
            "caf\u{e9}"
        ]),
    );
    check(
        b"Ada <a@x> -1 +0000",
        b"Ada <a@x> 9223372036854775808 +0000",
        b"x",
        serde_json::json!(["1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z", null, "Ada", "x"]),
    );
    check(b"", b"", b"", serde_json::json!(["1970-01-01T00:00:00Z", null, null, "unknown", null]));
}

#[test]
fn odd_paths_and_names_do_not_stop_it() {
    let repo = Repo::new();
    repo.write("new\nline", "1\n").write("quo\"te\\", "1\n").commit("odd paths");
    check_equals_git(repo.path());
    let blob = repo.git(&["hash-object", "-w", "new\nline"]);
    let tree = [&b"100644 blob "[..], blob.trim().as_bytes(), b"\tcaf\xe9\0"].concat();
    let tree = git(repo.path(), &["mktree", "-z"], &tree);
    let id = repo.git(&["commit-tree", "-p", "HEAD", "-m", "latin", tree.trim()]);
    repo.git(&["update-ref", "refs/heads/HEAD", id.trim()]);
    repo.git(&["symbolic-ref", "HEAD", "refs/heads/HEAD"]);
    let (totals, events) = read(repo.path());
    assert_eq!(totals.commits, 2);
    assert_eq!(events[0]["data"]["branch"], "HEAD");
    assert!(rows_of(&events[0]).iter().any(|row| row.3 == "\"caf\\351\"" || row.2 == "\"caf\\351\""));
}

#[test]
fn shallow_and_partial_clones_are_read() {
    let repo = Repo::new();
    for round in 0..5 {
        repo.write("a", lines(round..round + 20)).commit(&format!("round {round}"));
    }
    let clone = tempfile::tempdir().unwrap();
    let address = format!("file://{}", repo.path().display());
    let target = clone.path().to_str().unwrap();
    repo.git(&["clone", "-q", "--depth", "2", &address, target]);
    assert_eq!(check_equals_git(clone.path()).0.commits, 2);

    // A blob, a tree and a commit go missing.
    let remove = |name: &str| {
        let id = repo.git(&["rev-parse", name]);
        let (directory, file) = id.trim().split_at(2);
        std::fs::remove_file(repo.path().join(".git/objects").join(directory).join(file)).unwrap();
    };
    remove("HEAD~1:a");
    let (totals, events) = read(repo.path());
    assert_eq!((totals.commits, totals.incomplete_commits, totals.absent_commits), (5, 2, 0));
    assert_eq!(events[0]["data"]["incomplete"], true);
    assert_eq!(events[2]["data"]["incomplete"], Value::Null);
    assert!(totals.faults[0].contains("is missing"), "{:?}", totals.faults);
    remove("HEAD~2");
    let (totals, _) = read(repo.path());
    assert_eq!((totals.commits, totals.incomplete_commits, totals.absent_commits), (2, 2, 1));
}

#[test]
fn damaged_packs_do_not_stop_it() {
    let repo = Repo::new();
    for round in 0..20 {
        repo.write("a", lines(round..round + 200)).commit(&format!("round {round}"));
    }
    repo.git(&["gc", "-q"]);
    let packs = repo.path().join(".git/objects/pack");
    let pack = std::fs::read_dir(packs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "pack"))
        .unwrap();
    let whole = std::fs::read(&pack).unwrap();
    std::fs::remove_file(&pack).unwrap();
    for at in (12..whole.len() - 20).step_by(37) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x5a;
        damaged[at + 1] ^= 0xff;
        std::fs::write(&pack, damaged).unwrap();
        let mut sink = |_: Vec<CommitEvent>| taken();
        // Either a result or an error, never a panic or a hang.
        let read = super::read(
            repo.path(),
            &Options::default(),
            &mut Cursor::default(),
            &Progress::default(),
            &mut sink,
        );
        if let Ok(totals) = read {
            assert!(totals.commits <= 20);
        }
    }
}

#[test]
fn a_second_run_reads_what_is_new() {
    let repo = Repo::new();
    repo.write("a", "1\n").commit("one");
    repo.write("a", "2\n").commit("two");
    let mut cursor = Cursor::default();
    let mut check = |options: &Options, expect: &[&str]| {
        let mut next = Cursor::from_json(&cursor.to_json()).unwrap();
        let (_, events) = read_with(repo.path(), options, &mut next);
        let subjects: Vec<_> = events.iter().filter_map(|event| event["data"]["subject"].as_str()).collect();
        assert_eq!(subjects, expect);
        cursor = next;
    };
    let head = Options { threads: 3, ..Options::default() };
    let branches = Options { scope: Scope::Branches, ..Options::default() };
    check(&head, &["two", "one"]);
    check(&head, &[]);
    repo.write("a", "3\n").commit("three");
    check(&head, &["three"]);
    repo.git(&["checkout", "-q", "-b", "side", "HEAD~1"]);
    repo.write("b", "1\n").commit("side");
    repo.git(&["checkout", "-q", "main"]);
    check(&head, &[]);
    check(&branches, &["side"]);
    repo.git(&["commit", "-q", "--amend", "-m", "three again"]);
    check(&head, &["three again"]);
    repo.git(&["merge", "-q", "-m", "merge", "side"]);
    check(&head, &["merge"]);
    assert!(Cursor::from_json("{").is_err());
}

#[test]
fn a_rewritten_history_tells_what_is_gone() {
    let repo = Repo::new();
    let one = repo.write("a", "1\n").commit("one");
    let two = repo.write("a", "2\n").commit("two");
    let mut cursor = Cursor::default();
    let mut check = |expect: &[(&str, &str)]| {
        let (_, events) = read_with(repo.path(), &Options::default(), &mut cursor);
        let told: Vec<(&str, &str)> = events
            .iter()
            .map(|event| (event["type"].as_str().unwrap(), event["data"]["sha"].as_str().unwrap()))
            .filter(|(kind, _)| !kind.ends_with("pushed.v1"))
            .map(|(kind, sha)| (kind.split('.').nth(3).unwrap(), sha))
            .collect();
        assert_eq!(told, expect);
    };
    let amend = |message: &str| {
        repo.git(&["commit", "-q", "--amend", "-m", message]);
        repo.git(&["rev-parse", "HEAD"]).trim().to_owned()
    };
    check(&[]);
    let three = amend("two again");
    check(&[("removed", &two)]);
    check(&[]);
    repo.git(&["reset", "-q", "--hard", &two]);
    check(&[("removed", &three), ("restored", &two)]);
    // Where the old commits are nowhere any more, all is taken away and what is there brought back.
    let four = amend("two at last");
    repo.git(&["reflog", "expire", "--expire=now", "--all"]);
    repo.git(&["gc", "-q", "--prune=now"]);
    check(&[("reset", &four), ("restored", &four), ("restored", &one)]);
    let five = repo.write("b", "1\n").commit("five");
    check(&[("restored", &five)]);
}

#[test]
fn a_failing_sink_ends_the_run_and_keeps_the_cursor() {
    let repo = Repo::new();
    for round in 0..200 {
        repo.git(&["commit", "-q", "--allow-empty", "-m", &format!("round {round}")]);
    }
    let options = Options { batch_events: 1, ..Options::default() };
    let mut cursor = Cursor::default();
    let mut calls = 0;
    let result = super::read(repo.path(), &options, &mut cursor, &Progress::default(), &mut |_| {
        calls += 1;
        Err("full")
    });
    assert_eq!((result, calls), (Err(Stopped::Sink("full")), 1));
    assert_eq!(cursor, Cursor::default());
}

#[test]
fn the_result_does_not_depend_on_threads() {
    let repo = Repo::new();
    for round in 0..150 {
        repo.write(&format!("d{}/a", round % 7), lines(round..round + 30)).commit(&format!("round {round}"));
    }
    let values = |threads| {
        let mut values = Vec::new();
        let options = Options { threads, cache_bytes: 1 << 16, ..Options::default() };
        let mut sink = |entries: Vec<CommitEvent>| {
            values.extend(entries.into_iter().map(|entry| entry.value));
            taken()
        };
        super::read(repo.path(), &options, &mut Cursor::default(), &Progress::default(), &mut sink).unwrap();
        values
    };
    assert_eq!(values(1), values(4));
}

#[test]
fn repositories_without_commits_or_at_all_are_told_apart() {
    let repo = Repo::new();
    assert_eq!(read(repo.path()).0.commits, 0);
    let refused = |path: &Path| {
        let (options, progress) = (Options::default(), Progress::default());
        match super::read(path, &options, &mut Cursor::default(), &progress, &mut |_| taken()) {
            Err(Stopped::Repository(error)) => error.detail,
            other => panic!("{other:?}"),
        }
    };
    refused(tempfile::tempdir().unwrap().path());
    repo.write("a", "1\n").commit("one");
    repo.git(&["symbolic-ref", "HEAD", "refs/heads/absent"]);
    let said = refused(repo.path());
    assert!(said.contains("HEAD names refs/heads/absent, which is not there"), "{said}");
    let all = Options { scope: Scope::Branches, ..Options::default() };
    assert_eq!(read_with(repo.path(), &all, &mut Cursor::default()).0.commits, 1);
}

#[test]
fn very_large_commits_list_their_first_files_and_all_sums() {
    let repo = Repo::new();
    let names = (0..9_000).map(|file| format!("a/rather/long/directory/name/for/each/{file}"));
    let blob = git(repo.path(), &["hash-object", "-w", "--stdin"], b"1\n2\n");
    let index: String = names.map(|name| format!("100644 {}\t{name}\n", blob.trim())).collect();
    git(repo.path(), &["update-index", "--index-info"], index.as_bytes());
    repo.git(&["commit", "-q", "-m", "import"]);
    let (totals, events) = read(repo.path());
    let data = &events[0]["data"];
    assert_eq!((totals.files, totals.additions), (9_000, 18_000));
    assert_eq!((data["changed_files"].as_u64(), data["additions"].as_u64()), (Some(9_000), Some(18_000)));
    let listed = rows_of(&events[0]).len() as u64;
    assert_eq!(listed + data["files_left_out"].as_u64().unwrap(), 9_000);
    assert!(serde_json::to_vec(&events[0]).unwrap().len() < 1 << 20);
}
