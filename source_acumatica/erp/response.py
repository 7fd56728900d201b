"""Reads the body of an answer within bounds of time and size.

The HTTP library's time-out starts again with each byte, and it decompresses without a limit: an answer that arrives
byte by byte would hold a licence seat for ever, and a few kilobytes could become gigabytes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import requests
from urllib3.exceptions import DecodeError, ReadTimeoutError

from source_acumatica.erp.errors import AnswerTooLarge
from source_acumatica.erp.unpacking import unpacked

_PIECE_BYTES = 256 * 1024
# Of what is packed, a piece mostly becomes no more than one of those.
_PACKED_PIECE_BYTES = 32 * 1024


def bound(
    response: requests.Response, seconds: float, most_bytes: int, slowest_bytes_per_second: float = math.inf
) -> None:
    """Bound a body that has not been read yet; reading it then raises what ``stream`` raises.

    ``slowest_bytes_per_second``: bytes that come at this speed at least do not count against its time.
    """
    response.raw = _BoundedBody(response.raw, seconds, most_bytes, slowest_bytes_per_second)


def read_whole(response: requests.Response) -> None:
    """Read the body into one buffer, which becomes its content; ``requests`` would hold all pieces and their copy.

    Raises:
        AnswerTooLarge, requests.RequestException: as reading the ``content`` would.
    """
    whole = BytesIO()
    for piece in response.iter_content(_PIECE_BYTES):
        whole.write(piece)
    response._content = whole.getvalue()


def need_end(response: requests.Response) -> None:
    """Let reading a bounded body fail where it is packed and breaks off, or is packed without a sign of its end.

    Lists do without: text in JSON shows by itself whether it is whole.
    """
    body: Any = response.raw
    body.needs_end = True


class _BoundedBody:
    """Stands in for the body that ``requests`` would read without bounds."""

    def __init__(self, body: Any, seconds: float, most_bytes: int, slowest_bytes_per_second: float) -> None:
        self._body, self._seconds, self._most_bytes = body, seconds, most_bytes
        self._slowest = slowest_bytes_per_second
        self.needs_end = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)

    def stream(self, _piece_bytes: int, decode_content: bool | None = None) -> Iterator[bytes]:
        """The decompressed body, in the pieces in which it arrives.

        Raises:
            AnswerTooLarge: it has more bytes than allowed; the rest is not read.
            requests.ReadTimeout: it has not ended in time, whether bytes keep coming or none do.
        """
        ends_at, size_bytes = time.monotonic() + self._seconds, 0
        for piece in self._pieces(decode_content):
            size_bytes += len(piece)
            if size_bytes > self._most_bytes:
                raise AnswerTooLarge(self._most_bytes)
            if time.monotonic() > ends_at + size_bytes / self._slowest:
                raise requests.ReadTimeout
            yield piece

    def _pieces(self, decode_content: bool | None) -> Iterator[bytes]:
        """The body; of encodings other than that of nearly all sites, the HTTP library knows more."""
        packing = self._body.headers.get("Content-Encoding", "").strip().lower()
        if decode_content and packing == "gzip":
            packed = iter(lambda: self._piece(_PACKED_PIECE_BYTES, False), b"")
            return unpacked(packed, _PIECE_BYTES, needs_end=self.needs_end)
        if self.needs_end and packing not in ("", "identity"):
            message = f"the body is packed ({packing}), although that was not asked for"
            raise DecodeError(message)
        return iter(lambda: self._piece(_PIECE_BYTES, decode_content), b"")

    def _piece(self, most_bytes: int, decode_content: bool | None) -> bytes:
        """The next bytes; a stall is a time-out here, which the HTTP library calls a failed connection."""
        try:
            piece: bytes = self._body.read1(most_bytes, decode_content=decode_content)
        except ReadTimeoutError as error:
            raise requests.ReadTimeout from error
        return piece
