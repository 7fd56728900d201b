"""Tests that paging loses no row of a list that moves under it: a plain list, changed between requests."""

from __future__ import annotations

import json
from itertools import count

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from source_acumatica.odata.keyset import keyset_pages
from source_acumatica.reading.anchored import anchored_pages
from source_acumatica.reading.end_probes import EndProbes
from source_acumatica.reading.paging import BEGINNING, EqualKeysError, MovingListError, Position
from source_acumatica.reading.sent_rows import SentMarks
from unit_tests.reading.lists import (
    IDENTITIES,
    PLACES,
    TOPS,
    HidingList,
    MovingList,
    changes,
    everything,
    everything_unless_all_goes,
)


@pytest.mark.parametrize("identify", IDENTITIES)
@settings(max_examples=200)
@given(
    size=st.integers(0, 40),
    tops=TOPS,
    # More rows inserted before the position than a few pages hold may look like a server that repeats itself.
    ops=changes(["insert", "delete", "delete", "touch"], 2, 4) | changes(["delete", "touch"], 4, 30),
)
def test_a_row_that_stays_is_read_whatever_moves_around_it(identify, size, tops, ops):
    moving = MovingList(size, tops, ops)
    read = everything_unless_all_goes(moving, identify)
    assert moving.there_throughout <= set(read)


@settings(max_examples=200)
@given(size=st.integers(0, 40), tops=TOPS, ops=changes(["insert", "insert", "delete"], 12, 20))
def test_a_list_that_moves_faster_than_it_is_read_is_an_error_and_never_a_gap(size, tops, ops):
    moving = MovingList(size, tops, ops)
    read = set()
    try:
        for page in anchored_pages(moving.fetch, moving.by_key, BEGINNING):
            read.update(page.rows)
            assert {*page.position.anchors} <= {*map(moving.by_key, read)}
    except MovingListError:
        event("given up")
        return
    assert moving.there_throughout <= read


@pytest.mark.parametrize("identify", IDENTITIES)
@settings(max_examples=200)
@given(
    size=st.integers(1, 40),
    tops=TOPS,
    before=changes(["insert", "delete", "delete", "touch"], 2, 3),
    between=st.lists(st.tuples(st.sampled_from(["insert", "delete", "delete", "delete"]), PLACES), max_size=6),
    behind=changes(["delete", "touch"], 2, 10),
    cut=st.integers(0, 20),
)
def test_reading_goes_on_from_every_position_without_a_gap(identify, size, tops, before, between, behind, cut):
    moving = MovingList(size, tops, before)
    read, position = [], BEGINNING
    for number, page in enumerate(anchored_pages(moving.fetch, getattr(moving, identify), BEGINNING)):
        read += page.rows
        position = page.position
        if number == cut:
            break
    # The position goes through the state, and the run that goes on knows nothing else.
    offset, anchors = json.loads(json.dumps([position.offset, position.anchors]))
    moving.changes = [
        *moving.changes[: moving.requests],
        *[[]] * (moving.requests - len(moving.changes)),
        between,
        *behind,
    ]
    resumed = Position(offset, tuple(map(tuple, anchors)))
    read += everything_unless_all_goes(moving, identify, resumed)
    assert moving.there_throughout <= set(read)


@settings(max_examples=200)
@given(
    size=st.integers(0, 260),
    tops=st.lists(st.integers(60, 400), min_size=1, max_size=3),
    ops=changes(["insert", "delete", "delete"], 3, 12),
)
def test_a_row_that_stays_is_read_through_a_servers_own_limit(size, tops, ops):
    moving = MovingList(size, tops, ops, cap=50)
    assert moving.there_throughout <= set(everything_unless_all_goes(moving))


@pytest.mark.parametrize("cap", [50, 64, 100, 500, 1000])
@pytest.mark.parametrize("size", [0, 1, 49, 50, 51, 100, 999, 1000, 1001, 2500])
def test_a_servers_own_limit_does_not_look_like_the_end(cap, size):
    moving = MovingList(size, [5000], cap=cap)
    assert everything(moving) == moving.rows


