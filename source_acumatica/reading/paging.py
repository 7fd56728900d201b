"""Pages of a list, with the position behind each, as all readers hand them on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from source_acumatica.reading.sent_rows import Identity

Row = TypeVar("Row")
Fetched = tuple[Sequence[Row], int]
"""The rows of a page, and how many were asked for."""
EMPTIED = "the list has no rows any more, in the middle of being read"
"""Why a list is not believed to be empty after rows of it were sent."""


class MovingListError(Exception):
    """The list gives no new rows and does not end, or moves so that its rows cannot be distinguished."""

    def __init__(self, reason: str = "the ERP repeats the same rows instead of going on") -> None:
        super().__init__(reason)


class EqualKeysError(Exception):
    """More rows have the same key than fit into a page."""


@dataclass(frozen=True)
class Position:
    """How far a list has been read: ``offset`` rows, the last of which are identified by ``anchors``.

    In a list that is read by keyset, ``after`` holds the last row's values in the columns that order it. ``list_name``
    names the list by its filter, order and method; in another list the position means nothing.
    """

    offset: int = 0
    anchors: tuple[Identity, ...] = ()
    after: tuple[Any, ...] = ()
    list_name: str = ""


BEGINNING = Position()


@dataclass(frozen=True)
class Page(Generic[Row]):
    """The new rows of an answer, and the position behind them."""

    rows: Sequence[Row]
    position: Position
    begins_as_last: bool = False
    """Whether the first row has the identity of the last row of the page before, so that two rows share it."""
    is_last: bool = False
    """Whether it is known that nothing is behind it."""
    shows_likes: bool = False
    """Whether several rows shared what should identify one, in two readings of the list."""
