"""A join of two streams: the columns that have the same values in the rows of both."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Join:
    """Rows of ``stream`` lead to one row each of ``other``; the tenant is the same in both."""

    stream: str
    columns: tuple[str, ...]
    other: str
    others_columns: tuple[str, ...]
    source: str
    """How it is known."""
    is_one_to_one: bool = False
    """Whether a row of ``other`` belongs to one row of ``stream`` at most."""

    @property
    def place(self) -> tuple[str, tuple[str, ...], str, tuple[str, ...]]:
        """What it joins, however that is known."""
        return self.stream, self.columns, self.other, self.others_columns
