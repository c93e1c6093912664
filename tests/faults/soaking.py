"""Hours of load: a paced producer, viewers that ask, a fault every few minutes, and samples of what may grow."""

import argparse
import csv
import datetime
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time

import ask
import events
import picture
import tools
from broker import Cluster
from kafka_log import KafkaLog
from world import Broken, World

PARTITIONS = 6  # of each of three topics
TEAMS = {f"team-{n}": [f"person-{n}-{m}" for m in range(8)] for n in range(40)}
HISTORY = datetime.timedelta(days=200)
EVENTS_A_CHANGE = 6
BATCH_SECONDS = 0.1
SAMPLE_SECONDS = 5
PAGES = ["/api/v1/metrics/review_load", "/metrics", "/", "/api/v1/metrics/milestone_drift?as_of={past}", "/readyz"]
ANONYMOUS_MIB_MAX = 1024  # what the server may hold that is no file's, however much history it has
NEW = 15  # seconds after a start in which a viewer may be told to come again


class Producer(threading.Thread):
    """So many events a second into the topics; `acked` counts what the broker took."""

    def __init__(self, world, story, rate):
        super().__init__(daemon=True)
        self.world, self.story, self.rate = world, story, rate
        self.over, self.acked, self.failed = threading.Event(), 0, 0

    def run(self):
        log, due = self.world.kafka, time.monotonic()
        log.producer = log.connect()
        while not self.over.is_set():
            batch = [next(self.story) for _ in range(int(self.rate * BATCH_SECONDS))]
            waiting = [(event, log.producer.send(event.topic, event.value, event.key.encode())) for event in batch]
            log.producer.flush(timeout=60)
            while waiting:  # what the broker did not take is sent again: the same id, so one row
                waiting = [(event, sent) for event, sent in waiting if not sent.succeeded()]
                self.failed += len(waiting)
                waiting = [(event, log.producer.send(event.topic, event.value, event.key.encode())) for event, _ in waiting]
                log.producer.flush(timeout=60)
            self.acked += len(batch)
            due += BATCH_SECONDS
            time.sleep(max(0.0, due - time.monotonic()))

    def stop(self):
        self.over.set()
        self.join(120)


class Viewer(threading.Thread):
    """Asks again and again, as a page that somebody left open; `taken` has (moment, seconds, status)."""

    def __init__(self, world, number):
        super().__init__(daemon=True)
        self.world, self.number, self.over, self.taken = world, number, threading.Event(), []

    def run(self):
        turn = self.number
        while not self.over.is_set():
            past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=random.randrange(1, 150))
            path = PAGES[turn % len(PAGES)].format(past=past.strftime("%Y-%m-%dT00:00:00Z"))
            turn += 1
            begun, run = time.monotonic(), self.world.up
            answer = ask.try_ask(self.world.port, "GET", path, seconds_max=30.0)
            if run and run is self.world.up:
                self.taken.append((begun, time.monotonic() - begun, answer.status if answer else 0, path.split("?")[0]))
            self.over.wait(0.5)


class Samples(threading.Thread):
    """A row every few seconds."""

    def __init__(self, world, producer, viewers, path):
        super().__init__(daemon=True)
        self.world, self.producer, self.viewers, self.path = world, producer, viewers, path
        self.over, self.rows, self.begun = threading.Event(), [], time.monotonic()

    def run(self):
        with open(self.path, "w", newline="") as file:
            out = None
            while not self.over.wait(SAMPLE_SECONDS):
                row = self.sample()
                self.rows.append(row)
                if (row["anonymous_mib"] or 0) > ANONYMOUS_MIB_MAX:
                    self.world.fail(f"anonymous memory over {ANONYMOUS_MIB_MAX} MiB: {row['anonymous_mib']:.0f}")
                out = out or csv.DictWriter(file, row)
                if len(self.rows) == 1:
                    out.writeheader()
                out.writerow(row)
                file.flush()

    def sample(self):
        now = time.monotonic()
        taken = sorted(s for viewer in self.viewers for begun, s, _, _ in viewer.taken[-200:] if begun > now - 30)
        row = {"minute": (now - self.begun) / 60, "acked": self.producer.acked} | process(self.world) | folder(self.world.data)
        row["answer_p50_ms"] = 1000 * statistics.median(taken) if taken else None
        row["answer_p95_ms"] = 1000 * taken[int(len(taken) * 0.95)] if taken else None
        row["behind_events"] = self.behind()
        row["lag"] = self.world.gauge("plimsoll_ingest_lag_records")
        return row

    def behind(self):
        """Events that the broker took and no answer covers yet."""
        answer = self.world.ask("/api/v1/metrics/goal_hygiene", seconds_max=20)
        if answer is None or answer.status != 200:
            return None
        return max(0, self.producer.acked + self.producer.failed - sum(answer.json()["position"].values()))

    def stop(self):
        self.over.set()
        self.join(60)


