"""Reads the pages of a list as its plan says: by keyset, by row number, or whole by the server's own links."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from source_acumatica.erp.errors import Action, RequestFailed
from source_acumatica.erp.helpers import Helpers
from source_acumatica.odata.keyset import UnreliableOrderError, keyset_pages
from source_acumatica.odata.list_requests import ListRequests
from source_acumatica.odata.pages import FEWEST_ROWS, linked_pages
from source_acumatica.odata.row_identity import Place, RowIdentity
from source_acumatica.odata.tables import ODataFeed
from source_acumatica.reading.anchored import ALIKE_ROWS_TO_REPEAT, anchored_pages
from source_acumatica.reading.batches import in_batches
from source_acumatica.reading.end_probes import SMALL_PAGE_ROWS, EndProbes
from source_acumatica.reading.fields import Raw
from source_acumatica.reading.paging import BEGINNING, Fetched, Page, Position
from source_acumatica.reading.prefetch import ByNumber, Guess, Prefetch
from source_acumatica.reading.sent_rows import SentMarks
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")


# Where rows share places, some of so many do.
_ROWS_TO_COMPARE = 50


@dataclass
class _ByKeyset:
    """A place is that of a row, and a number of rows behind it, since only places of rows that have come are known."""

    place_of: Callable[[Raw], Place]
    content_of: Callable[[Raw], object]
    shared: int = 1
    _last: object = None
    """What was in the row that was sent last, where it is the only one at its place; None otherwise."""
    _has_repeats: bool = False
    """Whether rows have shared a place."""

    def behind(self, _place: tuple[Place, int], rows: Sequence[Raw]) -> tuple[Place, int]:
        """The place of the page behind the one with these rows."""
        places = [self.place_of(row) for row in rows[-_ROWS_TO_COMPARE:]]
        self._has_repeats |= len({*places}) < len(places)
        self._last = self.content_of(rows[-1]) if len(rows) > 1 and not self._has_repeats else None
        return places[-1], 0

    def further(self, place: tuple[Place, int], rows: int) -> tuple[Place, int]:
        """The place so many rows further on."""
        return place[0], place[1] + rows

    def is_at(self, place: tuple[Place, int], guessed: tuple[Place, int], rows: Sequence[Raw]) -> bool:
        """Whether the page that was fetched from a guessed place is the one at ``place``.

        It has to begin with the row that was sent last, and with all rows at its place: where several are there, a
        guess may begin in their middle, and so it may anywhere in a list that has shown several at one place.
        """
        if place == guessed:
            return True
        if place[1] or self._last is None or not rows:
            return False
        here = [self.place_of(row) == place[0] for row in rows[:2]]
        return here in ([True], [True, False]) and self.content_of(rows[0]) == self._last


@dataclass(frozen=True)
class PlanPages:
    """The pages of one list by one plan."""

    requests: ListRequests
    identity: RowIdentity
    helpers: Helpers
    sent_marks: SentMarks
    end_probes: EndProbes
    longest: int
    """So many rows the server is known to give at once."""

    def pages(self, window: Window, position: Position) -> Iterator[Page[Raw]]:
        """The window's pages from ``position`` on.

        Raises:
            UnreliableOrderError, EqualKeysError, MovingListError: the list cannot be read by this plan.
            RequestFailed: a request failed.
        """
        plan = self.identity.plan
        position = replace(position, list_name=plan.list_name)
        if not plan.order:
            return self._by_links(window)
        return self._by_keyset(window, position) if plan.is_keyset else self._by_number(window, position)

    def _by_links(self, window: Window) -> Iterator[Page[Raw]]:
        """Read a list without an order of ours: only the server knows where it goes on."""
        requests = self.requests
        first = requests.page(window, {})
        if first.next_link:
            logger.warning(
                f"{requests.where}: it can be ordered by none of its columns, and comes in pages of the server's own. "
                "Rows that are inserted or removed while it is read may be missing or come twice."
            )
        requests.begins_empty = not (first.rows or first.next_link)
        for page in linked_pages(first, lambda link: requests.page(window, {"link": link}), requests.where):
            requests.note_page(page)
            for rows in in_batches(page.rows):
                yield Page(rows, BEGINNING)

    def _by_number(self, window: Window, position: Position) -> Iterator[Page[Raw]]:
        requests, plan = self.requests, self.identity.plan

        def fetch(skip: int, rows: int, fewest: int = FEWEST_ROWS) -> Fetched[Raw]:
            return requests.rows(window, {"skip": skip}, rows, fewest)

        in_groups = self.identity.table.feed is ODataFeed.INQUIRIES and not plan.is_by_row
        # The last row is held back where others may belong to it, and the one in front of it is asked for again.
        shared = ALIKE_ROWS_TO_REPEAT if plan.is_by_row else 2 if in_groups else 1

        def probe(skip: int) -> Fetched[Raw]:
            return fetch(skip, max(requests.size.rows, SMALL_PAGE_ROWS), SMALL_PAGE_ROWS)

        prefetch = self._prefetch(ByNumber(shared), fetch, probe, window)
        pages = anchored_pages(
            prefetch.fetch,
            self.identity.identify,
            position,
            is_unique=not plan.is_by_row,
            in_groups=in_groups,
            sent_marks=self.sent_marks,
            overlap=max(min(len(position.anchors), requests.size.rows // 2), 1),
            longest=self.longest,
            probe=prefetch.probe,
            end_probes=self.end_probes,
        )
        return prefetch.pages(pages)

    def _by_keyset(self, window: Window, position: Position) -> Iterator[Page[Raw]]:
        requests = self.requests

        def fetch(place: tuple[Place, int], rows: int) -> Fetched[Raw]:
            after, skip = place
            try:
                return requests.rows(window, {"after": after, "skip": skip}, rows)
            except RequestFailed as error:
                if after and error.problem.action is Action.ASK_FOR_LESS:
                    # The keys are of a type whose values cannot be compared with what the ERP shows of them.
                    raise UnreliableOrderError from None
                raise

        def probe(place: tuple[Place, int]) -> Fetched[Raw]:
            return fetch(place, max(requests.size.rows, SMALL_PAGE_ROWS))

        prefetch = self._prefetch(_ByKeyset(self.identity.place_of, self.identity.content_of), fetch, probe, window)
        pages = keyset_pages(
            lambda after, skip: prefetch.fetch((after, skip)),
            self.identity.place_of,
            position,
            self.identity.content_of,
            longest=self.longest,
            probe=lambda after, skip: prefetch.probe((after, skip)),
            end_probes=self.end_probes,
        )
        return prefetch.pages(pages)

    def _prefetch(
        self,
        guess: Guess[Any],
        fetch: Callable[[Any, int], Fetched[Raw]],
        probe: Callable[[Any], Fetched[Raw]],
        window: Window,
    ) -> Prefetch[Any, Raw]:
        requests, probes, most = self.requests, self.end_probes, window.most_rows
        return Prefetch(
            self.helpers, guess, fetch, probe, probes, lambda: requests.size.rows, lambda: requests.plan, most
        )
