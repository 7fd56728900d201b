"""Tells the lies: what a request is taken for, and what becomes of the answer on its way out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import msgspec

from .answers import Answer, as_json, failure, message
from .lies import TRUTH, ErrorPlace, Half, Lies, ListForm, names_one, together
from .requests import Request

Raw = msgspec.Raw
# The members of a row as they were written: numbers keep their digits.
Row = dict[str, Raw]
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT")
OR_NULL = re.compile(r"\((\S+ ge \S+) or (\S+ eq null)\)")
LATE_ERROR = {"code": "", "message": "Timeout expired. The server is not responding."}
NO_RIGHTS = "You have insufficient rights to access the data."
EMPTY_FORM = "The required configuration data is not entered on the Preferences form."
NEXT_LINKS = ("@odata.nextLink", "odata.nextLink")


class Teller:
    """Holds what tests have set; each request is answered by what holds when its turn has come."""

    def __init__(self) -> None:
        self.lies: tuple[Lies, ...] = ()
        self._turns = count(1)

    @property
    def everywhere(self) -> Lies:
        """All lies together, whichever requests they are meant for."""
        return together(self.lies)

    def of(self, request: Request) -> Lies:
        return together(each for each in self.lies if each.concerns(request.target))

    def turn(self) -> int:
        """Another number each time."""
        return next(self._turns)


def heard(request: Request, lies: Lies) -> Request:
    """The request as the server takes it."""
    query = dict(request.query)
    if lies.ignores_top:
        query.pop("$top", None)
    tops = [int(query["$top"])] if query.get("$top", "").isdecimal() else []
    tops += [] if lies.most_rows is None else [lies.most_rows]
    if tops:
        query["$top"] = str(max(min(tops) - lies.short_by, min(1, *tops)))
    if lies.deaf:
        query.pop("$filter", None)
    if lies.lost_half and "$filter" in query:
        left = r"\2" if lies.lost_half is Half.FIRST else r"\1"
        query["$filter"] = OR_NULL.sub(left, query["$filter"])
    return replace(request, query=query)


def finds_nothing(text: str, lies: Lies) -> bool:
    return lies.blind and INSTANT.search(text) is not None


def told_entity(request: Request, answer: Answer, lies: Lies, *, is_list: bool) -> Answer:
    """What the contract API sends instead."""
    if lies == TRUTH or answer.status != 200:
        return answer
    if lies.forbidden:
        return message(403, NO_RIGHTS)
    if lies.not_set_up:
        return failure(EMPTY_FORM, "PX.Data.PXSetupNotEnteredException")
    customs = {name.strip() for name in request.query.get("$custom", "").split(",") if name.strip()}
    if refused := sorted(customs & lies.refused_customs):
        return failure(f"The field {refused[0]} cannot be exported.")
    if not is_list:
        record = msgspec.json.decode(answer.body, type=Row)
        told = replace(lies, emptied=frozenset()) if lies.is_missing_alone else TRUTH
        return replace(answer, body=msgspec.json.encode(_record(record, told)))
    rows = msgspec.json.decode(answer.body, type=list[Row])
    if lies.most_customs is not None and len(customs) > lies.most_customs:
        rows = []
    if names_one(lies.poison, _values(rows)):
        return failure("Object reference not set to an instance of an object.", "System.NullReferenceException")
    page = [_record(row, lies) for row in _page(rows, lies)]
    if lies.error:
        page = [*page[: len(page) // 2], {"message": _encoded(LATE_ERROR["message"])}]
    return replace(answer, body=_in_form(page, lies.form))


def told_feed(answer: Answer, lies: Lies) -> Answer:
    """What OData sends instead of rows."""
    if lies == TRUTH or answer.status != 200 or not answer.body:
        return answer
    if lies.forbidden:
        return _odata_error(403, NO_RIGHTS)
    content = msgspec.json.decode(answer.body, type=Row)
    if not bytes(content.get("value", b"")).startswith(b"["):
        return answer
    rows = msgspec.json.decode(content["value"], type=list[Row])
    if names_one(lies.poison, _values(rows)):
        return _odata_error(500, "An error has occurred.")
    page = [_record(row, replace(lies, emptied=frozenset(), broken=frozenset())) for row in _page(rows, lies)]
    if lies.error:
        page = page[: len(page) // 2]
        content |= {"error": _encoded(LATE_ERROR)} if lies.error is ErrorPlace.BESIDE else {}
        page += [{"error": _encoded(LATE_ERROR)}] if lies.error is ErrorPlace.AMONG else []
    content["value"] = Raw(_in_form(page, ListForm.OBJECT if lies.form is ListForm.OBJECT else ListForm.USUAL))
    for name in set(NEXT_LINKS) & content.keys() if lies.next_links else ():
        content[name] = _encoded(_elsewhere(msgspec.json.decode(content[name], type=str), lies.next_links))
    return replace(answer, body=msgspec.json.encode(content))


def _odata_error(status: int, text: str) -> Answer:
    return as_json({"error": {"code": "", "message": text}}, status)


def _page(rows: Sequence[Row], lies: Lies) -> list[Row]:
    page = [each for row in rows for each in [row] * (2 if names_one(lies.doubled, _values([row])) else 1)]
    return page + page[: lies.repeats]


def _values(rows: Sequence[Row]) -> Iterable[object]:
    """What the rows show, out of its wrapper."""
    for row in rows:
        for raw in row.values():
            match msgspec.json.decode(raw):
                case {"value": value}:
                    yield value
                case str() | int() | float() as value:
                    yield value


def _record(row: Row, lies: Lies) -> Row:
    changes: tuple[tuple[Iterable[str], Callable[[Raw], Raw | None]], ...] = (
        (lies.missing, lambda _: None),
        (lies.broken, lambda _: _encoded({"error": "The value cannot be read."})),
        (lies.emptied, _empty),
    )
    for paths, change in changes:
        for path in paths:
            row = _at(row, path.split("/"), change)
    return row


def _at(row: Row, path: Sequence[str], change: Callable[[Raw], Raw | None]) -> Row:
    """The row with another value at the end of the path, in each row on the way there; None: without it."""
    name, rest = path[0], path[1:]
    if name not in row:
        return row
    if not rest:
        value = change(row[name])
        return {key: each for key, each in row.items() if key != name} | ({} if value is None else {name: value})
    text = bytes(row[name])
    if text.startswith(b"["):
        inner = msgspec.json.decode(text, type=list[Row])
        return {**row, name: _encoded([_at(each, rest, change) for each in inner])}
    return {**row, name: _encoded(_at(msgspec.json.decode(text, type=Row), rest, change))} if text != b"null" else row


def _empty(raw: Raw) -> Raw:
    """Collections have no rows, linked objects are none, and fields and custom fields no values."""
    text = bytes(raw)
    return Raw(b"[]" if text.startswith(b"[") else b"null" if text.startswith((b'{"id"', b"null")) else b"{}")


def _in_form(page: Sequence[Row], form: ListForm) -> bytes:
    if form is ListForm.OBJECT and len(page) == 1:
        return msgspec.json.encode(page[0])
    return msgspec.json.encode({"value": page} if form is ListForm.WRAPPED else page)


def _encoded(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))


def _elsewhere(link: str, base: str) -> str:
    """A relative link names no place, so there is nothing to get wrong in it."""
    parts, place = urlsplit(link), urlsplit(base)
    _, _, below = parts.path.removeprefix("/").partition("/")
    path = f"{place.path.rstrip('/')}/{below}" if place.path else parts.path
    return parts._replace(scheme=place.scheme, netloc=place.netloc, path=path).geturl() if parts.scheme else link
