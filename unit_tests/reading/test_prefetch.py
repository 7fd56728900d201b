"""Tests that pages which are requested in advance bring the same rows, and how many are requested."""

from __future__ import annotations

import time
import weakref
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.erp.helpers import Helpers
from source_acumatica.odata.keyset import keyset_pages
from source_acumatica.reading.anchored import anchored_pages
from source_acumatica.reading.paging import BEGINNING, Page
from source_acumatica.reading.prefetch import ByNumber, Prefetch
from source_acumatica.reading.sent_rows import SentMarks
from unit_tests.erp.test_helpers import Server
from unit_tests.waiting import until

PAGE_ROWS = 4


def read(server, sessions, manner=lambda: 0, helpers=None):
    helpers = helpers or Helpers(sessions)
    prefetch = Prefetch(helpers, ByNumber(), server.fetch, lambda: PAGE_ROWS, manner)
    with closing(helpers):
        pages = prefetch.pages(anchored_pages(prefetch.fetch, lambda row: (str(row),), BEGINNING))
        return [row for page in pages for row in page.rows]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 7, 8, 100])
@pytest.mark.parametrize("sessions", [1, 2, 8])
def test_all_rows_come_once_and_in_order(count, sessions):
    assert read(Server(range(count)), sessions) == list(range(count))


@pytest.mark.parametrize("count", [0, 3, 4, 5, 7, 8, 100])
def test_with_one_session_no_request_is_wasted(count):
    server, alone = Server(range(count)), Server(range(count))
    read(server, sessions=1)
    list(anchored_pages(lambda skip: alone.fetch(skip, PAGE_ROWS), lambda row: (str(row),), BEGINNING))
    assert server.asked == alone.asked
    assert server.most_at_once == 1


def test_more_sessions_are_used_by_one_list_and_not_more_than_there_are():
    server = Server(range(300), seconds=0.005)
    read(server, sessions=4)
    assert server.most_at_once == 4
    # No place was asked for twice, and behind the end at most as many as could be under way.
    behind = [skip for skip in server.asked if skip >= 300]
    assert len(server.asked) - len(behind) == len({*server.asked} - {*behind})
    assert len(behind) <= 5


@pytest.mark.parametrize("sessions", [1, 4])
def test_no_more_pages_wait_to_be_processed_than_there_are_sessions(sessions):
    server, helpers = Server(range(400)), Helpers(sessions)
    prefetch = Prefetch(helpers, ByNumber(), server.fetch, lambda: PAGE_ROWS, lambda: 0)
    with closing(helpers):
        pages = prefetch.pages(anchored_pages(prefetch.fetch, lambda row: (str(row),), BEGINNING))
        for taken, _page in enumerate(pages, start=1):
            time.sleep(0.002)
            assert len(server.asked) <= taken + sessions


class Undecoded(Server):
    """A server whose pages are decoded only when they are needed; it notes how many rows are alive by then."""

    def __init__(self, rows, helpers):
        super().__init__(rows)
        self.helpers, self.alive, self.most_alive = helpers, weakref.WeakSet(), 0

    def fetch(self, skip, rows):
        page, asked = super().fetch(skip, rows)
        self.helpers.until_needed()
        self.most_alive = max(self.most_alive, len(self.alive))
        decoded = [Row(number) for number in page]
        self.alive.update(decoded)
        return decoded, asked


class Row:
    def __init__(self, number):
        self.number = number


def by_number(helpers, server):
    prefetch = Prefetch(helpers, ByNumber(), server.fetch, lambda: PAGE_ROWS, lambda: 0)
    return prefetch.pages(
        anchored_pages(prefetch.fetch, lambda row: (str(row.number),), BEGINNING, sent_marks=SentMarks())
    )


def by_keyset(helpers, server):
    def behind(place, skip):
        return server.fetch(place[0] + skip if place else 0, PAGE_ROWS)

    return keyset_pages(behind, lambda row: (row.number,), BEGINNING)


@pytest.mark.parametrize("pages_of", [by_number, by_keyset])
@pytest.mark.parametrize("sessions", [1, 3])
def test_the_rows_of_a_page_are_gone_before_the_next_one_is_decoded(pages_of, sessions):
    helpers = Helpers(sessions)
    server, numbers = Undecoded(range(60), helpers), []
    with closing(helpers):
        for page in pages_of(helpers, server):
            numbers += [row.number for row in page.rows]
            del page
    assert numbers == list(range(60))
    # The last row of all is what the end is told by.
    assert server.most_alive <= 1


def test_a_reading_that_ends_early_leaves_no_answer_waiting():
    helpers = Helpers(3)
    server = Undecoded(range(400), helpers)
    with closing(helpers):
        pages = by_number(helpers, server)
        for _, page in zip(range(3), pages, strict=False):
            assert page.rows
        pages.close()
        until(lambda: not helpers._demands)


