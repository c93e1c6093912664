"""The Kafka broker: killed, stalled, slow, half open, gone at the start, or one of three that leads no more."""

import time

from faults import schedule

KAFKA = ("kafka",)


def connected(world):
    return world.gauge("plimsoll_kafka_connected")


def reports_outage(world):
    """While no broker answers, that is reported: a gauge at 0, or not ready."""
    world.must_report("plimsoll_kafka_connected to be 0 without a broker", lambda: connected(world) == 0, 25)


@schedule(logs=KAFKA, known="plimsoll_kafka_connected stays 1 without a broker")
def broker_killed(world, random):
    """The broker is killed for half a minute: that is reported, a POST is refused in time, and all goes on when it is back."""
    world.wait_for_load()
    broker = world.kafka.cluster.brokers[0]
    world.say("broker killed")
    broker.kill()
    try:
        reports_outage(world)
        refuses_in_time(world)
        time.sleep(random.uniform(0, 3))
    finally:
        world.say("broker started")
        broker.again()
    world.must_report("plimsoll_kafka_connected to be 1 again", lambda: connected(world) == 1, 30)
    world.wait_for_load(50, 60)


def refuses_in_time(world):
    """A POST that cannot be made durable gets 503 within 8 s, and some patience for a busy machine."""
    begun = time.monotonic()
    status = world.post([next(world.story)], seconds_max=20)
    taken = time.monotonic() - begun
    world.must(status == 503 and taken < 10, f"POST without a broker: {status} after {taken:.1f} s, not 503 within 8 s")


@schedule(logs=KAFKA)
def broker_stalled(world, random):
    """The broker hangs for up to 10 s, twice."""
    broker = world.kafka.cluster.brokers[0]
    for _ in range(2):
        world.wait_for_load()
        world.say("broker stalled")
        broker.stall()
        time.sleep(random.uniform(2, 10))
        broker.go_on()
        world.say("broker goes on")


def through_proxy(name, text, mode, seconds, known=""):
    def inject(world, random):
        proxy = world.kafka.proxies[0]
        for _ in range(2):
            world.wait_for_load(100)
            world.say(f"proxy: {mode}")
            proxy.mode = mode
            time.sleep(random.uniform(seconds / 2, seconds))
            proxy.mode = "pass"
            if random.random() < 0.5:
                proxy.reset()
            time.sleep(1)

    inject.__name__, inject.__doc__ = name, text
    return schedule(logs=KAFKA, proxied=True, known=known)(inject)


through_proxy("broker_slow", "Every packet from and to the broker takes 0.3 s longer.", "delay", 6)
through_proxy("broker_drips", "The broker's answers come in drips of 200 bytes.", "drip", 6)
through_proxy("broker_half_open", "The connection stays open and nothing comes through.", "hang", 10)
through_proxy("broker_acks_swallowed", "Requests arrive and no answer comes back: a produce may or may not have happened.", "swallow", 10)


@schedule(logs=KAFKA, proxied=True)
def broker_resets(world, random):
    """Connections end with RST, again and again, and for some seconds new ones are reset as well."""
    proxy = world.kafka.proxies[0]
    for _ in range(6):
        world.wait_for_load(50)
        proxy.reset()
        proxy.refuse = random.random() < 0.5
        time.sleep(random.uniform(0.2, 2))
        proxy.refuse = False


@schedule(logs=KAFKA, proxied=True, known="serve ends when Kafka does not answer at its start")
def broker_absent_at_start(world, random):
    """No broker answers at the start: the server waits for it, shows what is stored, and reports that it is not connected."""
    world.wait_for_load()
    world.wait_until("rows to be durable", lambda: world.events() > 100)
    world.stop()
    proxy = world.kafka.proxies[0]
    proxy.mode, proxy.refuse = random.choice([("hang", False), ("pass", True)])
    proxy.reset()
    world.start(until="answers")
    time.sleep(12)
    if not world.alive():
        code = world.wait_for_end(1)
        world.fail(f"the server ended with {code} because no broker answered at its start: {world.last_words()}")
        proxy.mode, proxy.refuse = "pass", False
        world.start()
        return
    world.must_report("what is stored to be shown", lambda: world.events() > 100)
    world.must(connected(world) != 1, "plimsoll_kafka_connected is 1 without a broker")
    proxy.mode, proxy.refuse = "pass", False
    proxy.reset()
    world.must_report("the server to be ready with the broker back", world.ready, 40)


@schedule(logs=KAFKA, replicas=3)
def leader_changes(world, random):
    """Three brokers; one is killed under load, its partitions get other leaders, it comes back."""
    cluster = world.kafka.cluster
    for _ in range(2):
        world.wait_for_load(seconds_max=60)
        broker = random.choice(cluster.brokers[1:])  # the first one is the controller
        world.say("one of three brokers killed")
        broker.kill()
        world.wait_for_load(100, seconds_max=60)
        broker.again()
        world.say("it is back")
