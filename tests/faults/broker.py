"""A real Kafka broker, or three, through tests/kafka/broker: started, stalled, killed and started again."""

import os
import shutil
import signal
import subprocess
import tempfile

import tools

SCRIPT = os.path.join(tools.ROOT, "tests", "kafka", "broker")


class Broker:
    """One node. `ports` are its own, and the pair behind and before a proxy."""

    def __init__(self, folder, first=None):
        self.folder = folder
        self.run(*(["join", first.folder] if first else ["start"]), folder)
        with open(os.path.join(folder, "ports")) as file:
            port, _, inner, outer = map(int, file.read().split())
        self.port, self.inner, self.outer = port, inner, outer

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def run(self, *arguments):
        done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"tests/kafka/broker {' '.join(arguments)}: {done.stderr.strip()}")

    def signal(self, number):
        with open(os.path.join(self.folder, "pid")) as file:
            os.kill(int(file.read()), number)

    def kill(self):
        self.signal(signal.SIGKILL)

    def stall(self):
        self.signal(signal.SIGSTOP)

    def go_on(self):
        self.signal(signal.SIGCONT)

    def again(self):
        self.run("again", self.folder)

    def stop(self):
        self.run("stop", self.folder)


class Cluster:
    """Brokers that live as long as the run; further ones join when a schedule first needs them."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="plimsoll-faults-kafka-")
        self.brokers = [Broker(os.path.join(self.folder, "1"))]

    def grow(self, count):
        while len(self.brokers) < count:
            folder = os.path.join(self.folder, str(len(self.brokers) + 1))
            self.brokers.append(Broker(folder, self.brokers[0]))

    def stop(self):
        for broker in reversed(self.brokers):
            broker.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
