"""Several faults in a row, in an order that the seed decides."""

import time

from faults import schedule
from faults.brokers import broker_stalled


def kill(world, random):
    world.kill()
    world.start(until=random.choice(["ready", "answers"]))


def storm(world, random):
    for _ in range(random.randrange(1, 4)):
        world.kill()
        world.start(until="launched")
        time.sleep(random.uniform(0, 1))
    world.kill()
    world.start()


def stop(world, random):
    world.stop()
    world.start()


def stall(world, random):
    world.stall(random.uniform(0.2, 3))


def wait(world, random):
    time.sleep(random.uniform(0, 2))


@schedule()
def mixed(world, random):
    """Six faults in a row: kills, stops, stalls and storms of restarts, with Kafka also a broker that hangs."""
    steps = [kill, storm, stop, stall, wait] + ([broker_stalled] if world.kafka else [])
    for _ in range(6):
        world.wait_until("the server to answer", lambda: world.ask("/healthz") is not None)
        world.wait_for_load(random.randrange(20, 150))
        step = random.choice(steps)
        world.say(step.__name__)
        step(world, random)
