"""Tests the simulator's lies: each is told through the contract API and OData alike, and gone when it is taken back."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from .customer_lists import CONTRACT, INQUIRY, LINES, ROWS, TABLE, Get
from .customer_lists import erp as erp
from .customer_lists import get as get
from .simulator import ErrorPlace, Lies, ListForm, Simulator
from .simulator.trouble.lies import Half

EXPANDED = {"$expand": "Contacts,PrimaryContact", "$custom": "BAccount.UsrRegion,CurrentCustomer.UsrScore"}


def customers(get: Get, **query: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = get(f"{CONTRACT}/Customer", **query).json()
    return rows


def odata_rows(get: Get, path: str, **query: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(get(path, **query).text, parse_float=Decimal)["value"]
    return rows


def ids(get: Get, path: str, **query: Any) -> list[str]:
    """The customers' numbers, through any of the three."""
    if path == CONTRACT:
        return [row["CustomerID"]["value"] for row in customers(get, **query)]
    return [
        row[next(name for name in ("CustomerID", "AcctCD") if name in row)].rstrip()
        for row in odata_rows(get, path, **query)
    ]


def number(*numbers: int) -> list[str]:
    return [f"C{each:06d}" for each in numbers]


everywhere = pytest.mark.parametrize("path", [CONTRACT, INQUIRY, TABLE], ids=["contract", "inquiry", "table"])
ORDER = {CONTRACT: {}, INQUIRY: {"$orderby": "CustomerID"}, TABLE: {"$orderby": "AcctCD"}}


# ------------------------------------------------------------------------------------------------ which rows a page has


@everywhere
@pytest.mark.parametrize(
    ("lies", "expected"),
    [
        (Lies(most_rows=5), number(3, 4, 5, 6, 7)),
        (Lies(short_by=2), number(3, 4, 5, 6)),
        (Lies(hidden=frozenset(number(4, 5))), number(3, 6, 7, 8)),
        (Lies(ignores_top=True), number(*range(3, ROWS + 1))),
        (Lies(doubled=frozenset(number(4))), number(3, 4, 4, 5, 6, 7, 8)),
        (Lies(repeats=2), number(3, 4, 5, 6, 7, 8, 3, 4)),
        (Lies(only="no such path", most_rows=1), number(3, 4, 5, 6, 7, 8)),
        ((), number(3, 4, 5, 6, 7, 8)),
        ((Lies(most_rows=5), Lies(only="Customers?[?]", hidden=frozenset(number(3)))), number(4, 5, 6, 7)),
    ],
    ids=["cap", "short", "hidden", "ignores top", "doubled", "repeats", "other requests", "none", "two"],
)
def test_a_page_has_other_rows_than_were_asked_for(
    path: str, lies: Lies, expected: list[str], erp: Simulator, get: Get
) -> None:
    erp.lies = lies
    assert ids(get, path, **{"$skip": 2, "$top": 6}, **ORDER[path]) == expected


@everywhere
def test_a_page_with_a_poisoned_row_fails_and_others_do_not(path: str, erp: Simulator, get: Get) -> None:
    erp.lies = Lies(poison=frozenset(number(4)))
    address = f"{CONTRACT}/Customer" if path == CONTRACT else path
    status = {skip: get(address, **{"$skip": skip, "$top": 2}, **ORDER[path]).status_code for skip in range(6)}
    assert status == {0: 200, 1: 200, 2: 500, 3: 500, 4: 200, 5: 200}


@pytest.mark.parametrize("path", [INQUIRY, TABLE])
def test_equal_rows_come_in_another_order_in_each_request(path: str, erp: Simulator, get: Get) -> None:
    query = {"$orderby": "Status", "$top": str(ROWS)}
    usual = {tuple(ids(get, path, **query)) for _ in range(5)}
    erp.lies = Lies(unordered=True)
    lied = {tuple(ids(get, path, **query)) for _ in range(5)}
    assert len(usual) == 1
    assert len(lied) > 1
    assert {frozenset(each) for each in lied} == {frozenset(number(*range(1, ROWS + 1)))}


