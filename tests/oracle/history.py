"""A random history of a small organisation: the same seed, the same events.

It is meant to be awkward: dates back and ahead, late news, corrections under the same id, links between
names that form chains and circles, teams inside teams, things that are mentioned before they exist or
after they are gone. Every event is well formed; what each one means is docs/events.md.
"""

import random
from datetime import datetime, timedelta, timezone
from typing import Any

Record = dict[str, Any]
BEGIN = datetime(2026, 1, 5, tzinfo=timezone.utc)
DAYS = 120
PEOPLE = ["ada", "bo", "cy", "dee", "eve", "fay", "gus"]
BOTS = ["dependabot[bot]", "helper", "gus-bot"]
TEAMS = ["core", "infra", "product"]
ADDRESS = {person: f"{person}@acme.example" for person in PEOPLE}


class History:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.records: list[Record] = []
        self.with_teams = self.chance(0.9)
        self.busy = self.random.choice(PEOPLE)
        self.busyness = self.random.choice([0.1, 0.4, 0.9])
        if self.with_teams:
            self.teams()
        self.people()
        for number in range(self.random.choice([8, 15, 30])):
            self.change(f"c{number}")
        for number in range(self.random.randint(2, 5)):
            self.milestone(f"M{number}")
        for number in range(self.random.randint(6, 16)):
            self.ticket(f"T{number}")

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def person(self) -> str | dict[str, str]:
        """Somebody, mostly by login, sometimes by address or as an object."""
        name = self.random.choice(PEOPLE)
        if self.chance(0.08):
            return ADDRESS[name].title()
        if self.chance(0.06):
            return {"name": name.title(), "email": ADDRESS[name], "login": name}
        if self.chance(0.05):
            return f"{self.random.randint(1, 99)}+{name}@users.noreply.github.com"
        return self.random.choice(BOTS) if self.chance(0.08) else name

    def time(self, first: float = 0, last: float = DAYS) -> float:
        """A day; often one of few, so that events collide."""
        day = self.random.uniform(first, last)
        return max(first, round(day)) if self.chance(0.2) else day

    def after(self, day: float, mean_days: float) -> float:
        return day if self.chance(0.05) else day + self.random.expovariate(1 / mean_days)

    def emit(self, day: float, name: str, data: dict[str, Any]) -> None:
        record = {
            "specversion": "1.0",
            "id": f"e{len(self.records):03}-{self.random.randint(0, 99):02}",
            "source": "test:history",
            "type": f"dev.plimsoll.{name}.v1",
            "time": stamp(day),
            "observedat": stamp(self.observed(day)),
            "data": data,
        }
        if self.chance(0.3):
            record["sequence"] = self.random.randint(-1, 2)
        self.records.append(record)
        if self.chance(0.04):
            self.correct(record, day)

    def observed(self, day: float) -> float:
        """Mostly soon after; sometimes days late; sometimes before the time that the event claims."""
        kind = self.random.random()
        return day + (
            self.random.expovariate(1 / 8) if kind < 0.1 else -self.random.uniform(0, 2) if kind < 0.15 else 0.001
        )

    def correct(self, record: Record, day: float) -> None:
        """Another version under the same id, which moves the event or takes the payload of another one;
        sometimes a third takes that back."""
        version = self.random.choice([-1, 1])
        other = record | {"sourceversion": version, "observedat": stamp(self.observed(day + 3))}
        similar = [one for one in self.records if one["type"] == record["type"]]
        if self.chance(0.5):
            other["time"] = stamp(self.after(day, 2))
        else:
            other["data"] = self.random.choice(similar)["data"]
        self.records.append(other)
        if self.chance(0.3):
            restored = record | {"sourceversion": version + 1, "observedat": stamp(self.observed(day + 6))}
            self.records.append(restored)

    # People and teams

    def dated(self, data: dict[str, Any], begin: float, end: float | None = None) -> dict[str, Any]:
        if self.chance(0.3):
            data["since_at"] = stamp(begin) if self.chance(0.5) else stamp(begin)[:10]
        if end is not None:
            data["until_at"] = stamp(end) if self.chance(0.5) else stamp(end)[:10]
        return data

    def teams(self) -> None:
        for team in TEAMS:
            data: dict[str, Any] = {"team": team, "name": team.title()}
            if self.chance(0.7):
                data["lead"] = self.person()
            if self.chance(0.4):
                data["parent"] = self.random.choice(TEAMS)
            self.emit(0, "team.created", data)
            if self.chance(0.3):
                self.emit(self.time(), "team.updated", {"team": team, "lead": self.person(), "parent": None})
            if self.chance(0.1):
                self.emit(self.time(40), "team.deleted", {"team": team})
            for person in self.random.sample(PEOPLE + BOTS, self.random.randint(2, 5)):
                self.membership(team, person)

    def membership(self, team: str, person: str) -> None:
        name = ADDRESS[person] if person in ADDRESS and self.chance(0.1) else person
        day = 0.0 if self.chance(0.5) else self.time(0, 90)
        for _ in range(self.random.choice([1, 1, 1, 2])):
            data = {"team": team, "person": name}
            if self.chance(0.2):
                data["role"] = self.random.choice(["lead", "member"])
            end = self.time(day, DAYS) if self.chance(0.1) else None
            self.emit(day, "team.member_added", self.dated(data, self.time(max(0, day - 20), day + 10), end))
            day = self.time(day, DAYS)
            if self.chance(0.3):
                gone = self.time(day - 10, day + 10) if self.chance(0.3) else None
                self.emit(day, "team.member_removed", self.dated({"team": team, "person": name}, day, gone))
                day = self.after(day, 10)

    def people(self) -> None:
        self.emit(0, "person.updated", {"person": "helper", "person_kind": "ai"})
        for person in PEOPLE:
            if self.chance(0.6):
                self.emit(self.time(0, 40), "person.linked", {"person": person, "identity": ADDRESS[person]})
            if self.chance(0.15):
                other = self.random.choice([*PEOPLE, *ADDRESS.values(), "gus-bot"])
                self.link(person, other)
            if self.chance(0.3):
                share = self.random.choice([0, 0.5, 0.8, 1])
                begin = self.time()
                end = self.time(begin, DAYS) if self.chance(0.4) else None
                data = self.dated({"person": person, "capacity": share}, begin, end)
                self.emit(begin, "calendar.capacity_set", data)
            if self.chance(0.2):
                begin = self.time()
                data = {"person": person, "kind": "vacation", "since_at": stamp(begin), "until_at": stamp(begin + 7)}
                self.emit(self.time(), "calendar.leave_added", data)
            if self.chance(0.1):
                kind = self.random.choice(["human", "bot"])
                self.emit(self.time(), "person.updated", {"person": person, "person_kind": kind})
            if self.chance(0.1):
                self.emit(self.time(), "person.updated", {"person": person, "capacity": 0.6})

    def link(self, person: str, other: str) -> None:
        day = self.time()
        self.emit(day, "person.linked", {"person": person, "identity": other})
        if self.chance(0.4):
            self.emit(self.after(day, 20), "person.unlinked", {"person": person, "identity": other})

    # Changes

    def size(self) -> dict[str, int]:
        sides = {"additions": self.random.choice([0, 3, 40, 300, 900, 3000]), "deletions": self.random.randint(0, 200)}
        return {} if self.chance(0.15) else {"additions": 7} if self.chance(0.1) else sides

    def change(self, number: str) -> None:
        ids = {"repo": self.random.choice(["acme/api", "acme/web"]), "change": number}
        author, day = self.person(), self.time(0, DAYS - 5)
        if self.chance(0.08):
            self.trailers(ids, author, day)
            return
        if self.chance(0.95):
            draft = {"draft": self.chance(0.25)} if self.chance(0.8) else {}
            self.emit(day, "change.opened", ids | {"author": author, "title": "t"} | draft | self.size())
        for _ in range(self.random.randint(0, 10)):
            day = self.after(day, 3)
            self.step(ids, day)
        if self.chance(0.5):
            self.emit(day, self.random.choice(["change.merged", "change.closed"]), ids)
            if self.chance(0.2):
                self.emit(self.after(day, 4), "change.reopened", ids)
                self.step(ids, self.after(day, 5))

    def step(self, ids: dict[str, str], day: float) -> None:
        reviewer = {"reviewer": self.busy if self.chance(self.busyness) else self.person()}
        asked = {"team": self.random.choice(TEAMS)} if self.chance(0.2) else reviewer
        verdict = {"verdict": self.random.choice(["approved", "changes_requested", "commented"])}
        what = self.random.random()
        if what < 0.45:
            self.emit(day, "review.requested", ids | asked | {"by": self.person()})
        elif what < 0.7:
            self.emit(day, "review.submitted", ids | reviewer | verdict)
        elif what < 0.77:
            self.emit(day, "review.request_removed", ids | asked)
        elif what < 0.80:
            self.emit(day, "review.dismissed", ids | reviewer)
        elif what < 0.83:
            self.emit(day, "review.commented", ids | reviewer)
        elif what < 0.91:
            self.emit(day, self.random.choice(["change.drafted", "change.ready"]), ids)
        elif what < 0.98:
            self.emit(day, "change.updated", ids | self.size() | ({"author": self.person()} if self.chance(0.1) else {}))
        else:
            self.emit(day, self.random.choice(["change.closed", "change.reopened"]), ids)

    def trailers(self, ids: dict[str, str], author: Any, day: float) -> None:
        """A change that only its commit tells of."""
        of_change = {"change": ids["change"]} if self.chance(0.5) else {}
        data = {"repo": ids["repo"], "sha": f"{self.random.getrandbits(160):040x}", "author": author}
        times = {"authored_at": stamp(day), "committed_at": stamp(self.after(day, 2))}
        for _ in range(self.random.choice([1, 1, 2])):
            reviewers = {"reviewers": [self.person() for _ in range(self.random.randint(0, 3))]}
            self.emit(self.after(day, 3), "commit.pushed", data | of_change | times | reviewers)
            data["sha"] = data["sha"][::-1]

    # Plans

    def date(self, day: float) -> str:
        return stamp(self.random.uniform(day - 10, day + 60))[:10]

    def milestone(self, name: str) -> None:
        ids, day = {"milestone": name}, self.time(0, 60)
        if self.chance(0.93):
            data: dict[str, Any] = {"title": f"Title {name}"} if self.chance(0.9) else {}
            data |= {"project": self.random.choice(["pay", "web"])} if self.chance(0.8) else {}
            data |= {"due_on": self.date(day)} if self.chance(0.8) else {}
            data |= {"owner": self.person()} if self.chance(0.6) else {}
            self.emit(day, "milestone.created", ids | data)
        for _ in range(self.random.randint(0, 7)):
            day = self.after(day, 8)
            due = {"due_on": None if self.chance(0.1) else self.date(day)}
            what = self.random.random()
            if what < 0.6:
                self.emit(day, "milestone.updated", ids | due)
            elif what < 0.7:
                self.emit(day, "milestone.updated", ids | {"title": f"Renamed {day:.0f}", "owner": self.person()})
            elif what < 0.8:
                self.emit(day, "milestone.baselined", ids | (due if self.chance(0.5) else {}))
            elif what < 0.9:
                self.emit(day, self.random.choice(["milestone.closed", "milestone.reopened"]), ids)
            elif what < 0.93:
                self.emit(day, "milestone.deleted", ids)

    def ticket(self, name: str) -> None:
        day = self.time(0, DAYS - 10)
        state = {"ticket": name, "kind": self.random.choice(["goal", "story", "story", "bug", "incident"])}
        self.emit(day, "ticket.created", state | self.snapshot(day))
        for _ in range(self.random.randint(0, 5)):
            day = self.after(day, 8)
            what = self.random.random()
            if what < 0.6:
                fields = self.snapshot(day)
                kept = self.random.sample(sorted(fields), self.random.randint(1, len(fields)))
                self.emit(day, "ticket.updated", {"ticket": name} | {field: fields[field] for field in kept})
            elif what < 0.75:
                category = {"status_category": "done"} if self.chance(0.5) else {}
                self.emit(day, "ticket.closed", {"ticket": name} | category)
            elif what < 0.9:
                category = {"status_category": "todo"} if self.chance(0.5) else {}
                self.emit(day, "ticket.reopened", {"ticket": name} | category)
            elif what < 0.93:
                self.emit(day, "ticket.deleted", {"ticket": name})

    def snapshot(self, day: float) -> dict[str, Any]:
        return {
            "status_category": self.random.choice(["todo", "in_progress", "in_progress", "done"]),
            "assignees": [self.person() for _ in range(self.random.choice([0, 1, 1, 1, 2, 3]))],
            "points": self.random.choice([None, None, 0, 0.5, 1, 2, 3.5, 5, 8]),
            "due_on": self.date(day) if self.chance(0.5) else None,
            "milestone": f"M{self.random.randint(0, 3)}",
            "parent": f"T{self.random.randint(0, 9)}" if self.chance(0.3) else None,
            "priority": self.random.choice([None, "Critical", "low"]),
            "labels": self.random.choice([[], ["security"], ["docs", "URGENT"]]),
            "owner": self.person() if self.chance(0.3) else None,
        }


def stamp(day: float) -> str:
    """Whole minutes, so that times collide."""
    return (BEGIN + timedelta(minutes=round(day * 1440))).isoformat().replace("+00:00", "Z")


def arrivals(seed: int) -> list[Record]:
    """The history twice over, in random order; a copy may have been observed at another time."""
    order = random.Random(f"arrivals {seed}")
    records = History(seed).records
    copies = [dict(record) for record in records]
    for copy in copies:
        if order.random() < 0.1:
            later = datetime.fromisoformat(copy["observedat"].replace("Z", "+00:00"))
            copy["observedat"] = (later + timedelta(hours=order.randint(-3, 40))).isoformat().replace("+00:00", "Z")
    everything = records + copies
    order.shuffle(everything)
    return everything
