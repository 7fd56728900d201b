"""Tests what identifies a row while a list is read: its place, or all that is in it."""

from __future__ import annotations

import msgspec

from source_acumatica.odata.query import ODataPlan
from source_acumatica.odata.row_identity import RowIdentity, key_of
from unit_tests.odata.entity_set import STAMP, TABLE, a_row

BY_STAMP = RowIdentity(TABLE, ODataPlan((STAMP, "Id")))
BY_ROW = RowIdentity(TABLE, ODataPlan((STAMP,), is_by_row=True))


def test_a_place_is_the_same_however_the_erp_writes_its_instant():
    east, utc = ({**a_row(1), STAMP: text} for text in ("2026-11-05T02:00:00+02:00", "2026-11-05T00:00:00Z"))
    assert BY_STAMP.place_of(east) == BY_STAMP.place_of(utc) == ("2026-11-05T00:00:00.000000Z", 1)
    assert BY_STAMP.identify(east) == BY_STAMP.identify(utc)


def test_a_place_can_stand_in_a_state():
    row = {**a_row(1), "Id": msgspec.Raw(b"12.50")}
    assert msgspec.json.decode(msgspec.json.encode(BY_STAMP.place_of(row)))[1] == BY_STAMP.place_of(row)[1]
    assert BY_STAMP.place_of(a_row(1))[0] is None


def test_rows_are_told_apart_by_what_orders_them_and_no_more():
    assert BY_STAMP.identify(a_row(1, 5, "A")) == BY_STAMP.identify(a_row(1, 5, "B"))
    assert len({BY_STAMP.identify(a_row(number, 5)) for number in range(3)}) == 3


def test_a_number_and_its_text_are_two_places():
    assert BY_STAMP.identify(a_row(1, 5)) != BY_STAMP.identify(a_row("1", 5))


def test_where_places_may_be_shared_all_that_is_in_a_row_identifies_it():
    assert BY_ROW.identify(a_row(1, 5, "A")) != BY_ROW.identify(a_row(1, 5, "B"))
    assert BY_ROW.identify(a_row(1, 5)) == BY_ROW.identify({**a_row(1, 5), "@odata.etag": "x"})


def test_the_key_of_a_row_has_its_values_in_the_order_of_the_description():
    assert key_of(TABLE, a_row(7)) == (7,)
    assert key_of(TABLE, {}) == (None,)
