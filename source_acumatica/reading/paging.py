"""What the readers of all lists hand on: pages of rows, and the position behind each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from source_acumatica.reading.trail import Identity

Row = TypeVar("Row")
Fetched = tuple[Sequence[Row], int]
"""The rows of a page, and how many were asked for."""
EMPTIED = "the list has no rows any more, in the middle of being read"
"""Why a list of which rows were sent is not believed to be empty."""


class MovingListError(Exception):
    """The list gives no new rows and does not end, or moves so that its rows cannot be told apart."""

    def __init__(self, reason: str = "the ERP repeats the same rows instead of going on") -> None:
        super().__init__(reason)


class EqualKeysError(Exception):
    """More rows have the same key than one page can hold."""


@dataclass(frozen=True)
class Position:
    """How far a list has been read: ``offset`` rows, of which the last are known by ``anchors``.

    Of a list that is read by keyset, ``after`` holds the last row's values of the columns that order it. ``list_name``
    says which list it is a place of: filter, order and method; in another list it means nothing.
    """

    offset: int = 0
    anchors: tuple[Identity, ...] = ()
    after: tuple[Any, ...] = ()
    list_name: str = ""


BEGINNING = Position()


@dataclass(frozen=True)
class Page(Generic[Row]):
    """The rows that a request brought anew, and the position behind them."""

    rows: Sequence[Row]
    position: Position
    begins_as_last: bool = False
    """Whether the first row has what identifies the last row of the page before: two rows have it then."""
    is_last: bool = False
    """Whether it was seen already that nothing is behind it."""
    shows_likes: bool = False
    """Whether what should identify the rows has come with several, in two readings of the list."""
