"""Reads the fixtures: bodies of vendors, and the tables that they must become."""

import csv
import json
import os

FIELD_BYTES_MAX = 1 << 28  # a body is one field
csv.field_size_limit(FIELD_BYTES_MAX)


class Body:
    """What one request brought: the vendor's JSON, the address, and what it was asked for."""

    def __init__(self, row):
        self.data, self.url = json.loads(row["data"]), row["url"]
        self.input = json.loads(row["input"] or "null") or {}


class Fixtures:
    """The fixtures of one plug-in. `scope` is the parameters of its tests: rows of others are decoys."""

    def __init__(self, folder, scope):
        self.folder, self.scope = folder, scope

    def _rows(self, *path):
        with open(os.path.join(self.folder, *path), encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def bodies(self, name):
        return [Body(row) for row in self._rows("raw_tables", f"{name}.csv") if row["params"] == self.scope]

    def data(self, name):
        return [body.data for body in self.bodies(name)]

    def table(self, name):
        return self._rows("snapshot_tables", f"{name}.csv")

    def tables(self):
        """The names of all tables."""
        names = os.listdir(os.path.join(self.folder, "snapshot_tables"))
        return sorted(name.removesuffix(".csv") for name in names if name.endswith(".csv"))
