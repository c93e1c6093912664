#!/usr/bin/env python3
"""Two builds, the same example organisation: does every metric still have the same rows?

    rows_equal.py BEFORE AFTER [--except METRIC.COLUMN]... [--at TIME]...

Each binary makes its own example organisation in a temporary folder and serves it. Every metric that both list is asked at
three moments of its history; columns and rows must be equal, in order and to the last digit. A definition hash may differ. A
column after --except is looked at by neither: one that was meant to change, or that only one build has. Metrics that only one
build has are named and do not count. Prints one line a difference and a summary; the exit code is 1 when anything differs.
Standard library only.
"""

import argparse
import contextlib
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

END = "2026-11-20T12:00:00Z"
MOMENTS = [END, "2026-06-01T00:00:00Z", "2025-12-01T00:00:00Z"]
START_SECONDS_MAX = 600
ANSWER_SECONDS_MAX = 300
SHOWN_MAX = 3


class Build:
    """A running server over the example organisation."""

    def __init__(self, binary, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        example = ["--as-of", END, "--seed", "1", "--data", str(folder), "--listen", self.address]
        self.log = open(folder.with_suffix(".log"), "w+")
        self.process = subprocess.Popen([binary, "demo", *example], stdout=self.log, stderr=self.log)

    def wait(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError):
                return self.text("/readyz")
            time.sleep(0.2)
        self.log.seek(0)
        sys.exit(f"{self.process.args[0]} did not start:\n{self.log.read()}")

    def text(self, path):
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=ANSWER_SECONDS_MAX) as answer:
            return answer.read()

    def json(self, path):
        # Numbers stay as they are written: 1 is not 1.0.
        return json.loads(self.text(path), parse_float=str)

    def metrics(self):
        listed = self.json("/api/v1/metrics")
        return {metric["name"] for metric in listed["metrics"]}

    def rows(self, metric, moment, left_out):
        try:
            answer = self.json(f"/api/v1/metrics/{metric}?as_of={moment}")
        except urllib.error.HTTPError as error:
            sys.exit(f"{self.process.args[0]} cannot answer {metric} at {moment}: {error.read().decode()}")
        columns = [column for column in answer["columns"] if f"{metric}.{column}" not in left_out]
        return columns, [{column: row[column] for column in columns} for row in answer["rows"]]

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def differences(before, after):
    """In words, what differs between two (columns, rows)."""
    for column in [c for c in before[0] if c not in after[0]]:
        yield f"column {column} is gone"
    for column in [c for c in after[0] if c not in before[0]]:
        yield f"column {column} is new"
    both = [column for column in before[0] if column in after[0]]
    if both != [column for column in after[0] if column in before[0]]:
        yield "the columns are in another order"
    if len(before[1]) != len(after[1]):
        yield f"{len(before[1])} rows became {len(after[1])}"
    for number, (old, new) in enumerate(zip(before[1], after[1])):
        for column in sorted(old.keys() & new.keys()):
            if old[column] != new[column]:
                yield f"row {number} {column}: {json.dumps(old[column])} became {json.dumps(new[column])}"


def compare(before, after, moments, left_out):
    old, new = before.metrics(), after.metrics()
    for metric in sorted(old ^ new):
        print(f"only {'before' if metric in old else 'after'}: {metric}")
    if not old & new:
        sys.exit("the two builds have no metric in common")
    equal, asked, rows = 0, 0, 0
    for metric in sorted(old & new):
        for moment in moments:
            answers = [build.rows(metric, moment, left_out) for build in (before, after)]
            found = list(differences(*answers))
            asked, equal, rows = asked + 1, equal + (not found), rows + len(answers[0][1])
            for line in found[:SHOWN_MAX]:
                print(f"{metric} at {moment}: {line}")
            if len(found) > SHOWN_MAX:
                print(f"{metric} at {moment}: and {len(found) - SHOWN_MAX} more")
    print(f"{equal} of {asked} equal ({rows:,} rows before)")
    return equal == asked


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--except", dest="left_out", action="append", default=[], metavar="METRIC.COLUMN")
    parser.add_argument("--at", dest="moments", action="append", metavar="TIME", help="instead of the three moments")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        builds = []
        for name, binary in (("before", asked.before), ("after", asked.after)):
            builds.append(Build(binary, pathlib.Path(folder, name)))
            stack.callback(builds[-1].stop)
        for build in builds:
            build.wait()
        same = compare(*builds, asked.moments or MOMENTS, set(asked.left_out))
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
