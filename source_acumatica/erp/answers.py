"""What each answer of the ERP or failure of the network leads to, whose fault it is, and the sentence the user reads.

    what came back                                         what happens next      whose fault
    -----------------------------------------------------  ---------------------  ---------------
    connection, body broken off, truncated JSON            try again              transient_error
    5xx, to a page                                         again, then fewer rows transient_error
    5xx, to anything else                                  try again              transient_error
    HTML with 200, a redirect to a page                    try again              transient_error
    read timed out, body stalls, "Execution Timeout"       ask for fewer rows     transient_error
    504                                                    pause, fewer rows      transient_error
    more bytes than the request may bring                  ask for fewer rows     config_error
    429                                                    wait, try again        transient_error
    seat limit (500, 429 text, 302, empty 200)             give back, wait, again transient_error
    409                                                    wait, in the end for   transient_error
                                                           another session
    401                                                    sign in again          config_error
    500 cannot be optimized, unknown field                 ask for less           config_error
    414, 404.15, 400 with "query string"                   ask for less, shorter  config_error
    500 no entity satisfies the condition                  the record is gone     config_error
    500 form not set up                                    skip with a warning    config_error
    403, 404, 422                                          stop                   config_error
    OData: 400, an empty 200 to a filter or an order       ask for less           config_error
    other 500                                              try once more, stop    system_error
    other 4xx                                              stop                   system_error
    token endpoint 400/401/403                             stop, never again      config_error
    token endpoint: a page or a redirect of no ERP         try again              config_error
    nothing can be sent: proxy, authorities, host name     stop                   config_error

Facts: BEHAVIOR.md, "Errors". Texts of the server are quoted shortened, without stack traces and with secrets masked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from airbyte_cdk.models import FailureType

from source_acumatica.erp.errors import (
    LONGEST_TEXT_CHARACTERS,
    SQL_TIMEOUT,
    Action,
    AnswerTooLarge,
    BrokenAnswerError,
    Problem,
    messages_in,
    with_quote,
)
from source_acumatica.erp.network import no_tls, unreachable, wrong_setting

# Texts of live instances and official samples (BEHAVIOR.md, "Errors" and "Optimization").
SEAT_LIMIT = re.compile(r"API Login Limit|concurrent API logins|CheckApiUsersLimits", re.IGNORECASE)
_NOT_OPTIMIZABLE = re.compile(
    r"Optimization cannot be performed|BQL ?delegate|query cannot be optimized|CannotOptimize", re.IGNORECASE
)
_NAMED_FIELD = re.compile(r"^\s*([A-Za-z_][\w/.]*):\s*View\b", re.MULTILINE)
_UNKNOWN_FIELD = "The given key was not present in the dictionary"
_GONE = re.compile(r"No entity satisfies the condition|NoEntitySatisfiesTheCondition", re.IGNORECASE)
# As SQL Server's client says it while a database fails over (BEHAVIOR.md, "Errors").
_NO_DATABASE = re.compile(
    r"A network-related or instance-specific error|A transport-level error has occurred|is not currently available\."
    r"|Cannot open database|prior to obtaining a connection",
    re.IGNORECASE,
)
# A query that cannot be read, whatever the status (BEHAVIOR.md, "Contract version 5").
_NOT_UNDERSTOOD = re.compile(r"syntax error|Microsoft\.(Data\.)?OData|\$(select|expand|filter|custom)\b", re.IGNORECASE)
_NOT_SET_UP = re.compile(r"PXSetupNotEntered|required configuration data is not entered", re.IGNORECASE)

_SEAT_SENTENCE = (
    "all API seats of the licence are taken: close other integrations' sessions or raise the number of web service API "
    "users (License Monitoring Console, SM604000; per user: Users, SM201010). The seat of a run that crashed comes "
    "free by itself, after 10 minutes or up to an hour"
)
_THROTTLE_SENTENCE = (
    "the licence's limit of API requests is used up (License Monitoring Console, SM604000): lower requests_per_minute "
    "or run this sync when other integrations rest"
)


# Texts of IIS' request filter and ASP.NET (BEHAVIOR.md, "Lists"); their pages for remote clients say only 404.
_TOO_LONG = re.compile(r"\b404\.15\b|query ?string|URI too (long|large)", re.IGNORECASE)
TOO_LONG = 414
"""The status of every problem with the length of an address, although servers report it with several."""
# No server is known to refuse a query string shorter than this for its length.
_SHORT_QUERY_CHARACTERS = 1000
_BAD_REQUEST = 400
FORBIDDEN = 403
NO_CONTENT = 204
"""Some servers answer so for a list without rows; this empty body does not mean that seats are lacking."""
_TOO_LARGE = 413
"""The HTTP status of an answer that is too large."""


def read_exception(error: Exception, url: str | None = None) -> Problem:
    """What happens next after a request to ``url`` that got no complete answer."""
    transient = FailureType.transient_error
    setting = wrong_setting(error, url)
    if setting:
        return Problem(Action.STOP, FailureType.config_error, setting)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return Problem(Action.RETRY, transient, unreachable(error, url))
    if isinstance(error, AnswerTooLarge):
        return Problem(Action.FEWER_ROWS, FailureType.config_error, str(error), status=_TOO_LARGE)
    if isinstance(error, requests.Timeout):
        return Problem(Action.FEWER_ROWS, transient, "the instance did not answer in time (read_timeout_seconds)")
    if isinstance(error, requests.exceptions.SSLError):
        return Problem(Action.RETRY, transient, no_tls(error, url))
    if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
        return Problem(Action.RETRY, transient, "the connection broke off in the middle of an answer")
    return Problem(Action.RETRY, transient, unreachable(error, url))


def read_answer(response: requests.Response) -> Problem | None:
    """None for an answer that may be data; otherwise what happens next (the table above)."""
    status = response.status_code
    if 300 <= status < 400:
        return _redirect(response)
    if status in (200, 201):
        return _suspicious_success(response)
    text = text_of(response)
    if SEAT_LIMIT.search(response.text) or (status == 429 and _is_seat_429(response)):
        return Problem(Action.SEAT, FailureType.transient_error, _SEAT_SENTENCE)
    if is_too_long(response):
        return TOO_LONG_ADDRESS
    by_status = _BY_STATUS.get(status)
    if by_status is not None:
        is_unclear = by_status.is_unclear or bool(_NOT_UNDERSTOOD.search(text))
        return replace(by_status, sentence=with_quote(by_status.sentence, text), is_unclear=is_unclear)
    if status == 500:
        return _server_error(response.text, text)
    if status > 500:
        sentence = f"the instance is not available (HTTP {status})"
        return Problem(Action.RETRY, FailureType.transient_error, sentence, status=status)
    return Problem(
        Action.STOP,
        FailureType.system_error,
        with_quote(f"the instance refused the request ({status})", text),
        status=status,
        is_unclear=status == _BAD_REQUEST,
    )


# What a release does not support is no valid request to it, or a failure of its own.
_NOT_IMPLEMENTED = 501
_REFUSES_A_TRIAL = (400, 422, 500, _NOT_IMPLEMENTED)

Judge = Callable[[requests.Response], Problem | None]
"""Says what an answer leads to that is not data; None for data."""


def or_no_content(judge: Judge) -> Judge:
    """``judge`` for a list, where 204 says that it has no rows."""
    return lambda response: None if response.status_code == NO_CONTENT else judge(response)


def on_trial(judge: Judge) -> Judge:
    """``judge`` for a request that may not be supported: an error that does not pass counts as a refusal."""

    def of_trial(response: requests.Response) -> Problem | None:
        problem, status = judge(response), response.status_code
        if problem and status in _REFUSES_A_TRIAL and (problem.action is Action.STOP or status == _NOT_IMPLEMENTED):
            return replace(problem, action=Action.ASK_FOR_LESS)
        return problem

    return of_trial


def naming_feature(judge: Judge, off: str) -> Judge:
    """``judge`` for a form that needs a feature which is ``off``: a refusal for lacking rights says so too."""

    def of_form(response: requests.Response) -> Problem | None:
        problem = judge(response)
        if not (off and problem and problem.status == FORBIDDEN):
            return problem
        sentence = f"{problem.sentence}; the feature {off}, which it may need, is off in this tenant"
        return replace(problem, sentence=f"{sentence} (Enable/Disable Features, CS100000)")

    return of_form


def of_its_head(judge: Judge) -> Judge:
    """``judge`` for an answer that is read while it arrives: of a success, only the headers are looked at."""

    def of_head(response: requests.Response) -> Problem | None:
        if response.status_code not in (200, 201):
            return judge(response)
        if response.headers.get("Content-Length") == "0":
            return EMPTY_BODY
        return WEB_PAGE if is_web_page(response) else None

    return of_head


def refuse_beginning(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces of a body, if it begins as data does.

    Raises:
        BrokenAnswerError: it is empty, or a web page.
    """
    has_begun = False
    for piece in pieces:
        if not has_begun and (beginning := piece.lstrip()):
            has_begun = True
            if beginning[:1] == b"<":
                raise BrokenAnswerError(problem=WEB_PAGE)
        yield piece
    if not has_begun:
        raise BrokenAnswerError(problem=EMPTY_BODY)


