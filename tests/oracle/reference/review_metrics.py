"""review_load, reviewer_load and review_concentration."""

from datetime import datetime, timezone
from typing import Any

from . import spread
from .log import DAY, HOUR
from .organisation import NO_TEAM, Organisation
from .reviews import Episode

Row = list[Any]
LINES_PER_HOUR, HOURS_MIN, HOURS_MAX, BUDGET_HOURS = 400, 0.1, 4.0, 3.2
OPEN_MIN, OPEN_FACTOR, OVERLOAD_DAYS = 5, 2, 3
REFERENCE_DAYS, REFERENCE_N_MIN, REFERENCE_P = 84, 7, 85
ROSTER_DAYS = WINDOW_DAYS = 28


def hours(episode: Episode) -> float | None:
    lines = episode.change.lines
    return None if lines is None else min(max(lines / LINES_PER_HOUR, HOURS_MIN), HOURS_MAX)


def rosters(org: Organisation) -> dict[str, set[str]]:
    """Members of each team; without a team, who has an open review or finished one lately."""
    answer = {team: set(people) for team, people in org.members.items()}
    busy = {reviewer for reviewer, episode in org.episodes if episode.is_open(org.now)}
    busy |= {reviewer for reviewer, episode in org.finished if lately(episode, org.now, ROSTER_DAYS)}
    loose = {person for person in busy if org.teams_now(person) == {NO_TEAM}}
    return answer | ({NO_TEAM: loose} if loose else {})


def lately(episode: Episode, at: int, days: int) -> bool:
    return episode.ended is not None and at - days * DAY < episode.ended <= at


def working_days_back(at: int, count: int) -> int:
    """The same time of day on the weekday that lies `count` weekdays before; a weekend moves back to Friday first."""

    def weekday(moment: int) -> int:
        return datetime.fromtimestamp(moment // 1_000_000, timezone.utc).weekday()

    while weekday(at) > 4:
        at -= DAY
    while count:
        at -= DAY
        count -= weekday(at) < 5
    return at


class Loads:
    """Open reviews of everybody in one team, at a moment up to now."""

    def __init__(self, org: Organisation, team: str, roster: set[str], at: int) -> None:
        self.at = at
        self.of: dict[str, list[Episode]] = {person: [] for person in roster}
        for reviewer, episode in org.episodes:
            if reviewer in roster and episode.is_open(at):
                self.of[reviewer].append(episode)
        self.median = spread.median([len(episodes) for episodes in self.of.values()]) or 0
        ages = [
            episode.age(at)
            for reviewer, episode in org.finished
            if episode.requested
            and lately(episode, at, REFERENCE_DAYS)
            and team in org.teams_then(reviewer, episode.ended or at)
        ]
        self.old = spread.percentile(ages, REFERENCE_P) if len(ages) >= REFERENCE_N_MIN else None

    def hours(self, person: str) -> float | None:
        """None where there are open reviews and the size of none is known."""
        known = [weight for weight in map(hours, self.of[person]) if weight is not None]
        return sum(known) if known or not self.of[person] else None

    def oldest(self, person: str) -> int | None:
        return max((episode.age(self.at) for episode in self.of[person]), default=None)

    def has_signs(self, person: str) -> bool:
        oldest = self.oldest(person)
        signs = (
            len(self.of[person]) >= max(OPEN_MIN, OPEN_FACTOR * self.median),
            (self.hours(person) or 0) / BUDGET_HOURS > 1,
            oldest is not None and self.old is not None and oldest > self.old,
        )
        return sum(signs) >= 2


def overloaded(days: list[Loads], person: str) -> bool:
    return all(loads.has_signs(person) for loads in days)


def team_loads(org: Organisation) -> dict[str, tuple[Loads, list[Loads]]]:
    """Each team's loads now, and on the last working days."""
    moments = [working_days_back(org.now, days) for days in range(OVERLOAD_DAYS)]
    return {
        team: (Loads(org, team, roster, org.now), [Loads(org, team, roster, at) for at in moments])
        for team, roster in rosters(org).items()
    }


def reviewer_load(org: Organisation) -> list[Row]:
    rows = []
    for team, (loads, days) in team_loads(org).items():
        for person, episodes in loads.of.items():
            oldest = loads.oldest(person)
            rows.append([
                team, person, len(episodes), loads.hours(person), len(episodes) / max(1, loads.median),
                None if oldest is None else oldest / HOUR, overloaded(days, person),
            ])  # fmt: skip
    return rows


def review_load(org: Organisation) -> list[Row]:
    loads = team_loads(org)
    queue = [
        episode.team
        for change in org.changes.values()
        for episode in change.episodes
        if episode.reviewer is None and episode.is_open(org.now)
    ]
    rows: list[Row] = []
    for team in set(loads) | {team for team in queue if team}:
        now, days = loads.get(team, (None, []))
        counts = [len(episodes) for episodes in now.of.values()] if now else []
        total = sum(counts) + queue.count(team)
        rows.append([
            team, total, len(counts), total / len(counts) if counts else None,
            max(counts, default=0) / total if total else None,
            sum(overloaded(days, person) for person in now.of) if now else 0,
        ])  # fmt: skip
    return rows


def review_concentration(org: Organisation) -> list[Row]:
    counts: dict[str, dict[str, int]] = {team: dict.fromkeys(people, 0) for team, people in org.members.items()}
    for reviewer, episode in org.finished:
        if lately(episode, org.now, WINDOW_DAYS):
            for team in org.teams_then(reviewer, episode.ended or org.now):
                of_team = counts.setdefault(team, {})
                of_team[reviewer] = of_team.get(reviewer, 0) + 1
    rows: list[Row] = []
    for team, of_team in counts.items():
        x = list(of_team.values())
        rows.append([
            team, len(x), sum(x), spread.gini(x), spread.gini_corrected(x), spread.hhi(x),
            spread.effective(x), spread.evenness(x), spread.top20_share(x),
        ])  # fmt: skip
    return rows
