"""Downloads a file that is attached to a record, in bounded memory, and whole or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import requests
from airbyte_cdk.models import FailureType

from source_acumatica.erp.answers import NO_CONTENT, WEB_PAGE, Judge, is_web_page, read_answer
from source_acumatica.erp.client import Client
from source_acumatica.erp.errors import Action, BrokenAnswerError, Problem

Got = TypeVar("Got")

LARGEST_FILE_BYTES = 1_500_000_000
"""What Airbyte's platform takes of one file (its page on copying files; destinations refuse more)."""
TOO_LARGE = 413
"""The status of the problem of a file that is larger, which servers report so as well."""
_OK = 200
_PIECE_BYTES = 256 * 1024
_PAGES = (".htm", ".html", ".xhtml")
# An answer that may be cut off, or come for want of a seat, is believed when it comes so often.
_TIMES_UNTIL_BELIEVED = 3


class StagingError(Exception):
    """The staging folder cannot be written to; the cause says why. No OSError, which would be one of the network."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.number = error.errno


def download(
    client: Client, tenant: str, address: str, name: str, place: Path, *, where: str, headers: Mapping[str, str]
) -> int:
    """Put the file at ``address``, which is called ``name``, at ``place``; its size in bytes.

    It lies at its place only once it is whole; before that, beside it.

    Raises:
        RequestFailed: it cannot be read, with the status ``TOO_LARGE`` where it is larger than files may be.
        StagingError: it cannot be written.
        AirbyteTracedException: the tenant's sign-in was refused.
    """
    part = place.with_name(f"{place.name}.part")
    try:
        size_bytes = client.fetch(
            tenant,
            address,
            read=_Whole(part).read,
            where=where,
            # The length of a packed body would be that of the packed one.
            headers={**headers, "Accept-Encoding": "identity"},
            judge=_judge_of(name),
            is_streamed=True,
            most_bytes=LARGEST_FILE_BYTES,
        )
        _written(lambda: part.replace(place))
    finally:
        _written(partial(part.unlink, missing_ok=True))
    return size_bytes


def _judge_of(name: str) -> Judge:
    """Says what an answer leads to that is not the file called ``name``."""

    def judge(response: requests.Response) -> Problem | None:
        if response.status_code not in (_OK, NO_CONTENT):
            return read_answer(response)
        if (_length_of(response) or 0) > LARGEST_FILE_BYTES:
            return _TOO_LARGE
        # An attached page may look like the site's own, unless the ERP says that it is a file.
        is_page = is_web_page(response) and not _is_declared(response) and not name.lower().endswith(_PAGES)
        return WEB_PAGE if is_page else None

    return judge


_TOO_LARGE = Problem(Action.STOP, FailureType.config_error, "it is larger than files may be", status=TOO_LARGE)


class _Whole:
    """Writes the body of an answer, and refuses one that may not be whole."""

    def __init__(self, place: Path) -> None:
        self._place, self._seen = place, Counter[int]()

    def read(self, response: requests.Response) -> int:
        """Write the body; its size in bytes.

        Raises:
            BrokenAnswerError: it is not whole, or that is not known yet.
        """
        size_bytes = self._write(response)
        length = _length_of(response)
        if length not in (None, size_bytes):
            sentence = f"the file has {size_bytes:,} of its {length:,} bytes"
            raise BrokenAnswerError(sentence)
        self._seen[size_bytes] += 1
        has_end = not {"Content-Length", "Transfer-Encoding"}.isdisjoint(response.headers)
        is_sure = has_end and (size_bytes or _is_declared(response))
        if not is_sure and self._seen[size_bytes] < _TIMES_UNTIL_BELIEVED:
            raise BrokenAnswerError(_DOUBTFUL if size_bytes else _EMPTY)
        return size_bytes

    def _write(self, response: requests.Response) -> int:
        size_bytes = 0
        out = _written(lambda: self._place.open("wb"))
        try:
            for piece in response.iter_content(_PIECE_BYTES):
                size_bytes += _written(partial(out.write, piece))
        finally:
            _written(out.close)
        return size_bytes


_EMPTY = "the instance answered with an empty body instead of a file"
_DOUBTFUL = "the answer does not say how large the file is"


def _length_of(response: requests.Response) -> int | None:
    """How many bytes the body has, where the answer says so of what is not packed."""
    length = response.headers.get("Content-Length", "")
    is_packed = response.headers.get("Content-Encoding", "identity") != "identity"
    return int(length) if length.isdecimal() and not is_packed else None


def _is_declared(response: requests.Response) -> bool:
    """Whether the answer says that it is a file, and not a page of the site."""
    return "Content-Disposition" in response.headers


def _written(work: Callable[[], Got]) -> Got:
    """What ``work`` returns, which writes to the staging folder.

    Raises:
        StagingError: it cannot.
    """
    try:
        return work()
    except OSError as error:
        raise StagingError(error) from error
