"""Tests of lists that are read by keyset, by row number, and by the server's own links."""

from __future__ import annotations

import itertools
import random
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.erp.helpers import Helpers
from source_acumatica.odata.plan_pages import _ByKeyset

from .entity_set import EVER, INQUIRY, ROWS, STAMP, EntitySet, a_row, ids, refusal

pytestmark = pytest.mark.usefixtures("small_pages")


@pytest.mark.parametrize("is_incremental", [True, False])
def test_a_table_is_read_in_the_order_of_its_keys(is_incremental):
    entity_set = EntitySet(ROWS)
    assert ids(entity_set.reader(is_incremental=is_incremental).pages(EVER)) == list(range(12))
    assert {token["plan"].order for token in entity_set.tokens} == {("Id",)}


@pytest.mark.parametrize("cap", [1, 2, 3, 50])
def test_a_server_that_gives_less_than_is_asked_for_is_asked_on(cap):
    assert sorted(ids(EntitySet(ROWS, cap=cap).reader(max_page_size=8).pages(EVER))) == list(range(12))


@given(st.data())
def test_no_row_that_stays_is_missed_while_others_change(data):
    """Whatever changes is stamped later than all before it."""
    entity_set, staying, minutes = EntitySet(ROWS), set(range(12)), itertools.count()
    read = []
    for page in entity_set.reader().pages(EVER):
        read += [row["Id"] for row in page.rows]
        for _ in range(data.draw(st.integers(0, 2))):
            at = data.draw(st.integers(0, len(entity_set.rows) - 1))
            if data.draw(st.booleans()) and len(entity_set.rows) > 3:
                staying.discard(entity_set.rows.pop(at)["Id"])
            else:
                stamp = f"2026-11-20T00:{next(minutes):02d}:00Z"
                entity_set.rows[at] = {**entity_set.rows[at], STAMP: stamp}
    assert staying <= set(read)


def test_rows_with_one_key_are_all_read_and_each_once():
    rows = [{**a_row(number // 3, 5), "Class": str(number)} for number in range(20)]
    read = [
        row["Class"]
        for page in EntitySet(rows).reader(is_incremental=False, max_page_size=4).pages(EVER)
        for row in page.rows
    ]
    assert sorted(read, key=int) == [str(number) for number in range(20)]


@pytest.mark.parametrize("sessions", [1, 2, 4])
@pytest.mark.parametrize("seed", range(12))
def test_rows_with_one_key_are_all_read_by_several_sessions_too(seed, sessions):
    """A page that is asked for by a number of rows may begin in the middle of those with one key."""
    some = random.Random(seed)
    numbers = [number for number in range(30) for _ in range(some.randrange(1, 5))]
    rows = [{**a_row(number, 5), "Class": str(place)} for place, number in enumerate(numbers)]
    with closing(Helpers(sessions)) as helpers:
        reader = EntitySet(rows).reader(is_incremental=False, max_page_size=some.randrange(8, 14), helpers=helpers)
        read = [row["Class"] for page in reader.pages(EVER) for row in page.rows]
    assert sorted(read, key=int) == [row["Class"] for row in rows]


@pytest.mark.parametrize("count", [4, 9, 40])
def test_rows_that_are_the_same_in_everything_all_come(count, no_larger_pages):
    entity_set = EntitySet([a_row(1, 5)] * count, INQUIRY)
    assert len(ids(entity_set.reader(is_incremental=False).pages(EVER))) == count


def test_an_inquiry_that_cannot_be_ordered_at_all_comes_in_one_answer(caplog):
    entity_set = EntitySet(ROWS, INQUIRY, refuses=lambda plan, _token: refusal() if plan.order else None)
    assert sorted(ids(entity_set.reader().pages(EVER))) == list(range(12))
    assert entity_set.tokens[-1].keys() == {"plan", "is_proven"}
    assert "in one answer" in caplog.text


@given(st.data())
def test_an_inquiry_whose_equal_keys_come_in_any_order_is_read_once(data):
    """SQL promises no order among rows that are equal in what orders them."""
    groups = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=8))
    rows = [a_row(10 * number + each, 5, f"{number:02d}") for number, size in enumerate(groups) for each in range(size)]

    class Shuffling(EntitySet):
        def __call__(self, window, token):
            self.rows = data.draw(st.permutations(self.rows))
            return super().__call__(window, token)

    entity_set = Shuffling(rows, INQUIRY)
    read = ids(entity_set.reader(is_incremental=False, max_page_size=data.draw(st.integers(2, 6))).pages(EVER))
    assert sorted(read) == sorted(row["Id"] for row in rows)


def test_a_guessed_page_has_to_begin_with_the_very_row_that_was_sent_last():
    """Another one with the same key may have come in front of it while one was removed further in front."""
    guess, guessed = _ByKeyset(lambda row: (row[0],), repr), ((0,), 5)
    place = guess.behind(((0,), 0), [(1, "a"), (2, "b")])
    assert guess.is_at(place, guessed, [(2, "b"), (3, "c")])
    assert not guess.is_at(place, guessed, [(2, "another"), (3, "c")])
    assert not guess.is_at(place, guessed, [])


def test_no_guessed_page_is_taken_that_may_begin_among_rows_with_one_key():
    guess, guessed = _ByKeyset(lambda row: (row[0],), repr), ((0,), 5)
    place = guess.behind(((0,), 0), [(1, "a"), (2, "b")])
    # It may begin with the second of two rows that look alike.
    assert not guess.is_at(place, guessed, [(2, "b"), (2, "c"), (3, "d")])
    guess.behind(((0,), 0), [(1, "a"), (1, "b"), (2, "c")])
    place = guess.behind(((0,), 0), [(3, "a"), (4, "b")])
    assert not guess.is_at(place, guessed, [(4, "b"), (5, "c")]), "the list has shown such rows"
