#!/usr/bin/env python3
"""An independent reader of the log: what must be in the tables, and a few headline numbers.

Shares no code with Plimsoll: it reads every topic from offset 0 through kcat (or a file of one event
a line), decodes with Python's own json, deduplicates, folds and counts in the plainest way, and
prints one JSON object. Standard library only.

    oracle.py --as-of T --broker HOST:PORT TOPIC...
    oracle.py --as-of T FILE...
"""

import argparse
import datetime
import json
import re
import subprocess
import sys

PREFIX, SUFFIX = "dev.plimsoll.", ".v1"
TABLES = {"commit": "commits", "change": "reviews", "review": "reviews"}
TABLES |= {"ticket": "tickets", "milestone": "tickets"}
TABLES |= dict.fromkeys(("person", "team", "calendar"), "directory")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
DEPTH_MAX = 32


class Bad(Exception):
    pass


def read_topic(broker, topic):
    """Yields (position, payload or None); kcat frames each record by its length."""
    command = ["kcat", "-C", "-q", "-e", "-o", "beginning", "-b", broker, "-t", topic]
    stream = subprocess.run(command + ["-f", "%p %o %S\n%s"], check=True, capture_output=True).stdout
    at = 0
    while at < len(stream):
        end = stream.index(b"\n", at)
        partition, offset, size = map(int, stream[at:end].split())
        at = end + 1 + max(size, 0)
        yield f"{topic}/{partition}/{offset}", stream[end + 1 : at] if size >= 0 else None


def read_file(path):
    with open(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield f"{path}:{number}", line


def unique(pairs):
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Bad("a field twice")
    return fields


def small_integer(text):
    value = int(text)
    if not -(2**63) <= value < 2**63:
        raise Bad("integer beyond 64 bits")
    return value


def finite(text):
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise Bad("number beyond a double")
    return value


def walk(value, depth=1):
    if depth > DEPTH_MAX:
        raise Bad("too deep")
    if isinstance(value, str):
        if "\0" in value:
            raise Bad("NUL in a string")
        value.encode()  # a lone surrogate cannot be encoded
    elif isinstance(value, list):
        for item in value:
            walk(item, depth + 1)
    elif isinstance(value, dict):
        for name, item in value.items():
            walk(name, depth + 1)
            walk(item, depth + 1)


def moment(text):
    if not isinstance(text, str) or not RFC3339.fullmatch(text):
        raise Bad("not an RFC 3339 time")
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def decode(payload):
    """The event, None for a type that is not known, or Bad."""
    try:
        event = json.loads(
            payload.decode("utf-8"), object_pairs_hook=unique, parse_int=small_integer, parse_float=finite
        )
        walk(event)
    except (ValueError, RecursionError) as error:
        raise Bad(str(error)) from None
    if not isinstance(event, dict) or event.get("specversion") != "1.0":
        raise Bad("no CloudEvent")
    for name in ("id", "source", "type"):
        if not isinstance(event.get(name), str) or not event[name]:
            raise Bad(f"{name} is no text")
    event["moment"] = moment(event.get("time"))
    if not event["type"].startswith(PREFIX):
        return None
    name = event["type"][len(PREFIX) :].removesuffix(SUFFIX)
    if re.search(r"\.v\d+$", name):
        raise Bad("unknown version")
    event["name"] = name
    if name.split(".")[0] not in TABLES:
        return None
    if not isinstance(event.get("data"), dict):
        raise Bad("no data")
    return event


def open_reviews(events):
    """Reviewer -> requests that nobody answered, took back or made moot."""
    waiting = {}
    for event in events:
        change = (event["data"].get("repo"), event["data"].get("change"))
        reviewers = waiting.setdefault(change, set())
        if event["name"] == "review.requested":
            reviewers.add(event["data"]["reviewer"])
        elif event["name"] in ("review.submitted", "review.request_removed"):
            reviewers.discard(event["data"]["reviewer"])
        elif event["name"] in ("change.merged", "change.closed"):
            reviewers.clear()
    return [reviewer for reviewers in waiting.values() for reviewer in reviewers]


def open_tickets(events):
    """Assignee, once for each ticket that is not done or deleted."""
    tickets = {}
    for event in events:
        if event["name"].startswith("ticket."):
            fields = tickets.setdefault(event["data"]["ticket"], {})
            fields.update(event["data"], last=event["name"])
    return [
        person
        for fields in tickets.values()
        if fields.get("status_category") != "done" and fields["last"] not in ("ticket.closed", "ticket.deleted")
        for person in fields.get("assignees") or []
    ]


def by_team(people, events):
    teams = {e["data"]["person"]: e["data"]["team"] for e in events if e["name"] == "team.member_added"}
    counts = {}
    for person in people:
        team = teams.get(person, "(none)")
        counts[team] = counts.get(team, 0) + 1
    return dict(sorted(counts.items()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--as-of", required=True, type=moment)
    parser.add_argument("--broker")
    parser.add_argument("sources", nargs="+")
    options = parser.parse_args()

    answer = {"records": 0, "tombstones": 0, "unknown": 0, "duplicates": 0, "dead_letters": []}
    events = {}
    for source in options.sources:
        records = read_topic(options.broker, source) if options.broker else read_file(source)
        for position, payload in records:
            answer["records"] += 1
            if payload is None:
                answer["tombstones"] += 1
                continue
            try:
                event = decode(payload)
            except Bad:
                answer["dead_letters"].append(position)
                continue
            if event is None:
                answer["unknown"] += 1
            elif event["id"] in events:
                answer["duplicates"] += 1
            else:
                events[event["id"]] = event

    tables = {"commits": 0, "reviews": 0, "tickets": 0, "directory": 0}
    for event in events.values():
        tables[TABLES[event["name"].split(".")[0]]] += 1
    past = [e for e in events.values() if e["moment"] <= options.as_of]
    past.sort(key=lambda e: (e["moment"], int(e.get("sequence", 0)), e["id"]))
    answer["dead_letters"].sort()
    answer["tables"] = tables
    answer["open_reviews"] = by_team(open_reviews(past), past)
    answer["open_tickets"] = by_team(open_tickets(past), past)
    json.dump(answer, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
