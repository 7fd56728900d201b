"""Tests the reading of inquiries and tables against rows that behave as those of a feed."""

from __future__ import annotations

import itertools
import logging
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import replace

import pytest
from airbyte_cdk.models import FailureType
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica import paging
from source_acumatica.config import Config
from source_acumatica.cursor import Window
from source_acumatica.doors import FeedPage
from source_acumatica.entity import FieldKind, utc_instant
from source_acumatica.errors import Next, Problem, RequestFailed
from source_acumatica.feed_reader import FeedReader
from source_acumatica.feeds import FeedDoor, FeedTable

STAMP = "LastModifiedDateTime"
FIELDS = {"Id": FieldKind.INTEGER, "Class": FieldKind.STRING, STAMP: FieldKind.DATE_TIME}
TABLE = FeedTable(FeedDoor.TABLES, "T", "T", FIELDS, ("Id",))
INQUIRY = FeedTable(FeedDoor.INQUIRIES, "I", "I", FIELDS, ("Class",))
EVER = Window(None, "2026-12-01T00:00:00.000000Z")
CHANGED = Window("2026-11-10T00:00:00.000000Z", "2026-11-20T00:00:00.000000Z")


def a_row(number, day=None, group="A"):
    return {"Id": number, "Class": group, STAMP: day and f"2026-11-{day:02d}T00:00:00Z"}


def settings(**more):
    least = {
        "instance_url": "https://x",
        "tenants": ["A"],
        "client_id": "c",
        "client_secret": "hidden-1",
        "username": "u",
    }
    return Config.parse({**least, "password": "hidden-2", "max_page_size": 3, **more})


def refusal(next_=Next.CLIMB_DOWN, sentence="refused"):
    return RequestFailed(Problem(next_, FailureType.transient_error, sentence))


class AtOnce:
    """Sends at once what is to be sent ahead."""

    is_idle = False
    sessions = 1

    def submit(self, task):
        future = Future()
        try:
            future.set_result(task())
        except RequestFailed as error:
            future.set_exception(error)
        return future

    def busy(self):
        return nullcontext()


class Feed:
    """Rows that are asked for by plan, window and page token; ``refuses`` says which requests fail."""

    def __init__(self, rows, table=TABLE, refuses=lambda _plan, _token: None, cap=None):
        self.rows, self.table, self.refuses, self.cap, self.tokens = list(rows), table, refuses, cap, []

    def __call__(self, window, token):
        plan = token["plan"]
        self.tokens.append(token)
        refused = self.refuses(plan, token)
        if refused:
            raise refused
        found = [row for row in self.rows if self._passes(row, window, token)]
        found.sort(key=lambda row: [(row[name] is not None, row[name]) for name in plan.order])
        found = found[token.get("skip", 0) :]
        top = token.get("top", len(found))
        cut = min(top, self.cap or top)
        return FeedPage(found[:cut], 100, "more" if cut < min(top, len(found)) else None)

    def _passes(self, row, window, token):
        plan, stamp = token["plan"], utc_instant(row[STAMP])
        if "at" in token:
            return row["Id"] == token["at"][-1]
        if plan.filters and window.since and not (stamp and window.since <= stamp < window.until):
            return False
        if (
            plan.filters
            and not window.since
            and STAMP in plan.order
            and (stamp is None) != token.get("is_unstamped", False)
        ):
            return False
        place = tuple(utc_instant(row[name]) if name == STAMP else row[name] for name in plan.order)
        after = token.get("after") or ()
        pairs = [(one, other) for one, other in zip(place, after, strict=False) if other is not None]
        return not after or tuple(one for one, _ in pairs) >= tuple(other for _, other in pairs)

    def reader(self, *, is_incremental=True, **more):
        return FeedReader("A", settings(**more), self.table, self, AtOnce(), is_incremental)


def ids(pages):
    return [row["Id"] for page in pages for row in page.rows]


