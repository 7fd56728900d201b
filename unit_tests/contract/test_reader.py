"""Tests in which ways the list of an entity is read: whole, by what has changed, in smaller pages, or by the record."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.contract.ad_hoc import AdHocSchemas
from source_acumatica.contract.known_entities import Known
from source_acumatica.contract.reader import ListReader
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.reading import page_size
from source_acumatica.reading.fields import FieldKind, Shape
from source_acumatica.reading.learnt import FILTER_WORKS
from source_acumatica.reading.window import Window
from unit_tests.contract.orders import table
from unit_tests.contract.rest_client import RestClient
from unit_tests.erp.test_answers import answer
from unit_tests.odata.entity_set import Known as Learnt
from unit_tests.odata.entity_set import settings

ORDER = Shape({"OrderNbr": FieldKind.STRING, "Total": FieldKind.STRING, "LastModified": FieldKind.DATE_TIME})
TABLE = table("Order", ORDER, Known(("OrderNbr",)))
SINCE = "2026-11-20T00:00:00.000000Z"
CHANGED = Window(SINCE, "2026-12-01T00:00:00.000000Z")
WORDLESS = Problem(Action.STOP, FailureType.transient_error, "an error without a word", status=500)
REFUSED = Problem(Action.ASK_FOR_LESS, FailureType.config_error, "the list cannot be optimized", status=500)
TOO_SLOW = Problem(Action.FEWER_ROWS, FailureType.transient_error, "the gateway gives up", status=504)


class Facts(Learnt):
    """What is known of the list: at first nothing."""

    left_out = None


class Client(RestClient):
    """Does not wait."""

    def __init__(self, of_record):
        super().__init__(of_record)
        self.pauses = []

    def pause(self, tries):
        self.pauses.append(tries)


class Orders:
    """An ERP's list of orders; ``fails`` gives the problem of a request, by its plan and its token."""

    def __init__(self, count=9, fails=lambda _plan, _token: None, is_filterable=True):
        days = [f"2026-11-{10 + min(number, 18):02}T12:00:00+00:00" for number in range(count)]
        self.rows = [
            {"id": f"{number}", "OrderNbr": {"value": f"{number:04}"}, "LastModified": {"value": day}}
            for number, day in enumerate(days)
        ]
        self.fails, self.is_filterable, self.asked = fails, is_filterable, []

    def ask(self, window, token):
        plan = token["plan"]
        self.asked.append((window, token))
        if problem := self.fails(plan, token):
            raise RequestFailed(problem, "Tenant 'A', stream Order")
        found = self.rows
        if window.since and plan.filters:
            found = [row for row in found if row["LastModified"]["value"] >= window.since[:19]]
            found = found if self.is_filterable else []
        first = token.get("skip", 0)
        return found[first : first + token["top"]], 100

    def record(self, path, _options):
        found = [row for row in self.rows if path.endswith(f"/{row['OrderNbr']['value']}")]
        return answer(200, json.dumps(found[0]).encode()) if found else answer(404, {"message": "No entity"})

    def reader(self, facts=None, *, is_incremental=True, **more):
        self.client = Client(self.record)
        facts = Facts() if facts is None else facts
        config = settings(include_custom_fields=False, **more)
        ad_hoc = AdHocSchemas()
        return ListReader("A", config, TABLE, None, self.client, {}, self.ask, facts, ad_hoc, is_incremental)


def ids(reader, window=Window()):  # noqa: B008 (it is frozen)
    return [row["id"] for page in reader.pages(window) for row in page.rows]


ALL = [str(number) for number in range(9)]


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    monkeypatch.setattr(page_size, "FIRST_PAGE_ROWS", 3)


# --------------------------------------------------------------------------------------------------- windows and places


def test_each_row_comes_once_and_in_order_though_pages_overlap():
    orders = Orders()
    assert ids(orders.reader()) == ALL
    places = [(token["skip"], token["top"]) for _, token in orders.asked]
    assert places[0] == (0, 3)
    assert places[1][0] == 2, "a page begins with the last row of the one before it"


def test_of_a_window_the_changed_rows_come_and_the_place_names_their_list():
    reader = Orders(14).reader()
    pages = [*reader.pages(CHANGED)]
    assert [row["id"] for page in pages for row in page.rows] == ["10", "11", "12", "13"]
    assert {page.position.list_name for page in pages} == {"changed"}
    assert reader.is_filtered(CHANGED)
    assert not reader.is_filtered(Window())


def test_a_filter_that_hides_rows_is_given_up_and_the_place_is_one_among_all_rows(caplog):
    orders = Orders(is_filterable=False)
    reader = orders.reader()
    first = next(reader.pages(CHANGED))
    assert [row["id"] for row in first.rows] == ALL[:3]
    assert first.position.list_name == "all"
    assert not reader.is_filtered(CHANGED)
    assert "answers a filter by LastModified with no rows, although there are some. Reading all rows" in caplog.text
    orders.asked.clear()
    assert ids(orders.reader(), replace(CHANGED, start=first.position)) == ALL[3:]
    assert not any(token["plan"].filters for _, token in orders.asked), "the state says already that it does not work"


def test_a_place_in_another_list_is_none():
    place = next(Orders().reader().pages(Window())).position
    assert ids(Orders().reader(), Window(start=place)) == ALL[3:]
    assert ids(Orders().reader(), Window(start=replace(place, list_name="all"))) == ALL


