"""Tests that pages which are requested in advance bring the same rows, and how many are requested."""

from __future__ import annotations

import random
import threading
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
from source_acumatica.reading.end_probes import EndProbes
from source_acumatica.reading.paging import BEGINNING, Page
from source_acumatica.reading.prefetch import ByNumber, Prefetch
from source_acumatica.reading.sent_rows import SentMarks
from unit_tests.erp.test_helpers import Server
from unit_tests.waiting import until

PAGE_ROWS = 4
BY_NUMBER = ByNumber()


def prefetch_of(
    helpers, server, guess=BY_NUMBER, page_rows=PAGE_ROWS, manner=lambda: 0, most_rows=None, end_probes=None
):
    def probe(place):
        return server.fetch(place, page_rows)

    end_probes = end_probes or EndProbes()
    return Prefetch(helpers, guess, server.fetch, probe, end_probes, lambda: page_rows, manner, most_rows)


def read(server, sessions, manner=lambda: 0, helpers=None, page_rows=PAGE_ROWS):
    helpers, end_probes = helpers or Helpers(sessions), EndProbes()
    prefetch = prefetch_of(helpers, server, page_rows=page_rows, manner=manner, end_probes=end_probes)
    with closing(helpers):
        pages = anchored_pages(
            prefetch.fetch, lambda row: (str(row),), BEGINNING, probe=prefetch.probe, end_probes=end_probes
        )
        return [row for page in prefetch.pages(pages) for row in page.rows]


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
    prefetch = prefetch_of(helpers, server)
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
    prefetch = prefetch_of(helpers, server)
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
        until(lambda: not helpers._in_advance)


@given(st.integers(0, 60), st.integers(1, 5), st.sampled_from([(1, PAGE_ROWS), (4, 50)]), st.integers(0, 10**9))
def test_a_list_that_moves_loses_no_row_that_stays(count, sessions, size, seed):
    random_, (times, page_rows) = random.Random(seed), size
    count *= times
    stay = set(range(0, 2 * count, 2))

    def change(rows):
        for _ in range(random_.randrange(3 * times)):
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
    assert stay <= set(read(server, sessions, page_rows=page_rows))


def test_pages_that_were_asked_for_in_another_manner_are_asked_for_again():
    manners = iter(range(10_000))
    server = Server(range(40))
    assert read(server, 1, lambda: next(manners)) == list(range(40))
    assert len(server.asked) > len(set(server.asked))


def test_a_page_at_another_place_than_was_guessed_is_asked_for():
    server, helpers = Server(range(40)), Helpers(1)
    prefetch = prefetch_of(helpers, server)
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
    prefetch = prefetch_of(helpers, server, ByNumber(shared=10), page_rows)
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
    prefetch = prefetch_of(helpers, server, ByNumber(shared), page_rows, most_rows=most_rows)
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


@pytest.mark.parametrize("sessions", [1, 2, 8])
def test_the_last_page_and_the_probe_behind_it_are_under_way_at_once_where_sessions_are_idle(sessions):
    server = Server(range(60), seconds=0.05)
    with closing(Helpers(sessions)) as helpers:
        assert read(server, sessions, helpers=helpers, page_rows=50) == list(range(60))
    # A full page, a short one, the place of its last row, and a probe nearly a page behind that.
    assert {0, 49, 59, 104} <= {*server.asked}
    assert len(server.asked) == 4 if sessions == 1 else len(server.asked) <= 3 + sessions
    assert server.times[104] - server.times[59] > 0.04 if sessions == 1 else server.times[104] - server.times[59] < 0.04