TOO_LONG_ADDRESS = Problem(
    Action.ASK_FOR_LESS,
    FailureType.config_error,
    "the web server refuses the address of the request since it is too long",
    status=TOO_LONG,
)


def is_too_long(response: requests.Response) -> bool:
    """Whether the web server, and not the ERP behind it, refused the request because its address is too long."""
    status = response.status_code
    if status == TOO_LONG:
        return True
    if status not in (400, 404) or not _is_html(response):
        return False
    query_characters = len(urlsplit(response.url or "").query)
    return bool(_TOO_LONG.search(response.text[:LONGEST_TEXT_CHARACTERS])) or (
        status == 404 and query_characters > _SHORT_QUERY_CHARACTERS
    )


_BY_STATUS: Mapping[int, Problem] = {
    401: Problem(Action.SIGN_IN, FailureType.config_error, "the session is not accepted even after signing in again"),
    403: Problem(
        Action.STOP,
        FailureType.config_error,
        "the user may not read this form: give it a role with view rights",
        status=FORBIDDEN,
    ),
    404: Problem(Action.STOP, FailureType.config_error, "the endpoint or entity does not exist there", status=404),
    422: Problem(
        Action.STOP,
        FailureType.config_error,
        "the ERP wants other values: set inquiry_parameters",
        is_unclear=True,
    ),
    409: Problem(
        Action.BUSY, FailureType.transient_error, "the ERP is busy with a long operation on this form in this session"
    ),
    408: Problem(Action.RETRY, FailureType.transient_error, "the instance gave up waiting for the request"),
    429: Problem(Action.THROTTLED, FailureType.transient_error, _THROTTLE_SENTENCE),
    504: Problem(
        Action.FEWER_ROWS,
        FailureType.transient_error,
        "the instance's gateway did not wait for the answer",
        status=504,
    ),
}


