"""Tests of the plans that a list is read by where the ERP does not support the best one."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.odata.pages import ODataPage
from source_acumatica.reading.fields import FieldKind
from source_acumatica.reading.paging import Position
from source_acumatica.reading.window import Window

from .entity_set import CHANGED, EVER, FIELDS, INQUIRY, ROWS, STAMP, TABLE, EntitySet, Known, a_row, ids, refusal

pytestmark = pytest.mark.usefixtures("small_pages")


def test_where_nobody_can_ask_for_rows_without_a_stamp_the_changed_ones_come_all_the_same(caplog):
    entity_set = EntitySet(ROWS, refuses=lambda plan, _token: refusal(status=400) if plan.with_null else None)
    reader = entity_set.reader()
    assert ids(reader.pages(CHANGED)) == [3, 6, 10, 11]
    assert caplog.messages == []
    entity_set = EntitySet(ROWS, refuses=entity_set.refuses)
    known = Known()
    known.has_unstamped = True
    assert ids(entity_set.reader(facts=known).pages(CHANGED)) == [3, 6, 10, 11]
    assert "Such rows arrive only with a full refresh" in caplog.text


def test_where_no_filter_is_supported_all_rows_come_and_the_log_says_so(caplog):
    entity_set = EntitySet(ROWS, refuses=lambda plan, _token: refusal() if plan.filters else None)
    reader = entity_set.reader()
    assert ids(reader.pages(CHANGED)) == list(range(12))
    assert not reader.is_filtered(CHANGED)
    assert "all rows instead of the changed ones" in caplog.text


def test_where_nothing_is_supported_the_first_refusal_is_the_error():
    with pytest.raises(RequestFailed, match="refused"):
        list(EntitySet(ROWS, refuses=lambda *_: refusal()).reader().pages(EVER))


@pytest.mark.parametrize("failures", [1, 2])
def test_a_first_page_that_is_refused_once_or_twice_is_asked_for_by_the_same_plan(failures):
    left = [refusal()] * failures
    entity_set = EntitySet(
        ROWS, refuses=lambda plan, token: left.pop() if left and plan.order and "top" in token else None
    )
    assert sorted(ids(entity_set.reader().pages(CHANGED))) == [1, 3, 4, 6, 7, 9, 10, 11]
    assert all(token["plan"].filters for token in entity_set.tokens if token["plan"].order)


def test_what_the_user_has_to_correct_is_not_tried_by_another_plan():
    closed = RequestFailed(Problem(Action.STOP, FailureType.config_error, "closed", status=403))
    entity_set = EntitySet(ROWS, refuses=lambda *_: closed)
    with pytest.raises(RequestFailed, match="closed"):
        list(entity_set.reader().pages(EVER))
    assert len(entity_set.tokens) == 1


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


def test_rows_that_differ_only_in_what_cannot_order_them_are_no_gap(no_larger_pages):
    """Among those SQL promises no order, so that two pages of them may leave some out."""
    rows = [{**a_row(1, 5), "Class": "A", "Label": str(number)} for number in range(9)]
    table = replace(INQUIRY, fields={**FIELDS, "Label": FieldKind.STRING})
    entity_set = EntitySet(rows, table, refuses=lambda plan, _token: refusal() if "Label" in plan.order else None)
    with pytest.raises(RequestFailed, match="cannot be distinguished"):
        list(entity_set.reader(is_incremental=False).pages(EVER))


def test_more_rows_with_one_key_than_a_page_can_have_end_the_reading():
    rows = [{**a_row(1, 5), "Class": str(number)} for number in range(9)]
    with pytest.raises(RequestFailed, match="more rows than fit into a page of 3 have the same Id"):
        list(EntitySet(rows).reader(is_incremental=False).pages(EVER))
