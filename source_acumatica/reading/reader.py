"""What the readers of all lists have in common: what they bring, and what becomes known of a list meanwhile."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from airbyte_cdk.models import FailureType

from source_acumatica.config import Config
from source_acumatica.erp.errors import Action, Problem, RequestFailed, told
from source_acumatica.reading.fields import FIRST_INSTANT, Raw, format_instant
from source_acumatica.reading.learnt import FILTER_WORKS, GIVES_PAGES, HIDES_NOTHING, HIDES_ROWS
from source_acumatica.reading.looks import Looks
from source_acumatica.reading.page_size import SMALLEST_PAGE_ROWS
from source_acumatica.reading.paging import MovingListError, Page
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")

EVER = Window(since=format_instant(FIRST_INSTANT))
"""Any time."""


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
        """What the rows that an earlier sync brought lack; None where none did, or where nobody knows."""

    def new_custom(self, names: Iterable[str]) -> Sequence[str]:
        """The custom fields among ``names``, as columns, that have not come before."""

    def missed_custom(self, names: Iterable[str]) -> Sequence[str]:
        """The custom fields that have come before and are not among ``names``, as columns; "custom" if unknown."""

    def knows(self, name: str) -> bool:
        """Whether it was learnt within the last day."""

    def remembers(self, name: str) -> bool:
        """Whether it was learnt at any time, and has not been forgotten."""

    def learn(self, name: str) -> None:
        """Keep it for a day."""

    def forget(self, name: str) -> None:
        """It is so no longer."""


@dataclass
class Reader(ABC):
    """One tenant's rows of a stream; the subclasses differ in how they are asked for."""

    tenant: str
    config: Config
    record_bytes: float = field(default=0.0, init=False)
    """What a record of the last answer took on the wire, on average."""
    left_out: tuple[str, ...] = field(default=(), init=False)
    """The columns, or custom fields in them, that the ERP has and does not give: records from now on lack them."""

    broken: tuple[str, ...] = field(default=(), init=False)
    """The columns that single records lack, as ``runs`` says, since something else stands in their place."""
    missed: tuple[str, ...] = field(default=(), init=False)
    """The columns that have come before and that the ERP does not describe now."""
    custom: tuple[str, ...] = field(default=(), init=False)
    """The custom fields that records have from now on, as columns."""
    cut: tuple[str, ...] = field(default=(), init=False)
    """The columns that come in part: the ERP lists more within them than is asked for."""
    emptied: tuple[str, ...] = field(default=(), init=False)
    """What the list leaves empty although its records have it."""
    is_misread: bool = field(default=False, init=False)
    """Whether rows have gone out without what was emptied before that was noticed."""
    looks: Looks = field(default_factory=Looks, init=False)
    """What the list that was read last has shown of hidden rows."""
    repeated_key: tuple[str, ...] = field(default=(), init=False)
    """What was supposed to identify the rows, and was found in several."""

    unproven: Mapping[str, str | None] = field(default_factory=dict, init=False)
    """Of several lists that are read as one: those that brought nothing to believe, and from when on they were read."""

    @property
    def lacking(self) -> tuple[str, ...]:
        """What records from now on lack although the ERP has, or had, it."""
        return tuple(dict.fromkeys((*self.left_out, *self.missed)))

    @property
    def unknown(self) -> tuple[str, ...]:
        """The columns that have come empty, and of which nobody knows whether they are."""
        return ()

    @property
    @abstractmethod
    def where(self) -> str:
        """How log lines and errors begin."""

    @abstractmethod
    def pages(self, window: Window) -> Iterator[Page[Raw]]:
        """The wire records of ``window``, page by page.

        Raises:
            RequestFailed: given up, with the sentence; ``Action.SKIP`` where there is nothing to read.
        """

    def runs(self, rows: Sequence[Raw]) -> Iterable[tuple[Sequence[Raw], tuple[str, ...]]]:
        """The rows of the page that came last, in their order, with what those lack beside ``lacking``."""
        return [(rows, ())]

    def is_filtered(self, window: Window) -> bool:
        """Whether the server was asked for the window alone, and not for all rows."""
        return False

    def is_stamped(self, _row: Raw) -> bool:
        """Whether a row, as the server gives it, says when it was changed: a document does for all of its lines."""
        return False

    @property
    def leaves_unstamped(self) -> bool:
        """Whether rows without a stamp, if there are any, have to be asked for apart."""
        return False

    def has_unstamped(self) -> bool | None:
        """Whether there are rows without a stamp; None where the ERP cannot be asked for them apart."""
        return None

    def has_rows_since(self, _since: str, *, is_unconditional: bool = False) -> bool:
        """Whether rows are there that have changed since, or nobody can say; also without the row filter."""
        return True

    def latest(self) -> str | None:
        """The latest stamp that the list shows, in UTC; None where it cannot be asked for that."""
        return None


