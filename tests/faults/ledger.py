"""What was tried and what was acknowledged, written and synced before the next thing happens."""

import collections
import json
import os
import threading


class Ledger:
    """Counts by event id and payload: attempts, which may be in the log, and acknowledgements, which must be."""

    def __init__(self, path):
        self.file = open(path, "a")
        self.lock = threading.Lock()
        self.tried = collections.Counter()
        self.acked = collections.Counter()
        self.events = {}  # every event by its id, as it was first tried

    def note_try(self, events):
        self._note("try", self.tried, [event.id for event in events])
        for event in events:
            self.events.setdefault(event.id, event)

    def note_ack(self, ids):
        self._note("ack", self.acked, ids)

    def _note(self, word, counter, ids):
        with self.lock:
            self.file.write(json.dumps([word, ids]) + "\n")
            self.file.flush()
            os.fdatasync(self.file.fileno())
            counter.update(ids)

    def acked_now(self):
        with self.lock:
            return sum(self.acked.values())
