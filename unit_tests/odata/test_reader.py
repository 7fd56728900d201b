"""Tests the reading of inquiries and tables against rows that behave as those of a feed."""

from __future__ import annotations

import itertools
import math
import re
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import replace

import pytest
from airbyte_cdk.models import FailureType
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.config import Config
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.odata import reader as feed_reader
from source_acumatica.odata.pages import ODataPage
from source_acumatica.odata.reader import ODataReader
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading import page_size
from source_acumatica.reading.fields import FieldKind, utc_instant
from source_acumatica.reading.paging import Position
from source_acumatica.reading.window import Window

STAMP = "LastModifiedDateTime"
FIELDS = {"Id": FieldKind.INTEGER, "Class": FieldKind.STRING, STAMP: FieldKind.DATE_TIME}
TABLE = ODataTable(ODataFeed.TABLES, "T", "T", FIELDS, ("Id",))
INQUIRY = ODataTable(ODataFeed.INQUIRIES, "I", "I", FIELDS, ("Class",))
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


def refusal(next_=Action.CLIMB_DOWN, sentence="refused", status=0):
    return RequestFailed(Problem(next_, FailureType.transient_error, sentence, status=status))


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


class EntitySet:
    """Rows that are asked for by plan, window and page token; ``refuses`` says which requests fail."""

    def __init__(self, rows, table=TABLE, refuses=lambda _plan, _token: None, cap=None):
        self.rows, self.table, self.refuses, self.cap, self.tokens = list(rows), table, refuses, cap, []
        self.links = []

    def __call__(self, window, token):
        self.tokens.append(token)
        if "link" in token:
            window, token = self.links[token["link"]]
        plan = token["plan"]
        refused = self.refuses(plan, token)
        if refused:
            raise refused
        found = [row for row in self.rows if self._passes(row, window, token)]
        found.sort(key=lambda row: [(row[name] is not None, row[name]) for name in plan.order])
        found = found[token.get("skip", 0) :]
        top = token.get("top", len(found))
        cut = min(top, self.cap or top)
        if cut >= min(top, len(found)):
            return ODataPage(found[:cut], 100, None)
        self.links.append((window, {**token, "skip": token.get("skip", 0) + cut, "top": top - cut}))
        return ODataPage(found[:cut], 100, len(self.links) - 1)

    def _passes(self, row, window, token):
        plan, stamp = token["plan"], utc_instant(row[STAMP])
        if plan.filters and window.since and not (stamp >= window.since if stamp else plan.with_null):
            return False
        place = tuple(utc_instant(row[name]) if name == STAMP else row[name] for name in plan.order)
        return not token.get("after") or place >= token["after"]

    def reader(self, *, is_incremental=True, facts=None, **more):
        self.waits, self.facts = [], Known() if facts is None else facts
        more = settings(**more)
        return ODataReader("A", more, self.table, self, AtOnce(), self.facts, self.waits.append, is_incremental)


class Known(set):
    """What is known of a list."""

    has_unstamped = is_first = False
    knows = remembers = set.__contains__
    learn = set.add
    forget = set.discard


def ids(pages):
    return [row["Id"] for page in pages for row in page.rows]


ROWS = [a_row(number, day) for number, day in enumerate([5, None, 5, 12, None, 3, 15, None, 5, None, 18, 12])]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(page_size, "FIRST_PAGE_ROWS", 3)


@pytest.mark.parametrize("is_incremental", [True, False])
def test_a_table_is_read_in_the_order_of_its_keys(is_incremental):
    entity_set = EntitySet(ROWS)
    assert ids(entity_set.reader(is_incremental=is_incremental).pages(EVER)) == list(range(12))
    assert {token["plan"].order for token in entity_set.tokens} == {("Id",)}


