"""Tests how many rows are read again in a sync, and that all of a list are within the days."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.reading.fields import format_instant
from source_acumatica.reading.paging import BEGINNING, Position
from source_acumatica.reading.rereading import Rereading, found_rows
from source_acumatica.reading.window import Window
from unit_tests.reading.states import NOON, POSITIONS, STAMPS, T1200

DAY = timedelta(days=1)


def due(rows, hours, days, ahead=0):
    return Rereading(T1200, rows, ahead).due(NOON + timedelta(hours=hours), days)[0]


@pytest.mark.parametrize(
    ("rows", "hours", "days", "expected"),
    [
        (1000, 24, 10, 102),
        (1000, 0, 10, 0),
        (1000, 1, 10, 4),
        (3, 24, 10, 0),
        (1000, 240, 10, 1000),
        (1000, 24_000, 10, 1000),
        (0, 24, 10, 0),
        (0, 240, 10, 1),
        (10**7, 24, 3650, 2808),
    ],
)
def test_the_share_is_that_of_the_time_that_has_passed_and_at_most_all_rows(rows, hours, days, expected):
    assert due(rows, hours, days) == expected


def test_what_was_read_beyond_the_share_is_taken_off_the_next_and_what_was_not_is_added():
    assert due(1000, 24, 10, ahead=100) == 2
    assert due(1000, 24, 10, ahead=500) == 0
    assert due(1000, 24, 10, ahead=-100) == 202


def test_a_clock_that_was_put_back_reads_nothing_and_counts_from_now_on():
    assert Rereading(T1200, 1000).due(NOON - 400 * DAY, 10) == (0, format_instant(NOON - 400 * DAY))


def test_the_time_for_a_part_of_a_row_is_kept():
    was = Rereading(T1200, 10)
    rows, at = was.due(NOON + DAY, 7)
    assert rows == 1
    assert T1200 < at < format_instant(NOON + DAY)
    assert was.due(NOON + timedelta(hours=1), 7) == (0, T1200)


def test_a_list_that_has_grown_beyond_its_number_of_rows_has_as_many_as_the_place_says():
    grown = Rereading(T1200, 10, place=Window(start=Position(1000)))
    assert grown.due(NOON + DAY, 10)[0] == 102


@given(
    STAMPS,
    st.integers(0, 10**9),
    st.integers(-(10**9), 10**9),
    st.builds(Window, st.none() | STAMPS, st.none(), POSITIONS),
)
def test_it_survives_its_way_through_the_state(at, rows, ahead, place):
    known = Rereading(at, rows, ahead, place)
    assert Rereading.of_state(known.as_state()) == known


@given(
    total=st.integers(1, 3000),
    days=st.integers(1, 30),
    page=st.integers(1, 400),
    gaps=st.lists(st.integers(1, 3 * 24), min_size=1, max_size=80),
)
def test_each_row_is_read_again_within_the_days_and_the_next_sync_and_no_more_than_the_share(total, days, page, gaps):
    """As a sync does it: in pages, from the place, behind the end from the beginning."""
    was, now, place, sent = Rereading(T1200, total), NOON, 0, 0
    read_at = [NOON] * total
    before = NOON
    for hours in gaps:
        before, now = now, now + timedelta(hours=hours)
        left, at = was.due(now, days)
        read = 0
        while left > 0 and read < total:
            rows = range(place, min(place + page, total))
            for row in rows:
                read_at[row] = now
            read, left, place = read + len(rows), left - len(rows), rows.stop % total
        sent += read
        was = Rereading(at, total, -left if read else was.ahead)
        # Pages shift a row by a page at most.
        slack = timedelta(days=days) * min(page, total) / total
        assert now - min(read_at) <= timedelta(days=days) + (now - before) + slack
    share = total * ((now - NOON) / timedelta(days=days))
    assert sent <= share * 1.05 + page


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 999, 1000, 54_321, 10**6, 10**7])
def test_the_number_of_rows_is_found_by_few_requests(count):
    asked = []

    def has_row_at(rows):
        asked.append(rows)
        return rows < count

    found = found_rows(has_row_at)
    assert count <= found <= count * (1 + 1 / 32) + 1
    assert len(asked) <= 26


def test_a_list_that_cannot_be_asked_is_of_unknown_length_and_one_without_an_end_ends_the_search():
    assert found_rows(lambda _rows: None) is None
    assert found_rows(lambda _rows: True) > 10**9


def test_going_on_keeps_the_window_and_moves_the_place():
    was = Rereading(T1200, 10, place=Window("2024-01-01T00:00:00.000000Z"))
    on = was.went_on(-2, Position(5))
    assert (on.ahead, on.place.start, on.place.since) == (2, Position(5), was.place.since)
    assert on.went_on(0, BEGINNING) == was
