"""Tests how far each tenant has been read, what is read next, and that a state survives its way."""

from __future__ import annotations

import copy
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.reading.cursor import (
    FILTER_WORKS,
    GIVES_PAGES,
    HAS_NO_FLAGS,
    Progress,
    StampsSeen,
    TenantCursor,
    Window,
)
from source_acumatica.reading.database_clock import Look, allowance
from source_acumatica.reading.fields import format_instant
from source_acumatica.reading.paging import BEGINNING, Position

LOOKBACK = timedelta(minutes=15)
NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
T0900, T1000, T1100, T1200 = (f"2026-11-22T{hour}:00:00.000000Z" for hour in ("09", "10", "11", "12"))
T0945, T1045 = "2026-11-22T09:45:00.000000Z", "2026-11-22T10:45:00.000000Z"
HALFWAY = Position(500, (("SO\x1f000499",), ("SO\x1f000500",)))


def windows(progress, start=None, lookback=LOOKBACK, now=NOON):
    return progress.windows(start, lookback, now)


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


# -------------------------------------------------------------------------------------------------- a clock put back


def done(progress, window, minutes, *, is_blind=False, begin=None):
    look = None if minutes is None else Look(minutes * 60, NOON)
    return progress.done(window, look, begin, is_blind=is_blind)


@pytest.mark.parametrize("minutes", [-5, 0, 15])
def test_a_clock_that_was_put_back_by_no_more_than_the_window_went_back_has_hidden_nothing(minutes):
    after = done(Progress(T1000), Window(T0945, T1200), minutes)
    assert (after.reached, after.lag) == (T1200, minutes * 60)
    assert after.sure == format_instant(NOON - timedelta(minutes=max(minutes, 0)))
    assert after.allowed == (135 - max(minutes, 0)) * 60


def test_one_that_may_have_been_put_back_further_has_the_window_read_anew_from_where_all_was_sure():
    was = replace(Progress(T1000), sure=T0945, allowed=4000, deletions=T1000)
    after = done(was, Window(T0945, T1200), 16)
    assert (after.reached, after.lag) == (T0945, 16 * 60)
    assert after.deletions == T0945, "deletions may be listed with an older time, too"
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


def test_a_clock_that_is_right_is_remembered_as_such():
    run = Recorded()
    run.cursor.page_done("A", Window(T0945, T1200), HALFWAY, stamps=StampsSeen(T1200), look=Look(0, NOON))
    again = run.again().cursor.progress("A")
    assert (again.lag, again.lag_at) == (0, T1200)


def test_rows_without_a_stamp_leave_no_place_that_the_next_sync_would_go_on_from():
    run = Recorded()
    run.cursor.window_done("A", Window(T0900, T1000))
    run.cursor.page_done("A", Window(is_unstamped=True), HALFWAY)
    progress = run.again().cursor.progress("A")
    assert progress.reading is None
    assert windows(progress) == [Window(T0945, T1200)]


def test_without_the_servers_clock_there_is_no_upper_end():
    assert windows(Progress(T1000), now=None) == [Window(T0945, None)]
    assert windows(Progress(), now=None) == [Window(None, None)]


INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
STAMPS = INSTANTS.map(format_instant)
POSITIONS = st.builds(
    Position,
    st.integers(0, 10**7),
    st.lists(st.lists(st.text(max_size=3), max_size=2).map(tuple), max_size=3).map(tuple),
)
WINDOWS = st.builds(Window, st.none() | STAMPS, st.none() | STAMPS, POSITIONS)


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


@given(WINDOWS)
def test_a_window_survives_the_state(window):
    assert Window.of_state(json.loads(json.dumps(window.as_state()))) == window


def test_an_empty_window_is_everything_from_the_beginning():
    assert Window.of_state({}) == Window(None, None, BEGINNING)


class Recorded:
    """A cursor and what it has emitted."""

    def __init__(self, tenants=("A", "B"), state=None, field="LastModified"):
        self.states = []
        self.cursor = TenantCursor(field, tenants, state or {}, self.states.append)

    def again(self, tenants=("A", "B")):
        """What the next run makes of the last state."""
        return Recorded(tenants, json.loads(json.dumps(self.states[-1])))


