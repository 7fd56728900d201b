"""Tests which rows of an answer are new, by what their identities say."""

from __future__ import annotations

import pytest

from source_acumatica.reading.answer import Answer, Kind, begins_in_place, new_rows
from source_acumatica.reading.sent_rows import RecentRows


def identities(text):
    return [(letter,) for letter in text]


def new(page, sent, overlap, kind, *, is_sent_once=True):
    return "".join(
        page[place]
        for place in new_rows(identities(page), overlap, RecentRows(identities(sent)), kind, is_sent_once=is_sent_once)
    )


@pytest.mark.parametrize("kind", Kind)
def test_all_rows_are_new_before_any_was_sent(kind):
    assert new("aab", "", 0, kind) == "aab"


@pytest.mark.parametrize(
    ("page", "sent", "overlap", "kind", "expected"),
    [
        ("cde", "abc", 1, Kind.UNIQUE, "de"),
        ("ccd", "abc", 1, Kind.UNIQUE, "cd"),
        ("xcd", "abc", 1, Kind.UNIQUE, "xd"),
        ("ccd", "abc", 1, Kind.GROUPED, "d"),
        ("ccd", "abc", 1, Kind.ALIKE, "cd"),
        ("xcc", "abc", 1, Kind.ALIKE, "xc"),
    ],
)
def test_what_an_identity_says_decides_which_rows_are_new(page, sent, overlap, kind, expected):
    assert new(page, sent, overlap, kind) == expected


def test_rows_that_are_alike_and_may_come_twice_are_compared_in_their_order():
    assert new("ba", "ab", 2, Kind.ALIKE, is_sent_once=True) == ""
    assert len(new("ba", "ab", 2, Kind.ALIKE, is_sent_once=False)) == 1


def test_an_answer_begins_in_place_with_the_rows_that_were_sent_last():
    recent = RecentRows(identities("abc"))
    assert begins_in_place(identities("bcd"), 2, recent)
    assert not begins_in_place(identities("cbd"), 2, recent)
    assert not begins_in_place(identities("c"), 2, recent)
    assert not begins_in_place(identities("abc"), 0, recent)


def test_an_answer_that_goes_straight_on_has_only_new_rows_behind_those_in_place():
    recent = RecentRows(identities("abc"))
    assert Answer(2, "cde", 5, identities("cde"), [1, 2]).goes_straight_on(3, recent)
    assert not Answer(2, "cda", 5, identities("cda"), [1]).goes_straight_on(3, recent)


def test_a_short_answer_ends_behind_its_rows():
    answer = Answer(7, "ab", 5, identities("ab"), [0, 1])
    assert (answer.is_short, answer.end) == (True, 9)
