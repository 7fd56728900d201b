"""Reads which records were removed: those that the ERP keeps a list of, and those that it only flags."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.airbyte.records import in_pieces
from source_acumatica.airbyte.removals import Removal
from source_acumatica.erp.errors import Action, RequestFailed, told
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.odata.codec import ODataAnswer, decode_answer, decode_rows
from source_acumatica.odata.deleted_rows import DeletedRow, NoteIds, decode_deleted, latest_meant, rows_of
from source_acumatica.odata.query import instant_literal
from source_acumatica.odata.service import ODataService
from source_acumatica.odata.tables import DELETED_FLAG, NOTE_ID, ODataFeed, ODataTable
from source_acumatica.odata.tracking import TRACKING_FORM, History
from source_acumatica.reading.fields import Raw, format_instant, utc_instant
from source_acumatica.reading.page_size import FIRST_PAGE_ROWS
from source_acumatica.reading.progress import Progress
from source_acumatica.reading.trail import Identity

logger = logging.getLogger("airbyte")

_STAMP = "LastModifiedDateTime"
_NOT_FOUND = 404
_SERVER_ERROR = 500
_NO_SUCH_FLAG = f"Could not find a property named '{DELETED_FLAG}'"
_SHOW = {"PX-ApiDeleted": "SHOW"}
# So many ids make a condition of just below 1,000 characters (BEHAVIOR.md, "Lists").
_IDS_IN_A_CONDITION = 19
# Deletions are few, or of a kind (a purge), whose rows nobody has changed for long.
_MOST_ASKED = 30


class NotTrackedError(Exception):
    """The ERP does not keep the deletions of this table; the text is what it says to that."""


class NoFlagsError(Exception):
    """The table has no flag for deleted rows."""


class _FlagNotShownError(Exception):
    """The flag was selected and does not come."""


@dataclass
class Deletions:
    """What one tenant's table has lost (BEHAVIOR.md, "Deletions")."""

    tenant: str
    service: ODataService
    sets: Sequence[str]
    """The names under which the table may be found, the surest first."""
    where: str
    most_rows: int = FIRST_PAGE_ROWS
    table: ODataTable | None = None
    """As the tenant describes it; None where that is not known."""
    newest: str | None = None
    """The latest stamp that any row of the stream was sent with, as far as is known."""
    has_own_stamp: bool = False
    """Whether that is the table's own stamp; an entity may show that of another table of its form."""
    sent_by: str | None = None
    """The latest stamp that a row was sent with before this sync, but for those of days to come."""
    _asked: int = field(default=0, init=False)
    """How often it was asked whether records are gone."""

    # --------------------------------------------------------------------------------------------- what the ERP lists

    def listed(self, since: str | None) -> Iterator[Sequence[Removal]]:
        """The records deleted from ``since`` on, as the ERP lists them, in the order of time.

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
        """Whether the ERP lists any deletion at all; an untracked table has none, and cannot have.

        Raises:
            NotTrackedError: as ``listed``; so ``RequestFailed``.
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
        """One without a time must not lose against the row that it removes: it happened by now."""
        shown = utc_instant(at)
        if at is None or shown is None:
            return Removal(note_id, format_instant(self.service.now(self.tenant)), self._latest_sent)
        return Removal(note_id, shown, latest_meant(at))

    def _behind_what_was_sent(self, removals: Sequence[Removal]) -> Sequence[Removal]:
        """Rows may have been sent with later stamps than their deletion has, where two clocks stamp them.

        They may also be there again, changed since: only those that are not are removed behind all that was sent.
        """
        doubtful = [each.id for each in removals if self.sent_by and (each.behind or each.at) < self.sent_by]
        gone: set[str] = set()
        for some in in_pieces(doubtful, _IDS_IN_A_CONDITION):
            if self._asked < _MOST_ASKED:
                self._asked += 1
                gone |= self._gone(some)
        return [replace(each, behind=self.sent_by) if each.id in gone else each for each in removals]

    def _gone(self, ids: Sequence[str]) -> set[str]:
        """Those that the table does not have now; none where it cannot be asked for them."""
        rest = {each.lower(): each for each in ids}
        try:
            # An answer may have fewer rows than are there.
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
        """Those of the ids that the table shows with these headers, in lower case."""
        condition = " or ".join(f"{NOTE_ID} eq {each}" for each in ids)
        pages = self._pages("", {"$select": NOTE_ID, "$filter": condition}, headers, is_short=is_short)
        return {each.lower() for page in pages for each in _ids_of(page)}

    @property
    def _latest_sent(self) -> str:
        """Not earlier than any stamp that a row was sent with, and not later than what is changed from now on.

        Of all clocks, that is known of the one by which rows are stamped: a row that comes back is stamped later than
        any that has come (BEHAVIOR.md, "Deletions").
        """
        now = self.service.now(self.tenant)
        if self.newest is None:
            return format_instant(now)
        return min(self.newest, format_instant(now + _FURTHEST_AHEAD))

    # -------------------------------------------------------------------------------------------- what the ERP flags

    def flagged(self) -> Iterator[Sequence[Removal]]:
        """The records that are there with the flag of deleted ones.

        The ERP does not say when it set the flag, so the time is that of the row's last change. Where the stream has
        another stamp, that time may be earlier than the one that the row was sent with; ``behind`` is not. Where the
        flag can be neither filtered by nor selected, the rows are those that come with the header that shows deleted
        ones only.

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
        """Whatever was filtered by, the flag itself decides."""
        columns = [*self._columns, DELETED_FLAG]
        for rows in self._pages("", {"$select": ",".join(columns), **condition, **_BY_NOTE_ID}, _SHOW):
            if any(DELETED_FLAG not in row for row in rows):
                raise _FlagNotShownError
            yield self._flagged_removals(row for row in rows if row[DELETED_FLAG] is True)

    def _compared(self) -> Iterator[Sequence[Removal]]:
        """The rows that come with the header only; one that is new meanwhile is found without it when asked again."""
        options, shown = {"$select": ",".join(self._columns), **_BY_NOTE_ID}, NoteIds()
        for rows in self._pages("", options, {}):
            shown.update(_ids_of(rows))
        for rows in self._pages("", options, _SHOW):
            hidden = [row for row in rows if row.get(NOTE_ID) and str(row[NOTE_ID]) not in shown]
            for some in in_pieces(hidden, _IDS_IN_A_CONDITION):
                yield self._flagged_removals(self._confirmed(some))

    def _confirmed(self, rows: Sequence[Raw]) -> list[Raw]:
        """Those that are found by their ids with the header, and not without it."""
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
        """The pages of the table, under the first of its names that is known; ``is_short``: one answer is enough."""
        request: dict[str, Any] = {"where": self.where, "headers": headers, "decode": decode or _DECODE_ROWS}
        more = {**request, "identify": identify or _identity_of_a_row, "most_rows": self.most_rows}

        def pages(resource: str) -> Iterable[Sequence[Any]]:
            if is_short:
                return [self.service.all_rows(self.tenant, ODataFeed.TABLES, resource, options, **request)]
            return self.service.pages(self.tenant, ODataFeed.TABLES, resource, options, **more)

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
# Single rows may be stamped with any time to come; one clock is not further ahead of another than this.
_FURTHEST_AHEAD = timedelta(days=1)


def sets_of(dac: str) -> tuple[str, str]:
    """The names of the sets of a table: the one made of its full name is no other table's."""
    return dac.replace(".", "_"), dac.rpartition(".")[2]


