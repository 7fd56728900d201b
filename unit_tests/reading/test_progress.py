"""Tests which windows are read next, and what a clock that was put back does to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.reading.database_clock import ClockReading, allowance
from source_acumatica.reading.fields import format_instant
from source_acumatica.reading.progress import Progress
from source_acumatica.reading.window import Window
from unit_tests.reading.states import (
    HALFWAY,
    INSTANTS,
    LOOKBACK,
    NOON,
    STAMPS,
    T0900,
    T0945,
    T1000,
    T1045,
    T1100,
    T1200,
    windows,
)


def test_the_first_sync_reads_everything():
    assert windows(Progress()) == [Window(None, T1200)]


def test_the_first_sync_begins_at_the_start_date():
    assert windows(Progress(), datetime(2026, 1, 1, tzinfo=UTC)) == [Window("2026-01-01T00:00:00.000000Z", T1200)]


def test_a_start_date_in_any_zone_is_meant_as_the_instant():
    start = datetime.fromisoformat("2026-01-01T02:00:00+02:00")
    assert windows(Progress(), start)[0].since == "2026-01-01T00:00:00.000000Z"


def test_the_next_sync_goes_back_by_the_overlap():
    assert windows(Progress(T1000)) == [Window(T0945, T1200)]
    assert windows(Progress(T1000), lookback=timedelta()) == [Window(T1000, T1200)]


def test_the_overlap_does_not_go_behind_the_start_date():
    assert windows(Progress(T1000), datetime(2026, 11, 22, 9, 50, tzinfo=UTC))[0].since == (
        "2026-11-22T09:50:00.000000Z"
    )
    assert windows(Progress(T1000), datetime(2020, 1, 1, tzinfo=UTC))[0].since == T0945


def test_what_was_begun_is_read_to_its_end_and_then_what_has_changed_since():
    begun = Window(T0900, T1100, HALFWAY)
    assert windows(Progress(T1000, begun)) == [begun, Window(T1045, T1200)]


def test_a_first_sync_that_was_cut_off_goes_on_where_it_stood():
    begun = Window(None, T1000, HALFWAY)
    assert windows(Progress(None, begun)) == [begun, Window(T0945, T1200)]


def test_what_was_reached_in_the_future_is_believed_as_far_as_stamps_have_shown():
    """One of the clocks is or was wrong, and when it was read last is not known any more."""
    progress = Progress(T1200, newest="2026-11-22T08:00:00.000000Z")
    assert windows(progress, now=NOON - timedelta(hours=2)) == [Window("2026-11-22T07:45:00.000000Z", T1000)]
    assert progress.is_ahead_of(NOON - timedelta(hours=2))
    assert not progress.is_ahead_of(NOON)
    assert windows(Progress(T1200), now=NOON) == [Window("2026-11-22T11:45:00.000000Z", T1200)]


def test_what_was_reached_in_the_future_without_any_stamp_is_read_again_altogether():
    assert windows(Progress(T1200), now=NOON - timedelta(hours=2)) == [Window(None, T1000)]


def test_stamps_in_the_future_do_not_make_the_future_believable():
    """The database's clock was wrong as well; no clock is further off than a day."""
    progress = Progress(T1200, newest=T1200)
    assert windows(progress, now=NOON - timedelta(hours=2)) == [Window("2026-11-21T09:45:00.000000Z", T1000)]


def test_what_was_begun_in_the_future_is_finished_and_followed_by_what_may_be_missing():
    begun = Window(T0900, T1100, HALFWAY)
    assert windows(Progress(T1000, begun), now=NOON - timedelta(hours=2)) == [begun, Window(None, T1000)]


def test_the_overlap_is_larger_by_what_the_clocks_may_differ():
    (window,) = Progress(T1000).windows(None, LOOKBACK, NOON, timedelta(minutes=50))
    assert window.since == "2026-11-22T08:55:00.000000Z"


def test_what_was_seen_of_the_clocks_holds_for_what_was_reached_with_it_however_long_ago():
    """Forgetting it would make the overlap smaller than what may be missing."""
    progress = replace(Progress(T1000), lag=1800, lag_at="2026-11-01T00:00:00.000000Z")
    assert progress.clock_lag == allowance(1800)


def done(progress, window, minutes, *, is_blind=False, begin=None):
    clock = None if minutes is None else ClockReading(minutes * 60, NOON)
    return progress.done(window, clock, begin, is_blind=is_blind)


