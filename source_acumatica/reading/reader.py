"""What the readers of all lists have in common."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from airbyte_cdk.models import FailureType

from source_acumatica.config import Config
from source_acumatica.erp.errors import Action, Problem, RequestFailed, message_of
from source_acumatica.reading.end_probes import EndProbes
from source_acumatica.reading.fields import FIRST_INSTANT, Raw, format_instant
from source_acumatica.reading.learnt import FILTER_WORKS, GIVES_PAGES, HIDES_NOTHING, HIDES_ROWS
from source_acumatica.reading.page_size import SMALLEST_PAGE_ROWS
from source_acumatica.reading.paging import MovingListError, Page
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")

EVER = Window(since=format_instant(FIRST_INSTANT))
"""Any time."""


# Each may be a request of its own; so many are held in memory.
_ROWS_AT_ONCE = 30


def rows_found(reader: Reader, ids: Sequence[str]) -> Iterator[list[Raw]]:
    """The rows of those NoteIDs that there are, a few at a time.

    Raises:
        RequestFailed: given up.
    """
    for start in range(0, len(ids), _ROWS_AT_ONCE):
        yield [row for _, row in reader.by_ids(ids[start : start + _ROWS_AT_ONCE]) if row is not None]


def where_of(tenant: str, stream: str) -> str:
    """How log lines and errors about a tenant's rows of a stream begin."""
    return f"Tenant '{tenant}', stream {stream}"


class Facts(Protocol):
    """What is known of one tenant's list from this sync and the ones before."""

    @property
    def has_unstamped(self) -> bool:
        """Whether rows without a stamp have been seen."""

    @property
    def is_first(self) -> bool:
        """Whether nothing was read before."""

    @property
    def left_out(self) -> Sequence[str] | None:
        """What the rows of earlier syncs lack; None where there are none, or where that is unknown."""

    def new_custom(self, names: Iterable[str]) -> Sequence[str]:
        """The custom fields among ``names``, as columns, that have not come before."""

    def missed_custom(self, names: Iterable[str]) -> Sequence[str]:
        """The custom fields that have come before and are not among ``names``, as columns; "custom" if unknown."""

    def knows(self, name: str) -> bool:
        """Whether it was learnt within the last day."""

    def remembers(self, name: str) -> bool:
        """Whether it was learnt at any time, and has not been forgotten."""

    def learn(self, name: str) -> None:
        """Note that it holds; it is believed for a day."""

    def forget(self, name: str) -> None:
        """Note that it does not hold any more."""


@dataclass
class Reader(ABC):
    """One tenant's rows of a stream; the subclasses differ in how they are asked for."""

    tenant: str
    config: Config
    record_bytes: float = field(default=0.0, init=False)
    """The average size of a record in the last response."""
    left_out: tuple[str, ...] = field(default=(), init=False)
    """The columns, or custom fields, that the ERP has and does not give: records lack them from now on."""

    broken: tuple[str, ...] = field(default=(), init=False)
    """The columns that single records lack, see ``runs``, since something else is in their place."""
    missed: tuple[str, ...] = field(default=(), init=False)
    """The columns that have come before and that the ERP does not describe now."""
    custom: tuple[str, ...] = field(default=(), init=False)
    """The custom fields that records have from now on, as columns."""
    cut: tuple[str, ...] = field(default=(), init=False)
    """The columns that come in part: the ERP lists more in them than is asked for."""
    emptied: tuple[str, ...] = field(default=(), init=False)
    """What the list leaves empty although its records have it."""
    is_misread: bool = field(default=False, init=False)
    """Whether rows were sent without that before it was noticed."""
    end_probes: EndProbes = field(default_factory=EndProbes, init=False)
    """What the list that was read last has shown of hidden rows."""
    repeated_key: tuple[str, ...] = field(default=(), init=False)
    """The columns that were supposed to identify a row, and are equal in several."""

    unproven: Mapping[str, str | None] = field(default_factory=dict, init=False)
    """Where several lists are read as one: those that brought no rows, and from when on to read them again."""

    @property
    def lacking(self) -> tuple[str, ...]:
        """The columns that records lack from now on although the ERP has them, or had them."""
        return tuple(dict.fromkeys((*self.left_out, *self.missed)))

    @property
    def remarks(self) -> Sequence[str]:
        """What is missing in the records, or not sure of them, in words for the user."""
        said = {
            "left out": (*self.lacking, *self.broken),
            "in part": self.cut,
            "may be missing": self.unknown,
            "not unique": self.repeated_key,
            "no rows for": tuple(self.unproven),
        }
        return [f"{what}: {', '.join(dict.fromkeys(names))}" for what, names in said.items() if names]

    @property
    def unknown(self) -> tuple[str, ...]:
        """The columns that have come empty, and may have values."""
        return ()

    @property
    @abstractmethod
    def where(self) -> str:
        """How log lines and errors begin."""

    @abstractmethod
    def pages(self, window: Window) -> Iterator[Page[Raw]]:
        """The raw rows of ``window``, page by page.

        Raises:
            RequestFailed: given up, with the sentence; ``Action.SKIP`` where there is nothing to read.
        """

    def by_ids(self, ids: Sequence[str], *, is_unconditional: bool = False) -> Iterator[tuple[str, Raw | None]]:
        """Each of these NoteIDs with its row as it is now; None where there is none.

        ``is_unconditional``: also a row that the row filter leaves out.

        Raises:
            RequestFailed: given up.
        """
        # Rows of inquiry forms have no NoteID, so nobody knows any to ask for.
        raise NotImplementedError

    def runs(self, rows: Sequence[Raw]) -> Iterable[tuple[Sequence[Raw], tuple[str, ...]]]:
        """The rows of the last page in their order, in runs that lack the same columns beside ``lacking``."""
        return [(rows, ())]

    def is_filtered(self, window: Window) -> bool:
        """Whether the server was asked for the window alone, and not for all rows."""
        return False

    def is_stamped(self, _row: Raw) -> bool:
        """Whether a raw row says when it was changed; a document says it for all of its lines."""
        return False

    @property
    def leaves_unstamped(self) -> bool:
        """Whether rows without a stamp, if there are any, have to be asked for separately."""
        return False

    def has_unstamped(self) -> bool | None:
        """Whether there are rows without a stamp; None where the ERP cannot be asked for them separately."""
        return None

    def has_rows_since(self, _since: str, *, is_unconditional: bool = False) -> bool:
        """Whether there are rows that have changed since, or may be; ``is_unconditional``: without the row filter."""
        return True

    def has_row_at(self, _window: Window, _rows: int) -> bool | None:
        """Whether the window has a row behind so many others; None where that cannot be asked. Pages were read."""
        return None

    def latest(self) -> str | None:
        """The latest stamp that the list shows, in UTC; None where it cannot be asked for that."""
        return None


