"""Finds deleted rows where the ERP does not keep deletions: compares the keys that it lists with those read before."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from airbyte_cdk.models import AirbyteMessage
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.airbyte.columns import ids_in
from source_acumatica.airbyte.removals import Removal
from source_acumatica.erp.errors import message_of
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.facts import TenantFacts
from source_acumatica.reading.fields import Raw, format_instant
from source_acumatica.reading.held_keys import HeldKeys
from source_acumatica.reading.key_sketch import DEFAULT_CAPACITY, MOST_CAPACITY
from source_acumatica.reading.learnt import NOT_COMPARED
from source_acumatica.reading.reader import Reader
from source_acumatica.reading.record_ids import as_text, of_text
from source_acumatica.reading.seen_keys import SeenKeys
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")

# Ids that were sent since the last comparison; their text in the state has 43 kB.
_MOST_SENT = 2_000
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
    """

    reader: Reader
    """Of whole rows."""
    key_reader: Callable[[], Reader]
    id_field: str
    progress: TenantCursor
    facts: TenantFacts
    window: Window
    """All rows that are wanted: a start date leaves out some."""
    every: timedelta
    now: Callable[[], datetime | None]
    latest: Callable[[], str | None]
    """The latest stamp that rows were sent with."""
    send: Send
    tombstones: Tombstones
    condition: str = ""
    """The row filter; the list has no rows that it leaves out."""
    is_last: bool = False
    """The ERP keeps the deletions from now on: keys are compared once more, whenever that was, and no longer held."""
    _held: HeldKeys | None = field(default=None, init=False)
    _sent: set[str] = field(default_factory=set, init=False)
    _seen: SeenKeys | None = field(default=None, init=False)
    """The keys that were listed in this sync."""
    _removed: set[str] = field(default_factory=set, init=False)
    _unsent: set[str] = field(default_factory=set, init=False)
    """Those among them that had not been sent then."""
    _is_upper: bool = field(default=False, init=False)
    """Whether the ERP writes ids in upper case."""

    def note_removed(self, ids: Iterable[str]) -> None:
        """Remember rows whose tombstones have been sent."""
        self._removed.update(each.lower() for each in ids)

    @property
    def tenant(self) -> str:
        """Whose table it is."""
        return self.reader.tenant

    @property
    def is_exact(self) -> bool:
        """Whether rows that were sent before are told from others one by one."""
        return self._held is not None and self._held.is_exact

    def begin(self) -> None:
        """Take up what is known from earlier syncs; where nothing is, list the keys before any row is sent."""
        was = self.progress.progress(self.tenant)
        try:
            self._held = HeldKeys.of_text(was.held) if was.held else HeldKeys()
            self._sent = set(of_text(was.sent))
        except ValueError as error:
            logger.warning(f"{self.reader.where}: {error}: keys are compared from now on only.")
            self._held, self._sent = HeldKeys(), set()
        if self.is_last and not (self._held.count or self._sent):
            self._forget()
        elif not self._held.count:
            self._try(self._list_first)
        elif was.compared_with != self._mark:
            self._try(self._list_under_new_conditions)

    def note_sent(self, records: Sequence[Any]) -> None:
        """Remember rows that are about to be sent; the state that follows them has to know their keys."""
        if self._held is None:
            return
        ids = self._in_lower_case(ids_in(records, self.id_field))
        try:
            self._sent.update(self._new(ids))
        except ValueError as error:
            self._give_up(str(error))
            return
        self._unsent.difference_update(ids)
        if len(self._sent) > _MOST_SENT:
            self._try(self._list_again)
        self.progress.note(self.tenant, sent=as_text(self._sent))

    def compare(self) -> Iterator[AirbyteMessage]:
        """Where it is due: tombstones for rows that are gone, and rows that are there and have not come."""
        if self._held is None or not self._is_due():
            return
        try:
            yield from self._compared()
        except PoolClosed:
            raise
        except AirbyteTracedException as error:
            logger.warning(f"{message_of(error)}. Keys are compared with the next sync.")
        except (_UncomparableError, ValueError) as error:
            self._give_up(str(error))

    # ------------------------------------------------------------------------------------------------ listing the keys

    def _list_first(self) -> None:
        """All that is listed before a first read may be in the destination soon."""
        self._seen = SeenKeys()
        held = HeldKeys(self._held.capacity if self._held else DEFAULT_CAPACITY)
        for ids in self._pages():
            held.add_all(ids)
            self._seen.add_all(ids)
        self._keep(held, self._time())

    def _list_again(self) -> None:
        """Too many rows have been sent to remember their keys: from here on, only keys that are not listed are."""
        self._seen = SeenKeys()
        listing = self._listed(self._seen)
        # So many have not been missed before: they are about to come, and may be held already.
        unsent = listing.unsent if len(listing.unsent) <= _MOST_SENT else []
        listing.now.remove_all(unsent)
        self._unsent, self._sent = set(unsent), set()
        self._await(listing, self.progress.progress(self.tenant).compared)

    def _list_under_new_conditions(self) -> None:
        """Other rows are listed now; what was deleted is found all the same, as each key that is gone is asked for."""
        try:
            self._list_again()
        except _UncomparableError as error:
            logger.warning(
                f"{self.reader.where}: {error}, since settings were changed: rows that were deleted since the last "
                "comparison stay in the destination: refresh this stream."
            )
            self._sent = set()
            self._list_first()

    def _await(self, listing: _Listing, compared: str | None) -> None:
        """Keep what is gone among what is held, so that the next comparison finds it."""
        listing.now.add_all(listing.gone)
        self._keep(listing.now, compared)

    def _listed(self, seen: SeenKeys | None = None) -> _Listing:
        """The keys as they are listed now.

        Raises:
            _UncomparableError: they cannot be compared with those held.
        """
        held, lost = self._held or HeldKeys(), set(self._sent)

        def ids() -> Iterator[str]:
            for some in self._pages():
                lost.difference_update(some)
                if seen:
                    seen.add_all(some)
                yield from some

        comparison = held.compare(ids())
        if comparison.gone is None:
            sentence = f"{held.count:,} keys were held, and {comparison.listed.count:,} are listed now"
            raise _UncomparableError(sentence)
        new = [each for each in dict.fromkeys(comparison.new) if each not in self._sent]
        return _Listing(comparison.listed, sorted({*comparison.gone, *lost} - self._removed), new)

    def _pages(self) -> Iterator[list[str]]:
        for page in self.key_reader().pages(self.window):
            yield self._in_lower_case([str(row.get(self.id_field)) for row in page.rows if row.get(self.id_field)])

    def _in_lower_case(self, ids: Sequence[str]) -> list[str]:
        lower = [each.lower() for each in ids]
        self._is_upper = self._is_upper or (lower != ids and any(map(str.isupper, ids)))
        return lower

    # ------------------------------------------------------------------------------------------------------- comparing

    def _is_due(self) -> bool:
        if self.is_last:
            return True
        compared, now = self.progress.progress(self.tenant).compared, self.now()
        if compared is None or now is None or compared > format_instant(now):
            return now is not None
        return now - datetime.fromisoformat(compared) >= self.every * _ALMOST

    def _compared(self) -> Iterator[AirbyteMessage]:
        held, sent = self._held.count if self._held else 0, len(self._sent)
        listing = self._listed()
        # Those that were there at the last comparison, and not listed, do not take the places of others.
        doubtful = sorted(listing.gone, key=self._sent.__contains__)
        asked, waiting = doubtful[:_MOST_ASKED], doubtful[_MOST_ASKED:]
        unsent, later = listing.unsent[:_MOST_ASKED], listing.unsent[_MOST_ASKED:]
        there = {id_ for id_, row in self.key_reader().by_ids(asked, is_unconditional=True) if row is not None}
        gone = [each for each in asked if each not in there]
        shown = sorted(there) if not self.condition else []
        if self._is_suspicious(len(gone) + len(gone) * len(waiting) // max(len(asked), 1), listing.now.count, held):
            if self.is_last:
                self._forget()
                return
            self._sent = set()
            listing.now.remove_all(listing.unsent)
            self._await(replace(listing, gone=[*gone, *shown, *waiting]), self._time())
            return
        removals = [Removal(self._spelt(each), self._time() or "", self.latest()) for each in gone]
        yield from self.tombstones(removals)
        # What is there and not listed may be left out by the row filter, or the start date: then it is not followed.
        wanted = [*unsent, *shown]
        rows = [row for _, row in self.reader.by_ids(wanted, is_unconditional=True) if row is not None]
        back = yield from self.send(self.reader, rows)
        listing.now.add_all(waiting)
        listing.now.remove_all(later)
        has_more = bool(later) or not self._sent.issuperset(waiting)
        self._sent = there.intersection(back)
        if self.is_last and not has_more:
            self._forget()
        else:
            self._keep(listing.now, None if has_more else self._time())
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

    def _new(self, ids: Sequence[str]) -> Iterable[str]:
        """Those of the ids that the destination is not known to have."""
        if self._held:
            ids = self._held.unheld(ids)
        if self._seen is None:
            return ids
        return [*self._seen.unseen(ids), *self._unsent.intersection(ids)]

    @property
    def _mark(self) -> str:
        """What the list depends on: keys that were listed under another condition say nothing."""
        text = f"{self.window.since} {self.condition}"
        return hashlib.sha256(text.encode()).hexdigest()[:_MARK_CHARACTERS]

    def _keep(self, held: HeldKeys, compared: str | None) -> None:
        self._held = held
        self.progress.keys_compared(self.tenant, held.as_text(), compared, as_text(self._sent), self._mark)

    def _forget(self) -> None:
        self._held, self._sent = None, set()
        self.progress.keys_compared(self.tenant, "", None, "", "")

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
            self._held = None
        except (_UncomparableError, ValueError) as error:
            self._give_up(str(error))

    def _give_up(self, reason: str) -> None:
        """Keep what is held for one more try, and begin anew then, with a larger table."""
        if not self.facts.remembers(NOT_COMPARED):
            self.facts.learn(NOT_COMPARED)
            logger.info(
                f"{self.reader.where}: {reason}: it could not be found out which are gone. The next sync tries again."
            )
            self._held = None
            return
        self.facts.forget(NOT_COMPARED)
        capacity = min(2 * self._held.capacity, MOST_CAPACITY) if self._held else MOST_CAPACITY
        logger.warning(
            f"{self.reader.where}: {reason}: more has changed than can be told. Rows that were deleted since the last "
            "comparison stay in the destination: refresh this stream. Sync more often if this comes again."
        )
        self._sent, self._seen = set(), None
        self._keep(HeldKeys(capacity), None)
        self._held = None
