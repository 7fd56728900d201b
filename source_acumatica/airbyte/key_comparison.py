"""Finds deleted rows where the ERP does not keep deletions: compares the keys that it lists with those read before."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from airbyte_cdk.models import AirbyteMessage
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.airbyte.columns import ids_in
from source_acumatica.airbyte.known_keys import KnownKeys
from source_acumatica.airbyte.removals import Removal
from source_acumatica.erp.errors import message_of
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.facts import TenantFacts
from source_acumatica.reading.fields import Raw, format_instant, unwrap, utc_instant
from source_acumatica.reading.held_keys import HeldKeys
from source_acumatica.reading.key_sketch import MOST_CAPACITY
from source_acumatica.reading.learnt import NOT_COMPARED
from source_acumatica.reading.reader import Reader
from source_acumatica.reading.record_ids import as_text
from source_acumatica.reading.seen_keys import SeenKeys
from source_acumatica.reading.table import StreamTable
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")

# Through the contract-based REST API each is a request of its own. The rest waits for the next sync.
_MOST_ASKED = 300
# More than that, and more than a fifth of a table, is not deleted at once: rights may have been taken away.
_MANY, _PART_OF_A_TABLE = 10, 5
_MARK_CHARACTERS = 12
# A daily sync begins a little earlier now and then; it must not compare every other day.
_ALMOST = 0.95
# A list that is empty of a sudden may be a matter of rights, too.
_FEW = 2

Send = Callable[[Reader, Sequence[Raw]], Generator[AirbyteMessage, None, Sequence[str]]]
"""Makes records of the rows that are wanted; their ids, in lower case."""
Tombstones = Callable[[Iterable[Removal]], Iterator[AirbyteMessage]]


@dataclass
class _Listing:
    """The keys that the ERP lists now, beside those that were held before."""

    now: HeldKeys
    gone: list[str]
    """Held or sent, and not listed."""
    unsent: list[str]
    """Listed, and neither held nor sent."""


class _UncomparableError(Exception):
    """More has changed than can be told, or a key has come twice; the text says how many keys there are."""


@dataclass
class KeyComparison:
    """The keys of one tenant's table, in one sync.

    What may be in the destination is known as two sets: the keys that were listed at the last comparison, and those
    of rows that were sent since. So a row that is sent and deleted between two comparisons is missed at the second.

    As long as the ERP keeps all deletions, what is known is only kept, for a pause that is longer than the ERP's list.
    """

    reader: Reader
    """Of whole rows."""
    key_reader: Callable[[str | None], Reader]
    """Makes the reader of the ids alone, or of these and another column."""
    table: StreamTable
    progress: TenantCursor
    facts: TenantFacts
    window: Window
    """All rows that are wanted: a start date leaves out some."""
    every: timedelta
    now: Callable[[], datetime | None]
    send: Send
    tombstones: Tombstones
    note_brought: Callable[[str], None]
    """Told the keys of records that had not come before, which those of its lines follow."""
    are_kept: Callable[[], bool]
    """Whether the ERP keeps all deletions since they were last read."""
    closes_gap: bool = field(default=False, init=False)
    """Whether keys are known that the ERP's list of deletions may lack."""
    is_kept: bool = field(default=False, init=False)
    """Whether the ERP has kept all deletions since the keys were listed, so that there is nothing to compare."""
    _known: KnownKeys | None = field(default=None, init=False)
    _is_upper: bool = field(default=False, init=False)
    """Whether the ERP writes ids in upper case."""

    @property
    def tenant(self) -> str:
        """Whose table it is."""
        return self.reader.tenant

    @property
    def is_exact(self) -> bool:
        """Whether rows that were sent before are told from others one by one."""
        return self._known is not None and self._known.held.is_exact

    def begin(self) -> None:
        """Take up what is known from earlier syncs; where nothing is, list the keys before any row is sent."""
        was, are_kept = self.progress.progress(self.tenant), self.are_kept()
        if was.is_kept and not are_kept:
            # The pause was too long, or the table is not tracked any more: what was deleted meanwhile is in no list.
            self.progress.note(self.tenant, is_kept=False, is_due=True)
        self.is_kept = was.is_kept and are_kept
        try:
            self._known = KnownKeys.of_state(was)
        except ValueError as error:
            logger.warning(f"{self.reader.where}: {error}: keys are compared from now on only.")
            self._known = KnownKeys()
        self.closes_gap = not self._known.is_empty
        if was.is_kept and not was.held:
            self._begin_again(are_kept=are_kept)
        elif not (was.held if self.is_kept else self._known.held.count):
            self.is_kept = are_kept
            self._try(self._list_first)
        elif was.compared_with != self._mark:
            self._try(self._list_under_new_conditions)

    def _begin_again(self, *, are_kept: bool) -> None:
        """Keys were listed, and more rows have come than could be kept: list them once it is time again."""
        self.is_kept = are_kept
        if are_kept and not self._is_time():
            self._known = None
        else:
            self._try(self._list_first)

    def note_sent(self, records: Sequence[Any]) -> None:
        """Remember rows that are about to be sent; the state that follows them has to know their keys."""
        if self._known is None:
            return
        try:
            self._known.send(self._in_lower_case(ids_in(records, self.table.id_field)))
        except ValueError as error:
            self._give_up(str(error))
            return
        if self._known.is_full:
            self._try(self._make_room)
        if self._known is not None:
            self.progress.note(self.tenant, **self._known.since())

    def note_removed(self, ids: Iterable[str]) -> None:
        """Remember rows whose tombstones are about to be sent."""
        if self._known is None:
            return
        try:
            has_changed = self._known.remove([each.lower() for each in ids])
        except ValueError as error:
            self._give_up(str(error))
            return
        self.progress.note(self.tenant, **(self._known.as_state() if has_changed else self._known.since()))

    def compare(self) -> Iterator[AirbyteMessage]:
        """Where it is due: tombstones for rows that are gone, and rows that are there and have not come."""
        if self._known is None or self.is_kept or not self._is_time():
            return
        try:
            yield from self._compared(self._known)
        except PoolClosed:
            raise
        except AirbyteTracedException as error:
            logger.warning(f"{message_of(error)}. Keys are compared with the next sync.")
        except (_UncomparableError, ValueError) as error:
            self._give_up(str(error))

    # ------------------------------------------------------------------------------------------------ listing the keys

    def _list_first(self) -> None:
        """All that is listed before a first read may be in the destination soon."""
        was = self._known or KnownKeys()
        known = KnownKeys(HeldKeys(was.held.capacity), {*was.sent}, seen=(seen := SeenKeys()))
        for ids, _recent in self._pages():
            known.held.add_all(ids)
            known.sent.difference_update(ids)
            seen.add_all(ids)
        if known.is_full:
            known.sent.clear()
        self._keep_listed(known, is_compared=True)

    def _make_room(self) -> None:
        """More rows have been sent than a state should keep."""
        if self._known and self._known.held.is_exact:
            self._known.fold()
            self.progress.note(self.tenant, **self._known.as_state())
        elif not self.is_kept or self._is_time():
            self._list_again()
        else:
            # Lists cost no more than the setting says. A pause that is too long meanwhile is warned of.
            self._known = None
            self.progress.note(self.tenant, held="", sent="", removed="")

    def _list_again(self) -> None:
        """From here on, only keys that are not listed are remembered."""
        seen = SeenKeys()
        try:
            listing = self._listed(seen)
        except _UncomparableError:
            if not self.is_kept:
                raise
            self._list_first()
            return
        known = KnownKeys(listing.now, seen=seen)
        known.expect(listing.unsent)
        # Keep what is gone among what is held, so that the next comparison finds it.
        known.held.add_all(listing.gone)
        self._keep_listed(known, is_compared=self.is_kept)

    def _list_under_new_conditions(self) -> None:
        """Other rows are listed now; what was deleted is found all the same, as each key that is gone is asked for."""
        try:
            self._list_again()
        except _UncomparableError as error:
            logger.warning(
                f"{self.reader.where}: {error}, since settings were changed: rows that were deleted since the last "
                "comparison stay in the destination: refresh this stream."
            )
            self._list_first()

    def _listed(self, seen: SeenKeys | None = None) -> _Listing:
        """The keys as they are listed now.

        Raises:
            _UncomparableError: they cannot be compared with those held.
        """
        known = self._known or KnownKeys()
        lost, recent = set(known.sent), HeldKeys(known.held.capacity)

        def ids() -> Iterator[str]:
            for some, new in self._pages():
                lost.difference_update(some)
                recent.add_all(new)
                if seen:
                    seen.add_all(some)
                yield from some

        comparison = known.held.compare(ids(), recent)
        if comparison.gone is None:
            sentence = f"{known.held.count:,} keys were held, and {comparison.listed.count:,} are listed now"
            raise _UncomparableError(sentence)
        new = [each for each in dict.fromkeys(comparison.new) if each not in known.sent]
        removed = known.removed | known.removed_now
        return _Listing(comparison.listed, sorted({*comparison.gone, *lost} - removed), new)

    def _pages(self) -> Iterator[tuple[list[str], list[str]]]:
        """The ids of each page, and those among them of rows that say that they were created since the last list."""
        since = self.progress.progress(self.tenant).listed
        created = self.table.created if since and not self.is_exact else None
        id_field = self.table.id_field
        for page in self.key_reader(created).pages(self.window):
            rows = [row for row in page.rows if row.get(id_field)]
            ids = self._in_lower_case([str(row.get(id_field)) for row in rows])
            if created and since:
                at = (utc_instant(unwrap(row.get(created))) for row in rows)
                yield ids, [each for each, made in zip(ids, at, strict=True) if made and made > since]
            else:
                yield ids, []

    def _in_lower_case(self, ids: Sequence[str]) -> list[str]:
        lower = [each.lower() for each in ids]
        self._is_upper = self._is_upper or (lower != ids and any(map(str.isupper, ids)))
        return lower

    # ------------------------------------------------------------------------------------------------------- comparing

    def _is_time(self) -> bool:
        """Whether keys were last listed so long ago as the settings say."""
        was, now = self.progress.progress(self.tenant), self.now()
        compared = was.compared
        if was.is_due or compared is None or now is None or compared > format_instant(now):
            return now is not None
        return now - datetime.fromisoformat(compared) >= self.every * _ALMOST

    def _compared(self, known: KnownKeys) -> Iterator[AirbyteMessage]:
        held, sent = known.held.count, len(known.sent)
        listing = self._listed()
        # Those that were there at the last comparison, and not listed, do not take the places of others.
        doubtful = sorted(listing.gone, key=known.sent.__contains__)
        asked, waiting = doubtful[:_MOST_ASKED], doubtful[_MOST_ASKED:]
        unsent, later = listing.unsent[:_MOST_ASKED], listing.unsent[_MOST_ASKED:]
        there = {id_ for id_, row in self.key_reader(None).by_ids(asked, is_unconditional=True) if row is not None}
        gone = [each for each in asked if each not in there]
        shown = sorted(there) if not self.table.condition else []
        if self._is_suspicious(len(gone) + len(gone) * len(waiting) // max(len(asked), 1), listing.now.count, held):
            listing.now.remove_all(listing.unsent)
            listing.now.add_all([*gone, *shown, *waiting])
            self._keep_listed(KnownKeys(listing.now), is_compared=True)
            return
        removals = [Removal(self._spelt(each), self._time() or "", self._latest) for each in gone]
        yield from self.tombstones(removals)
        # What is there and not listed may be left out by the row filter, or the start date: then it is not followed.
        wanted = [*unsent, *shown]
        rows = [row for _, row in self.reader.by_ids(wanted, is_unconditional=True) if row is not None]
        back = yield from self.send(self.reader, rows)
        listing.now.add_all(waiting)
        listing.now.remove_all(later)
        has_more = bool(later) or not known.sent.issuperset(waiting)
        # Deletions were read before the keys: where the ERP keeps them, its list goes on from here without a gap.
        self.is_kept = not has_more and self.are_kept()
        if back:
            self.progress.note(self.tenant, brought=as_text(back))
            self.note_brought(as_text(back))
        self._keep_listed(KnownKeys(listing.now, there.intersection(back)), is_compared=True, is_due=has_more)
        self.facts.forget(NOT_COMPARED)
        logger.info(
            f"{self.reader.where}: {listing.now.count:,} keys were compared with {held:,} that were listed before and "
            f"{sent:,} sent since: {len(removals):,} rows are gone, {len(back):,} had not come"
            f"{f', {len(waiting) + len(later):,} more are looked at with the next sync' if has_more else ''}."
        )

    def _is_suspicious(self, gone: int, listed: int, held: int) -> bool:
        """Whether about so many rows are gone that they may only be hidden; the log says so."""
        is_large = gone > _MANY and gone * _PART_OF_A_TABLE > held
        if not gone or (not is_large and (listed or held <= _FEW)):
            return False
        logger.warning(
            f"{self.reader.where}: of {held:,} rows that were read, the ERP does not find {gone:,} any more. So "
            "many are seldom deleted at once: the user's rights may have been changed. They stay in the destination; "
            "if they were deleted, refresh this stream."
        )
        return True

    def _spelt(self, id_: str) -> str:
        """As rows have been sent with it."""
        return id_.upper() if self._is_upper else id_

    # ----------------------------------------------------------------------------------------------------------- state

    @property
    def _latest(self) -> str | None:
        """The latest stamp that rows were sent with."""
        return self.progress.progress(self.tenant).latest_sent

    @property
    def _mark(self) -> str:
        """What the list depends on: keys that were listed under another condition say nothing."""
        text = f"{self.window.since} {self.table.condition}"
        return hashlib.sha256(text.encode()).hexdigest()[:_MARK_CHARACTERS]

    def _keep_listed(self, known: KnownKeys, *, is_compared: bool, is_due: bool = False) -> None:
        """Keep what was listed just now; unless it ``is_compared``, when to compare stays as it was."""
        self._known, now = known, self._time()
        kept = {**known.as_state(), "listed": now, "compared_with": self._mark, "is_kept": self.is_kept}
        schedule = {"compared": now, "is_due": is_due} if is_compared else {}
        self.progress.keys_known(self.tenant, **kept, **schedule)

    def _time(self) -> str | None:
        now = self.now()
        return format_instant(now) if now else None

    def _try(self, list_keys: Callable[[], None]) -> None:
        try:
            list_keys()
        except PoolClosed:
            raise
        except AirbyteTracedException as error:
            logger.warning(f"{message_of(error)}. Keys cannot be compared now; all rows are read.")
            self._known = None
        except (_UncomparableError, ValueError) as error:
            self._give_up(str(error))

    def _give_up(self, reason: str) -> None:
        """Keep what is held for one more try, and begin anew then, with a larger table."""
        if not self.facts.remembers(NOT_COMPARED):
            self.facts.learn(NOT_COMPARED)
            logger.info(
                f"{self.reader.where}: {reason}: it could not be found out which are gone. The next sync tries again."
            )
            self._known = None
            return
        self.facts.forget(NOT_COMPARED)
        capacity = min(2 * self._known.held.capacity, MOST_CAPACITY) if self._known else MOST_CAPACITY
        logger.warning(
            f"{self.reader.where}: {reason}: more has changed than can be told. Rows that were deleted since the last "
            "comparison stay in the destination: refresh this stream. Sync more often if this comes again."
        )
        none = KnownKeys(HeldKeys(capacity)).as_state()
        self.progress.keys_known(self.tenant, **none, compared=None, is_kept=False)
        self._known = None
