"""Tests what the stamps of rows tell of the clock of their database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from source_acumatica.reading.database_clock import FURTHEST_OFF, ClockReading, DatabaseClock, allowance

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
AN_HOUR = timedelta(hours=1)


def at(minute):
    return f"2026-11-22T11:{minute:02}:00.000000Z"


def test_the_latest_row_of_a_sync_is_its_closest_look():
    clock = DatabaseClock()
    clock.see(at(10), NOON)
    clock.see(at(50), NOON + timedelta(minutes=1))
    clock.see(at(51), NOON + AN_HOUR)
    assert clock.now == ClockReading(11 * 60, NOON + timedelta(minutes=1)), (
        "a page that took an hour to come tells less"
    )


def test_a_row_that_comes_again_tells_nothing():
    """The clock is no further behind because nothing has changed for long."""
    clock = DatabaseClock()
    clock.remember(600, NOON)
    clock.see(at(50), NOON + AN_HOUR)
    assert clock.now is None
    assert clock.last == ClockReading(600, NOON)
    clock.see(at(51), NOON + AN_HOUR)
    assert clock.now == ClockReading(69 * 60, NOON + AN_HOUR)


def test_of_what_the_streams_remember_the_latest_look_counts():
    clock = DatabaseClock()
    for lag, moment in ((5, NOON - AN_HOUR), (1800, NOON), (7200, NOON)):
        clock.remember(lag, moment)
    assert clock.before == ClockReading(1800, NOON)
    clock.see(at(20), NOON + AN_HOUR)
    assert clock.now is None, "it was half past eleven already"


def test_without_a_stamp_or_a_time_nothing_is_seen():
    clock = DatabaseClock()
    clock.see(None, NOON)
    clock.see(at(10), None)
    assert clock.last is None


@pytest.mark.parametrize(
    ("seconds", "minutes"), [(0, 0), (1, 1), (48, 1), (49, 2), (-48, 1), (2400, 50), (10**9, 24 * 60)]
)
def test_windows_go_back_by_a_quarter_more_than_the_clocks_seem_to_differ_and_a_day_at_most(seconds, minutes):
    assert allowance(seconds) == timedelta(minutes=minutes)


@pytest.mark.parametrize(("lag", "behind"), [(-60, timedelta()), (60, timedelta(minutes=1)), (10**9, FURTHEST_OFF)])
def test_a_clock_that_is_ahead_is_not_behind(lag, behind):
    assert ClockReading(lag, NOON).behind == behind