ROWS = [a_row(number, day) for number, day in enumerate([5, None, 5, 12, None, 3, 15, None, 5, None, 18, 12])]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(paging, "FIRST_PAGE_ROWS", 3)


def test_rows_without_a_stamp_come_first_and_all_others_in_the_order_of_time():
    assert ids(Feed(ROWS).reader().pages(EVER)) == [1, 4, 7, 9, 5, 0, 2, 8, 3, 11, 6, 10]


def test_a_reading_goes_on_from_every_page_of_it():
    pages = list(Feed(ROWS).reader().pages(EVER))
    everything = ids(pages)
    for number, page in enumerate(pages):
        window = Window.of_state(Window(EVER.since, EVER.until, page.position).as_state())
        done = len(ids(pages[: number + 1]))
        assert ids(Feed(ROWS).reader().pages(window)) == everything[done:]


def test_of_a_window_only_its_rows_come():
    feed = Feed(ROWS)
    reader = feed.reader()
    assert ids(reader.pages(CHANGED)) == [3, 11, 6, 10]
    assert reader.is_filtered(CHANGED)


def test_a_full_refresh_goes_by_key():
    assert ids(Feed(ROWS).reader(is_incremental=False).pages(EVER)) == list(range(12))


@pytest.mark.parametrize("cap", [2, 3, 50])
def test_a_server_that_gives_less_than_is_asked_for_is_asked_on(cap):
    assert sorted(ids(Feed(ROWS, cap=cap).reader(max_page_size=8).pages(EVER))) == list(range(12))


@given(st.data())
def test_no_row_that_stays_is_missed_while_others_change(data):
    """Whatever changes is stamped later than all before it."""
    feed, staying, minutes = Feed(ROWS), set(range(12)), itertools.count()
    read = []
    for page in feed.reader().pages(EVER):
        read += [row["Id"] for row in page.rows]
        for _ in range(data.draw(st.integers(0, 2))):
            at = data.draw(st.integers(0, len(feed.rows) - 1))
            if data.draw(st.booleans()) and len(feed.rows) > 3:
                staying.discard(feed.rows.pop(at)["Id"])
            else:
                stamp = f"2026-11-20T00:{next(minutes):02d}:00Z"
                feed.rows[at] = {**feed.rows[at], STAMP: stamp}
    assert staying <= set(read)


# ------------------------------------------------------------------------------------------ what the ERP does not bear


def by_time_is_refused(plan, _token):
    return refusal() if STAMP in plan.order else None


def test_where_the_order_of_time_is_refused_it_goes_by_key_and_says_so(caplog):
    assert ids(Feed(ROWS, refuses=by_time_is_refused).reader().pages(EVER)) == list(range(12))
    assert "stream dac__T: refused. Reading ordered by Id." in caplog.text


def test_where_no_filter_is_borne_all_rows_come_and_the_log_says_so(caplog):
    feed = Feed(ROWS, refuses=lambda plan, _token: refusal() if plan.filters else None)
    reader = feed.reader()
    assert ids(reader.pages(CHANGED)) == list(range(12))
    assert not reader.is_filtered(CHANGED)
    assert "all rows instead of the changed ones" in caplog.text


def test_where_nothing_is_borne_the_first_refusal_is_the_error():
    with pytest.raises(RequestFailed, match="refused"):
        list(Feed(ROWS, refuses=lambda *_: refusal()).reader().pages(EVER))


def test_a_refusal_that_passes_does_not_change_the_way_nor_start_anew(caplog):
    caplog.set_level(logging.WARNING, "airbyte")
    failures = [refusal()]
    feed = Feed(ROWS, refuses=lambda _plan, token: failures.pop() if failures and token.get("after") else None)
    assert ids(feed.reader().pages(EVER)) == [1, 4, 7, 9, 5, 0, 2, 8, 3, 11, 6, 10]
    assert caplog.messages == []


