"""The shared object that makes calls of the server fail, compiled once a run, and its switch."""

import os
import subprocess

import tools

ENOSPC, EIO = "28", "5"


def build(folder):
    path = os.path.join(folder, "shim.so")
    source = os.path.join(tools.HERE, "shim.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", path, source, "-ldl"], check=True)
    return path


class Shim:
    """Failing calls for a world: takes effect with the server's next start, and only between `on` and `off`."""

    def __init__(self, world, call="", path="", errno=None, sleep_ms=None, after=0, kill=None):
        self.world, self.switch = world, os.path.join(world.folder, "fault-on")
        self.clock = os.path.join(world.folder, "clock")
        settings = {"FAULT_CALL": call, "FAULT_PATH": path, "FAULT_ERRNO": errno, "FAULT_SLEEP_MS": sleep_ms, "FAULT_KILL": kill}
        settings |= {"FAULT_AFTER": after, "FAULT_WHEN": self.switch, "FAULT_CLOCK": self.clock}
        world.environment = {name: str(value) for name, value in settings.items() if value not in (None, "")}
        world.environment["LD_PRELOAD"] = build(world.folder)

    def on(self):
        self.world.say("calls fail from now on")
        open(self.switch, "w").close()

    def off(self):
        self.world.say("calls work again")
        if os.path.exists(self.switch):
            os.remove(self.switch)

    def set_clock(self, seconds):
        self.world.say(f"the clock goes {seconds} s wrong")
        with open(self.clock + ".new", "w") as file:
            file.write(str(seconds))
        os.rename(self.clock + ".new", self.clock)

    def remove(self):
        """For the next start."""
        self.off()
        self.world.environment = {}