def test_a_reading_goes_on_from_every_page_of_it():
    pages = list(EntitySet(ROWS).reader().pages(EVER))
    everything = ids(pages)
    for number, page in enumerate(pages):
        window = Window.of_state(Window(EVER.since, EVER.until, page.position).as_state())
        done = len(ids(pages[: number + 1]))
        assert ids(EntitySet(ROWS).reader().pages(window)) == everything[done:]


def test_of_a_window_only_its_rows_come_and_those_without_a_stamp():
    entity_set = EntitySet(ROWS)
    reader = entity_set.reader()
    assert ids(reader.pages(CHANGED)) == [1, 3, 4, 6, 7, 9, 10, 11]
    assert reader.is_filtered(CHANGED)


def test_where_nobody_can_ask_for_rows_without_a_stamp_the_changed_ones_come_all_the_same(caplog):
    entity_set = EntitySet(ROWS, refuses=lambda plan, _token: refusal(status=400) if plan.with_null else None)
    reader = entity_set.reader()
    assert ids(reader.pages(CHANGED)) == [3, 6, 10, 11]
    assert caplog.messages == []
    entity_set = EntitySet(ROWS, refuses=entity_set.refuses)
    known = Known()
    known.has_unstamped = True
    assert ids(entity_set.reader(facts=known).pages(CHANGED)) == [3, 6, 10, 11]
    assert "Those do not arrive but with a full refresh" in caplog.text


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


# ------------------------------------------------------------------------------------------ what the ERP does not bear


def test_where_no_filter_is_borne_all_rows_come_and_the_log_says_so(caplog):
    entity_set = EntitySet(ROWS, refuses=lambda plan, _token: refusal() if plan.filters else None)
    reader = entity_set.reader()
    assert ids(reader.pages(CHANGED)) == list(range(12))
    assert not reader.is_filtered(CHANGED)
    assert "all rows instead of the changed ones" in caplog.text


def test_where_nothing_is_borne_the_first_refusal_is_the_error():
    with pytest.raises(RequestFailed, match="refused"):
        list(EntitySet(ROWS, refuses=lambda *_: refusal()).reader().pages(EVER))


@pytest.mark.parametrize("is_incremental", [True, False])
@pytest.mark.parametrize("failures", range(1, 6))
def test_a_refusal_in_mid_list_that_passes_does_not_change_the_way_nor_start_anew(failures, is_incremental):
    left = [refusal()] * failures
    entity_set = EntitySet(ROWS, refuses=lambda _plan, token: left.pop() if left and token.get("after") else None)
    assert ids(entity_set.reader(is_incremental=is_incremental).pages(EVER)) == list(range(12))
    assert entity_set.waits == list(range(1, failures + 1)), "with pauses that grow"
    assert len({token["plan"] for token in entity_set.tokens}) == 1


def _behind_the_first_page(_plan, token):
    return refusal() if token.get("after") or token.get("skip") else None


@pytest.mark.parametrize("table", [TABLE, INQUIRY, replace(INQUIRY, are_keys_unique=False)], ids=str)
def test_a_refusal_in_mid_list_that_stays_ends_the_reading_and_nothing_goes_out_twice(table):
    entity_set = EntitySet(
        ROWS, table, refuses=lambda _plan, token: refusal() if token.get("after") or token.get("skip") else None
    )
    read = []
    with pytest.raises(RequestFailed, match="refused"):
        for page in entity_set.reader(is_incremental=False).pages(EVER):
            read += [row["Id"] for row in page.rows]
    assert len(read) == len(set(read)) <= 12


@pytest.mark.parametrize("failures", [1, 2])
def test_a_first_page_that_is_refused_once_or_twice_is_asked_for_in_the_same_way(failures):
    left = [refusal()] * failures
    entity_set = EntitySet(
        ROWS, refuses=lambda plan, token: left.pop() if left and plan.order and "top" in token else None
    )
    assert sorted(ids(entity_set.reader().pages(CHANGED))) == [1, 3, 4, 6, 7, 9, 10, 11]
    assert all(token["plan"].filters for token in entity_set.tokens if token["plan"].order)


