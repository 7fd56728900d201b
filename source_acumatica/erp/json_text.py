"""Decodes JSON as servers write it: mistakes with only one possible meaning are repaired, others are errors.

Only text that the decoder refuses is looked at again, so valid JSON costs nothing more and keeps every digit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from source_acumatica.erp.errors import BrokenAnswerError

Log = Callable[[str], None]
"""Takes a sentence about what was repaired."""

_MARK = b"\xef\xbb\xbf"
# A string as a whole, so that nothing within it is taken for a literal.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|-?(?:NaN|Infinity)', re.DOTALL)
# Complete surrogate pairs come first, then lone halves, then any other escape as a whole: `\\ud83d` is none.
_IN_STRING = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.|([\x00-\x1f])",
    re.DOTALL,
)
# An error that a server writes after it had begun to send rows is at the end.
_TAIL_BYTES = 16 * 1024
_ERROR = re.compile(rb'"(?:odata\.)?error"\s*:\s*\{')
_MESSAGE = re.compile(rb'"message"\s*:\s*(?:\{[^{}]*?"value"\s*:\s*)?("(?:[^"\\]++|\\.)*+")', re.DOTALL)
_QUOTE_BYTES = 200

_HALF_CHARACTER = "an answer holds half a character (a lone surrogate); it comes as U+FFFD"
_NO_NUMBER = "an answer holds NaN or Infinity, which are no numbers in JSON; they come as null"


class BrokenTextError(BrokenAnswerError, msgspec.DecodeError):
    """A body that is not JSON and cannot be repaired."""


def decode(decoder: msgspec.json.Decoder[Any], body: bytes, log: Log | None = None) -> Any:
    """Decode a body, repaired where it is not valid JSON.

    Half characters become U+FFFD, numbers that JSON does not have become null, and a byte order mark is dropped;
    control characters in texts are kept (BEHAVIOR.md, "Text").

    Raises:
        msgspec.ValidationError: it is JSON, but not of the type that ``decoder`` expects.
        BrokenTextError: it is not JSON, also where it breaks off.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        text, remarks = _repaired(body)
    try:
        answer = decoder.decode(text)
    except msgspec.ValidationError:
        raise
    except UnicodeDecodeError as error:
        raise _not_utf8(text, error) from None
    except msgspec.DecodeError:
        sentence = "the answer was not complete JSON"
        raise BrokenTextError(sentence, error_at_end(text)) from None
    if log:
        for remark in sorted(remarks):
            log(remark)
    return answer


def _repaired(body: bytes) -> tuple[bytes, set[str]]:
    remarks: set[str] = set()

    def in_string(found: re.Match[bytes]) -> bytes:
        half, control = found.groups()
        if half:
            remarks.add(_HALF_CHARACTER)
            return rb"\ufffd"
        return rb"\u%04x" % control[0] if control else found[0]

    def token(found: re.Match[bytes]) -> bytes:
        if found[0][:1] == b'"':
            return _IN_STRING.sub(in_string, found[0])
        remarks.add(_NO_NUMBER)
        return b"null"

    return _TOKEN.sub(token, body.removeprefix(_MARK)), remarks


def _not_utf8(text: bytes, error: UnicodeDecodeError) -> BrokenTextError:
    """The error with the text before the byte: if it lasts, the record has to be found and corrected in the ERP."""
    try:
        text.decode()
    except UnicodeDecodeError as whole:
        # The decoder counts from the beginning of a string.
        error = whole
    before = text[max(error.start - _QUOTE_BYTES, 0) : error.start].decode(errors="ignore")
    sentence = f"the answer is not UTF-8: byte 0x{text[error.start]:02x} cannot stand behind the text quoted here"
    return BrokenTextError(sentence, before)


def error_at_end(text: bytes) -> str:
    """The error message at the end of an answer that the server began and could not complete."""
    tail = text[-_TAIL_BYTES:]
    found = _ERROR.search(tail)
    message = _MESSAGE.search(tail, found.end()) if found else None
    if not message:
        return ""
    try:
        return str(msgspec.json.decode(message[1]))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
