//! Histories that are made to take more than there is: each ends, and what is left out is named.

use super::*;

#[test]
fn a_few_trees_that_stand_for_very_many_files_end() {
    for (leaf, what) in [(Some("100644 blob"), "files"), (None, "directories")] {
        let repo = Repo::new();
        repo.write("a", "1\n").commit("before");
        let mut id = match leaf {
            Some(_) => git(repo.path(), &["hash-object", "-w", "--stdin"], b"1\n"),
            None => git(repo.path(), &["mktree"], b""),
        };
        let mut kind = leaf.unwrap_or("040000 tree");
        for _ in 0..10 {
            let entries: String = (0..10).map(|n| format!("{kind} {}\t{n}\n", id.trim())).collect();
            id = git(repo.path(), &["mktree"], entries.as_bytes());
            kind = "040000 tree";
        }
        let bomb = repo.git(&["commit-tree", "-p", "HEAD", "-m", "bomb", id.trim()]);
        repo.git(&["update-ref", "HEAD", bomb.trim()]);
        let (totals, events) = read(repo.path());
        assert_eq!((totals.commits, totals.incomplete_commits), (2, 1));
        assert_eq!(events[0]["data"]["incomplete"], true);
        let expect = format!("commit {}: too many {what}", bomb.trim());
        assert!(totals.faults[0].starts_with(&expect), "{:?}", totals.faults);
    }
}

#[test]
fn a_mailmap_without_an_end_is_refused() {
    let repo = Repo::new();
    repo.write("a", "1\n").write(".mailmap", "A <a@x.example> <b@x.example>\n".repeat(40_000)).commit("one");
    let bare = tempfile::tempdir().unwrap();
    repo.git(&["clone", "-q", "--bare", ".", bare.path().to_str().unwrap()]);
    for path in [repo.path(), bare.path()] {
        let (options, progress) = (Options::default(), Progress::default());
        let found = crate::read(path, &options, &mut Cursor::default(), &progress, &mut |_| taken());
        assert!(
            matches!(&found, Err(Stopped::Repository(error)) if error.detail.contains(".mailmap has")),
            "{found:?}"
        );
    }
}
