"""Unpacks compressed bodies piece by piece."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from importlib import import_module
from types import ModuleType

from urllib3.exceptions import DecodeError

# A window of 32 kB, with the header and the checksum of gzip.
_GZIP = 16 + zlib.MAX_WBITS


def _fastest() -> ModuleType:
    """ISA-L where it is installed: it does the same as zlib in half of the time."""
    try:
        return import_module("isal.isal_zlib")
    except ImportError:  # it has no wheel for every machine
        return zlib


_LIBRARY = _fastest()


def unpacked(pieces: Iterable[bytes], most_bytes: int, *, needs_end: bool = False) -> Iterator[bytes]:
    """A body packed by gzip, in pieces of ``most_bytes`` at most; the HTTP library takes twice as long for it.

    A body may consist of several parts that are packed on their own; what follows them and is not packed is left out.
    One that breaks off gives what has come of it, unless it ``needs_end``.

    Raises:
        DecodeError: it is not packed by gzip, or is damaged; or it breaks off, and must not.
    """
    part, is_first, has_begun = _LIBRARY.decompressobj(_GZIP), True, False
    for piece in pieces:
        packed, has_begun = piece, True
        while packed:
            if part.eof:
                part, is_first = _LIBRARY.decompressobj(_GZIP), False
            try:
                text = part.decompress(packed, most_bytes)
            except (zlib.error, _LIBRARY.error) as error:
                if not is_first and not needs_end:
                    return
                message = "the body is not what gzip makes"
                raise DecodeError(message, error) from error
            if text:
                yield text
            packed = part.unused_data if part.eof else part.unconsumed_tail
    if needs_end and has_begun and not part.eof:
        message = "the body breaks off"
        raise DecodeError(message)
