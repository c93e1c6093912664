"""Plimsoll's executable on a data directory of its own."""

import json
import os
import subprocess

SECONDS_MAX = 600


class Broken(Exception):
    """The executable did not do what it was asked."""


class Plimsoll:
    def __init__(self, binary, folder):
        self.binary, self.folder = os.path.abspath(binary), folder
        self.data = os.path.join(folder, "data")

    def run(self, *arguments):
        # A proxy must not come between the poller and the stub, nor a user's configuration.
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        environment = {name: value for name, value in environment.items() if not name.startswith("PLIMSOLL_")}
        command = [self.binary, *arguments, "--data", self.data]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=SECONDS_MAX
        )
        if done.returncode:
            raise Broken(f"{' '.join(arguments)[:200]}: exit code {done.returncode}: {done.stderr.strip()[-600:]}")
        return done.stdout

    def rows(self, statement):
        return json.loads(self.run("sql", "--format", "json", statement))["rows"]

    def refused(self):
        """The bodies that it did not take, with the reasons."""
        return [row["text"] for row in self.rows("SELECT reason || ': ' || detail AS text FROM dead_letters ORDER BY text")]
