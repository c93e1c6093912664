"""Events to feed in, without end: the same seed gives the same events, byte for byte.

Two teams of six, milestones that move, and for each change a commit, a request, mostly a review and a merge, and a
ticket that mostly gets done.
"""

import datetime
import json
import threading

TEAMS = {"core": ["ada", "bo", "cleo", "dan", "eva", "finn"], "web": ["gus", "hana", "ivo", "june", "kim", "lea"]}
START = datetime.datetime(2026, 1, 5, 8, tzinfo=datetime.timezone.utc)
# A moment after the last event: changes are six minutes apart.
AS_OF = "2026-11-01T00:00:00Z"
COMMITS, REVIEWS, TICKETS = "plimsoll.commits", "plimsoll.reviews", "plimsoll.tickets"
TOPICS = [COMMITS, REVIEWS, TICKETS]
TABLES = {"commit": "commits", "change": "reviews", "review": "reviews", "ticket": "tickets", "milestone": "tickets"}
TABLES |= dict.fromkeys(("person", "team", "calendar", "report"), "directory")


class Shared:
    """An iterator that several threads may ask."""

    def __init__(self, iterator):
        self.iterator, self.lock = iterator, threading.Lock()

    def __next__(self):
        with self.lock:
            return next(self.iterator)


class Event:
    """One event: where it belongs in Kafka, its key, and its bytes."""

    def __init__(self, topic, key, id, value, odd=True):
        self.topic, self.key, self.id, self.value = topic, key, id, value
        self.odd = odd  # not of the story: the oracle's plain rules may not cover it


def event(id, type, at, data, topic=TICKETS, key="", **attributes):
    time = at if isinstance(at, str) else at.strftime("%Y-%m-%dT%H:%M:%SZ")
    fields = {"specversion": "1.0", "id": id, "source": "test:faults", "type": f"dev.plimsoll.{type}.v1", "time": time}
    value = json.dumps(fields | attributes | {"data": data}, separators=(",", ":")).encode()
    return Event(topic, key or id, id, value)


def story(random, teams=TEAMS, start=START, step=datetime.timedelta(minutes=6), left_open=0.1):
    """Yields events for as long as anybody asks; `left_open` of the reviews, and then of the changes, never end."""

    def say(topic, key, type, at, data):
        fact = event(f"{type}-{data.get('sha', key)}-{int(at.timestamp())}", type, at, data, topic, key)
        fact.odd = False
        return fact

    for team, people in teams.items():
        yield say(TICKETS, team, "team.created", start, {"team": team, "name": team, "lead": people[0]})
        for number, person in enumerate(people, 1):
            at = start + datetime.timedelta(seconds=number)
            yield say(TICKETS, team, "team.member_added", at, {"team": team, "person": person, "role": "member"})
    for number in range(1, 5):
        yield from milestone(say, number)
    number = 0
    while True:
        people = random.choice(list(teams.values()))
        yield from change(say, random, number, start + step * number, people, left_open)
        number += 1


def milestone(say, number):
    id, at = f"m{number}", START + datetime.timedelta(hours=number)
    data = {"milestone": id, "project": "acme", "title": f"Release {number}", "start_on": "2026-01-05"}
    data |= {"due_on": f"2026-02-1{number}", "owner": "ada"}
    yield say(TICKETS, id, "milestone.created", at, data)
    yield say(TICKETS, id, "milestone.baselined", at + datetime.timedelta(hours=1), data)
    for replan in range(1, number + 1):
        moved = data | {"due_on": f"2026-03-{replan * 5:02}"}
        yield say(TICKETS, id, "milestone.updated", at + datetime.timedelta(days=8 * replan), moved)


def change(say, random, number, at, people, left_open):
    author, reviewer = random.sample(people, 2)
    repo, ticket, minute = "acme/api", f"T-{number}", datetime.timedelta(minutes=1)
    key = f"{repo}/{number}"
    fields = {"repo": repo, "change": str(number)}
    opened = {"author": author, "title": f"Change {number}", "tickets": [ticket], "additions": number % 400}
    todo = {"ticket": ticket, "key": ticket, "kind": "story", "title": f"Do {number}", "status_category": "todo"}
    todo |= {"assignees": [author], "points": number % 8, "milestone": f"m{number % 4 + 1}", "reporter": reviewer}
    yield say(TICKETS, ticket, "ticket.created", at, todo)
    yield say(REVIEWS, key, "change.opened", at + minute, fields | opened)
    yield say(REVIEWS, key, "review.requested", at + 2 * minute, fields | {"reviewer": reviewer, "by": author})
    if random.random() >= left_open:
        verdict = random.choice(["approved", "changes_requested", "commented"])
        at_review = at + random.randrange(10, 3000) * minute
        yield say(REVIEWS, key, "review.submitted", at_review, fields | {"reviewer": reviewer, "verdict": verdict})
        if random.random() >= left_open:
            yield say(REVIEWS, key, "change.merged", at_review + minute, fields | {"merged_by": author})
            commit = {"repo": repo, "sha": f"{number:040x}", "author": author, "title": f"Change {number}"}
            file = {"path": f"src/{number % 50}.rs", "change": "modified", "additions": 3, "deletions": 1}
            commit |= {"change": str(number), "files": [file]}
            yield say(COMMITS, repo, "commit.pushed", at_review + 2 * minute, commit)
            done = {"ticket": ticket, "status_category": "done"}
            yield say(TICKETS, ticket, "ticket.closed", at_review + 3 * minute, done)
