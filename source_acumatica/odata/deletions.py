"""Reads which records of a table were deleted: those that the ERP lists, and those that it only flags."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any

from source_acumatica.airbyte.records import in_pieces
from source_acumatica.airbyte.removals import Removal
from source_acumatica.erp.errors import Action, RequestFailed
from source_acumatica.erp.http_session import SHOW_ARCHIVED
from source_acumatica.odata.codec import ODataAnswer, decode_answer, decode_rows
from source_acumatica.odata.deleted_rows import DeletedRow, NoteIds, decode_deleted, latest_meant, rows_of
from source_acumatica.odata.paged_list import list_pages
from source_acumatica.odata.query import IDS_IN_A_CONDITION, instant_literal, of_ids
from source_acumatica.odata.service import ODataService
from source_acumatica.odata.tables import DELETED_FLAG, NOTE_ID, ODataFeed, ODataTable
from source_acumatica.reading.fields import Raw, format_instant, utc_instant
from source_acumatica.reading.page_size import FIRST_PAGE_ROWS
from source_acumatica.reading.sent_rows import Identity

logger = logging.getLogger("airbyte")

_STAMP = "LastModifiedDateTime"
_NOT_FOUND = 404
_SERVER_ERROR = 500
_NO_SUCH_FLAG = f"Could not find a property named '{DELETED_FLAG}'"
_SHOW = {"PX-ApiDeleted": "SHOW"}
# Requests at most. Deletions are few, or they are a purge of rows that were not changed for long.
_MOST_ASKED = 30


class NotTrackedError(Exception):
    """The ERP does not keep the deletions of this table; the text is its reason."""


class NoFlagsError(Exception):
    """The table has no flag for deleted rows."""


class _FlagNotShownError(Exception):
    """The flag was selected, and the rows come without it."""


@dataclass
class Deletions:
    """The deleted rows of one tenant's table (BEHAVIOR.md, "Deletions")."""

    tenant: str
    service: ODataService
    sets: Sequence[str]
    """The names of the entity sets that may be the table's, the surest first."""
    where: str
    most_rows: int = FIRST_PAGE_ROWS
    table: ODataTable | None = None
    """The table as the tenant describes it; None if unknown."""
    newest: str | None = None
    """The latest stamp of any row that was sent, as far as is known."""
    has_own_stamp: bool = False
    """Whether that is the table's own stamp; an entity may show that of another table of its form."""
    sent_by: str | None = None
    """The latest stamp of any row that was sent before this sync, except those in the future."""
    _asked: int = field(default=0, init=False)
    """How many requests have asked whether records are gone."""

    # --------------------------------------------------------------------------------------------- what the ERP lists

    def listed(self, since: str | None) -> Iterator[Sequence[Removal]]:
        """The records deleted from ``since`` on, as the ERP lists them, by time.

        Raises:
            NotTrackedError: the ERP refuses, as it may for a table that is not tracked.
            RequestFailed: OData is closed, or does not answer.
        """
        options = {"$filter": f"DeleteDate ge {instant_literal(since, 4)}"} if since else {}
        options["$orderby"] = "DeleteDate,RefNoteID"
        has_begun, nameless = False, 0
        try:
            for rows in self._pages("/px.GetDeletedRecords()", options, {}, _identity_of_a_deletion, decode_deleted):
                has_begun = True
                for some in rows_of(rows):
                    removals = [self._removal(row.note_id, row.at) for row in some if row.note_id]
                    nameless += len(some) - len(removals)
                    yield self._behind_what_was_sent(removals)
        except RequestFailed as error:
            if has_begun or not _is_refusal(error):
                raise
            raise NotTrackedError(error.problem.sentence) from None
        if nameless:
            logger.warning(
                f"{self.where}: {nameless} of the deletions that the ERP lists do not say which record is gone. Those "
                "records may stay in the destination."
            )

    def has_entries(self) -> bool:
        """Whether the ERP lists any deletion at all; for an untracked table it lists none.

        Raises:
            NotTrackedError, RequestFailed: as ``listed``.
        """
        return any(self.listed(None))

    def has_rows(self) -> bool:
        """Whether the table has any row at all.

        Raises:
            RequestFailed: OData does not answer that.
        """
        return any(map(len, self._pages("", {"$top": "1"}, {}, decode=decode_answer, is_short=True)))

    def has_any(self, ids: Sequence[str]) -> bool:
        """Whether any of the ids is a NoteID in the table.

        Raises:
            RequestFailed: OData does not answer that.
        """
        return bool(self._found(ids, {}, is_short=True))

    def _removal(self, note_id: str, at: str | None) -> Removal:
        """A deletion without a time must not lose against the row that it removes, so it counts as of now."""
        shown = utc_instant(at)
        if at is None or shown is None:
            return Removal(note_id, format_instant(self.service.now(self.tenant)), self._latest_sent)
        return Removal(note_id, shown, latest_meant(at))

    def _behind_what_was_sent(self, removals: Sequence[Removal]) -> Sequence[Removal]:
        """Move a deletion behind the row that it removes, where that was sent with a later stamp by another clock.

        The record may also exist again, and have been changed since; then its deletion stays where it is.
        """
        doubtful = [each.id for each in removals if self.sent_by and (each.behind or each.at) < self.sent_by]
        gone: set[str] = set()
        for some in in_pieces(doubtful, IDS_IN_A_CONDITION):
            if self._asked < _MOST_ASKED:
                self._asked += 1
                gone |= self._gone(some)
        return [replace(each, behind=self.sent_by) if each.id in gone else each for each in removals]

    def _gone(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that the table does not have now; none where it cannot be asked."""
        rest = {each.lower(): each for each in ids}
        try:
            # An answer may have fewer rows than there are.
            while rest and (there := self._found(rest.values(), {}, is_short=True)):
                if there.isdisjoint(rest):
                    return set()
                rest = {low: each for low, each in rest.items() if low not in there}
        except RequestFailed as error:
            if not _is_refusal(error):
                raise
            self._asked = _MOST_ASKED
            logger.info(
                f"{self.where}: {error.problem.sentence}. Whether deleted records are there again is not known."
            )
            return set()
        return {*rest.values()}

    def _found(self, ids: Iterable[str], headers: Mapping[str, str], *, is_short: bool = False) -> set[str]:
        """Those of the ids that the table shows with these headers, archived or not, in lower case."""
        condition = of_ids([*ids])
        # A record that is archived has not gone, whether or not the stream has it.
        headers = {**SHOW_ARCHIVED, **headers}
        pages = self._pages("", {"$select": NOTE_ID, "$filter": condition}, headers, is_short=is_short)
        return {each.lower() for page in pages for each in _ids_of(page)}

    @property
    def _latest_sent(self) -> str:
        """Not earlier than any stamp that a row was sent with, and not later than any change from now on.

        Only the clock that stamps rows allows that: a record that comes back is stamped later than all that were sent
        (BEHAVIOR.md, "Deletions").
        """
        now = self.service.now(self.tenant)
        if self.newest is None:
            return format_instant(now)
        return min(self.newest, format_instant(now + _MOST_CLOCK_DIFFERENCE))

    # -------------------------------------------------------------------------------------------- what the ERP flags

    def flagged(self) -> Iterator[Sequence[Removal]]:
        """The records that exist with the flag of deleted ones.

        The ERP does not say when it set the flag, so the time is that of the row's last change. Where the stream has
        another stamp, that time may be earlier than the stamp that the row was sent with; ``behind`` is not. Where the
        flag can be neither filtered by nor selected, the deleted rows are those that come only with the header that
        shows them.

        Raises:
            NoFlagsError: the table has no such flag.
            RequestFailed: OData is closed, or does not answer.
        """
        if self.table and not self.table.has_flags:
            raise NoFlagsError
        is_restricted = self.table is not None and DELETED_FLAG in self.table.restricted
        ways = [self._selected, self._compared] if is_restricted else [self._filtered, self._selected, self._compared]
        for way in ways:
            try:
                yield from way()
            except _FlagNotShownError:
                logger.info(f"{self.where}: the flag of deleted rows is selected and does not come.")
            except RequestFailed as error:
                if not is_restricted and _NO_SUCH_FLAG in str(error):
                    raise NoFlagsError from None
                if way == ways[-1] or not _is_refusal(error) or error.problem.status == _NOT_FOUND:
                    raise
                logger.info(f"{self.where}: {error.problem.sentence}. Deleted rows are looked for in another way.")
            else:
                return

    def _filtered(self) -> Iterator[Sequence[Removal]]:
        return self._by_flag({"$filter": f"{DELETED_FLAG} eq true"})

    def _selected(self) -> Iterator[Sequence[Removal]]:
        return self._by_flag({})

    def _by_flag(self, condition: Mapping[str, str]) -> Iterator[Sequence[Removal]]:
        """The flag in the row decides, since the ERP may ignore the filter."""
        columns = [*self._columns, DELETED_FLAG]
        for rows in self._pages("", {"$select": ",".join(columns), **condition, **_BY_NOTE_ID}, _SHOW):
            if any(DELETED_FLAG not in row for row in rows):
                raise _FlagNotShownError
            yield self._flagged_removals(row for row in rows if row[DELETED_FLAG] is True)

    def _compared(self) -> Iterator[Sequence[Removal]]:
        """The rows that come only with the header; each is asked for again, since it may just have been inserted."""
        options, shown = {"$select": ",".join(self._columns), **_BY_NOTE_ID}, NoteIds()
        for rows in self._pages("", options, {}):
            shown.update(_ids_of(rows))
        for rows in self._pages("", options, _SHOW):
            hidden = [row for row in rows if row.get(NOTE_ID) and str(row[NOTE_ID]) not in shown]
            for some in in_pieces(hidden, IDS_IN_A_CONDITION):
                yield self._flagged_removals(self._confirmed(some))

    def _confirmed(self, rows: Sequence[Raw]) -> list[Raw]:
        """The rows that are found by their ids with the header, and not without it."""
        with_header, without = (self._found(_ids_of(rows), each) for each in (_SHOW, {}))
        return [row for row in rows if str(row[NOTE_ID]).lower() in with_header - without]

    def _flagged_removals(self, rows: Iterable[Raw]) -> list[Removal]:
        latest = self._latest_sent
        by_now = format_instant(self.service.now(self.tenant))
        return [self._flagged_removal(row, by_now, latest) for row in rows if row.get(NOTE_ID)]

    def _flagged_removal(self, row: Raw, by_now: str, latest: str) -> Removal:
        if self._stamp is None or self._stamp not in row:
            return Removal(str(row[NOTE_ID]), by_now, latest)
        stamp = utc_instant(row[self._stamp])
        return Removal(str(row[NOTE_ID]), stamp or _LONG_AGO, stamp if self.has_own_stamp and stamp else latest)

    @property
    def _stamp(self) -> str | None:
        """The column with the time of the last change, if it can be selected."""
        if self.table is None:
            return _STAMP
        return None if self.table.cursor in self.table.restricted else self.table.cursor

    @property
    def _columns(self) -> list[str]:
        return [NOTE_ID, *filter(None, [self._stamp])]

    # ------------------------------------------------------------------------------------------------------- requests

    def _pages(
        self,
        call: str,
        options: Mapping[str, str],
        headers: Mapping[str, str],
        identify: Callable[[Any], Identity] | None = None,
        decode: Callable[[bytes], ODataAnswer] | None = None,
        *,
        is_short: bool = False,
    ) -> Iterator[Sequence[Any]]:
        """The pages of the table, under the first of its names that exists. ``is_short``: the answer needs no pages."""
        request: dict[str, Any] = {"where": self.where, "headers": headers, "decode": decode or _DECODE_ROWS}
        more = {**request, "identify": identify or _identity_of_a_row, "most_rows": self.most_rows}

        def pages(resource: str) -> Iterable[Sequence[Any]]:
            if is_short:
                return [self.service.all_rows(self.tenant, ODataFeed.TABLES, resource, options, **request)]
            return list_pages(self.service, self.tenant, ODataFeed.TABLES, resource, options, **more)

        for name in self.sets:
            has_begun = False
            try:
                for rows in pages(f"{name}{call}"):
                    has_begun = True
                    yield rows
            except RequestFailed as error:
                if has_begun or error.problem.status != _NOT_FOUND or name == self.sets[-1]:
                    raise
            else:
                return


_BY_NOTE_ID = {"$orderby": NOTE_ID}
_DECODE_ROWS = partial(decode_rows, columns=(NOTE_ID,))
# When a flagged row without a stamp was changed.
_LONG_AGO = "1900-01-01T00:00:00.000000Z"
# A single row may be stamped with any time in the future; two clocks differ by less than this.
_MOST_CLOCK_DIFFERENCE = timedelta(days=1)


def sets_of(dac: str) -> tuple[str, str]:
    """The names of a table's entity sets; only the one made of its full name is certain to be its own."""
    return dac.replace(".", "_"), dac.rpartition(".")[2]


def _identity_of_a_deletion(row: DeletedRow) -> Identity:
    return (f"{row.note_id} {row.at}",)


def _identity_of_a_row(row: Raw) -> Identity:
    return (str(row.get(NOTE_ID)),)


def _ids_of(rows: Iterable[Raw]) -> Iterator[str]:
    return (str(row[NOTE_ID]) for row in rows if row.get(NOTE_ID))


def _is_refusal(error: RequestFailed) -> bool:
    """Whether the ERP refuses to answer this, and not only cannot answer now."""
    problem = error.problem
    if problem.status == _SERVER_ERROR:
        return problem.is_explained
    return problem.status == _NOT_FOUND or problem.action in (Action.ASK_FOR_LESS, Action.SKIP, Action.GONE)
