"""The wall clock goes wrong and right again."""

import time

import shim
from faults import schedule


def steps(world, offsets):
    clock = shim.Shim(world)
    world.kill()
    world.start()
    for offset in offsets:
        world.wait_for_load(80)
        clock.set_clock(offset)
        time.sleep(1)
    world.wait_for_load(80)
    world.must_report("the server to be ready", world.ready, 20)


@schedule(logs=("local",), needs=("cc",))
def clock_back(world, random):
    """The clock steps back by minutes, an hour and a day, and is right in the end."""
    steps(world, [-random.randrange(60, 600), -3600, -86400, 0])


@schedule(needs=("cc",), known="what was recorded while the clock was ahead is in views and not in the tables of SQL")
def clock_ahead(world, random):
    """The clock is 400 days ahead for a while, and right in the end; the server is started again in between."""
    steps(world, [400 * 86400, 0])
    world.kill()
    world.start()
