"""Tests that work is bounded in time, and that what it brings is what it would bring alone."""

from __future__ import annotations

import time
from threading import Event

import pytest

from source_acumatica.deadline import Budget, OverdueError, within


def test_what_is_done_in_time_returns_and_raises_as_by_itself():
    assert within(5, lambda: 42) == 42
    for error in (KeyError("x"), TimeoutError("of its own"), SystemExit(3)):

        def fail(error=error):
            raise error

        with pytest.raises(type(error)) as caught:
            within(5, fail)
        assert caught.value is error


def test_what_is_not_done_in_time_is_not_waited_for():
    began, is_over = time.monotonic(), Event()
    with pytest.raises(OverdueError):
        within(0.05, lambda: is_over.wait(60))
    assert time.monotonic() - began < 10, "also on a busy machine"
    is_over.set()


@pytest.mark.parametrize(("requests", "seconds", "room", "taken"), [(3, 60, 9, 3), (3, 0, 9, 0), (3, 60, 0, 0)])
def test_a_budget_ends_with_its_requests_its_time_and_the_allowed_rate(requests, seconds, room, taken):
    budget = Budget(requests, seconds, lambda: room)
    assert [budget.take() for _ in range(5)] == [True] * taken + [False] * (5 - taken)
