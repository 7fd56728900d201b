"""Tests that a list of keys asks for the keys alone, and for whole records only where it has to."""

from __future__ import annotations

import pytest

from source_acumatica.contract.ad_hoc import AdHocSchemas
from source_acumatica.contract.key_reader import KeyReader
from source_acumatica.erp.errors import Action, RequestFailed
from source_acumatica.reading import page_size
from source_acumatica.reading.window import Window
from unit_tests.contract.orders import table
from unit_tests.contract.rest_client import RestClient
from unit_tests.contract.test_list_requests import refusal
from unit_tests.odata.entity_set import Known, settings


class Facts(Known):
    """What is known of a list: nothing."""

    left_out = None


def keys(refuses=lambda _plan: False, beside=(), rows=100, **more):
    asked, tops = [], []

    def ask(_window, token):
        plan = token["plan"]
        asked.append(plan)
        tops.append(token["top"])
        if refuses(plan):
            raise refusal(Action.ASK_FOR_LESS)
        first = token.get("skip", 0)
        found = [{"id": str(number), "OrderNbr": {"value": str(number)}} for number in range(rows)]
        return found[first : first + token["top"]], 100

    client = RestClient(lambda *_: pytest.fail("a record was read by itself"))
    reader = KeyReader(
        "A", settings(**more), table(), None, client, {}, ask, Facts(), AdHocSchemas(), False, beside=beside
    )
    reader.tops = tops
    return reader, asked


def ids(reader):
    return [row["id"] for page in reader.pages(Window()) for row in page.rows]


ALL = [str(number) for number in range(100)]


def test_the_keys_come_with_what_is_wanted_beside_them_and_no_record_is_read():
    reader, asked = keys(beside=("CreatedDateTime",))
    assert ids(reader) == ALL
    assert {(plan.is_by_record, plan.beside, plan.custom) for plan in asked} == {(True, ("CreatedDateTime",), ())}


def test_pages_are_as_large_as_those_of_a_list_since_no_record_follows():
    reader, _ = keys(max_page_size=5000)
    assert ids(reader) == ALL
    assert reader.tops[0] == page_size.FIRST_PAGE_ROWS


def test_what_the_erp_refuses_is_given_up_in_turn():
    reader, asked = keys(lambda plan: bool(plan.beside), beside=("CreatedDateTime",))
    assert ids(reader) == ALL
    assert (asked[-1].beside, asked[-1].selects) == ((), True)
    reader, asked = keys(lambda plan: plan.selects, beside=("CreatedDateTime",))
    assert ids(reader) == ALL
    assert not asked[-1].selects


def test_where_even_whole_records_are_refused_reading_keys_fails():
    reader, _ = keys(lambda _plan: True)
    with pytest.raises(RequestFailed):
        ids(reader)
