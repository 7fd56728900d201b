"""Finds the records of which only a line, an address or another linked row was changed, by asking OData's tables."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.erp.errors import Action, RequestFailed, message_of
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.odata.codec import decode_rows
from source_acumatica.odata.linked_conditions import (
    ANY_SPELLINGS,
    BY_NOTE_ID,
    LinkedStamp,
    filter_of,
    in_requests,
    own_links,
)
from source_acumatica.odata.metadata import EntitySet
from source_acumatica.odata.paged_list import list_pages
from source_acumatica.odata.service import CLOSED, ODataService
from source_acumatica.odata.tables import NOTE_ID, ODataFeed
from source_acumatica.reading.fields import Raw
from source_acumatica.reading.page_size import FIRST_PAGE_ROWS
from source_acumatica.reading.refusals import SearchTooLongError, refused

logger = logging.getLogger("airbyte")

_WITHOUT = "Changes of lines, addresses and the like arrive only with another change of their record"
_DECODE = partial(decode_rows, columns=(NOTE_ID,))
Answer = TypeVar("Answer")
Links = tuple[LinkedStamp, ...]
Ids = tuple[str, ...]


@dataclass(frozen=True)
class _Table:
    """What is needed of a table's description."""

    name: str
    has_note_id: bool
    links: Links

    @classmethod
    def of(cls, described: EntitySet) -> _Table:
        full = described.type_name.replace(".", "_")
        has_note_id = NOTE_ID in described.fields and NOTE_ID not in described.restricted
        name = full if full in described.names else described.names[0]
        return cls(name, has_note_id, tuple(own_links(described)))


@dataclass(frozen=True)
class _Question:
    """A request for the ids of one table."""

    tenant: str
    table: _Table
    since: str
    where: str


