"""What each failure of the ERP or the network leads to, whose fault it is, and the sentence the user reads.

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
    401                                                    sign in again          config_error
    500 cannot be optimized, unknown field                 climb down             config_error
    414, 404.15, 400 with "query string"                   climb down, shorter    config_error
    500 no entity satisfies the condition                  the record is gone     config_error
    500 form not set up                                    skip with a warning    config_error
    403, 404, 422                                          stop                   config_error
    OData: 400, an empty 200 to a filter or an order       climb down             config_error
    other 500                                              try once more, stop    system_error
    other 4xx                                              stop                   system_error
    token endpoint 400/401/403                             stop, never again      config_error
    token endpoint: a page or a redirect of no ERP         try again              config_error
    nothing can be sent: proxy, authorities, host name     stop                   config_error

Facts: BEHAVIOR.md, "Errors". Texts of the server are quoted shortened, without stack traces and with secrets masked.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.network import no_tls, place_of, unreachable, wrong_setting


class Next(StrEnum):
    """What is done about a failure."""

    RETRY = "try the same request again after a pause"
    FEWER_ROWS = "ask for fewer rows at once"
    THROTTLED = "wait until the minute's requests are used up no more"
    SEAT = "give the seat back, wait for a free one, try again"
    SIGN_IN = "sign in again, then try the same request"
    CLIMB_DOWN = "ask for less in one request"
    GONE = "the record is no longer there"
    SKIP = "there is nothing to read: warn and go on"
    STOP = "stop this stream of this tenant"


@dataclass(frozen=True)
class Problem:
    """A failure, read: what happens next, whose fault it is, and the sentence."""

    next: Next
    failure_type: FailureType
    sentence: str
    names: tuple[str, ...] = ()
    """The fields or collections that the server named as the cause."""
    status: int = 0
    """The HTTP status, where the caller may have to tell."""

    @property
    def is_explained(self) -> bool:
        """Whether the server said in words of its own what it refuses."""
        return _QUOTE in self.sentence


class RequestFailed(AirbyteTracedException):
    """A request that came to nothing; ``problem`` says what its caller can do about it."""

    def __init__(self, problem: Problem, where: str = "") -> None:
        self.problem = problem
        message = filter_secrets(f"{where}: {problem.sentence}" if where else problem.sentence)
        super().__init__(internal_message=message, message=message, failure_type=problem.failure_type)


def told(error: AirbyteTracedException) -> str:
    """What an error tells the user, without its full stop: a sentence of the log goes on behind it."""
    return (error.message or "").rstrip(".")


def config_error(message: str) -> AirbyteTracedException:
    """An error that only the user can mend."""
    message = filter_secrets(message)
    return AirbyteTracedException(internal_message=message, message=message, failure_type=FailureType.config_error)


def broken_record(where: str, error: Exception) -> AirbyteTracedException:
    """The error of a record that has another form than its description says."""
    message = filter_secrets(
        f"{where}: a record has another form than the ERP describes, so reading was stopped: {error}"
    )
    return AirbyteTracedException(internal_message=message, message=message, failure_type=FailureType.system_error)


# Texts of live instances and official samples (BEHAVIOR.md, "Errors" and "Optimization").
_SEAT_LIMIT = re.compile(r"API Login Limit|concurrent API logins|CheckApiUsersLimits", re.IGNORECASE)
_NOT_OPTIMIZABLE = re.compile(
    r"Optimization cannot be performed|BQL ?delegate|query cannot be optimized|CannotOptimize", re.IGNORECASE
)
_NAMED_FIELD = re.compile(r"^\s*([A-Za-z_][\w/.]*):\s*View\b", re.MULTILINE)
_UNKNOWN_FIELD = "The given key was not present in the dictionary"
_GONE = re.compile(r"No entity satisfies the condition|NoEntitySatisfiesTheCondition", re.IGNORECASE)
_NOT_SET_UP = re.compile(r"PXSetupNotEntered|required configuration data is not entered", re.IGNORECASE)
_SQL_TIMEOUT = re.compile(r"Execution Timeout Expired|wait operation timed out|timeout period elapsed", re.IGNORECASE)
_NO_MESSAGE = "An error has occurred."
_QUOTE = "the ERP says: "
_LONGEST_QUOTE_CHARACTERS = 300
# What is looked through for that; longer answers are web pages or worse.
_LONGEST_TEXT_CHARACTERS = 100_000

_SEAT_SENTENCE = (
    "all API seats of the licence are taken: close other integrations' sessions or raise the number of web service API "
    "users (License Monitoring Console, SM604000; per user: Users, SM201010). The seat of a run that crashed comes "
    "free by itself, after 10 minutes or up to an hour"
)
_THROTTLE_SENTENCE = (
    "the licence's limit of API requests is used up (License Monitoring Console, SM604000): lower requests_per_minute "
    "or run this sync when other integrations rest"
)


# What IIS' request filter and ASP.NET say where they say it (BEHAVIOR.md, "Lists"); pages for strangers say 404 alone.
_TOO_LONG = re.compile(r"\b404\.15\b|query ?string|URI too (long|large)", re.IGNORECASE)
TOO_LONG = 414
"""The status of a problem with the length of the address, whatever status the server said it with."""
# Below this no server was heard of that finds a query string too long.
_SHORT_QUERY_CHARACTERS = 1000
_SERVER_ERROR = 500
NO_CONTENT = 204
"""The status of a list without rows, with some servers; its empty body is not the one that means a lack of seats."""
_TOO_LARGE = 413
"""The status that a server says it with."""


class AnswerTooLarge(requests.RequestException):
    """The body has more bytes than the request may bring."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__(
            f"the answer is larger than {most_bytes // 1024**2} MB: fewer columns, or parameters, would make it smaller"
        )


