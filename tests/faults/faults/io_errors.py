"""System calls that fail: fsync with EIO, write with ENOSPC, fsync that takes a second."""

import time

import shim
from faults import schedule
from faults.disk import heals_or_ends


def restart_with(world, **fault):
    """The server under the shim, which does nothing yet."""
    faulty = shim.Shim(world, **fault)
    world.kill()
    world.start()
    world.wait_for_load(100)
    return faulty


def ends_with_one(world, faulty, what):
    """An fsync error is final: the process ends with 1, and the next one, on a good disk, has everything."""
    faulty.on()
    code = world.wait_for_end(20)
    world.must(code == 1, f"{what}: exit code {code} instead of 1 ({world.last_words()})")
    if code is None:
        world.kill()
    faulty.remove()
    world.start()


@schedule(logs=("local",), needs=("cc",), known="an fsync error in the local log does not end the process")
def fsync_eio_log(world, random):
    """fsync of the local log fails: the process ends with 1, and nothing that it took is lost."""
    ends_with_one(world, restart_with(world, call="fsync", path="log.redb", errno=shim.EIO), "fsync of the log failed")


@schedule(needs=("cc",))
def fsync_eio_tables(world, random):
    """fsync of a table's file fails, at some call: the process ends with 1, and a restart heals."""
    faulty = restart_with(world, call="fsync", path="/events", errno=shim.EIO, after=random.randrange(4))
    ends_with_one(world, faulty, "fsync of the tables failed")


@schedule(logs=("local",), needs=("cc",), known="a local log that failed once takes nothing until a restart, untold")
def write_enospc_log(world, random):
    """A write to the local log finds no room, for some seconds: refused, reported, healed."""
    faulty = restart_with(world, call="write", path="log.redb", errno=shim.ENOSPC, after=random.randrange(3))
    faulty.on()
    world.must_report("a POST to be refused", lambda: world.last_status == 503, 20)
    reported = lambda: not world.ready() or (world.gauge("plimsoll_log_failed") or 0) > 0
    world.must_report("/readyz or plimsoll_log_failed to report the full disk", reported)
    faulty.off()
    heals_or_ends(world)


@schedule(needs=("cc",))
def write_enospc_tables(world, random):
    """Writes of table files find no room, for some seconds: the gauge reports it, and it heals."""
    faulty = restart_with(world, call="write", path="/events", errno=shim.ENOSPC, after=random.randrange(3))
    faulty.on()
    world.must_report("plimsoll_commit_failed to be 1", lambda: world.gauge("plimsoll_commit_failed") == 1, 20)
    faulty.off()
    world.must_report("plimsoll_commit_failed to be 0 again", lambda: world.gauge("plimsoll_commit_failed") == 0, 20)


@schedule(needs=("cc",))
def fsync_slow(world, random):
    """Each fsync takes half a second; kill -9 in the middle."""
    faulty = restart_with(world, call="fsync", path=world.data, sleep_ms=500)
    faulty.on()
    world.wait_for_load(50)
    time.sleep(random.uniform(0, 2))
    world.kill()
    faulty.remove()
    world.start()


@schedule(needs=("cc",))
def killed_in_a_call(world, random):
    """The process dies inside its n-th fsync or write of the log, the tables or the cache, four times."""
    paths = ["/events/_delta_log", "/events/table", "/cache"] + ([] if world.kafka else ["log.redb"] * 2)
    for _ in range(4):
        call, path, after = random.choice(["fsync", "write"]), random.choice(paths), random.randrange(6)
        world.say(f"to die in {call} of {path} after {after}")
        faulty = restart_with(world, call=call, path=path, after=after, kill=1)
        world.up = None  # it may die at any moment
        faulty.on()
        code = world.wait_for_end(8)
        world.must(code in (None, -9), f"ended with {code}: {world.last_words()}")
        if code is None:  # it made no such call
            world.kill()
        faulty.remove()
        world.start()
