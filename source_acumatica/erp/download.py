"""Downloads a file that is attached to a record, in bounded memory, and whole or not at all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import requests
from airbyte_cdk.models import FailureType

from source_acumatica.erp.answers import (
    EMPTY_BODY,
    NO_CONTENT,
    SEAT_LIMIT,
    WEB_PAGE,
    is_web_page,
    read_answer,
    text_of,
)
from source_acumatica.erp.client import Client
from source_acumatica.erp.errors import (
    LONGEST_TEXT_CHARACTERS,
    Action,
    BrokenAnswerError,
    Problem,
    RequestFailed,
    messages_in,
    with_quote,
)
from source_acumatica.erp.response import need_end

Got = TypeVar("Got")

LARGEST_FILE_BYTES = 1_500_000_000
"""What Airbyte's platform takes of one file (its page on copying files; destinations refuse more)."""
TOO_LARGE = 413
"""The status of the problem of a file that is larger, which servers report so as well."""
NO_FILE = 200
"""The status of the problem of an answer that says that all is well, but is not the file."""
DOUBTFUL = NO_CONTENT
"""That of an answer that may be the file, or come for want of a seat or of a site: ``Doubts`` tell."""
_PIECE_BYTES = 256 * 1024
_PAGES = (".htm", ".html", ".xhtml")
# An answer that may be cut off, or not be the file, is believed when it comes so often.
_TIMES_UNTIL_BELIEVED = 3


@dataclass
class Habit:
    """How a site sends files, as far as this run has seen."""

    declares: bool = False
    """Whether one has come that was declared as a file; then what is not declared is none."""
    goes_without: bool = False
    """Whether one has come that was not, and is no page: then an attached page may come so, too."""


class Doubts:
    """Whether a doubtful answer is the file: each time that it came, the same session gave something else as well."""

    def __init__(self) -> None:
        self._last: object = None
        self._proofs = Counter[object]()

    def came(self, response: requests.Response) -> bool:
        """Note a doubtful answer; whether it is believed now."""
        self._last = response.connection  # each session has one of its own
        return self._proofs[self._last] >= _TIMES_UNTIL_BELIEVED - 1

    def proved(self, response: requests.Response) -> bool:
        """Note an answer that only a session with a seat gets; whether it is the one that gave the doubtful answer."""
        session = response.connection
        if session is self._last:
            self._proofs[session] += 1
        return session is self._last


