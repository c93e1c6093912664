"""Files that are torn, zeroed, missing or something else, found at the next start.

The server either starts, and everything is right, or it refuses with exit code 1, one line that names the file, and a
remedy that works: without the tables (or the log) it starts."""

import glob
import os
import re
import shutil
import time

from faults import schedule
from oracle import wipe


REMEDY = re.compile("restore|backup|remove|delete|move|rename|rebuild|empty directory|free")


def newest(pattern):
    def find(world):
        found = glob.glob(os.path.join(world.data, pattern), recursive=True)
        return max(found, key=os.path.getmtime) if found else None

    return find


def oldest(pattern):
    def find(world):
        found = sorted(glob.glob(os.path.join(world.data, pattern), recursive=True))
        return found[0] if found else None

    return find


def middle(pattern):
    def find(world):
        found = sorted(glob.glob(os.path.join(world.data, pattern), recursive=True))
        return found[len(found) // 2] if found else None

    return find


def torn(path, random):
    os.truncate(path, random.randrange(1, max(2, os.path.getsize(path))))


def emptied(path, random):
    os.truncate(path, 0)


def zeroed(path, random):
    """The last half is zeros, as a power cut leaves it."""
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        file.seek(size // 2)
        file.write(b"\0" * (size - size // 2))


def tail_zeroed(path, random):
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        file.seek(max(0, size - 65536))
        file.write(b"\0" * min(size, 65536))


def scrambled(path, random):
    """Same length, footer whole, other bytes in the middle."""
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        file.seek(size // 5)
        file.write(random.randbytes(max(1, size // 5)))


def missing(path, random):
    shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)


def made_a_folder(path, random):
    os.remove(path)
    os.mkdir(path)


JSON, PARQUET, ARROW = "events/_delta_log/*.json", "events/**/*.parquet", "cache/*.arrow"
LOG, LOCK, VIEWS = "log/log.redb", "lock", "cache/views/*"
# What to damage and how; whether the cache goes too, so that nothing hides the damage; why it fails today.
CASES = {
    "json_torn": (newest(JSON), torn, False, ""),
    "json_emptied": (newest(JSON), emptied, False, ""),
    "json_zeroed": (newest(JSON), zeroed, False, ""),
    "json_missing": (newest(JSON), missing, False, ""),
    "json_first_emptied": (oldest(JSON), emptied, False, "no start, and no file is named"),
    "json_middle_missing": (middle(JSON), missing, False, "no start, and no file is named"),
    "parquet_torn": (newest(PARQUET), torn, True, ""),
    "parquet_zeroed": (newest(PARQUET), zeroed, True, ""),
    "parquet_missing": (newest(PARQUET), missing, True, ""),
    "parquet_scrambled": (newest(PARQUET), scrambled, True, "no start, and no file is named"),
    "parquet_old_scrambled": (oldest(PARQUET), scrambled, True, "no start, and no file is named"),
    "cache_torn": (newest(ARROW), torn, False, ""),
    "cache_zeroed": (newest(ARROW), zeroed, False, ""),
    "cache_scrambled": (newest(ARROW), scrambled, False, ""),
    "cache_missing": (newest("cache"), missing, False, ""),
    "views_torn": (newest(VIEWS), torn, False, ""),
    "views_scrambled": (newest(VIEWS), scrambled, False, ""),
    "lock_missing": (newest(LOCK), missing, False, ""),
    "lock_a_folder": (newest(LOCK), made_a_folder, False, "an unclear text"),
    "log_tail_zeroed": (newest(LOG), tail_zeroed, False, "a panic in redb"),
    "log_torn": (newest(LOG), torn, False, "an unclear text, or rows go under old offsets"),
    "log_emptied": (newest(LOG), emptied, False, "an unclear text"),
    "log_scrambled": (newest(LOG), scrambled, False, "damage that is not seen, or an unclear text"),
    "log_missing": (newest("log"), missing, False, "a log that is gone is made anew silently"),
}


def damage_and_start(world, random, find, harm, with_cache):
    """Damages a file of a killed server and starts it again; "started", or "refused"."""
    path = find(world)
    if path is None:
        world.say("nothing to damage: no such file")
        world.start()
        return "started"
    world.say(f"{harm.__name__}: {os.path.relpath(path, world.data)}")
    harm(path, random)
    if with_cache:
        shutil.rmtree(os.path.join(world.data, "cache"), ignore_errors=True)
    world.start(until="launched")
    starts = lambda: world.process.poll() is not None or world.ready()
    world.wait_until("the server to start, or to refuse", starts, 30, ended_is_fine=True)
    if world.process.poll() is None:
        world.up = object()
        return "started"
    words = world.last_words()
    world.must(world.process.poll() == 1, f"refused to start with {world.process.poll()} instead of 1: {words}")
    name = os.path.relpath(path, world.data).split(os.sep)[0]
    named = (world.data in words and name in words or "local/0" in words) and "panicked" not in words and "unreachable" not in words
    world.must(named, f"refused to start without naming the file: {words}")
    world.must(not named or REMEDY.search(words), f"refused to start without a remedy: {words}")
    return "refused"


def make_schedule(name, find, harm, with_cache, known):
    of_log = name.startswith("log_")

    def inject(world, random):
        commits = lambda: glob.glob(os.path.join(world.data, JSON))
        world.wait_until("some commits", lambda: len(commits()) > 4 and world.ledger.acked_now() > 150)
        time.sleep(random.uniform(0, 1))
        world.kill()
        outcome = damage_and_start(world, random, find, harm, with_cache)
        if of_log:
            return after_log_damage(world, outcome)
        if outcome == "refused":
            wipe(world)
            world.start()
        world.wait_for_load(50)
        return None

    inject.__name__ = f"torn_{name}"
    inject.__doc__ = f"A file of the data directory: {name.replace('_', ' ')}; then a start."
    return schedule(logs=("local",), known=known)(inject)


def after_log_damage(world, outcome):
    """A damaged log loses what only it had; what must hold is that the server does not go on as if nothing were lost."""
    if outcome == "started":
        silent = world.ready() and not (world.gauge("plimsoll_ingest_halted") or 0)
        whole = world.events() >= sum(1 for count in world.ledger.acked.values() if count)
        world.must(whole or not silent, "the log lost records, and the server says that it is ready and not halted")
    return "checked"


for case, (find, harm, with_cache, known) in CASES.items():
    make_schedule(case, find, harm, with_cache, known)
