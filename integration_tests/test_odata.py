"""The OData services: inquiries and tables of all tenants, in both generations, through the connector's commands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any, Literal

import pytest

from .comparison import differences
from .harness import (
    ALL_OF_ODATA,
    FULL_REFRESH,
    INCREMENTAL,
    TENANTS,
    Destination,
    catalog_of,
    check,
    configured,
    discover,
)
from .simulator import Fault, FaultKind, Lies, Simulator
from .simulator.odata.edm import Access
from .simulator.odata.inquiries import CUSTOMERS, INQUIRY_BY_TITLE
from .simulator.odata.table_service import TableService

GENERATIONS = [pytest.param(True, id="new"), pytest.param(False, id="old")]


def feeds_of(config: dict[str, Any], mode: str = INCREMENTAL) -> dict[str, Any]:
    """A catalog of all that can be read through OData."""
    unreadable = {"gi__PR-Salaries", "gi__Orders by Customer", "dac__Users"}
    found = discover(config)
    names = [name for name in found if name.startswith(("gi__", "dac__")) and name not in unreadable]
    assert len(names) > 15
    return configured([found[name] for name in names], mode)


@pytest.mark.parametrize("mode", [FULL_REFRESH, INCREMENTAL])
@pytest.mark.parametrize("openapi", GENERATIONS)
def test_every_inquiry_and_table_equals_the_erp(openapi: bool, mode: str, small_pages: None) -> None:
    with Simulator(rows=12, openapi=openapi) as sim:
        config = sim.config(**ALL_OF_ODATA, max_page_size=5)
        catalog = feeds_of(config, mode)
        destination = Destination()
        destination.sync(config, catalog)
        assert differences(destination, sim, TENANTS) == []
        assert set(destination.statuses.values()) == {"COMPLETE"}


@pytest.mark.parametrize("openapi", GENERATIONS)
def test_the_next_sync_brings_what_has_changed_and_asks_for_nothing_else(openapi: bool) -> None:
    with Simulator(rows=12, openapi=openapi) as sim:
        config = sim.config("Company", **ALL_OF_ODATA)
        catalog = catalog_of(config, "gi__BI-Customers", "dac__Customer", "dac__SOOrder")
        destination = Destination()
        destination.sync(config, catalog)
        company = sim.tenant("Company")
        sim.clock.advance(80_000)
        company.update("Customer", company.keys("Customer")[3], {"CustomerName": "changed"})
        sim.clock.advance(60)
        sim.requests.clear()
        destination.sync(config, catalog)
        assert destination.records == 2
        assert differences(destination, sim, ["Company"]) == []
        asked = Counter(one.path.rsplit("/", 1)[1] for one in sim.requests if "odata" in one.path and one.status == 200)
        # Two for a list with rows, since one has to prove its end; of the orders one asks whether the filter works, and
        # one whether the latest stamp is still there. The changed row of the inquiry is asked for without the filter,
        # too, and once a day the first rows are listed, and asked for by their keys and by their own stamps: whether
        # they say the same tells whether the inquiry groups.
        assert asked == {"$metadata": 2, "BI-Customers": 7, "Customer": 2, "SOOrder": 3}


@pytest.mark.parametrize("mode", [FULL_REFRESH, INCREMENTAL])
@pytest.mark.parametrize("status", [400, 500, 501])
def test_a_table_whose_keys_cannot_be_compared_is_read_by_number(mode: str, status: int, small_pages: None) -> None:
    with Simulator(rows=12, tenants=("Company",)) as sim:
        sim.lies = Lies(only="dac/Customer", uncomparable=status)
        config = sim.config(dac_tables=["Customer"], max_page_size=5)
        destination = Destination()
        destination.sync(config, catalog_of(config, "dac__Customer", mode=mode))
        assert differences(destination, sim, ["Company"]) == []
        assert destination.records == 12


@pytest.mark.parametrize("openapi", GENERATIONS)
@pytest.mark.parametrize("command", [check, discover], ids=["check", "discover"])
def test_a_description_is_downloaded_once_for_each_tenant_and_the_addresses_are_found_out_once(
    openapi: bool, command: Any
) -> None:
    with Simulator(rows=3, openapi=openapi) as sim:
        command(sim.config(**ALL_OF_ODATA, track_deletions=True))
        described = [one for one in sim.requests if "$metadata" in one.path]
        assert len([one for one in described if one.status == 200]) == 4, "two services of two tenants"
        # The newer address is asked for once more, lest it be there after all.
        assert len([one for one in described if one.status == 404]) == (0 if openapi else 2)
        assert sim.sessions.peak == 1


def test_keys_cursors_and_modes_are_those_of_the_descriptions() -> None:
    with Simulator(rows=30) as sim:
        found = discover(sim.config(**ALL_OF_ODATA))
    facts = {
        name: (
            [path[0] for path in one.get("source_defined_primary_key", ())],
            one.get("default_cursor_field", []),
            one["supported_sync_modes"],
        )
        for name, one in found.items()
    }
    both = [FULL_REFRESH, INCREMENTAL]
    assert facts["gi__Open Orders 2.0"] == (["_tenant", "OrderType", "OrderNbr"], ["LastModifiedOn"], both)
    assert facts["gi__IN-StockItems"] == (["_tenant", "InventoryCD"], [], [FULL_REFRESH])
    assert facts["gi__Customers by Class"] == ([], [], [FULL_REFRESH]), "several groups have the same key"
    assert facts["dac__ARInvoice"] == (["_tenant", "DocType", "RefNbr"], ["LastModifiedDateTime"], both)
    assert facts["dac__Sub"] == (["_tenant", "SubCD"], [], [FULL_REFRESH])
    columns = found["dac__Customer"]["json_schema"]["properties"]
    assert "UsrRegion" in columns
    assert "GroupMask" not in columns, "it can be neither filtered nor selected"
    assert columns["CreditLimit"]["type"] == ["null", "number"]


def test_selected_columns_are_selected_at_the_server() -> None:
    with Simulator(rows=5, tenants=("Company",)) as sim:
        config = sim.config(**ALL_OF_ODATA)
        catalog = catalog_of(config, "dac__SOOrder", "gi__BI-Customers")
        for one, kept in zip(catalog["streams"], ("CuryOrderTotal", "Status"), strict=True):
            properties = one["stream"]["json_schema"]["properties"]
            one["stream"]["json_schema"]["properties"] = {"_tenant": {}, kept: properties[kept]}
        sim.requests.clear()
        destination = Destination()
        destination.sync(config, catalog)
        selected = {one.path.rsplit("/", 1)[1]: one.query.get("$select") for one in sim.requests if "$top" in one.query}
        assert selected == {
            "SOOrder": "OrderType,OrderNbr,CuryOrderTotal,LastModifiedDateTime",
            "BI-Customers": "CustomerID,Status,LastModifiedOn",
        }
        assert differences(destination, sim, ["Company"]) == []


# -------------------------------------------------------------------------------------------------------- parameters

ORDERS = "Orders by Customer"


def parameters(**values: Any) -> list[dict[str, Any]]:
    return [{"inquiry": ORDERS, "name": name, "value": value} for name, value in values.items()]


@pytest.mark.parametrize("openapi", GENERATIONS)
@pytest.mark.parametrize("customer", ["C000001", "O'Brien / Söhne & Co. #1?"])
def test_an_inquiry_with_parameters_is_asked_with_their_values(openapi: bool, customer: str) -> None:
    with Simulator(rows=12, tenants=("Company",), openapi=openapi) as sim:
        company = sim.tenant("Company")
        for number in range(3):
            values = {
                "OrderType": "SO",
                "OrderNbr": f"9{number}",
                "CustomerID": customer,
                "OrderTotal": Decimal(number),
            }
            company.insert("SalesOrder", values)
        config = sim.config(
            generic_inquiries=[ORDERS], inquiry_parameters=parameters(Customer=customer, MinTotal="0.5")
        )
        assert check(config)["status"] == "SUCCEEDED"
        catalog = catalog_of(config, f"gi__{ORDERS}")
        destination = Destination()
        destination.sync(config, catalog)
        arrived = {row["OrderNbr"] for row in destination.rows(f"gi__{ORDERS}")}
        truth = company.gi_rows(ORDERS, Customer=customer, MinTotal=Decimal("0.5"))
        assert arrived == {row["OrderNbr"] for row in truth} >= {"91", "92"}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "takes Customer (String), MinTotal (Decimal); missing: Customer, MinTotal."),
        ({"Customer": "A"}, "missing: MinTotal."),
        ({"Customer": "A", "MinTotal": "1", "Year": "2026"}, "unknown: Year."),
        ({"Customer": "A", "MinTotal": "much"}, "much is not of type Edm.Decimal"),
    ],
    ids=str,
)
def test_parameters_that_do_not_fit_fail_the_check_and_the_stream(
    sim: Simulator, given: dict[str, Any], sentence: str
) -> None:
    config = sim.config("Company", generic_inquiries=[ORDERS], inquiry_parameters=parameters(**given))
    status = check(config)
    assert status["status"] == "FAILED"
    assert sentence in status["message"]
    good = {**config, "inquiry_parameters": parameters(Customer="A", MinTotal="1")}
    catalog = catalog_of(good, f"gi__{ORDERS}", "Customer")
    destination = Destination()
    destination.sync(config, catalog, fails=True)
    assert destination.statuses == {f"gi__{ORDERS}": "INCOMPLETE", "Customer": "COMPLETE"}
    assert sentence in destination.errors[0]["message"]
    assert destination.errors[0]["failure_type"] == "config_error"


def test_nobody_has_to_fill_in_the_parameters_of_inquiries_that_only_the_default_offers(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    assert check(sim.config("Company"))["status"] == "SUCCEEDED"
    assert [ORDERS in line for line in caplog.messages if "inquiry_parameters" in line] == [True]


@pytest.mark.parametrize("shown_in", [(), ("Zweite Firma",)], ids=["no rows", "rows in one tenant"])
def test_that_the_key_of_an_inquiry_without_rows_is_a_claim_is_told_and_it_stays(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, shown_in: Sequence[str]
) -> None:
    """A list of what is left to do is empty now and then: its key is not to come and go with its rows."""
    config = sim.config(generic_inquiries=["BI-*"], endpoints=["Fabrikam"])
    before = discover(config)
    assert not [line for line in caplog.messages if "shows no rows today" in line]
    for tenant in map(sim.tenant, shown_in):
        tenant.update("Customer", tenant.keys("Customer")[0], {"CustomerName": "to do"})
    some = replace(CUSTOMERS, where=lambda row: row.record.value("CustomerName") == "to do")
    monkeypatch.setitem(INQUIRY_BY_TITLE, CUSTOMERS.title, some)  # type: ignore[misc]
    assert discover(config) == before
    told = [line for line in caplog.messages if "shows no rows today" in line]
    assert len(told) == (not shown_in)


@pytest.mark.parametrize("openapi", GENERATIONS)
def test_an_inquiry_whose_cursor_cannot_be_filtered_is_read_in_full(
    openapi: bool, monkeypatch: pytest.MonkeyPatch, small_pages: None
) -> None:
    inquiry = INQUIRY_BY_TITLE["BI-Customers"]
    columns = tuple(
        replace(each, access=Access.FORMULA) if each.name == "LastModifiedOn" else each for each in inquiry.type.columns
    )
    changed = replace(inquiry, type=replace(inquiry.type, columns=columns))
    monkeypatch.setitem(INQUIRY_BY_TITLE, "BI-Customers", changed)  # type: ignore[misc]
    with Simulator(rows=8, tenants=("Company",), openapi=openapi) as sim:
        config = sim.config(generic_inquiries=["BI-*"], max_page_size=3)
        catalog = catalog_of(config, "gi__BI-Customers")
        destination = Destination()
        destination.sync(config, catalog)
        assert destination.warnings == []
        sim.clock.advance(3600)
        company = sim.tenant("Company")
        company.update("Customer", company.keys("Customer")[0], {"CustomerName": "changed"})
        sim.clock.advance(60)
        destination.sync(config, catalog)
        (warning,) = destination.warnings
        assert "a formula column can be neither filtered nor sorted" in warning
        assert "all rows instead of the changed ones" in warning
        assert differences(destination, sim, ["Company"]) == []


@pytest.mark.parametrize("keys", [("Class",), ("CustomerID",)], ids=str)
@pytest.mark.parametrize("kind", [FaultKind.STATUS_500, FaultKind.TOKEN_DROPPED, FaultKind.SESSION_DROPPED], ids=str)
def test_a_key_that_could_not_be_looked_at_is_none_unless_another_tenant_tells(
    kind: FaultKind, keys: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = replace(CUSTOMERS, title="BI-X", type=replace(CUSTOMERS.type, name="BIX", keys=keys))
    monkeypatch.setitem(INQUIRY_BY_TITLE, "BI-X", shown)  # type: ignore[misc]
    proven = [["_tenant"], ["CustomerID"]] if keys == ("CustomerID",) else None
    with Simulator(rows=8) as sim:

        def key_of(*tenants: str) -> Any:
            config = sim.config(*tenants, generic_inquiries=["BI-X"], endpoints=["Fabrikam"])
            return discover(config)["gi__BI-X"].get("source_defined_primary_key")

        assert key_of() == proven
        sim.faults.add(Fault(kind, path="Zweite Firma.*/gi/BI-X", times=1000))
        assert key_of() == proven, "the other tenant tells"
        assert key_of("Zweite Firma") is None


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("page_rows", [1, 2, 3, 7])
def test_a_server_that_cuts_its_answers_into_pages_loses_no_row(page_rows: int, relative: bool) -> None:
    with Simulator(rows=10, odata_page_rows=page_rows, odata_relative_links=relative) as sim:
        config = sim.config("Company", **ALL_OF_ODATA)
        catalog = catalog_of(
            config, "gi__BI-Customers", "gi__Customers by Class", "dac__SOOrder", "dac__Sub", mode=FULL_REFRESH
        )
        destination = Destination()
        destination.sync(config, catalog)
        assert differences(destination, sim, ["Company"]) == []


@pytest.mark.parametrize(
    "hidden", [range(1, 6), range(2, 3), range(5, 16), range(6, 11), range(8, 28), range(26, 31)], ids=str
)
@pytest.mark.parametrize("page_rows", [1, 5])
@pytest.mark.parametrize(
    ("stream", "version"), [("dac__Customer", None), ("gi__BI-Customers", None), ("gi__BI-Customers", 3)]
)
@pytest.mark.parametrize("mode", [FULL_REFRESH, INCREMENTAL])
def test_a_page_that_is_empty_since_its_rows_are_hidden_is_not_the_end(
    hidden: range, page_rows: int, stream: str, version: int | None, mode: str
) -> None:
    """The server cuts its pages first, and takes out of them then what the user may not see."""
    with Simulator(rows=30, tenants=("Company",), odata_page_rows=page_rows, legacy_inquiries=version) as sim:
        config = sim.config(**CUSTOMERS_ALONE)
        sim.lies = Lies(hidden=frozenset(f"C{number:06d}" for number in hidden))
        destination = Destination()
        destination.sync(config, _catalog_of_customers(stream, version, mode))
        assert len(destination.rows(stream)) == 30 - len(hidden)
        assert differences(destination, sim, ["Company"]) == []
        assert not any(destination.exact_repeats.values())


CUSTOMERS_ALONE: Mapping[str, Any] = {"generic_inquiries": ["BI-Customers"], "dac_tables": ["Customer"]}


@cache
def _catalog_of_customers(stream: str, version: Literal[3, 4] | None, mode: str) -> dict[str, Any]:
    """The same however the server cuts its pages, and whatever it hides."""
    with Simulator(rows=30, tenants=("Company",), legacy_inquiries=version) as sim:
        return catalog_of(sim.config(**CUSTOMERS_ALONE), stream, mode=mode)


def test_archived_rows_of_tables_come_if_they_are_wanted() -> None:
    with Simulator(rows=12, tenants=("Company",)) as sim:
        counts = []
        for wanted in (False, True):
            config = sim.config(**ALL_OF_ODATA, include_archived=wanted)
            destination = Destination()
            destination.sync(config, catalog_of(config, "dac__SOOrder"))
            counts.append(len(destination.rows("dac__SOOrder")))
        truth = [len(sim.tenant("Company").dac_rows("SOOrder", archived=wanted)) for wanted in (False, True)]
        assert counts == truth
        assert truth[0] < truth[1]


@pytest.mark.parametrize("options", [{"virtual_directory": ""}, {"legacy_inquiries": 3}, {"openapi": False}], ids=str)
def test_the_services_are_found_wherever_they_lie(options: dict[str, Any]) -> None:
    with Simulator(rows=4, **options) as sim:
        config = sim.config(**ALL_OF_ODATA)
        destination = Destination()
        destination.sync(config, catalog_of(config, "gi__BI-Customers", "dac__SOOrder"))
        assert differences(destination, sim, TENANTS) == []


def test_a_hostile_description_is_refused_with_a_sentence(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = b'<!DOCTYPE Edmx [<!ENTITY x SYSTEM "file:///etc/passwd">]><Edmx>&x;</Edmx>'
    monkeypatch.setattr(TableService, "_metadata", lambda _self: iter([hostile]))
    status = check(sim.config("Company", dac_tables=["SOOrder"]))
    assert status["status"] == "FAILED"
    assert "description of the OData tables: the description declares a document type" in status["message"]
