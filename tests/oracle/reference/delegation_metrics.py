"""delegation_balance and assignee_load."""

from collections import defaultdict
from fractions import Fraction
from typing import Any

from . import spread
from .log import HOUR
from .organisation import NO_TEAM, Organisation
from .people import name_of
from .work import Ticket

Row = list[Any]
CRITICAL = {"blocker", "critical", "highest", "p0", "security", "urgent"}


def is_critical(ticket: Ticket) -> bool:
    words = [ticket.fields.get("priority") or "", *ticket.fields.get("labels", [])]
    return any(word.lower() in CRITICAL for word in words)


class TeamWork:
    """Open assigned tickets of one team, split over their human holders."""

    def __init__(self, org: Organisation, people: set[str], held: list[tuple[Ticket, set[str]]]) -> None:
        self.held = [(ticket, holders) for ticket, holders in held if holders & people]
        self.people = people
        estimates = [ticket.points for ticket, _ in self.held if ticket.points is not None]
        self.imputed = spread.median(estimates)
        self.tickets = self.split(lambda ticket: 1)
        self.points = self.split(self.weight) if estimates or not self.held else None
        self.critical = self.split(lambda ticket: int(is_critical(ticket)))

    def weight(self, ticket: Ticket) -> int:
        """Points, the median where there is no estimate; without any estimate each ticket weighs one."""
        if self.imputed is None:
            return 1
        return self.imputed if ticket.points is None else ticket.points

    def split(self, weight: Any) -> dict[str, Fraction]:
        shares: dict[str, Fraction] = dict.fromkeys(self.people, Fraction())
        for ticket, holders in self.held:
            for person in holders & self.people:
                shares[person] += Fraction(weight(ticket), len(holders))
        return shares

    @property
    def weights(self) -> dict[str, Fraction]:
        return self.tickets if self.points is None else self.points

    def points_of(self, people: set[str]) -> float | None:
        """None where there is work and no estimate to go by."""
        if self.points is None:
            return None if any(self.tickets[person] for person in people) else 0.0
        return float(sum(self.points[person] for person in people) / 100)


def team_works(org: Organisation) -> dict[str, TeamWork]:
    held = []
    for ticket in org.tickets.values():
        if ticket.is_open and not ticket.is_goal:
            holders = org.humans([name_of(person) for person in ticket.fields.get("assignees", [])])
            held.append((ticket, holders))
    people = defaultdict(set, {team: set(members) for team, members in org.members.items()})
    for _, holders in held:
        for person in holders:
            if org.teams_now(person) == {NO_TEAM}:
                people[NO_TEAM].add(person)
    return {team: TeamWork(org, of_team, held) for team, of_team in people.items()}


def delegation_balance(org: Organisation) -> list[Row]:
    rows: list[Row] = []
    for team, work in team_works(org).items():
        x = list(work.weights.values())
        critical, leads = sum(work.critical.values()), org.people.leads(team) & work.people
        kept = sum(work.critical[lead] for lead in leads)
        measures = (spread.gini(x), spread.hhi(x), spread.effective(x), spread.top_share(x))
        rows.append([
            team, len(x), float(sum(work.tickets.values())), work.points_of(work.people),
            *(None if value is None else float(value) for value in measures),
            float(kept / critical) if critical and leads else None,
        ])  # fmt: skip
    return rows


def assigned(org: Organisation) -> dict[str, int]:
    """Since when each person holds the open ticket that they have held longest."""
    oldest: dict[str, int] = {}
    for ticket in org.tickets.values():
        if ticket.is_open and not ticket.is_goal:
            for name, since in ticket.held_since.items():
                person = org.people.owner_of(name)
                oldest[person] = min(since, oldest.get(person, since))
    return oldest


def assignee_load(org: Organisation) -> list[Row]:
    oldest = assigned(org)
    rows: list[Row] = []
    for team, work in team_works(org).items():
        capacity = {person: Fraction(str(org.people.capacity(person))) for person in work.people}
        total, able = sum(work.weights.values()), sum(capacity.values())
        for person in work.people:
            ratio = None
            if total and capacity[person]:
                ratio = float(work.weights[person] / total / (capacity[person] / able))
            rows.append([
                team, person, float(work.tickets[person]), work.points_of({person}), ratio,
                (org.now - oldest[person]) / HOUR if person in oldest else None,
            ])  # fmt: skip
    return rows
