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

    def __init__(self, org: Organisation, people: set[str], held: list[tuple[str, set[str]]]) -> None:
        self.org = org
        self.held = [(name, holders) for name, holders in held if holders & people]
        self.people = people
        own = [org.tickets[name].points for name, _ in self.held if name not in org.summed]
        estimates = [points for points in own if points is not None]
        self.imputed = spread.median(estimates)
        self.tickets = self.split(lambda name: 1)
        self.unknown = self.split(lambda name: int(self.points_known(name) is None))
        self.points = self.split(lambda name: self.points_known(name) or 0)
        self.critical = self.split(lambda name: int(is_critical(org.tickets[name])))

    def points_known(self, name: str) -> int | None:
        """Points, none of its own where its descendants have them, the median where there is no estimate."""
        if name in self.org.summed:
            return 0
        points = self.org.tickets[name].points
        return self.imputed if points is None else points

    def split(self, weight: Any) -> dict[str, Fraction]:
        shares: dict[str, Fraction] = dict.fromkeys(self.people, Fraction())
        for name, holders in self.held:
            for person in holders & self.people:
                shares[person] += Fraction(weight(name), len(holders))
        return shares

    @property
    def weights(self) -> dict[str, Fraction]:
        """Without any estimate each ticket weighs one."""
        return self.tickets if self.imputed is None else self.points

    def points_of(self, people: set[str]) -> float | None:
        """None where there is work and no estimate to go by."""
        if any(self.unknown[person] for person in people):
            return None
        return float(sum(self.points[person] for person in people) / 100)


def team_works(org: Organisation) -> dict[str, TeamWork]:
    held = []
    for name, ticket in org.tickets.items():
        if ticket.is_open and not ticket.is_goal:
            holders = org.humans([name_of(person) for person in ticket.fields.get("assignees", [])])
            held.append((name, holders))
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
