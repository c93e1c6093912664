"""Topics: truncated, made again, grown, compacted, with transactions at their ends."""

import time

import events
from faults import schedule
from kafka import TopicPartition

KAFKA = ("kafka",)


def halted(world):
    return world.gauge("plimsoll_ingest_halted") or 0


def delete_records(world, topic, partition, before):
    world.say(f"{topic}/{partition}: records before {before} deleted")
    world.kafka.admin.delete_records({TopicPartition(topic, partition): before})


def all_covered(world):
    world.wait_until("the positions to reach the log's end", lambda: world.kafka.covered(world))


def produce_more(world, count=120):
    """Records that come while the server does not look; {(topic, partition): end}."""
    world.kafka.produce(world.ledger, [next(world.story) for _ in range(count)])
    return world.kafka.ends()


def halts_and_reports(world, topic, before):
    """A partition that cannot be read without a gap: halted, reported, nothing of it skipped; the other topics go on."""
    world.must_report("plimsoll_ingest_halted to report the partition", lambda: halted(world) >= 1, 25)
    world.must(not world.ready() or halted(world) >= 1, "/readyz is 200, and nothing is halted")
    other = events.COMMITS if topic != events.COMMITS else events.TICKETS
    at = world.kafka.put(other, events.event("after-halt", "ticket.created", events.START, {"ticket": "after"}).value)
    beyond = lambda: world.kafka.positions(world).get(f"{other}/{at.partition}", 0) > at.offset
    world.must_report("another topic to go on", beyond, 40)
    world.must(world.kafka.covered_of(world, topic) == before, f"the position of {topic} moved across the gap")


def truncated(name, text, running):
    def inject(world, random):
        world.wait_for_load(400)
        world.pause_load()
        all_covered(world)
        topic = random.choice(events.TOPICS)
        before = world.kafka.covered_of(world, topic)
        world.freeze() if running else world.stop()
        ends = produce_more(world)
        for partition in range(2):
            place = TopicPartition(topic, partition)
            delete_records(world, topic, partition, ends[place] - (1 if random.random() < 0.5 else 0))
        time.sleep(1)
        world.thaw() if running else world.start(until="answers")
        halts_and_reports(world, topic, before)
        return "checked"

    inject.__name__, inject.__doc__ = name, text
    return schedule(logs=KAFKA)(inject)


truncated("retention_passes_stopped", "Retention deletes records that the stopped server has not read: halt.", False)
truncated("retention_passes_running", "The same under a server that is stalled (SIGSTOP).", True)


@schedule(logs=KAFKA)
def retention_behind(world, random):
    """Retention deletes what the server has read: nothing happens, also over a restart."""
    world.wait_for_load(300)
    world.pause_load()
    all_covered(world)
    for place, end in world.kafka.ends().items():
        if end:
            delete_records(world, place.topic, place.partition, random.randrange(end) + 1)
    world.go_on_load()
    world.wait_for_load(100)
    world.kill()
    world.start()
    world.must(halted(world) == 0, "halted, although it had read all that was deleted")
    return "no rebuild"


def recreated(name, text, factor, running, known=""):
    """`factor`: how many records each partition of the new topics has, as a multiple of what the old one had."""

    def inject(world, random):
        world.wait_for_load(300)
        world.pause_load()
        all_covered(world)
        old = {place: end for place, end in world.kafka.ends().items() if end}
        world.freeze() if running else world.stop()
        world.kafka.recreate(partitions=2)
        for place, end in old.items():
            world.kafka.fill(place, [next(world.story) for _ in range(max(1, int(end * factor)))])
        world.thaw() if running else world.start(until="answers")
        halts = f"plimsoll_ingest_halted to report {len(old)} partitions that are others now"
        world.must_report(halts, lambda: halted(world) == len(old), 25)
        return "checked"

    inject.__name__, inject.__doc__ = name, text
    return schedule(logs=KAFKA, known=known)(inject)


SILENT = "a topic that is made again with as many records or more is taken for the old one"
recreated("recreated_fewer_stopped", "Topics deleted and made again with fewer records, server stopped: every partition halts.", 0.3, False)
recreated("recreated_as_many_stopped", "The same with as many records.", 1, False, SILENT)
recreated("recreated_more_stopped", "The same with half as many again.", 1.5, False, SILENT)
recreated("recreated_fewer_running", "Topics made again with fewer records under a stalled server.", 0.3, True)
recreated("recreated_more_running", "The same with half as many again.", 1.5, True, SILENT)


@schedule(logs=KAFKA, partitions=1)
def partitions_added(world, random):
    """Topics grow from one partition to four, under load."""
    for count in (2, 4):
        world.wait_for_load()
        world.kafka.admin.create_partitions({topic: count for topic in events.TOPICS})
        world.kafka.close_producer()
        world.say(f"{count} partitions")
        time.sleep(random.uniform(0, 2))
    world.wait_for_load(300)


@schedule(logs=KAFKA, known="a partition that ends in a transaction marker is never ready")
def transactions(world, random):
    """Transactions, committed and aborted, some of them the last in their partition: aborted ones are in no table, and the
    server is ready, also after a restart."""
    world.wait_for_load(100)
    world.pause_load()
    producer = world.kafka.connect(transactional_id=f"{world.kafka.name}-tx")
    producer.init_transactions()
    for turn in range(6):
        commit = random.random() < 0.5 or turn == 0
        batch = [next(world.story) for _ in range(20)]
        producer.begin_transaction()
        world.ledger.note_try(batch)
        for event in batch:
            producer.send(event.topic, event.value, event.key.encode())
        producer.flush()
        producer.commit_transaction() if commit else producer.abort_transaction()
        if commit:
            world.ledger.note_ack([event.id for event in batch])
    producer.close()
    world.must_report("the server to be ready after transactions", lambda: lag_is_zero(world) and world.ready(), 20)
    world.stop()
    world.start(until="answers")
    world.must_report("the server to be ready after a restart on a transaction marker", world.ready, 20)


def lag_is_zero(world):
    return world.gauge("plimsoll_ingest_lag_records") == 0


@schedule(logs=KAFKA, partitions=1)
def compaction(world, random):
    """Topics are compacted behind the server, with tombstones: legal holes, nothing halts, also over a restart."""
    settings = {"cleanup.policy": "compact", "segment.ms": "500", "min.cleanable.dirty.ratio": "0.01", "segment.bytes": "65536"}
    settings |= {"delete.retention.ms": "100"}
    world.wait_for_load(200)
    for number in range(40):
        world.kafka.put(events.REVIEWS, None, key=f"acme/api/{number}".encode())
    world.pause_load()
    all_covered(world)
    world.kafka.set_on_topics(settings)
    world.stop()
    produce_more(world)
    time.sleep(random.uniform(16, 20))  # the cleaner looks every 15 s
    world.start()
    world.go_on_load()
    world.wait_for_load(100)
    world.must(halted(world) == 0, "halted at the holes that compaction leaves")
    return "no rebuild"
