"""Plants bugs in a copy of the source and says which check finds each: proof that the checks see.

    python3 tests/faults/planted.py     all of them
    ... --bug NAME [NAME ...]     these
    ... --list                    what they are

Every bug is a switch in one build: PLIMSOLL_PLANTED names the one that is on. An edit whose text is not in the source exactly once
is an error, so this list moves with the code.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SWITCH = '''
/// Whether this bug is on, for the proof that the checks see it.
pub fn planted(name: &str) -> bool {
    static ON: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    ON.get_or_init(|| std::env::var("PLIMSOLL_PLANTED").unwrap_or_default()) == name
}
'''
# Schedules of the fault suite that a bug may take to be found.
SCHEDULES_MAX = 6


class Bug:
    """`edits` are (file, old, new); `tests` filters of the engine's tests; `kinds` schedules, as "kind" or "kind/log"."""

    def __init__(self, name, what, edits, tests=(), kinds=()):
        self.name, self.what, self.edits, self.tests, self.kinds = name, what, edits, tests, kinds


def on(name):
    return f'event::planted("{name}")'


ENGINE = "crates/engine/src/"
BUGS = [
    Bug(
        "ack_before_durable", "the local log answers before its write is durable",
        [("crates/ingest/src/local_log/writer.rs", "set_durability(Durability::Immediate)",
          f"set_durability(if {on('ack_before_durable')} {{ Durability::None }} else {{ Durability::Immediate }})")],
        kinds=["kill_nine/local"],
    ),
    Bug(
        "rows_left_out", "a commit moves the position and leaves a table's rows out",
        [(ENGINE + "store/flush.rs", "    let files = store.commit(parts, &spans).await?;",
          f"    if {on('rows_left_out')} && parts.len() > 1 {{\n        parts.pop();\n    }}\n    let files = store.commit(parts, &spans).await?;")],
        kinds=["kill_nine/local"],
    ),
    Bug(
        "dedup_per_flush", "duplicates are known only until the next flush",
        [(ENGINE + "writer.rs", "                self.dead_frozen.clear();",
          f"                self.dead_frozen.clear();\n                if {on('dedup_per_flush')} {{\n                    self.ids = Ids::default();\n                }}")],
        tests=["order_copies_batching"], kinds=["doubled_and_shuffled/local"],
    ),
    Bug(
        "deletions_ignored", "a deleted ticket stays",
        [("crates/event/src/batch.rs", "            Ok(Decoded::Event(event)) => self.push_event(record, &event),",
          '            Ok(Decoded::Event(_)) if crate::planted("deletions_ignored")\n                && record.value.is_some_and(|v| v.windows(7).any(|w| w == b"deleted")) => Outcome::Unknown,\n'
          "            Ok(Decoded::Event(event)) => self.push_event(record, &event),")],
        tests=["oracle"],
    ),
    Bug(
        "as_of_exclusive", "an event at the very moment asked about does not count",
        [(ENGINE + "rows/ids.rs", "        settled[row] <= as_of_us",
          f"        settled[row] <= as_of_us - i64::from({on('as_of_exclusive')})"),
         (ENGINE + "rows/segment.rs", "self.effective_us[row] <= moment.as_of_us",
          f"self.effective_us[row] <= moment.as_of_us - i64::from({on('as_of_exclusive')})")],
        tests=["oracle", "golden"],
    ),
    Bug(
        "known_at_ignored", "what was learnt later counts at a moment before",
        [(ENGINE + "rows/ids.rs", "        if observed[row] > known_at_us {",
          f"        if observed[row] > known_at_us && !{on('known_at_ignored')} {{")],
        tests=["incremental_equals_full", "oracle"],
    ),
    Bug(
        "late_forgotten", "a kept past moment does not hear of late events",
        [(ENGINE + "views/past.rs", "        if late.is_empty() {\n            return;",
          f"        if late.is_empty() || {on('late_forgotten')} {{\n            return;")],
        tests=["past::"],
    ),
    Bug(
        "first_version_wins", "of two events with one id the first to come wins",
        [(ENGINE + "rows/ladder.rs", "        if self.outdo(&row) {\n            return Place::Nowhere;",
          f"        if self.outdo(&row) || {on('first_version_wins')} {{\n            return Place::Nowhere;")],
        tests=["order_copies_batching"],
    ),
    Bug(
        "old_winner_not_folded", "an event that a newer one with its id replaces stays in the views",
        [(ENGINE + "writer.rs", "            self.touched.extend(admitted.also_touched);",
          f"            if !{on('old_winner_not_folded')} {{\n                self.touched.extend(admitted.also_touched);\n            }}")],
        tests=["incremental_equals_full", "order_copies_batching"],
    ),
    Bug(
        "failed_commit_forgotten", "rows of a failed commit are not tried again",
        [(ENGINE + "writer.rs", "                self.pending.append(newer);",
          f"                if {on('failed_commit_forgotten')} {{\n                    self.pending = newer;\n                    self.frozen.iter_mut().for_each(Vec::clear);\n                }} else {{\n                    self.pending.append(newer);\n                }}")],
        tests=["bounds"], kinds=["disk_full_tables/local"],
    ),
    Bug(
        "position_goes_back", "after a crash, answers come from before what readers had seen",
        [(ENGINE + "store/answered.rs", "        if !raised {", f"        if !raised || {on('position_goes_back')} {{")],
        tests=["bounds"], kinds=["kill_nine/local"],
    ),
    Bug(
        "checkpoint_ahead", "after a restart the views lack what came after their checkpoint",
        [(ENGINE + "store/checkpoint.rs", "    *views = loaded;\n    Some(manifest.positions)",
          f"    *views = loaded;\n    if {on('checkpoint_ahead')} {{\n        return Some(manifest.positions.into_keys().map(|key| (key, i64::MAX)).collect());\n    }}\n    Some(manifest.positions)")],
        tests=["order_copies_batching"], kinds=["mixed/local", "terminate/local"],
    ),
    Bug(
        "cache_unchecked", "a cache file is used without a look at its checksum",
        [(ENGINE + "store/cache.rs", "xxh3_64(&buffer[..length]) != checksum",
          f"(xxh3_64(&buffer[..length]) != checksum && !{on('cache_unchecked')})")],
        tests=["cache::"], kinds=["torn_cache_scrambled/local"],
    ),
    Bug(
        "record_skipped", "one record of a full chunk is not decoded",
        [("crates/ingest/src/decode.rs", "        chunk.each(|record| {\n",
          f"        let mut number = 0;\n        chunk.each(|record| {{\n            number += 1;\n            if number == 40 && {on('record_skipped')} {{\n                return;\n            }}\n")],
        kinds=["kill_nine/local", "terminate/local"],
    ),
    Bug(
        "stored_twice", "now and then a batch's rows are stored twice",
        [(ENGINE + "writer.rs", "            self.tell_late(&kept, &admitted.also_touched);",
          f"            if {on('stored_twice')} && self.sequence % 3 == 0 {{\n                self.pending.copies[table].push(kept.clone());\n            }}\n            self.tell_late(&kept, &admitted.also_touched);")],
        kinds=["kill_nine/local"],
    ),
    Bug(
        "poison_ends_it", "a record that cannot be read ends the process",
        [("crates/event/src/batch.rs", "        self.counts.dead_letters += 1;\n        self.bytes",
          '        assert!(!crate::planted("poison_ends_it"), "a record that cannot be read");\n        self.counts.dead_letters += 1;\n        self.bytes')],
        kinds=["poison_records/kafka"],
    ),
    Bug(
        "dead_letter_lost", "a record that cannot be read leaves no dead letter",
        [("crates/event/src/batch.rs", "            Err(reject) => self.push_dead_letter(record, &reject),\n        }\n    }\n\n    /// Like",
          '            Err(_) if crate::planted("dead_letter_lost") => Outcome::Unknown,\n            Err(reject) => self.push_dead_letter(record, &reject),\n        }\n    }\n\n    /// Like')],
        kinds=["poison_records/kafka"],
    ),
    Bug(
        "lock_ignored", "a second process opens the directory",
        [(ENGINE + "store/lock.rs", "        Err(std::fs::TryLockError::WouldBlock) =>",
          f"        Err(std::fs::TryLockError::WouldBlock) if {on('lock_ignored')} => Ok(file),\n        Err(std::fs::TryLockError::WouldBlock) =>")],
        tests=["a_second_process"], kinds=["started_twice/local"],
    ),
    Bug(
        "stop_hangs", "the engine does not end when it is asked to",
        [(ENGINE + "writer.rs", "    pub async fn finish(&mut self) -> Result<(), Error> {\n",
          f"    pub async fn finish(&mut self) -> Result<(), Error> {{\n        if {on('stop_hangs')} {{\n            tokio::time::sleep(Duration::from_secs(30)).await;\n        }}\n")],
        kinds=["terminate/local"],
    ),
    Bug(
        "memory_by_id", "each event of an id remembers all events of the id before it",
        [(ENGINE + "rows/ids.rs", "        let steps = self.variants.change(id, first);\n",
          f"        let steps = self.variants.change(id, first);\n        if {on('memory_by_id')} {{\n            let all: Vec<i64> = (0..self.duplicates as i64 + self.seen.len() as i64 * 40).collect();\n            std::mem::forget(all);\n        }}\n")],
        kinds=["one_id_many_payloads/local"],
    ),
]


