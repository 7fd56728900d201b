"""Tries on the rows whether an inquiry groups: then a filter by the stamp changes what its rows say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from source_acumatica.cursor import Window
from source_acumatica.entity import Wire
from source_acumatica.errors import Next, RequestFailed
from source_acumatica.feed_pages import FeedPage
from source_acumatica.feeds import FeedTable
from source_acumatica.odata import FeedPlan, plain_value

# So many rows of a page are looked at: the first and the last, which are those of different groups.
_MOST_LOOKED_AT = 2


@dataclass(frozen=True)
class Grouping:
    """The trial of one inquiry, read by ``plan``."""

    table: FeedTable
    plan: FeedPlan
    ask: Callable[[Window, Mapping[str, Any]], FeedPage]

    def shows_in(self, rows: Sequence[Wire], window: Window) -> bool:
        """Whether rows that came within the window say something else without it.

        OData makes ``$filter`` a condition of the query, so it works below the groups (BEHAVIOR.md, "OData"): the sums
        of a group are then those of its changed rows. Where the row cannot be asked for by its key, nothing is known.
        """
        return any(self._differs(row, window) for row in (rows[0], rows[-1])[: min(len(rows), _MOST_LOOKED_AT)])

    def _differs(self, row: Wire, window: Window) -> bool:
        place = tuple(plain_value(row.get(name)) for name in self.plan.order)
        if None in place:
            return False
        whole = self._said_at(place, Window())
        if whole is None or whole == self._said(row):
            return False
        # It may just have been changed: then it says the same in both ways now.
        within = self._said_at(place, window)
        return within is not None and within != whole

    def _said_at(self, place: tuple[Any, ...], window: Window) -> tuple[Any, ...] | None:
        """What the only row with that key says; None where there is no such row, or no way to ask for it."""
        try:
            page = self.ask(window, {"plan": self.plan, "at": place, "is_within": window.since is not None, "top": 2})
        except RequestFailed as error:
            if error.problem.next in (Next.CLIMB_DOWN, Next.STOP):
                return None
            raise
        return self._said(page.rows[0]) if len(page.rows) == 1 else None

    def _said(self, row: Wire) -> tuple[Any, ...]:
        return tuple(plain_value(row.get(name)) for name in self.table.fields)
