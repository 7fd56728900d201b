"""Tests what identifies a record of a list in another answer."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from source_acumatica.contract.identity import identifier
from source_acumatica.contract.known_entities import Known
from unit_tests.contract.orders import NOTED, table

ORDER = {
    "id": "1",
    "rowNumber": 1,
    "OrderType": {"value": "SO"},
    "OrderNbr": {"value": "A1"},
    "LastModified": {"value": "2026-01-01T00:00:00Z"},
    "Details": [{"id": "2", "LineNbr": {"value": 1}}],
}
UNKNOWN = Known()


def changed(**values):
    return {**ORDER, **values}


def test_keys_identify_a_record_whatever_else_changes():
    identify = identifier(table())
    assert identify(ORDER) == ("SO\x1fA1",)
    assert identify(changed(id="9", LastModified={"value": "2026-02-01T00:00:00Z"})) == identify(ORDER)
    assert identify(changed(OrderNbr={"value": "A2"})) != identify(ORDER)


def test_without_keys_a_note_id_identifies_a_record_and_its_stamp_where_it_stands():
    """A record may be renamed and keep its NoteID: then it moves in the list."""
    identify = identifier(table(shape=NOTED, facts=UNKNOWN))
    assert identify(ORDER) == ("1", "2026-01-01T00:00:00Z")
    assert identify(changed(LastModified={"value": "2026-02-01T00:00:00Z"}))[0] == "1"


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ({"id": "9", "rowNumber": 7, "_links": {}, "custom": {"Document": {"UsrA": {"value": 1}}}}, True),
        ({"Details": [{"id": "8", "LineNbr": {"value": 1}}]}, True),
        ({"Details": [{"id": "2", "LineNbr": {"value": 2}}]}, False),
        ({"OrderNbr": {"value": "A2"}}, False),
    ],
)
def test_without_either_its_content_identifies_a_record_except_what_each_answer_makes_up(other, is_same):
    identify = identifier(table(facts=UNKNOWN))
    assert (identify(changed(**other)) == identify(ORDER)) is is_same


def test_the_order_of_the_fields_does_not_matter():
    identify = identifier(table(facts=UNKNOWN))
    assert identify(dict(reversed(ORDER.items()))) == identify(ORDER)


def test_a_tracked_table_without_keys_goes_by_the_id():
    assert identifier(replace(table(facts=UNKNOWN), is_tracked=True))(ORDER)[0] == "1"


def test_a_key_that_is_a_number_with_digits_identifies_a_record():
    identify = identifier(table())
    assert identify(changed(OrderNbr={"value": msgspec.Raw(b"1.50")})) == ("SO\x1f1.50",)
