"""Reads an inquiry that is asked several times, with another combination of values each time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from source_acumatica.cursor import Window
from source_acumatica.entity import Wire
from source_acumatica.odata import typed_in
from source_acumatica.paging import BEGINNING, Page
from source_acumatica.reader import Reader


@dataclass
class RepeatedReader(Reader):
    """The rows of all combinations, one after another, each row with the values that it was asked with.

    A place is one in the list of one combination, so a window that was cut off is read anew.
    """

    readers: Sequence[tuple[Mapping[str, Any], Reader]]
    _reading: Reader | None = field(default=None, init=False)

    @property
    def where(self) -> str:
        """How log lines and errors begin."""
        return self.readers[0][1].where

    def pages(self, window: Window) -> Iterator[Page[Wire]]:
        """The pages of the window, of each combination from its beginning."""
        for given, reader in self.readers:
            added = {f"_param_{name}": typed_in(value) for name, value in given.items()}
            self._reading = reader
            for page in reader.pages(replace(window, start=BEGINNING)):
                self.record_bytes, self.looks, self.left_out = reader.record_bytes, reader.looks, reader.left_out
                self.repeated_key = (*added, *reader.repeated_key) if reader.repeated_key else ()
                yield replace(page, rows=[{**row, **added} for row in page.rows], position=BEGINNING)

    def is_filtered(self, window: Window) -> bool:
        """Whether the server was asked for the window alone, and not for all rows: by the reader that reads now."""
        return self._reading is not None and self._reading.is_filtered(window)

    def has_unstamped(self) -> bool | None:
        """Whether rows without a stamp have to be asked for apart, of any combination."""
        return any(reader.has_unstamped() for _, reader in self.readers)

    @property
    def leaves_unstamped(self) -> bool:
        """Whether rows without a stamp, if there are any, have to be asked for apart."""
        return any(reader.leaves_unstamped for _, reader in self.readers)

    def has_rows_since(self, since: str) -> bool:
        """Whether rows of any combination are there that have changed since, or nobody can say."""
        return any(reader.has_rows_since(since) for _, reader in self.readers)
