"""Keeps, in few characters, which columns have come, so that one that stops coming is missed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

# They are sent with each state, for each tenant; longer lists are kept as hashes, which show a missing name as well.
_MOST_CHARACTERS = 4000
_MARK, _HASH_CHARACTERS = "#", 8


def remembered(known: Sequence[str], names: Iterable[str]) -> tuple[str, ...]:
    """``known`` and ``names``, sorted; as hashes where they are many."""
    new = {*names}.difference(known)
    if not any(name.startswith(_MARK) for name in known):
        together = sorted(new.union(known))
        if sum(map(len, together)) <= _MOST_CHARACTERS:
            return tuple(together)
    return tuple(sorted({one if one.startswith(_MARK) else _hash(one) for one in (*known, *new)}))


def missed(known: Sequence[str], names: Iterable[str], candidates: Iterable[str], otherwise: str) -> list[str]:
    """What is known and not among ``names``; a hash is one of the ``candidates``, or named ``otherwise``."""
    there = {*names}
    there |= {_hash(name) for name in there}
    called = {_hash(name): name for name in candidates}
    gone = (one for one in known if one not in there)
    return list(dict.fromkeys(called.get(one, otherwise) if one.startswith(_MARK) else one for one in gone))


def unknown(known: Sequence[str], names: Iterable[str]) -> list[str]:
    """Those of ``names`` that are not among what is known."""
    there = {*known}
    return [name for name in names if name not in there and _hash(name) not in there]


def places(properties: Mapping[str, Any]) -> Iterator[str]:
    """The columns of a schema, and what lies in those that are objects: ``MainContact``, ``MainContact.Email``."""
    for name, schema in properties.items():
        yield name
        inner = schema.get("properties") if isinstance(schema, dict) else None
        yield from (f"{name}.{place}" for place in places(inner or {}))


def outermost(names: Sequence[str]) -> list[str]:
    """Without those that lie in others of them."""
    return [name for name in names if not any(name.startswith(f"{other}.") for other in names)]


def _hash(name: str) -> str:
    return _MARK + hashlib.sha256(name.encode()).hexdigest()[:_HASH_CHARACTERS]