def process(world):
    """Memory, threads and descriptors of the server; None while there is none."""
    names = {"RssAnon": "anonymous_mib", "RssFile": "mapped_mib", "Threads": "threads"}
    row = dict.fromkeys([*names.values(), "descriptors"])
    try:
        with open(f"/proc/{world.process.pid}/status") as status:
            for line in status:
                name, _, value = line.partition(":")
                if name in names:
                    number = int(value.split()[0])
                    row[names[name]] = number / 1024 if name != "Threads" else number
        row["descriptors"] = len(os.listdir(f"/proc/{world.process.pid}/fd"))
    except (OSError, AttributeError):
        pass
    return row


def folder(path):
    files = size = 0
    for place, _, names in os.walk(path):
        for name in names:
            try:
                size += os.lstat(os.path.join(place, name)).st_size
                files += 1
            except OSError:
                pass  # just removed
    return {"files": files, "disk_mib": size / 2**20}


# Faults, in turn.

def restart(world, producer):
    world.stop()
    world.start()


def kill(world, producer):
    world.kill()
    world.start()


def stall(world, producer):
    world.stall(8)


def broker_stalls(world, producer):
    world.say("the broker stalls for 10 s")
    world.kafka.cluster.brokers[0].stall()
    time.sleep(10)
    world.kafka.cluster.brokers[0].go_on()


def second_reader(world, producer):
    """Another server with a directory of its own comes and goes: a member joins and leaves."""
    world.say("a second reader comes and goes")
    port, data = ask.free_port(), os.path.join(world.folder, "second")
    second = world.launch("serve", data=data, port=port, inside=False)  # its memory is not what is measured
    time.sleep(20)
    second.terminate()
    second.wait(30)


ACTS = [restart, second_reader, kill, broker_stalls, stall]


def check(world, producer):
    """Everything that was taken is there, once."""
    world.wait_until("the positions to reach the log's end", lambda: reaches_end(world), 300)
    rows, ids = map(sum, zip(*[world.sql(f"SELECT count(*), count(DISTINCT event_id) FROM {t}")[0] for t in ("commits", "reviews", "tickets", "directory")]))
    world.must(rows == ids == producer.acked, f"{producer.acked} events were acknowledged, {rows} rows and {ids} ids are there")
    world.say(f"{producer.acked} events acknowledged, {rows} rows, {ids} ids")


def reaches_end(world):
    positions = world.kafka.positions(world)
    return all(positions.get(f"{place.topic}/{place.partition}", 0) >= end for place, end in world.kafka.ends().items())


