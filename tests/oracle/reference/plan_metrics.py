"""milestone_drift and goal_hygiene."""

from datetime import date, timedelta
from typing import Any

from .log import DAY
from .organisation import Organisation
from .people import name_of
from .work import Milestone, Ticket

Row = list[Any]
RATE_DAYS, RATE_DAYS_MIN = 28, 7


def working_days(begin: date, end: date) -> int:
    """Mondays to Fridays after `begin` up to and including `end`."""
    if end < begin:
        return -working_days(end, begin)
    days = (begin + timedelta(days=day) for day in range(1, (end - begin).days + 1))
    return sum(day.weekday() < 5 for day in days)


def slip_rate(milestone: Milestone, now: int) -> float | None:
    """From the due date that held first in the last weeks, over the time since then."""
    earliest = now - RATE_DAYS * DAY
    moments = [earliest, *(since for since, _ in milestone.dues if since > earliest)]
    begin = next((at for at in moments if milestone.due_at(at)), now)
    before, due = milestone.due_at(begin), milestone.due_at(now)
    if due is None or before is None or now - begin < RATE_DAYS_MIN * DAY:
        return None
    return (due - before).days * DAY / (now - begin)


def milestone_drift(org: Organisation) -> list[Row]:
    rows: list[Row] = []
    for name, milestone in org.milestones.items():
        if milestone.is_deleted:
            continue
        baseline, due = milestone.baseline, milestone.due_at(org.now)
        both = baseline is not None and due is not None
        rows.append([
            milestone.fields.get("project"), name, milestone.fields.get("title"), milestone.state,
            baseline and baseline.isoformat(), due and due.isoformat(),
            (due - baseline).days if both else None, working_days(baseline, due) if both else None,
            slip_rate(milestone, org.now), *milestone.replans(org.now),
        ])  # fmt: skip
    return rows


def owners(org: Organisation, thing: Ticket | Milestone) -> set[str]:
    """The distinct assignees, else the owner; of a goal the owner first."""
    assignees = {org.people.owner_of(name_of(person)) for person in thing.fields.get("assignees", [])}
    owner = {org.people.owner_of(name_of(thing.fields["owner"]))} if "owner" in thing.fields else set()
    owner_first = isinstance(thing, Ticket) and thing.is_goal
    return owner or assignees if owner_first else assignees or owner


def goal_hygiene(org: Organisation) -> list[Row]:
    tickets = [ticket for ticket in org.tickets.values() if ticket.is_open]
    kinds: dict[str, list[Ticket | Milestone]] = {
        "goal": [ticket for ticket in tickets if ticket.is_goal],
        "milestone": [one for one in org.milestones.values() if one.state == "open"],
        "ticket": [ticket for ticket in tickets if not ticket.is_goal],
    }
    rows: list[Row] = []
    for kind, things in kinds.items():
        owned = [len(owners(org, thing)) == 1 for thing in things]
        dated = [thing.due is not None for thing in things]
        both = sum(a and b for a, b in zip(owned, dated))
        rows.append([kind, len(things), sum(owned), sum(dated), both, both / len(things) if things else None])
    return rows
