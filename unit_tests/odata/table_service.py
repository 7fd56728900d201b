"""An OData service over a few lists of rows, for the tests of what asks one for deleted records or designs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from types import SimpleNamespace

import msgspec
from airbyte_cdk.models import FailureType

from source_acumatica.erp.errors import Action, BrokenAnswerError, Problem, RequestFailed
from source_acumatica.odata.codec import decode_answer
from source_acumatica.odata.pages import ODataPage, linked_pages
from source_acumatica.odata.tables import DELETED_FLAG, NOTE_ID

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
T0900, T1000, T1100, T1200, T1300 = (f"2026-11-22T{hour:02}:00:00.000000Z" for hour in range(9, 14))
MISSING = Problem(Action.GONE, FailureType.config_error, "the ERP has no such address", status=404)
CLOSED = Problem(Action.STOP, FailureType.config_error, "the service is closed", status=403)
REFUSED = Problem(Action.ASK_FOR_LESS, FailureType.config_error, "the ERP refuses (the ERP says: no)", status=400)
PASSING = Problem(Action.STOP, FailureType.transient_error, "no answer")
DELETIONS = "/px.GetDeletedRecords()"


class TableService:
    """Rows by the name of their set; those with the flag of deleted ones are hidden without the header that shows them.

    ``refuses`` says which requests fail, ``cap`` is the most rows of one answer: links lead on to the others.
    """

    def __init__(self, sets, refuses=lambda _resource, _params: None, cap=None, descriptions=()):
        self.sets, self.refuses, self.cap, self.descriptions = dict(sets), refuses, cap, descriptions
        self.requests, self.headers, self._links = [], [], []

    def now(self, _tenant):
        return NOON

    def version(self, _feed, _tenant):
        return 4

    def describe(self, tenant, feed, is_wanted, **_links):
        self.requests.append(("$metadata", {}))
        if isinstance(self.descriptions, Problem):
            raise RequestFailed(self.descriptions, f"Tenant '{tenant}', description of {feed}")
        wanted = [each for each in self.descriptions if is_wanted(each.names[0], each.type_name)]
        return SimpleNamespace(entity_sets=wanted)

    def rows(self, tenant, feed, resource, params, *, where="", headers=None, decode=None, **_request):
        params, headers = dict(params), dict(headers or {})
        self.requests.append((resource, params))
        self.headers.append(headers)
        if problem := self.refuses(resource, params) or (None if resource in self.sets else MISSING):
            raise RequestFailed(problem, where)
        rows = self._found(self.sets[resource], params, headers)
        rows = rows[int(params.get("$skip", 0)) :][: int(params.get("$top", len(rows)))]
        try:
            return self._page(rows, decode or decode_answer)
        except BrokenAnswerError as error:
            raise RequestFailed(error.problem, where) from None

    def follow(self, _tenant, _feed, link, _resource="", *, decode=None, **_request):
        return self._page(self._links[int(link)], decode or decode_answer)

    def linked_rows(self, first, tenant, feed, resource, *, where="", **request):
        pages = linked_pages(first, lambda link: self.follow(tenant, feed, link, resource, **request), where)
        return (page.rows for page in pages)

    def all_rows(self, tenant, feed, resource, params, *, where="", **request):
        first = self.rows(tenant, feed, resource, params, where=where, **request)
        return [row for rows in self.linked_rows(first, tenant, feed, resource, where=where, **request) for row in rows]

    def _page(self, rows, decode):
        most = self.cap or len(rows)
        link = None
        if len(rows) > most:
            self._links.append(rows[most:])
            link = str(len(self._links) - 1)
        answer = decode(msgspec.json.encode({"value": rows[:most], **({"@odata.nextLink": link} if link else {})}))
        return ODataPage(answer.value, 100, answer.next_link)

    def _found(self, rows, params, headers):
        if headers.get("PX-ApiDeleted") != "SHOW":
            rows = [row for row in rows if not row.get(DELETED_FLAG)]
        condition, order = params.get("$filter", ""), params.get("$orderby", "")
        if condition.startswith(NOTE_ID):
            ids = {each.lower() for each in re.findall(r"NoteID eq (\S+)", condition)}
            rows = [row for row in rows if str(row[NOTE_ID]).lower() in ids]
        elif condition.startswith(DELETED_FLAG):
            rows = [row for row in rows if row.get(DELETED_FLAG)]
        elif found := re.fullmatch(r"DeleteDate ge (\S+)", condition):
            since = datetime.fromisoformat(found[1])
            rows = [row for row in rows if datetime.fromisoformat(row["DeleteDate"]) >= since]
        rows = sorted(rows, key=lambda row: [str(row.get(name)) for name in order.split(",") if name])
        names = params.get("$select")
        return [{name: row[name] for name in names.split(",") if name in row} for row in rows] if names else rows


def deleted(note_id, at):
    """A row of the ERP's list of deletions."""
    return {"RefNoteID": note_id, "DeleteDate": at}


def of(problem):
    """Refuses each request in this way."""
    return lambda _resource, _params: problem


def flat(pages):
    """The rows of all pages."""
    return [row for page in pages for row in page]