def test_a_list_comes_in_another_order_and_stays_in_it(erp: Simulator, get: Get) -> None:
    orders = {}
    for each in (0, 1, 2):
        erp.lies = Lies(reordered=each)
        one, other = (ids(get, CONTRACT, **{"$top": str(ROWS)}) for _ in range(2))
        assert one == other
        assert ids(get, CONTRACT, **{"$skip": "3", "$top": "2"}) == one[3:5]
        orders[each] = tuple(one)
    assert len({*orders.values()}) == 3
    assert {frozenset(each) for each in orders.values()} == {frozenset(number(*range(1, ROWS + 1)))}


@pytest.mark.parametrize("path", [INQUIRY, TABLE])
@pytest.mark.parametrize("place", ErrorPlace)
def test_an_error_comes_with_half_of_the_rows(path: str, place: ErrorPlace, erp: Simulator, get: Get) -> None:
    erp.lies = Lies(error=place)
    content = get(path, **{"$top": 4}, **ORDER[path]).json()
    rows = [row for row in content["value"] if "error" not in row]
    assert len(rows) == 2
    assert ("error" in content) == (place is ErrorPlace.BESIDE)
    assert len(content["value"]) == (2 if place is ErrorPlace.BESIDE else 3)


def test_an_error_among_records_ends_the_list(erp: Simulator, get: Get) -> None:
    erp.lies = Lies(error=ErrorPlace.AMONG)
    rows = customers(get, **{"$top": 4})
    assert ["CustomerID" in row for row in rows] == [True, True, False]
    assert "Timeout expired" in rows[-1]["message"]


def test_lists_come_in_other_forms(erp: Simulator, get: Get) -> None:
    erp.lies = Lies(form=ListForm.OBJECT)
    address = f"{CONTRACT}/Customer"
    assert isinstance(get(address, **{"$top": 1}).json(), dict)
    assert isinstance(get(address, **{"$top": 2}).json(), list)
    assert isinstance(get(TABLE, **{"$top": 1}).json()["value"], dict)
    erp.lies = Lies(form=ListForm.WRAPPED)
    assert len(get(address, **{"$top": 2}).json()["value"]) == 2


# --------------------------------------------------------------------------------------------------- what a record has


def test_fields_and_columns_do_not_come_or_come_as_an_error(erp: Simulator, get: Get) -> None:
    erp.lies = Lies(missing=frozenset({"CustomerName", "AcctName"}), broken=frozenset({"PrimaryContact/Email"}))
    assert all("CustomerName" not in row and "CustomerID" in row for row in customers(get))
    contacts = [row["PrimaryContact"] for row in customers(get, **EXPANDED) if row["PrimaryContact"]]
    assert {json.dumps(contact["Email"]) for contact in contacts} == {'{"error": "The value cannot be read."}'}
    assert all("AcctName" not in row and "AcctCD" in row for row in get(TABLE).json()["value"])


def test_parts_are_missing_although_they_are_expanded(erp: Simulator, get: Get) -> None:
    erp.lies = Lies(missing=frozenset({"Contacts", "PrimaryContact/Email"}))
    listed = customers(get, **EXPANDED)
    alone = get(f"{CONTRACT}/Customer/C000001", **EXPANDED).json()
    assert all("Contacts" not in row for row in listed)
    assert all("Email" not in (row["PrimaryContact"] or {}) for row in listed)
    assert any(row["PrimaryContact"] for row in listed)
    assert "Contacts" in alone
    erp.lies = Lies(missing=frozenset({"Contacts"}), is_missing_alone=True)
    assert "Contacts" not in get(f"{CONTRACT}/Customer/C000001", **EXPANDED).json()


def test_lists_empty_what_single_records_have(erp: Simulator, get: Get) -> None:
    truth = {row["CustomerID"]["value"]: row for row in customers(get, **EXPANDED)}
    erp.lies = Lies(emptied=frozenset({"Contacts", "PrimaryContact", "custom", "CustomerName"}))
    for row in customers(get, **EXPANDED):
        assert (row["Contacts"], row["PrimaryContact"], row["custom"], row["CustomerName"]) == ([], None, {}, {})
        name = row["CustomerID"]["value"]
        alone = get(f"{CONTRACT}/Customer/{name}", **EXPANDED).json()
        assert alone["custom"] == truth[name]["custom"] != {}
        assert len(alone["Contacts"]) == len(truth[name]["Contacts"])


