"""What differs in the tables between two reads, and how it is told."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from integration_tests.harness import INCREMENTAL, INQUIRY_PREFIX, Row

from .printing import shown, tell
from .settings import FOODS, FREIGHT, NAMED_BY, STREAMS, TOLD, WIDTH, Place
from .sides import Outcome


@dataclass(frozen=True)
class Change:
    """One row that differs between the first and the second read."""

    stream: str
    tenant: str
    name: tuple[str, ...]
    what: str
    text: str


def changes_between(
    before: Mapping[Place, Row], after: Mapping[Place, Row], deleted: Mapping[Place, str]
) -> Iterator[Change]:
    for place in sorted(before | after, key=lambda place: STREAMS.index(place[0])):
        old, new, (stream, key) = before.get(place), after.get(place), place
        row = new or old or {}
        name = [row[each] for each in NAMED_BY[stream]] if stream in NAMED_BY else key[1:]
        if old and new:
            what, text = "changed", ", ".join(_changed_fields(old, new))
        elif new:
            what, text = "new", ", ".join(f"{name} {shown(new[name])}" for name in TOLD.get(stream, ()))
        elif place in deleted:
            what, text = "deleted", f"at {deleted[place][:19]} (UTC)"
        else:
            what, text = "left out", _why_left_out(stream, row, after)
        if text:
            yield Change(stream, key[0], tuple(map(str, name)), what, text)


def _why_left_out(stream: str, row: Row, after: Mapping[Place, Row]) -> str:
    if stream.startswith(INQUIRY_PREFIX):
        return "the inquiry no longer shows it"
    record = stream.rpartition("__")[0], (row["_tenant"], row.get("_parent_id"))
    return "its record came again without it" if record in after else "its record is gone"


def _changed_fields(old: Row, new: Row) -> Iterator[str]:
    was, is_now = dict(_told_fields(old)), dict(_told_fields(new))
    for name in was | is_now:
        if is_now.get(name) != was.get(name):
            yield f"{name} {shown(was.get(name))} -> {shown(is_now.get(name))}"


def _told_fields(row: Row, above: str = "") -> Iterator[tuple[str, Any]]:
    """What a reader wants to know: not stamps, added columns and the ids of lines and contacts, which change always."""
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _told_fields(value, f"{above}{name}.")
        elif not name.startswith(("_", "LastModified", "Tstamp")) and not (name == "id" and (above or "_line" in row)):
            yield f"{above}{name}", value


def tell_changes(changes: Iterable[Change]) -> None:
    """Rows with one fate are told together, such as the lines of a document."""
    together: dict[tuple[Any, ...], list[str]] = {}
    for one in changes:
        together.setdefault((one.stream, one.tenant, one.what, one.text, one.name[:-1]), []).append(one.name[-1])
    for (stream, tenant, what, text, above), names in together.items():
        start = f"  {stream:<21}{tenant:<12}{' '.join([*above, ', '.join(names)]):<20}{what:<10}"
        print(textwrap.fill(text, WIDTH, initial_indent=start, subsequent_indent=" " * len(start)))


def received_table(first: Outcome, second: Outcome, catalog: Mapping[str, Any]) -> None:
    counts = [_counted(first), _counted(second)]
    modes = {one["stream"]["name"]: one["sync_mode"] for one in catalog["streams"]}
    print(f"\n  {'rows received':<52}{'first read':^20}   {'second read':^20}")
    print(f"  {'table':<52}{FOODS:>8}{FREIGHT:>12}   {FOODS:>8}{FREIGHT:>12}   later")
    for name in STREAMS:
        cells = "   ".join(f"{count[name, FOODS]:>8,}{count[name, FREIGHT]:>12,}" for count in counts)
        print(f"  {name:<52}{cells}   {'changes' if modes[name] == INCREMENTAL else 'all'}")
    tell(
        "'changes': what was changed since the first read or in the 15 minutes before it, since a record may have been "
        "in the middle of being saved then, each with all its lines; and what was deleted. 'all': these do not say "
        "when they were changed or, as inquiries, what has left them."
    )


def _counted(outcome: Outcome) -> Counter[tuple[str, str]]:
    return Counter((one["record"]["stream"], one["record"]["data"]["_tenant"]) for one in outcome.records)
