"""Tests that rows hidden from the user do not end a list before its last row."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from source_acumatica.odata.keyset import keyset_pages
from source_acumatica.reading.anchored import anchored_pages
from source_acumatica.reading.end_probes import EndProbes
from source_acumatica.reading.page_size import SMALLEST_PAGE_ROWS
from source_acumatica.reading.paging import BEGINNING, EqualKeysError, MovingListError
from source_acumatica.reading.sent_rows import SentMarks
from unit_tests.reading.lists import (
    HidingList,
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_groups_in_any_order_are_read_whole_and_once_though_rows_are_hidden_or_removed(data):
    groups = data.draw(st.lists(st.integers(0, 30), max_size=150))
    rows = [(group, number) for number, group in enumerate(sorted(groups))]
    hidden = set(data.draw(st.lists(st.sampled_from(rows), max_size=40))) if rows else set()
    is_plain = not hidden and len({*groups}) == len(groups)
    cap = data.draw(st.sampled_from([None, 60, 55, *([2, 3, 7] if is_plain else [])]))
    page_rows = data.draw(st.integers(12, 80))
    left = [True] * data.draw(st.integers(0, 4))
    moving = HidingList(groups, hidden, page_rows, cap, lambda: bool(left) and left.pop(), data.draw(st.integers()))
    end_probes = EndProbes(data.draw(st.booleans()) or bool(hidden))
    pages = anchored_pages(
        moving.fetch,
        lambda row: (str(row[0]),),
        BEGINNING,
        sent_marks=SentMarks(),
        probe=moving.probe,
        in_groups=True,
        end_probes=end_probes,
    )
    try:
        read = [row for page in pages for row in page.rows]
    except (EqualKeysError, MovingListError) as error:
        event(type(error).__name__)
        return
    assert len({*read}) == len(read)
    assert moving.visible <= {*read}


@settings(max_examples=300, deadline=None)
@given(st.sets(st.integers(0, 59), max_size=40), st.integers(2, 9), st.booleans())
@example({0, 1}, 2, True)
@example(set(range(30)), 5, False)
def test_rows_hidden_anywhere_in_small_pages_do_not_look_like_a_list_that_repeats_itself(numbers, page_rows, is_unique):
    hiding = HidingList(range(60), {(number, number) for number in numbers}, page_rows)
    pages = anchored_pages(
        hiding.fetch,
        lambda row: (str(row),),
        BEGINNING,
        is_unique=is_unique,
        sent_marks=SentMarks(),
        probe=hiding.probe,
    )
    assert sorted(row for page in pages for row in page.rows) == sorted(hiding.visible)


@pytest.mark.parametrize("by_number", [True, False])
@pytest.mark.parametrize("short_by", [1, 2, 3])
@pytest.mark.parametrize("page_rows", [2, 3, 4, 5, 60])
def test_that_a_server_gives_large_pages_says_nothing_of_small_ones_that_come_short(page_rows, short_by, by_number):
    rows = [(number, number) for number in range(80)]

    def fetch(skip, asked=page_rows):
        return rows[skip : skip + max(asked - short_by, 1)], asked

    def fetch_from(place, skip, asked=page_rows):
        in_front = sum(1 for row in rows if place and row[:1] < place)
        return fetch(in_front + skip, asked)

    known = {"longest": SMALLEST_PAGE_ROWS}
    pages = (
        anchored_pages(
            fetch,
            lambda row: (str(row),),
            BEGINNING,
            probe=lambda skip: fetch(skip, 50),
            sent_marks=SentMarks(),
            **known,
        )
        if by_number
        else keyset_pages(
            fetch_from, lambda row: row[:1], BEGINNING, probe=lambda place, skip: fetch_from(place, skip, 50), **known
        )
    )
    assert [row for page in pages for row in page.rows] == rows


HIDDEN_RUNS = [range(1000, 1250), range(250, 361), range(299, 620), range(2000, 2700)]


@pytest.mark.parametrize("by_number", [True, False])
@pytest.mark.parametrize("cap", [None, 100])
@pytest.mark.parametrize("run", HIDDEN_RUNS, ids=str)
def test_a_look_far_behind_a_run_of_hidden_rows_does_not_step_over_others(run, cap, by_number):
    """One row is hidden early, so that the list is known to hide some."""
    rows = [(number, number) for number in range(3000)]
    hidden = {rows[50], *rows[run.start : run.stop]}
    hiding = HidingList(range(3000), hidden, 100, cap)
    pages = (
        anchored_pages(hiding.fetch, lambda row: (str(row),), BEGINNING, probe=hiding.probe, sent_marks=SentMarks())
        if by_number
        else keyset_pages(hiding.fetch_from, lambda row: row[:1], BEGINNING, probe=hiding.fetch_from)
    )
    assert sorted(row for page in pages for row in page.rows) == sorted(hiding.visible)


def test_what_was_held_back_is_no_sign_of_hidden_rows():
    hiding, end_probes = HidingList(range(20), set(), 500), EndProbes(are_due=False)
    pages = anchored_pages(hiding.fetch, lambda row: (str(row),), BEGINNING, in_groups=True, end_probes=end_probes)
    assert len([row for page in pages for row in page.rows]) == 20
    assert not end_probes.hides_rows
    assert hiding.requests == 2


@pytest.mark.parametrize("grows", [False, True])
@pytest.mark.parametrize("begins_visible", [False, True])
@pytest.mark.parametrize("seed", range(60))
def test_runs_of_hidden_rows_that_are_shorter_than_a_page_are_read_over(seed, begins_visible, grows):
    """As where a user sees some of the branches; pages may have grown while the list began."""
    chance, page_rows = Random(seed), 100
    visible = [begins_visible] * chance.randrange(1, 20)
    for _ in range(chance.randrange(2, 30)):
        visible += [False] * chance.randrange(1, 90) + [True] * chance.randrange(1, 30)
    rows, requests = [number for number, is_visible in enumerate(visible) if is_visible], 0

    def fetch(skip):
        nonlocal page_rows, requests
        requests += 1
        asked, page_rows = page_rows, min(2 * page_rows, 400) if grows else page_rows
        return [number for number in range(skip, min(skip + asked, len(visible))) if visible[number]], asked

    pages = anchored_pages(fetch, lambda row: (str(row),), BEGINNING, sent_marks=SentMarks(), end_probes=EndProbes())
    assert [row for page in pages for row in page.rows] == rows
    assert requests < 100 + len(visible) / 10


@pytest.mark.parametrize("by_likes", [False, True])
@pytest.mark.parametrize("renamed", [1, 12, 40])
@pytest.mark.parametrize("inserted", [0, 2, 12, 40])
def test_rows_that_come_in_front_hide_none_that_moves_there(inserted, renamed, by_likes):
    """They look like hidden ones, whose places count, too; but a list that grew in front is read again."""
    rows, end_probes, requests = [(number, number) for number in range(1000, 2000)], EndProbes(), 0

    def fetch(skip):
        nonlocal requests
        requests += 1
        if requests == 3:
            rows[:0] = [(-number, 5000 + number) for number in range(inserted, 0, -1)]
        if requests == 4:
            rows[:0] = [(-100 - number, id_) for number, (_, id_) in enumerate(rows[-renamed:])]
            del rows[-renamed:]
        return rows[skip : skip + 100], 100

    read = anchored_pages(
        fetch,
        lambda row: (str(row[1]),),
        BEGINNING,
        is_unique=not by_likes,
        sent_marks=SentMarks(),
        end_probes=end_probes,
    )
    assert {id_ for page in read for _, id_ in page.rows} >= {id_ for _, id_ in rows if id_ < 5000}
    assert not end_probes.hides_rows


@pytest.mark.parametrize("is_unique", [True, False])
@pytest.mark.parametrize("change_at", range(2, 6))
@pytest.mark.parametrize("count", [300, 700, 1200, 1900, 2300])
def test_a_list_that_is_read_again_is_not_taken_for_one_that_repeats_itself(count, change_at, is_unique):
    """Since two of its rows look alike, and a row was inserted while it was read."""
    rows, requests = [*range(count)], 0
    rows[5] = count - 3

    def fetch(skip):
        nonlocal requests
        requests += 1
        if requests == change_at:
            rows.insert(250, -1)
        assert skip < 10**6, "a page came too often"
        return rows[skip : skip + 500], 500

    pages = anchored_pages(fetch, lambda row: (str(row),), BEGINNING, is_unique=is_unique, sent_marks=SentMarks())
    assert {row for page in pages for row in page.rows} >= {*range(count)} - {5}


@pytest.mark.parametrize("count", [300, 700, 1300, 4000])
def test_the_group_at_the_end_of_a_page_is_no_sign_of_hidden_rows_where_it_comes_with_the_next(count):
    rows, end_probes, requests = [number // 2 for number in range(count)], EndProbes(), 0

    def fetch(skip, asked=500):
        nonlocal requests
        requests += 1
        return rows[skip : skip + asked], asked

    pages = anchored_pages(
        fetch, lambda row: (str(row),), BEGINNING, sent_marks=SentMarks(), in_groups=True, end_probes=end_probes
    )
    assert [row for page in pages for row in page.rows] == rows
    assert requests <= 3 + count / 498
    assert not end_probes.hides_rows
