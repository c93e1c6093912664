"""What a reader knows: one event per id, in the order of k = (effective time, sequence, id).

Times are integer microseconds since 1970. Of two events under one id the higher source version wins;
equal versions with different content are the one case that is left out here, because their order is
that of a hash of the content.
"""

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

DAY = 86_400_000_000
HOUR = 3_600_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Event:
    at: int
    sequence: int
    id: str
    name: str
    data: dict[str, Any]


def micros(text: str) -> int:
    """A time, or the midnight that a date begins with."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return (moment - EPOCH) // (datetime.resolution)


def known(records: list[dict[str, Any]], as_of: int, known_at: int | None) -> list[Event]:
    """The events that had happened at `as_of`, as far as they had been observed at `known_at`."""
    copies: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        if known_at is None or micros(record["observedat"]) <= known_at:
            copies.setdefault(record["id"], []).append(record)
    events = []
    for identifier, of_one in copies.items():
        record = max(of_one, key=lambda copy: copy.get("sourceversion", 0))
        observed = min(micros(copy["observedat"]) for copy in of_one)
        at = min(micros(record["time"]), observed)
        name = record["type"].removeprefix("dev.plimsoll.").removesuffix(".v1")
        if at <= as_of:
            events.append(Event(at, record.get("sequence", 0), identifier, name, record["data"]))
    return sorted(events, key=lambda event: (event.at, event.sequence, event.id))


def remember(fields: dict[str, Any], data: dict[str, Any]) -> None:
    """Last writer wins, field by field: an absent field says nothing, null clears."""
    for name, value in data.items():
        if value is None:
            fields.pop(name, None)
        else:
            fields[name] = value