def test_a_finished_window_is_what_was_reached():
    run = Recorded()
    run.cursor.window_done("A", Window(None, T1000))
    assert run.cursor.progress("A") == Progress(T1000)
    assert run.states == [
        {
            "states": [
                {"partition": {"tenant": "A"}, "cursor": {"LastModified": T1000}},
                {"partition": {"tenant": "B"}, "cursor": {}},
            ]
        }
    ]


def test_a_page_is_kept_with_its_window_and_position():
    run = Recorded()
    window = Window(T0945, T1200)
    run.cursor.page_done("A", window, HALFWAY)
    assert run.again().cursor.progress("A") == Progress(None, Window(T0945, T1200, HALFWAY))


def test_what_was_reached_stays_while_the_next_window_is_read():
    run = Recorded()
    run.cursor.window_done("A", Window(None, T1000))
    run.cursor.page_done("A", Window(T0945, T1200), HALFWAY)
    assert run.again().cursor.progress("A") == Progress(T1000, Window(T0945, T1200, HALFWAY))


def test_a_tenants_progress_does_not_move_the_others():
    run = Recorded()
    run.cursor.window_done("A", Window(None, T1000))
    run.cursor.page_done("B", Window(None, T1200), HALFWAY)
    after = run.again()
    assert after.cursor.progress("A") == Progress(T1000)
    assert after.cursor.progress("B") == Progress(None, Window(None, T1200, HALFWAY))


def test_a_clock_that_was_put_back_puts_the_state_back():
    run = Recorded()
    run.cursor.window_done("A", Window(None, T1200))
    run.cursor.window_done("A", Window(None, T1000))
    run.cursor.window_done("A", Window(T0900, None))
    run.cursor.window_done("A", Window(is_unstamped=True))
    assert run.cursor.progress("A") == Progress(T1000)


def test_a_tenant_that_is_added_later_gets_its_history():
    run = Recorded(["A"])
    run.cursor.window_done("A", Window(None, T1000))
    after = run.again(["A", "New"])
    assert windows(after.cursor.progress("New")) == [Window(None, T1200)]
    assert after.cursor.progress("A") == Progress(T1000)


def test_a_tenant_that_is_removed_keeps_its_part_for_the_day_it_comes_back():
    run = Recorded(["A", "B"])
    run.cursor.window_done("A", Window(None, T1000))
    run.cursor.page_done("B", Window(None, T1200), HALFWAY)
    without = run.again(["A"])
    without.cursor.window_done("A", Window(None, T1100))
    assert without.again(["A", "B"]).cursor.progress("B") == Progress(None, Window(None, T1200, HALFWAY))


def test_tenants_that_differ_in_capitals_or_spaces_are_different():
    run = Recorded(["North America", "north america"])
    run.cursor.window_done("North America", Window(None, T1000))
    assert run.again(["North America", "north america"]).cursor.progress("north america") == Progress()


@pytest.mark.parametrize(
    "state",
    [{}, {"__ab_no_cursor_state_message": True}, {"__ab_full_refresh_sync_complete": True}, {"states": []}],
    ids=str,
)
def test_a_state_that_says_nothing_begins_at_the_beginning(state):
    run = Recorded(state=state)
    assert run.cursor.progress("A") == Progress()
    assert windows(run.cursor.progress("A")) == [Window(None, T1200)]


def test_a_state_under_another_field_is_still_an_instant():
    state = {"states": [{"partition": {"tenant": "A"}, "cursor": {"LastModifiedDateTime": T1000}}]}
    assert Recorded(state=state).cursor.progress("A") == Progress(T1000)


@given(
    st.lists(
        st.tuples(st.sampled_from("AB"), st.booleans(), WINDOWS),
        min_size=1,
        max_size=6,
    )
)
def test_every_state_survives_its_way_through_json(steps):
    run = Recorded()
    for tenant, is_page, window in steps:
        if is_page:
            run.cursor.page_done(tenant, window, window.start)
        else:
            run.cursor.window_done(tenant, window)
        after = run.again()
        for name in "AB":
            assert after.cursor.progress(name) == run.cursor.progress(name)
        assert after.cursor.state == run.cursor.state == run.states[-1]


