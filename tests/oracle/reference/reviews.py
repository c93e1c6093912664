"""Changes and their review episodes."""

from dataclasses import dataclass, field
from typing import Any, Callable

from .log import Event, micros, remember
from .people import name_of, named_like_a_bot


@dataclass
class Episode:
    """One reviewer's turn at a change; while `team` waits for somebody, `reviewer` is None."""

    change: "Change"
    opened: int
    reviewer: str | None = None
    team: str | None = None
    ended: int | None = None
    outcome: str | None = None
    requested: bool = True
    answer: str | None = None  # the event that ended it as done
    name: str | None = None  # the name that was used

    def is_open(self, at: int) -> bool:
        return self.opened <= at and (self.ended is None or at < self.ended)

    def age(self, at: int) -> int:
        """Time in which the change was no draft, up to the end."""
        end = at if self.ended is None else min(at, self.ended)
        paused = sum(
            max(0, min(end, stop) - max(self.opened, start)) for start, stop in self.change.pauses(end)
        )
        return end - self.opened - paused


@dataclass
class Change:
    author: str | None = None  # the last one named, for what came before too
    fields: dict[str, Any] = field(default_factory=dict)
    episodes: list[Episode] = field(default_factory=list)
    is_closed: bool = False
    draft: bool = False
    draft_turns: list[int] = field(default_factory=list)
    has_reviews: bool = False
    asked: dict[tuple[str | None, str | None], Episode] = field(default_factory=dict)  # while it is closed
    sitting: set[str | None] = field(default_factory=set)  # who commented since the last request or verdict

    @property
    def lines(self) -> int | None:
        sizes = [self.fields[side] for side in ("additions", "deletions") if side in self.fields]
        return sum(sizes) if len(sizes) == 2 else None

    def pauses(self, now: int) -> list[tuple[int, int]]:
        turns = self.draft_turns + [now] * (len(self.draft_turns) % 2)
        return list(zip(turns[::2], turns[1::2]))

    def waiting(self) -> list[Episode]:
        return [episode for episode in self.episodes if episode.ended is None]

    def hear(self, event: Event, owner_of: Callable[[str], str]) -> None:
        entity, verb = event.name.split(".")
        if entity == "review":
            self.hear_review(verb, event, owner_of)
            return
        remember(self.fields, event.data)
        draft = {"ready": False, "drafted": True}.get(verb, event.data.get("draft", self.draft))
        if draft != self.draft:
            self.draft = draft
            self.draft_turns.append(event.at)
        if verb in ("closed", "merged"):
            self.is_closed = True
            for episode in self.waiting():
                episode.ended, episode.outcome = event.at, "mooted"
                self.asked[episode.reviewer, episode.team] = episode
        elif verb == "opened":
            self.is_closed = False
        elif verb == "reopened":
            again, self.asked = (self.asked if self.is_closed else {}), {}
            self.is_closed = False
            for (reviewer, team), episode in again.items():
                self.request(event.at, reviewer, team, episode.name)

    def hear_review(self, verb: str, event: Event, owner_of: Callable[[str], str]) -> None:
        name = name_of(event.data["reviewer"]) if "reviewer" in event.data else None
        reviewer = owner_of(name) if name else None
        team = event.data.get("team")
        self.has_reviews = True
        if verb == "requested":
            self.request(event.at, reviewer, team, name)
        elif verb == "request_removed":
            self.asked.pop((reviewer, None if reviewer else team), None)
            for episode in self.waiting():
                if (episode.reviewer, episode.team) == (reviewer, team):
                    episode.ended, episode.outcome = event.at, "removed"
        elif verb == "submitted":
            self.asked.pop((reviewer, None), None)
            self.submit(event, reviewer, name)

    def request(self, at: int, reviewer: str | None, team: str | None, name: str | None) -> None:
        self.sitting.clear()
        if all((episode.reviewer, episode.team) != (reviewer, team) for episode in self.waiting()):
            episode = Episode(self, at, reviewer, team, name=name)
            if self.is_closed:
                episode.ended, episode.outcome = at, "mooted"
                self.asked[reviewer, team] = episode
            self.episodes.append(episode)

    def submit(self, event: Event, reviewer: str | None, name: str | None) -> None:
        comments = event.data["verdict"] == "commented"
        sits = comments and name in self.sitting
        self.sitting = self.sitting | {name} if comments else set()
        own = [episode for episode in self.waiting() if episode.reviewer == reviewer]
        queue = [episode for episode in self.waiting() if episode.reviewer is None]
        if own:
            answered = own[0]
        elif queue and reviewer != self.author and not named_like_a_bot(name or ""):
            answered = min(queue, key=lambda episode: episode.opened)
        elif sits:
            return
        else:
            answered = Episode(self, event.at, requested=False)
            self.episodes.append(answered)
        answered.reviewer, answered.ended, answered.outcome = reviewer, event.at, "done"
        answered.answer, answered.name = event.id, name

    def infer(self, commit: Event) -> None:
        """Reviews that only commits tell of, one for each reviewer."""
        said = {episode.reviewer for episode in self.episodes}
        for person in {name_of(person) for person in commit.data.get("reviewers", [])} - said:
            end = min(micros(commit.data["committed_at"]), commit.at)
            begin = min(micros(commit.data["authored_at"]), end)
            self.author = self.author or name_of(commit.data["author"])
            self.episodes.append(Episode(self, begin, person, None, end, "done", False, commit.id, person))


def changes(
    events: list[Event], owner_of: Callable[[str], str]
) -> dict[tuple[str, str], Change]:
    answer: dict[tuple[str, str], Change] = {}
    commits: list[tuple[tuple[str, str], Event]] = []
    authors = {
        (event.data["repo"], event.data["change"]): owner_of(name_of(event.data["author"]))
        for event in events
        if event.name.startswith("change.") and event.data.get("author")
    }
    for event in events:
        entity = event.name.split(".")[0]
        if entity in ("change", "review"):
            key = (event.data["repo"], event.data["change"])
            answer.setdefault(key, Change(authors.get(key))).hear(event, owner_of)
        elif entity == "commit":
            commits.append(((event.data["repo"], event.data.get("change", event.data["sha"])), event))
    for key, commit in commits:
        change = answer.setdefault(key, Change())
        if not change.has_reviews:
            change.infer(commit)
    return answer
