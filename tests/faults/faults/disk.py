"""A disk that is full, and later has room again."""

import os
import time

import delta
from faults import schedule


def fill(world, folder):
    """Eats all the room of a file system; the path of what eats it."""
    world.say(f"{folder} is full")
    path = os.path.join(folder, "ballast")
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                pass
    return path


def free(world, path):
    world.say("there is room again")
    os.remove(path)


def on_tmpfs(world, folder, mib):
    """The server with this folder on a small file system of its own."""
    world.stop() if world.alive() else None
    world.mounts.tmpfs(os.path.join(world.data, folder) if folder else world.data, mib)
    world.start()


@schedule(logs=("local",), needs=("root",), known="a local log that failed once takes nothing until a restart, untold")
def disk_full_everything(world, random):
    """Log and tables on a full disk: POST is refused, that is reported, and it heals when there is room."""
    world.config["store"]["flush_interval_ms"] = 500
    world.kill()
    on_tmpfs(world, "", 20)
    world.wait_for_load(100)
    ballast = fill(world, world.data)
    world.must_report("a POST to be refused", lambda: world.last_status == 503, 30)
    reported = lambda: not world.ready() or (world.gauge("plimsoll_log_failed") or 0) > 0
    world.must_report("/readyz or plimsoll_log_failed to report the full disk", reported)
    free(world, ballast)
    heals_or_ends(world)


def heals_or_ends(world):
    """Events are taken again, by itself or after the restart that an exit code of 1 asks for."""
    acked = world.ledger.acked_now()
    taken = lambda: world.ledger.acked_now() > acked or not world.alive()
    world.must_report("events to be taken again, or the process to end", taken, 20)
    if not world.alive():
        code = world.wait_for_end(1)
        world.must(code == 1, f"ended with {code} instead of 1: {world.last_words()}")
        world.start()
    elif world.ledger.acked_now() == acked:  # said above; without a restart nothing more would be learnt
        world.kill()
        world.start()
    world.must_report("the server to be ready again", world.ready, 30)


@schedule(needs=("root",))
def disk_full_tables(world, random):
    """Only the tables are on a full disk: events are taken, the gauge reports it, and it heals when there is room."""
    world.kill()
    on_tmpfs(world, "events", 20)
    world.wait_for_load(100)
    ballast = fill(world, os.path.join(world.data, "events"))
    world.must_report("plimsoll_commit_failed to be 1", lambda: world.gauge("plimsoll_commit_failed") == 1, 20)
    world.wait_for_load(100)
    time.sleep(random.uniform(0, 3))
    free(world, ballast)
    world.must_report("plimsoll_commit_failed to be 0 again", lambda: world.gauge("plimsoll_commit_failed") == 0, 20)


@schedule(needs=("root",), known="store.pending_rows_max does not hold while commits fail")
def pending_rows(world, random):
    """Commits fail for 20 s under load: no more rows wait in memory than store.pending_rows_max and two batches."""
    world.config["store"]["pending_rows_max"] = 1000
    world.config["ingest"] = {"batch_rows_max": 100}
    world.kill()
    on_tmpfs(world, "events", 20)
    world.wait_for_load(100)
    ballast = fill(world, os.path.join(world.data, "events"))
    world.must_report("plimsoll_commit_failed to be 1", lambda: world.gauge("plimsoll_commit_failed") == 1, 20)
    durable, most, deadline = len(delta.rows(world.data)[0]), 0, time.monotonic() + 20
    while time.monotonic() < deadline:
        most = max(most, world.events() - durable)
        time.sleep(0.5)
    world.must(most <= 1200, f"{most} rows wait in memory where 1,000 may")
    free(world, ballast)
