#!/usr/bin/env python3
"""Random histories and what the headline metrics must say about them.

    headline.py FIRST COUNT     one JSON line a seed: its events as they arrive, and the rows at two moments

`crates/engine/src/tests/oracle.rs` loads the events into the engine and compares. Standard library only.
"""

import json
import random
import sys
from typing import Any

from history import DAYS, arrivals, stamp
from reference.log import micros
from reference.metrics import METRICS
from reference.organisation import Organisation


def moments(seed: int) -> list[tuple[str, str | None]]:
    """A past moment with all that was learnt since, and one with what was known at some time."""
    choice = random.Random(f"moments {seed}")
    past, other = (choice.uniform(20, DAYS + 20) for _ in range(2))
    return [(stamp(past), None), (stamp(other), stamp(other + choice.uniform(-10, 10)))]


def answer(seed: int) -> dict[str, Any]:
    events = arrivals(seed)
    cases = []
    for as_of, known_at in moments(seed):
        organisation = Organisation(events, micros(as_of), micros(known_at) if known_at else None)
        rows = {name: metric.rows(organisation) for name, metric in METRICS.items()}
        cases.append({"as_of": as_of, "known_at": known_at, "rows": rows})
    return {"seed": seed, "events": events, "moments": cases}


def main() -> None:
    first, count = map(int, sys.argv[1:])
    columns = {name: metric.columns for name, metric in METRICS.items()}
    print(json.dumps({"columns": columns}))
    for seed in range(first, first + count):
        print(json.dumps(answer(seed)))


if __name__ == "__main__":
    main()