@pytest.mark.parametrize("cap", [50, 100])
def test_a_row_removed_far_into_a_list_that_the_server_gives_in_small_pages_leads_to_no_error(cap):
    moving = MovingList(3000, [5000], [*[[]] * 20, [("delete", -5)]], cap=cap)
    assert moving.there_throughout <= set(everything(moving))


@pytest.fixture
def usual_pages(monkeypatch):
    """Pages of the tests' sizes are taken for such as a real server gives, which was found to hide nothing."""
    monkeypatch.setattr(EndProbes, "behind", lambda *_, **__: None)


@pytest.mark.parametrize("top", range(2, 8))
@pytest.mark.parametrize("size", [0, 1, 2, 3, 6, 7, 8, 20, 41])
def test_a_list_that_rests_is_read_once_in_order_with_as_few_requests(size, top, usual_pages):
    moving = MovingList(size, [top])
    assert everything(moving) == moving.rows
    needed = 1 + max(0, -(-(size - top) // (top - 1)))
    # One proves the end; a single row does not show whether the server gives more than one at once.
    assert moving.requests <= needed + (2 if size == 1 else 1 if size else 0)


def test_the_end_is_what_brings_nothing_new_and_no_page_that_is_short(usual_pages):
    moving = MovingList(3, [7])
    everything(moving)
    assert moving.skips == [0, 2]


def test_behind_small_pages_one_more_look_is_taken():
    moving = MovingList(3, [7])
    everything(moving)
    assert moving.skips == [0, 2, 3]


def test_each_page_asks_again_for_the_last_row_of_the_one_before(usual_pages):
    moving = MovingList(10, [4])
    everything(moving)
    assert moving.skips == [0, 3, 6, 9]


def test_a_removed_row_makes_one_step_back_and_no_more(usual_pages):
    moving = MovingList(12, [4], [[], [], [("delete", -5)]])
    everything(moving)
    # As the picture at the head of the module: g is not where it was, so the page before is read again.
    assert moving.skips[:4] == [0, 3, 6, 3]
    assert moving.requests <= 7


@pytest.mark.parametrize("request_number", range(4))
def test_a_list_that_is_emptied_comes_to_an_end_and_is_not_believed_to_be_empty(request_number):
    moving = MovingList(12, [4], [*[[]] * request_number, [("delete_all", 0)]])
    first = list(moving.rows)
    assert everything_unless_all_goes(moving) == first[: [0, 4, 7, 10][request_number]]
    assert moving.requests < 20


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 8, 10, 20, 1000])
@pytest.mark.parametrize("begin", [1, 3, 5])
def test_a_list_that_shows_nothing_for_a_while_is_read_to_its_end_or_given_up(begin, count):
    rows, requests = [f"{number:03}" for number in range(34)], []

    def fetch(skip, asked=5):
        requests.append(skip)
        return ([] if begin < len(requests) <= begin + count else rows[skip : skip + asked]), asked

    pages = anchored_pages(
        fetch, lambda row: (row,), BEGINNING, sent_marks=SentMarks(), probe=lambda skip: fetch(skip, 50)
    )
    try:
        assert [row for page in pages for row in page.rows] == rows
    except MovingListError as error:
        assert "has no rows any more" in str(error)
        assert count > 3


def test_an_empty_list_has_no_page(usual_pages):
    moving = MovingList(0, [5])
    assert list(anchored_pages(moving.fetch, moving.by_key, BEGINNING)) == []
    assert moving.requests == 1


def test_a_position_counts_the_rows_up_to_it_and_remembers_the_last():
    moving = MovingList(9, [4])
    positions = [page.position for page in anchored_pages(moving.fetch, moving.by_key, BEGINNING)]
    assert [position.offset for position in positions] == [4, 7, 9]
    assert [position.anchors[-1] for position in positions] == [("4000",), ("7000",), ("9000",)]
    assert all(len(position.anchors) <= 5 for position in positions)


