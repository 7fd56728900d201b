"""Reads from the given state of a stream what was read before: in which tenants, by which cursor."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

logger = logging.getLogger("airbyte")


def tenants_read_before(state: Mapping[str, Any] | None) -> set[str]:
    """The tenants in which the stream has been read."""
    parts = (state or {}).get("states")
    return {
        str(part.get("partition", {}).get("tenant"))
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and any(map(part.get, ("cursor", "reading", "newest")))
    }


def reached_by(field: str, stream: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """The state in which tenants that were read by another cursor than ``field`` have reached nothing: read again.

    A row may have an old value in the new column, so what the other column had reached says nothing about it.
    """
    parts = state.get("states")
    if not isinstance(parts, list):
        return dict(state)
    known = [
        part if not isinstance(part, dict) or _cursors_in(part, field) == {field} else _to_read_again(part)
        for part in parts
    ]
    if known != parts:
        logger.warning(f"{stream}: {field} is its cursor now, and was not before: it is read again in full.")
    return {**state, "states": known}


def _to_read_again(part: Mapping[str, Any]) -> dict[str, Any]:
    """What does not depend on the cursor: with which settings and columns rows were read, and what was deleted."""
    return {name: value for name, value in part.items() if name not in _BY_CURSOR}


# What a state says in the values of the cursor.
_BY_CURSOR = frozenset({"cursor", "reading", "newest", "sure", "unproven", "own_latest", "rereading"})


def _cursors_in(part: Mapping[str, Any], field: str) -> set[str]:
    """The columns by which one tenant was read; ``field`` where the state does not say."""
    reading = part.get("reading")
    by = reading.get("by", field) if isinstance(reading, dict) else field
    return {*(part.get("cursor") or (by,))}
