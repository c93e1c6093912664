"""A power cut: the data lies on an ext4 image, which is copied under load; the server goes on with the copy."""

import os
import shutil
import signal

import mounts
from faults import schedule


@schedule(needs=("root", "mkfs.ext4"))
def power_cut(world, random):
    """What the disk held at some moment under load has all that was acknowledged by then; twice."""
    image = os.path.join(world.folder, "disk")
    world.kill()
    shutil.rmtree(world.data, ignore_errors=True)
    mounts.new_image(image, 96)
    world.mounts.image(world.data, image)
    world.start()
    for cut in range(2):
        world.wait_for_load(200)
        world.say("power cut")
        world.up = None
        # What was acknowledged before the disk is copied must be on it: the ledger takes nothing in between.
        with world.ledger.lock:
            world.process.send_signal(signal.SIGSTOP)
            copy = os.path.join(world.folder, f"disk-{cut}")
            shutil.copyfile(image, copy)
            world.process.kill()
            world.process.wait()
        world.mounts.unmount(world.data)
        world.mounts.image(world.data, copy)
        image = copy
        world.start()
