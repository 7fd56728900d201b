"""Decodes the ERP's list of deleted records, also where it comes in one answer with hundreds of thousands of rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from source_acumatica.codec import FeedAnswer


class DeletedRow(msgspec.Struct, gc=False):
    """A row of ``px.GetDeletedRecords()``."""

    note_id: str | None = msgspec.field(name="RefNoteID", default=None)
    at: str | None = msgspec.field(name="DeleteDate", default=None)


class _Answer(msgspec.Struct):
    value: msgspec.Raw
    next_link: str | None = msgspec.field(name="@odata.nextLink", default=None)


_ANSWER: msgspec.json.Decoder[_Answer] = msgspec.json.Decoder(_Answer)
_ROWS: msgspec.json.Decoder[list[DeletedRow]] = msgspec.json.Decoder(list[DeletedRow])
_ROWS_IN_A_PIECE = 1_000
# The rows are flat, so that a brace ends them.
_PIECE = re.compile(rb"(?:\s*+\{[^{}]*+\}\s*+,?+){1,%d}+" % _ROWS_IN_A_PIECE)
# More rows than a page can be asked for with (`max_page_size`).
_LARGEST_PAGE_ROWS = 10_000


@dataclass(frozen=True)
class PackedRows:
    """Rows as they were sent, with a length; decoded, 400,000 would take three times as much memory."""

    pieces: Sequence[bytes]
    count: int

    def __len__(self) -> int:
        return self.count


def decode_deleted(body: bytes) -> FeedAnswer:
    """The answer, with its rows decoded where these can be a page, and packed otherwise.

    Raises:
        msgspec.DecodeError: it is not whole, or has no such rows.
    """
    answer = _ANSWER.decode(body)
    pieces = _pieces(memoryview(answer.value))
    count = sum(len(_ROWS.decode(piece)) for piece in pieces)
    rows: Any = PackedRows(pieces, count)
    if count <= _LARGEST_PAGE_ROWS:
        rows = [row for piece in pieces for row in _ROWS.decode(piece)]
    return FeedAnswer(rows, answer.next_link)


def rows_of(rows: Sequence[DeletedRow] | PackedRows) -> Iterator[Sequence[DeletedRow]]:
    """The rows of an answer, so many at a time."""
    if isinstance(rows, PackedRows):
        return map(_ROWS.decode, rows.pieces)
    return (rows[start : start + _ROWS_IN_A_PIECE] for start in range(0, len(rows), _ROWS_IN_A_PIECE))


def _pieces(array: memoryview) -> list[bytes]:
    """A JSON array as several; as it is, where it has another form than expected."""
    text, end = array[1:-1], 0
    pieces: list[bytes] = []
    for found in _PIECE.finditer(text):
        if found.start() != end:
            break
        end = found.end()
        pieces.append(b"[%b]" % bytes(found.group()).rstrip().removesuffix(b","))
    return pieces if bytes(array[:1]) == b"[" and end == len(text) else [bytes(array)]
