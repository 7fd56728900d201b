"""Tests how far windows go back for clocks that differ, and which clock the stamps of a stream show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from source_acumatica.airbyte.clocks import StampClock
from source_acumatica.airbyte.stamps import Stamps
from source_acumatica.reading.database_clock import ClockReading, DatabaseClock, allowance
from source_acumatica.reading.progress import StampsSeen

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def clock(*, is_shared=True, is_shown=True, shared=None, own=None):
    looks = [DatabaseClock(before=None if lag is None else ClockReading(lag, NOON)) for lag in (shared, own)]
    return StampClock(*looks, is_shared, lambda: is_shown)


def stamps(latest):
    seen = Stamps("M", may_be_dates=False)
    seen.note([{"M": latest}])
    return seen


@pytest.mark.parametrize(
    ("shared", "own", "before", "lag"),
    [
        (None, None, None, timedelta()),
        (600, None, None, allowance(600)),
        (600, 3600, None, allowance(3600)),
        (600, -3600, None, allowance(600)),
        (-600, None, None, allowance(-600)),
        (600, 600, timedelta(hours=2), timedelta(hours=2)),
    ],
)
def test_the_largest_difference_that_was_seen_counts_and_a_streams_own_rows_only_where_they_were_behind(
    shared, own, before, lag
):
    assert clock(shared=shared, own=own).lag(before) == lag


def test_rows_that_the_database_does_not_stamp_show_the_clock_of_their_own_stream_alone():
    one = clock(is_shared=False)
    seen = one.see(stamps("2026-11-22T11:00:00.000000Z"), NOON)
    assert seen == StampsSeen("2026-11-22T11:00:00.000000Z", "2026-11-22T11:00:00.000000Z", 3600)
    assert one.last == one.own.last == ClockReading(3600, NOON)
    assert one.shared.last is None


def test_a_stamp_of_the_database_shows_the_clock_to_all_streams():
    one = clock()
    one.see(stamps("2026-11-22T11:00:00.000000Z"), NOON)
    assert one.last == one.shared.last == ClockReading(3600, NOON)


def test_stamps_that_are_no_instants_show_no_clock():
    one = clock(is_shared=False, is_shown=False, shared=60)
    assert one.see(stamps("2026-11-22T11:00:00.000000Z"), NOON) == StampsSeen("2026-11-22T11:00:00.000000Z")
    assert one.own.last is None
    assert one.last == ClockReading(60, NOON)
