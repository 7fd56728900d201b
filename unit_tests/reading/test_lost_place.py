"""Tests that a place in a list is found again after the list has moved."""

from __future__ import annotations

from source_acumatica.reading.anchored import anchored_pages
from source_acumatica.reading.paging import Position
from source_acumatica.reading.sent_rows import SentMarks
from unit_tests.reading.lists import (
    MovingList,
    everything,
)


def test_a_position_whose_rows_are_all_gone_starts_the_list_again():
    moving = MovingList(9, [4])
    assert everything(moving, start=Position(7, (("gone",), ("gone too",)))) == moving.rows


def test_a_place_near_the_end_is_searched_for_in_steps_of_what_the_server_gives():
    moving = MovingList(700, [100])
    gone = Position(692, tuple((f"gone {number}",) for number in range(5)))
    assert everything(moving, start=gone) == moving.rows
    assert moving.requests < 40


def test_an_offset_without_anchors_is_not_trusted():
    moving = MovingList(9, [4])
    assert everything(moving, start=Position(7, ())) == moving.rows


def test_a_renamed_row_in_front_of_what_is_remembered_is_no_landmark():
    """After a resume little is remembered: what stands in front of the row that has moved was not read."""
    now = [*(("klmn"[place], "1") for place in range(4)), ("j", "2"), ("p", "1"), ("q", "1")]
    anchors = tuple((row, "1") for row in "fghij")

    def fetch(skip):
        return now[skip : skip + 3], 3

    pages = anchored_pages(fetch, lambda row: row, Position(10, anchors), sent_marks=SentMarks(may_repeat=True))
    assert {row for page in pages for row, _ in page.rows} >= {*"klmnpq"}


def test_rows_inserted_before_the_position_are_not_read_twice():
    moving = MovingList(12, [4], [[], [("insert", -9)]])
    read = everything(moving)
    assert sorted(read) == sorted(set(read))
    assert moving.there_throughout <= set(read)
