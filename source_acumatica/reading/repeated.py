"""Reads an inquiry that is asked several times, with another combination of values each time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from source_acumatica.config import typed_in
from source_acumatica.reading.fields import Raw
from source_acumatica.reading.paging import BEGINNING, Page
from source_acumatica.reading.reader import Reader
from source_acumatica.reading.window import Window


@dataclass
class RepeatedReader(Reader):
    """The rows of all combinations, one after another, each row with the values that it was asked for with.

    A position belongs to the list of one combination, so a window that was cut off is read from its beginning. An empty
    list proves nothing: the next sync reads it from where this one did, while the others go on.
    """

    readers: Sequence[tuple[Mapping[str, Any], Reader]]
    asked: Sequence[str]
    """The parameters whose values are in the rows; empty text where the tenant's inquiry has no such parameter."""
    known_unproven: Callable[[], Mapping[str, str | None]]
    cursor: str | None
    _reading: Reader | None = field(default=None, init=False)

    @property
    def where(self) -> str:
        """How log lines and errors begin."""
        return self.readers[0][1].where

    def pages(self, window: Window) -> Iterator[Page[Raw]]:
        """The pages of the window, of each combination from its beginning."""
        was, self.unproven = self.known_unproven(), {}
        for given, reader in self.readers:
            name, is_proven = _name_of(given), False
            since = _earlier(window.since, was.get(name, window.since))
            own = replace(window, start=BEGINNING, since=since, most_rows=None)
            added = {f"_param_{name}": typed_in(given.get(name, "")) for name in self.asked}
            self._reading = reader
            for page in reader.pages(own):
                # Rows without a stamp do not prove that a filter by stamps works.
                is_proven |= bool(page.rows) if not reader.is_filtered(own) else any(map(self._stamp, page.rows))
                self.record_bytes, self.end_probes = reader.record_bytes, reader.end_probes
                self.left_out, self.broken = reader.left_out, tuple(dict.fromkeys((*self.broken, *reader.broken)))
                self.repeated_key = (*added, *reader.repeated_key) if reader.repeated_key else ()
                yield replace(page, rows=[{**row, **added} for row in page.rows], position=BEGINNING)
                del page
            if not is_proven:
                self.unproven = {**self.unproven, name: own.since}

    def runs(self, rows: Sequence[Raw]) -> Iterable[tuple[Sequence[Raw], tuple[str, ...]]]:
        """The rows of the last page in their order, in runs that lack the same columns beside ``lacking``."""
        return self._reading.runs(rows) if self._reading else [(rows, ())]

    def is_filtered(self, window: Window) -> bool:
        """Whether the current reader has asked the server for the window alone, and not for all rows."""
        return self._reading is not None and self._reading.is_filtered(window)

    def has_unstamped(self) -> bool | None:
        """Whether any combination has rows without a stamp."""
        return any(reader.has_unstamped() for _, reader in self.readers)

    @property
    def leaves_unstamped(self) -> bool:
        """Whether rows without a stamp, if there are any, have to be asked for separately."""
        return any(reader.leaves_unstamped for _, reader in self.readers)

    def has_rows_since(self, since: str, *, is_unconditional: bool = False) -> bool:
        """Whether any combination has rows that have changed since, or may have."""
        return any(reader.has_rows_since(since, is_unconditional=is_unconditional) for _, reader in self.readers)

    def latest(self) -> str | None:
        """The latest stamp of any combination."""
        return max(filter(None, (reader.latest() for _, reader in self.readers)), default=None)

    def _stamp(self, row: Raw) -> Any:
        return row.get(self.cursor) if self.cursor else None


def _name_of(given: Mapping[str, Any]) -> str:
    """The name of a combination in the state."""
    return json.dumps({name: typed_in(value) for name, value in given.items()}, sort_keys=True)


def _earlier(one: str | None, other: str | None) -> str | None:
    """The earlier one of two beginnings of a window; None stands for all rows."""
    return None if one is None or other is None else min(one, other)
