"""Tests that a primary key which does not identify the records is found out."""

from __future__ import annotations

import msgspec
import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.airbyte.keys import KeyMarks, KeyWatch


def keys_of(own=("_tenant", "OrderNbr"), *, deduplicates=True):
    return KeyWatch(("_tenant", "NoteID"), deduplicates).list("Stream X", own)


def orders(*numbers, note_id=None, **more):
    return [{"_tenant": "A", "NoteID": note_id or f"N{number}", "OrderNbr": number, **more} for number in numbers]


def pages(keys, *some):
    for records in some:
        keys.begin_page(begins_as_last=False)
        assert keys.checked(records) == records


def test_a_key_that_comes_again_far_behind_is_complained_of_where_a_row_would_be_lost():
    keys = keys_of()
    pages(keys, orders(1, 2), orders(3, 4))
    with pytest.raises(AirbyteTracedException, match="several rows have the same NoteID"):
        pages(keys, orders(5, note_id="N1"))


def test_a_row_that_is_read_again_is_no_repeat():
    """The list may be read again where the place in it was lost, and the row have changed meanwhile."""
    pages(keys_of(), orders(1, 2), orders(3), orders(1, 2, Total=7))


def test_a_row_that_is_renamed_while_the_list_is_read_is_no_repeat(caplog):
    keys = keys_of()
    keys.fresh = "Stamp", "2026-11-26T10:00:00.000000Z"
    pages(keys, orders(1, 2), orders(3, note_id="N1", Stamp="2026-11-26T10:00:01.000000Z"))
    assert "check it if this warning stays" in caplog.text
    with pytest.raises(AirbyteTracedException, match="several rows have the same NoteID"):
        pages(keys, orders(4, note_id="N2", Stamp="2026-11-26T09:59:59.000000Z"))


def test_without_deduplication_no_keys_are_remembered():
    keys = keys_of(deduplicates=False)
    pages(keys, orders(1), orders(2), orders(3, note_id="N1"))
    assert keys.marks is None


@pytest.mark.parametrize("own", [("_tenant", "NoteID"), ("_tenant",)])
def test_of_a_list_in_the_order_of_the_key_no_keys_are_remembered(own):
    assert keys_of(own).marks is None


def test_a_row_without_keys_of_its_own_may_have_changed(caplog):
    keys = keys_of(())
    pages(keys, orders(1, 2), orders(3), orders(1, 2))
    assert caplog.text == ""
    pages(keys, orders(1, Total=7), orders(2, Total=8))
    assert caplog.text.count("rows with the same NoteID have come, one far behind the other") == 1


def test_keys_that_are_not_unique_are_none_of_the_tables_own():
    keys = keys_of()
    pages(keys, orders(1, 2))
    keys.distrust_own()
    pages(keys, orders(1, 2), orders(1, 2))


def test_marks_tell_keys_and_rows_apart():
    marks = KeyMarks()
    assert not any(marks.is_repeat((number,), number) for number in range(200_000))
    assert not any(marks.is_repeat((number,), number) for number in range(0, 200_000, 7))
    assert all(marks.is_repeat((number,), -number - 3) for number in range(0, 200_000, 7))


def claimed(id_="NoteID"):
    return KeyWatch(("_tenant", "OrderNbr"), deduplicates=True).claimed_list("Stream X", ("_tenant", "OrderNbr"), id_)


def numbered(number, row):
    return {"_tenant": "A", "NoteID": f"N{row}", "OrderNbr": f"{number:06}"}


def test_a_key_that_a_list_is_said_to_be_ordered_by_is_held_against_all_of_it_once_it_is_not():
    keys = claimed()
    pages(keys, [numbered(1, 1), numbered(2, 2)], [numbered(3, 3)])
    assert keys.marks is None
    with pytest.raises(AirbyteTracedException, match="several rows have the same OrderNbr"):
        pages(keys, [numbered(0, 4), numbered(2, 5)])


def test_a_row_of_a_list_in_another_order_that_is_read_again_is_no_repeat(caplog):
    pages(claimed(), [numbered(2, 2)], [numbered(1, 1)], [numbered(2, 2)])
    assert caplog.text == ""


def test_where_no_id_tells_rows_apart_a_key_that_comes_again_is_warned_of(caplog):
    pages(claimed(None), [numbered(1, 1), numbered(2, 2)], [numbered(1, 3)])
    assert caplog.text.count("rows with the same OrderNbr have come, one far behind the other") == 1


@pytest.mark.parametrize("is_chosen", [True, False])
def test_another_key_is_advised_only_where_it_can_be_chosen(is_chosen):
    watch = KeyWatch(("_tenant", "OrderNbr"), deduplicates=True, is_chosen=is_chosen)
    with pytest.raises(AirbyteTracedException, match="without deduplication") as failure:
        watch.complain("Stream X", "several rows have the same")
    assert is_chosen is ("another primary key" in failure.value.message)


def test_keys_that_do_not_compare_are_in_no_order():
    keys = claimed()
    pages(keys, [numbered(1, 1)], [{"_tenant": "A", "NoteID": "N2", "OrderNbr": 7}])
    assert keys.marks is not None


Order = msgspec.defstruct("Order", [(name, object, None) for name in ("_tenant", "Nbr", "Fax")], omit_defaults=True)


@pytest.mark.parametrize("again", [Order("A", 1), {"_tenant": "A", "Nbr": 1, "Fax": None}])
def test_a_row_that_comes_twice_typed_or_once_as_a_dict_is_one_row(again):
    keys = KeyWatch(("_tenant", "Nbr"), deduplicates=True).list("Stream X", ("_tenant", "Nbr"))
    keys.begin_page(begins_as_last=False)
    assert len(keys.checked([Order("A", 1)])) == 1
    keys.begin_page(begins_as_last=True)
    assert keys.checked([again]) == []