def unserved_sentence(where: str, names: Sequence[str]) -> str:
    """The warning that the ERP describes columns and does not send them."""
    return (
        f"{where}: the ERP does not send {', '.join(names)}, although it describes that. Records come without it and "
        "say so; once it is back, all are read anew. Deselect it if that is to stay."
    )


def lost_ranks(cursor: str | None) -> str:
    """What to add where a list is read in full for want of a filter, and the destination ranks its rows by stamps."""
    return (
        f" The destination keeps the row with the latest {cursor}, so what goes back in time stays there as it was, "
        "such as a group whose latest row leaves it. Choose Full Refresh | Overwrite."
    )


def stopped(where: str, error: MovingListError) -> RequestFailed:
    """The error of a list that does not end, or moves too fast."""
    sentence = f"{error}: reading this list was stopped"
    return RequestFailed(Problem(Action.STOP, FailureType.transient_error, sentence), where)


def refuse_stamped(where: str, window: Window, rows: Iterable[Raw], is_stamped: Callable[[Raw], bool]) -> None:
    """Refuse rows with a stamp where those without one were asked for apart: they would come twice.

    Raises:
        RequestFailed: there are some.
    """
    if window.is_unstamped and any(map(is_stamped, rows)):
        raise gives_up(where, "the ERP does not heed the filter for rows without a stamp")


def shows_unstamped(rows: Sequence[Raw], is_stamped: Callable[[Raw], bool]) -> bool | None:
    """Whether an answer to the question for rows without a stamp shows some; None where others come."""
    return None if any(map(is_stamped, rows)) else bool(rows)


def hides_rows(facts: Facts, has_filtered: Callable[[], bool], has_any: Callable[[], bool]) -> bool:
    """Whether a filter that brings nothing hides rows that are there: keeps what is found out about it.

    Where the ERP refuses the question, nobody knows: then it counts as one that does.
    """
    try:
        if has_filtered():
            facts.learn(FILTER_WORKS)
            return False
    except RequestFailed as error:
        if error.problem.action not in (Action.CLIMB_DOWN, Action.STOP):
            raise
        logger.info(f"{told(error)}. Whether a filter hides rows could not be found out.")
    if not has_any():
        return False
    facts.forget(FILTER_WORKS)
    return True


def known_longest(facts: Facts) -> int:
    """How many rows the server is known to give at once: more than the one that pages have in common, or nothing."""
    return SMALLEST_PAGE_ROWS if facts.knows(GIVES_PAGES) else 0


def looks_at(facts: Facts) -> Looks:
    """How far to look behind the end of a list, by what is known of hidden rows in it."""
    return Looks(not facts.knows(HIDES_NOTHING), facts.remembers(HIDES_ROWS))


def gives_up(where: str, sentence: str) -> RequestFailed:
    """The error of a list that cannot be read as it is, and only the user can mend it."""
    return RequestFailed(Problem(Action.STOP, FailureType.config_error, sentence), where)
