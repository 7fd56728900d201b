"""Bounds a piece of work, in time or in what it may ask for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


class OverdueError(Exception):
    """The work was not done in time; it is still going on, in a thread that nobody waits for."""


def within(seconds: float, work: Callable[[], Result]) -> Result:
    """What ``work`` returns or raises.

    A bound from outside: looking up an address, a connection, an answer that drips, a seat, the allowed rate and all of
    them one after another end at the same moment.

    Raises:
        OverdueError: it was not done within ``seconds``.
    """
    outcome: Future[Result] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 (it is raised again by whoever waits for it)
            outcome.set_exception(error)

    threading.Thread(target=run, name="bounded", daemon=True).start()
    try:
        return outcome.result(seconds)
    except TimeoutError:
        if outcome.done():
            raise
        raise OverdueError from None


class Budget:
    """What may be spent on what could also be left out: so many requests, and none behind a moment."""

    def __init__(self, requests: int, seconds: float, room: Callable[[], float]) -> None:
        """``room`` says how many requests could be sent at once; one that had to wait for that is not sent."""
        self._left, self._until, self._room = requests, time.monotonic() + seconds, room

    def take(self) -> bool:
        """Whether one more may be sent, which is counted."""
        may = self._left > 0 and time.monotonic() < self._until and self._room() >= 1
        self._left -= may
        return may
