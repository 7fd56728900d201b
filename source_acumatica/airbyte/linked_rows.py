"""Sends the rows of which only a line, an address or another linked row was changed: their own stamps do not say so."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from airbyte_cdk.models import AirbyteMessage, FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.airbyte.columns import ids_in
from source_acumatica.erp.errors import message_of
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.reading.fields import Raw
from source_acumatica.reading.reader import Reader, rows_found
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")

_LATER = (
    "Changes of lines and linked records since then are asked for with the next sync; all else is read. If this comes "
    "again, the question is too heavy for the ERP: switch track_linked_changes off."
)


class LinkedChanges(Protocol):
    """Where changes of linked rows are found, for all streams of a run: through OData, which the source hands in."""

    def expect(self, tenant: str, dac: str, since: str) -> None:
        """Note that ``ids`` will be asked for, so that one question serves all streams."""

    def ids(self, tenant: str, dac: str, since: str, where: str) -> Sequence[str] | None:
        """The NoteIDs of a table's rows of which a linked row was changed; None where that cannot be asked."""


@dataclass
class LinkedRows:
    """One tenant's rows that are to be sent for what is linked to them."""

    reader: Reader
    ids: Callable[[str], Sequence[str] | None]
    """The NoteIDs of the records of which a linked row was changed since."""
    id_column: str
    send: Callable[[Reader, Sequence[Raw]], Iterator[AirbyteMessage]]
    start: str | None
    """The start date; a window from there on brings all rows that are wanted."""
    _is_noting: bool = field(default=False, init=False)
    """Whether a window is being read that brings changes alone, so that others are asked for."""
    _sent: set[str] = field(default_factory=set, init=False)

    def begin(self, window: Window) -> None:
        """Begin a window; of one that brings all rows nothing is remembered, however many they are."""
        self._is_noting = self._brings_changes(window)

    def note_sent(self, records: Sequence[Any]) -> None:
        """Remember the records that the window has brought by themselves."""
        if self._is_noting:
            self._sent.update(map(str.lower, ids_in(records, self.id_column)))

    def messages(self, window: Window, since: str | None) -> Generator[AirbyteMessage, None, bool]:
        """The rows for this window of changes; whether they could be asked for, or nobody has to.

        To be called before the window's end goes into the state, so that none is missed.
        """
        self._is_noting = False
        if since is None or not self._brings_changes(window) or not self.reader.is_filtered(window):
            return True
        try:
            ids = self.ids(since)
        except PoolClosed:
            raise
        except AirbyteTracedException as error:
            if error.failure_type is FailureType.config_error:
                raise
            logger.warning(f"{message_of(error)}. {_LATER}")
            return False
        found = [each for each in ids or () if each.lower() not in self._sent]
        if found:
            logger.info(
                f"{self.reader.where}: {len(found):,} records are read again, since what is linked was changed."
            )
        for rows in rows_found(self.reader, found):
            yield from self.send(self.reader, rows)
        return True

    def _brings_changes(self, window: Window) -> bool:
        return window.since not in {None, self.start} and not window.is_unstamped
