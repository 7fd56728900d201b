"""Turns the texts of record ids (GUIDs) into their 16 bytes and back."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

ID_BYTES = 16
# More at a time are not faster.
_CHUNK_IDS = 500
_SINGLE_ID = struct.Struct(f"{ID_BYTES}s")
_HEX = re.compile(r"[0-9A-Fa-f]{32}")


def packed(ids: Sequence[str]) -> bytes:
    """The bytes of all ids, one after another; upper or lower case and dashes make no difference.

    Raises:
        ValueError: one of them is not a GUID.
    """
    # All at once, as a call for each id would take twice as long. A comma is no part of an id, so where there are as
    # many as there have to be, each in its place, no id has taken digits from its neighbour.
    try:
        separated = ",".join(ids).replace("-", "")
        digits = separated.replace(",", "")
        ids_bytes = bytes.fromhex(digits)
    except (TypeError, ValueError):
        raise ValueError(_complaint(ids)) from None
    commas = "," * (len(ids) - 1)
    # Blanks between two digits are skipped by ``fromhex``: then there are too few bytes.
    if separated[32::33] != commas or len(digits) != 32 * len(ids) or len(ids_bytes) != ID_BYTES * len(ids):
        raise ValueError(_complaint(ids))
    return ids_bytes


def packed_chunks(ids: Iterable[str]) -> Iterator[bytes]:
    """The bytes of some ids after others, so that there are never many of them in memory.

    Raises:
        ValueError: one of them is not a GUID.
    """
    rest = iter(ids)
    while chunk := list(islice(rest, _CHUNK_IDS)):
        yield packed(chunk)


def single_ids(ids: bytes) -> Iterator[bytes]:
    """The bytes of each id for itself."""
    return (each for (each,) in _SINGLE_ID.iter_unpack(ids))


def as_text(ids: Iterable[str]) -> str:
    """A set of ids as a text of ASCII letters, digits, ``+``, ``/`` and ``=``."""
    return base64.b64encode(packed(sorted(ids))).decode("ascii") if ids else ""


def of_text(text: str) -> list[str]:
    """The ids that ``as_text`` has made this text of.

    Raises:
        ValueError: it has not.
    """
    content = base64.b64decode(text, validate=True)
    if len(content) % ID_BYTES:
        message = "the text is not a set of ids"
        raise ValueError(message)
    return [id_text(each) for each in single_ids(content)]


def id_text(id_bytes: bytes) -> str:
    """An id as the ERP writes it, in lower case."""
    digits = id_bytes.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _complaint(ids: Sequence[object]) -> str:
    wrong = next(each for each in ids if not (isinstance(each, str) and _HEX.fullmatch(each.replace("-", ""))))
    return f"{wrong!r} is not the id of a record (a GUID)"
