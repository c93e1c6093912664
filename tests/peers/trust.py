"""Whether the comparison sees what it is there for: values that differ, rows that lack or are too many, a list that is not true."""

from tables import Table, Undecided, compare, judge, text

TABLE = Table("t", row=lambda row: row["id"], ours="", columns={"state": text}, passed="id")
LINKS = Table("t", row=lambda row: row["id"], ours="", passed="id")
PLACE = ("s", "t", "1", "state")
# (what, table, their rows, our rows, the list, equal, listed, wrong)
CASES = [
    ("equal", TABLE, [("1", "open")], [("1", "open")], {}, 1, 0, 0),
    ("one time in two zones", TABLE, [("1", "2026-03-02T09:14:00.5+01:00")], [("1", "2026-03-02T08:14:00.500Z")], {}, 1, 0, 0),
    ("nothing and nothing", TABLE, [("1", "")], [("1", None)], {}, 1, 0, 0),
    ("another value", TABLE, [("1", "open")], [("1", "done")], {}, 0, 0, 1),
    ("nothing where there is a value", TABLE, [("1", "open")], [("1", None)], {}, 0, 0, 1),
    ("a value where there is nothing", TABLE, [("1", "")], [("1", "open")], {}, 0, 0, 1),
    ("a row that lacks", TABLE, [("1", "")], [], {}, 0, 0, 1),
    ("a row beyond", TABLE, [("1", "open")], [("1", "open"), ("2", "open")], {}, 1, 0, 1),
    ("two rows by one name", TABLE, [("1", "open")], [("1", "open"), ("1", "done")], {}, 0, 0, 1),
    ("the same row twice", TABLE, [("1", "open")], [("1", "open"), ("1", "open")], {}, 0, 0, 1),
    ("a link", LINKS, [("1", "")], [("1", "")], {}, 1, 0, 0),
    ("a link twice", LINKS, [("1", "")], [("1", ""), ("1", "")], {}, 0, 0, 1),
    ("a link that lacks", LINKS, [("1", "")], [], {}, 0, 0, 1),
    ("listed", TABLE, [("1", "open")], [("1", "done")], {PLACE: "done"}, 0, 1, 0),
    ("listed, and another value by now", TABLE, [("1", "open")], [("1", "lost")], {PLACE: "done"}, 0, 0, 1),
    ("listed, and equal by now", TABLE, [("1", "open")], [("1", "open")], {PLACE: "done"}, 0, 0, 1),
]
UNDECIDED = [
    ("a new column", [{"id": "1", "state": "", "new": ""}]),
    ("no row", []),
    ("two rows by one name", [{"id": "1", "state": ""}] * 2),
]


class Stub:
    """Answers any statement with these rows."""

    def __init__(self, rows):
        self.answer = rows

    def rows(self, _):
        return self.answer


def trust():
    """Raises AssertionError where the comparison is blind, or sees ghosts."""
    for what, table, theirs, ours, places, *expect in CASES:
        rows = [{"id": name, **({"state": state} if table is TABLE else {})} for name, state in theirs]
        values = compare("s", table, rows, Stub([{"row": name, "state": state} for name, state in ours]))
        assert [len(part) for part in judge(values, places)] == expect, f"{what}: {values}"
    for what, rows in UNDECIDED:
        try:
            compare("s", TABLE, rows, Stub([]))
        except Undecided:
            continue
        raise AssertionError(f"{what} is not seen")