def test_what_the_user_has_to_mend_is_not_tried_otherwise():
    closed = RequestFailed(Problem(Action.STOP, FailureType.config_error, "closed", status=403))
    entity_set = EntitySet(ROWS, refuses=lambda *_: closed)
    with pytest.raises(RequestFailed, match="closed"):
        list(entity_set.reader().pages(EVER))
    assert len(entity_set.tokens) == 1


def test_fewer_rows_are_asked_for_where_the_answer_takes_too_long():
    slow = refusal(Action.FEWER_ROWS, "slow")
    entity_set = EntitySet(ROWS, refuses=lambda _plan, token: slow if token.get("top", 0) > 2 else None)
    assert sorted(ids(entity_set.reader().pages(EVER))) == list(range(12))
    with pytest.raises(RequestFailed, match="slow"):
        list(EntitySet(ROWS, refuses=lambda *_: slow).reader().pages(EVER))


@pytest.mark.parametrize("is_incremental", [True, False])
def test_keys_that_the_server_does_not_find_again_lead_to_places_by_number(is_incremental, caplog):
    """It shows them rounded up, and compares with what it has: by value, rows would be left out without a word."""
    table = replace(TABLE, fields={**FIELDS, "Id": FieldKind.DECIMAL})

    class Rounding(EntitySet):
        def __call__(self, window, token):
            page = super().__call__(window, token)
            return ODataPage([{**row, "Id": math.ceil(row["Id"] * 2) / 2} for row in page.rows], 100, None)

    entity_set = Rounding([a_row(number, 5) for number in (0, 1, 2.1, 2.3, 2.6, 4, 5.2, 5.7, 9)], table)
    read = ids(entity_set.reader(is_incremental=is_incremental).pages(EVER))
    assert read == [0, 1, 2.5, 2.5, 3, 4, 5.5, 6, 9]
    assert "does not find its own rows by the values that it shows. Reading ordered by Id." in caplog.text


def _failure():
    return RequestFailed(Problem(Action.STOP, FailureType.system_error, "failed", status=500))


@pytest.mark.parametrize("is_incremental", [True, False])
def test_keys_that_make_the_erp_fail_lead_to_places_by_number(is_incremental, caplog):
    entity_set = EntitySet(ROWS, refuses=lambda _plan, token: _failure() if token.get("after") else None)
    assert ids(entity_set.reader(is_incremental=is_incremental).pages(EVER)) == list(range(12))
    assert "failed, when asked for rows by their keys. Reading ordered by Id." in caplog.text


@pytest.mark.parametrize("is_incremental", [True, False])
def test_a_row_that_makes_the_erp_fail_is_not_blamed_on_the_keys(is_incremental):
    def refuses(plan, token):
        first = token["after"][0] if token.get("after") else token.get("skip", 0)
        return _failure() if first <= 7 < first + token["top"] else None

    entity_set = EntitySet(ROWS, refuses=refuses)
    read = []
    with pytest.raises(RequestFailed, match="failed"):
        for page in entity_set.reader(is_incremental=is_incremental).pages(EVER):
            read += [row["Id"] for row in page.rows]
    assert read == list(range(len(read)))
    assert all(token["plan"].is_keyset for token in entity_set.tokens[:-1])


def test_a_list_that_was_left_by_number_is_gone_on_with_by_number():
    entity_set = EntitySet(ROWS)
    position = Position(6, (("4",), ("5",)), list_name="all, number: Id")
    assert ids(entity_set.reader().pages(Window(None, EVER.until, position))) == list(range(6, 12))
    assert not any(token["plan"].is_keyset for token in entity_set.tokens)


def test_a_place_of_another_list_is_worth_nothing():
    entity_set = EntitySet(ROWS)
    position = Position(6, after=(5,), list_name="changed, keyset: Gone")
    assert ids(entity_set.reader().pages(Window(None, EVER.until, position))) == list(range(12))


