"""Finds deleted rows where the ERP does not keep deletions: compares the keys that it lists with those read before."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from airbyte_cdk.models import AirbyteMessage
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.airbyte.columns import ids_in
from source_acumatica.airbyte.dependent_rows import with_brought
from source_acumatica.airbyte.key_lists import KeyLists
from source_acumatica.airbyte.known_keys import NOTHING, KnownKeys
from source_acumatica.airbyte.removals import Removal
from source_acumatica.airbyte.suspicion import is_suspicious
from source_acumatica.erp.errors import message_of
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.facts import TenantFacts
from source_acumatica.reading.fields import Raw, format_instant
from source_acumatica.reading.held_keys import HeldKeys
from source_acumatica.reading.key_sketch import MOST_CAPACITY
from source_acumatica.reading.learnt import NOT_COMPARED
from source_acumatica.reading.marks import mark_of
from source_acumatica.reading.progress import Progress
from source_acumatica.reading.reader import Reader
from source_acumatica.reading.seen_keys import SeenKeys
from source_acumatica.reading.table import StreamTable

logger = logging.getLogger("airbyte")

# Through the contract-based REST API each is a request of its own. The rest waits for the next sync.
_MOST_ASKED = 300
# A daily sync begins a little earlier now and then; it must not compare every other day.
_ALMOST = 0.95
# Rights that are taken away are given back within this time, or seldom.
_HIDDEN_FOR = timedelta(days=30)

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
    """More has changed than can be listed, or a key has come twice; the text says how many keys there are."""


@dataclass
class KeyComparison:
    """The keys of one tenant's table, in one sync.

    What may be in the destination is known as two sets: the keys that were listed at the last comparison, and those
    of rows that were sent since. So a row that is sent and deleted between two comparisons is missed at the second.

    As long as the ERP keeps all deletions, what is known is only kept, for a pause that is longer than the ERP's list.
    """

    reader: Reader
    """Of whole rows."""
    lists: KeyLists
    table: StreamTable
    progress: TenantCursor
    facts: TenantFacts
    every: timedelta
    now: Callable[[], datetime | None]
    send: Send
    tombstones: Tombstones
    note_brought: Callable[[Mapping[str, str]], None]
    """Told the keys of records that had not come before, which those of its lines follow."""
    are_kept: Callable[[Progress], bool]
    """Whether the ERP keeps all deletions since they were last read, by this progress."""
    closes_gap: bool = field(default=False, init=False)
    """Whether keys are known that the ERP's list of deletions may lack."""
    is_kept: bool = field(default=False, init=False)
    """Whether the ERP has kept all deletions since the keys were listed, so that there is nothing to compare."""
    _known: KnownKeys | None = field(default=None, init=False)
    _was: Progress = field(default_factory=Progress, init=False)
    _has_failed: bool = field(default=False, init=False)
    """Whether keys could not be listed, or compared, in this sync: then what is sent is only noted."""

    @property
    def tenant(self) -> str:
        """Whose table it is."""
        return self.reader.tenant

    @property
    def is_exact(self) -> bool:
        """Whether rows that were sent before are distinguished from others one by one."""
        return self._known is not None and self._known.held.is_exact

    def begin(self) -> None:
        """Take up what is known from earlier syncs; where nothing is, list the keys before any row is sent."""
        self._was = was = self.progress.progress(self.tenant)
        are_kept = self.are_kept(was)
        self.is_kept = was.is_kept
        if was.is_kept and not are_kept:
            self._find_gap()
        try:
            self._known = KnownKeys.of_state(was)
        except ValueError as error:
            logger.warning(f"{self.reader.where}: {error}: keys are compared from now on only.")
            self._known, self.is_kept = KnownKeys(), False
        self.closes_gap = not self._known.is_empty
        if was.is_kept and not was.held:
            self._begin_again(are_kept=are_kept)
        elif not was.held or (self._known.is_empty and not self.is_kept):
            self.is_kept = are_kept
            self._try(self._list_first)
        elif was.compared_with != self._mark:
            self._try(self._list_under_new_conditions)

    def _find_gap(self) -> None:
        """The pause was too long, or the table is not tracked any more: what was deleted meanwhile is in no list."""
        self.is_kept = False
        self.progress.note(self.tenant, is_kept=False, is_due=True)

    def _begin_again(self, *, are_kept: bool) -> None:
        """Keys were listed, and more rows have come than could be kept: list them once it is time again."""
        self.is_kept = are_kept
        if are_kept and not self._is_time():
            self._known = None
        else:
            self._try(self._list_first)

    def note_sent(self, records: Sequence[Any], newest: str | None = None) -> None:
        """Remember rows that are about to be sent, with stamps up to ``newest``.

        The state that follows them has to know their keys; and one goes out before those that may be new: if the run
        dies behind them, they may be deleted before the next one.
        """
        if self._known is None:
            return
        try:
            is_news = self._known.send(self.lists.in_lower_case(ids_in(records, self.table.id_field)))
        except ValueError as error:
            self._give_up(str(error))
            return
        if self._known.is_full and self._has_failed:
            self._lose_track()
        elif self._known.is_full:
            self._try(self._make_room)
        if is_news:
            self._emit(max(filter(None, (newest, self._so_far.ahead)), default=None))

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
        if self._known is None or self._has_failed:
            return
        if self.is_kept and not self.are_kept(self._was):
            # While the rows were read, the ERP may have dropped what was deleted after the last sync.
            self._find_gap()
        if self.is_kept or not self._is_time():
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
        for ids, _recent in self.lists.pages(None):
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
            self.progress.note(self.tenant, **NOTHING)

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
        lost, recent, back = set(known.sent), HeldKeys(known.held.capacity), set[str]()
        since = None if known.held.is_exact else self._so_far.listed

        def ids() -> Iterator[str]:
            for some, new in self.lists.pages(since):
                lost.difference_update(some)
                # A row that has come back with the stamp that it had.
                back.update(known.removed.intersection(some))
                recent.add_all(new)
                if seen:
                    seen.add_all(some)
                yield from some

        # Before rows are read, all that is listed is about to come; then those that are not listed come later.
        comparison = known.held.compare(ids(), recent, holds_rest=seen is not None)
        if comparison.gone is None:
            sentence = f"{known.held.count:,} keys were held, and {comparison.listed.count:,} are listed now"
            raise _UncomparableError(sentence)
        new = [each for each in dict.fromkeys((*comparison.new, *back)) if each not in known.sent]
        removed = known.removed | known.removed_now
        return _Listing(comparison.listed, sorted({*comparison.gone, *lost} - removed), new)

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
        there = self.lists.there(asked)
        gone = [each for each in asked if each not in there]
        shown = sorted(there) if not self.table.condition else []
        about = len(gone) + len(gone) * len(waiting) // max(len(asked), 1)
        if is_suspicious(self.reader.where, about, listing.now.count + len(there), held + sent):
            listing.now.remove_all(listing.unsent)
            listing.now.add_all([*gone, *shown, *waiting])
            self._keep_listed(KnownKeys(listing.now), is_compared=True)
            return
        removals = [Removal(self.lists.spelt(each), self._time() or "", self._so_far.latest_sent) for each in gone]
        yield from self.tombstones(removals)
        # What is there and not listed may be left out by the row filter, or the start date: then it is not followed.
        wanted = [*unsent, *shown]
        rows = [row for _, row in self.reader.by_ids(wanted, is_unconditional=True) if row is not None]
        back = yield from self.send(self.reader, rows)
        listing.now.add_all(waiting)
        listing.now.remove_all(later)
        has_more = bool(later) or not known.sent.issuperset(waiting)
        questioned = (self._time() if gone else self._so_far.questioned) or ""
        # Deletions were read before the keys: where the ERP keeps them, its list goes on from here without a gap. But
        # what it does not find may be hidden from the user for a while; only further comparisons find that again.
        self.is_kept = not (has_more or waiting or self._is_recent(questioned)) and self.are_kept(self._so_far)
        self._note_brought(back)
        known = KnownKeys(listing.now, there.intersection(back))
        self._keep_listed(known, is_compared=True, is_due=has_more, questioned=questioned)
        self.facts.forget(NOT_COMPARED)
        logger.info(
            f"{self.reader.where}: {listing.now.count:,} keys were compared with {held:,} that were listed before and "
            f"{sent:,} sent since: {len(removals):,} rows are gone, {len(back):,} had not come"
            f"{f', {len(waiting) + len(later):,} more are looked at with the next sync' if has_more else ''}."
        )

    def _is_recent(self, questioned: str) -> bool:
        return bool(questioned and (now := self.now()) and format_instant(now - _HIDDEN_FOR) < questioned)

    def _note_brought(self, ids: Sequence[str]) -> None:
        if ids and (now := self._time()):
            brought = with_brought(self.reader.where, self._so_far.brought, now, ids)
            self.progress.note(self.tenant, brought=brought)
            self.note_brought(brought)

    # ----------------------------------------------------------------------------------------------------------- state

    @property
    def _so_far(self) -> Progress:
        return self.progress.progress(self.tenant)

    @property
    def _mark(self) -> str:
        """What the list depends on: keys that were listed under another condition say nothing."""
        text = f"{self.lists.window.since} {self.table.condition}"
        return mark_of(text)

    def _keep_listed(
        self, known: KnownKeys, *, is_compared: bool, is_due: bool = False, questioned: str | None = None
    ) -> None:
        """Keep what was listed just now; unless it ``is_compared``, when to compare stays as it was."""
        self._known, now = known, self._time()
        kept = {**known.as_state(), "listed": now, "compared_with": self._mark, "is_kept": self.is_kept}
        if is_compared:
            kept |= {"compared": now, "is_due": is_due}
        if questioned is not None:
            kept["questioned"] = questioned
        self.progress.keys_known(self.tenant, **kept)

    def _emit(self, ahead: str | None) -> None:
        if self._known is not None:
            self.progress.keys_known(self.tenant, **self._known.since(), ahead=ahead)

    def _lose_track(self) -> None:
        """Where keys cannot be listed, no more is remembered than a state should keep."""
        self._known = None
        self.progress.note(self.tenant, **NOTHING, compared=None, is_kept=False)
        logger.warning(
            f"{self.reader.where}: keys could not be listed, and more rows are sent than can be remembered meanwhile. "
            "Rows that are deleted before the next sync may stay in the destination."
        )

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
            self._has_failed = True
        except (_UncomparableError, ValueError) as error:
            self._give_up(str(error))

    def _give_up(self, reason: str) -> None:
        """Keep what is held for one more try, and begin again then, with a larger table."""
        if not self.facts.remembers(NOT_COMPARED):
            self.facts.learn(NOT_COMPARED)
            logger.info(
                f"{self.reader.where}: {reason}: it could not be found out which are gone. The next sync tries again."
            )
            self._has_failed = True
            return
        self.facts.forget(NOT_COMPARED)
        capacity = min(2 * self._known.held.capacity, MOST_CAPACITY) if self._known else MOST_CAPACITY
        logger.warning(
            f"{self.reader.where}: {reason}: more has changed than can be listed. Rows that were deleted since the "
            "last comparison stay in the destination: refresh this stream. Sync more often if this comes again."
        )
        self._known, self._has_failed = KnownKeys(HeldKeys(capacity)), True
        self.progress.keys_known(self.tenant, **self._known.as_state(), compared=None, is_kept=False)
