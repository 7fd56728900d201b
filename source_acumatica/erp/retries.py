"""How often and how long each kind of failure is waited out before a request is given up."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field, replace

from source_acumatica.erp.errors import Action, Problem

_LONGEST_PAUSE_SECONDS = 60.0
# Each takes as long as the read time-out.
_TRIES_AFTER_TIME_OUT = 2
# Most internal errors of the ERP repeat, but not all.
_FAILURE = 500
_TRIES_AFTER_FAILURE = 1
# Gateways report in many ways that they gave up on a page. Only a smaller page shows whether it is an outage.
_GATEWAY_TIME_OUT = 504
_TRIES_OF_ONE_SIZE = 2
# A gateway that waited for so long gave up on this page; one that answers sooner has no server behind it.
_QUICK_SECONDS = 10.0
# A long operation of the same session; what it is bound to is not known, so another session is tried in the end.
_TRIES_IN_A_BUSY_SESSION = 3
# The ERP counts requests by the minute.
_LONGEST_THROTTLE_SECONDS = 15 * 60.0
_LONGEST_RECOVERY_SECONDS = 30 * 60.0
_TIME_OUTS_IN_A_RECOVERY = 3


class RetryPolicy:
    """How long to wait after each kind of failure.

    The seat of a crashed run comes free after 10 minutes, or up to an hour where it signed in as this connector does
    (BEHAVIOR.md, "Sessions"): a read waits longer than that, a check shows the user the sentence instead.
    """

    def __init__(self, retries: int, wait_seconds: float, first_pause_seconds: float = 1.0) -> None:
        self.retries = retries
        self.wait_seconds = wait_seconds
        """How long to wait for a seat."""
        self.first_pause_seconds = first_pause_seconds
        self.draw = random.uniform
        """A number between two, by chance."""

    @classmethod
    def of_a_read(cls) -> RetryPolicy:
        """Waits out a restart of the site (three minutes) and the seats of crashed runs (an hour)."""
        return cls(retries=8, wait_seconds=65 * 60)

    @classmethod
    def of_a_check(cls) -> RetryPolicy:
        """Short: a user waits for the result."""
        return cls(retries=2, wait_seconds=20)

    def pause_seconds(self, tries: int) -> float:
        """The pause after so many tries: doubling, with jitter, so that workers do not retry at the same moment."""
        pause: float = min(self.first_pause_seconds * 2 ** (min(tries, 30) - 1), _LONGEST_PAUSE_SECONDS)
        return pause * self.draw(0.85, 1.25)


@dataclass
class Trouble:
    """Consecutive failures of requests that belong together, such as the pages of one list."""

    began_at: float = 0.0
    failures: int = 0

    def count(self) -> None:
        """Note another failure; the first one sets the beginning."""
        self.failures += 1
        self.began_at = self.began_at or time.monotonic()

    @property
    def summary(self) -> str:
        """How much was tried, for the sentence that says it was given up."""
        seconds = time.monotonic() - self.began_at
        spent = f"{seconds / 60:.0f} min" if seconds > 120 else f"{seconds:.0f} s"
        return f"given up after {self.failures} tries within {spent}"


@dataclass
class Recovery:
    """The tries of one request; each way to recover is limited in tries and in time."""

    retry_policy: RetryPolicy
    trouble: Trouble
    is_page: bool
    """Whether the caller can ask for fewer rows."""
    time_out_seconds: float
    _tries: Counter[Action] = field(default_factory=Counter)
    _wait: Trouble | None = None
    """Waiting for a seat or for the allowed rate, which is no failure."""

    def after(
        self, problem: Problem, took_seconds: float, seatless_since: float | None = None
    ) -> tuple[float, Problem | None]:
        """Seconds to pause, and the problem to give up with after that; None to send the same request again.

        ``seatless_since``: when a request was first refused a seat, if none has been answered since.
        """
        self._tries[problem.action] += 1
        tries, pause = self._tries[problem.action], self.retry_policy.pause_seconds(self._tries.total())
        again = pause, None
        if problem.action in (Action.SEAT, Action.THROTTLED):
            self._wait = self._wait or Trouble()
            self._wait.count()
            return (
                again if self._may_wait(problem.action, seatless_since) else (0.0, self._given_up(problem, self._wait))
            )
        self.trouble.count()
        match problem.action:
            case Action.SIGN_IN if tries <= 1:
                return 0.0, None
            case Action.STOP if problem.status == _FAILURE and tries <= _TRIES_AFTER_FAILURE:
                return again
            case Action.RETRY | Action.FEWER_ROWS | Action.BUSY if self._is_over():
                return 0.0, self._given_up(problem, self.trouble)
            case Action.FEWER_ROWS if self.is_page:
                is_quick = problem.status == _GATEWAY_TIME_OUT and took_seconds < _QUICK_SECONDS
                return pause if is_quick else 0.0, problem
            case Action.RETRY if self.is_page and problem.status > _FAILURE and tries >= _TRIES_OF_ONE_SIZE:
                return pause, replace(problem, action=Action.FEWER_ROWS)
            case Action.RETRY | Action.BUSY if tries <= self.retry_policy.retries:
                return again
            case Action.FEWER_ROWS if problem.status == _GATEWAY_TIME_OUT and tries <= self.retry_policy.retries:
                return again
            case Action.FEWER_ROWS if not problem.status and tries <= _TRIES_AFTER_TIME_OUT:
                return again
            case Action.RETRY | Action.FEWER_ROWS | Action.BUSY:
                return 0.0, self._given_up(problem, self.trouble)
            case _:
                return 0.0, problem

    @property
    def is_held_up(self) -> bool:
        """Whether a limit has refused the request: of seats, or of the allowed rate."""
        return self._wait is not None

    @property
    def needs_another_session(self) -> bool:
        """Whether a session that is busy once more has been so for so many tries that another one may be free."""
        return (self._tries[Action.BUSY] + 1) % _TRIES_IN_A_BUSY_SESSION == 0

    def forgive(self, kind: Action) -> None:
        """Do not count the last failure of this kind."""
        self._tries[kind] -= 1

    def _may_wait(self, kind: Action, seatless_since: float | None) -> bool:
        now = time.monotonic()
        began = min(self._wait.began_at if self._wait else now, seatless_since or now)
        longest = self.retry_policy.wait_seconds
        return now - began <= (longest if kind is Action.SEAT else min(longest, _LONGEST_THROTTLE_SECONDS))

    def _is_over(self) -> bool:
        longest = max(_LONGEST_RECOVERY_SECONDS, _TIME_OUTS_IN_A_RECOVERY * self.time_out_seconds)
        return time.monotonic() - self.trouble.began_at > longest

    def _given_up(self, problem: Problem, trouble: Trouble) -> Problem:
        if trouble.failures < _TRIES_OF_ONE_SIZE:
            return problem
        # The caller must not try with fewer rows either.
        kind = Action.RETRY if self.is_page and problem.action is Action.FEWER_ROWS else problem.action
        return replace(problem, action=kind, sentence=f"{problem.sentence} ({trouble.summary})")
