"""Tests that a list which changes its order is read whole and once."""

from __future__ import annotations

from collections import Counter

from hypothesis import event, given, settings
from hypothesis import strategies as st

from source_acumatica.reading.anchored import anchored_pages
from source_acumatica.reading.paging import BEGINNING, MovingListError
from source_acumatica.reading.sent_rows import SentMarks
from unit_tests.reading.lists import (
    ReorderedList,
    sent,
)


@settings(max_examples=300)
@given(st.data())
def test_a_list_that_comes_in_another_order_is_read_whole_and_once(data):
    rows = list(range(data.draw(st.integers(0, 60))))
    then = data.draw(st.permutations(rows))
    moving = ReorderedList(rows, then, data.draw(st.integers(1, 12)), data.draw(st.integers(3, 12)))
    try:
        assert sorted(sent(moving)) == rows
    except MovingListError:
        event("given up")


@settings(max_examples=300)
@given(st.data())
def test_a_list_of_rows_that_are_alike_and_change_their_order_is_read_whole_and_once_or_given_up(data):
    rows = data.draw(st.lists(st.integers(0, 30), max_size=60))
    then = data.draw(st.permutations(rows))
    moving = ReorderedList(rows, then, data.draw(st.integers(1, 12)), data.draw(st.integers(3, 12)))
    try:
        assert sorted(sent(moving, is_unique=False)) == sorted(rows)
    except MovingListError:
        event("given up")


@given(st.lists(st.integers(0, 30), max_size=60), st.integers(3, 12))
def test_rows_that_are_alike_and_rest_come_as_often_as_they_are_there(rows, page_rows):
    assert sorted(sent(ReorderedList(rows, rows, 0, page_rows), is_unique=False)) == sorted(rows)


@given(st.lists(st.integers(0, 30), max_size=60), st.integers(3, 12))
def test_rows_whose_keys_repeat_against_what_was_said_come_as_often_as_they_are_there(rows, page_rows):
    try:
        assert sorted(sent(ReorderedList(rows, rows, 0, page_rows))) == sorted(rows)
    except MovingListError:
        # A page full of one key and a row that is like others: it may have moved or not.
        assert max(Counter(rows).values()) >= page_rows - 1


@settings(max_examples=300)
@given(st.data())
def test_rows_that_are_alike_are_neither_lost_nor_doubled_while_others_come_and_go(data):
    rows = data.draw(st.lists(st.integers(0, 5), max_size=40))
    staying, moving, came = Counter(rows), ReorderedList(rows, rows, 0, data.draw(st.integers(3, 9))), Counter()
    changes = data.draw(st.lists(st.tuples(st.sampled_from(["insert", "delete"]), st.integers(0, 40)), max_size=3))

    def fetch(skip):
        if skip and changes:
            change, place = changes.pop()
            if change == "insert":
                rows.insert(place, new := data.draw(st.integers(0, 5)))
                came[new] += 1
            elif place < len(rows):
                staying[rows.pop(place)] -= 1
        return moving.rows[skip : skip + moving.page_rows], moving.page_rows

    most = Counter(rows)
    try:
        read = Counter(
            row
            for page in anchored_pages(
                fetch, lambda row: (str(row),), BEGINNING, sent_marks=SentMarks(), is_unique=False
            )
            for row in page.rows
        )
    except MovingListError:
        event("given up")
        return
    assert staying <= read <= most + came


@given(st.data())
def test_rows_that_were_renamed_to_the_place_of_others_do_not_stand_for_these(data):
    """Rows are known by an id that stays, and the list is in the order of their names."""
    rows = {f"id {number}": number for number in range(60)}
    versions = dict.fromkeys(rows, 0)
    page_rows, renamed = data.draw(st.integers(5, 12)), data.draw(st.integers(0, 25))
    left = [data.draw(st.integers(30, 50))]

    def fetch(skip):
        if skip >= 27 and left:
            place = left.pop() + 0.5
            for number in range(renamed):
                rows[f"id {number}"] = place + number / 1000
                versions[f"id {number}"] += 1
        return sorted(rows, key=rows.__getitem__)[skip : skip + page_rows], page_rows

    sent_marks = data.draw(st.sampled_from([None, SentMarks()]))
    pages = anchored_pages(fetch, lambda row: (row, str(versions[row])), BEGINNING, sent_marks=sent_marks)
    assert {row for page in pages for row in page.rows} == rows.keys()


def test_a_row_that_came_in_front_of_the_last_one_read_does_not_bring_that_once_more():
    rows = [str(number) for number in range(60)]

    def fetch(skip):
        if skip and len(rows) == 60:
            rows.insert(skip + 8, "new")
        return rows[skip : skip + 10], 10

    pages = anchored_pages(fetch, lambda row: (row,), BEGINNING, is_unique=False, sent_marks=SentMarks())
    assert sorted(row for page in pages for row in page.rows) == sorted(rows)


@given(st.data())
def test_what_comes_and_goes_around_the_place_has_no_list_read_once_more_that_may_repeat(data):
    """The recent is in the order of the list, also where rows were inserted between those that were sent."""
    rows, left = list(range(0, 600, 10)), [3]

    def fetch(skip):
        if skip > 10 and left[0]:
            left[0] -= 1
            near = data.draw(st.integers(max(skip - 5, 0), skip))
            if near < len(rows):
                rows.insert(near, rows[near] - 1) if data.draw(st.booleans()) else rows.pop(near)
        return rows[skip : skip + 9], 9

    skips = []
    pages = anchored_pages(
        lambda skip: (skips.append(skip), fetch(skip))[1],
        lambda row: (str(row),),
        BEGINNING,
        sent_marks=SentMarks(may_repeat=True),
    )
    assert {*rows} <= {row for page in pages for row in page.rows} | {row for row in rows if row % 10}
    assert skips.count(0) <= 2