class LinkedChanges:
    """The records of which a linked row was changed, for all streams of a run; each table is asked once.

    ``headers`` go with each request, such as that which shows archived records.
    """

    def __init__(
        self, service: ODataService, headers: Mapping[str, str] | None = None, most_rows: int = FIRST_PAGE_ROWS
    ) -> None:
        self._service, self._headers, self._most_rows = service, headers or {}, most_rows
        self._lock = threading.Lock()
        self._locks: dict[tuple[str, str], threading.Lock] = {}
        self._earliest: dict[tuple[str, str], str] = {}
        self._tables: dict[str, dict[str, _Table | None] | None] = {}
        """By tenant: the tables that were looked for, None for one that it lacks; None where OData is closed."""
        self._found: dict[tuple[str, str], tuple[str, Ids | None]] = {}
        """By tenant and table: since when was asked, and the answer."""
        self._failed: dict[tuple[str, str], RequestFailed] = {}
        """The failures that may pass; another stream of the run does not try in vain."""
        self._refused: dict[tuple[str, str], set[str]] = {}
        self._words: dict[str, str] = {}
        """By tenant: the spelling that it has accepted."""

    def expect(self, tenant: str, dac: str, since: str) -> None:
        """Note that ``ids`` will be asked for, so that one download and one question serve all streams."""
        with self._lock:
            self._earliest[tenant, dac] = min(since, self._earliest.get((tenant, dac), since))

    def ids(self, tenant: str, dac: str, since: str, where: str) -> Sequence[str] | None:
        """The NoteIDs, in lower case, of the table's records of which a linked row was changed from ``since`` on.

        There may be some more, changed from the earliest time on that was expected for the table. None where the ERP
        cannot be asked; the log says so, once.

        Raises:
            RequestFailed: a failure that may pass.
        """
        self.expect(tenant, dac, since)
        with self._lock_of(tenant, dac):
            if failure := self._failed.get((tenant, dac)):
                raise failure
            known = self._found.get((tenant, dac))
            if known is None or (known[1] is not None and known[0] > since):
                earliest = self._earliest[tenant, dac]
                try:
                    known = self._found[tenant, dac] = earliest, self._ask(tenant, dac, earliest, where)
                except RequestFailed as error:
                    self._failed[tenant, dac] = error
                    raise
            return known[1]

    def _lock_of(self, tenant: str, dac: str = "") -> threading.Lock:
        with self._lock:
            return self._locks.setdefault((tenant, dac), threading.Lock())

    # ---------------------------------------------------------------------------------------------------- the tables

    def _table(self, tenant: str, dac: str) -> _Table | None:
        """The table as the tenant describes it; None, and a warning, where it cannot be asked."""
        with self._lock_of(tenant):
            if tenant not in self._tables:
                self._tables[tenant] = self._describe(tenant, {dac})
            tables = self._tables[tenant]
            if tables is not None and dac not in tables:
                self._tables[tenant] = tables = self._describe(tenant, {dac, *tables})
            if tables is None:
                return None
            table = tables[dac]
        if table is None or not table.has_note_id:
            logger.warning(f"Tenant '{tenant}': OData does not show {dac} with NoteIDs. {_WITHOUT}.")
            return None
        return table

    def _describe(self, tenant: str, dacs: set[str]) -> dict[str, _Table | None] | None:
        with self._lock:
            dacs |= {dac for each, dac in self._earliest if each == tenant}
        try:
            metadata = self._service.describe(tenant, ODataFeed.TABLES, lambda _set, dac: dac in dacs, with_links=True)
        except PoolClosed:
            raise
        except AirbyteTracedException as error:
            if error.failure_type is FailureType.transient_error:
                raise
            logger.warning(f"{message_of(error)}. {_WITHOUT}.")
            return None
        shown = {described.type_name: _Table.of(described) for described in metadata.entity_sets}
        return {dac: shown.get(dac) for dac in dacs}

    # ------------------------------------------------------------------------------------------------------ the rows

    def _ask(self, tenant: str, dac: str, since: str, where: str) -> Ids | None:
        """The ids, sorted and each once; None, and a warning, where nothing can be asked."""
        table = self._table(tenant, dac)
        if table is None:
            return None
        question = _Question(tenant, table, since, f"{where}, changes of lines and linked records")
        refusals = self._refused.setdefault((tenant, dac), set())
        links = tuple(link for link in table.links if link.link not in refusals)
        found: set[str] = set()
        try:
            for some in in_requests(links, since):
                found.update(self._accepted(question, some, refusals))
        except RequestFailed as error:
            if not _is_refusal(error) and error.problem.status not in CLOSED:
                raise
            logger.warning(f"{message_of(error)}. {_WITHOUT}.")
            return None
        is_answered = not table.links or len(refusals) < len(table.links)
        return tuple(sorted(found)) if is_answered else None

    def _accepted(self, question: _Question, links: Links, refusals: set[str]) -> Ids:
        """The ids, without the links that the ERP refuses; those are noted and warned of.

        Raises:
            RequestFailed: the table cannot be asked at all, or a failure may pass.
        """
        try:
            return self._spelt(question.tenant, links, partial(self._read, question, links))
        except RequestFailed as error:
            if not _is_refusal(error):
                raise
            refusal = error
        if not self._works(question, ()):
            raise refusal
        bad = self._refused_among(question, links)
        if not bad and len(links) > 1:
            # Only together are they too much.
            halves = links[: len(links) // 2], links[len(links) // 2 :]
            return tuple(one for half in halves for one in self._accepted(question, half, refusals))
        bad = bad or {link.link for link in links}
        refusals |= bad
        logger.warning(f"{message_of(refusal)}. Going on without {', '.join(sorted(bad))}: {_lower(_WITHOUT)}.")
        rest = tuple(link for link in links if link.link not in bad)
        return self._accepted(question, rest, refusals) if rest else ()

    def _refused_among(self, question: _Question, links: Links) -> set[str]:
        by_name = {link.link: link for link in links}
        try:
            return {*refused([*by_name], lambda names: self._works(question, tuple(by_name[name] for name in names)))}
        except SearchTooLongError:
            return {*by_name}

    def _works(self, question: _Question, links: Links) -> bool:
        """Whether the ERP accepts conditions on these links, or with none of them, the table without a condition."""
        try:
            self._spelt(question.tenant, links, partial(self._try, question, links))
        except RequestFailed as error:
            if not _is_refusal(error):
                raise
            return False
        return True

    def _spelt(self, tenant: str, links: Links, ask: Callable[[str], Answer]) -> Answer:
        """The answer in the spelling that the tenant accepts; where that is not known yet, in each."""
        known = self._words.get(tenant)
        if known or not any(link.is_many for link in links):
            return ask(known or ANY_SPELLINGS[0])
        refusal = None
        for word in ANY_SPELLINGS:
            try:
                answer = ask(word)
            except RequestFailed as error:
                if not _is_refusal(error):
                    raise
                refusal = refusal or error
            else:
                self._words[tenant] = word
                return answer
        assert refusal is not None
        raise refusal

    def _read(self, question: _Question, links: Links, word: str) -> Ids:
        params = {"$filter": filter_of(links, question.since, word), **BY_NOTE_ID}
        request: dict[str, Any] = {"where": question.where, "headers": self._headers, "decode": _DECODE}
        pages = list_pages(
            self._service,
            question.tenant,
            ODataFeed.TABLES,
            question.table.name,
            params,
            identify=lambda row: (str(row.get(NOTE_ID)),),
            most_rows=self._most_rows,
            **request,
        )
        return tuple(one for rows in pages for one in _ids_of(rows))

    def _try(self, question: _Question, links: Links, word: str) -> None:
        params = {"$select": NOTE_ID, "$top": "1"}
        if links:
            params["$filter"] = filter_of(links, question.since, word)
        self._service.rows(
            question.tenant,
            ODataFeed.TABLES,
            question.table.name,
            params,
            where=question.where,
            headers=self._headers,
            decode=_DECODE,
        )


def _ids_of(rows: Iterable[Raw]) -> Iterable[str]:
    return (str(row[NOTE_ID]).lower() for row in rows if row.get(NOTE_ID))


def _is_refusal(error: RequestFailed) -> bool:
    """Whether the ERP refuses this, and not only cannot answer now; 403 may mean one of the linked tables."""
    problem = error.problem
    if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return problem.is_explained
    return problem.status == HTTPStatus.FORBIDDEN or problem.action in (Action.ASK_FOR_LESS, Action.SKIP, Action.GONE)


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
