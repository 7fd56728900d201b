"""Tells, in little memory, whether a record id may have been seen: for one in a hundred thousand it errs."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from hashlib import blake2s

from source_acumatica.reading.record_ids import packed_chunks, single_ids

# 8 MB: of a million ids, one in a hundred thousand others is taken for one of them.
_BITS = 1 << 26
_PLACES = struct.Struct(">4I")


class SeenKeys:
    """A Bloom filter: an id that was added has been seen, any other one almost certainly not."""

    def __init__(self) -> None:
        self._bits = bytearray(_BITS // 8)

    def add_all(self, ids: Iterable[str]) -> None:
        """Note ids.

        Raises:
            ValueError: one of them is not a GUID.
        """
        bits = self._bits
        for chunk in packed_chunks(ids):
            for id_bytes in single_ids(chunk):
                for place in _places(id_bytes):
                    bits[place >> 3] |= 1 << (place & 7)

    def unseen(self, ids: Iterable[str]) -> list[str]:
        """Those of the ids that were not added."""
        bits = self._bits
        texts = [*ids]
        packed = (id_bytes for chunk in packed_chunks(texts) for id_bytes in single_ids(chunk))
        return [
            text
            for text, id_bytes in zip(texts, packed, strict=True)
            if not all(bits[place >> 3] & (1 << (place & 7)) for place in _places(id_bytes))
        ]


def _places(id_bytes: bytes) -> Iterable[int]:
    return (number % _BITS for number in _PLACES.unpack(blake2s(id_bytes, digest_size=16).digest()))
