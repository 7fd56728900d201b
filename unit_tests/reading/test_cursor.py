"""Tests that each tenant has a part in the state of its own, and that a state survives its way."""

from __future__ import annotations

import copy
import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.database_clock import ClockReading
from source_acumatica.reading.learnt import FILTER_WORKS, GIVES_PAGES, HAS_NO_FLAGS
from source_acumatica.reading.paging import Position
from source_acumatica.reading.progress import Progress, StampsSeen
from source_acumatica.reading.rereading import Rereading
from source_acumatica.reading.window import Window
from unit_tests.reading.states import (
    HALFWAY,
    LOOKBACK,
    NOON,
    T0900,
    T0945,
    T1000,
    T1100,
    T1200,
    WINDOWS,
    Recorded,
    windows,
)


def test_a_clock_that_is_right_is_remembered_as_such():
    run = Recorded()
    run.cursor.page_done("A", Window(T0945, T1200), HALFWAY, stamps=StampsSeen(T1200), clock=ClockReading(0, NOON))
    again = run.again().cursor.progress("A")
    assert (again.lag, again.lag_at) == (0, T1200)


def test_rows_without_a_stamp_leave_no_place_that_the_next_sync_would_go_on_from():
    run = Recorded()
    run.cursor.window_done("A", Window(T0900, T1000))
    run.cursor.page_done("A", Window(is_unstamped=True), HALFWAY)
    progress = run.again().cursor.progress("A")
    assert progress.reading is None
    assert windows(progress) == [Window(T0945, T1200)]


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
    assert cursor.progress("A").knows(HAS_NO_FLAGS, NOON), "it was not asked again"
    cursor.deletions_done("A", None, has_no_flags=False)
    assert cursor.progress("A").deletions == T1200
    assert not cursor.progress("A").knows(HAS_NO_FLAGS, NOON)


def test_deletions_that_cannot_be_read_leave_the_position_where_it_was():
    cursor = TenantCursor("M", ["A"], {}, lambda _state: None)
    cursor.expect_deletions("A", NOON)
    cursor.deletions_done("A", None, has_no_flags=False)
    assert cursor.progress("A").deletions == T1200


REREADING = Rereading(T1000, 20, -3, Window(None, start=HALFWAY))


def test_what_is_read_again_goes_out_with_its_place_and_moves_nothing_else():
    run = Recorded()
    run.cursor.window_done("A", Window(None, T1000))
    run.cursor.reread("A", REREADING)
    again = run.again().cursor
    assert again.progress("A") == Progress(T1000, rereading=REREADING)
    assert again.progress("B") == Progress()
    run.cursor.page_done("A", Window(T0945, T1200), HALFWAY)
    run.cursor.window_done("A", Window(T0945, T1200))
    assert run.again().cursor.progress("A") == Progress(T1200, rereading=REREADING)


def test_other_settings_begin_the_rereading_at_the_beginning_of_the_list_and_wider_ones_drop_it():
    was = Progress(T1000, rereading=REREADING, read_with={"include_archived": True, "row_filters": ""})
    assert was.begun_with(was.read_with) == was
    narrower = was.begun_with({"include_archived": True, "row_filters": "(A eq 1)"})
    assert narrower.rereading == Rereading(T1000, 20, -3)
    assert narrower.begun_with({"include_archived": True, "row_filters": ""}).rereading is None