def test_lists_empty_one_custom_field_among_others(erp: Simulator, get: Get) -> None:
    custom = {"$custom": "BAccount.UsrRegion,CurrentCustomer.UsrScore"}
    before = [row["custom"] for row in customers(get, **custom)]
    erp.lies = Lies(emptied=frozenset({"custom/BAccount/UsrRegion"}))
    shown = [row["custom"] for row in customers(get, **custom)]
    assert shown == [{**views, "BAccount": {"UsrRegion": {}}} for views in before]


def test_ids_last_for_one_answer(erp: Simulator, get: Get) -> None:
    stable = [row["id"] for row in customers(get)]
    erp.lies = Lies(unstable_ids=True)
    first, second = ({row["id"] for row in customers(get)} for _ in range(2))
    assert not first & second
    assert get(f"{CONTRACT}/Customer/{stable[0]}").status_code == 500
    assert get(f"{CONTRACT}/Customer/C000001").json()["CustomerID"] == {"value": "C000001"}


def test_some_custom_fields_are_refused_and_too_many_empty_the_list(erp: Simulator, get: Get) -> None:
    erp.lies = Lies(refused_customs=frozenset({"BAccount.UsrRegion"}))
    assert get(f"{CONTRACT}/Customer", **EXPANDED).status_code == 500
    assert get(f"{CONTRACT}/Customer", **{"$custom": "CurrentCustomer.UsrScore"}).status_code == 200
    erp.lies = Lies(most_customs=1)
    assert customers(get, **EXPANDED) == []
    assert len(customers(get, **{"$custom": "CurrentCustomer.UsrScore"})) == ROWS


def test_columns_show_something_else_to_everybody(erp: Simulator, get: Get) -> None:
    """Keys that are null or repeat: to OData, to its filters and orders, and to the tests that ask for the truth."""
    erp.lies = Lies(
        shown={
            "SOLine.NoteID": lambda row, cell: None if row.line_number == 1 else cell,
            "BI-Customers.CustomerID": lambda row, cell: "SAME" if row.handle > 8 else cell,
        }
    )
    company = erp.tenant("Company")
    lines = odata_rows(get, LINES)
    assert {row["LineNbr"] for row in lines if row["NoteID"] is None} == {1}
    assert [row["NoteID"] for row in lines] == [row["NoteID"] for row in company.dac_rows("SOLine")]
    assert len(odata_rows(get, LINES, **{"$filter": "NoteID eq null"})) == sum(row["NoteID"] is None for row in lines)
    assert ids(get, INQUIRY, **ORDER[INQUIRY]).count("SAME") == 3
    assert [row["CustomerID"] for row in company.gi_rows("BI-Customers")].count("SAME") == 3
    assert ids(get, TABLE, **ORDER[TABLE]) == number(*range(1, ROWS + 1))


# ----------------------------------------------------------------------------------------------------- how it compares


@everywhere
@pytest.mark.parametrize(("lies", "found"), [((), 1), (Lies(blind=True), 0), (Lies(deaf=True), ROWS)])
def test_filters_by_an_instant_find_nothing_or_are_not_looked_at(
    path: str, lies: Lies, found: int, erp: Simulator, get: Get
) -> None:
    moment = erp.clock.now().replace(microsecond=0)
    erp.tenant("Company").update("Customer", ("C000003",), {"CustomerName": "changed"})
    erp.lies = lies
    assert len(ids(get, path, **{"$filter": _since(path, moment)})) == found