@pytest.mark.parametrize("table", [TABLE, INQUIRY], ids=["table", "inquiry"])
def test_a_filter_that_hides_rows_is_not_believed_for_longer_than_a_day(table, caplog):
    class Silent(EntitySet):
        def __call__(self, window, token):
            page = super().__call__(window, token)
            return ODataPage([], 100, None) if token["plan"].filters and window.since else page

    known = Known({"filter_works"})
    assert ids(Silent(ROWS, table).reader(facts=known).pages(CHANGED)) == []
    known.clear()
    assert sorted(set(ids(Silent(ROWS, table).reader(facts=known).pages(CHANGED)))) == list(range(12))
    assert "answers a filter by LastModifiedDateTime with no rows, although there are some" in caplog.text


class Forgetful(EntitySet):
    """Gives no rows from the beginning of the list on, at these requests for them."""

    empty = ()
    times = 0

    def __call__(self, window, token):
        page = super().__call__(window, token)
        if token.get("skip") or token.get("after"):
            return page
        self.times += 1
        return ODataPage([], 100, None) if self.times in self.empty else page


@pytest.mark.parametrize("table", [TABLE, INQUIRY], ids=["table", "inquiry"])
@pytest.mark.parametrize("empty", [(1,), (1, 3), range(1, 100, 2)], ids=["once", "twice", "always"])
@pytest.mark.parametrize("rows", [ROWS, ROWS[:2]], ids=["rows behind the page", "no rows behind it"])
def test_a_list_that_begins_without_rows_is_not_believed_where_it_has_some(table, empty, rows):
    entity_set = Forgetful(rows, table)
    entity_set.empty = empty
    try:
        read = sorted(ids(entity_set.reader(is_incremental=False).pages(EVER)))
    except RequestFailed as error:
        assert len(empty) > 2
        assert re.search("a list without rows|repeats the same rows|has no rows any more", error.message)
    else:
        assert read == [row["Id"] for row in rows]


def test_changes_in_front_of_others_are_not_lost_where_the_first_answer_has_none():
    entity_set = Forgetful([a_row(number, 12) for number in range(12)])
    entity_set.empty = (1,)
    assert ids(entity_set.reader().pages(CHANGED)) == list(range(12))


def test_a_filter_that_has_nothing_to_bring_is_asked_about_once():
    entity_set = EntitySet([row for row in ROWS if row[STAMP]])
    reader = entity_set.reader()
    later = Window("2026-11-29T00:00:00.000000Z", "2026-11-30T00:00:00.000000Z")
    assert ids(reader.pages(later)) == []
    assert "filter_works" in entity_set.facts
    asked = len(entity_set.tokens)
    assert ids(reader.pages(later)) == []
    assert len(entity_set.tokens) - asked <= 2