@pytest.mark.parametrize("minutes", [-5, 0, 15])
def test_a_clock_that_was_put_back_by_no_more_than_the_window_went_back_has_hidden_nothing(minutes):
    after = done(Progress(T1000), Window(T0945, T1200), minutes)
    assert (after.reached, after.lag) == (T1200, minutes * 60)
    assert after.sure == format_instant(NOON - timedelta(minutes=max(minutes, 0)))
    assert after.allowed == (135 - max(minutes, 0)) * 60


def test_one_that_may_have_been_put_back_further_has_the_window_read_again_from_where_all_was_sure():
    was = replace(Progress(T1000), sure=T0945, allowed=4000, deletions=T1000, linked=T1000)
    after = done(was, Window(T0945, T1200), 16)
    assert (after.reached, after.lag) == (T0945, 16 * 60)
    assert after.deletions == after.linked == T0945, "deletions may be listed with an older time, too"
    again = done(after, Window("2026-11-22T09:09:00.000000Z", T1200), 16)
    assert again.reached == T1200


def test_where_no_new_row_shows_the_clock_the_next_one_decides():
    unseen = done(Progress(T0900), Window("2026-11-22T08:45:00.000000Z", T1000), None)
    assert (unseen.reached, unseen.sure, unseen.allowed) == (T1000, T0900, 900)
    longer = done(unseen, Window(T0900, T1100), None)
    assert (longer.reached, longer.sure, longer.allowed) == (T1100, T0900, 900)
    right = done(longer, Window(T1045, T1200), 15)
    assert (right.reached, right.sure) == (T1200, "2026-11-22T11:45:00.000000Z")
    doubtful = done(longer, Window(T1045, T1200), 40)
    assert (doubtful.reached, doubtful.lag) == (T0900, 2400)


@pytest.mark.parametrize(
    "progress",
    [
        done(Progress(), Window(None, T1200), 400),
        done(Progress(T1000), Window(None, T1200), 400),
        done(Progress(T1000), Window(T0945, T1200), 400, begin=T0945),
        done(Progress(T1000), Window(T0945, T1200), None, is_blind=True),
    ],
)
def test_nothing_is_missed_where_all_is_read_and_nobody_waits_who_never_sees_the_clock(progress):
    assert (progress.reached, progress.allowed) == (T1200, None)


def test_without_the_servers_clock_there_is_no_upper_end():
    assert windows(Progress(T1000), now=None) == [Window(T0945, None)]
    assert windows(Progress(), now=None) == [Window(None, None)]


@given(st.none() | STAMPS, st.none() | INSTANTS, st.integers(0, 10080), INSTANTS)
def test_no_moment_lies_between_two_syncs(reached, start, minutes, now):
    """Everything from what was reached (or the start date) up to now is read, and nothing before the start date."""
    begin = format_instant(start) if start else ""
    found = Progress(reached).windows(start, timedelta(minutes=minutes), now)
    assert len(found) == 1
    since, until = found[0].since, found[0].until
    assert since is None or since <= max(min(reached or begin, format_instant(now)), begin)
    assert (since or "") >= begin
    assert until == format_instant(now)


def test_from_a_position_ahead_of_the_clock_all_deletions_are_asked_for():
    """How far ahead the clock was is unknown."""
    in_the_future = Progress(T1200, deletions="2026-11-22T12:00:00.000001Z")
    assert in_the_future.deletions_since(LOOKBACK, NOON) is None
    assert replace(in_the_future, deletions=T1200).deletions_since(LOOKBACK, NOON) == "2026-11-22T11:45:00.000000Z"
    assert in_the_future.deletions_since(LOOKBACK, None) is not None


def test_changes_of_linked_rows_have_a_position_of_their_own():
    """It moves with each sync, as far back as the window does; the window's stays as long as no row has come."""
    at = "2026-11-27T{}:00:00.000000Z".format
    window = Window(at("09"), at("20"))
    assert Progress(reached=at("10")).linked_since(window) == at("09")
    assert Progress(reached=at("10"), linked=at("15")).linked_since(window) == at("14")
    assert Progress(reached=at("10"), linked=at("08")).linked_since(window) == at("07"), "asked again after a failure"
    assert Progress(linked=at("15")).linked_since(Window()) is None
