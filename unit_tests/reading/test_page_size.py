"""Tests that pages grow while they come fast, and shrink where they take long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.reading.page_size import FIRST_PAGE_ROWS, SMALLEST_PAGE_ROWS, PageSize, weight

MEGABYTE = 1024 * 1024


def test_the_first_page_is_small():
    assert PageSize(5000).rows == FIRST_PAGE_ROWS
    assert PageSize(100).rows == 100


@pytest.mark.parametrize(
    ("values", "rows"), [(0, 500), (60, 500), (139, 500), (140, 499), (600, 116), (1500, 50), (10**6, 50)]
)
def test_with_many_values_the_first_page_is_smaller(values, rows):
    """Some 3 MB are expected; of fewer rows, an empty page would prove nothing."""
    assert PageSize(5000, values).rows == rows
    assert PageSize(30, values).rows == 30


def test_a_page_has_never_fewer_rows_than_anchoring_needs():
    assert PageSize(1).rows == SMALLEST_PAGE_ROWS
    assert PageSize(1).largest == SMALLEST_PAGE_ROWS


@pytest.mark.parametrize(
    ("seconds", "size_bytes", "rows"),
    [
        (1, MEGABYTE, 1000),
        (4.9, 7 * MEGABYTE, 1000),
        (5.1, MEGABYTE, 500),
        (1, 9 * MEGABYTE, 500),
        (29, 15 * MEGABYTE, 500),
        (31, MEGABYTE, 250),
        (1, 17 * MEGABYTE, 250),
    ],
)
def test_a_page_grows_when_it_was_light_and_shrinks_when_it_was_heavy(seconds, size_bytes, rows):
    size = PageSize(5000)
    size.observe(seconds, size_bytes)
    assert size.rows == rows


def test_a_page_grows_up_to_the_setting():
    size = PageSize(3000)
    seen = []
    for _ in range(5):
        size.observe(0.1, 1)
        seen.append(size.rows)
    assert seen == [1000, 2000, 3000, 3000, 3000]


def test_of_several_that_fail_for_one_cause_the_first_halves_the_page():
    size = PageSize(5000)
    size.rows = 1000
    assert [(size.shrink(asked=1000), size.rows) for _ in range(8)] == [(True, 500)] * 8
    assert [(size.shrink(asked=500), size.rows) for _ in range(8)] == [(True, 250)] * 8


def test_a_request_for_fewer_rows_than_a_page_has_is_halved_from_there():
    size = PageSize(5000)
    assert size.shrink(asked=30)
    assert size.rows == 15


def test_a_size_that_is_refused_again_and_again_is_tried_ever_more_seldom():
    size, tries = PageSize(5000), 0
    for _ in range(200):
        if size.rows > 200:
            tries += 1
            assert size.shrink(asked=size.rows)
        else:
            size.observe(0.1, 1000)
    assert size.rows in (125, 250)
    assert tries < 12


def test_after_a_fault_that_passed_a_page_grows_as_before():
    size = PageSize(5000)
    while size.shrink(asked=size.rows):
        pass
    for _ in range(13):
        size.observe(0.1, 1000)
    assert size.rows == 5000


def test_a_page_shrinks_down_to_the_smallest_and_says_so():
    size = PageSize(9)
    assert [(size.shrink(), size.rows) for _ in range(4)] == [(True, 4), (True, 2), (False, 2), (False, 2)]


@given(st.integers(1, 10_000), st.lists(st.tuples(st.floats(0, 1000), st.integers(0, 10**9)), max_size=30))
def test_a_page_stays_within_its_bounds_whatever_it_costs(largest, costs):
    size = PageSize(largest)
    for seconds, size_bytes in costs:
        size.observe(seconds, size_bytes)
        assert SMALLEST_PAGE_ROWS <= size.rows <= max(largest, SMALLEST_PAGE_ROWS)


def test_of_several_pages_that_took_long_at_the_same_time_the_first_one_halves_the_size():
    size = PageSize(5000)
    size.rows = 4000
    for _ in range(8):
        size.observe(31, 1000, asked=4000)
    assert size.rows == 2000


def test_where_several_lists_are_read_at_once_a_page_may_have_half_as_many_bytes():
    lists = 1
    size = PageSize(5000, lists=lambda: lists)
    size.rows = 1000
    size.observe(1, 7 * 1024 * 1024, asked=1000)
    assert size.rows == 2000
    lists = 2
    size.observe(1, 14 * 1024 * 1024, asked=2000)
    assert size.rows == 1000
    size.observe(1, 7 * 1024 * 1024, asked=1000)
    assert size.rows == 1000


@pytest.mark.parametrize(("rows", "times"), [([{"id": "1"}], 3), ([object()], 1), ([], 1)])
def test_rows_that_are_dicts_weigh_more(rows, times):
    assert weight(1000, rows) == 1000 * times