def _identity_of_a_deletion(row: DeletedRow) -> Identity:
    return (f"{row.note_id} {row.at}",)


def _identity_of_a_row(row: Raw) -> Identity:
    return (str(row.get(NOTE_ID)),)


def _ids_of(rows: Iterable[Raw]) -> Iterator[str]:
    return (str(row[NOTE_ID]) for row in rows if row.get(NOTE_ID))


def _is_refusal(error: RequestFailed) -> bool:
    """Whether the ERP does not want to answer this, other than one that cannot answer now."""
    problem = error.problem
    if problem.status == _SERVER_ERROR:
        return problem.is_explained
    return problem.status == _NOT_FOUND or problem.action in (Action.CLIMB_DOWN, Action.SKIP, Action.GONE)


# ------------------------------------------------------------------------------------------------------------ a stream


@dataclass
class RemovedReader:
    """Reads what a stream's table has lost, from both places: a failure of the one leaves the other."""

    deletions: Deletions
    history: History
    was: Progress
    now: datetime | None
    may_have_flags: bool = True
    is_header_known: bool = False
    """Whether flagged rows of any table have come from this site."""
    is_listed: bool = field(default=False, init=False)
    """Whether the ERP's list has been read to its end."""
    is_empty: bool = field(default=True, init=False)
    """Whether nothing stood in it."""
    has_flags: bool | None = field(default=None, init=False)
    """Whether the table has flags, as was found out now; None if nobody asked, or nobody could answer."""
    has_flagged: bool = field(default=False, init=False)
    """Whether a row with the flag has come: a site that does not know the header which shows them answers with none."""

    def removals(self, since: str | None) -> Iterator[Sequence[Removal]]:
        """All there are, of those that the ERP lists from ``since`` on; the log says what is not read, and why."""
        yield from self._flagged()
        yield from self._listed(since)

    def _flagged(self) -> Iterator[Sequence[Removal]]:
        if not self.may_have_flags:
            return
        try:
            for removals in self.deletions.flagged():
                self.has_flagged = self.has_flagged or bool(removals)
                yield removals
            self.has_flags = True
        except NoFlagsError:
            self.has_flags = False
        except PoolClosed:
            raise
        except AirbyteTracedException as error:
            logger.warning(f"{told(error)}. Deleted rows that the table only flags are not read; all others are.")

    def _listed(self, since: str | None) -> Iterator[Sequence[Removal]]:
        try:
            yield from self._believed(since)
        except NotTrackedError as refusal:
            self._warn_of_untracked(str(refusal))
        except PoolClosed:
            raise
        except AirbyteTracedException as error:
            logger.warning(f"{told(error)}. Deleted records are not read; all others are.")
        else:
            self.is_listed = True
            self._warn_of_gap()

    def _believed(self, since: str | None) -> Iterator[Sequence[Removal]]:
        """An empty list may be the answer for any table that is not on the form, as far as is known.

        The position stays then: the ERP keeps deletions from the moment on in which a table is listed, so that nothing
        is missed by asking from further back.
        """
        for removals in self.deletions.listed(since):
            self.is_empty = self.is_empty and not removals
            yield removals
        if self.is_empty and not self.history.lists(self.deletions.sets) and not self.deletions.has_entries():
            raise NotTrackedError(_NOTHING_LISTED)

    def _warn_of_untracked(self, reason: str) -> None:
        where, table = self.deletions.where, self.deletions.sets[-1]
        if self.history.lists(self.deletions.sets):
            logger.warning(
                f"{where}: {reason}, though {table} is listed on {TRACKING_FORM}. Deleted records are not read; all "
                "others are."
            )
        elif self.has_flags and (self.has_flagged or self.is_header_known):
            return
        elif self.has_flags:
            logger.warning(
                f"{where}: deleted records of {table} are not tracked, and no row has come that is flagged as deleted. "
                f"Unless none was ever deleted, list the table on {TRACKING_FORM}. ({reason})"
            )
        elif self.history.added is None and reason == _NOTHING_LISTED:
            logger.warning(
                f"{where}: deleted records of {table} may not be tracked: {reason}, and the list of tracked tables "
                f"cannot be read. If {table} is not on {TRACKING_FORM}, list it there, and refresh this stream then: "
                "what is deleted before stays in the destination."
            )
        else:
            logger.warning(
                f"{where}: deleted records of {table} are not tracked: list the table on {TRACKING_FORM}. They are not "
                f"read; all others are. ({reason})"
            )

    def _warn_of_gap(self) -> None:
        """Whoever has been read before may have rows that nobody will ever name again."""
        if not (self.was.reached or self.was.deletions):
            return
        asked = self.was.deletions_asked or self.was.deletions
        gap = self.history.gap(self.deletions.sets, asked, self.now)
        if gap:
            logger.warning(
                f"{self.deletions.where}: {gap}. Rows deleted in between may have stayed in the destination: refresh "
                "this stream."
            )


_NOTHING_LISTED = "the ERP answers with an empty list, as if nothing had ever been deleted"
