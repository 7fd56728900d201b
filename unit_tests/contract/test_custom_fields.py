"""Tests which custom fields a table has, which of them are asked for, and how several answers are put together."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.contract.custom_fields import CustomFields, column_of, custom_fields, in_groups, merge_custom
from unit_tests.contract.orders import table

FIELD = {"type": "CustomStringField", "value": None}
AD_HOC = {
    "custom": {
        "Document": {
            "UsrName": FIELD,
            "AttributeCOLOR": {"type": "CustomBooleanField"},
            "Total": FIELD,
            "NoteText": FIELD,
            "BranchID_description": FIELD,
            "UsrPicture": {"type": "CustomBinaryField"},
            "usrSmall": FIELD,
        },
        "CurrentDocument": {"UsrDate": {"type": "CustomDateTimeField"}},
    },
    "Details": [{"custom": {"Transactions": {"UsrLine": {"type": "CustomDecimalField"}, "GroupMask": FIELD}}}],
    "Operations": [{"custom": {}, "Material": [{"custom": {"Parts": {"UsrDeep": FIELD}}}]}],
    "Totals": {"custom": {"Sums": {"UsrSum": FIELD}}},
}


@pytest.mark.parametrize(
    ("name", "added", "others", "unreadable"),
    [
        (
            "Order",
            ("Document.UsrName", "Document.AttributeCOLOR", "CurrentDocument.UsrDate"),
            ("Document.NoteText", "Document.usrSmall", "Document.Total", "Document.BranchID_description"),
            ("Document.UsrPicture",),
        ),
        ("Order__Details", ("Details/Transactions.UsrLine",), (), ("Details/Transactions.GroupMask",)),
        ("Order__Operations", (), (), ()),
        ("Order__Operations__Material", ("Operations/Material/Parts.UsrDeep",), (), ()),
    ],
)
def test_custom_fields_are_all_that_the_endpoint_does_not_show(name, added, others, unreadable):
    """Fields of a customization's own tables have no prefix; what the endpoint shows by the same name comes last."""
    assert custom_fields(table(name), AD_HOC) == CustomFields(added, others, unreadable)


def test_fields_that_may_be_standard_ones_are_asked_for_if_they_cost_no_further_request():
    fields = CustomFields(("V.UsrA", "V.UsrB"), ("V.Uuid", "V.StampStatus", "V.Seal"))
    assert fields.within(100) == (("V.UsrA", "V.UsrB", "V.Uuid", "V.StampStatus", "V.Seal"), ())
    assert fields.within(27) == (("V.UsrA", "V.UsrB", "V.Uuid", "V.Seal"), ("V.StampStatus",))
    assert fields.within(5) == (("V.UsrA", "V.UsrB"), ("V.Uuid", "V.StampStatus", "V.Seal"))


def test_a_custom_field_has_its_place_in_the_column_custom():
    assert column_of("Document.UsrName", ()) == "custom.Document.UsrName"
    assert column_of("Details/Transactions.UsrLine", ("Details",)) == "custom.Transactions.UsrLine"


@pytest.mark.parametrize("ad_hoc", [{}, {"custom": None}, {"custom": {}, "Details": []}, {"Details": None}], ids=str)
@pytest.mark.parametrize("name", ["Order", "Order__Details", "Order__Operations__Material"])
def test_no_custom_fields_are_none(name, ad_hoc):
    assert custom_fields(table(name), ad_hoc) == CustomFields()


@given(st.lists(st.text("abc./", min_size=1, max_size=400)).map(tuple))
def test_groups_hold_all_names_once_in_order_and_fit_into_an_address(names):
    groups = in_groups(names, 1000)
    assert tuple(name for group in groups for name in group) == names
    assert all(len(",".join(group)) <= 1000 for group in groups)
    # No two neighbours would have fitted together.
    for one, other in pairwise(groups):
        assert len(",".join([*one, other[0]])) > 1000


def test_no_names_are_one_empty_group_so_that_there_is_a_request():
    assert in_groups((), 1000) == [()]


def test_groups_hold_no_more_names_than_are_accepted_at_once():
    assert in_groups(("a", "b", "c", "d", "e"), 1000, 2) == [("a", "b"), ("c", "d"), ("e",)]


def test_a_name_that_is_too_long_by_itself_is_a_group_by_itself():
    assert in_groups(("a" * 2000, "b"), 1000) == [("a" * 2000,), ("b",)]


def at(*path):
    return replace(table(), path=path, line_keys=((),) * len(path))


def test_custom_fields_of_several_answers_come_together():
    ours = {"custom": {"Document": {"UsrA": {"value": 1}}}}
    assert merge_custom(ours, {"custom": {"Document": {"UsrB": {"value": 2}}, "Other": {"UsrC": {}}}}, at())
    assert ours == {"custom": {"Document": {"UsrA": {"value": 1}, "UsrB": {"value": 2}}, "Other": {"UsrC": {}}}}


def test_custom_fields_of_lines_come_together_line_by_line():
    ours = {"Operations": [{"Material": [{"custom": {}}, {}]}, {"Material": []}, {}]}
    more = {"Operations": [{"Material": [{"custom": {"V": {"UsrA": 1}}}, {"custom": {"V": {"UsrA": 2}}}]}, {}, {}]}
    assert merge_custom(ours, more, at("Operations", "Material"))
    first, second = ours["Operations"][0]["Material"]
    assert (first["custom"], second["custom"]) == ({"V": {"UsrA": 1}}, {"V": {"UsrA": 2}})


def test_custom_fields_in_a_linked_object_come_together():
    ours = {"Totals": {"Taxes": [{}]}}
    assert merge_custom(ours, {"Totals": {"Taxes": [{"custom": {"V": {"UsrA": 1}}}]}}, at("Totals", "Taxes"))
    assert ours["Totals"]["Taxes"][0]["custom"] == {"V": {"UsrA": 1}}


def test_lines_that_are_not_the_same_ones_are_not_merged():
    assert not merge_custom({"Details": [{}]}, {"Details": [{}, {}]}, at("Details"))
    lines = [{"Details": [{"LineNbr": {"value": number}}]} for number in (1, 1, 2)]
    by_number = replace(at("Details"), line_keys=(("LineNbr",),))
    assert merge_custom(lines[0], lines[1], by_number)
    assert not merge_custom(lines[0], lines[2], by_number)


def test_custom_fields_that_were_null_come_together_with_others():
    ours = {"custom": None}
    assert merge_custom(ours, {"custom": {"V": {"UsrA": 1}}}, at())
    assert ours == {"custom": {"V": {"UsrA": 1}}}