def read_exception(error: Exception, url: str | None = None) -> Problem:
    """What a request to ``url`` that got no whole answer leads to."""
    transient = FailureType.transient_error
    setting = wrong_setting(error, url)
    if setting:
        return Problem(Next.STOP, FailureType.config_error, setting)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return Problem(Next.RETRY, transient, unreachable(error, url))
    if isinstance(error, AnswerTooLarge):
        return Problem(Next.FEWER_ROWS, FailureType.config_error, str(error), status=_TOO_LARGE)
    if isinstance(error, requests.Timeout):
        return Problem(Next.FEWER_ROWS, transient, "the instance did not answer in time (read_timeout_seconds)")
    if isinstance(error, requests.exceptions.SSLError):
        return Problem(Next.RETRY, transient, no_tls(error, url))
    if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
        return Problem(Next.RETRY, transient, "the connection broke off in the middle of an answer")
    return Problem(Next.RETRY, transient, unreachable(error, url))


def read_answer(response: requests.Response) -> Problem | None:
    """None for an answer that may be data; otherwise what it leads to (the table above)."""
    status = response.status_code
    if 300 <= status < 400:
        return _redirect(response)
    if status in (200, 201):
        return _suspicious_success(response)
    text = _text(response)
    if _SEAT_LIMIT.search(response.text) or (status == 429 and _is_seat_429(response)):
        return Problem(Next.SEAT, FailureType.transient_error, _SEAT_SENTENCE)
    if _is_too_long(response):
        return _TOO_LONG_ADDRESS
    by_status = _BY_STATUS.get(status)
    if by_status is not None:
        return replace(by_status, sentence=_with_quote(by_status.sentence, text))
    if status == 500:
        return _server_error(response.text, text)
    if status > 500:
        sentence = f"the instance is not available (HTTP {status})"
        return Problem(Next.RETRY, FailureType.transient_error, sentence, status=status)
    return Problem(
        Next.STOP, FailureType.system_error, _with_quote(f"the instance refused the request ({status})", text)
    )


Judge = Callable[[requests.Response], Problem | None]
"""Tells answers that are not data."""


def or_no_content(judge: Judge) -> Judge:
    """``judge`` for a list, of which 204 says that it has no rows."""
    return lambda response: None if response.status_code == NO_CONTENT else judge(response)