@everywhere
@pytest.mark.parametrize("accepted", [True, False, None])
def test_a_comparison_with_null_is_accepted_or_refused(
    path: str, accepted: bool | None, erp: Simulator, get: Get
) -> None:
    erp.tenant("Company").update("Customer", ("C000003",), {"LastModifiedDateTime": None})
    erp.lies = Lies(null_filters=accepted)
    address = f"{CONTRACT}/Customer" if path == CONTRACT else path
    answer = get(address, **{"$filter": f"{_stamp(path)} eq null"})
    holds = path != CONTRACT if accepted is None else accepted
    assert (answer.status_code == 200) == holds
    if holds:
        assert ids(get, path, **{"$filter": f"{_stamp(path)} eq null"}) == number(3)
        assert len(ids(get, path, **{"$filter": f"{_stamp(path)} ne null"})) == ROWS - 1


@pytest.mark.parametrize(("lost", "rows"), [(None, {3, 5}), (Half.FIRST, {3}), (Half.SECOND, {5})])
@pytest.mark.parametrize("path", [INQUIRY, TABLE])
def test_one_of_two_conditions_is_not_looked_at(
    path: str, lost: Half | None, rows: set[int], erp: Simulator, get: Get
) -> None:
    moment = erp.clock.now().replace(microsecond=0)
    erp.tenant("Company").update("Customer", ("C000003",), {"LastModifiedDateTime": None})
    erp.tenant("Company").update("Customer", ("C000005",), {"CustomerName": "changed"})
    erp.lies = Lies(lost_half=lost)
    both = f"({_since(path, moment)} or {_stamp(path)} eq null)"
    assert ids(get, path, **{"$filter": both}) == [each for row in sorted(rows) for each in number(row)]


@everywhere
def test_an_instant_compares_otherwise_than_it_is_shown(path: str, erp: Simulator, get: Get) -> None:
    moment = erp.clock.now().replace(microsecond=400_000)
    erp.tenant("Company").update("Customer", ("C000003",), {"CustomerName": "changed"}, moment)
    after = _since(path, moment + timedelta(milliseconds=1))
    assert ids(get, path, **{"$filter": after}) == []
    erp.lies = Lies(compared_later=timedelta(milliseconds=2))
    assert ids(get, path, **{"$filter": after}) == number(3)
    stamp = (customers(get) if path == CONTRACT else odata_rows(get, path, **ORDER[path]))[2][_stamp(path)]
    assert ".4" in str(stamp)


def test_odata_shows_ticks_of_which_contract_rest_shows_milliseconds(erp: Simulator, get: Get) -> None:
    moment = erp.clock.now().replace(microsecond=376_667)
    erp.tenant("Company").update("Customer", ("C000003",), {"CustomerName": "changed"}, moment)
    erp.lies = Lies(ticks=True)
    assert ".377" in customers(get)[2]["LastModifiedDateTime"]["value"]
    assert ".376667" in odata_rows(get, TABLE)[2]["LastModifiedDateTime"]
    shown = _since(CONTRACT, moment.replace(microsecond=377_000))
    assert ids(get, CONTRACT, **{"$filter": shown}) == [], "contract REST does not find it by what it shows"
    assert ids(get, TABLE, **{"$filter": _since(TABLE, moment)}) == number(3)
    assert erp.tenant("Company").dac_rows("Customer")[2]["LastModifiedDateTime"].microsecond == 376_667


@pytest.mark.parametrize("status", [400, 500, 501])
def test_texts_can_be_equal_and_not_greater(status: int, erp: Simulator, get: Get) -> None:
    greater, equal = {"$filter": "AcctCD ge 'C000003'"}, {"$filter": "AcctCD eq 'C000003'"}
    erp.lies = Lies(uncomparable=status)
    assert (get(TABLE, **greater).status_code, get(TABLE, **equal).status_code) == (status, 200)
    erp.lies = Lies()
    assert len(odata_rows(get, TABLE, **greater)) == ROWS - 2


def _stamp(path: str) -> str:
    return "LastModifiedOn" if path == INQUIRY else "LastModifiedDateTime"


def _since(path: str, moment: Any) -> str:
    text = moment.isoformat().replace("+00:00", "Z")
    return f"{_stamp(path)} ge " + (f"datetimeoffset'{text}'" if path == CONTRACT else text)
