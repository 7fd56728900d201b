"""Failures of requests: what is done about each, whose fault it is, and the sentence that the user reads."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException


class Action(StrEnum):
    """What is done about a failure."""

    RETRY = "try the same request again after a pause"
    FEWER_ROWS = "ask for fewer rows at once"
    THROTTLED = "wait until the limit of requests per minute allows more"
    BUSY = "wait until the session is free, and in the end for another one"
    SEAT = "give the seat back, wait for a free one, try again"
    SIGN_IN = "sign in again, then try the same request"
    ASK_FOR_LESS = "ask for less in one request"
    GONE = "the record is no longer there"
    SKIP = "there is nothing to read: warn and go on"
    STOP = "stop this stream of this tenant"


@dataclass(frozen=True)
class Problem:
    """A failure as understood: what happens next, whose fault it is, and the sentence for the user."""

    action: Action
    failure_type: FailureType
    sentence: str
    names: tuple[str, ...] = ()
    """The fields or collections that the server named as the cause."""
    status: int = 0
    """The HTTP status, where what happens next depends on it; otherwise 0."""
    is_unclear: bool = False
    """Whether the server may have failed to understand how the request was written."""

    @property
    def is_explained(self) -> bool:
        """Whether the server said in its own words what it refuses."""
        return _QUOTE in self.sentence


class RequestFailed(AirbyteTracedException):
    """A request was given up; ``problem`` says what the caller can do about it."""

    def __init__(self, problem: Problem, where: str = "") -> None:
        self.problem = problem
        message = filter_secrets(f"{where}: {problem.sentence}" if where else problem.sentence)
        super().__init__(internal_message=message, message=message, failure_type=problem.failure_type)


def message_of(error: AirbyteTracedException) -> str:
    """An error's message without its full stop, so that a log line can continue it."""
    return (error.message or "").rstrip(".")


def config_error(message: str) -> AirbyteTracedException:
    """An error that only the user can fix."""
    message = filter_secrets(message)
    return AirbyteTracedException(internal_message=message, message=message, failure_type=FailureType.config_error)


def broken_record(where: str, error: Exception) -> AirbyteTracedException:
    """The error of a record that does not fit its description."""
    message = filter_secrets(
        f"{where}: a record has another form than the ERP describes, so reading was stopped: {error}"
    )
    return AirbyteTracedException(internal_message=message, message=message, failure_type=FailureType.system_error)


SQL_TIMEOUT = re.compile(r"Execution Timeout Expired|wait operation timed out|timeout period elapsed", re.IGNORECASE)
_NO_MESSAGE = "An error has occurred."
_QUOTE = "the ERP says: "
_LONGEST_QUOTE_CHARACTERS = 300
# Only so much of an answer is searched for a message; longer ones are web pages or worse.
LONGEST_TEXT_CHARACTERS = 100_000


class AnswerTooLarge(requests.RequestException):
    """The body has more bytes than the request allows."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__(
            f"the answer is larger than {most_bytes // 1024**2} MB: fewer columns, or parameters, would make it smaller"
        )


def broken_body(sentence: str = "the answer was not complete JSON", said: str = "") -> Problem:
    """The problem of a 200 whose body is incomplete or not data; ``said`` is the server's own text in it."""
    recovery = Action.FEWER_ROWS if SQL_TIMEOUT.search(said) else Action.RETRY
    return Problem(recovery, FailureType.transient_error, with_quote(sentence, said))


class BrokenAnswerError(ValueError):
    """A body is not what it should be, but may be at the next try; the text is a sentence without its full stop."""

    def __init__(self, sentence: str = "", said: str = "", problem: Problem | None = None) -> None:
        super().__init__(sentence)
        self.problem = problem or broken_body(sentence, said)


def refuse_error(answer: Any, described: Collection[str]) -> None:
    """Raise if the answer is an error: servers report errors with status 200 too, once they have begun to answer.

    ``described`` are the properties that a record can have: an answer with any of them is a record, whatever else it
    holds, unless it holds OData's error object.

    Raises:
        BrokenAnswerError: ``answer`` is an error, with its sentence.
    """
    if not isinstance(answer, dict):
        return
    objects = [answer[name] for name in ("error", "odata.error") if isinstance(answer.get(name), dict)]
    is_http_error = not answer.keys().isdisjoint(ERROR_NAMES) and answer.keys().isdisjoint(described)
    if is_http_error or any(not error.keys().isdisjoint(("code", "message")) for error in objects):
        said = [*messages_in({_lower_first(name): value for name, value in answer.items()})]
        sentence = "the ERP answered with an error instead of data, or among it"
        raise BrokenAnswerError(sentence, "\n".join(said) or str(answer.get("error", "")))


_HTTP_ERROR = ("message", "Message", "exceptionMessage", "ExceptionMessage")
ERROR_NAMES = ("error", "odata.error", *_HTTP_ERROR)
"""The properties by which an error is recognized."""


def _lower_first(name: str) -> str:
    """``ExceptionMessage`` as ``exceptionMessage``: sites differ in how they write it."""
    return name[:1].lower() + name[1:]


def messages_in(body: Mapping[str, Any]) -> Iterator[str]:
    """What an error says in words, the innermost last."""
    for key in ("exceptionMessage", "message"):
        said = body.get(key)
        # OData 3 says {"message": {"lang": ..., "value": ...}}.
        text = said.get("value") if isinstance(said, dict) else said
        if text and text != _NO_MESSAGE:
            yield str(text)
    fields = body.get("modelState")
    for name, texts in fields.items() if isinstance(fields, dict) else ():
        yield from (
            f"{name}: {text}" if name else str(text) for text in (texts if isinstance(texts, list) else [texts])
        )
    for key in ("innerException", "error", "odata.error"):
        if isinstance(body.get(key), dict):
            yield from messages_in(body[key])


# JSON escapes, with which .NET writes many signs and all letters beyond ASCII; here in text that is not valid JSON.
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


def _unescaped(text: str) -> str:
    """The text with its JSON and HTML escapes decoded."""
    plain = html.unescape(_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text))
    # Two escapes are one character beyond the first 65,536.
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def with_quote(sentence: str, text: str) -> str:
    """``sentence`` and what the server said, on one line and shortened.

    Secrets are masked before it is cut, since half a secret is still one; and before as well as after escapes are
    decoded, since a secret may look like an escape.
    """
    masked = filter_secrets(_unescaped(filter_secrets(text[:LONGEST_TEXT_CHARACTERS])))
    quote = " ".join(masked.split())[:_LONGEST_QUOTE_CHARACTERS]
    return f"{sentence} ({_QUOTE}{quote})" if quote else sentence
