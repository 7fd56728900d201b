"""Faults on demand: what goes wrong with which request, and how often."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from threading import Lock

from integration_tests.simulator.web.answers import Answer, error_page, failure, html, message


class FaultKind(Enum):
    DISCONNECT = "disconnect"  # the connection breaks in the middle of the body
    NO_ANSWER = "no_answer"  # it breaks before the first byte
    TRUNCATED_JSON = "truncated_json"  # a whole answer, with half of the JSON
    HTML_200 = "html_200"
    EMPTY_200 = "empty_200"
    ERROR_REDIRECT = "error_redirect"
    STATUS_409 = "status_409"  # a long operation is running, whoever started it
    STATUS_500 = "status_500"
    STATUS_502 = "status_502"
    STATUS_503 = "status_503"
    STATUS_504 = "status_504"
    STATUS_429 = "status_429"
    SLOW = "slow"  # after `seconds`
    TOKEN_DROPPED = "token_dropped"  # the token and its session end: 401
    SESSION_DROPPED = "session_dropped"  # only the session ends: 401 once, the token stays good


@dataclass
class Fault:
    """Strikes the matching requests number `after` + 1 to `after` + `times`."""

    kind: FaultKind
    path: str = ""  # part of the decoded path and query, or a regular expression found in it
    method: str | None = None
    after: int = 0
    times: int = 1
    seconds: float = 0.0
    over_rows: int | None = None  # only those that ask for more rows at once, or for all
    status: int | None = None  # that a gateway answers instead of 502, 503 or 504

    def matches(self, method: str, target: str) -> bool:
        if self.method not in (None, method) or not self._asks_for_too_much(target):
            return False
        try:
            return self.path in target or re.search(self.path, target) is not None
        except re.error:  # plain text such as `$filter=(`
            return False

    def _asks_for_too_much(self, target: str) -> bool:
        top = re.search(r"[$]top=(\d+)", target)
        return self.over_rows is None or top is None or int(top[1]) > self.over_rows


class Faults:
    def __init__(self) -> None:
        self.struck = 0  # since they were cleared
        self._faults: list[Fault] = []
        self._lock = Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(replace(fault))

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()
            self.struck = 0

    def take(self, method: str, target: str) -> Fault | None:
        """Every fault counts the request; the first that is due strikes."""
        with self._lock:
            due = [each for each in self._faults if each.matches(method, target) and not _still_waits(each)]
            if not due:
                return None
            due[0].times -= 1
            self.struck += 1
            self._faults = [each for each in self._faults if each.times > 0]
            return due[0]


def _still_waits(fault: Fault) -> bool:
    fault.after -= 1
    return fault.after >= 0


@dataclass(frozen=True)
class Surroundings:
    """What a fault can reach: the clock's sleep, and the tokens and session of the request it strikes."""

    base_path: str
    sleep: Callable[[float], object]
    drop_token: Callable[[], None]
    drop_session: Callable[[], None]


def strike(fault: Fault, work: Callable[[], Answer], around: Surroundings) -> Answer:
    """The answer under a fault; the work is done where the fault comes after it."""
    match fault.kind:
        case FaultKind.SLOW:
            around.sleep(fault.seconds)
            return work()
        case FaultKind.DISCONNECT:
            answer = work().whole()
            return replace(answer, sent=len(answer.body) // 2)
        case FaultKind.TRUNCATED_JSON:
            answer = work().whole()
            return replace(answer, body=answer.body[: len(answer.body) // 2])
        case FaultKind.NO_ANSWER:
            return Answer(200, sent=-1)
        case FaultKind.TOKEN_DROPPED:
            around.drop_token()
            around.drop_session()
        case FaultKind.SESSION_DROPPED:
            around.drop_session()
    return _instead(fault, around.base_path)


def _instead(fault: Fault, base_path: str) -> Answer:
    match fault.kind:
        case FaultKind.HTML_200:
            return html(200, "Acumatica ERP")
        case FaultKind.EMPTY_200:
            return Answer(200)
        case FaultKind.ERROR_REDIRECT:
            return error_page(base_path, "An unexpected error has occurred.")
        case FaultKind.STATUS_409:
            return failure("The long operation is still running.", "PX.Api.ContractBased.LongRunException", 409)
        case FaultKind.STATUS_500:
            return message(500, "An error has occurred.")
        case FaultKind.STATUS_429:
            return message(429, "The number of requests has exceeded the limit imposed by the license.")
        case FaultKind.STATUS_502 | FaultKind.STATUS_503 | FaultKind.STATUS_504:
            return html(fault.status or int(fault.kind.value[-3:]), "Service Unavailable")
    return message(401, "You are not logged in.")
