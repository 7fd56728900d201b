"""What the connector makes of a description, made once in a process of tests.

The tests read some thirty descriptions thousands of times, and what comes of a text is always the same: a quarter of
their time went to making it again. A text that has not come before is read by the connector, and so is each that it
refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import lru_cache
from hashlib import sha256
from itertools import chain
from threading import Lock
from typing import Any

import pytest

from source_acumatica.contract import discovery
from source_acumatica.odata import metadata
from source_acumatica.reading import codec

_MOST_TEXTS = 64
_MOST_TABLES = 4_000
# Longer ones are read as they arrive: some never end.
_LONGEST_BYTES = 2_000_000
# Where its site lies is all that tells a simulator's description from that of another; the connector does not ask it.
_PORT = re.compile(rb"(127\.0\.0\.1):[0-9]+(?=[/\"])")


def make_once(patch: pytest.MonkeyPatch) -> None:
    """Keep what comes of descriptions from now on; nobody changes any of it."""
    patch.setattr(discovery, "decode", _documents(discovery.decode))
    patch.setattr(discovery, "read_description", _descriptions(discovery.read_description))
    patch.setattr(discovery, "with_files", _kept(discovery.with_files, _MOST_TABLES, id))
    patch.setattr(discovery, "tables", _kept(_listed(discovery.tables), _MOST_TABLES, _known_by))
    patch.setattr(metadata, "_document", _documents_of_odata(metadata._document))
    patch.setattr(codec, "compile", lru_cache(_MOST_TABLES)(compile), raising=False)


class _Document(dict[str, Any]):
    """Once it has been read, only its head is left, and what came of it: the rest is some megabytes."""

    description: Any = None


def _documents(decode: Callable[..., Any]) -> Callable[..., Any]:
    kept: dict[bytes, Any] = {}

    def once(decoder: Any, body: bytes) -> Any:
        if decoder is not discovery._DOCUMENT:
            return decode(decoder, body)
        digest = sha256(_PORT.sub(rb"\1", body, count=1)).digest()
        found = kept.get(digest)
        if found is None:
            document = decode(decoder, body)
            found = kept[digest] = _Document(document) if isinstance(document, dict) else document
        return found

    return once


def _descriptions(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    reading = Lock()

    def once(document: Any) -> Any:
        if not isinstance(document, _Document):
            return read(document)
        with reading:
            if document.description is None:
                document.description = read(document)
                for name in document.keys() - {"info"}:
                    del document[name]
        return document.description

    return once


def _listed(tables: Callable[..., Iterator[Any]]) -> Callable[..., list[Any]]:
    return lambda *given, **more: list(tables(*given, **more))


def _known_by(endpoint: str, version: str, entity: str, shape: object, facts: object, **more: Hashable) -> Hashable:
    return endpoint, version, entity, id(shape), id(facts), *more.items()


def _kept(make: Callable[..., Any], most: int, known_by: Callable[..., Hashable]) -> Callable[..., Any]:
    """What was made is kept with what it was made of: as long as that exists, nothing else has its `id`."""
    kept: dict[Hashable, tuple[Any, Any]] = {}

    def once(*given: Any, **more: Any) -> Any:
        key = known_by(*given, **more)
        found = kept.get(key)
        if found is None:
            if len(kept) >= most:
                kept.clear()
            found = kept[key] = make(*given, **more), given
        return found[0]

    return once


def _documents_of_odata(parse: Callable[..., Any]) -> Callable[..., Any]:
    @lru_cache(_MOST_TEXTS)
    def document(text: bytes, knows_links: bool) -> Any:
        return parse([text], knows_links)

    def once(chunks: Iterable[bytes], knows_links: bool) -> Any:
        begun, size, others = [], 0, iter(chunks)
        for chunk in others:
            begun.append(chunk)
            size += len(chunk)
            if size > _LONGEST_BYTES:
                return parse(chain(begun, others), knows_links)
        return document(b"".join(begun), knows_links)

    return once