def test_what_was_learnt_about_the_erp_is_known_for_a_day():
    run = Recorded()
    run.cursor.note("A", {FILTER_WORKS: T1200, GIVES_PAGES: T1200})
    run.cursor.note("A", {GIVES_PAGES: None}, has_unstamped=True)
    run.cursor.window_done("A", Window(T0945, T1200))
    progress = run.again().cursor.progress("A")
    assert progress == Progress(T1200, learnt={FILTER_WORKS: T1200}, has_unstamped=True)
    assert progress.knows(FILTER_WORKS, NOON + timedelta(hours=23))
    assert not progress.knows(FILTER_WORKS, NOON + timedelta(hours=25))
    assert not progress.knows(FILTER_WORKS, NOON - timedelta(hours=25)), "of a clock that was wrong"
    assert not progress.knows(GIVES_PAGES, NOON)
    assert not run.cursor.progress("B").learnt


def test_what_was_learnt_before_it_had_a_date_is_asked_again():
    part = {"partition": {"tenant": "A"}, "cursor": {"LastModified": T1000}, "filter_works": True}
    run = Recorded(["A"], {"states": [part]})
    assert not run.cursor.progress("A").knows(FILTER_WORKS, NOON)
    assert run.cursor.state == {"states": [part]}


def test_what_is_noted_without_a_row_still_goes_out():
    run = Recorded()
    run.cursor.window_done("A", Window(None, T1000))
    run.cursor.note("A", {FILTER_WORKS: T1200})
    run.cursor.ensure_at_least_one_state_emitted()
    assert run.again().cursor.progress("A").knows(FILTER_WORKS, NOON)
    assert len(run.states) == 2


def test_an_emitted_state_is_not_changed_by_what_comes_later():
    run = Recorded()
    run.cursor.page_done("A", Window(T0945, T1200), HALFWAY)
    kept = copy.deepcopy(run.states[0])
    run.cursor.page_done("A", Window(T0945, T1200), Position(900, (("x",),)))
    run.cursor.window_done("A", Window(T0945, T1200))
    run.cursor.window_done("B", Window(None, T1200))
    assert run.states[0] == kept
    assert len(run.states) == 4
    assert len({id(state) for state in run.states}) == 4


def test_a_state_that_somebody_changes_does_not_change_the_cursor():
    run = Recorded()
    run.cursor.page_done("A", Window(T0945, T1200), HALFWAY)
    run.states[0]["states"].clear()
    run.cursor.state["states"][0]["reading"]["anchors"].clear()
    assert run.cursor.progress("A").reading == Window(T0945, T1200, HALFWAY)
    assert run.cursor.state["states"][0]["reading"]["anchors"]


def test_a_stream_without_rows_still_emits_a_state_once():
    run = Recorded()
    run.cursor.ensure_at_least_one_state_emitted()
    run.cursor.ensure_at_least_one_state_emitted()
    assert len(run.states) == 1


def test_a_stream_that_has_emitted_emits_no_more():
    run = Recorded()
    run.cursor.window_done("A", Window(None, T1000))
    run.cursor.ensure_at_least_one_state_emitted()
    assert len(run.states) == 1


def test_states_of_several_threads_leave_in_the_order_in_which_they_were_made():
    tenants = [f"T{number}" for number in range(6)]
    run = Recorded(tenants)
    stamps = [f"2026-11-22T12:00:00.{number:06d}Z" for number in range(100)]

    def read(tenant):
        for stamp in stamps:
            run.cursor.window_done(tenant, Window(None, stamp))

    threads = [threading.Thread(target=read, args=(tenant,)) for tenant in tenants]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=3)
    assert len(run.states) == 600
    for tenant in tenants:
        seen = [
            next(iter(part["cursor"].values()), "")
            for state in run.states
            for part in state["states"]
            if part["partition"]["tenant"] == tenant
        ]
        assert seen == sorted(seen)
        assert seen[-1] == stamps[-1]


