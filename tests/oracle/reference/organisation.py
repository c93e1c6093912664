"""All that a reader knows at one moment, and the questions that several metrics ask."""

from functools import cached_property
from typing import Any

from . import log, reviews, work
from .people import People
from .reviews import Episode

NO_TEAM = "(none)"


class Organisation:
    def __init__(self, records: list[dict[str, Any]], as_of: int, known_at: int | None) -> None:
        self.now = as_of
        events = log.known(records, as_of, known_at)
        self.people = People(as_of)
        for number, event in enumerate(events):
            self.people.hear(event, number)
        self.changes = reviews.changes(events, self.people.owner_of)
        self.tickets = work.tickets(events)
        self.summed = work.summed(self.tickets)
        self.milestones = work.milestones(events)

    @cached_property
    def members(self) -> dict[str, set[str]]:
        return self.people.members()

    def teams_now(self, person: str) -> set[str]:
        return {team for team, people in self.members.items() if person in people} or {NO_TEAM}

    def teams_then(self, person: str, at: int) -> set[str]:
        return self.people.teams_of(person, at) or {NO_TEAM}

    @cached_property
    def episodes(self) -> list[tuple[str, Episode]]:
        """Reviewer and episode, for reviews by humans of what somebody else wrote."""
        answer = []
        for change in self.changes.values():
            author = self.people.owner_of(change.author) if change.author else None
            for episode in change.episodes:
                if episode.reviewer is not None:
                    reviewer = self.people.owner_of(episode.reviewer)
                    if reviewer != author and not self.people.is_bot(episode.name or reviewer):
                        answer.append((reviewer, episode))
        return answer

    @cached_property
    def finished(self) -> list[tuple[str, Episode]]:
        """What a commit says of two names of one person is one review."""
        done = {
            (reviewer, episode.answer, episode.opened): (reviewer, episode)
            for reviewer, episode in self.episodes
            if episode.outcome == "done"
        }
        return list(done.values())

    def humans(self, names: list[str]) -> set[str]:
        return {self.people.owner_of(name) for name in names if not self.people.is_bot(name)}
