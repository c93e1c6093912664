"""Who is who and who is in which team: names, links between names, kinds, dated memberships, capacity."""

import re
from dataclasses import dataclass, field
from typing import Any

from .log import Event, micros, remember

KNOWN_BOTS = {"dependabot", "renovate"}
HIDDEN_ADDRESS = re.compile(r"\d+[+-](.+)@users\.noreply\.(github|gitlab)\.com")


def name_of(person: str | dict[str, str]) -> str:
    """The login, else the e-mail address in lower case, else the name."""
    if isinstance(person, dict):
        login, email = person.get("login"), person.get("email")
        return login or (name_of(email) if email else person["name"])
    hidden = HIDDEN_ADDRESS.fullmatch(person)
    return hidden.group(1) if hidden else person.lower() if "@" in person else person


def named_like_a_bot(name: str) -> bool:
    local = name.split("@")[0].lower()
    return local in KNOWN_BOTS or local.startswith("bot-") or local.endswith(("[bot]", "-bot", "_bot", "-robot"))


@dataclass
class Stay:
    """A membership from `begin` on, before `end`; `is_over` once an event has taken the person out."""

    person: str
    begin: int
    end: int | None
    role: str | None
    is_over: bool = False

    def holds(self, at: int) -> bool:
        return self.begin <= at and (self.end is None or at < self.end)


@dataclass
class Team:
    fields: dict[str, Any] = field(default_factory=dict)
    stays: list[Stay] = field(default_factory=list)

    def join(self, person: str, event: Event) -> None:
        """Joins, or says anew how long and as what somebody is in it who has not been taken out."""
        begin, end, role = since(event, event.at), until(event), event.data.get("role")
        for stay in self.stays:
            if stay.person == person and not stay.is_over and (stay.end is None or stay.end >= begin):
                stay.begin = min(stay.begin, since(event, stay.begin))
                stay.end, stay.role = end, role or stay.role
                return
        self.stays.append(Stay(person, begin, end, role))

    def leave(self, person: str, end: int) -> None:
        for stay in self.stays:
            if stay.person == person and not stay.is_over:
                stay.end = end if stay.end is None else min(end, stay.end)
                stay.is_over = True


def since(event: Event, default: int) -> int:
    given = event.data.get("since_at") or event.data.get("since")
    return micros(given) if given else default


def until(event: Event) -> int | None:
    given = event.data.get("until_at") or event.data.get("until")
    return micros(given) if given else None


@dataclass
class People:
    """Facts about people as of one moment."""

    now: int
    links: dict[tuple[str, str], int] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)
    capacities: dict[tuple[str, int, int | None], tuple[int, float | None]] = field(default_factory=dict)

    def hear(self, event: Event, number: int) -> None:
        entity, verb = event.name.split(".")
        if entity == "team":
            self.hear_team(verb, event)
        elif entity in ("person", "calendar"):
            self.hear_person(name_of(event.data["person"]), entity, verb, event, number)

    def hear_person(self, person: str, entity: str, verb: str, event: Event, number: int) -> None:
        if verb == "linked":
            self.links[person, name_of(event.data["identity"])] = number
        elif verb == "unlinked":
            self.links.pop((person, name_of(event.data["identity"])), None)
        elif entity == "person":
            remember(self.facts.setdefault(person, {}), event.data)
        elif verb == "capacity_set":
            stretch = (person, since(event, event.at), until(event))
            self.capacities[stretch] = (number, event.data.get("capacity"))

    def hear_team(self, verb: str, event: Event) -> None:
        team = self.teams.setdefault(event.data["team"], Team())
        if verb == "member_added":
            team.join(name_of(event.data["person"]), event)
        elif verb == "member_removed":
            end = until(event)
            team.leave(name_of(event.data["person"]), since(event, event.at) if end is None else end)
        else:
            remember(team.fields, event.data)
        if verb == "deleted":
            for person in {stay.person for stay in team.stays}:
                team.leave(person, event.at)

    def owner_of(self, name: str) -> str:
        """The person at the end of the chain of links; a circle is called after its first name."""
        seen = [name]
        while True:
            claims = [(number, person) for (person, identity), number in self.links.items() if identity == seen[-1] != person]
            if not claims:
                return seen[-1]
            _, person = max(claims)
            if person in seen:
                return min(seen[seen.index(person) :])
            seen.append(person)

    def is_bot(self, name: str) -> bool:
        """As was said of the person; else by the name that was used, even where a person is linked to it."""
        kind = self.facts.get(self.owner_of(name), {}).get("person_kind")
        return named_like_a_bot(name) if kind is None else kind != "human"

    def above(self, team: str) -> set[str]:
        """The team and all teams that it is part of."""
        found: set[str] = set()
        at: str | None = team
        while at is not None and at not in found:
            found.add(at)
            at = self.teams[at].fields.get("parent") if at in self.teams else None
        return found

    def teams_of(self, person: str, at: int) -> set[str]:
        stays = [(name, stay) for name, team in self.teams.items() for stay in team.stays]
        of_person = [name for name, stay in stays if self.owner_of(stay.person) == person and stay.holds(at)]
        return {upper for name in of_person for upper in self.above(name)}

    def leads(self, team: str) -> set[str]:
        """Whom the team names as its lead, else its members of now with that role."""
        if team not in self.teams:
            return set()
        named = self.teams[team].fields.get("lead")
        by_role = [
            stay.person
            for stay in self.teams[team].stays
            if stay.holds(self.now) and (stay.role or "").lower() == "lead"
        ]
        return {self.owner_of(name) for name in ([name_of(named)] if named else by_role)}

    def members(self) -> dict[str, set[str]]:
        """The human members of each team now, those of the teams below it included."""
        answer: dict[str, set[str]] = {}
        for name, team in self.teams.items():
            for stay in team.stays:
                person = self.owner_of(stay.person)
                if stay.holds(self.now) and not self.is_bot(stay.person):
                    for upper in self.above(name):
                        answer.setdefault(upper, set()).add(person)
        return answer

    def capacity(self, person: str) -> float:
        """Of the statements that hold now the last one, else the person's own, else full time."""
        said = [
            (number, share)
            for (name, begin, end), (number, share) in self.capacities.items()
            if self.owner_of(name) == person and Stay(name, begin, end, None).holds(self.now) and share is not None
        ]
        if said:
            return max(said)[1]
        own = self.facts.get(person, {}).get("capacity")
        return 1.0 if own is None else own
