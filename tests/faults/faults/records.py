"""Records as producers send them: doubled, shuffled, one id with many payloads, and such that cannot be read."""

import os

import events
import oracle
from faults import schedule
from poison import POISON

MANY = int(os.environ.get("PLIMSOLL_FAULTS_MANY", "3000"))


def send(world, batch):
    """All of it, acknowledged, through the log of this world."""
    for start in range(0, len(batch), 500):
        part = batch[start : start + 500]
        good = world.kafka.produce(world.ledger, part) if world.kafka else world.post(part, 60) == 202
        world.must(good, f"events were not taken: {world.last_status}")


@schedule()
def doubled_and_shuffled(world, random):
    """Events twice and shuffled give the metrics that they give once and in another order (I5)."""
    world.pause_load()
    ordered = [next(world.story) for _ in range(1200)]
    mixed = ordered + random.sample(ordered, 1000)
    random.shuffle(mixed)
    world.wait_until("the server to be ready", world.ready)
    send(world, mixed)
    oracle.settle(world)
    before = oracle.hashes(world, with_position=False)
    oracle.check(world)
    if world.kafka:
        return "checked"
    world.data += "-again"
    world.watch.positions = {}
    world.start()
    send(world, sorted(world.ledger.events.values(), key=lambda event: event.id))
    oracle.settle(world)
    oracle.compare(world, before, oracle.hashes(world, with_position=False), "between a doubled, shuffled load and one in another order")
    return "checked"


def many(name, text, make):
    def inject(world, random):
        world.pause_load()
        world.wait_until("the server to be ready", world.ready)
        send(world, [make(number) for number in range(MANY)])
        world.go_on_load()
        world.wait_for_load(50)
        world.kill()
        world.start()

    inject.__name__, inject.__doc__ = name, f"{text}; then kill -9 and a start ($PLIMSOLL_FAULTS_MANY, default 3,000)."
    return schedule()(inject)


AT = "2026-01-06T10:00:00Z"
many(
    "one_id_many_payloads", "Many events of one id, each with another payload",
    lambda n: events.event("same", "ticket.updated", AT, {"ticket": "same", "title": f"Title {n}"}, key="same"),
)
many(
    "one_change_many_events", "Many events of one change",
    lambda n: events.event(
        f"c{n}", "review.commented", AT, {"repo": "acme/api", "change": "busy", "by": f"p{n % 50}"}, events.REVIEWS, "busy"
    ),
)
many(
    "one_ticket_many_events", "Many events of one ticket",
    lambda n: events.event(f"t{n}", "ticket.updated", AT, {"ticket": "busy", "title": f"Title {n}"}, key="busy"),
)
many(
    "one_milestone_many_events", "Many moves of one milestone",
    lambda n: events.event(
        f"m{n}", "milestone.updated", AT, {"milestone": "busy", "due_on": f"2026-{n % 12 + 1:02}-{n % 28 + 1:02}"}, key="busy"
    ),
)


@schedule()
def poison_records(world, random):
    """Every record of poison.py: over HTTP it is refused with its place and the reason; in Kafka it becomes a dead letter,
    and the records behind it are read."""
    world.wait_for_load(50)
    order = list(POISON)
    random.shuffle(order)
    if world.kafka:
        return poison_in_topics(world, order)
    for what, reasons, value, headers, key in order:
        if headers or len(key) > 1000:
            continue  # HTTP has no record headers and no keys
        answer = world.ask("/api/v1/events", "POST", value, {"content-type": "application/cloudevents+json"}, 10)
        words = answer.text() if answer else ""
        good = answer is not None and answer.status in (400, 413, 422) and "detail" in words
        world.must(good, f"POST of {what}: {answer.status if answer else 'no answer'} {words[:200]}")
    world.wait_for_load(50)
    return None


def poison_in_topics(world, order):
    world.kafka.set_on_topics({"max.message.bytes": "20000000"})
    for what, reasons, value, headers, key in order:
        world.kafka.put(events.TICKETS, value, key, headers, dead=True)
    world.wait_for_load(50)
    statement = "SELECT count(*) FROM dead_letters"
    world.must_report("all poison to be dead letters", lambda: world.sql(statement)[0][0] == len(order), 30)
    found = {row[0] for row in world.sql("SELECT DISTINCT reason FROM dead_letters")}
    for what, reasons, *_ in order:
        world.must(found & set(reasons), f"{what}: no dead letter with the reason {' or '.join(reasons)}")


@schedule(known="with Kafka an event just under 1 MiB gets 503 for ever")
def events_near_the_limit(world, random):
    """Posts of one event of 0.9 to 1.1 MiB: taken, and then a row, or refused for good with 413 or 400; never 503."""
    world.wait_for_load(50)
    world.pause_load()
    for size in (900_000, 999_000, 999_990, 1_000_001, 1_020_000, 1_048_000, 1_048_577, 1_100_000):
        one = events.event(f"large-{size}", "ticket.updated", AT, {"ticket": "large", "title": ""}, key="large")
        one.value = one.value.replace(b'"title":""', b'"title":"' + b"x" * (size - len(one.value)) + b'"')
        status = world.post([one], 20, good=False)
        world.must(status in (202, 400, 413), f"an event of {size} bytes: {status}")


@schedule(logs=("kafka",), known="dead letters stay in memory, bytes and all")
def dead_letters_in_memory(world, random):
    """Six hundred records of 1 MiB that cannot be read, in a room of 2 GiB; then a start."""
    world.wait_for_load(50)
    world.pause_load()
    line = b"x" * 1_000_000
    for number in range(600):
        world.kafka.put(events.TICKETS, b"%d " % number + line, b"junk")
    world.wait_until("all of it to be dead letters", lambda: world.sql("SELECT count(*) FROM dead_letters")[0][0] == 600)
    world.kill()
    world.watch.rss_max_mib = 0
    world.start()
    world.must(world.watch.rss_max_mib < 700, f"a start with 600 MB of dead letters takes {world.watch.rss_max_mib} MiB")
    return "checked"


@schedule(known="a date before 1677 makes a metric fail for everybody")
def far_dates(world, random):
    """Valid events of the years 1, 1600 and 9999: every metric still answers."""
    world.wait_for_load(100)
    world.pause_load()
    batch = []
    for year in ("0001", "1600", "1677", "2262", "9999"):
        fields = {"ticket": f"T-{year}", "milestone": f"m{len(batch) % 4 + 1}", "title": "old", "status_category": "todo"}
        batch.append(events.event(f"far-{year}", "ticket.created", f"{year}-06-01T00:00:00Z", fields))
        fields = {"milestone": f"far-{year}", "title": "far", "due_on": f"{year}-07-01", "owner": "ada"}
        batch.append(events.event(f"far-m-{year}", "milestone.created", f"{year}-06-01T00:00:00Z", fields))
    send(world, batch)