def test_a_filter_that_has_brought_rows_today_is_believed_where_it_brings_none():
    orders = Orders(3)
    assert ids(orders.reader(Facts({FILTER_WORKS})), CHANGED) == []
    assert {(window, token["plan"].filters) for window, token in orders.asked} == {(CHANGED, True)}


# ------------------------------------------------------------------------------------------------------ what is refused


def test_a_page_that_is_too_slow_is_asked_for_with_fewer_rows(caplog):
    orders = Orders(fails=lambda _plan, token: TOO_SLOW if token["top"] > 2 else None)
    assert ids(orders.reader()) == ALL
    assert "the gateway gives up. Asking for 2 rows." in caplog.text


def by_record(plan, _token):
    """An entity whose list gives nothing but keys."""
    return None if plan.is_by_record else REFUSED


def test_where_the_list_is_refused_each_record_comes_by_itself_and_one_that_is_gone_is_no_gap(caplog):
    caplog.set_level("INFO", "airbyte")
    orders = Orders(fails=by_record)
    read = orders.record

    def record(path, options):
        if path.endswith("/0004"):
            return answer(404, {"message": "No entity satisfies the condition."})
        return answer(200, b"[]") if "$filter" in options else read(path, options)

    orders.record = record
    assert ids(orders.reader()) == [each for each in ALL if each != "4"]
    asked = {path.rpartition("/")[2] for path, options, _ in orders.client.requests if "$filter" not in options}
    assert asked >= {f"{number:04}" for number in range(9)}
    assert "which costs one request per record" in caplog.text
    assert "1 records were removed while they were read." in caplog.text


def test_records_are_read_so_few_at_a_time_that_a_run_which_is_cut_off_loses_little(monkeypatch):
    monkeypatch.setattr(page_size, "FIRST_PAGE_ROWS", 500)
    pages = [*Orders(100, by_record).reader(max_page_size=5000).pages(Window())]
    assert max(len(page.rows) for page in pages) == 30
    assert sum(len(page.rows) for page in pages) == 100


def test_what_fails_in_every_way_fails_the_stream():
    with pytest.raises(RequestFailed, match="Not even its keys can be listed"):
        ids(Orders(fails=lambda *_: REFUSED).reader())


def test_an_empty_page_is_not_believed_while_its_keys_come(caplog):
    """All that is asked for of its rows may be too much (BEHAVIOR.md, "Custom fields")."""

    class Silent(Orders):
        def ask(self, window, token):
            rows, size_bytes = super().ask(window, token)
            return (rows if token["plan"].is_by_record else []), size_bytes

    assert ids(Silent().reader()) == ALL
    assert "the ERP answers with no rows when so much of each is asked for" in caplog.text


def test_a_row_that_is_removed_while_its_page_is_asked_for_is_not_too_much(caplog):
    """Its key came, and then neither it nor its key does."""
    keys = iter([True])

    class Removed(Orders):
        def ask(self, window, token):
            rows, size_bytes = super().ask(window, token)
            if token["skip"] < len(ALL) or (token["plan"].is_by_record and next(keys, False)):
                return rows or super().ask(window, {**token, "skip": 0})[0], size_bytes
            return [], size_bytes

    assert ids(Removed().reader()) == ALL
    assert "so much of each" not in caplog.text


# -------------------------------------------------------------------------------------------------------------- outages


@pytest.mark.parametrize(("after", "times", "is_waited_for"), [(1, 3, True), (0, 3, False), (1, 50, False)])
def test_an_erp_that_has_answered_and_now_fails_without_a_word_is_waited_for(after, times, is_waited_for):
    failures = iter(range(times))
    pages = []

    def fails(_plan, token):
        pages.append(token)
        return WORDLESS if len(pages) > after and next(failures, None) is not None else None

    orders = Orders(fails=fails)
    reader = orders.reader()
    if is_waited_for:
        assert ids(reader) == ALL
        assert orders.client.pauses
    else:
        with pytest.raises(RequestFailed):
            ids(reader)
        assert len(orders.client.pauses) == (6 if after else 0)


# -------------------------------------------------------------------------------------------- rows without a stamp, ids


def test_whether_rows_without_a_stamp_are_there_is_asked_unless_all_come_or_it_is_refused():
    orders = Orders()
    reader = orders.reader()
    ids(reader)
    assert reader.has_unstamped() is None, "the server ignores the condition: stamped rows came"
    orders.rows[0]["LastModified"] = {}
    assert reader.has_unstamped()
    orders.fails = lambda *_: REFUSED
    assert reader.has_unstamped() is None
    hidden = Orders(is_filterable=False)
    reader = hidden.reader()
    ids(reader, CHANGED)
    assert reader.has_unstamped() is False


def test_the_id_of_a_record_in_another_answer_is_found_by_its_key():
    orders = Orders()

    def found(path, options):
        assert (path, options["$filter"]) == ("/entity/Default/24.200.001/Order", "OrderNbr eq '0003'")
        return answer(200, json.dumps([{**orders.rows[3], "id": "another"}]).encode())

    orders.record = found
    reader = orders.reader()
    assert reader.id_again(orders.rows[3]) == "another"
    for others in ([], [orders.rows[4]]):
        orders.record = lambda *_, others=others: answer(200, others)
        assert orders.reader().id_again(orders.rows[3]) is None