class StagingError(Exception):
    """The staging folder cannot be written to; the cause says why. No OSError, which would be one of the network."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.number = error.errno


def download(
    client: Client,
    tenant: str,
    address: str,
    name: str,
    place: Path,
    *,
    where: str,
    headers: Mapping[str, str],
    habit: Habit,
    doubts: Doubts,
) -> int:
    """Put the file at ``address``, which is called ``name``, at ``place``; its size in bytes.

    It lies at its place only once it is whole; before that, beside it.

    Raises:
        RequestFailed: it cannot be read, with the status ``TOO_LARGE`` where it is larger than files may be, and
            ``DOUBTFUL`` where something else has to be asked for before what came is believed.
        StagingError: it cannot be written.
        AirbyteTracedException: the tenant's sign-in was refused.
    """
    part = place.with_name(f"{place.name}.part")
    try:
        size_bytes = client.fetch(
            tenant,
            address,
            read=_Whole(part, name, habit, doubts).read,
            where=where,
            # The length of a packed body would be that of the packed one.
            headers={**headers, "Accept-Encoding": "identity"},
            judge=_judge,
            is_streamed=True,
            most_bytes=LARGEST_FILE_BYTES,
        )
        _written(lambda: part.replace(place))
    finally:
        _written(partial(part.unlink, missing_ok=True))
    return size_bytes


def has_a_seat(
    client: Client, tenant: str, address: str, doubts: Doubts, *, where: str, headers: Mapping[str, str]
) -> bool:
    """Ask for the list at ``address``, waiting for a seat; whether the session of the last doubtful answer gave it.

    Raises:
        RequestFailed: no seat came free.
        AirbyteTracedException: the tenant's sign-in was refused.
    """
    proofs = []

    def judge(response: requests.Response) -> Problem | None:
        problem = read_answer(response)
        if problem is None or problem.action in _SAID_BY_THE_ERP:
            proofs.append(doubts.proved(response))
        return problem

    try:
        client.fetch(tenant, address, {"$top": "1"}, read=lambda _: None, where=where, headers=headers, judge=judge)
    except RequestFailed as failure:
        if failure.problem.action in (Action.SEAT, Action.THROTTLED):
            raise
    return any(proofs)


_SAID_BY_THE_ERP = (Action.GONE, Action.ASK_FOR_LESS, Action.SKIP)


def _judge(response: requests.Response) -> Problem | None:
    """What an answer leads to of which the head shows that it is not the file."""
    status = response.status_code
    if status in (_OK, NO_CONTENT):
        return _TOO_LARGE if (_length_of(response) or 0) > LARGEST_FILE_BYTES else None
    if _OK < status < _REDIRECTS:
        return replace(_NO_FILE, sentence=f"the instance answered with another status than a file has ({status})")
    problem = read_answer(response)
    if problem is None or problem.action is Action.SEAT or status not in _REFUSALS:
        return problem
    # At lists, these have reasons that files do not have.
    is_page = is_web_page(response)
    sentence = f"the {'web server' if is_page else 'ERP'} {_REFUSALS[status]} ({status})"
    return replace(problem, sentence=with_quote(sentence, text_of(response)), status=status, is_unclear=is_page)


_OK, _REDIRECTS = 200, 300
_NOT_THERE, _REFUSED = "does not find the file", "refuses the file"
_REFUSALS = {
    **dict.fromkeys((400, 401, 403, 405, 406, 409, 422), _REFUSED),
    **dict.fromkeys((404, 410), _NOT_THERE),
}
_TOO_LARGE = Problem(Action.STOP, FailureType.config_error, "it is larger than files may be", status=TOO_LARGE)
_NO_FILE = Problem(
    Action.RETRY,
    FailureType.transient_error,
    "the answer does not say that it is a file, as others of the instance do",
    status=NO_FILE,
)
_DOUBTED = Problem(
    Action.STOP,
    FailureType.transient_error,
    "the instance answered with an empty body or a web page instead of the file, although it gives lists",
    status=DOUBTFUL,
)


class _Whole:
    """Writes the body of an answer, and refuses one that may not be whole, or not be the file."""

    def __init__(self, place: Path, name: str, habit: Habit, doubts: Doubts) -> None:
        self._place, self._is_page = place, name.lower().endswith(_PAGES)
        self._habit, self._doubts, self._seen = habit, doubts, Counter[int]()
        self._beginning = b""

    def read(self, response: requests.Response) -> int:
        """Write the body; its size in bytes.

        Raises:
            BrokenAnswerError: it is not whole, or not the file, or that is not known yet.
        """
        need_end(response)
        size_bytes = self._write(response)
        length = _length_of(response)
        if length not in (None, size_bytes):
            sentence = f"the file has {size_bytes:,} of its {length:,} bytes"
            raise BrokenAnswerError(sentence)
        if _is_declared(response):
            self._habit.declares = True
        else:
            self._refuse_other(response, size_bytes)
        self._seen[size_bytes] += 1
        has_end = not {"Content-Length", "Transfer-Encoding"}.isdisjoint(response.headers)
        if size_bytes and not has_end and self._seen[size_bytes] < _TIMES_UNTIL_BELIEVED:
            raise BrokenAnswerError(_ENDLESS)
        return size_bytes

    def _refuse_other(self, response: requests.Response, size_bytes: int) -> None:
        """Raise where a body that is not declared as a file is, or may be, something else."""
        is_page = is_web_page(response) or _begins_as_page(self._beginning)
        if not size_bytes or (is_page and self._is_page):
            may_be = response.status_code == _OK and not self._habit.declares
            may_be &= not size_bytes or self._habit.goes_without
            if not (self._doubts.came(response) and may_be):
                raise BrokenAnswerError(problem=_DOUBTED)
        elif is_page:
            raise BrokenAnswerError(problem=replace(WEB_PAGE, status=NO_FILE))
        elif problem := _error_in(self._beginning, size_bytes) or (_NO_FILE if self._habit.declares else None):
            raise BrokenAnswerError(problem=problem)
        else:
            self._habit.goes_without = True

    def _write(self, response: requests.Response) -> int:
        size_bytes, self._beginning = 0, b""
        out = _written(lambda: self._place.open("wb"))
        try:
            for piece in response.iter_content(_PIECE_BYTES):
                size_bytes += _written(partial(out.write, piece))
                self._beginning += piece[: LONGEST_TEXT_CHARACTERS - len(self._beginning)]
        finally:
            _written(out.close)
        return size_bytes


_ENDLESS = "the answer does not say how large the file is"


def _begins_as_page(beginning: bytes) -> bool:
    return beginning.removeprefix(b"\xef\xbb\xbf").lstrip()[:14].lower().startswith((b"<!doctype html", b"<html"))


def _error_in(beginning: bytes, size_bytes: int) -> Problem | None:
    """The problem of a body that is the ERP's error, or what sites say where all seats are taken."""
    if size_bytes > len(beginning):
        return None
    said: dict[str, object] = {}
    with suppress(ValueError, RecursionError):
        body = json.loads(beginning)
        said = {name[:1].lower() + name[1:]: value for name, value in body.items()} if isinstance(body, dict) else {}
    is_error = bool(said) and said.keys() <= _OF_AN_ERROR
    text = beginning.decode(errors="replace")
    is_short = size_bytes <= _LONGEST_SEAT_TEXT_BYTES
    if (is_error or is_short) and (SEAT_LIMIT.search(text) or _SEAT_PAGE in text):
        return EMPTY_BODY
    sentence = "the ERP answered with an error instead of the file"
    return replace(_NO_FILE, sentence=with_quote(sentence, "\n".join(messages_in(said)))) if is_error else None


_OF_AN_ERROR = {"message", "exceptionMessage", "exceptionType", "stackTrace", "innerException", "modelState"}
_SEAT_PAGE, _LONGEST_SEAT_TEXT_BYTES = "custom error module", 500


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
