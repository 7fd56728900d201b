"""Finds, in a bounded search, which of many names in a request the ERP refuses."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

Works = Callable[[tuple[str, ...]], bool]
"""Whether a request for these names works; it deals with failures that pass by itself."""

# Enough to find four refused fields among a hundred.
_MOST_REQUESTS = 64
_LONGEST_SECONDS = 300.0


class SearchTooLongError(Exception):
    """Too many names are refused, or answers take too long."""


def refused(names: Sequence[str], works: Works, suspects: Sequence[str] = ()) -> list[str]:
    """Those of ``names`` that fail alone, found by halving; the ``suspects`` are tried first.

    If all together fail and none does alone, there are too many of them.

    Raises:
        SearchTooLongError: it costs more requests, or time, than it may.
    """
    ends_at, count = time.monotonic() + _LONGEST_SECONDS, 0

    def tried(some: tuple[str, ...]) -> bool:
        nonlocal count
        count += 1
        if count > _MOST_REQUESTS or time.monotonic() > ends_at:
            raise SearchTooLongError
        return works(some)

    known = [name for name in suspects if name in names and not tried((name,))]
    return known + _refused(tuple(name for name in names if name not in known), tried)


def _refused(names: tuple[str, ...], works: Works) -> list[str]:
    if not names or works(names):
        return []
    if len(names) == 1:
        return [*names]
    middle = len(names) // 2
    return _refused(names[:middle], works) + _refused(names[middle:], works)
