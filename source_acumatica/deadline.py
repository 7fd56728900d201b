"""Limits a piece of work, in time or in number of requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


class OverdueError(Exception):
    """The work was not done in time; it goes on in a thread that is not waited for."""


def within(seconds: float, work: Callable[[], Result]) -> Result:
    """Return or raise what ``work`` does.

    The limit holds for everything together: looking up the host, connecting, slow answers, and waiting for a seat or
    for the allowed rate.

    Raises:
        OverdueError: it was not done within ``seconds``.
    """
    outcome: Future[Result] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 (it is raised again in the waiting thread)
            outcome.set_exception(error)

    threading.Thread(target=run, name="bounded", daemon=True).start()
    try:
        return outcome.result(seconds)
    except TimeoutError:
        if outcome.done():
            raise
        raise OverdueError from None


class Budget:
    """Limits requests that could be left out: to a number of them, and to a time after which none begins."""

    def __init__(self, requests: int, seconds: float, room: Callable[[], float]) -> None:
        """``room`` says how many requests the allowed rate leaves; one that had to wait is not sent."""
        self._left, self._until, self._room = requests, time.monotonic() + seconds, room

    def take(self) -> bool:
        """Whether one more may be sent; if so, it is counted."""
        may = self._left > 0 and time.monotonic() < self._until and self._room() >= 1
        self._left -= may
        return may
