"""Compares a table of the fixtures with what Plimsoll has, value by value."""

import dataclasses
import datetime
import re
from typing import Callable, Optional, Union

TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?")
PRESENT, NO_ROW = "(row)", "(no row)"


@dataclasses.dataclass(frozen=True)
class Value:
    """One value on both sides; None is nothing."""

    suite: str
    table: str
    row: str
    column: str
    theirs: Optional[str]
    ours: Optional[str]

    @property
    def place(self):
        return self.suite, self.table, self.row, self.column


@dataclasses.dataclass(frozen=True)
class Table:
    """How one table of the fixtures is read."""

    name: str
    # Names one of their rows; None passes it over.
    row: Callable[[dict], Optional[str]]
    # The statement that gives our rows, with the column `row` for the name, or a function from Plimsoll to such rows.
    ours: Union[str, Callable]
    # How the text of each of their columns is read; ours has the same name. Without any, only whether a row is there is compared.
    columns: dict = dataclasses.field(default_factory=dict)
    # Columns that our rows call otherwise. One that Plimsoll does not have counts as nothing.
    called: dict = dataclasses.field(default_factory=dict)
    # Their columns that are not compared.
    passed: str = ""
    # Whether our rows beyond theirs are wrong.
    whole: bool = True


class Undecided(Exception):
    """The fixtures have something that no suite says how to treat."""


def text(word):
    return word or None


def number_of(word):
    """The vendor's part of an id such as `github:GithubIssue:1:346842831`."""
    return word.rsplit(":", 1)[-1] or None


def one_of(words):
    """Reads a word by a dictionary: another vocabulary for the same thing."""

    def read(word):
        if word not in words:
            raise Undecided(f"the word {word!r}")
        return words[word]

    return read


flag = one_of({"0": "false", "1": "true", "": None})


def plain(value):
    """A value of either side as text: times in UTC, nothing as None."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    word = str(value)
    return moment(word) if TIME.fullmatch(word) else word


def instant(word):
    """A time as the fixtures and as Plimsoll write it; without a zone it is in UTC."""
    micros = re.sub(r"\.(\d+)", lambda part: f".{part.group(1):0<6.6}", word.replace("Z", "+00:00"))
    time = datetime.datetime.fromisoformat(re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", micros))
    return time if time.tzinfo else time.replace(tzinfo=datetime.timezone.utc)


def moment(word):
    """A time as text in UTC."""
    utc = instant(word).astimezone(datetime.timezone.utc)
    return utc.isoformat().replace("+00:00", "Z")


def second(word):
    """A time without its fraction."""
    return re.sub(r"\.\d+", "", moment(word)) if word else None


def epoch(word):
    """A time as whole seconds since 1970."""
    return int(instant(word).timestamp())


def minutes(begin, end):
    """SQL for the whole minutes between two columns."""
    return f"(CAST(EXTRACT(EPOCH FROM {end}) AS BIGINT) - CAST(EXTRACT(EPOCH FROM {begin}) AS BIGINT)) / 60"


def compare(suite, table, theirs, plimsoll):
    """The values of one table: `theirs` are its rows, `plimsoll` answers statements."""
    columns_decided(table, theirs)
    ours = {}
    for row in table.ours(plimsoll) if callable(table.ours) else plimsoll.rows(table.ours):
        ours.setdefault(row["row"], []).append(row)
    named = {}
    for row in theirs:
        name = table.row(row)
        if name in named:
            raise Undecided(f"two rows {name} of {table.name}")
        if name is not None:
            named[name] = row
    values = [value for name, row in named.items() for value in of_row(suite, table, name, row, ours.get(name, []))]
    beyond = sorted(ours.keys() - named.keys()) if table.whole else []
    return values + [Value(suite, table.name, name, PRESENT, NO_ROW, "there") for name in beyond]


def columns_decided(table, theirs):
    if not theirs:
        raise Undecided(f"{table.name} without a row")
    known = {*table.columns, *table.passed.split()}
    new = [name for name in theirs[0] if name not in known and not name.startswith("_raw_data_")]
    if new:
        raise Undecided(f"the columns {', '.join(new)} of {table.name}")


def of_row(suite, table, name, row, found):
    """The values of one row of theirs; `found` are our rows by its name, of which there should be one."""
    if not table.columns:
        there = "there" if len(found) == 1 else f"there {len(found)} times"
        yield Value(suite, table.name, name, PRESENT, "there", there if found else NO_ROW)
    for column, read in table.columns.items():
        ours = [plain(one.get(table.called[column]) if column in table.called else one[column]) for one in found]
        shown = ours[0] if len(ours) == 1 else " and ".join(sorted(map(str, ours))) or NO_ROW
        yield Value(suite, table.name, name, column, plain(read(row[column])), shown)


def judge(values, places):
    """Sorts the values: equal, listed, wrong. The list must stay true: a place in it that is equal by now is wrong."""
    equal, differs, wrong = [], [], []
    for value in values:
        if value.place not in places:
            (equal if value.theirs == value.ours else wrong).append(value)
        elif value.ours == places[value.place] != value.theirs:
            differs.append(value)
        else:
            wrong.append(value)
    return equal, differs, wrong
