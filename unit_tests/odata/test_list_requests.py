"""Tests of requests that the ERP fails, refuses or answers with fewer rows than asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from source_acumatica.erp.errors import Action, RequestFailed

from .entity_set import EVER, INQUIRY, ROWS, TABLE, EntitySet, ids, refusal

pytestmark = pytest.mark.usefixtures("small_pages")


@pytest.mark.parametrize("is_incremental", [True, False])
@pytest.mark.parametrize("failures", range(1, 6))
def test_a_refusal_in_mid_list_that_passes_does_not_change_the_plan_nor_start_again(failures, is_incremental):
    left = [refusal()] * failures
    entity_set = EntitySet(ROWS, refuses=lambda _plan, token: left.pop() if left and token.get("after") else None)
    assert ids(entity_set.reader(is_incremental=is_incremental).pages(EVER)) == list(range(12))
    assert entity_set.waits == list(range(1, failures + 1)), "with pauses that grow"
    assert len({token["plan"] for token in entity_set.tokens}) == 1


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


def test_fewer_rows_are_asked_for_where_the_answer_takes_too_long():
    slow = refusal(Action.FEWER_ROWS, "slow")
    entity_set = EntitySet(ROWS, refuses=lambda _plan, token: slow if token.get("top", 0) > 2 else None)
    assert sorted(ids(entity_set.reader().pages(EVER))) == list(range(12))
    with pytest.raises(RequestFailed, match="slow"):
        list(EntitySet(ROWS, refuses=lambda *_: slow).reader().pages(EVER))
