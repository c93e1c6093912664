"""Whether the oracle sees what it is there for: rows that are lost, doubled, moved or made up are failures, good ones are not."""

import collections

import delta
import oracle
from delta import Row


class Stub:
    """As much of a world as the row checks touch."""

    data = ""

    def __init__(self, acked, tried):
        self.failures = []
        self.ledger = type("", (), {"acked": collections.Counter(acked), "tried": collections.Counter(tried)})()

    def must(self, holds, text):
        if not holds:
            self.failures.append(text)

    def say(self, text):
        pass


def row(offset, id, table="tickets"):
    return Row(table, "local", 0, offset, id)


A, B, C = row(0, "a"), row(1, "b"), row(2, "c")
ALL = {"a": 1, "b": 1, "c": 1}
# (what, rows, acknowledged, tried, position, what the log has, whether all is well)
CASES = [
    ("all is well", [A, B, C], ALL, ALL, 3, None, True),
    ("not acknowledged, but there", [A, B, C], {"a": 1}, ALL, 3, None, True),
    ("sent twice, there twice", [A, row(1, "a")], {"a": 2}, {"a": 2}, 2, None, True),
    ("lost", [A, B], ALL, ALL, 2, None, False),
    ("sent twice, there once", [A], {"a": 2}, {"a": 2}, 1, None, False),
    ("a hole below the position", [A, C], {"a": 1}, ALL, 3, None, False),
    ("a row beyond the position", [A, B, C], ALL, ALL, 2, None, False),
    ("one place twice", [A, B, B, C], ALL, ALL, 3, None, False),
    ("one event at two places", [A, row(1, "a")], {"a": 1}, {"a": 1}, 2, None, False),
    ("made up", [A, row(1, "x")], {"a": 1}, {"a": 1}, 2, None, False),
    ("as the log", [A, B], {}, ALL, 0, [A, B], True),
    ("less than the log", [A], {}, ALL, 0, [A, B], False),
    ("more than the log", [A, B], {}, ALL, 0, [A], False),
    ("in another table than it should be", [A, row(1, "b", "reviews")], {}, ALL, 0, [A, B], False),
    ("a dead letter that should be an event", [A, row(1, None, "dead_letters")], {}, ALL, 0, [A, B], False),
]


def trust():
    """Raises AssertionError where the oracle is blind, or sees ghosts."""
    read = delta.rows
    try:
        for what, rows, acked, tried, position, log, well in CASES:
            world = Stub(acked, tried)
            delta.rows = lambda _: (rows, {"app": position})
            oracle.check_rows(world, log)
            assert (not world.failures) == well, f"{what}: {world.failures or 'nothing seen'}"
    finally:
        delta.rows = read
    world = Stub({}, {})
    oracle.compare(world, {"m": "1", "n": "2"}, {"m": "1", "n": "3"}, "now")
    oracle.compare(world, {"m": "1"}, {}, "now")
    assert len(world.failures) == 2, world.failures
