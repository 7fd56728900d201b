"""Counts what reading each list has cost: requests, and the time that was spent waiting before them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Tally:
    """What requests have cost so far."""

    requests: int = 0
    waited_seconds: float = 0.0
    """By all threads together: with several sessions, more than has passed."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.requests + other.requests, self.waited_seconds + other.waited_seconds)


def belongs(what: str, where: str, others: Iterable[str] = ()) -> bool:
    """Whether ``what`` a request is for is the list that log lines call ``where``, or a part of reading that.

    ``others`` are lists, too, and their names may begin like this one's: titles of inquiries do.
    """
    longer = (other for other in others if len(other) > len(where) and other.startswith(where))
    return _begins(what, where) and not any(_begins(what, other) for other in longer)


def _begins(what: str, where: str) -> bool:
    return what == where or what.startswith((f"{where},", f"{where} ", f"{where}:"))


class Tallies:
    """The tallies of a run, by what the requests were for; any thread may add to them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tallies: dict[str, Tally] = {}

    def add(self, what: str, tally: Tally) -> None:
        """Add to what requests for ``what`` have cost."""
        with self._lock:
            self._tallies[what] = self._tallies.get(what, Tally()) + tally

    def of(self, where: str, others: Iterable[str] = ()) -> Tally:
        """What reading the list that log lines call ``where`` has cost; ``others`` are other lists."""
        with self._lock:
            mine = (tally for what, tally in self._tallies.items() if belongs(what, where, others))
            return sum(mine, Tally())

    @property
    def total(self) -> Tally:
        """What all requests have cost."""
        with self._lock:
            return sum(self._tallies.values(), Tally())
