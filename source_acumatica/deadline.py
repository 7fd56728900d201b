"""Bounds a piece of work in time, whatever it may come to wait for."""

from __future__ import annotations

import threading
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
