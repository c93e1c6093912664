"""The process itself: killed, stopped, stalled, started twice."""

import time

from faults import schedule


@schedule(short=True)
def kill_nine(world, random):
    """kill -9 three times under load at random moments, and once while it starts."""
    for _ in range(3):
        world.wait_for_load()
        time.sleep(random.uniform(0, 1))
        world.kill()
        if random.random() < 0.5:
            world.start(until="launched")
            time.sleep(random.uniform(0, 2))
            world.kill()
        world.start(until=random.choice(["ready", "answers"]))
