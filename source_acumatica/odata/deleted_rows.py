"""Decodes the ERP's list of deleted records, also where it comes in one answer with hundreds of thousands of rows."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec

from source_acumatica.odata.codec import ODataAnswer, decode_answer
from source_acumatica.reading.fields import moved, utc_instant

_COLUMNS = ("RefNoteID", "DeleteDate")


class DeletedRow(msgspec.Struct, gc=False):
    """A row of ``px.GetDeletedRecords()``; one without the field of its id does not decode."""

    note_id: str | None = msgspec.field(name="RefNoteID")
    at: str | None = msgspec.field(name="DeleteDate", default=None)
    # As in an answer: an error makes the row fail to decode, and is found then.
    error: None = None
    old_error: None = msgspec.field(name="odata.error", default=None)


class _Answer(ODataAnswer):
    """An answer whose rows are not decoded yet."""

    value: msgspec.Raw  # type: ignore[assignment]


_ANSWER: msgspec.json.Decoder[_Answer] = msgspec.json.Decoder(_Answer)
_ROWS: msgspec.json.Decoder[list[DeletedRow]] = msgspec.json.Decoder(list[DeletedRow])
_ROWS_IN_A_PIECE = 1_000
# Rows are flat, so the first closing brace ends one.
_PIECE = re.compile(rb"(?:\s*+\{[^{}]*+\}\s*+,?+){1,%d}+" % _ROWS_IN_A_PIECE)
# The most rows that a page can have (`max_page_size`).
_LARGEST_PAGE_ROWS = 10_000


@dataclass(frozen=True)
class PackedRows:
    """Rows as they were sent, decoded while they are iterated: decoded at once, 400,000 take three times the memory."""

    pieces: Sequence[bytes]
    count: int

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[DeletedRow]:
        for piece in self.pieces:
            yield from _ROWS.decode(piece)


def decode_deleted(body: bytes) -> ODataAnswer:
    """The answer, with its rows decoded where these can be a page, and packed otherwise.

    Raises:
        BrokenAnswerError: it is an error, or has one beside or among its rows.
        msgspec.DecodeError: it is cut off, or has rows of another form.
    """
    try:
        answer = _ANSWER.decode(body)
        pieces = _pieces(memoryview(answer.value))
        count = sum(len(_ROWS.decode(piece)) for piece in pieces)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # An error, which raises; a single row; or text that has to be repaired.
        other = decode_answer(body, described=_COLUMNS)
        return ODataAnswer(msgspec.convert(other.value, list[DeletedRow]), other.next_link, other.old_next_link)
    rows: Any = PackedRows(pieces, count)
    if count <= _LARGEST_PAGE_ROWS:
        rows = [row for piece in pieces for row in _ROWS.decode(piece)]
    return ODataAnswer(rows, answer.next_link, answer.old_next_link)


def rows_of(rows: Sequence[DeletedRow] | PackedRows) -> Iterator[Sequence[DeletedRow]]:
    """The rows of an answer, so many at a time."""
    if isinstance(rows, PackedRows):
        return map(_ROWS.decode, rows.pieces)
    return (rows[start : start + _ROWS_IN_A_PIECE] for start in range(0, len(rows), _ROWS_IN_A_PIECE))


def _pieces(array: memoryview) -> list[bytes]:
    """A JSON array as several; unchanged where it has an unexpected form."""
    text, end = array[1:-1], 0
    pieces: list[bytes] = []
    for found in _PIECE.finditer(text):
        if found.start() != end:
            break
        end = found.end()
        pieces.append(b"[%b]" % bytes(found.group()).rstrip().removesuffix(b","))
    return pieces if bytes(array[:1]) == b"[" and end == len(text) else [bytes(array)]


_SHOWN = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?")
_DATE_CHARACTERS, _MINUTES_CHARACTERS, _SECONDS_CHARACTERS = 10, 16, 19


def latest_meant(shown: str) -> str | None:
    """The latest instant, in UTC, that a time shown without its smaller units may mean.

    Raises:
        ValueError: the text is not an ISO 8601 date-time.
    """
    instant, found = utc_instant(shown), _SHOWN.match(shown)
    if instant is None or found is None:
        return instant
    characters = len(found[0])
    fraction_digits = max(characters - _SECONDS_CHARACTERS - 1, 0)
    unit = {
        _DATE_CHARACTERS: timedelta(days=1),
        _MINUTES_CHARACTERS: timedelta(minutes=1),
    }.get(characters, timedelta(microseconds=10 ** max(6 - fraction_digits, 0)))
    return moved(instant, unit - timedelta.resolution)


class NoteIds:
    """A set of ids in little more than 16 bytes each: the memory has no room for those of a large table as text."""

    _BYTES = 14

    def __init__(self) -> None:
        self._buckets: defaultdict[bytes, bytearray] = defaultdict(bytearray)

    def update(self, ids: Iterable[str]) -> None:
        """Add these ids."""
        for id_ in ids:
            bucket, rest = self._digest(id_)
            self._buckets[bucket] += rest

    def __contains__(self, id_: str) -> bool:
        name, rest = self._digest(id_)
        bucket = self._buckets.get(name, bytearray())
        at = bucket.find(rest)
        while at > 0 and at % self._BYTES:
            at = bucket.find(rest, at + 1)
        return at >= 0

    def _digest(self, id_: str) -> tuple[bytes, bytes]:
        digest = hashlib.blake2b(id_.lower().encode(), digest_size=2 + self._BYTES).digest()
        return digest[:2], digest[2:]
