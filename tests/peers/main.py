"""Plays each suite into Plimsoll, compares, and prints how many values are equal, listed and wrong."""

import argparse
import csv
import os
import tempfile

import suites
from executable import Broken, Plimsoll
from tables import Undecided, compare, judge
from trust import trust

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
VARIABLE = "PLIMSOLL_PEERS"


def options(arguments):
    parser = argparse.ArgumentParser(prog="tests/peers/run", description="Fixtures of another tool against Plimsoll.")
    parser.add_argument("--binary", default=os.path.join(ROOT, "target/release/plimsoll"), help="the executable")
    parser.add_argument("--suite", action="append", choices=sorted(suites.ALL), help="only this one; may be repeated")
    parser.add_argument("--values", action="store_true", help="print the wrong values")
    parser.add_argument("--list", action="store_true", help="list the suites")
    return parser.parse_args(arguments)


def listed():
    """Place -> what Plimsoll says there, where the other tool may rightly differ. The file has the reasons."""
    with open(os.path.join(HERE, "differs.csv"), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    places = {(row["suite"], row["table"], row["row"], row["column"]): row["ours"] or None for row in rows}
    assert len(places) == len(rows) and all(row["reason"] for row in rows), "differs.csv: a place twice, or without a reason"
    return places


def decided(suite, folder):
    """That each table of the plug-in is compared by one of its suites, or left out for a reason."""
    beside = [other for other in suites.ALL.values() if other.plugin == suite.plugin]
    known = {table.name for other in beside for table in other.tables(other.fixtures(folder))}
    known |= {name for names in suite.left_out.values() for name in names.split()}
    for name in suite.fixtures(folder).tables():
        if name not in known:
            raise Undecided(f"the table {name} of {suite.plugin}")


def play(name, folder, binary):
    """The values of one suite, and what else went wrong."""
    suite = suites.ALL[name]
    decided(suite, folder)
    with tempfile.TemporaryDirectory(prefix=f"plimsoll-peers-{name}-") as scratch:
        plimsoll = Plimsoll(binary, scratch)
        fixtures = suite.fixtures(folder)
        troubles = [f"asked for {path}, which the stub does not have" for path in suite.load(fixtures, plimsoll)]
        troubles += [f"refused a body: {reason}" for reason in plimsoll.refused()]
        values = []
        for table in suite.tables(fixtures):
            values += compare(name, table, fixtures.table(table.name), plimsoll)
        gone = {place for place in listed() if place[0] == name} - {value.place for value in values}
        return values, troubles + [f"differs.csv: no value at {' '.join(place)}" for place in sorted(gone)]


def show(value, places):
    text = f"{' '.join(value.place)}: theirs {value.theirs!r}, ours {value.ours!r}"
    return text + (f", in differs.csv {places[value.place]!r}" if value.place in places else "")


def main(arguments):
    wanted = options(arguments)
    if wanted.list:
        for name, suite in suites.ALL.items():
            print(f"{name:16} {' '.join(suite.about.split())}")
        return 0
    folder = os.environ.get(VARIABLE, "")
    if not os.path.isdir(folder):
        print(f"peers: {VARIABLE} must name the folder of fixtures; tests/peers/README.md says how to get it")
        return 2
    trust()
    places, bad = listed(), 0
    print(f"{'suite':16} {'equal':>7} {'listed':>7} {'wrong':>7}")
    for name in wanted.suite or suites.ALL:
        try:
            values, troubles = play(name, folder, wanted.binary)
        except (Broken, Undecided) as broken:
            values, troubles = [], [str(broken)]
        equal, differs, wrong = judge(values, places)
        print(f"{name:16} {len(equal):7} {len(differs):7} {len(wrong) + len(troubles):7}", flush=True)
        for trouble in troubles:
            print(f"  {trouble}")
        for value in wrong if wanted.values else []:
            print(f"  {show(value, places)}")
        bad += len(wrong) + len(troubles)
    return 1 if bad else 0
