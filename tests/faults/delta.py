"""Reads Plimsoll's Delta table without Plimsoll: the rows that are durable, and the next offset of each partition."""

import collections
import glob
import json
import os
import re
import urllib.parse

import pyarrow.parquet

COMMIT = re.compile(r"/(\d{20})\.json$")


def committed(folder):
    """({path: table} of the live files, {app id: next offset}) from checkpoint and log."""
    log = os.path.join(folder, "_delta_log")
    files, positions, start = {}, {}, -1
    checkpoints = sorted(glob.glob(os.path.join(log, "*.checkpoint.parquet")))
    if checkpoints:
        start = int(os.path.basename(checkpoints[-1])[:20])
        for action in pyarrow.parquet.read_table(checkpoints[-1]).to_pylist():
            apply(action, files, positions)
    for path in sorted(glob.glob(os.path.join(log, "*.json"))):
        number = COMMIT.search(path)
        if number and int(number[1]) > start:
            for line in open(path):
                apply(json.loads(line), files, positions)
    return files, positions


def apply(action, files, positions):
    if action.get("add"):
        values = action["add"]["partitionValues"]
        files[urllib.parse.unquote(action["add"]["path"])] = dict(values)["table"]
    if action.get("remove"):
        files.pop(urllib.parse.unquote(action["remove"]["path"]), None)
    if action.get("txn"):
        positions[action["txn"]["appId"]] = action["txn"]["version"]


class Row(collections.namedtuple("Row", "table topic partition offset event_id")):
    """One row: its table and where it stood in the log."""

    def place(self):
        return self.topic, self.partition, self.offset


def rows(data):
    """Every durable row of a data directory, dead letters included, as often as it is there."""
    folder = os.path.join(data, "events")
    if not os.path.isdir(folder):
        return [], {}
    files, positions = committed(folder)
    found = []
    for path, table in files.items():
        columns = ["topic", "partition", "offset"] + ([] if table == "dead_letters" else ["event_id"])
        # ParquetFile, not read_table: the folder's name would become a column as well.
        for row in pyarrow.parquet.ParquetFile(os.path.join(folder, path)).read(columns=columns).to_pylist():
            found.append(Row(table, row["topic"], row["partition"], row["offset"], row.get("event_id")))
    return found, positions
