"""What a part of the benchmark has found: a table, and what is not as it has to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Report:
    """The first cell of a row is text, the others are numbers as they are to be shown."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    complaints: Sequence[str] = field(default_factory=list)

    def markdown(self) -> str:
        """The table as Markdown that is readable as plain text too."""
        widths = [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]
        rule = [f"{'':-<{widths[0]}}", *(f"{':':->{width}}" for width in widths[1:])]
        lines = [_line(each, widths) for each in (self.head, rule, *self.rows)]
        return "\n".join([f"## {self.title}", "", *lines])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = cells
    padded = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
    return f"| {' | '.join(padded)} |"
