"""Simulated teams for `benches/run signals`: weekly points of teams that work as ever, and of teams that change.

Each kind has its own teams; what a team finishes in a week is one ticket with as many points, so the series
`points_done` is the process as drawn. A team of a kind that changes does so with the first week after the baseline.
The same seed gives the same events. Nothing here knows the rules.
"""

import datetime
import json
import math
import random

MONDAY = datetime.date(2024, 7, 1)
# The week in which a series begins, and the twelve of the baseline.
BASELINE_WEEKS = 13
WEEKS_AFTER = 40
TEAMS_A_KIND = 60
MEAN, SPREAD = 20.0, 4.0


def steady(dice):
    while True:
        yield dice.gauss(MEAN, SPREAD)


def counts(dice):
    """Small counts: Poisson of mean 5."""
    while True:
        count, product = 0, dice.random()
        while product > math.exp(-5):
            count += 1
            product *= dice.random()
        yield count


def rare(dice):
    """One in five weeks or so."""
    while True:
        yield 1 if dice.random() < 0.2 else 0


def skewed(dice):
    """As durations are: log-normal."""
    while True:
        yield MEAN * dice.lognormvariate(0, 0.5)


def remembering(dice, memory=0.3):
    """A good week is followed by a good one: autoregressive."""
    level = dice.gauss(0, SPREAD)
    while True:
        yield MEAN + level
        level = memory * level + dice.gauss(0, SPREAD * math.sqrt(1 - memory * memory))


# Kind: what draws a week, and by how many standard deviations the process moves after the baseline.
KINDS = {
    "as ever": (steady, 0.0),
    "as ever, small counts": (counts, 0.0),
    "as ever, rare": (rare, 0.0),
    "as ever, skewed": (skewed, 0.0),
    "as ever, remembering": (remembering, 0.0),
    "moved by 1.5 sd": (steady, 1.5),
    "moved by 2.5 sd": (steady, 2.5),
    "moved by 4 sd": (steady, 4.0),
}


def moment(week):
    """Monday after the given week, counted from 0: the first moment at which it is complete."""
    return MONDAY + datetime.timedelta(weeks=week + 1)


def team_name(kind, number):
    return f"{list(KINDS).index(kind)}-{number}"


def write(path, seed):
    """Writes the events and gives their number."""
    dice = random.Random(seed)
    count = 0
    with open(path, "w") as file:

        def emit(at, kind, subject, data):
            nonlocal count
            count += 1
            event = {"specversion": "1.0", "id": f"process-{count}", "source": "simulated:process",
                     "type": f"dev.plimsoll.{kind}.v1", "time": f"{at}T09:00:00Z", "subject": subject, "data": data}
            file.write(json.dumps(event) + "\n")

        for kind, (process, moved) in KINDS.items():
            for number in range(TEAMS_A_KIND):
                team, draws = team_name(kind, number), process(dice)
                emit(MONDAY, "team.member_added", team, {"team": team, "person": f"p-{team}"})
                for week in range(BASELINE_WEEKS + WEEKS_AFTER):
                    value = next(draws) + (moved * SPREAD if week >= BASELINE_WEEKS else 0)
                    at = MONDAY + datetime.timedelta(weeks=week, days=1)
                    if not value > 0:
                        continue
                    ticket = {"ticket": f"{team}-{week}", "kind": "story", "assignees": [f"p-{team}"],
                              "status_category": "done", "points": round(max(0.0, value), 2)}
                    emit(at, "ticket.created", ticket["ticket"], ticket)
    return count
