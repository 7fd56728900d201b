"""What OData sends in place of the true rows."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import msgspec

from integration_tests.simulator.trouble.lies import TRUTH, ErrorPlace, Lies, ListForm, names_one
from integration_tests.simulator.trouble.rewriting import (
    LATE_ERROR,
    NO_RIGHTS,
    Raw,
    RawRow,
    changed_page,
    changed_record,
    encoded,
    in_form,
    shown_values,
)
from integration_tests.simulator.web.answers import Answer, as_json

NEXT_LINKS = ("@odata.nextLink", "odata.nextLink")


def untrue_rows(answer: Answer, lies: Lies) -> Answer:
    """The answer under these lies."""
    if lies == TRUTH or answer.status != 200 or not answer.body:
        return answer
    if lies.forbidden:
        return _odata_error(403, NO_RIGHTS)
    content = msgspec.json.decode(answer.body, type=RawRow)
    if not bytes(content.get("value", b"")).startswith(b"["):
        return answer
    rows = msgspec.json.decode(content["value"], type=list[RawRow])
    if names_one(lies.poison, shown_values(rows)):
        return _odata_error(500, "An error has occurred.")
    of_rows = replace(lies, emptied=frozenset(), broken=frozenset())
    page = [changed_record(row, of_rows) for row in changed_page(rows, lies)]
    if lies.error:
        page = page[: len(page) // 2]
        content |= {"error": encoded(LATE_ERROR)} if lies.error is ErrorPlace.BESIDE else {}
        page += [{"error": encoded(LATE_ERROR)}] if lies.error is ErrorPlace.AMONG else []
    content["value"] = Raw(in_form(page, ListForm.OBJECT if lies.form is ListForm.OBJECT else ListForm.USUAL))
    for name in set(NEXT_LINKS) & content.keys() if lies.next_links else ():
        content[name] = encoded(_elsewhere(msgspec.json.decode(content[name], type=str), lies.next_links))
    return replace(answer, body=msgspec.json.encode(content))


def _odata_error(status: int, text: str) -> Answer:
    return as_json({"error": {"code": "", "message": text}}, status)


def _elsewhere(link: str, base: str) -> str:
    """A relative link names no place, so there is nothing to get wrong in it."""
    parts, place = urlsplit(link), urlsplit(base)
    _, _, below = parts.path.removeprefix("/").partition("/")
    path = f"{place.path.rstrip('/')}/{below}" if place.path else parts.path
    return parts._replace(scheme=place.scheme, netloc=place.netloc, path=path).geturl() if parts.scheme else link