def _server_error(body: str, text: str) -> Problem:
    if _NOT_OPTIMIZABLE.search(body):
        return Problem(
            Action.ASK_FOR_LESS,
            FailureType.config_error,
            with_quote("the ERP cannot list this entity in one query", text),
            names=tuple(_NAMED_FIELD.findall(text)),
        )
    if _UNKNOWN_FIELD in body:
        sentence = "the ERP does not know a field that its own description lists"
        return Problem(Action.ASK_FOR_LESS, FailureType.config_error, with_quote(sentence, text), is_unclear=True)
    if _GONE.search(body):
        return Problem(Action.GONE, FailureType.config_error, "the record does not exist any more")
    if _NOT_SET_UP.search(body):
        return Problem(
            Action.SKIP, FailureType.config_error, with_quote("a form that it needs is not set up in this tenant", text)
        )
    if _NO_DATABASE.search(body):
        sentence = "the ERP cannot reach its database now"
        return Problem(Action.RETRY, FailureType.transient_error, with_quote(sentence, text), status=500)
    if SQL_TIMEOUT.search(body):
        return Problem(Action.FEWER_ROWS, FailureType.transient_error, "the ERP's database did not answer in time")
    sentence = with_quote("the ERP failed with an error of its own", text)
    return Problem(Action.STOP, FailureType.system_error, sentence, status=500, is_unclear=True)


def _redirect(response: requests.Response) -> Problem:
    """A redirect is never followed: it leads to an error or sign-in page, whose message is part of the address."""
    location = response.headers.get("Location", "")
    message = " ".join(parse_qs(urlsplit(location).query).get("message", []))
    if SEAT_LIMIT.search(message):
        return Problem(Action.SEAT, FailureType.transient_error, _SEAT_SENTENCE)
    sentence = "the instance led to another page instead of answering (is it in maintenance, is instance_url right?)"
    return Problem(Action.RETRY, FailureType.transient_error, with_quote(sentence, message))


def _suspicious_success(response: requests.Response) -> Problem | None:
    if not response.content.strip():
        return EMPTY_BODY
    return WEB_PAGE if _is_html(response) else None


def _is_html(response: requests.Response) -> bool:
    return is_web_page(response) or response.content.lstrip()[:1] == b"<"


def is_web_page(response: requests.Response) -> bool:
    """Whether the server declares the answer as HTML."""
    return "html" in response.headers.get("Content-Type", "").lower()


EMPTY_BODY = Problem(
    Action.SEAT,
    FailureType.transient_error,
    f"the instance answered with an empty body; if this stays so, {_SEAT_SENTENCE}",
)
WEB_PAGE = Problem(
    Action.RETRY,
    FailureType.transient_error,
    "the instance answered with a web page instead of data (is it in maintenance, is instance_url right?)",
)


def _is_seat_429(response: requests.Response) -> bool:
    """The seat limit was seen with IIS' own 429 page; the limit of requests is answered with JSON like other errors."""
    return "custom error module" in response.text


def object_in(response: requests.Response) -> dict[str, Any]:
    """The body as a JSON object; empty if it is anything else."""
    try:
        body = json.loads(response.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def text_of(response: requests.Response) -> str:
    """The messages of an HttpError, the innermost last; the plain text of anything else but a web page."""
    body = object_in(response)
    if response.status_code == 422:
        return "\n".join([*_field_errors(body), *messages_in(body)])
    if not body:
        return "" if b"<" in response.content[:200] else _decoded(response)
    return "\n".join(messages_in(body))


def _decoded(response: requests.Response) -> str:
    """The body as UTF-8 if it is valid, since the library reads text without a charset as Latin-1."""
    try:
        return response.content.decode() if b"\0" not in response.content else response.text
    except UnicodeDecodeError:
        return response.text


def _field_errors(body: Mapping[str, Any]) -> Iterator[str]:
    """The ERP answers a refused PUT with the record itself and an ``error`` beside each value that it refuses."""
    for name, value in body.items():
        if isinstance(value, dict) and value.get("error"):
            yield f"{name}: {value['error']}"
        elif name == "error" and value:
            yield str(value)
