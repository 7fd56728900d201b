"""Tests the place in a list that a state keeps, and what a list that moves too much is said to do."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from source_acumatica.reading.paging import BEGINNING, MovingListError, Page, Position
from source_acumatica.reading.window import Window
from unit_tests.reading.states import HALFWAY, POSITIONS


@given(POSITIONS)
def test_a_place_outlasts_a_state(position):
    state = json.loads(json.dumps(Window(start=position).as_state()))
    assert Window.of_state(state).start == position


def test_a_list_begins_with_no_row_and_at_no_row():
    assert Position(0, (), (), "") == BEGINNING
    assert Window().start == BEGINNING


def test_places_in_two_lists_differ_though_the_rows_are_the_same():
    here, there = (Position(500, HALFWAY.anchors, (), name) for name in ("all", "changed"))
    assert here != there


def test_a_page_claims_nothing_that_it_was_not_told():
    page = Page([1], HALFWAY)
    assert (page.begins_as_last, page.is_last, page.shows_likes) == (False, False, False)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MovingListError(), "the ERP repeats the same rows instead of going on"),
        (MovingListError("its rows move"), "its rows move"),
    ],
)
def test_a_list_that_moves_says_why(error, sentence):
    assert str(error) == sentence
