"""Tests that a column of records is found, whatever they are made of."""

from __future__ import annotations

import msgspec
import pytest

from source_acumatica.airbyte.columns import column
from source_acumatica.airbyte.stamps import Stamps
from source_acumatica.contract.codec import list_codec
from unit_tests.contract.orders import table

ORDERS = [{"OrderType": {"value": "SO"}, "OrderNbr": {"value": "1"}, "LastModified": {"value": "2026-11-22T10:00:00Z"}}]


@pytest.mark.parametrize("is_typed", [True, False], ids=["typed", "dicts"])
def test_a_column_is_found_by_the_name_that_it_is_sent_under(is_typed):
    """Compiled records have numbered attributes; looked for by their names, no key and no stamp was ever seen."""
    codec, body, orders = list_codec(table(), None), msgspec.json.encode(ORDERS), table()
    records = (
        [record for row in codec.decode(body) for record in codec.make_records("A", row)]
        if is_typed
        else [record for row in codec.decode_dicts(body) for record in orders.rows("A")(row)]
    )
    assert isinstance(records[0], dict) != is_typed
    assert column(records, "OrderNbr") == ["1"]
    stamps = Stamps("LastModified")
    stamps.note(records)
    assert (stamps.newest, stamps.has_none) == ("2026-11-22T10:00:00.000000Z", False)
    assert is_typed is (column(records, "Unknown") is None)


def test_a_page_of_several_answers_may_have_records_of_both_kinds():
    codec, body, orders = list_codec(table(), None), msgspec.json.encode(ORDERS), table()
    compiled = [record for row in codec.decode(body) for record in codec.make_records("A", row)]
    plain = [record for row in codec.decode_dicts(body) for record in orders.rows("A")(row)]
    for records in ([*compiled, *plain], [*plain, *compiled]):
        assert column(records, "OrderNbr") == ["1", "1"]
        assert column(records, "Unknown") == [None, None]
