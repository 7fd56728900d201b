"""A request as a server that lies takes it."""

from __future__ import annotations

import re
from dataclasses import replace

from integration_tests.simulator.trouble.lies import Half, Lies
from integration_tests.simulator.web.requests import Request

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT")
OR_NULL = re.compile(r"\((\S+ ge \S+) or (\S+ eq null)\)")


def as_heard(request: Request, lies: Lies) -> Request:
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