def on_trial(judge: Judge) -> Judge:
    """``judge`` for a request that nobody knows to be supported: an error of the ERP's own is its refusal."""

    def of_trial(response: requests.Response) -> Problem | None:
        problem = judge(response)
        is_refusal = problem is not None and problem.status == _SERVER_ERROR
        return replace(problem, next=Next.CLIMB_DOWN) if problem and is_refusal else problem

    return of_trial


def of_its_head(judge: Judge) -> Judge:
    """``judge`` for an answer that is read while it arrives: of a success, only the head may be looked at."""

    def of_head(response: requests.Response) -> Problem | None:
        if response.status_code not in (200, 201):
            return judge(response)
        if response.headers.get("Content-Length") == "0":
            return _EMPTY_BODY
        return _WEB_PAGE if _is_web_page(response) else None

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
                raise BrokenAnswerError(problem=_WEB_PAGE)
        yield piece
    if not has_begun:
        raise BrokenAnswerError(problem=_EMPTY_BODY)


def read_feed_answer(response: requests.Response, needed: str, *, is_query: bool = False) -> Problem | None:
    """``read_answer`` for the OData doors, where some answers mean something else.

    ``needed`` says what a user has to have to pass. ``is_query``: the request filters or sorts an inquiry; an empty
    body then says that it may not by that column.
    """
    status = response.status_code
    if is_query and status == 200 and not response.content.strip():
        return Problem(Next.CLIMB_DOWN, FailureType.transient_error, _EMPTY_FEED_SENTENCE)
    if _is_too_long(response):
        return _TOO_LONG_ADDRESS
    if status in _FEED_BY_STATUS and not _SEAT_LIMIT.search(response.text):
        known = _FEED_BY_STATUS[status]
        sentence = known.sentence.format(needed=needed)
        return replace(known, sentence=_with_quote(sentence, _text(response)), status=status)
    return read_answer(response)


def read_metadata_answer(response: requests.Response, needed: str) -> Problem | None:
    """``read_feed_answer`` for a description, whose 20 MB of XML are not to be held as a whole."""
    if response.status_code != 200:
        return read_feed_answer(response, needed)
    if response.headers.get("Content-Length") == "0":
        return _EMPTY_BODY
    return _WEB_PAGE if _is_web_page(response) else None


_TOO_LONG_ADDRESS = Problem(
    Next.CLIMB_DOWN,
    FailureType.config_error,
    "the web server refuses the address of the request since it is too long",
    status=TOO_LONG,
)


def _is_too_long(response: requests.Response) -> bool:
    """Whether the web server, and not the ERP behind it, refused the request for the length of its address."""
    status = response.status_code
    if status == TOO_LONG:
        return True
    if status not in (400, 404) or not _is_html(response):
        return False
    query_characters = len(urlsplit(response.url or "").query)
    return bool(_TOO_LONG.search(response.text[:_LONGEST_TEXT_CHARACTERS])) or (
        status == 404 and query_characters > _SHORT_QUERY_CHARACTERS
    )


_EMPTY_FEED_SENTENCE = "OData answers with an empty body: a formula column can be neither filtered nor sorted"
_FEED_BY_STATUS: Mapping[int, Problem] = {
    400: Problem(Next.CLIMB_DOWN, FailureType.config_error, "OData refused the request"),
    # What OData prescribes for an option, or a comparison, that a service does not have.
    501: Problem(Next.CLIMB_DOWN, FailureType.config_error, "OData does not support the request"),
    401: Problem(
        Next.SIGN_IN,
        FailureType.config_error,
        "OData does not accept the user (401): it needs {needed} in this tenant, and the tenant's Login Name has to be "
        "written to the letter (Tenants, SM203520)",
    ),
    403: Problem(
        Next.STOP,
        FailureType.config_error,
        "the user may not read this through OData (403): it needs {needed}",
    ),
    404: Problem(
        Next.STOP,
        FailureType.config_error,
        "OData does not find this (404): check that the tenant's Login Name is written to the letter (Tenants, "
        "SM203520), and that what is asked for is still there",
    ),
}


def broken_body(sentence: str = "the answer was not complete JSON", said: str = "") -> Problem:
    """A 200 whose body is not whole, or no data; ``said`` is the server's own text in it."""
    recovery = Next.FEWER_ROWS if _SQL_TIMEOUT.search(said) else Next.RETRY
    return Problem(recovery, FailureType.transient_error, _with_quote(sentence, said))


