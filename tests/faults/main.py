"""Chooses schedules, runs them one after another, and prints a line for each."""

import argparse
import os
import random
import shutil
import tempfile
import time
import traceback

import faults
import known
import oracle
import tools
from broker import Cluster
from hostile import attack
from kafka_log import KafkaLog
from loader import Loader
from trust import trust
from world import Broken, World


def options(arguments):
    parser = argparse.ArgumentParser(prog="tests/faults/run", description="Fault schedules, replayable by seed.")
    parser.add_argument("--binary", default=os.path.join(tools.ROOT, "target/release/plimsoll"), help="the executable")
    parser.add_argument("--seed", type=int, default=1, help="the first schedule's seed")
    parser.add_argument("--schedules", type=int, help="how many; default: every kind once")
    parser.add_argument("--only", choices=["local", "kafka"], help="only schedules of this log")
    parser.add_argument("--kind", action="append", help="only this kind; may be repeated")
    parser.add_argument("--short", action="store_true", help="the set for CI, about 90 s")
    parser.add_argument("--hostile", nargs="*", metavar="SURFACE", help="hostile inputs instead, of all surfaces or of these")
    parser.add_argument("--keep", action="store_true", help="keep the folders of good schedules too")
    parser.add_argument("--list", action="store_true", help="list the kinds")
    return parser.parse_args(arguments)


def choose(wanted, kinds):
    """[(kind, log)] in a fixed order."""
    names = wanted.kind or sorted(kinds)
    pairs = [(kinds[name], log) for name in names for log in kinds[name].logs if wanted.only in (None, log)]
    if wanted.short:
        pairs = [(kind, log) for kind, log in pairs if log in kind.short and not kind.known]
    return pairs


def run_one(kind, log, seed, wanted, cluster):
    """The failures of one schedule; none where it cannot run here."""
    lacks = [need for need in kind.needs if not (os.geteuid() == 0 if need == "root" else shutil.which(need))]
    if lacks:
        print(f"skip {kind.name:28} {log:5} needs {', '.join(lacks)}", flush=True)
        return []
    kafka = KafkaLog(cluster, f"{kind.name}-{seed}-{time.time_ns()}", **kind.kafka) if log == "kafka" else None
    folder = tempfile.mkdtemp(prefix=f"plimsoll-{kind.name}-{log}-{seed}-")
    dice = random.Random(f"{kind.name}/{log}/{seed}")
    world = World(os.path.abspath(wanted.binary), folder, random.Random(dice.random()), kafka)
    begun = time.monotonic()
    try:
        world.start()
        loader = Loader(world)
        loader.start()
        try:
            result = kind.inject(world, dice)
        finally:
            loader.stop()
        if result != "checked":
            oracle.check(world, rebuild=result != "no rebuild")
    except Broken as broken:
        world.fail(str(broken))
    except Exception:
        world.fail(traceback.format_exc())
    finally:
        world.close(keep=wanted.keep or world.failures)
    report(kind, log, seed, world, time.monotonic() - begun, wanted)
    return known.counted(world.failures, wanted.short)


def report(kind, log, seed, world, seconds, wanted):
    word = "FAIL" if world.failures else "ok  "
    numbers = f"{sum(world.ledger.acked.values())} acknowledged, {world.watch.rss_max_mib} MiB, /healthz {world.watch.slowest * 1000:.0f} ms"
    print(f"{word} {kind.name:28} {log:5} seed {seed:<5} {seconds:5.1f} s  {numbers}", flush=True)
    for failure in world.failures:
        print("     - " + failure.replace("\n", "\n       "), flush=True)
    if world.failures:
        why = f" (known: {kind.known})" if kind.known else ""
        print(f"     see {world.folder}{why}; again: tests/faults/run --binary {wanted.binary} --kind {kind.name} --only {log} --seed {seed}")


def main(arguments):
    wanted = options(arguments)
    trust()
    if wanted.hostile is not None:
        return 1 if attack.attack(wanted.binary, wanted.hostile or attack.SURFACES, random.Random(wanted.seed)) else 0
    kinds = faults.load_all()
    pairs = choose(wanted, kinds)
    if wanted.list:
        for name, kind in sorted(kinds.items()):
            text = " ".join((kind.inject.__doc__ or "").split())
            print(f"{name:28} {','.join(kind.logs):12} {text}" + (f" Known: {kind.known}." if kind.known else ""))
        return 0
    count, clusters = wanted.schedules or len(pairs), Clusters()
    try:
        failed = sum(run_and_survive(*pairs[n % len(pairs)], wanted.seed + n // len(pairs), wanted, clusters) for n in range(count))
    finally:
        clusters.stop()
    print(f"{count} schedules, {failed} failed")
    return 1 if failed else 0


class Clusters:
    """One Kafka cluster for all schedules of one broker, made when it is first needed; others get their own."""

    def __init__(self):
        self.shared = self.own = None

    def of(self, kind, log):
        if log != "kafka":
            return None
        if kind.kafka.get("replicas"):
            self.own = Cluster()
            return self.own
        self.shared = self.shared or Cluster()
        return self.shared

    def after(self, broken):
        """A cluster of several is not used again, nor one that a schedule may have left in pieces."""
        if self.own:
            self.own.stop()
            self.own = None
        if broken and self.shared:
            self.shared.stop()
            self.shared = None

    def stop(self):
        self.after(broken=True)


def run_and_survive(kind, log, seed, wanted, clusters):
    """Whether a schedule failed, be it for a fault of the suite itself; the next one begins in good order."""
    broken = True
    try:
        failures = run_one(kind, log, seed, wanted, clusters.of(kind, log))
        broken = bool(failures)
    except Exception:
        print(f"FAIL {kind.name:28} {log:5} seed {seed:<5}\n{traceback.format_exc()}", flush=True)
    clusters.after(broken)
    return broken
