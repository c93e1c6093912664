"""A simulated portfolio: milestones of a few streams of work whose throughput comes in bursts and remembers.

Each stream has a pace that wanders slowly (an autoregressive process of the logarithm, week by week), weeks that are
much better or worse than the pace (negative binomial), and weeks in which nothing is finished. What is due first is
mostly done first; scope is added as work goes on; due dates are set by the usual pace. The same seed gives the same
events. Nothing here knows how Plimsoll forecasts.
"""

import datetime
import json
import math
import random

STREAMS = 10
MILESTONES_PER_STREAM = 20
BEGIN = datetime.date(2021, 1, 4)
PACE_A_WEEK = 6.0
MEMORY = 0.8
WANDER = 0.3
BURST_SHAPE = 2.0
IDLE_WEEKS = 0.1
GROWTH = 0.12
OPEN_AT_ONCE = 2
FIRST_DUE_SHARE = 0.8
WEEKS_MAX = 5 * 52


def poisson(dice, mean):
    count, product, limit = 0, dice.random(), math.exp(-mean)
    while product > limit:
        count += 1
        product *= dice.random()
    return count


class Stream:
    def __init__(self, number, dice):
        self.name = f"stream-{number}"
        self.dice = dice
        self.log_pace = dice.gauss(0, WANDER / math.sqrt(1 - MEMORY**2))
        self.milestones = []
        self.events = []
        self.tickets = 0

    def emit(self, at, kind, data):
        subject = data.get("ticket") or data["milestone"]
        self.events.append({
            "specversion": "1.0", "id": f"{self.name}-{len(self.events)}", "source": "simulated:portfolio",
            "type": f"dev.plimsoll.{kind}.v1", "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "subject": subject, "data": data,
        })

    def add_ticket(self, milestone, at):
        self.tickets += 1
        ticket = f"{self.name}-T{self.tickets}"
        milestone["open"].append(ticket)
        self.emit(at, "ticket.created", {
            "ticket": ticket, "kind": "story", "milestone": milestone["id"], "status_category": "todo",
        })

    def begin(self, monday):
        """A new milestone when there are fewer than the stream works on at once."""
        at = datetime.datetime.combine(monday, datetime.time(8))
        running = [milestone for milestone in self.milestones if milestone["open"]]
        if len(running) >= OPEN_AT_ONCE or len(self.milestones) == MILESTONES_PER_STREAM:
            return
        size = self.dice.randint(25, 60)
        queued = sum(len(milestone["open"]) for milestone in running)
        weeks = (queued + size) / PACE_A_WEEK * self.dice.uniform(1.0, 1.3)
        milestone = {"id": f"{self.name}-M{len(self.milestones)}", "due": monday + datetime.timedelta(round(7 * weeks)), "open": []}
        self.milestones.append(milestone)
        self.emit(at, "milestone.created", {
            "milestone": milestone["id"], "project": self.name, "title": milestone["id"], "due_on": str(milestone["due"]),
        })
        for _ in range(size):
            self.add_ticket(milestone, at)

    def work(self, monday):
        """One week: what is finished, on which days, and what is added meanwhile."""
        self.log_pace = MEMORY * self.log_pace + self.dice.gauss(0, WANDER)
        pace = PACE_A_WEEK * math.exp(self.log_pace)
        done = 0
        if self.dice.random() >= IDLE_WEEKS:
            done = poisson(self.dice, self.dice.gammavariate(BURST_SHAPE, pace / BURST_SHAPE))
        for minute in sorted(self.dice.randrange(5 * 8 * 60) for _ in range(done)):
            running = sorted((m for m in self.milestones if m["open"]), key=lambda m: (m["due"], m["id"]))
            if not running:
                return
            first = self.dice.random() < FIRST_DUE_SHARE
            milestone = running[0] if first else self.dice.choice(running)
            day, within = divmod(minute, 8 * 60)
            at = datetime.datetime.combine(monday, datetime.time(9)) + datetime.timedelta(days=day, minutes=within)
            ticket = milestone["open"].pop(self.dice.randrange(len(milestone["open"])))
            self.emit(at, "ticket.closed", {"ticket": ticket, "status_category": "done"})
            if milestone["open"] and self.dice.random() < GROWTH:
                self.add_ticket(milestone, at)
            if not milestone["open"]:
                self.emit(at, "milestone.closed", {"milestone": milestone["id"]})


def events(seed):
    """All events of the portfolio, stream by stream, as dictionaries."""
    for number in range(STREAMS):
        stream = Stream(number, random.Random(f"{seed}-{number}"))
        for week in range(WEEKS_MAX):
            monday = BEGIN + datetime.timedelta(7 * week)
            stream.begin(monday)
            stream.work(monday)
        yield from stream.events


def write(path, seed):
    """Writes one event a line; gives how many milestones there are, and how many of them were closed."""
    created = closed = 0
    with open(path, "w", encoding="utf-8") as out:
        for event in events(seed):
            created += event["type"] == "dev.plimsoll.milestone.created.v1"
            closed += event["type"] == "dev.plimsoll.milestone.closed.v1"
            out.write(json.dumps(event) + "\n")
    return created, closed
