"""Sends every hostile input, looks at /healthz after each, and prints what was tried and what was not as expected."""

import collections
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time

import ask
import events
from hostile import cli, crowd, git, http, postgres, sql, webhooks
from hostile.case import SECRET
from hostile.scram import Client
from world import World

SURFACES = ["http", "webhooks", "sql", "postgres", "crowd", "cli", "git"]
Crowd = collections.namedtuple("Crowd", "what known")
RUN_SECONDS_MAX, CALM_SECONDS_MAX, HELD_MIB_MAX = 60, 30, 900
CONFIG = {
    "people": {"visibility": "lead", "group_min": 1},
    "store": {"flush_interval_ms": 500},
    "limits": {
        "body_bytes_max": 1_000_000, "events_max": 1000, "request_timeout_ms": 5000, "sql_timeout_ms": 2000,
        "sql_memory_bytes": 64 << 20, "sql_spill_bytes_max": 64 << 20, "sql_rows_max": 1000,
    },
    "webhooks.github": {"secret": "file:secret", "repositories": ["acme/*"]},
    "webhooks.gitlab": {"secret": "file:secret", "token": "file:secret"},
    "webhooks.jira": {"secret": "file:secret"},
    "webhooks.gerrit": {"secret": "file:secret"},
}


class Attack:
    """Counts by surface, and the list of what is not as expected."""

    def __init__(self, world):
        self.world, self.tried, self.wrong = world, {}, []

    def note(self, surface, what, good, found, known=""):
        self.tried.setdefault(surface, [0, 0])[0 if good else 1] += 1
        if not good:
            self.wrong.append((surface, what, found, known))
            print(f"  not as expected: {surface}: {what}: {found}" + (f" (known: {known})" if known else ""), flush=True)

    def healthy(self, surface, what, known=""):
        """After each input: the server lives and answers; if not, it is started again."""
        begun = time.monotonic()
        answer = self.world.ask("/healthz", seconds_max=10)
        taken = time.monotonic() - begun
        if not self.world.alive():
            end = f"the server ended with {self.world.process.poll()}: {self.world.last_words()}"
            self.note(surface, what, False, end, known)
        elif answer is None or answer.status != 200 or taken > 1:
            self.note(surface, what, False, f"/healthz afterwards: {answer and answer.status} after {taken:.1f} s", known)
        held = self.world.rss_mib()
        if held > HELD_MIB_MAX:
            self.note(surface, what, False, f"holds {held} MiB afterwards", known)
        if not self.world.alive() or answer is None or held > HELD_MIB_MAX:
            self.world.kill()
            self.world.start()

    def over_http(self, surface, cases):
        for case in cases:
            begun = time.monotonic()
            status, text = exchange(self.world.port, case.wire(self.world.port), case.seconds_max)
            good = status in case.expect and case.words in text
            found = f"{status} after {time.monotonic() - begun:.1f} s instead of {sorted(map(str, case.expect))}: {text[:160]!r}"
            self.note(surface, case.what, good, found, case.known)
            if time.monotonic() - begun > 1.5:
                self.calm(surface, case)
            self.healthy(surface, case.what, case.known)

    def after_all(self):
        """What was taken with 202 has become rows: with the local log, no such input may end as a dead letter."""
        dead = self.world.sql("SELECT topic, \"offset\", reason, detail FROM dead_letters WHERE COALESCE(headers, '') NOT LIKE '%plimsoll_origin%' LIMIT 3")
        self.note("http", "dead letters after 202", not dead, f"{dead}"[:300], "an event of a webhook may be larger than a record")

    def calm(self, surface, case):
        """After a long answer: the work behind it has ended too, and takes no memory from what comes next."""
        deadline, before = time.monotonic() + CALM_SECONDS_MAX, self.cpu_ticks()
        while time.monotonic() < deadline and self.world.alive():
            time.sleep(0.5)
            now = self.cpu_ticks()
            if now - before < 10:
                return
            before = now
        if self.world.alive():
            self.note(surface, case.what, False, f"goes on working {CALM_SECONDS_MAX} s after its answer", case.known)
            self.world.kill()
            self.world.start()

    def cpu_ticks(self):
        try:
            with open(f"/proc/{self.world.process.pid}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            return 0
        return int(fields[11]) + int(fields[12])

    def over_postgres(self):
        for case in postgres.QUERIES:
            begun = time.monotonic()
            client = Client(self.pg_port, case.user, SECRET)
            state = client.query(case.text)
            client.close()
            self.note("postgres", case.what, state in case.states, f"{state} instead of {sorted(case.states)}", case.known)
            if time.monotonic() - begun > 1.5:
                self.calm("postgres", case)
            self.healthy("postgres", case.what, case.known)
        for what, far, data, words, *known in postgres.BYTES:
            client = Client(self.pg_port, "analyst", SECRET, far)
            said = client.send_and_listen(data)
            good = said is not None and re.search(words, said)
            self.note("postgres", what, bool(good), f"{said if said is None else said[:100]!r} has no {words!r}", (*known, "")[0])
            self.healthy("postgres", what, (*known, "")[0])

    def in_crowds(self):
        for scenario, known in crowd.CASES:
            what = scenario.__name__.replace("_", " ")
            try:
                found = scenario(self)
            except OSError as error:
                found = f"{type(error).__name__}: {error}"
            self.note("crowd", what, not found, found, known)
            self.healthy("crowd", what, known)
            self.calm("crowd", Crowd(what, known))

    def over_files(self, surface, cases):
        for what, arguments, files, codes, words, known in cases:
            folder = tempfile.mkdtemp(prefix="plimsoll-hostile-")
            try:
                for name, content in files.items():
                    put(folder, name, content)
            except subprocess.CalledProcessError as error:
                print(f"  skipped: {surface}: {what}: {error}")
                continue
            data = [] if "--data" in arguments else ["--data", "data"]
            code, said, seconds = self.run([*data, *arguments], folder)
            good = code in codes and words in said and "panicked" not in said
            self.note(surface, what, good, f"exit code {code} after {seconds:.1f} s: {said[-200:]!r}", known)
            shutil.rmtree(folder, ignore_errors=True)

    def over_git(self):
        for what, lines, codes, words, known in git.CASES:
            folder = tempfile.mkdtemp(prefix="plimsoll-hostile-")
            repository = os.path.join(folder, "repository")
            os.mkdir(repository)
            made = subprocess.run(["bash", "-c", git.SETUP + lines], cwd=repository, capture_output=True, text=True)
            if made.returncode:
                self.note("git", what, False, f"the history could not be made: {made.stderr[-200:]}")
            code, said, seconds = self.run(["--data", "data", "ingest", "git", "repository"], folder)
            good = code in codes and words in said and "panicked" not in said
            self.note("git", what, good, f"exit code {code} after {seconds:.1f} s: {said[-200:]!r}", known)
            shutil.rmtree(folder, ignore_errors=True)

    def run(self, arguments, folder):
        """(exit code or None if it goes on, what it said, seconds); in the room of limited memory."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PLIMSOLL_")} | {"NO_COLOR": "1"}
        begun = time.monotonic()
        seconds_max = 8 if "serve" in arguments else RUN_SECONDS_MAX
        process = subprocess.Popen(
            self.world.room.command([self.world.binary, *arguments]), cwd=folder, env=clean, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )
        try:
            said, _ = process.communicate(timeout=seconds_max)
            return process.returncode, said, time.monotonic() - begun
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
            return None, said, seconds_max


def put(folder, name, content):
    """Writes a file, or runs commands, which know the executable as $PLIMSOLL."""
    if isinstance(content, list):
        for line in content:
            subprocess.run(line, shell=True, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def exchange(port, data, seconds_max):
    """(status or "closed" or "silent", text) of raw bytes; a server may answer before it has read all of them."""
    connection = socket.create_connection(("127.0.0.1", port), seconds_max)
    answer, ended, deadline = b"", False, time.monotonic() + seconds_max
    try:
        connection.sendall(data)
    except OSError:
        pass
    try:
        while time.monotonic() < deadline:
            connection.settimeout(max(0.1, deadline - time.monotonic()))
            part = connection.recv(65536)
            if not part:
                ended = True
                break
            answer += part
    except TimeoutError:
        pass
    except OSError:
        ended = True
    connection.close()
    status = re.match(rb"HTTP/1\.[01] (\d{3})", answer)
    if status:
        return int(status[1]), answer.partition(b"\r\n\r\n")[2].decode("utf-8", "replace")
    return ("closed" if ended else "silent"), answer.decode("utf-8", "replace")


def attack(binary, surfaces, random):
    """Prints the table; the number of inputs that were not as expected and are not known."""
    os.environ["PLIMSOLL"] = os.path.abspath(binary)
    folder = tempfile.mkdtemp(prefix="plimsoll-hostile-server-")
    world = World(os.path.abspath(binary), folder, random)
    with open(os.path.join(folder, "secret"), "wb") as file:
        file.write(SECRET)
    found = Attack(world)
    found.pg_port = ask.free_port()
    world.config = {name: dict(keys) for name, keys in CONFIG.items()}
    users = [{"name": name, "password": "file:secret", "scopes": [scope]} for name, scope in (("reader", "read"), ("analyst", "sql"))]
    world.config["postgres"] = {"listen": f"127.0.0.1:{found.pg_port}", "startup_timeout_ms": 3000, "users": users}
    world.watch.stop()
    try:
        world.start()
        story = events.story(random)
        world.post([next(story) for _ in range(900)], 60)
        world.wait_until("the events to be visible", lambda: world.events() >= 900)
        for surface in surfaces:
            if surface == "postgres":
                found.over_postgres()
            elif surface == "cli":
                found.over_files("cli", cli.CASES)
            elif surface == "git":
                found.over_git()
            elif surface == "crowd":
                found.in_crowds()
            else:
                found.over_http(surface, {"http": http, "webhooks": webhooks, "sql": sql}[surface].CASES)
        found.after_all()
    finally:
        world.close(keep=False)
    return summary(found)


def summary(found):
    print(f"\n{'surface':10} {'tried':>6} {'as expected':>12} {'not':>5}")
    for surface, (good, wrong) in found.tried.items():
        print(f"{surface:10} {good + wrong:6} {good:12} {wrong:5}")
    unknown = [case for case in found.wrong if not case[3]]
    total = sum(sum(pair) for pair in found.tried.values())
    print(f"{'all':10} {total:6} {total - len(found.wrong):12} {len(found.wrong):5}, of which known {len(found.wrong) - len(unknown)}")
    return len(unknown)
