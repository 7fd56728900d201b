"""The rows of an answer as lies change them, whichever API sends them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from integration_tests.simulator.trouble.lies import Lies, ListForm, names_one

Raw = msgspec.Raw
# The members of a row as they were written: numbers keep their digits.
RawRow = dict[str, Raw]
LATE_ERROR = {"code": "", "message": "Timeout expired. The server is not responding."}
NO_RIGHTS = "You have insufficient rights to access the data."


def changed_page(rows: Sequence[RawRow], lies: Lies) -> list[RawRow]:
    page = [each for row in rows for each in [row] * (2 if names_one(lies.doubled, shown_values([row])) else 1)]
    return page + page[: lies.repeats]


def shown_values(rows: Sequence[RawRow]) -> Iterable[object]:
    """What the rows show, out of its wrapper."""
    for row in rows:
        for raw in row.values():
            match msgspec.json.decode(raw):
                case {"value": {"id": chosen, **_rest}}:
                    yield chosen
                case {"value": value}:
                    yield value
                case str() | int() | float() as value:
                    yield value


def changed_record(row: RawRow, lies: Lies) -> RawRow:
    changes: tuple[tuple[Iterable[str], Callable[[Raw], Raw | None]], ...] = (
        (lies.missing, lambda _: None),
        (lies.broken, lambda _: encoded({"error": "The value cannot be read."})),
        (lies.emptied, _empty),
    )
    for paths, change in changes:
        for path in paths:
            row = _at(row, path.split("/"), change)
    return row


def _at(row: RawRow, path: Sequence[str], change: Callable[[Raw], Raw | None]) -> RawRow:
    """The row with another value at the end of the path, in each row on the way there; None: without it."""
    name, rest = path[0], path[1:]
    if name not in row:
        return row
    if not rest:
        value = change(row[name])
        return {key: each for key, each in row.items() if key != name} | ({} if value is None else {name: value})
    text = bytes(row[name])
    if text.startswith(b"["):
        inner = msgspec.json.decode(text, type=list[RawRow])
        return {**row, name: encoded([_at(each, rest, change) for each in inner])}
    return {**row, name: encoded(_at(msgspec.json.decode(text, type=RawRow), rest, change))} if text != b"null" else row


def _empty(raw: Raw) -> Raw:
    """Collections have no rows, linked objects are none, and fields and custom fields no values."""
    text = bytes(raw)
    return Raw(b"[]" if text.startswith(b"[") else b"null" if text.startswith((b'{"id"', b"null")) else b"{}")


def in_form(page: Sequence[RawRow], form: ListForm) -> bytes:
    if form is ListForm.OBJECT and len(page) == 1:
        return msgspec.json.encode(page[0])
    return msgspec.json.encode({"value": page} if form is ListForm.WRAPPED else page)


def encoded(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))
