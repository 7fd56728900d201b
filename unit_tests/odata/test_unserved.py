"""Tests what is found of that which was asked for and does not come."""

from __future__ import annotations

import msgspec
import pytest

from source_acumatica.odata.codec import odata_codec
from source_acumatica.odata.linked_tables import LinkedTable, names_in_links
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.odata.unserved import Answered, unserved, unserved_links
from source_acumatica.reading.fields import FieldKind

COLUMNS = {"Nbr": FieldKind.STRING, "Status": FieldKind.STRING, "Größe": FieldKind.STRING}
ADDRESS = LinkedTable({"City": FieldKind.STRING, "Since": FieldKind.DATE_TIME})
CUSTOMER = LinkedTable(
    {"AcctCD": FieldKind.STRING, "Limit": FieldKind.DECIMAL, "DueDate": FieldKind.DATE_TIME}, {"Home": ADDRESS}
)
TABLE = ODataTable(ODataFeed.TABLES, "SOOrder", "SOOrder", COLUMNS, ("Nbr",), links={"Payer": CUSTOMER})
FULL = {"AcctCD": "C1", "Limit": 1, "DueDate": None, "Home": {"City": "Bern", "Since": None}}


def answered_with(rows, links, body=None):
    return Answered(msgspec.json.encode({"value": rows}) if body is None else body, names_in_links(rows, links))


def columns_in(body, links=TABLE.links):
    """What is found in typed rows and in dicts alike."""
    codec = odata_codec(TABLE, None)
    every = [decode(body).value for decode in (codec.decode, codec.decode_dicts)]
    typed, plain = (unserved(rows, answered_with(rows, links, body), COLUMNS) for rows in every)
    assert typed == plain
    return typed


@pytest.mark.parametrize("links", [{}, {"Payer": LinkedTable(COLUMNS)}], ids=["no links", "links"])
@pytest.mark.parametrize(
    ("rows", "silent"),
    [
        ([], ()),
        ([{"Nbr": "1", "Status": "N"}], ()),
        ([{"Nbr": "1", "Status": None}], ()),
        ([{"Nbr": None}], ("Status",)),
        ([{"Nbr": None}, {"Nbr": "2", "Status": "N"}], ()),
        ([{"Nbr": "1"}, {"Nbr": "2"}], ()),
    ],
    ids=["no rows", "a value", "null", "not there", "in a later row", "nulls are not written"],
)
def test_a_column_that_no_row_names_does_not_come(rows, silent, links):
    body = msgspec.json.encode({"value": rows})
    assert columns_in(body, links) == silent


@pytest.mark.parametrize("payer", [{"Status": "A"}, {"Home": {"Status": None}}, {"Home": None, "Status": {}}])
def test_a_linked_column_of_the_same_name_is_not_the_table_s_own(payer):
    rows = [{"Nbr": "1", "Payer": payer, "Größe": None}, {"Nbr": None, "Payer": payer}]
    assert columns_in(msgspec.json.encode({"value": rows})) == ("Status",)
    rows[1]["Status"] = None
    assert columns_in(msgspec.json.encode({"value": rows})) == ()


def test_names_are_found_in_answers_that_are_repaired_or_have_no_list():
    body = b'\xef\xbb\xbf{"value":[{"Nbr":"\x07\\ud800","Payer":{"Limit":NaN,"Status":1}}]}'
    assert columns_in(body) == ()
    assert columns_in(body.replace(b"1}}", b"null}}")) == ("Status",)
    alone = b'{"Nbr":"1","Payer":{"Status":null}}'
    assert columns_in(alone) == ("Status",)
    assert columns_in(alone.replace(b"}}", b'},"Status":null}')) == ()


@pytest.mark.parametrize(
    ("rows", "silent"),
    [
        ([], ()),
        ([{"Nbr": "1"}], ("Payer",)),
        ([{"Nbr": "1", "Payer": None}], ()),
        ([{"Nbr": "1", "Payer": [{"AcctCD": "C1"}]}], ("Payer",)),
        ([{"Nbr": "1", "Payer": {"AcctCD": "C1", "Limit": 1, "DueDate": None, "Home": None}}], ()),
        ([{"Nbr": "1", "Payer": {"AcctCD": "C1", "DueDate": None}}], ("Payer.Limit", "Payer.Home")),
        ([{"Payer": {**FULL, "Home": {"City": "Bern"}}}], ("Payer.Home.Since",)),
        ([{"Payer": {**FULL, "Home": "Bern"}}], ("Payer.Home",)),
        ([{"Payer": None}, {"Payer": {**FULL, "Home": None}}, {"Payer": FULL}], ()),
        ([{"Payer": {**FULL, "Home": None}}, {"Payer": {**FULL, "Home": {"City": "Bern"}}}], ("Payer.Home.Since",)),
        ([{"Payer": {**FULL, "Home": None}}, {"Payer": {**FULL, "Home": ["Bern"]}}], ("Payer.Home",)),
        ([{"Payer": {**FULL, "Home": {}}}], ("Payer.Home.City", "Payer.Home.Since")),
    ],
)
def test_what_was_asked_for_and_does_not_come_is_found(rows, silent):
    assert unserved_links(rows, answered_with(rows, TABLE.links), TABLE.links) == silent


def test_a_link_whose_name_comes_deeper_only_was_ignored():
    links = {"Owner": LinkedTable(links={"Payer": CUSTOMER}), "Payer": CUSTOMER}
    rows = [{"Nbr": "1", "Owner": {"Payer": FULL}}]
    assert unserved_links(rows, answered_with(rows, links), links) == ("Payer",)
    rows[0]["Payer"] = None
    assert unserved_links(rows, answered_with(rows, links), links) == ()


@pytest.mark.parametrize(
    ("first", "second", "silent"),
    [
        (None, {"Payer": {}}, "Order.Payer.Home"),
        ({"Payer": None}, {"Payer": {}}, "Order.Payer.Home"),
        ({"Payer": {"Home": None}}, {"Payer": {"Home": {"Since": None}}}, "Order.Payer.Home.City"),
    ],
)
def test_links_that_a_first_row_does_not_lead_to_are_looked_for_in_the_next_ones_at_any_depth(first, second, silent):
    """Where nothing but a link is asked of a linked row, a row whose link is ignored is empty."""
    deep = {"Order": LinkedTable(links={"Payer": LinkedTable(links={"Home": ADDRESS})})}
    rows = [{"Order": first}, {"Order": second}]
    assert unserved_links(rows, answered_with(rows, deep), deep) == (silent,)