def plant(folder):
    """Puts all the switches into the copy of the source."""
    library = folder / "crates/event/src/lib.rs"
    library.write_text(library.read_text() + SWITCH)
    for bug in BUGS:
        for file, old, new in bug.edits:
            path = folder / file
            text = path.read_text()
            if text.count(old) != 1:
                sys.exit(f"{bug.name}: {file} has {text.count(old)} times: {old.strip()[:80]}")
            path.write_text(text.replace(old, new))


def build(folder):
    """The executable, and the engine's tests."""
    command = ["cargo", "test", "--release", "--workspace", "--locked", "--no-run"]
    done = subprocess.run(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.stderr[-4000:])
    tests = re.search(r"unittests src/lib.rs \((\S*/engine-[0-9a-f]+)\)", done.stderr).group(1)
    tests = pathlib.Path(folder, tests)
    return tests.parent.parent / "plimsoll", tests


def found_by_test(bug, folder, tests):
    crate = folder / "crates/engine"
    environment = dict(os.environ, PLIMSOLL_PLANTED=bug.name, CARGO_MANIFEST_DIR=str(crate))
    for name in bug.tests:
        done = subprocess.run([tests, name], cwd=crate, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        ran = re.search(r"(\d+) passed; (\d+) failed", done.stdout)
        if done.returncode and ran and int(ran.group(2)):
            return f"test {name}"
    return None


def found_by_schedule(bug, binary):
    environment = dict(os.environ, PLIMSOLL_PLANTED=bug.name)
    runs = 0
    for seed in range(1, SCHEDULES_MAX + 1):
        for kind in bug.kinds:
            name, _, log = kind.partition("/")
            runs += 1
            command = [ROOT / "tests/faults/run", "--binary", binary, "--kind", name, "--only", log, "--seed", str(seed)]
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if "FAIL " in done.stdout:
                return f"schedule {kind}", runs
    return None, runs


def main():
    parser = argparse.ArgumentParser(prog="tests/faults/planted", description=__doc__.splitlines()[0])
    parser.add_argument("--bug", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("--list", action="store_true", help="what they are")
    wanted = parser.parse_args()
    bugs = [bug for bug in BUGS if not wanted.bug or bug.name in wanted.bug]
    if wanted.list:
        for bug in bugs:
            print(f"{bug.name:26} {bug.what}")
        return
    with tempfile.TemporaryDirectory(prefix="plimsoll-planted-") as folder:
        folder = pathlib.Path(folder)
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(["tar", "x", "-C", folder], input=archive, check=True)
        plant(folder)
        binary, tests = build(folder)
        missed = []
        print("| bug | what it does | found by | schedules | seconds |\n|---|---|---|---|---|")
        for bug in bugs:
            begun, runs = time.monotonic(), 0
            found = [by for by in [found_by_test(bug, folder, tests)] if by]
            if bug.kinds:
                by, runs = found_by_schedule(bug, binary)
                found += [by] if by else []
            if not found:
                missed.append(bug.name)
            by = ", ".join(found) or "**nothing**"
            print(f"| {bug.name} | {bug.what} | {by} | {runs} | {time.monotonic() - begun:.0f} |", flush=True)
        print(f"\nfound {len(bugs) - len(missed)} of {len(bugs)}" + (f"; not found: {', '.join(missed)}" if missed else ""))
        sys.exit(bool(missed))


if __name__ == "__main__":
    main()