def unserved_sentence(where: str, names: Sequence[str]) -> str:
    """The warning that the ERP describes columns and does not send them."""
    return (
        f"{where}: the ERP does not send {', '.join(names)}, although it describes that. Records come without it and "
        "say so; once it is back, all are read again. Deselect it if that is to stay."
    )


def lost_ranks(cursor: str | None) -> str:
    """The warning for a list that is read in full for want of a filter, where the destination goes by stamps."""
    return (
        f" The destination keeps the row with the latest {cursor}, so what goes back in time stays there as it was, "
        "such as a group whose latest row leaves it. Choose Full Refresh | Overwrite."
    )


def stopped(where: str, error: MovingListError) -> RequestFailed:
    """The error for a list that does not end, or moves too fast."""
    sentence = f"{error}: reading this list was stopped"
    return RequestFailed(Problem(Action.STOP, FailureType.transient_error, sentence), where)


def refuse_stamped(where: str, window: Window, rows: Iterable[Raw], is_stamped: Callable[[Raw], bool]) -> None:
    """Refuse rows with a stamp where only those without one were asked for: they would come twice.

    Raises:
        RequestFailed: there are some.
    """
    if window.is_unstamped and any(map(is_stamped, rows)):
        raise gives_up(where, "the ERP ignores the filter for rows without a stamp")


def shows_unstamped(rows: Sequence[Raw], is_stamped: Callable[[Raw], bool]) -> bool | None:
    """Whether a request for rows without a stamp brought some; None where it brought others."""
    return None if any(map(is_stamped, rows)) else bool(rows)


def hides_rows(facts: Facts, has_filtered: Callable[[], bool], has_any: Callable[[], bool]) -> bool:
    """Whether a filter that brings nothing hides rows that are there; what is found out is kept in ``facts``.

    Where the ERP refuses to answer with the filter, the filter counts as one that hides rows.
    """
    try:
        if has_filtered():
            facts.learn(FILTER_WORKS)
            return False
    except RequestFailed as error:
        if error.problem.action not in (Action.ASK_FOR_LESS, Action.STOP):
            raise
        logger.info(f"{message_of(error)}. Whether a filter hides rows could not be found out.")
    if not has_any():
        return False
    facts.forget(FILTER_WORKS)
    return True


def known_longest(facts: Facts) -> int:
    """How many rows the server is known to give at once: more than the one that pages share, or 0 for unknown."""
    return SMALLEST_PAGE_ROWS if facts.knows(GIVES_PAGES) else 0


def end_probes_of(facts: Facts) -> EndProbes:
    """How far to look behind the end of a list, by what is known about hidden rows in it."""
    return EndProbes(not facts.knows(HIDES_NOTHING), facts.remembers(HIDES_ROWS))


def gives_up(where: str, sentence: str) -> RequestFailed:
    """The error for a list that cannot be read as it is, which only the user can change."""
    return RequestFailed(Problem(Action.STOP, FailureType.config_error, sentence), where)
