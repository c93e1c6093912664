//! Git history through `ingest git`, held against what the git program itself says.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Place, tool};

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]);
    command.args(["-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"]);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    tool(command.args(arguments))
}

fn commit(folder: &Path, message: &str) {
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "--allow-empty", "-m", message]);
}

/// A repository with what histories have: renames, deletions, binary files, merges, trailers, odd names.
fn repository(place: &Place) -> PathBuf {
    let folder = place.path().join("repository");
    std::fs::create_dir(&folder).unwrap();
    let write = |name: &str, content: &[u8]| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    git(&folder, &["init", "-q"]);
    let long: String = (0..80).map(|i| format!("line {i}\n")).collect();
    write("src/old name.rs", long.as_bytes());
    write("README.md", b"hello\n");
    commit(&folder, "Start (#1)\n\nReviewed-by: Bo <bo@example.org>\nFixes: API-7");
    for round in 0..30 {
        write("src/grow.rs", format!("{long}round {round}\n").repeat(1 + round % 4).as_bytes());
        write(&format!("docs/n{round}.md"), format!("# {round}\n").as_bytes());
        let trailer = if round % 3 == 0 { "\n\nReviewed-by: Cleo <cleo@example.org>" } else { "" };
        commit(&folder, &format!("Round {round}{trailer}"));
    }
    git(&folder, &["mv", "src/old name.rs", "src/new name.rs"]);
    write("src/new name.rs", (long.clone() + "one more line\n").as_bytes());
    commit(&folder, "Rename with an edit");
    write("image.bin", &[0, 1, 2, 0, 255, 254].repeat(50));
    commit(&folder, "A binary file");
    write("tab\tand\nnewline.txt", b"odd\n");
    write("no final newline.txt", b"odd");
    commit(&folder, "Odd names");
    git(&folder, &["rm", "-q", "docs/n3.md"]);
    commit(&folder, "Delete");
    git(&folder, &["checkout", "-q", "-b", "side", "HEAD~3"]);
    write("side.txt", b"side\n");
    commit(&folder, "On the side\n\nCo-authored-by: Dan <dan@example.org>");
    git(&folder, &["checkout", "-q", "main"]);
    git(&folder, &["merge", "-q", "--no-ff", "-m", "Merge pull request #12 from side", "side"]);
    folder
}

#[derive(Debug, Default, PartialEq)]
struct Totals {
    commits: i64,
    files: i64,
    additions: i64,
    deletions: i64,
    reviewed: i64,
}

fn totals_of_git(folder: &Path) -> Totals {
    let mut totals = Totals::default();
    // With -z a rename is "added TAB deleted TAB", old path and new path: counting lines that open with
    // numbers is enough for totals, whatever is in the names.
    let numstat = git(folder, &["log", "-z", "--numstat", "-M", "--format=%x01"]);
    for field in numstat.split(['\0', '\x01']) {
        let mut parts = field.trim_start_matches('\n').splitn(3, '\t');
        let (Some(added), Some(deleted), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let number = |text: &str| if text == "-" { Some(0) } else { text.parse::<i64>().ok() };
        if let (Some(added), Some(deleted)) = (number(added), number(deleted)) {
            totals.files += 1;
            totals.additions += added;
            totals.deletions += deleted;
        }
    }
    totals.commits = git(folder, &["rev-list", "--count", "HEAD"]).trim().parse().unwrap();
    let trailers = git(folder, &["log", "--format=%(trailers:key=Reviewed-by,separator=%x2c)"]);
    totals.reviewed = trailers.lines().filter(|line| !line.is_empty()).count() as i64;
    totals
}

fn totals_of_plimsoll(place: &Place) -> Totals {
    let number = |sql: &str| {
        let csv = place.stdout(&["sql", sql, "--format", "csv"]);
        csv.lines().nth(1).unwrap_or_default().parse::<i64>().unwrap_or_default()
    };
    Totals {
        commits: number("SELECT count(*) FROM commits"),
        files: number("SELECT sum(changed_files) FROM commits"),
        additions: number("SELECT sum(additions) FROM commits"),
        deletions: number("SELECT sum(deletions) FROM commits"),
        reviewed: number("SELECT count(*) FROM commits WHERE cardinality(reviewers) > 0"),
    }
}

#[test]
fn totals_equal_those_of_git_and_a_second_run_takes_only_what_is_new() {
    let place = Place::new();
    let folder = repository(&place);
    place.stdout(&["ingest", "git", "repository"]);
    assert_eq!(totals_of_plimsoll(&place), totals_of_git(&folder));

    let before = totals_of_plimsoll(&place);
    place.stdout(&["ingest", "git", "repository"]);
    assert_eq!(totals_of_plimsoll(&place), before, "a second run of the same history changes nothing");

    std::fs::write(folder.join("new.txt"), "a\nb\n").unwrap();
    commit(&folder, "News\n\nReviewed-by: Bo <bo@example.org>");
    place.stdout(&["ingest", "git", "repository"]);
    assert_eq!(totals_of_plimsoll(&place), totals_of_git(&folder));
    assert_eq!(totals_of_plimsoll(&place).commits, before.commits + 1);
}

#[test]
fn bare_shallow_and_dirty_repositories_stop_nothing() {
    let place = Place::new();
    let folder = repository(&place);
    git(&folder, &["update-ref", "refs/heads/HEAD", "HEAD~5"]);
    let mut dated = Command::new("git");
    dated
        .current_dir(&folder)
        .env("GIT_AUTHOR_DATE", "@1 +0000")
        .env("GIT_COMMITTER_DATE", "@4102444800 +0000");
    dated.args(["-c", "user.name=\u{fffd}\u{1f980}", "-c", "user.email=ferris@example.org", "commit", "-q"]);
    tool(dated.args(["--allow-empty", "-m", "From 1970 and 2100"]));
    git(place.path(), &["clone", "-q", "--bare", "repository", "bare.git"]);
    let url = format!("file://{}", folder.display());
    git(place.path(), &["clone", "-q", "--depth", "3", &url, "shallow"]);

    for name in ["repository", "bare.git", "shallow"] {
        let own = Place::new();
        let path = place.path().join(name);
        own.stdout(&["ingest", "git", path.to_str().unwrap()]);
        let expect = totals_of_git(&path).commits;
        assert_eq!(totals_of_plimsoll(&own).commits, expect, "{name}");
    }
}
