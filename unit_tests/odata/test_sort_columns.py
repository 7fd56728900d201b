"""Tests of the columns that an inquiry is sorted by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from .entity_set import EVER, INQUIRY, STAMP, EntitySet, a_row, ids, refusal

pytestmark = pytest.mark.usefixtures("small_pages")


def test_columns_that_cannot_be_ordered_by_are_left_out_of_the_order(no_larger_pages):
    rows = [a_row(number, 5, group="AB"[number % 2]) for number in range(9)]
    entity_set = EntitySet(rows, INQUIRY, refuses=lambda plan, _token: refusal() if STAMP in plan.order else None)
    assert sorted(ids(entity_set.reader(is_incremental=False).pages(EVER))) == list(range(9))
    assert entity_set.tokens[-1]["plan"].order == ("Class", "Id")


def test_an_inquiry_that_is_known_to_have_no_key_is_read_by_all_columns_from_the_first_page_on(caplog):
    rows = [a_row(number, 5, group="AB"[number % 2]) for number in range(9)]
    entity_set = EntitySet(rows, replace(INQUIRY, are_keys_unique=False))
    assert sorted(set(ids(entity_set.reader().pages(EVER)))) == list(range(9))
    assert {token["plan"].order for token in entity_set.tokens} == {("Class", "Id", STAMP)}
    assert "several rows have the same" not in caplog.text