@given(st.integers(0, 60), st.integers(1, 5), st.randoms(use_true_random=False), st.data())
def test_a_list_that_moves_loses_no_row_that_stays(count, sessions, random_, data):
    stay = set(range(0, 2 * count, 2))

    def change(rows):
        for _ in range(random_.randrange(3)):
            odd = random_.randrange(-1, 2 * count, 2)
            if odd in rows:
                rows.remove(odd)
            else:
                rows.append(odd)
                rows.sort()
        changes.append(1)
        if len(changes) > 40:
            server.change = None

    changes = []
    server = Server(sorted(stay), change)
    assert stay <= set(read(server, sessions))


def test_pages_that_were_asked_for_in_another_manner_are_asked_for_again():
    manners = iter(range(10_000))
    server = Server(range(40))
    assert read(server, 1, lambda: next(manners)) == list(range(40))
    assert len(server.asked) > len(set(server.asked))


def test_a_page_at_another_place_than_was_guessed_is_asked_for():
    server, helpers = Server(range(40)), Helpers(1)
    prefetch = Prefetch(helpers, ByNumber(), server.fetch, lambda: PAGE_ROWS, lambda: 0)
    with closing(helpers):
        pages = prefetch.pages(Page(prefetch.fetch(place)[0], BEGINNING) for place in (0, 7, 10))
        assert [page.rows[0] for page in pages] == [0, 7, 10]
    assert server.asked == [0, 3, 7, 10]


def refusal():
    return RequestFailed(Problem(Action.STOP, None, "refused"), "Tenant 'A'")


@pytest.mark.parametrize("refused", [0, 3, 9])
def test_the_refusal_of_a_page_is_raised_where_the_page_is_wanted(refused):
    class Refusing(Server):
        refusals = 0

        def fetch(self, skip, rows):
            if skip == refused:
                self.refusals += 1
                raise refusal()
            return super().fetch(skip, rows)

    server = Refusing(range(30))
    with pytest.raises(RequestFailed):
        read(server, 4)
    assert server.refusals == 1


def test_the_refusal_of_a_page_behind_the_end_does_not_fail_the_list():
    class Refusing(Server):
        def fetch(self, skip, rows):
            if skip > 40:
                raise refusal()
            return super().fetch(skip, rows)

    assert read(Refusing(range(30)), 8) == list(range(30))


def test_without_seats_nothing_is_sent_that_may_be_in_vain():
    helpers, server = Helpers(8), Server(range(100), seconds=0.002)
    helpers.lack_seats(60)
    assert read(server, 8, helpers=helpers) == list(range(100))
    assert server.most_at_once == 1


@pytest.mark.parametrize("page_rows", [2, 3, 10, 11, 30])
def test_pages_smaller_than_what_they_share_with_others_are_asked_for_further_on(page_rows):
    """Rows that may be alike are asked for again; where a gateway takes few at once, that is nearly all of them."""
    server, helpers = Server(range(60)), Helpers(3)
    prefetch = Prefetch(helpers, ByNumber(shared=10), server.fetch, lambda: page_rows, lambda: 0)
    with closing(helpers):
        pages = prefetch.pages(
            anchored_pages(prefetch.fetch, lambda row: (str(row),), BEGINNING, sent_marks=SentMarks(), is_unique=False)
        )
        assert [row for page in pages for row in page.rows] == list(range(60))
    assert min(server.asked) == 0
    assert len(server.asked) < 400


def part(server, most_rows, sessions, page_rows=400, shared=1):
    """How many rows came when about so many were wanted, by a reader that stops there."""
    helpers = Helpers(sessions)
    prefetch = Prefetch(helpers, ByNumber(shared), server.fetch, lambda: page_rows, lambda: 0, most_rows)
    count = 0
    with closing(helpers):
        for page in prefetch.pages(anchored_pages(prefetch.fetch, lambda row: (str(row),), BEGINNING)):
            count += len(page.rows)
            if count >= most_rows:
                break
    return count


@pytest.mark.parametrize("sessions", [1, 2, 8])
def test_where_a_part_is_wanted_hardly_more_is_requested(sessions):
    server = Server(range(10_000))
    assert 1000 <= part(server, 1000, sessions) <= 1000 + 25
    assert len(server.asked) == 3


@pytest.mark.parametrize("sessions", [1, 8])
def test_where_less_than_a_page_is_wanted_one_request_is_sent(sessions):
    server = Server(range(10_000))
    assert part(server, 3, sessions) == 25
    assert server.asked == [0]


def test_where_rows_may_be_alike_pages_stay_long():
    server = Server(range(10_000))
    assert part(server, 3, 1, shared=10) == 400
    assert server.asked == [0]


def test_a_server_that_gives_less_than_is_asked_for_is_asked_on_from_where_its_pages_end():
    class Capped(Server):
        def fetch(self, skip, rows):
            page, _ = super().fetch(skip, min(rows, 3))
            # A link to the next page says that this one was cut.
            return page, len(page) if skip + len(page) < 60 else rows

    server = Capped(range(60))
    assert read(server, 4) == list(range(60))
    # Two new rows in each, and behind the first one and the end some that were guessed.
    assert len(server.asked) <= 30 + 2 * 4