# ------------------------------------------------------------------------------------------------------- deletions


def test_the_position_of_deletions_goes_out_before_anything_is_read():
    emitted = []
    cursor = TenantCursor("M", ["A", "B"], {}, emitted.append)
    cursor.expect_deletions("A", NOON)
    assert emitted == [
        {
            "states": [
                {"partition": {"tenant": "A"}, "cursor": {}, "deletions": T1200},
                {"partition": {"tenant": "B"}, "cursor": {}},
            ]
        }
    ]
    assert cursor.progress("A").deletions_since(LOOKBACK, NOON) == "2026-11-22T11:45:00.000000Z"


@pytest.mark.parametrize(
    "part",
    [
        {"cursor": {"M": T0900}},
        {"cursor": {}, "reading": {"since": None, "until": T0900, "offset": 3, "anchors": []}},
        {"cursor": {}, "deletions": T0900},
    ],
    ids=str,
)
def test_a_position_is_set_when_a_tenant_is_read_for_the_first_time_only(part):
    """Whoever has been read without one gets all deletions there are."""
    emitted = []
    cursor = TenantCursor("M", ["A"], {"states": [{"partition": {"tenant": "A"}, **part}]}, emitted.append)
    cursor.expect_deletions("A", NOON)
    assert emitted == []
    assert cursor.progress("A").deletions == part.get("deletions")


def test_without_the_servers_clock_there_is_no_position_of_deletions():
    cursor = TenantCursor("M", ["A"], {}, lambda _state: None)
    cursor.expect_deletions("A", None)
    assert cursor.progress("A") == Progress()
    assert cursor.progress("A").deletions_since(LOOKBACK, NOON) is None


def test_the_position_of_deletions_moves_on_its_own_and_goes_back_with_a_clock_that_was_ahead():
    cursor = TenantCursor("M", ["A"], {}, lambda _state: None)
    cursor.expect_deletions("A", NOON)
    cursor.window_done("A", Window(None, T1200))
    cursor.deletions_done("A", NOON + timedelta(hours=1), has_no_flags=True)
    assert cursor.progress("A").deletions == "2026-11-22T13:00:00.000000Z"
    assert cursor.progress("A").knows(HAS_NO_FLAGS, NOON)
    cursor.page_done("A", Window(T1100, T1200), HALFWAY)
    assert cursor.progress("A").deletions == "2026-11-22T13:00:00.000000Z"
    cursor.deletions_done("A", NOON, has_no_flags=None)
    assert cursor.progress("A").deletions == T1200, "the clock was put back"
    assert cursor.progress("A").knows(HAS_NO_FLAGS, NOON), "nobody asked again"
    cursor.deletions_done("A", None, has_no_flags=False)
    assert cursor.progress("A").deletions == T1200
    assert not cursor.progress("A").knows(HAS_NO_FLAGS, NOON)


def test_from_a_position_ahead_of_the_clock_all_deletions_are_asked_for():
    """How far behind its own time it was made, nobody knows."""
    prefetch = Progress(T1200, deletions="2026-11-22T12:00:00.000001Z")
    assert prefetch.deletions_since(LOOKBACK, NOON) is None
    assert replace(prefetch, deletions=T1200).deletions_since(LOOKBACK, NOON) == "2026-11-22T11:45:00.000000Z"
    assert prefetch.deletions_since(LOOKBACK, None) is not None


def test_deletions_that_cannot_be_read_leave_the_position_where_it_was():
    cursor = TenantCursor("M", ["A"], {}, lambda _state: None)
    cursor.expect_deletions("A", NOON)
    cursor.deletions_done("A", None, has_no_flags=False)
    assert cursor.progress("A").deletions == T1200


def test_a_place_in_a_table_survives_the_state():
    window = Window(None, T1200, Position(7, after=(None, "SO", 3), list_name="all, keyset: A,B,C"))
    assert Window.of_state(json.loads(json.dumps(window.as_state()))) == window
    assert "after" not in Window(None, T1200, HALFWAY).as_state()