def test_a_probe_that_was_sent_in_advance_is_not_believed_of_another_place_or_time():
    server, helpers = Server(range(60)), Helpers(4)
    end_probes = EndProbes()
    prefetch = prefetch_of(helpers, server, page_rows=50, end_probes=end_probes)

    def pages():
        for place in (0, 49):
            rows = prefetch.fetch(place)[0]
            end_probes.longest = 50
            yield Page(rows, BEGINNING)
        # The probe for 104 is under way; then the list grows, and the reader goes another way.
        until(lambda: 104 in server.asked)
        server.rows = list(range(200))
        prefetch.fetch(55)
        assert prefetch.probe(104)[0] == list(range(104, 154))
        assert prefetch.probe(150)[0] == list(range(150, 200))
        yield Page([], BEGINNING)

    with closing(helpers):
        assert len([*prefetch.pages(pages())]) == 3


def test_where_no_probe_is_due_none_is_sent_in_advance():
    server, helpers, end_probes = Server(range(60)), Helpers(4), EndProbes(are_due=False)
    prefetch = prefetch_of(helpers, server, page_rows=50, end_probes=end_probes)
    with closing(helpers):
        pages = anchored_pages(
            prefetch.fetch, lambda row: (str(row),), BEGINNING, probe=prefetch.probe, end_probes=end_probes
        )
        assert len([row for page in prefetch.pages(pages) for row in page.rows]) == 60
    assert {0, 49, 59} <= {*server.asked} <= {0, 49, 59, 98, 147, 196}


def test_the_refusal_of_a_probe_is_raised_where_it_is_wanted():
    class Refusing(Server):
        def fetch(self, skip, rows):
            if skip == 104:
                raise refusal()
            return super().fetch(skip, rows)

    with pytest.raises(RequestFailed):
        read(Refusing(range(60)), 4, page_rows=50)


class Hiding(Server):
    """Rows below 1,000 are visible; the page at ``held`` is answered after that at ``first`` and a change behind it."""

    def __init__(self, rows, held, first, insert):
        super().__init__(rows)
        self.held, self.first, self.insert, self.has_answered = held, first, insert, threading.Event()

    def fetch(self, skip, rows):
        if skip == self.held and self.insert:
            self.has_answered.wait(5)
            with self.lock:
                self.rows[:0], self.insert = self.insert, []
        page, asked = super().fetch(skip, rows)
        if skip == self.first:
            self.has_answered.set()
        return [row for row in page if row < 1000], asked


@pytest.mark.parametrize("behind", [[], [*range(200, 300)]], ids=["the last row", "others behind"])
@pytest.mark.parametrize(
    ("hidden", "inserted"), [(48, [-1]), (48, [1999]), (40, [*range(-9, 0)])], ids=["visible", "hidden", "several"]
)
def test_a_row_that_moves_from_the_page_to_the_probe_between_their_answers_comes(behind, hidden, inserted):
    """The probe was answered first; then a row in front moves the last one of the page to where the probe had begun."""
    visible = [*range(60), 100]
    rows = [*range(60), *range(1000, 1000 + hidden), 100, *behind]
    server = Hiding(rows, held=59, first=104, insert=inserted)
    assert {*visible, *behind} <= {*read(server, 4, page_rows=50)}
    assert 104 in server.asked


def test_where_rows_are_hidden_no_probe_is_sent_in_advance():
    server = Hiding([number if number % 10 else 1000 + number for number in range(500)], -1, -1, [])
    assert read(server, 4, page_rows=50) == [number for number in range(500) if number % 10]
    assert len(server.asked) < 40


@pytest.mark.parametrize("sessions", [1, 3])
def test_lists_that_are_read_at_once_share_how_many_pages_come_in_advance(sessions):
    helpers, servers = Helpers(sessions), [Server(range(400)) for _ in range(5)]
    with closing(helpers):
        readings = [by_rows(prefetch_of(helpers, server)) for server in servers]
        for _ in range(5):
            for reading in readings:
                next(reading)
        time.sleep(0.01)
        assert sum(len(server.asked) for server in servers) <= 5 * 5 + sessions
        for reading in readings:
            reading.close()


def by_rows(prefetch):
    return prefetch.pages(anchored_pages(prefetch.fetch, lambda row: (str(row),), BEGINNING))