def test_rows_with_one_key_are_all_read_and_each_once():
    rows = [{**a_row(number // 3, 5), "Class": str(number)} for number in range(20)]
    read = [
        row["Class"]
        for page in EntitySet(rows).reader(is_incremental=False, max_page_size=4).pages(EVER)
        for row in page.rows
    ]
    assert sorted(read, key=int) == [str(number) for number in range(20)]


def test_more_rows_with_one_key_than_a_page_can_have_end_the_reading():
    rows = [{**a_row(1, 5), "Class": str(number)} for number in range(9)]
    with pytest.raises(RequestFailed, match="more rows than fit into a page of 3 have the same Id"):
        list(EntitySet(rows).reader(is_incremental=False).pages(EVER))


# ----------------------------------------------------------------------------------------------------------- inquiries


def test_an_inquiry_whose_keys_turn_out_not_to_tell_rows_apart_is_read_once_and_the_user_is_told(caplog):
    rows = [a_row(number, 5, group="ABC"[number % 3]) for number in range(9)]
    entity_set = EntitySet(rows, INQUIRY)
    reader = entity_set.reader(is_incremental=False)
    assert sorted(ids(reader.pages(EVER))) == list(range(9))
    assert "several rows have the same Class" in caplog.text
    assert reader.repeated_key == ("Class",)


@pytest.fixture
def no_larger_pages(monkeypatch):
    """A group of rows with one key has to fit into a page of three."""
    monkeypatch.setattr(feed_reader, "SMALL_PAGE_ROWS", 0)


@pytest.mark.parametrize("is_incremental", [True, False])
def test_rows_with_one_key_that_do_not_fit_into_a_page_are_read_in_a_finer_order(
    is_incremental, no_larger_pages, caplog
):
    rows = [a_row(number, 5, group="AB"[number % 2]) for number in range(9)]
    entity_set = EntitySet(rows, INQUIRY)
    reader = entity_set.reader(is_incremental=is_incremental)
    assert sorted(ids(reader.pages(EVER))) == list(range(9))
    assert "more rows than fit into a page of 3 have the same Class. Reading ordered by Class, Id" in caplog.text
    assert entity_set.tokens[-1]["plan"].order == ("Class", "Id", STAMP)


def test_a_key_that_fills_a_page_repeats_although_no_page_shows_two_rows_of_it(no_larger_pages):
    rows = [a_row(number, 5, group="AB"[number % 2]) for number in range(9)]
    reader = EntitySet(rows, INQUIRY).reader(max_page_size=2)
    known = [reader.repeated_key for _page in reader.pages(EVER)]
    assert known
    assert set(known) == {("Class",)}


def test_columns_that_cannot_be_ordered_by_are_left_out_of_the_order(no_larger_pages):
    rows = [a_row(number, 5, group="AB"[number % 2]) for number in range(9)]
    entity_set = EntitySet(rows, INQUIRY, refuses=lambda plan, _token: refusal() if STAMP in plan.order else None)
    assert sorted(ids(entity_set.reader(is_incremental=False).pages(EVER))) == list(range(9))
    assert entity_set.tokens[-1]["plan"].order == ("Class", "Id")


@pytest.mark.parametrize("count", [4, 9, 40])
def test_rows_that_are_the_same_in_everything_all_come(count, no_larger_pages):
    entity_set = EntitySet([a_row(1, 5)] * count, INQUIRY)
    assert len(ids(entity_set.reader(is_incremental=False).pages(EVER))) == count


def test_rows_that_differ_only_in_what_cannot_order_them_are_no_gap(no_larger_pages):
    """Among those SQL promises no order, so that two pages of them may leave some out."""
    rows = [{**a_row(1, 5), "Class": "A", "Label": str(number)} for number in range(9)]
    table = replace(INQUIRY, fields={**FIELDS, "Label": FieldKind.STRING})
    entity_set = EntitySet(rows, table, refuses=lambda plan, _token: refusal() if "Label" in plan.order else None)
    with pytest.raises(RequestFailed, match="cannot be told apart"):
        list(entity_set.reader(is_incremental=False).pages(EVER))


def test_an_inquiry_that_cannot_be_ordered_at_all_comes_in_one_answer(caplog):
    entity_set = EntitySet(ROWS, INQUIRY, refuses=lambda plan, _token: refusal() if plan.order else None)
    assert sorted(ids(entity_set.reader().pages(EVER))) == list(range(12))
    assert entity_set.tokens[-1].keys() == {"plan", "is_proven"}
    assert "in one answer" in caplog.text


def test_an_inquiry_that_is_known_to_have_no_key_is_read_by_all_columns_from_the_first_page_on(caplog):
    rows = [a_row(number, 5, group="AB"[number % 2]) for number in range(9)]
    entity_set = EntitySet(rows, replace(INQUIRY, are_keys_unique=False))
    assert sorted(set(ids(entity_set.reader().pages(EVER)))) == list(range(9))
    assert {token["plan"].order for token in entity_set.tokens} == {("Class", "Id", STAMP)}
    assert "several rows have the same" not in caplog.text


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