def test_a_position_at_the_end_reads_nothing_again():
    moving = MovingList(9, [4])
    *_, last = anchored_pages(moving.fetch, moving.by_key, BEGINNING)
    assert everything(moving, start=last.position) == []


@pytest.mark.parametrize("size", [8, 9, 40, 100])
def test_a_server_that_ignores_skip_is_given_up(size):
    moving = MovingList(size, [7])
    with pytest.raises(MovingListError):
        list(anchored_pages(lambda _skip: moving.fetch(0), moving.by_key, BEGINNING))
    assert moving.requests < 20


def test_a_server_whose_rows_all_look_alike_is_given_up():
    requests = count()

    def fetch(_skip):
        assert next(requests) < 100, "no end"
        return ["x", "x", "x"], 3

    with pytest.raises(MovingListError):
        list(anchored_pages(fetch, lambda row: (row,), BEGINNING))


def test_a_server_that_ignores_skip_but_gives_all_in_one_page_is_read():
    moving = MovingList(6, [7])
    assert [
        row for page in anchored_pages(lambda _skip: moving.fetch(0), moving.by_key, BEGINNING) for row in page.rows
    ] == moving.rows


@pytest.mark.parametrize("identify", IDENTITIES)
def test_a_server_that_ignores_top_is_read_in_one_page(identify, usual_pages):
    moving = MovingList(300, [7])
    pages = anchored_pages(
        lambda skip: (moving.fetch(0) and moving.rows[skip:], 7), getattr(moving, identify), BEGINNING
    )
    assert [row for page in pages for row in page.rows] == moving.rows
    assert moving.requests <= 2


def test_a_server_that_makes_up_new_rows_for_ever_is_given_up():
    numbers = count()

    def fetch(_skip):
        assert next(numbers) < 20_000, "no end"
        return [next(numbers) for _ in range(5)], 5

    with pytest.raises(MovingListError):
        list(anchored_pages(fetch, lambda row: (str(row),), BEGINNING))


def test_a_failing_request_ends_the_reading_with_its_own_error():
    def fetch(skip):
        if skip:
            raise TimeoutError
        return [1, 2, 3], 3

    pages = anchored_pages(fetch, lambda row: (str(row),), BEGINNING)
    assert next(pages).rows == [1, 2, 3]
    with pytest.raises(TimeoutError):
        next(pages)


@pytest.mark.parametrize("page_rows", [20, 4000])
def test_more_equal_keys_than_the_server_gives_at_once_are_an_error_and_no_endless_list(page_rows):
    hiding = HidingList([number // 40 for number in range(200)], set(), page_rows, cap=30)
    with pytest.raises(EqualKeysError):
        list(keyset_pages(hiding.fetch_from, lambda row: row[:1], BEGINNING))


@pytest.mark.parametrize(
    ("size", "tops", "ops"),
    [
        (9, [3], {1: [("insert", -5)], 3: [("delete", -18)], 4: [("delete", -6)], 13: [("insert", -10)],
                  14: [("insert", -8), ("insert", -30)]}),
        (8, [3, 20, 20], {6: [("delete", -7)], 7: [("insert", -25)], 8: [("insert", -19), ("insert", -7)]}),
    ],
)  # fmt: skip
def test_a_row_that_was_seen_where_the_place_was_looked_for_is_not_left_out(size, tops, ops):
    """By a server that gives two rows at once, in a list that shrinks and grows in front of the place."""
    moving = MovingList(size, tops, [ops.get(number, []) for number in range(20)], cap=2)

    def probe(skip):
        moving.tops, before = [60], moving.tops
        rows = moving.fetch(skip)
        moving.tops = before
        return rows

    read = [
        row
        for page in anchored_pages(
            moving.fetch, moving.by_key, BEGINNING, sent_marks=SentMarks(), end_probes=EndProbes(), probe=probe
        )
        for row in page.rows
    ]
    assert moving.there_throughout <= {*read}
    assert len(read) == len({*read})
