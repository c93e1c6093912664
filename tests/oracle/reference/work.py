"""Tickets and milestones: their fields, whether they are open, and how their dates and holders moved."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from .log import DAY, Event, remember
from .people import name_of


@dataclass
class Ticket:
    fields: dict[str, Any] = field(default_factory=dict)
    is_done: bool = False
    is_deleted: bool = False
    held_since: dict[str, int] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return not self.is_done and not self.is_deleted

    @property
    def is_goal(self) -> bool:
        return self.fields.get("kind") == "goal"

    @property
    def points(self) -> int | None:
        """The estimate in hundredths."""
        points = self.fields.get("points")
        return None if points is None else round(points * 100)

    @property
    def due(self) -> str | None:
        return self.fields.get("due_on")

    def hear(self, event: Event) -> None:
        verb = event.name.split(".")[1]
        remember(self.fields, event.data)
        holders = {name_of(person) for person in self.fields.get("assignees", [])}
        self.held_since = {name: self.held_since.get(name, event.at) for name in holders}
        if verb in ("closed", "reopened"):
            self.is_done = verb == "closed"
        elif event.data.get("status_category"):
            self.is_done = event.data["status_category"] == "done"
        if verb in ("deleted", "created"):
            self.is_deleted = verb == "deleted"


@dataclass
class Milestone:
    fields: dict[str, Any] = field(default_factory=dict)
    is_closed: bool = False
    is_deleted: bool = False
    due: str | None = None
    first_due: str | None = None
    stated_baseline: str | None = None
    dues: list[tuple[int, str | None]] = field(default_factory=list)

    @property
    def state(self) -> str:
        return "deleted" if self.is_deleted else "closed" if self.is_closed else "open"

    @property
    def baseline(self) -> date | None:
        text = self.stated_baseline or self.first_due
        return date.fromisoformat(text) if text else None

    def hear(self, event: Event) -> None:
        verb = event.name.split(".")[1]
        data = dict(event.data)
        stated = data.pop("due_on", None) if verb == "baselined" else None
        remember(self.fields, data)
        if verb == "baselined":
            self.stated_baseline = stated or self.due or self.stated_baseline
        if verb in ("closed", "reopened", "created"):
            self.is_closed = verb == "closed"
        if verb in ("deleted", "created"):
            self.is_deleted = verb == "deleted"
        self.first_due = self.first_due or self.fields.get("due_on")
        self.due = self.fields.get("due_on") if self.first_due else self.stated_baseline
        if not self.dues or self.dues[-1][1] != self.due:
            self.dues.append((event.at, self.due))

    def due_at(self, at: int) -> date | None:
        texts = [due for since, due in self.dues if since <= at]
        return date.fromisoformat(texts[-1]) if texts and texts[-1] else None

    def replans(self, now: int) -> tuple[int, int]:
        """Days at whose end the due date differs from the day before, once a day ended with one, and
        those of them that came after it had passed."""
        if not self.dues:
            return 0, 0
        count = late = 0
        before, stated = None, False
        for day in range(self.dues[0][0] // DAY, now // DAY + 1):
            after = self.due_at(min((day + 1) * DAY - 1, now))
            if stated and before != after:
                count += 1
                late += before is not None and before < date(1970, 1, 1) + timedelta(days=day)
            before, stated = after, stated or after is not None
        return count, late


def tickets(events: list[Event]) -> dict[str, Ticket]:
    answer: dict[str, Ticket] = {}
    for event in events:
        if event.name.startswith("ticket."):
            answer.setdefault(event.data["ticket"], Ticket()).hear(event)
    return answer


def summed(tickets: dict[str, Ticket]) -> set[str]:
    """Tickets with a descendant that has points, which then count in the place of their own."""
    return {above for name, ticket in tickets.items() if ticket.points for above in ancestors(tickets, name)}


def ancestors(tickets: dict[str, Ticket], name: str) -> list[str]:
    """None for a ticket on a circle; a deleted ticket is nobody's child."""
    above: list[str] = []
    here = name
    while here in tickets and not tickets[here].is_deleted:
        parent = tickets[here].fields.get("parent")
        if parent == name and above:
            return []
        if parent is None or parent == here or parent in above:
            break
        above.append(parent)
        here = parent
    return above


def milestones(events: list[Event]) -> dict[str, Milestone]:
    answer: dict[str, Milestone] = {}
    for event in events:
        if event.name.startswith("milestone."):
            answer.setdefault(event.data["milestone"], Milestone()).hear(event)
    return answer