class BrokenAnswerError(ValueError):
    """A body that is not what it should be, and may be the next time; the text is a sentence without its full stop."""

    def __init__(self, sentence: str = "", said: str = "", problem: Problem | None = None) -> None:
        super().__init__(sentence)
        self.problem = problem or broken_body(sentence, said)


def refuse_error(answer: Any, described: Collection[str]) -> None:
    """Nothing for data. Servers say what went wrong with status 200 too, once they have begun to answer.

    ``described`` are the names that a record can have: one that has any of them is a record, whatever else is in it,
    except OData's own object for errors.

    Raises:
        BrokenAnswerError: ``answer`` is an error, with its sentence.
    """
    if not isinstance(answer, dict):
        return
    objects = [answer[name] for name in ("error", "odata.error") if isinstance(answer.get(name), dict)]
    is_http_error = not answer.keys().isdisjoint(ERROR_NAMES) and answer.keys().isdisjoint(described)
    if is_http_error or any(not error.keys().isdisjoint(("code", "message")) for error in objects):
        said = [*_messages({_lower_first(name): value for name, value in answer.items()})]
        sentence = "the ERP answered with an error instead of data, or among it"
        raise BrokenAnswerError(sentence, "\n".join(said) or str(answer.get("error", "")))


_HTTP_ERROR = ("message", "Message", "exceptionMessage", "ExceptionMessage")
ERROR_NAMES = ("error", "odata.error", *_HTTP_ERROR)
"""The names by which an error is known."""


def _lower_first(name: str) -> str:
    """``ExceptionMessage`` as ``exceptionMessage``: sites differ in how they write it."""
    return name[:1].lower() + name[1:]


def read_token_answer(response: requests.Response, tenant: str) -> Problem:
    """What a sign-in that got no token leads to; a refused one is never repeated, since accounts lock."""
    status = response.status_code
    if status == 429 or status >= 500:
        return Problem(Next.RETRY, FailureType.transient_error, f"signing in is not possible now (HTTP {status})")
    if status < 400:
        return _no_token(response)
    body = _json(response)
    error = str(body.get("error", ""))
    if not error and _is_web_page(response) and status != 404:
        return Problem(Next.STOP, FailureType.config_error, _no_erp(response, f"a web page (HTTP {status})"))
    sentence = _SIGN_IN_SENTENCES.get(error, _SIGN_IN_SENTENCES[""]).format(
        tenant=tenant, error=error or f"HTTP {status}"
    )
    if status == 404:
        sentence = (
            f"there is no Acumatica ERP at {_address_of(response)} (no sign-in page, 404): check instance_url and its "
            "directory"
        )
    return Problem(Next.STOP, FailureType.config_error, sentence)


# What pages of an ERP's own show: that it is busy with itself, or where its pages lie.
_PAGE_OF_AN_ERP = re.compile(r"acumatica|maintenance|/Frames/|ErrorPage|Error\.aspx|Maintenance\.aspx", re.IGNORECASE)


def _no_token(response: requests.Response) -> Problem:
    """A sign-in that was answered with a page, a way to one, or with something else that is no token.

    An ERP in maintenance does so and passes; another web site does so for ever. Both are tried again, since a page of
    a proxy in front may be either, but only what shows an ERP is called passing.
    """
    status, location = response.status_code, response.headers.get("Location", "")
    if status >= 300:
        if not location or _PAGE_OF_AN_ERP.search(location):
            message = " ".join(parse_qs(urlsplit(location).query).get("message", []))
            sentence = f"signing in is not possible now (HTTP {status}): the instance leads to another page"
            return Problem(Next.RETRY, FailureType.transient_error, _with_quote(sentence, message))
        target = urlsplit(location)
        led = f"a redirect (HTTP {status}) to {target.scheme}://{target.netloc}" if target.netloc else ""
        sentence = _no_erp(response, led or f"a redirect to another page (HTTP {status})")
        return Problem(Next.RETRY, FailureType.config_error, sentence)
    is_page = _is_web_page(response) or response.content.lstrip()[:1] == b"<"
    if is_page and _PAGE_OF_AN_ERP.search(response.text[:_LONGEST_TEXT_CHARACTERS]):
        return _WEB_PAGE
    if not is_page and "json" in response.headers.get("Content-Type", "").lower() and not _is_json(response):
        return broken_body()
    if not response.content.strip():
        return broken_body("the answer to the sign-in is empty")
    what = "a web page" if is_page else "something that holds no token"
    return Problem(Next.RETRY, FailureType.config_error, _no_erp(response, what))


