"""Events for the benchmarks: the same number gives the same lines, about 450 bytes each.

An organisation of six teams and sixty people over two years: each change has a commit, a request, mostly
a review and a merge, and a ticket that mostly gets done.
"""

import random
from datetime import datetime, timedelta, timezone

START = datetime(2024, 3, 1, tzinfo=timezone.utc)
DAYS = 700
EVENTS_PER_CHANGE = 7
TEAMS = [f"team-{number}" for number in range(6)]
PEOPLE = [[f"person-{team}-{number}" for number in range(10)] for team in range(6)]

COMMITS, REVIEWS, TICKETS = "plimsoll.commits", "plimsoll.reviews", "plimsoll.tickets"
URL = "https://code.example.org/acme"


def envelope(event_id, name, subject, moment, data):
    return (
        f'{{"specversion":"1.0","id":"{event_id}","source":"bench:acme","type":"dev.plimsoll.{name}.v1",'
        f'"time":"{moment.strftime("%Y-%m-%dT%H:%M:%SZ")}","subject":"{subject}",'
        f'"datacontenttype":"application/json","data":{{{data}}}}}'
    )


def teams():
    for number, team in enumerate(TEAMS):
        yield TICKETS, team, envelope(f"{team}", "team.created", team, START, f'"team":"{team}","name":"{team}"')
        for person in PEOPLE[number]:
            data = f'"team":"{team}","person":"{person}","role":"member"'
            yield TICKETS, team, envelope(f"{team}-{person}", "team.member_added", team, START, data)


def change(number, changes, dice):
    at = START + timedelta(days=1) + timedelta(days=DAYS) * number / changes
    team = number % len(TEAMS)
    author, reviewer = dice.sample(PEOPLE[team], 2)
    repo, key = f"acme/service-{team}", f"acme/service-{team}#{number}"
    lines, files = dice.randrange(900), 1 + dice.randrange(4)
    of_change = f'"repo":"{repo}","change":"{number}"'

    paths = ",".join(
        f'{{"path":"src/area{dice.randrange(20)}/file{dice.randrange(200)}.rs","change":"modified",'
        f'"additions":{lines // files},"deletions":{number % 40}}}'
        for _ in range(files)
    )
    yield COMMITS, key, envelope(
        f"c{number}", "commit.pushed", key, at,
        f'{of_change},"sha":"{number:040x}","parents":["{max(number - 1, 0):040x}"],"branch":"main",'
        f'"author":{{"name":"{author}","email":"{author}@example.org","login":"{author}"}},"subject":"Change {number}",'
        f'"files":[{paths}]',
    )
    yield REVIEWS, key, envelope(
        f"o{number}", "change.opened", key, at + timedelta(minutes=1),
        f'{of_change},"author":"{author}","title":"Change number {number} of the service","draft":false,'
        f'"additions":{lines},"deletions":{number % 40},"changed_files":{files},"labels":["area-{number % 9}"],'
        f'"tickets":["T-{number}"],"url":"{URL}/pull/{number}"',
    )
    yield REVIEWS, key, envelope(
        f"r{number}", "review.requested", key, at + timedelta(minutes=2),
        f'{of_change},"reviewer":"{reviewer}","by":"{author}","url":"{URL}/pull/{number}"',
    )
    # Nearly all old work is done; some of the last month is open.
    old = number < changes * 0.96
    if old or dice.random() < 0.6:
        yield REVIEWS, key, envelope(
            f"s{number}", "review.submitted", key, at + timedelta(hours=3),
            f'{of_change},"reviewer":"{reviewer}","verdict":"approved","head":"{number:040x}"',
        )
        yield REVIEWS, key, envelope(
            f"m{number}", "change.merged", key, at + timedelta(hours=5),
            f'{of_change},"merged_by":"{author}","url":"{URL}/pull/{number}"',
        )
    ticket = (
        f'"ticket":"T-{number}","key":"T-{number}","kind":"story","title":"Story number {number}",'
        f'"assignees":["{author}"],"reporter":"{reviewer}","points":{1 + number % 8},"project":"acme",'
        f'"url":"{URL}/issues/{number}"'
    )
    yield TICKETS, f"T-{number}", envelope(
        f"t{number}", "ticket.created", f"T-{number}", at, f'{ticket},"status":"To do","status_category":"todo"'
    )
    if old or dice.random() < 0.6:
        yield TICKETS, f"T-{number}", envelope(
            f"d{number}", "ticket.closed", f"T-{number}", at + timedelta(hours=6),
            f'{ticket},"status":"Done","status_category":"done"',
        )


def events(count):
    """Yields exactly `count` of (topic, key, JSON)."""
    dice = random.Random(1)
    made = 0
    changes = count // EVENTS_PER_CHANGE + 1
    for number in range(-1, changes * 2):
        for fact in teams() if number < 0 else change(number, changes, dice):
            if made == count:
                return
            made += 1
            yield fact
