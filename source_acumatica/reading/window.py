"""The part of a list that a request asks for: the rows changed in a period, from a position on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from source_acumatica.reading.paging import BEGINNING, Position

State = dict[str, Any]


@dataclass(frozen=True)
class Window:
    """The rows to read: those last changed from ``since`` on, in UTC; all rows without ``since``.

    ``until`` becomes ``reached`` when the window is done. No request asks for it, since a clock that is wrong would
    hide rows. ``is_unstamped`` stands for the rows without a stamp, which no comparison finds.
    """

    since: str | None = None
    until: str | None = None
    start: Position = BEGINNING
    is_unstamped: bool = False
    by: str = field(default="", compare=False)
    """The column with the stamps; the only place in the state that names it where nothing was reached."""
    most_rows: int | None = field(default=None, compare=False)
    """About so many rows are wanted of it now; None for all."""

    def as_state(self) -> State:
        """JSON of the window and how far it has been read."""
        return {
            "since": self.since,
            "until": self.until,
            "offset": self.start.offset,
            "anchors": [list(anchor) for anchor in self.start.anchors],
            **({"after": list(self.start.after)} if self.start.after else {}),
            **({"list": self.start.list_name} if self.start.list_name else {}),
            **({"unstamped": True} if self.is_unstamped else {}),
            **({"by": self.by} if self.by else {}),
        }

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Window:
        """The inverse of ``as_state``."""
        anchors = tuple(tuple(anchor) for anchor in state.get("anchors", ()))
        position = Position(state.get("offset", 0), anchors, tuple(state.get("after", ())), state.get("list", ""))
        is_unstamped, by = state.get("unstamped", False), state.get("by", "")
        return cls(state.get("since"), state.get("until"), position, is_unstamped, by)
