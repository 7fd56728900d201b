"""Tests of finding the columns by which links join tables."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.odata import link_joins
from source_acumatica.odata.link_joins import LinkJoins, _parted, _Trial
from source_acumatica.odata.metadata import EntitySet, Link, Metadata
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.fields import FieldKind
from source_acumatica.reading.join import Join


def table(name, *columns):
    fields = dict.fromkeys(columns, FieldKind.INTEGER)
    return ODataTable(ODataFeed.TABLES, name, name, fields, columns[:1], type_name=f"PX.{name}")


ORDER = table("Order", "Type", "Nbr", "CustomerID", "NoteID")
CUSTOMER = table("Customer", "AcctCD", "BAccountID", "ParentID", "NoteID")
LINE = table("Line", "Type", "Nbr", "LineNbr", "OrigNbr")


STATE = table("State", "CountryID", "StateID", "Name")
ADDRESS = table("Address", "AddressID", "State", "CountryID")
STATES = [("US", "NY"), ("US", "WA"), ("AU", "WA")]
SEVERAL = "which may lead to several rows"


def trial(own, other, link, is_many=False, keys=(), pairs=(), others_keys=None):
    others_keys = other.keys if others_keys is None else others_keys
    return _Trial(own, other, Link(link, other.type_name, is_many, others_keys, {}, pairs), keys)


def linked(trial, *rows):
    outcome = trial.outcome(trial.pairs(rows))
    return outcome if isinstance(outcome, Join) else None


def addresses(link, states=STATES):
    return [
        {"AddressID": n, "State": state, "CountryID": country, link: {"CountryID": country, "StateID": state}}
        for n, (country, state) in enumerate(states)
    ]


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


BY_STATE = (("State", "StateID"), ("CountryID", "CountryID"))


@pytest.mark.parametrize("link", ["StateByCountryID", "StateByState"])
def test_a_link_by_several_columns_that_is_named_after_one_joins_by_those_that_are_described(link):
    one = trial(ADDRESS, STATE, link, pairs=BY_STATE, others_keys=("CountryID", "StateID"))
    join = linked(one, *addresses(link))
    assert join.place == ("dac__Address", ("State", "CountryID"), "dac__State", ("StateID", "CountryID"))


@pytest.mark.parametrize("pairs", [(), BY_STATE[:1], BY_STATE[1:]])
@pytest.mark.parametrize("link", ["StateByCountryID", "StateByState"])
@pytest.mark.parametrize("states", [STATES, STATES[1:2]])
def test_a_part_of_the_key_is_no_join_whether_or_not_the_rows_have_it_twice(link, pairs, states):
    one = trial(ADDRESS, STATE, link, pairs=pairs, others_keys=("CountryID", "StateID"))
    outcome = one.outcome(one.pairs(addresses(link, states)))
    assert isinstance(outcome, str)
    assert SEVERAL in outcome


@pytest.mark.parametrize("pairs", [(), (("State", "StateID"),)])
def test_what_several_linked_rows_have_is_no_join_whatever_is_described_as_the_key(pairs):
    for keys in ((), ("StateID",), ("Name",)):
        one = trial(ADDRESS, STATE, "StateByState", pairs=pairs, others_keys=keys)
        rows = addresses("StateByState")
        for row in rows:
            state = row["StateByState"]
            state |= {"Name": f"{state['StateID']} {state['CountryID']}", "NoteID": f"id of {state}"}
        outcome = one.outcome(one.pairs(rows))
        assert SEVERAL in str(outcome), keys


def test_rows_decide_against_a_description():
    wrong = (("CustomerID", "ParentID"),)
    rows = [{"CustomerID": n, "CustomerByCustomerID": {"BAccountID": n, "ParentID": 1}} for n in (7, 8)]
    join = linked(trial(ORDER, CUSTOMER, "CustomerByCustomerID", pairs=wrong), *rows)
    assert join.others_columns == ("BAccountID",)
    unknown = (("CustomerID", "Hidden"),)
    assert linked(trial(ORDER, CUSTOMER, "CustomerByCustomerID", pairs=unknown), *rows).others_columns == (
        "BAccountID",
    )
    assert linked(trial(ORDER, CUSTOMER, "CustomerByShipTo", pairs=wrong), *rows) is None


def test_one_linked_row_shows_nothing_beside_the_key_unless_the_columns_are_described():
    rows = [{"CustomerID": 7, "CustomerByCustomerID": {"AcctCD": "C7", "BAccountID": 7}}] * 3
    one = trial(ORDER, CUSTOMER, "CustomerByCustomerID")
    assert SEVERAL in one.outcome(one.pairs(rows))
    described = trial(ORDER, CUSTOMER, "CustomerByCustomerID", pairs=(("CustomerID", "BAccountID"),))
    assert linked(described, *rows).others_columns == ("BAccountID",)
    key = trial(ORDER, CUSTOMER, "CustomerByCustomerID", others_keys=("BAccountID",))
    assert linked(key, *rows).others_columns == ("BAccountID",)


def test_of_equal_columns_it_is_the_key_and_then_the_one_of_the_same_name():
    other = table("Other", "ID", "CustomerID", "Third")
    rows = [{"CustomerID": n, "OtherByCustomerID": dict.fromkeys(other.fields, n)} for n in (7, 8)]
    assert linked(trial(ORDER, other, "OtherByCustomerID"), *rows).others_columns == ("ID",)
    no_key = trial(ORDER, other, "OtherByCustomerID", others_keys=("Code",))
    assert linked(no_key, *rows).others_columns == ("CustomerID",)


def test_a_row_that_leads_to_itself_does_not_lead_there_by_the_same_column():
    names = ("BAccountID", "ParentID", "PayerID")
    rows = [dict.fromkeys(names, n) | {"CustomerByParentID": dict.fromkeys(names, n)} for n in (7, 8)]
    customer = table("Customer", "AcctCD", *names, "NoteID")
    assert linked(trial(customer, customer, "CustomerByParentID"), *rows) is None, "one of the two others"
    by_key = trial(customer, customer, "CustomerByParentID", others_keys=("BAccountID",))
    assert linked(by_key, *rows).others_columns == ("BAccountID",)
    alone = table("Customer", "AcctCD", "ParentID", "NoteID")
    assert linked(trial(alone, alone, "CustomerByParentID"), *rows) is None


def test_a_name_is_parted_in_every_way_that_the_columns_allow():
    assert {*_parted("ABC", ("A", "B", "C", "AB", "D"))} == {("A", "B", "C"), ("AB", "C")}


class Described:
    """A service that describes two tables and the links from them, and answers with the rows that it is given."""

    def __init__(self, *links, customers=(), rows=()):
        self.links, self.customers, self.given, self.asked = links, customers, dict(rows), []

    def rows(self, tenant, feed, title, params, *, where, is_hint):
        self.asked.append(params["$expand"])
        return SimpleNamespace(rows=self.given[params["$expand"]])

    def describe(self, tenant, feed, is_wanted, *, with_links):
        assert with_links
        names = [name for name in ("PX.Order", "PX.Customer", "PX.Other") if is_wanted(name, name)]
        links, keys = {"PX.Order": self.links, "PX.Customer": self.customers}, {"PX.Customer": ("AcctCD",)}
        sets = [EntitySet((each,), each, keys.get(each, ()), {}, {}, True, links=links.get(each, ())) for each in names]
        return Metadata(4, tuple(sets), {})


def test_only_so_many_links_are_tried_as_can_be_in_some_minutes(monkeypatch):
    monkeypatch.setattr(link_joins, "_MOST_LINKS", 2)
    links = [Link(f"L{number}", "PX.Customer", False, (), {}) for number in range(3)]
    with pytest.raises(AirbyteTracedException, match=r"The 2 tables have 3 links between them.*2 are the most"):
        LinkJoins([ORDER, CUSTOMER]).ask(Described(*links), "Company")


def test_links_to_tables_that_are_not_among_the_streams_are_not_tried():
    joins = LinkJoins([ORDER, CUSTOMER])
    joins.ask(Described(Link("OtherByNbr", "PX.Other", False, (), {})), "Company")
    assert ([*joins.joins], [*joins.sentences]) == ([], [])


COLLECTION = Link("OrderCollection", "PX.Order", True, ("Type", "Nbr"), {})
SHOWN = [{"CustomerID": n, "CustomerByCustomerID": {"AcctCD": f"C{n}", "BAccountID": n}} for n in (7, 8)]


def test_a_collection_is_tried_although_another_join_leads_the_other_way_and_is_named_only_if_none_does():
    to_one = Link("CustomerByCustomerID", "PX.Customer", False, ("AcctCD",), {})
    below = [{"AcctCD": f"C{n}", "OrderCollection": [{"CustomerID": n}]} for n in (7, 8)]
    for shown, notes in ((SHOWN, 0), ([], 2)):
        rows = {"CustomerByCustomerID": shown, "OrderCollection": below}
        service = Described(to_one, customers=(COLLECTION,), rows=rows)
        joins = LinkJoins([ORDER, CUSTOMER])
        joins.ask(service, "Company")
        assert service.asked == ["CustomerByCustomerID", "OrderCollection"]
        assert (len([*joins.joins]), len([*joins.sentences])) == (1 if shown else 0, notes)


def test_a_collection_is_not_tried_if_its_rows_lead_back_by_the_whole_key():
    to_one = Link("CustomerByAcctCD", "PX.Customer", False, ("AcctCD",), {})
    order = table("Order", "Type", "Nbr", "AcctCD")
    rows = [{"AcctCD": f"C{n}", "CustomerByAcctCD": {"AcctCD": f"C{n}", "BAccountID": n}} for n in (7, 8)]
    service = Described(to_one, customers=(COLLECTION,), rows={"CustomerByAcctCD": rows})
    joins = LinkJoins([order, CUSTOMER])
    joins.ask(service, "Company")
    assert service.asked == ["CustomerByAcctCD"]
    assert [join.columns for join in joins.joins] == [("AcctCD",)]
