"""Git histories: what `plimsoll ingest git` must survive. Each is made by git's plumbing from a few lines of shell.

(what, shell lines, exit codes, words[, why it is not as expected today]). `commit TREE HEADERS...` writes a raw commit and
points the branch at it; `$tree` is a tree with one file."""

SETUP = r"""
set -e
git init -q -b main .
git config user.name T; git config user.email t@t; git config gc.auto 0
echo hello > file; git add file
tree=$(git write-tree)
raw() { id=$(git hash-object -t commit -w --stdin --literally); git update-ref refs/heads/main $id 2>/dev/null || echo $id > .git/refs/heads/main; }
say() { printf 'tree %s\nauthor %s\ncommitter %s\n\n%b' "$tree" "$1" "$2" "$3"; }
"""
ME = "T <t@t> 1770000000 +0000"
PYTHON = "python3 -c"

CASES = [
    ("an empty repository", "", (0,), ""),
    ("a commit date of -1", "say 'T <t@t> -1 +0000' 'T <t@t> -1 +0000' m | raw", (0, 1), ""),
    ("a commit date of 2^63", f"say 'T <t@t> 9223372036854775808 +0000' '{ME}' m | raw", (0, 1), ""),
    ("a commit date of 2^62", f"say 'T <t@t> 4611686018427387904 +0000' '{ME}' m | raw", (0, 1), ""),
    ("a commit date of letters", f"say 'T <t@t> yesterday +0000' '{ME}' m | raw", (0, 1), ""),
    ("no date", f"say 'T <t@t>' '{ME}' m | raw", (0, 1), ""),
    ("a zone of +9999", f"say 'T <t@t> 1770000000 +9999' '{ME}' m | raw", (0, 1), ""),
    ("a zone of -2500", f"say 'T <t@t> 1770000000 -2500' '{ME}' m | raw", (0, 1), ""),
    ("an author that is not UTF-8", f"say \"$(printf 'T\\377 <t@t>') 1770000000 +0000\" '{ME}' m | raw", (0, 1), ""),
    ("an empty author", f"say ' <> 1770000000 +0000' '{ME}' m | raw", (0, 1), ""),
    ("an author without brackets", f"say 'T 1770000000 +0000' '{ME}' m | raw", (0, 1), ""),
    ("an author of 1 MiB", f"say \"$(head -c 1048576 /dev/zero | tr '\\0' a) <t@t> 1770000000 +0000\" '{ME}' m 2>/dev/null | raw", (0, 1), ""),
    ("no author at all", r"printf 'tree %s\n\nm' $tree | raw", (0, 1), ""),
    ("an empty commit", "printf '' | raw", (0, 1), ""),
    ("no tree", f"printf 'author {ME}\\ncommitter {ME}\\n\\nm' | raw", (0, 1), ""),
    ("a tree that is missing", f"tree={'a' * 40}; say '{ME}' '{ME}' m | raw", (0, 1), ""),
    ("a parent that is missing", f"printf 'tree %s\\nparent {'b' * 40}\\nauthor {ME}\\ncommitter {ME}\\n\\nm' $tree | raw", (0, 1), ""),
    ("10,000 parents", f"say '{ME}' '{ME}' first | raw; p=$(git rev-parse main); (echo tree $tree; for i in $(seq 10000); do echo parent $p; done; printf 'author {ME}\\ncommitter {ME}\\n\\nm') | raw", (0, 1), ""),
    ("NUL in the message", f"say '{ME}' '{ME}' 'a\\0b' | raw", (0, 1), ""),
    ("a message of 8 MiB", f"(say '{ME}' '{ME}' ''; head -c 8388608 /dev/zero | tr '\\0' m) | raw", (0, 1), ""),
    ("100,000 Fixes in a message", f"(say '{ME}' '{ME}' ''; for i in $(seq 100000); do echo \"Fixes #$i\"; done) | raw", (0,), "", "references are gathered in quadratic time"),
    ("100,000 keys in a message", f"(say '{ME}' '{ME}' ''; for i in $(seq 100000); do echo \"API-$i\"; done) | raw", (0,), "", "references are gathered in quadratic time"),
    ("20,000 co-authors", f"(say '{ME}' '{ME}' 'm\\n\\n'; for i in $(seq 20000); do echo \"Co-authored-by: P$i <p$i@x>\"; done) | raw", (0,), ""),
    ("a line break in a path", f"blob=$(git hash-object -w file); tree=$(printf '100644 blob %s\\ta\\nb\\0' $blob | git mktree -z); say '{ME}' '{ME}' m | raw", (0,), ""),
    ("a path that is not UTF-8", f"blob=$(git hash-object -w file); tree=$(printf '100644 blob %s\\t\\377\\0' $blob | git mktree -z); say '{ME}' '{ME}' m | raw", (0,), ""),
    ("a path of 100,000 letters", f"blob=$(git hash-object -w file); tree=$(printf '100644 blob %s\\t%s\\0' $blob $(head -c 100000 /dev/zero | tr '\\0' p) | git mktree -z); say '{ME}' '{ME}' m | raw", (0, 1), ""),
    ("2,000 folders in folders", f"tree=$(git hash-object -w file | xargs -I{{}} printf '100644 blob {{}}\\tf\\0' | git mktree -z); for i in $(seq 500); do tree=$(printf '040000 tree %s\\td\\0' $tree | git mktree -z); done; say '{ME}' '{ME}' m | raw", (0, 1), ""),
    ("a git bomb: 10^8 files in 8 trees", f"blob=$(git hash-object -w file); tree=$(for i in 0 1 2 3 4 5 6 7 8 9; do printf '100644 blob %s\\tf%s\\0' $blob $i; done | git mktree -z); for l in $(seq 7); do tree=$(for i in 0 1 2 3 4 5 6 7 8 9; do printf '040000 tree %s\\td%s\\0' $tree $i; done | git mktree -z); done; say '{ME}' '{ME}' bomb | raw", (0, 1), "", "a git bomb runs on"),
    ("20,000 files in one commit", f"blob=$(git hash-object -w file); tree=$(for i in $(seq 20000); do printf '100644 blob %s\\tf%s\\0' $blob $i; done | git mktree -z); say '{ME}' '{ME}' m | raw", (0, 1), ""),
    ("a tree entry with an unknown mode", f"tree=$(printf '777777 f\\0%s' 12345678901234567890 | git hash-object -t tree -w --stdin --literally); say '{ME}' '{ME}' m | raw", (0, 1), ""),
    ("a tree of garbage", f"tree=$(printf 'garbage' | git hash-object -t tree -w --stdin --literally); say '{ME}' '{ME}' m | raw", (0, 1), ""),
    ("an object that is no zlib", f"say '{ME}' '{ME}' m | raw; id=$(git rev-parse main); chmod u+w .git/objects/${{id:0:2}}/*; echo garbage > .git/objects/${{id:0:2}}/${{id:2}}", (0, 1), "is damaged"),
    ("an empty object", f"say '{ME}' '{ME}' m | raw; id=$(git rev-parse main); rm -f .git/objects/${{id:0:2}}/${{id:2}}; touch .git/objects/${{id:0:2}}/${{id:2}}", (0, 1), "is damaged"),
    ("a HEAD that names nothing", f"say '{ME}' '{ME}' m | raw; echo 'ref: refs/heads/nowhere' > .git/HEAD", (1,), "", "exit 0 for a HEAD that names nothing"),
    ("a HEAD of garbage", "echo garbage > .git/HEAD", (1,), ""),
    ("a HEAD that points at itself", "echo 'ref: HEAD' > .git/HEAD", (1,), "", "exit 0 for a HEAD that names nothing"),
    ("a packed-refs of garbage", f"say '{ME}' '{ME}' m | raw; echo garbage > .git/packed-refs", (0, 1), ""),
    ("a pack of garbage", f"say '{ME}' '{ME}' m | raw; mkdir -p .git/objects/pack; echo garbage > .git/objects/pack/pack-{'c' * 40}.pack; echo garbage > .git/objects/pack/pack-{'c' * 40}.idx", (0, 1), ""),
    ("an alternate that is itself", f"say '{ME}' '{ME}' m | raw; echo $PWD/.git/objects > .git/objects/info/alternates", (0, 1), ""),
    ("a configuration of garbage", f"say '{ME}' '{ME}' m | raw; echo '[[[' > .git/config", (1,), ""),
    ("a shallow clone", f"say '{ME}' '{ME}' m | raw; git rev-parse main > .git/shallow", (0, 1), ""),
    ("a .mailmap of 50,000 lines", f"for i in $(seq 50000); do echo \"P$i <p$i@x> <q$i@x>\"; done > .mailmap; git add .mailmap; tree=$(git write-tree); say '{ME}' '{ME}' m | raw", (0,), ""),
    ("a rename of 3,000 files", f"say '{ME}' '{ME}' first | raw; blob=$(git hash-object -w file); p=$(git rev-parse main); t() {{ for i in $(seq 3000); do printf '100644 blob %s\\t%s%s\\0' $(echo $i | git hash-object -w --stdin) $1 $i; done | git mktree -z; }}; a=$(t a); b=$(t b); q=$(printf 'tree %s\\nparent %s\\nauthor {ME}\\ncommitter {ME}\\n\\na' $a $p | git hash-object -t commit -w --stdin); printf 'tree %s\\nparent %s\\nauthor {ME}\\ncommitter {ME}\\n\\nb' $b $q | raw", (0,), ""),
]
CASES = [(*case, "")[:5] for case in CASES]
