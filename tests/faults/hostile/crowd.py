"""Many clients at once, none of which does anything forbidden: the server must still answer the others.

Each scenario is a function `(attack)` that returns None, or what was not as expected."""

import json
import socket
import threading
import time

import ask
from hostile.case import SECRET, hub
from hostile.scram import Client

# One row of these takes long, and a time limit that is looked at between batches is never looked at.
SLOW = f"SELECT max(levenshtein(a.event_id || '{'x' * 7000}', '{'y' * 7000}')) FROM tickets a, tickets b"
# A thousand rows of 36 kB.
WIDE = f"SELECT t || t || t AS t FROM (SELECT a.event_id || '{'x' * 12_000}' AS t FROM tickets a, tickets b LIMIT 1000)"


def connect(port, data):
    connection = socket.create_connection(("127.0.0.1", port), 10)
    connection.sendall(data)
    return connection


def close(connections):
    for connection in connections:
        connection.close()


def timed(port, *request, seconds_max=30, **more):
    """(status or None, seconds)"""
    begun = time.monotonic()
    answer = ask.try_ask(port, *request, seconds_max=seconds_max, **more)
    return answer.status if answer else None, time.monotonic() - begun


def announced_bodies(attack):
    """20 strangers announce webhook bodies of 25 MiB and send nothing; a good delivery is taken within 2 s."""
    head = "POST /webhooks/github HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nX-Hub-Signature-256: sha256=%s\r\nContent-Length: 26214400\r\n\r\n{"
    strangers = [connect(attack.world.port, (head % ("0" * 64)).encode()) for _ in range(20)]
    time.sleep(0.5)
    body = json.dumps({"action": "x", "repository": {"full_name": "acme/api"}}).encode()
    headers = {"Content-Type": "application/json", "X-GitHub-Event": "star", "X-Hub-Signature-256": hub(body)}
    status, seconds = timed(attack.world.port, "POST", "/webhooks/github", body, headers)
    close(strangers)
    return None if status == 202 and seconds < 2 else f"a good delivery: {status} after {seconds:.1f} s"


def unfinished_headers(attack):
    """1,200 connections with half a header, at 1,024 files for the process; /healthz answers within 5 s."""
    limit_files(attack.world.process.pid, 1024)
    strangers = []
    try:
        for _ in range(1200):
            strangers.append(connect(attack.world.port, b"GET /healthz HTTP/1.1\r\nX: "))
    except OSError:
        pass  # refused: as good as closed
    time.sleep(1)
    status, seconds = timed(attack.world.port, "GET", "/healthz", seconds_max=20)
    close(strangers)
    return None if status == 200 and seconds < 5 else f"/healthz: {status} after {seconds:.1f} s"


def limit_files(pid, count):
    try:
        import resource

        resource.prlimit(pid, resource.RLIMIT_NOFILE, (count, count))
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    except (ImportError, AttributeError, OSError, ValueError):
        pass  # not Linux


def silent_sql_clients(attack):
    """48 connections to the PostgreSQL port that say nothing; known users come in."""
    strangers = []
    for _ in range(48):
        try:
            strangers.append(socket.create_connection(("127.0.0.1", attack.pg_port), 5))
        except OSError:
            break
    refused = 0
    for _ in range(5):
        try:
            client = Client(attack.pg_port, "analyst", SECRET)
            refused += client.query("SELECT 1") != "00000"
            client.close()
        except Exception:
            refused += 1
    close(strangers)
    time.sleep(4)  # startup_timeout_ms, so that the places are free again
    return f"{refused} of 5 logins refused" if refused else None


def results_that_nobody_reads(attack):
    """40 clients ask for 36 MB each, one after another, and do not read; memory stays under 900 MiB, and SQL answers."""
    body = WIDE.encode()
    head = f"POST /api/v1/sql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    strangers, most = [], 0
    for _ in range(40):
        try:
            strangers.append(connect(attack.world.port, head + body))
        except OSError:
            pass  # refused: as good as any other bound
        time.sleep(0.8)
        most = max(most, attack.world.rss_mib())
    status, seconds = timed(attack.world.port, "POST", "/api/v1/sql", b"SELECT 1", {"content-type": "text/plain"})
    close(strangers)
    if most > 900:
        return f"{most} MiB for results that nobody reads"
    return None if status == 200 else f"SELECT 1 meanwhile: {status} after {seconds:.1f} s"


def slow_statements(attack):
    """Four statements that run into their limit; SELECT 1 answers within 5 s after them."""
    send = lambda: timed(attack.world.port, "POST", "/api/v1/sql", SLOW.encode(), {"content-type": "text/plain"})
    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    status, seconds = timed(attack.world.port, "POST", "/api/v1/sql", b"SELECT 1", {"content-type": "text/plain"})
    return None if status == 200 and seconds < 5 else f"SELECT 1: {status} after {seconds:.1f} s"


def many_requests(attack):
    """400 requests for metrics at once: each is answered or refused with 503, none hangs."""
    found = []
    send = lambda n: found.append(timed(attack.world.port, "GET", f"/api/v1/metrics/review_load?as_of=2026-01-{n % 28 + 1:02}")[0])
    threads = [threading.Thread(target=send, args=(n,)) for n in range(400)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    odd = sorted({str(status) for status in found} - {"200", "503", "408"})
    return f"statuses {odd}" if odd else None


CASES = [
    (announced_bodies, "what a stranger announces is reserved"),
    (unfinished_headers, "no limit of connections, no header timeout"),
    (silent_sql_clients, "places are taken before the login"),
    (results_that_nobody_reads, "results are held without limit"),
    (slow_statements, "a statement past its time goes on"),
    (many_requests, ""),
]
