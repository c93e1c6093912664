"""Looks at the server all the time: whether /healthz answers, memory, and that the position never goes back."""

import re
import threading
import time

import ask

HEALTH_SECONDS_MAX = 1.0
SERIES = re.compile(r'^([a-z_:]+)(?:\{(.*)\})? (\S+)$', re.M)


def gauges(text):
    """[(name, {label: value}, number)] of a page of Prometheus text."""
    labels = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
    return [(name, dict(labels.findall(of or "")), float(number)) for name, of, number in SERIES.findall(text)]


class Watch(threading.Thread):
    """`world.up`: whether the server is one that should answer at this moment."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world, self.over = world, threading.Event()
        self.positions, self.slowest, self.rss_max_mib = {}, 0.0, 0

    def run(self):
        turn, due = 0, time.monotonic()
        while not self.over.is_set():
            starved = max(0.0, time.monotonic() - due)  # this thread itself did not run: so much is not the server's
            run = self.world.up
            if run:
                self.look_at_health(run, starved)
                if turn % 4 == 0:
                    self.look_at_position(run)
                self.look_at_memory()
            turn += 1
            due = time.monotonic() + 0.1
            time.sleep(0.1)

    def look_at_health(self, run, starved):
        begun = time.monotonic()
        answer = ask.try_ask(self.world.port, "GET", "/healthz", seconds_max=5.0)
        taken = time.monotonic() - begun
        if self.world.up is not run or not self.world.alive():
            return
        self.slowest = max(self.slowest, taken - starved)
        if answer is None or answer.status != 200:
            self.world.fail(f"/healthz: {answer.status if answer else 'no answer'} after {taken:.1f} s")
        elif taken > HEALTH_SECONDS_MAX + starved:
            self.world.fail(f"/healthz took {taken:.1f} s")

    def look_at_position(self, run):
        answer = ask.try_ask(self.world.port, "GET", "/api/v1/metrics/goal_hygiene", seconds_max=5.0)
        if answer is None or answer.status != 200:
            return
        for log, position in answer.json()["position"].items():
            before = self.positions.get(log, 0)
            if position < before:
                self.world.fail(f"the position of {log} went back from {before} to {position}")
            self.positions[log] = max(position, before)

    def look_at_memory(self):
        self.rss_max_mib = max(self.rss_max_mib, self.world.rss_mib())
        if self.rss_max_mib > self.world.memory_mib_max:
            self.world.fail(f"resident memory over {self.world.memory_mib_max} MiB")

    def stop(self):
        self.over.set()
        self.join(10)
