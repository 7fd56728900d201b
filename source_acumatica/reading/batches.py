"""Reads an answer that has all its rows in one list, while it arrives, so that they never lie in memory as a whole.

Whether an answer is whole is known at its end only, and what went out cannot be called back. So its rows are cut into
batches, tried, counted, and kept as compressed text until the end has come; then they are decoded a batch at a time.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, overload

import msgspec

from source_acumatica.erp.json_text import BrokenTextError, error_at_end

# So much text becomes rows at once; as objects, rows take about ten times as much memory.
_BATCH_BYTES = 512 * 1024
# At the lowest level such text shrinks to a tenth already; more effort saves little.
_COMPRESSION = 1

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_FLAT = rb'\{(?:[^"{}\[\]]++|' + _STRING + rb")*+\}"
_ROW = rb'[{\[](?:[^"{}\[\]]++|' + _STRING + rb"|" + _FLAT + rb")*+[}\]]"
# A single quotation mark begins a string whose end has not come yet.
_OUTSIDE = re.compile(_STRING + rb'|[{}\[\]:,"]', re.DOTALL)
# Matches a whole row at once if it is not nested deeper than usual; other rows are found by counting brackets.
_BETWEEN_ROWS = re.compile(_ROW + rb"|" + _STRING + rb'|[{}\[\]"]', re.DOTALL)
_WITHIN_ROW = re.compile(_FLAT + rb"|" + _STRING + rb'|[{}\[\]"]', re.DOTALL)

DecodeRows = Callable[[bytes], Sequence[Any]]
"""Decodes rows from their text, which has commas between them; raises what a broken answer raises."""


class PackedRows(Sequence[Any]):
    """The rows of an answer, each batch compressed until it is asked for."""

    def __init__(self, decode_rows: DecodeRows) -> None:
        self._decode_rows = decode_rows
        self._batches: list[tuple[int, bytes]] = []

    def add(self, text: bytes) -> None:
        """Add rows by their text, if it can be decoded."""
        self._batches.append((len(self._decode_rows(text)), zlib.compress(text, _COMPRESSION)))

    def batches(self) -> Iterator[Sequence[Any]]:
        """The rows, as many at a time as may be decoded at once."""
        for _, packed in self._batches:
            yield self._decode_rows(zlib.decompress(packed))

    def __len__(self) -> int:
        return sum(rows for rows, _ in self._batches)

    def __iter__(self) -> Iterator[Any]:
        for batch in self.batches():
            yield from batch

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        """A row, or some; all that come before are decoded on the way."""
        return list(self)[index]


def in_batches(rows: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """The rows of a page, as many at a time as may lie in memory."""
    return rows.batches() if isinstance(rows, PackedRows) else (rows,)


def pack(pieces: Iterable[bytes], path: Sequence[str], decode_rows: DecodeRows) -> tuple[PackedRows, bytes]:
    """The rows in the list at ``path``, and the answer's text without them.

    Raises:
        BrokenTextError: the answer breaks off.
    """
    rows = PackedRows(decode_rows)
    splitter = _Splitter(list(path))
    for piece in pieces:
        for batch in splitter.feed(piece):
            rows.add(batch)
    rest = b"".join(splitter.rest)
    if not splitter.is_whole:
        sentence = "the answer was not complete JSON"
        raise BrokenTextError(sentence, error_at_end(rest + splitter.text))
    return rows, rest


class _Splitter:
    """Cuts a JSON text into the rows of one list and the rest; it does not check either."""

    def __init__(self, path: list[str]) -> None:
        self._path = path
        self.text = b""
        """What has come and was not passed on yet."""
        self.rest: list[bytes] = []
        self._at = self._row_end = 0
        """Up to where ``text`` was searched, and where the last row ended."""
        self._names: list[str | None] = []
        """The names of the objects and lists that are open, outside of the rows."""
        self._name: str | None = None
        self._string = b""
        self._depth: int | None = None
        """How many brackets are open within the rows; None outside of them."""

    @property
    def is_whole(self) -> bool:
        """Whether all that was opened has been closed; there may be nothing at all, or no JSON."""
        return self._depth is None and not self._names and self._at == len(self.text)

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The batches that are complete with this piece."""
        self.text += piece
        while True:
            if self._depth is None:
                begins_rows = self._look_outside()
                self.rest.append(self.text[: self._at])
                self._cut(self._at)
                if not begins_rows:
                    return
            end, is_last = self._look_at_rows()
            if is_last or end >= _BATCH_BYTES:
                batch = self.text[:end].lstrip(b", \t\r\n")
                self._cut(end)
                if batch:
                    yield batch
            if not is_last:
                return

    def _cut(self, end: int) -> None:
        self.text, self._at, self._row_end = self.text[end:], self._at - end, self._row_end - end

    def _look_outside(self) -> bool:
        """Go on to the list, if it begins in this text."""
        for token in _OUTSIDE.finditer(self.text, self._at):
            match token[0]:
                case b'"':
                    self._at = token.start()
                    return False
                case b"{" | b"[":
                    self._names.append(self._name)
                    self._name = None
                    if token[0] == b"[" and self._names[1:] == self._path:
                        self._at = self._row_end = token.end()
                        self._depth = 0
                        return True
                case b"}" | b"]":
                    if self._names:
                        self._names.pop()
                    self._name = None
                case b":":
                    self._name = _plain(self._string)
                case b",":
                    self._name = None
                case string:
                    self._string = string
        self._at = len(self.text)
        return False

    def _look_at_rows(self) -> tuple[int, bool]:
        """Go on to where the last row ends that is whole in this text; and whether the list ends behind it."""
        while token := (_WITHIN_ROW if self._depth else _BETWEEN_ROWS).search(self.text, self._at):
            mark, self._at = token[0], token.end()
            if mark == b'"':
                self._at = token.start()
                return self._row_end, False
            if mark in (b"{", b"["):
                self._depth = (self._depth or 0) + 1
            elif mark in (b"}", b"]"):
                if self._depth == 0:
                    # The bracket belongs to what is around the rows.
                    self._at, self._depth = token.start(), None
                    return self._at, True
                self._depth = (self._depth or 0) - 1
            if self._depth == 0:
                self._row_end = self._at
        self._at = len(self.text)
        return self._row_end, False


def _plain(string: bytes) -> str:
    try:
        return str(msgspec.json.decode(string))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return string.decode(errors="replace")
