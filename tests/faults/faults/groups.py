"""Others in the same consumer group."""

import threading
import time

import kafka
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor

import ask
import events
from faults import schedule

KAFKA = ("kafka",)


def member(world, seconds):
    """A consumer that joins the server's group for a while and takes partitions away."""
    consumer = kafka.KafkaConsumer(
        *events.TOPICS, bootstrap_servers=world.kafka.addresses, group_id=world.kafka.name, enable_auto_commit=False,
        partition_assignment_strategy=[CooperativeStickyAssignor],  # as the server: others may not join
    )
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            consumer.poll(timeout_ms=200)
    finally:
        consumer.close()


@schedule(logs=KAFKA)
def members_come_and_go(world, random):
    """Consumers join the group and leave it every two seconds."""
    world.wait_for_load()
    for _ in range(4):
        joined = threading.Thread(target=member, args=(world, random.uniform(0.5, 2.5)))
        joined.start()
        joined.join()
        time.sleep(random.uniform(0, 1))


@schedule(logs=KAFKA)
def stalled_past_session(world, random):
    """SIGSTOP past the session's end while a peer takes over, then SIGCONT: what it still holds is not written twice."""
    world.config["kafka.settings"] = {"session.timeout.ms": "6000", "heartbeat.interval.ms": "1000"}
    world.kill()
    world.start()
    world.wait_for_load()
    peer = threading.Thread(target=member, args=(world, 12))
    peer.start()
    world.stall(random.uniform(8, 10))
    peer.join()
    world.wait_for_load(50)


@schedule(logs=KAFKA, known="a second server in the group takes partitions away, unseen")
def second_server_in_group(world, random):
    """A second server with its own data and the same group: the first one shows all the same, or says that it does not."""
    world.wait_for_load()
    second = world.launch("serve", data=world.folder + "/second", port=ask.free_port())
    try:
        time.sleep(10)
        world.wait_for_load(200)
        world.pause_load()
        time.sleep(5)
        whole = lambda: world.events() >= sum(1 for count in world.ledger.acked.values() if count)
        lag = lambda: (world.gauge("plimsoll_ingest_lag_records") or 0) > 0
        shown = lambda: whole() or not world.ready() or lag()
        world.must_report("all rows to be shown, or a lag, or not ready, with a peer in the group", shown, 8)
    finally:
        second.kill()
        second.wait()