def test_what_the_user_has_to_mend_is_not_tried_otherwise():
    closed = RequestFailed(Problem(Next.STOP, FailureType.config_error, "closed", status=403))
    feed = Feed(ROWS, refuses=lambda *_: closed)
    with pytest.raises(RequestFailed, match="closed"):
        list(feed.reader().pages(EVER))
    assert len(feed.tokens) == 1


def test_fewer_rows_are_asked_for_where_the_answer_takes_too_long():
    slow = refusal(Next.FEWER_ROWS, "slow")
    feed = Feed(ROWS, refuses=lambda _plan, token: slow if token.get("top", 0) > 2 else None)
    assert sorted(ids(feed.reader().pages(EVER))) == list(range(12))
    with pytest.raises(RequestFailed, match="slow"):
        list(Feed(ROWS, refuses=lambda *_: slow).reader().pages(EVER))


def test_stamps_that_the_server_does_not_find_again_lead_to_the_order_of_keys(caplog):
    """It shows them rounded up, and compares with what it has: by time, rows would be left out without a word."""

    class Rounding(Feed):
        def __call__(self, window, token):
            page = super().__call__(window, token)
            return FeedPage([{**row, STAMP: row[STAMP].replace("00:00Z", "00:01Z")} for row in page.rows], 100, None)

    feed = Rounding([a_row(number, 5) for number in range(8)])
    assert sorted(set(ids(feed.reader().pages(EVER)))) == list(range(8))
    assert "does not find its own rows by the values that it shows. Reading ordered by Id." in caplog.text


# ----------------------------------------------------------------------------------------------------------- inquiries


def test_an_inquiry_whose_keys_turn_out_not_to_tell_rows_apart_is_read_by_all_columns(caplog):
    rows = [a_row(number, 5, group="AB"[number % 2]) for number in range(9)]
    feed = Feed(rows, INQUIRY)
    assert sorted(set(ids(feed.reader().pages(EVER)))) == list(range(9))
    assert "several rows have the same Class" in caplog.text
    assert feed.tokens[-1]["plan"].order == ("Class", "Id", STAMP)


def test_columns_that_cannot_be_ordered_by_are_left_out_of_the_order():
    rows = [a_row(number, 5, group="AB"[number % 2]) for number in range(9)]
    feed = Feed(rows, INQUIRY, refuses=lambda plan, _token: refusal() if STAMP in plan.order else None)
    assert sorted(set(ids(feed.reader().pages(EVER)))) == list(range(9))
    assert feed.tokens[-1]["plan"].order == ("Class", "Id")


def test_an_inquiry_that_cannot_be_ordered_at_all_comes_in_one_answer(caplog):
    feed = Feed(ROWS, INQUIRY, refuses=lambda plan, _token: refusal() if plan.order else None)
    assert sorted(ids(feed.reader().pages(EVER))) == list(range(12))
    assert feed.tokens[-1].keys() == {"plan"}
    assert "in one answer" in caplog.text


def test_keys_that_are_not_unique_and_the_only_columns_to_order_by_are_no_endless_loop():
    rows = [a_row(number, 5) for number in range(5)]
    feed = Feed(rows, INQUIRY, refuses=lambda plan, _token: refusal() if {*plan.order} - {"Class"} else None)
    assert sorted(set(ids(feed.reader().pages(EVER)))) == list(range(5))


def test_an_inquiry_that_is_known_to_have_no_key_is_read_by_all_columns_from_the_first_page_on(caplog):
    rows = [a_row(number, 5, group="AB"[number % 2]) for number in range(9)]
    feed = Feed(rows, replace(INQUIRY, are_keys_unique=False))
    assert sorted(set(ids(feed.reader().pages(EVER)))) == list(range(9))
    assert {token["plan"].order for token in feed.tokens} == {("Class", "Id", STAMP)}
    assert "several rows have the same" not in caplog.text
