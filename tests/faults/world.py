"""One schedule's world: a folder, a server that can be started, stopped, stalled and killed, and what went wrong."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import ask
import events
import watch
from ledger import Ledger
from mounts import Mounts
from room import Room

START_SECONDS_MAX, STOP_SECONDS_MAX, SETTLE_SECONDS_MAX = 60, 10, 60
FAILURES_MAX = 12
COUNT_ALL = "SELECT " + " + ".join(f"(SELECT count(*) FROM {t})" for t in ("commits", "reviews", "tickets", "directory"))


class Broken(Exception):
    """The schedule cannot go on; what it says is a failure of the server."""


class Ended(Broken):
    """The server ended by itself."""


def inline(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {inline(part)}" for name, part in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return json.dumps(value)


def toml(sections):
    lines = []
    for section, keys in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{json.dumps(key)} = {inline(value)}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


class World:
    memory_mib_max = 2048

    def __init__(self, binary, folder, random, kafka=None):
        self.binary, self.folder, self.random, self.kafka = binary, folder, random, kafka
        self.data = os.path.join(folder, "data")
        self.port, self.process, self.up = ask.free_port(), None, None
        self.environment, self.failures, self.notes, self.last_status = {}, [], [], None
        self.begun, self.lock = time.monotonic(), threading.Lock()
        self.ledger = Ledger(os.path.join(folder, "ledger"))
        self.room = Room(f"plimsoll-faults-{os.getpid()}", self.memory_mib_max)
        self.config = {"store": {"flush_interval_ms": 200}, "people": {"visibility": "all", "group_min": 1}}
        if kafka:
            self.config["kafka"] = kafka.config()
        self.mounts = Mounts()
        self.story, self.turn = events.Shared(events.story(random)), threading.Lock()
        self.watch = watch.Watch(self)
        self.watch.start()

    # What happened.

    def say(self, text):
        with self.lock:
            self.notes.append(f"{time.monotonic() - self.begun:6.2f} {text}")

    def fail(self, text):
        """A failure is noted once: what begins alike is of one kind."""
        with self.lock:
            if len(self.failures) == FAILURES_MAX or any(said.startswith(text[:40]) for said in self.failures):
                return
            self.failures.append(text)
        self.say(f"FAILED {text}")

    def must(self, holds, text):
        if not holds:
            self.fail(text)
        return holds

    # The process.

    def launch(self, *arguments, data=None, port=None, inside=True):
        """Starts the executable with the world's configuration, `inside` the cgroup or not; the caller keeps the process."""
        with open(os.path.join(self.folder, "plimsoll.toml"), "w") as file:
            file.write(toml(self.config))
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PLIMSOLL_")}
        command = [self.binary, "--data", data or self.data, *arguments]
        if "serve" in arguments:
            command += ["--listen", f"127.0.0.1:{port or self.port}"]
        with open(self.server_log(), "ab") as log:
            return subprocess.Popen(
                self.room.command(command) if inside else command, cwd=self.folder, env=clean | {"NO_COLOR": "1"} | self.environment,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
            )

    def server_log(self):
        return os.path.join(self.folder, "server.log")

    def last_words(self, process=None):
        with open(self.server_log(), errors="replace") as log:
            lines = [line.strip() for line in log if line.strip()]
        return lines[-1][:300] if lines else "(nothing on stderr)"

    def start(self, until="ready"):
        """Starts the server; `until` it is "ready", only "answers", or "launched", which waits for nothing."""
        self.say("start")
        self.process = self.launch("serve")
        if until == "launched":
            return
        self.wait_until("the server to answer", lambda: self.ask("/healthz") is not None, START_SECONDS_MAX)
        self.up = object()
        if until == "ready":
            self.wait_until("/readyz to be 200 after a start", self.ready, START_SECONDS_MAX)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def rss_mib(self):
        """Resident memory of the server; 0 where it cannot be read."""
        try:
            with open(f"/proc/{self.process.pid}/status") as status:
                return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) >> 10
        except (OSError, AttributeError, TypeError):
            return 0

    def must_be_alive(self):
        if not self.alive():
            code = self.process.poll() if self.process else None
            self.up = None
            raise Ended(f"the server ended by itself with {code}: {self.last_words()}")

    def kill(self):
        self.say("kill -9")
        self.up = None
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; the exit code, and whether it came in time."""
        self.say("SIGTERM")
        self.up = None
        begun = time.monotonic()
        self.process.terminate()
        try:
            code = self.process.wait(STOP_SECONDS_MAX + 5)
        except subprocess.TimeoutExpired:
            self.kill()
            self.fail(f"SIGTERM: not ended after {STOP_SECONDS_MAX + 5} s")
            return None
        taken = time.monotonic() - begun
        self.must(taken <= STOP_SECONDS_MAX, f"SIGTERM: ended only after {taken:.1f} s")
        self.must(code == 0, f"SIGTERM: exit code {code}: {self.last_words()}")
        return code

    def stall(self, seconds):
        """SIGSTOP, and SIGCONT after a while."""
        self.say(f"SIGSTOP for {seconds:.1f} s")
        self.freeze()
        time.sleep(seconds)
        self.thaw()

    def freeze(self):
        self.up = None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)
        self.wait_until("the server to answer after SIGCONT", lambda: self.ask("/healthz"), 10)
        self.up = object()

    def wait_for_end(self, seconds_max=20):
        """Its exit code, or None if it still runs."""
        try:
            code = self.process.wait(seconds_max)
        except subprocess.TimeoutExpired:
            return None
        self.up = None
        return code

    # What it says.

    def ask(self, path, method="GET", body=b"", headers=None, seconds_max=5.0):
        return ask.try_ask(self.port, method, path, body, headers, seconds_max=seconds_max)

    def sql(self, statement):
        """The rows, each a tuple."""
        answer = self.ask("/api/v1/sql", "POST", statement.encode(), {"content-type": "text/plain"}, 20.0)
        if answer is None or answer.status != 200:
            raise Broken(f"{statement}: {answer.text()[:300] if answer else 'no answer'}")
        return [tuple(row.values()) for row in answer.json()["rows"]]

    def gauge(self, name, **labels):
        """The sum of a series over what matches; None where there is no such series."""
        answer = self.ask("/metrics")
        if answer is None or answer.status != 200:
            return None
        found = [n for series, of, n in watch.gauges(answer.text()) if series == name and labels.items() <= of.items()]
        return sum(found) if found else None

    def ready(self):
        answer = self.ask("/readyz")
        return answer is not None and answer.status == 200

    def events(self):
        try:
            return self.sql(COUNT_ALL)[0][0]
        except Broken:
            return -1

    def wait_until(self, what, holds, seconds_max=SETTLE_SECONDS_MAX, ended_is_fine=False):
        """Raises Broken, naming what was waited for, if it does not come about."""
        deadline = time.monotonic() + seconds_max
        while time.monotonic() < deadline:
            if holds():
                return
            if not ended_is_fine:
                self.must_be_alive()
            time.sleep(0.1)
        if not ended_is_fine:
            self.must_be_alive()
        raise Broken(f"waited {seconds_max} s in vain for {what}")

    def must_report(self, what, holds, seconds_max=10):
        """Whether something that should be reported is reported in time; if not, that is a failure, and the schedule goes on."""
        try:
            self.wait_until(what, holds, seconds_max)
        except Ended:
            raise
        except Broken as broken:
            self.fail(str(broken))
            return False
        return True

    # Events.

    def post(self, batch, seconds_max=15.0, good=True):
        """Posts events, `good` or perhaps not; the status, or None where no answer came."""
        self.ledger.note_try(batch)
        body = b"[" + b",".join(event.value for event in batch) + b"]"
        headers = {"content-type": "application/cloudevents-batch+json"}
        answer = self.ask("/api/v1/events", "POST", body, headers, seconds_max)
        if answer is not None and answer.status == 202:
            self.ledger.note_ack([event.id for event in batch])
        elif good and answer is not None and answer.status == 400:
            self.fail(f"a good event was refused: {answer.text()[:300]}")
        elif answer is not None and answer.status != self.last_status:
            self.say(f"POST: {answer.status} {answer.text()[:200]}")
        self.last_status = answer.status if answer else None
        return self.last_status

    def wait_for_load(self, events_min=150, seconds_max=30):
        """Until so many more events are acknowledged."""
        goal = self.ledger.acked_now() + events_min
        self.wait_until(f"{events_min} more events to be acknowledged", lambda: self.ledger.acked_now() >= goal, seconds_max)

    def pause_load(self):
        """Returns once the loader's last batch is through; `go_on_load` lets it go on."""
        self.turn.acquire()

    def go_on_load(self):
        self.turn.release()

    def close(self, keep):
        self.watch.stop()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.mounts.close()
        self.room.remove()
        if self.kafka:
            self.kafka.close()
        with open(os.path.join(self.folder, "notes"), "w") as file:
            file.write("\n".join(self.notes) + "\n")
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


AS_OF = events.AS_OF
