"""What the server answers: responses with a status, and the shapes of its errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import quote

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"


NO_LENGTH = -1


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    sent: int | None = None  # the connection breaks after so many bytes of the body; -1: before the head
    stream: Iterator[bytes] | None = None  # a body that is made while it is sent, in chunks
    length: int | None = None  # of such a body, which then comes without chunks; NO_LENGTH: until the connection ends

    def whole(self) -> Answer:
        if self.stream is None:
            return self
        return replace(self, body=b"".join(self.stream), stream=None, length=None)


class RefusedError(Exception):
    """Carries the answer out of whatever was being worked on."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def as_json(content: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(content, ensure_ascii=False).encode())


def message(status: int, text: str) -> Answer:
    return as_json({"message": text}, status)


def failure(text: str, kind: str = "PX.Data.PXException", status: int = 500) -> Answer:
    """The exception, mostly with status 500, as the ERP answers nearly every mistake."""
    content = {
        "message": "An error has occurred.",
        "exceptionMessage": text,
        "exceptionType": kind,
        "stackTrace": "   at PX.Api.ContractBased.Soap.ApiSwitcher",
    }
    return as_json(content, status)


def html(status: int, title: str) -> Answer:
    return Answer(status, f"<!DOCTYPE html><html><head><title>{title}</title></head></html>".encode(), HTML)


def error_page(base_path: str, text: str) -> Answer:
    location = f"{base_path}/Frames/Error.aspx?exceptionID=0&typeID=error&message={quote(text)}"
    return Answer(302, html(302, "Object moved").body, HTML, {"Location": location})


def bad_request(text: str) -> Answer:
    return as_json({"message": "The request is invalid.", "modelState": {"": [text]}}, 400)


def no_record() -> Answer:
    kind = "PX.Api.ContractBased.NoEntitySatisfiesTheConditionException"
    return failure("No entity satisfies the condition.", kind)


def not_optimizable(reason: str = "") -> Answer:
    kind = "PX.Api.ContractBased.OptimizedExport.CannotOptimizeException"
    return failure("Optimization cannot be performed." + reason, kind)


def signed_out() -> Answer:
    return message(401, "You are not logged in.")
