"""What must hold at the end, worked out without any of Plimsoll's code."""

import collections
import hashlib
import json
import os
import shutil

import delta
import events
import tools
from world import Broken

reader = tools.load(os.path.join(tools.ROOT, "tests", "oracle", "oracle.py"))  # folds events in the plainest way


def check(world, rebuild=True):
    """Everything that must hold once the load and the faults are over. Leaves the server stopped."""
    settle(world)
    expected = world.kafka.read() if world.kafka else None
    check_sql(world, expected)
    before = hashes(world)
    world.stop()
    stored = check_rows(world, expected)
    world.start()
    settle(world)
    check_headline(world, stored)
    compare(world, before, hashes(world), "after a restart")
    world.stop()
    if rebuild:
        wipe(world)
        if world.kafka:
            world.config["kafka"]["group"] += "-rebuilt"
        world.watch.positions = {}
        world.start(until="answers")
        settle(world)
        compare(world, before, hashes(world), "rebuilt from the log")
        check_sql(world, expected)
        world.stop()


def settle(world):
    """Waits until the numbers cover the log."""
    if not world.alive():
        world.start()
    world.wait_until("/readyz to be 200", world.ready)
    ids = len(acked_ids(world))
    world.wait_until(f"{ids} acknowledged events to be visible", lambda: world.events() >= ids)
    if world.kafka:
        world.wait_until("the positions to reach the log's end", lambda: world.kafka.covered(world))


def acked_ids(world):
    return {id for id, count in world.ledger.acked.items() if count}


def check_sql(world, expected):
    """As many events by table as there are ids; each id once."""
    for table in ("commits", "reviews", "tickets", "directory"):
        rows, ids = world.sql(f"SELECT count(*), count(DISTINCT event_id) FROM {table}")[0]
        world.must(rows == ids, f"{table} shows {rows} rows of {ids} events")
        if expected is not None:
            wanted = {row.event_id for row in expected if row.table == table}
            world.must(ids == len(wanted), f"{table} shows {ids} events, the log has {len(wanted)}")


def check_rows(world, expected):
    """The durable rows: each place in the log once, all that was acknowledged, nothing that was not sent. The ids found."""
    rows, positions = delta.rows(world.data)
    places = collections.Counter(row.place() for row in rows)
    twice = [place for place, count in places.items() if count > 1]
    world.must(not twice, f"{len(twice)} places of the log are in the tables twice, such as {twice[:3]}")
    stored = collections.Counter(row.event_id for row in rows if row.table != "dead_letters")
    lost = [id for id, count in world.ledger.acked.items() if stored[id] < count]
    world.must(not lost, f"{len(lost)} acknowledged events are lost, such as {lost[:3]}")
    more = [id for id, count in stored.items() if count > world.ledger.tried[id]]
    world.must(not more, f"{len(more)} events are in the tables more often than they were sent, such as {more[:3]}")
    if expected is None:
        check_dense(world, rows, positions)
    else:
        check_equal(world, rows, expected)
    world.say(f"{len(rows)} durable rows, {len(stored)} events")
    return stored


def check_headline(world, stored):
    """Open reviews and open tickets of each team, counted from the events that are stored, against what the metrics say.
    Only where nothing but the story was sent, whose rules are plain."""
    sent = [world.ledger.events.get(id) for id in stored]
    if None in sent or any(event.odd for event in sent):
        return
    past = sorted((reader.decode(event.value) for event in sent), key=lambda event: (event["moment"], event["id"]))
    for metric, column, people in (
        ("review_load", "open_reviews", reader.open_reviews(past)),
        ("delegation_balance", "open_tickets", reader.open_tickets(past)),
    ):
        answer = world.ask(f"/api/v1/metrics/{metric}?as_of={events.AS_OF}", seconds_max=30)
        rows = answer.json()["rows"] if answer is not None and answer.status == 200 else []
        found = {row["team"]: int(row[column]) for row in rows if row[column]}
        wanted = reader.by_team(people, past)
        world.say(f"{column}: {wanted}")
        world.must(found == wanted, f"{metric}: {column} is {found}, counted from the events it is {wanted}")


def check_dense(world, rows, positions):
    """The local log has no holes, so the tables must have every offset below the position and none at or above it."""
    offsets = {row.offset for row in rows}
    world.must(len(positions) == 1, f"positions of {len(positions)} logs: {positions}")
    for next_offset in positions.values():
        missing = set(range(next_offset)) - offsets
        world.must(not missing, f"{len(missing)} offsets below the position are missing, such as {sorted(missing)[:3]}")
        beyond = offsets - set(range(next_offset))
        world.must(not beyond, f"{len(beyond)} offsets lie beyond the position, such as {sorted(beyond)[:3]}")


def check_equal(world, rows, expected):
    """Kafka: the tables and the dead letters are what an independent reader of the topics finds, no less and no more."""
    found, wanted = set(rows), set(expected)
    for text, difference in (("missing from", wanted - found), ("not in the log but in", found - wanted)):
        world.must(not difference, f"{len(difference)} records are {text} the tables, such as {sorted(map(str, difference))[:2]}")


def hashes(world, with_position=True):
    """{metric: hash of its rows} at one moment after the last event."""
    catalogue = world.ask("/api/v1/metrics", seconds_max=20)
    if catalogue is None or catalogue.status != 200:
        raise Broken(f"GET /api/v1/metrics: {catalogue and catalogue.text()[:200]}")
    found = {}
    for metric in catalogue.json()["metrics"]:
        path = f"/api/v1/metrics/{metric['name']}?as_of={events.AS_OF}"
        answer = world.ask(path, seconds_max=30)
        if not world.must(answer is not None and answer.status == 200, f"{path}: {answer and answer.text()[:200]}"):
            continue
        body = answer.json()
        text = json.dumps([body["rows"], body["position"] if with_position else None], sort_keys=True)
        found[metric["name"]] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return found


def compare(world, before, after, when):
    different = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    world.must(not different, f"{len(different)} metrics differ {when}: {', '.join(different[:6])}")


def wipe(world):
    """Leaves nothing but the log."""
    world.say("wipe")
    for name in os.listdir(world.data):
        if name != "log" or world.kafka:
            path = os.path.join(world.data, name)
            if path in world.mounts.places:
                world.mounts.unmount(path)
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