def _no_erp(response: requests.Response, what: str) -> str:
    return (
        f"there seems to be no Acumatica ERP at {_address_of(response)}: the sign-in is answered with {what}. Check "
        "instance_url, its host and its directory, and whether a proxy or firewall in front answers instead"
    )


def _address_of(response: requests.Response) -> str:
    """The host and the port, and the directory, if there is one."""
    directory = urlsplit(response.url or "").path.partition("/identity/")[0]
    return f"{place_of(response.url)}{directory}"


_SIGN_IN_SENTENCES: Mapping[str, str] = {
    "invalid_client": (
        "the client id or secret is not accepted there (invalid_client): register a connected application in this very "
        "tenant (Connected Applications, SM303010) with the flow Resource Owner Password Credentials, check that the "
        "secret has not expired and that '{tenant}' is the tenant's Login Name to the letter (Tenants, SM203520)"
    ),
    "invalid_grant": (
        "the user name or password is not accepted there (invalid_grant): check both, that the user exists in this "
        "tenant, that no password change is pending, that the account is not locked, and that its user type allows "
        "sign-in type Unrestricted (User Types, EP202500). It was tried once only, since accounts lock"
    ),
    "unauthorized_client": (
        "the connected application is registered for another flow (unauthorized_client): choose Resource Owner "
        "Password Credentials on Connected Applications (SM303010)"
    ),
    "": "signing in was refused ({error}): check the connected application (SM303010) and the user",
}

_BY_STATUS: Mapping[int, Problem] = {
    401: Problem(Next.SIGN_IN, FailureType.config_error, "the session is not accepted even after signing in again"),
    403: Problem(
        Next.STOP, FailureType.config_error, "the user may not read this form: give it a role with view rights"
    ),
    404: Problem(Next.STOP, FailureType.config_error, "the endpoint or entity does not exist there"),
    422: Problem(
        Next.STOP,
        FailureType.config_error,
        "the ERP wants other values: set inquiry_parameters",
    ),
    408: Problem(Next.RETRY, FailureType.transient_error, "the instance gave up waiting for the request"),
    429: Problem(Next.THROTTLED, FailureType.transient_error, _THROTTLE_SENTENCE),
    504: Problem(
        Next.FEWER_ROWS,
        FailureType.transient_error,
        "the instance's gateway did not wait for the answer",
        status=504,
    ),
}


def _server_error(body: str, text: str) -> Problem:
    if _NOT_OPTIMIZABLE.search(body):
        return Problem(
            Next.CLIMB_DOWN,
            FailureType.config_error,
            _with_quote("the ERP cannot list this entity in one query", text),
            names=tuple(_NAMED_FIELD.findall(text)),
        )
    if _UNKNOWN_FIELD in body:
        sentence = "the ERP does not know a field that its own description lists"
        return Problem(Next.CLIMB_DOWN, FailureType.config_error, _with_quote(sentence, text))
    if _GONE.search(body):
        return Problem(Next.GONE, FailureType.config_error, "the record does not exist any more")
    if _NOT_SET_UP.search(body):
        return Problem(Next.SKIP, FailureType.config_error, _with_quote("the form is not set up in this tenant", text))
    if _SQL_TIMEOUT.search(body):
        return Problem(Next.FEWER_ROWS, FailureType.transient_error, "the ERP's database did not answer in time")
    sentence = _with_quote("the ERP failed with an error of its own", text)
    return Problem(Next.STOP, FailureType.system_error, sentence, status=500)


