"""The process itself: killed, stopped, stalled, started twice, started on a copy."""

import shutil
import time

import ask
from faults import schedule


@schedule(short=("local", "kafka"))
def kill_nine(world, random):
    """kill -9 three times under load at random moments, and now and then while it starts."""
    for _ in range(3):
        world.wait_for_load()
        time.sleep(random.uniform(0, 1.5))
        world.kill()
        if random.random() < 0.5:
            world.start(until="launched")
            time.sleep(random.uniform(0, 2))
            world.kill()
        world.start(until=random.choice(["ready", "answers"]))


@schedule(short=("local",))
def terminate(world, random):
    """SIGTERM under load, twice: ends within 10 s with exit code 0."""
    for _ in range(2):
        world.wait_for_load()
        time.sleep(random.uniform(0, 1))
        world.stop()
        world.start()


@schedule()
def stall(world, random):
    """SIGSTOP and SIGCONT, three times, for up to 5 s."""
    world.wait_until("the server to be ready", world.ready)
    for _ in range(3):
        world.wait_for_load()
        world.stall(random.uniform(0.5, 5))


@schedule()
def restart_storm(world, random):
    """Eight starts, each killed within a second."""
    world.wait_for_load()
    for _ in range(8):
        world.kill()
        world.start(until="launched")
        time.sleep(random.uniform(0, 1))
    world.kill()
    world.start()


@schedule()
def started_twice(world, random):
    """A second server on the same directory: it ends with an exit code and says why; the first one goes on."""
    world.wait_until("the server to be ready", world.ready)
    for _ in range(2):
        world.wait_for_load()
        second = world.launch("serve", port=ask.free_port())
        try:
            code = second.wait(15)
            world.must(code == 1, f"the second server on one directory ended with {code} instead of 1")
        except Exception:
            world.fail("the second server on one directory goes on")
        finally:
            second.kill()
        world.must("another plimsoll process" in world.last_words(), f"it does not say why: {world.last_words()}")


@schedule(logs=("kafka",))
def copied_directory(world, random):
    """Two servers with one instance id, the second on a copy of the data: one of them is fenced and says so by its end."""
    world.wait_for_load()
    world.stop()
    copy = world.folder + "/copy"
    shutil.copytree(world.data, copy)
    world.start()
    world.up = None
    second = world.launch("serve", data=copy, port=ask.free_port())
    try:
        ends = lambda: not world.alive() or second.poll() is not None
        if world.must_report("one of two servers with the same instance id to end", ends, 30):
            code = second.poll() if world.alive() else world.process.poll()
            world.must(code == 1, f"the fenced server ended with {code} instead of 1")
    except Exception as ended:
        world.say(f"the first was fenced: {ended}")
        world.must("instance" in world.last_words(), f"it does not say why: {world.last_words()}")
    finally:
        second.kill()
        second.wait()
    if world.alive():
        world.kill()
    world.start()
