"""Tests that the rate is kept, and by those too that nobody may hold back."""

from __future__ import annotations

import math
import time
from datetime import timedelta

from source_acumatica.erp.limits import Pace


def wait(pace):
    while seconds := pace.take():
        time.sleep(seconds)


def test_no_more_than_so_many_in_any_span():
    pace, moments = Pace(3, timedelta(seconds=0.1)), []
    for _ in range(9):
        wait(pace)
        moments.append(time.monotonic())
    spans = [later - earlier for earlier, later in zip(moments, moments[3:], strict=False)]
    assert min(spans) > 0.095
    assert moments[-1] - moments[0] < 0.5


def test_what_is_not_held_back_holds_back_the_next():
    pace = Pace(2, timedelta(seconds=0.1))
    for _ in range(4):
        pace.count()
    began = time.monotonic()
    wait(pace)
    assert 0.05 < time.monotonic() - began < 0.5


def test_without_a_rate_nobody_waits():
    pace, began = Pace(None, timedelta(seconds=60)), time.monotonic()
    for _ in range(1000):
        wait(pace)
        pace.count()
    assert time.monotonic() - began < 1


def test_the_room_is_what_may_be_sent_at_once():
    pace = Pace(3, timedelta(seconds=0.1))
    wait(pace)
    assert pace.room() == 2
    for _ in range(4):
        pace.count()
    assert pace.room() == 0
    time.sleep(0.12)
    assert pace.room() == 3
    assert Pace(None, timedelta(seconds=60)).room() == math.inf
