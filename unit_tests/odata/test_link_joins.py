"""Tests of finding the columns by which links join tables."""

from __future__ import annotations

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.odata import link_joins
from source_acumatica.odata.link_joins import LinkJoins, _parted, _Trial
from source_acumatica.odata.metadata import EntitySet, Link, Metadata
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.fields import FieldKind


def table(name, *columns):
    fields = dict.fromkeys(columns, FieldKind.INTEGER)
    return ODataTable(ODataFeed.TABLES, name, name, fields, columns[:1], type_name=f"PX.{name}")


ORDER = table("Order", "Type", "Nbr", "CustomerID", "NoteID")
CUSTOMER = table("Customer", "AcctCD", "BAccountID", "ParentID", "NoteID")
LINE = table("Line", "Type", "Nbr", "LineNbr", "OrigNbr")


def trial(own, other, link, is_many=False, keys=()):
    return _Trial(own, other, Link(link, other.type_name, is_many, other.keys, {}), keys)


def linked(trial, *rows):
    return trial.join(trial.pairs(rows))


def test_a_link_to_one_row_joins_by_the_columns_of_its_name_and_by_what_is_the_same_in_the_rows():
    customers = [{"CustomerID": n, "CustomerByCustomerID": {"BAccountID": n, "AcctCD": f"C{n}"}} for n in (7, 8)]
    join = linked(trial(ORDER, CUSTOMER, "CustomerByCustomerID"), *customers)
    assert join.place == ("dac__Order", ("CustomerID",), "dac__Customer", ("BAccountID",))
    assert join.source == "link CustomerByCustomerID, tried on 2 rows"


def test_a_link_by_several_columns_joins_by_all_of_them_and_spaces_at_the_end_are_no_difference():
    lines = [{"Type": "SO", "Nbr": n, "OrderByTypeNbr": {"Type": "SO  ", "Nbr": n}} for n in ("1", "2")]
    assert linked(trial(LINE, ORDER, "OrderByTypeNbr"), *lines).columns == ("Type", "Nbr")


def test_the_rows_of_a_collection_join_by_the_key_of_theirs():
    orders = [{"Type": "SO", "Nbr": n, "LineCollection": [{"Type": "SO", "Nbr": n, "OrigNbr": n}] * 2} for n in (1, 2)]
    join = linked(trial(ORDER, LINE, "LineCollection", is_many=True, keys=("Type", "Nbr")), *orders)
    assert join.place == ("dac__Line", ("Type", "Nbr"), "dac__Order", ("Type", "Nbr"))


def test_rows_of_a_collection_may_have_the_id_of_theirs_instead():
    answers = table("Answers", "RefNoteID", "Value")
    rows = [{"AcctCD": f"C{n}", "NoteID": f"id{n}", "AnswersCollection": [{"RefNoteID": f"id{n}"}]} for n in (1, 2)]
    join = linked(trial(CUSTOMER, answers, "AnswersCollection", is_many=True, keys=("AcctCD",)), *rows)
    assert join.place == ("dac__Answers", ("RefNoteID",), "dac__Customer", ("NoteID",))


@pytest.mark.parametrize(
    ("link", "rows"),
    [
        # Both columns of the other table have the value: nothing says which one it is.
        ("CustomerByCustomerID", [{"CustomerID": 7, "CustomerByCustomerID": {"BAccountID": 7, "ParentID": 7}}]),
        ("CustomerByCustomerID", [{"CustomerID": 7, "CustomerByCustomerID": {"BAccountID": 8}}]),
        ("CustomerByCustomerID", [{"CustomerID": None, "CustomerByCustomerID": {"BAccountID": 8}}]),
        ("CustomerByCustomerID", [{"CustomerID": 7, "CustomerByCustomerID": None}]),
        # The name does not end in columns of the table, or is not that of a link.
        ("CustomerByShipTo", [{"CustomerID": 7, "CustomerByShipTo": {"BAccountID": 7}}]),
        ("BuyerByCustomerID", [{"CustomerID": 7, "BuyerByCustomerID": {"BAccountID": 7}}]),
    ],
)
def test_where_the_rows_do_not_show_exactly_one_join_there_is_none(link, rows):
    assert linked(trial(ORDER, CUSTOMER, link), *rows) is None


def test_a_name_is_parted_in_every_way_that_the_columns_allow():
    assert {*_parted("ABC", ("A", "B", "C", "AB", "D"))} == {("A", "B", "C"), ("AB", "C")}


class Described:
    """A service that only describes two tables and the links between them."""

    def __init__(self, *links):
        self.links = links

    def describe(self, tenant, feed, is_wanted, *, with_links):
        assert with_links
        names = [name for name in ("PX.Order", "PX.Customer", "PX.Other") if is_wanted(name, name)]
        links = {"PX.Order": self.links}
        return Metadata(
            4, tuple(EntitySet((each,), each, (), {}, {}, True, links=links.get(each, ())) for each in names), {}
        )


def test_only_so_many_links_are_tried_as_can_be_in_some_minutes(monkeypatch):
    monkeypatch.setattr(link_joins, "_MOST_LINKS", 2)
    links = [Link(f"L{number}", "PX.Customer", False, (), {}) for number in range(3)]
    with pytest.raises(AirbyteTracedException, match=r"The 2 tables have 3 links between them.*2 are the most"):
        LinkJoins([ORDER, CUSTOMER]).ask(Described(*links), "Company")


def test_links_to_tables_that_are_not_among_the_streams_are_not_tried():
    joins = LinkJoins([ORDER, CUSTOMER])
    joins.ask(Described(Link("OtherByNbr", "PX.Other", False, (), {})), "Company")
    assert ([*joins.joins], [*joins.sentences]) == ([], [])