def _redirect(response: requests.Response) -> Problem:
    """A redirect is never followed: it leads to an error or sign-in page, whose message stands in the address."""
    location = response.headers.get("Location", "")
    message = " ".join(parse_qs(urlsplit(location).query).get("message", []))
    if _SEAT_LIMIT.search(message):
        return Problem(Next.SEAT, FailureType.transient_error, _SEAT_SENTENCE)
    sentence = "the instance led to another page instead of answering (is it in maintenance, is instance_url right?)"
    return Problem(Next.RETRY, FailureType.transient_error, _with_quote(sentence, message))


def _suspicious_success(response: requests.Response) -> Problem | None:
    if not response.content.strip():
        return _EMPTY_BODY
    return _WEB_PAGE if _is_html(response) else None


def _is_html(response: requests.Response) -> bool:
    return _is_web_page(response) or response.content.lstrip()[:1] == b"<"


def _is_web_page(response: requests.Response) -> bool:
    return "html" in response.headers.get("Content-Type", "").lower()


_EMPTY_BODY = Problem(
    Next.SEAT,
    FailureType.transient_error,
    f"the instance answered with an empty body; if this stays so, {_SEAT_SENTENCE}",
)
_WEB_PAGE = Problem(
    Next.RETRY,
    FailureType.transient_error,
    "the instance answered with a web page instead of data (is it in maintenance, is instance_url right?)",
)


def _is_seat_429(response: requests.Response) -> bool:
    """IIS' own 429 page was seen for the seat limit; the throttle's answer is JSON like any other error."""
    return "custom error module" in response.text


def _is_json(response: requests.Response) -> bool:
    try:
        json.loads(response.content)
    except ValueError:
        return False
    return True


def _json(response: requests.Response) -> dict[str, Any]:
    try:
        body = json.loads(response.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _text(response: requests.Response) -> str:
    """The messages of an HttpError, the innermost last; the plain text of anything else but a web page."""
    body = _json(response)
    if response.status_code == 422:
        return "\n".join([*_field_errors(body), *_messages(body)])
    if not body:
        return "" if b"<" in response.content[:200] else _decoded(response)
    return "\n".join(_messages(body))


def _decoded(response: requests.Response) -> str:
    """The text of a body: in UTF-8 if it can be, since a text without a charset is read in Latin-1 otherwise."""
    try:
        return response.content.decode() if b"\0" not in response.content else response.text
    except UnicodeDecodeError:
        return response.text


def _messages(body: Mapping[str, Any]) -> Iterator[str]:
    for key in ("exceptionMessage", "message"):
        said = body.get(key)
        # OData 3 says {"message": {"lang": ..., "value": ...}}.
        text = said.get("value") if isinstance(said, dict) else said
        if text and text != _NO_MESSAGE:
            yield str(text)
    for key in ("innerException", "error", "odata.error"):
        if isinstance(body.get(key), dict):
            yield from _messages(body[key])


def _field_errors(body: Mapping[str, Any]) -> Iterator[str]:
    """The ERP answers a refused PUT with the record itself and an ``error`` beside each value that it refuses."""
    for name, value in body.items():
        if isinstance(value, dict) and value.get("error"):
            yield f"{name}: {value['error']}"
        elif name == "error" and value:
            yield str(value)


# As the encoders of .NET write most signs, and all letters beyond ASCII, in JSON; here in what is no whole JSON.
_CODE = re.compile(r"\\u([0-9a-fA-F]{4})")


def _without_codes(text: str) -> str:
    """The text with the signs that its codes for JSON or HTML stand for."""
    plain = html.unescape(_CODE.sub(lambda code: chr(int(code[1], 16)), text))
    # Two codes are one sign beyond the first 65,536.
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _with_quote(sentence: str, text: str) -> str:
    """``sentence`` and what the server said, on one line and shortened; masked before, as half a secret is one too.

    Codes are masked as what they stand for; and as they are, since a secret may look like one.
    """
    masked = filter_secrets(_without_codes(filter_secrets(text[:_LONGEST_TEXT_CHARACTERS])))
    quote = " ".join(masked.split())[:_LONGEST_QUOTE_CHARACTERS]
    return f"{sentence} ({_QUOTE}{quote})" if quote else sentence