def soak(wanted, world):
    changes = wanted.minutes * 60 * wanted.rate / EVENTS_A_CHANGE
    start = datetime.datetime.now(datetime.timezone.utc) - HISTORY
    story = events.story(random.Random(wanted.seed), TEAMS, start, HISTORY / changes, left_open=0.003)
    producer = Producer(world, story, wanted.rate)
    viewers = [Viewer(world, number) for number in range(wanted.viewers)]
    samples = Samples(world, producer, viewers, os.path.splitext(wanted.out)[0] + ".csv")
    world.start()
    for thread in [producer, *viewers, samples]:
        thread.start()
    marks = []
    try:
        load(wanted, world, samples, producer, marks)
        producer.stop()
        check(world, producer)
        world.stop()
    finally:  # what led to a failure is worth seeing too
        for thread in [producer, *viewers, samples]:
            thread.over.set()
        for thread in [producer, *viewers, samples]:
            thread.join(120)
        with open(wanted.out, "w") as file:
            file.write(picture.picture(samples.rows, marks, title(wanted, producer)))
        tell(samples, viewers, marks)


def load(wanted, world, samples, producer, marks):
    """Lets it run, with a fault now and then."""
    until, turn = time.monotonic() + wanted.minutes * 60, 0
    while time.monotonic() < until:
        due = min(time.monotonic() + wanted.every, until)
        while time.monotonic() < due:
            world.must_be_alive()
            time.sleep(1)
        if due < until:
            act = ACTS[turn % len(ACTS)]
            marks.append(((time.monotonic() - samples.begun) / 60, act.__name__.replace("_", " ")))
            act(world, producer)
            turn += 1


def title(wanted, producer):
    minutes = f"{wanted.minutes} minutes, {wanted.rate:,} events/s on {3 * PARTITIONS} partitions"
    return f"{minutes}, {wanted.viewers} viewers, {producer.acked:,} events"


def tell(samples, viewers, marks):
    """The first and the last tenth of each series, and what viewers got."""
    tenth = max(1, len(samples.rows) // 10)
    print("| series | first tenth | last tenth | most |\n|---|---|---|---|")
    for name in samples.rows[0]:
        numbers = [row[name] for row in samples.rows if row[name] is not None]
        parts = [statistics.median(numbers[:tenth]), statistics.median(numbers[-tenth:]), max(numbers)] if numbers else []
        print(f"| {name} | " + " | ".join(f"{number:,.0f}" for number in parts) + " |")
    statuses, by_page = {}, {}
    for viewer in viewers:
        for _, seconds, status, page in viewer.taken:
            statuses[status] = statuses.get(status, 0) + 1
            by_page.setdefault(page, []).append(seconds)
    print(f"{len(marks)} faults; answers by status: {json.dumps(statuses)}")
    for page, seconds in by_page.items():
        seconds.sort()
        cuts = [seconds[min(len(seconds) - 1, int(len(seconds) * part))] * 1000 for part in (0.5, 0.95, 0.99, 1)]
        print(f"{page}: {len(seconds)} answers, p50 {cuts[0]:.0f}, p95 {cuts[1]:.0f}, p99 {cuts[2]:.0f}, most {cuts[3]:.0f} ms")


def main(arguments):
    parser = argparse.ArgumentParser(prog="tests/faults/soak", description="Hours of load, and a picture of what grew.")
    parser.add_argument("--binary", default=os.path.join(tools.ROOT, "target/release/plimsoll"), help="the executable")
    parser.add_argument("--minutes", type=int, default=120)
    parser.add_argument("--rate", type=int, default=2000, help="events a second")
    parser.add_argument("--viewers", type=int, default=4)
    parser.add_argument("--every", type=int, default=300, help="seconds between two faults")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", default="soak.svg", help="the picture; the samples are next to it as CSV")
    wanted = parser.parse_args(arguments)
    cluster, folder_ = Cluster(), tempfile.mkdtemp(prefix="plimsoll-soak-")
    world = World(os.path.abspath(wanted.binary), folder_, random.Random(wanted.seed), KafkaLog(cluster, "soak", partitions=PARTITIONS))
    world.watch.stop()  # of its own checks only those of a schedule's short life fit here
    del world.config["store"]  # as it is shipped
    try:
        soak(wanted, world)
    except Broken as broken:
        world.fail(str(broken))
    finally:
        world.close(keep=world.failures)
        cluster.stop()
    for failure in world.failures:
        print(f"FAIL {failure}; see {world.folder}")
    return 1 if world.failures else 0
