"""Tests that reading an ordered list by the values of its rows misses none that stays."""

from __future__ import annotations

import math
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.odata.keyset import UnreliableOrderError, keyset_pages
from source_acumatica.reading.paging import BEGINNING, EqualKeysError, MovingListError, Position


class Table:
    """Rows in order, asked for by place; ``shown`` is what the server writes of a row's value."""

    def __init__(self, rows, page_rows, shown=lambda row: row):
        self.rows, self.page_rows, self.shown, self.asked = sorted(rows), page_rows, shown, 0

    def fetch(self, place, skip):
        self.asked += 1
        found = [row for row in self.rows if not place or row >= place]
        return found[skip : skip + self.page_rows], self.page_rows

    def read(self, after=()):
        return keyset_pages(self.fetch, self.shown, Position(after=after))


@pytest.mark.parametrize("page_rows", [2, 3, 5, 50])
@pytest.mark.parametrize("count", [0, 1, 2, 4, 5, 9, 50, 51])
def test_a_table_is_read_to_its_end_and_from_every_place_of_it(count, page_rows):
    rows = [(number // 3, number) for number in range(count)]
    pages = list(Table(rows, page_rows).read())
    assert [row for page in pages for row in page.rows] == rows
    assert all(page.position.after == page.rows[-1] for page in pages)
    for page in pages:
        rest = Table(rows, page_rows).read(page.position.after)
        assert [row for more in rest for row in more.rows] == rows[rows.index(page.rows[-1]) + 1 :]


@given(st.data())
def test_no_row_that_stays_is_missed_while_others_come_go_and_move(data):
    table = Table([(number, number) for number in range(0, 40, 2)], data.draw(st.integers(2, 6)))
    staying, read = set(table.rows), []
    try:
        for page in table.read():
            read.extend(page.rows)
            for _ in range(data.draw(st.integers(0, 3))):
                if data.draw(st.booleans()) and table.rows:
                    gone = data.draw(st.sampled_from(table.rows))
                    table.rows.remove(gone)
                    staying.discard(gone)
                else:
                    table.rows = sorted({*table.rows, (data.draw(st.integers(0, 40)), data.draw(st.integers(50, 99)))})
    except UnreliableOrderError:
        # The reader goes on in another way, where none of the rows is left that tell the place.
        assert {*read[-4:], read[max(len(read) - 51, 0)]}.isdisjoint(table.rows)
    else:
        assert staying <= set(read)


def test_what_was_inserted_far_in_front_does_not_come_next():
    """The rows sent last have gone, and the first one that is remembered has got another behind it."""
    table = Table([(number, number) for number in range(0, 40, 2)], 2)
    read = []
    for page in table.read():
        read.extend(page.rows)
        if read[-1] == (36, 36):
            table.rows = [(0, 0), (0, 50), *(row for row in table.rows if 2 < row[0] < 30), (38, 38)]
    assert read == [(number, number) for number in range(0, 40, 2)]


def test_a_server_that_does_not_find_its_own_rows_is_noticed():
    """It shows stamps rounded up, and compares with what it has: rows between would be left out without a word."""
    table = Table([(0.6667, 1), (0.6667, 2), (0.6667, 3), (2, 4)], 2, shown=lambda row: (math.ceil(row[0]), row[1]))
    with pytest.raises(UnreliableOrderError):
        list(table.read())


def test_a_last_row_that_has_moved_is_no_reason_to_doubt():
    table = Table([(number, number) for number in range(6)], 3)
    pages = table.read()
    assert next(pages).rows == [(0, 0), (1, 1), (2, 2)]
    table.rows = [(0, 0), (1, 1), (3, 3), (4, 4), (5, 5), (9, 2)]
    assert [row for page in pages for row in page.rows] == [(3, 3), (4, 4), (5, 5), (9, 2)]


@pytest.mark.parametrize("answer", [[(1, 1), (2, 2), (3, 3)], [(2, 2), (3, 3), (1, 1)], [(3, 3), (3, 3), (3, 3)]])
def test_a_server_that_repeats_itself_is_given_up(answer):
    with pytest.raises((MovingListError, UnreliableOrderError, EqualKeysError)):
        list(keyset_pages(lambda _place, _skip: (answer, 3), lambda row: row, Position(after=(3, 3))))


def test_a_server_that_gives_two_pages_by_turns_is_given_up():
    pages = [[(1, 1), (2, 2)], [(3, 3), (4, 4)]]
    requests = count()

    def fetch(_place, _skip):
        number = next(requests)
        assert number < 100, "no end"
        return pages[number % 2], 2

    with pytest.raises((MovingListError, UnreliableOrderError)):
        list(keyset_pages(fetch, lambda row: row, BEGINNING))


def test_a_server_that_gives_one_row_and_says_that_there_are_more_is_given_up():
    with pytest.raises(MovingListError):
        list(keyset_pages(lambda _place, _skip: ([(1, 1)], 1), lambda row: row, Position(after=(1, 1))))


def test_a_page_with_the_last_place_in_its_middle_is_not_taken_for_the_next_one():
    with pytest.raises(MovingListError):
        answer = [(1, 1), (2, 2), (3, 3)], 9
        list(keyset_pages(lambda _place, _skip: answer, lambda row: row, Position(after=(2, 2))))


def test_a_hidden_row_that_is_removed_between_the_last_page_and_the_probe_hides_no_other():
    """The first row behind the page moves to the last place of it, where nobody looks again."""
    rows, hidden = [(number, number) for number in range(200)], {*range(60, 109)}

    def fetch(place, skip):
        found = [row for row in rows if not place or row >= place][skip : skip + 50]
        if place == (59, 59) and not skip:
            rows.remove((70, 70))
        return [row for row in found if row[0] not in hidden], 50

    read = [row for page in keyset_pages(fetch, lambda row: row, BEGINNING) for row in page.rows]
    assert {(number, number) for number in range(200) if number not in hidden} <= {*read}


def test_rows_of_the_last_place_that_come_again_behind_a_hidden_one_are_no_more_rows():
    rows = [(number // 3, number) for number in range(30)]

    def fetch(place, skip):
        found = [row for row in rows if not place or (row[0],) >= place][skip : skip + 50]
        return [row for row in found if row[1] != 28], 50

    read = [row for page in keyset_pages(fetch, lambda row: row[:1], BEGINNING, probe=fetch) for row in page.rows]
    assert read == [row for row in rows if row[1] != 28]
