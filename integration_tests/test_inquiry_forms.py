"""Inquiry forms and inquiries with parameters: which are asked by PUT, with what values, and what is no row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from .harness import FULL_REFRESH, INCREMENTAL, Destination, check, configured, discover
from .simulator import Simulator, tenants
from .simulator.catalog import ACCOUNT_SUMMARY, EQUIPMENT
from .simulator.inquiries import INQUIRY_BY_TITLE
from .simulator.shapes import Endpoint
from .test_sync import catalog_of

ORDERS = "Orders by Customer"


@pytest.fixture
def erp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """With an endpoint of somebody's own: a form that is not named like one, and a document that is."""
    assert ACCOUNT_SUMMARY.inquiry
    blank = replace(ACCOUNT_SUMMARY.inquiry, lists_blank=True, source="Account", mandatory=())
    form = replace(ACCOUNT_SUMMARY, name="RawData", inquiry=blank)
    document = replace(EQUIPMENT, name="WebInquiry")
    for entity in (form, document):
        monkeypatch.setitem(tenants.ENTITIES, ("Own", entity.name), entity)
    monkeypatch.setitem(tenants.ENTITIES, ("Own", "Account"), tenants.ENTITIES["Default", "Account"])
    with Simulator(rows=8, tenants=("Company",)) as simulator:
        monkeypatch.setitem(simulator._site._endpoints, ("Own", "1.0"), Endpoint("Own", "1.0", (form, document)))
        yield simulator


def own(sim: Simulator, **settings: Any) -> dict[str, Any]:
    return sim.config(endpoints=["Own"], generic_inquiries=[], include_custom_fields=False, **settings)


def puts(sim: Simulator) -> list[str]:
    return [one.path.rsplit("/", 1)[1] for one in sim.requests if one.method == "PUT"]


def read(sim: Simulator, config: dict[str, Any], *streams: str, mode: str = FULL_REFRESH) -> Destination:
    destination = Destination()
    destination.sync(config, catalog_of(config, *streams, mode=mode))
    return destination


def test_nothing_is_written_to_on_a_guess(erp: Simulator) -> None:
    config = own(erp)
    assert check(config)["status"] == "SUCCEEDED"
    found = discover(config)
    Destination().sync(config, configured(list(found.values())), fails=True)
    assert puts(erp) == []


def test_a_blank_record_is_no_row_and_the_setting_is_named(erp: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    config = own(erp)
    for command in (check, discover):
        caplog.clear()
        command(config)
        hints = [line for line in caplog.messages if "looks like an inquiry form" in line]
        assert len(hints) == 1
        assert "RawData in inquiry_forms" in hints[0]
    destination = Destination()
    destination.sync(config, catalog_of(config, "Own__RawData", "Own__RawData__Results", mode=FULL_REFRESH), fails=True)
    assert destination.records == 0
    assert destination.statuses == {"Own__RawData": "COMPLETE", "Own__RawData__Results": "INCOMPLETE"}
    assert any("RawData in inquiry_forms" in line for line in destination.warnings)
    assert "RawData in inquiry_forms" in destination.errors[0]["message"]


@pytest.mark.parametrize("named", ["RawData", "Own/RawData", "Own/Raw*"])
def test_a_form_that_the_settings_name_is_asked_for_its_results(erp: Simulator, named: str) -> None:
    config = own(erp, inquiry_forms=[named])
    assert check(config)["status"] == "SUCCEEDED"
    assert {name for name in discover(config) if "RawData" in name} == {"Own__RawData__Results"}
    destination = read(erp, config, "Own__RawData__Results")
    assert len(destination.rows("Own__RawData__Results")) == len(erp.tenant("Company").keys("Account"))
    assert puts(erp) == ["RawData"]


def test_values_for_a_generic_inquiry_make_no_document_of_the_same_name_a_form(
    erp: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked by PUT, it would be written to."""
    document = replace(tenants.ENTITIES["Default", "SalesOrder"], name=ORDERS)
    monkeypatch.setitem(tenants.ENTITIES, ("Own", ORDERS), document)
    monkeypatch.setitem(erp._site._endpoints, ("Own", "1.0"), Endpoint("Own", "1.0", (document,)))
    given = [{"inquiry": ORDERS, "name": name, "value": "1"} for name in ("Customer", "MinTotal")]
    config = erp.config(endpoints=["Own"], generic_inquiries=[ORDERS], inquiry_parameters=given)
    assert check(config)["status"] == "SUCCEEDED"
    found = discover(config)
    assert {f"Own__{ORDERS}", f"Own__{ORDERS}__Details", f"gi__{ORDERS}"} <= {*found}
    destination = Destination()
    destination.sync(config, configured(list(found.values()), FULL_REFRESH), fails=True)
    assert puts(erp) == []


def test_several_values_are_asked_one_after_another_and_stand_in_the_rows(erp: Simulator) -> None:
    given = [{"inquiry": "Own/RawData", "name": "Ledger", "value": value} for value in ("ACTUAL", "BUDGET")]
    given.append({"inquiry": "Own/RawData", "name": "Period", "value": "012026"})
    config = own(erp, inquiry_parameters=given)
    destination = read(erp, config, "Own__RawData__Results")
    rows = destination.rows("Own__RawData__Results")
    asked = Counter((row["_param_Ledger"], row["_param_Period"]) for row in rows)
    count = len(erp.tenant("Company").keys("Account"))
    assert asked == {("ACTUAL", "012026"): count, ("BUDGET", "012026"): count}
    schema = destination.catalog["Own__RawData__Results"]["stream"]["json_schema"]["properties"]
    assert schema["_param_Ledger"] == {"type": "string"}
    assert puts(erp) == ["RawData", "RawData"]


def test_keys_are_looked_at_with_each_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a customer without orders, none has the same key as another."""
    told = INQUIRY_BY_TITLE[ORDERS]
    repeated = replace(told, type=replace(told.type, keys=("Customer",)))
    monkeypatch.setitem(INQUIRY_BY_TITLE, ORDERS, repeated)
    with Simulator(rows=8, tenants=("Company",)) as sim:
        for number in range(2):
            order = {"OrderType": "SO", "OrderNbr": f"9{number}", "CustomerID": "K", "OrderTotal": Decimal(9)}
            sim.tenant("Company").insert("SalesOrder", order)
        for values, key in ((["none"], [["_tenant"], ["Customer"]]), (["none", "K"], None)):
            given = [{"inquiry": ORDERS, "name": "Customer", "value": value} for value in values]
            given.append({"inquiry": ORDERS, "name": "MinTotal", "value": "1"})
            found = discover(sim.config(generic_inquiries=[ORDERS], inquiry_parameters=given))[f"gi__{ORDERS}"]
            assert found.get("source_defined_primary_key") == key


@pytest.mark.parametrize("openapi", [True, False])
def test_an_inquiry_is_asked_for_each_value_and_keyed_by_it(openapi: bool, small_pages: None) -> None:
    with Simulator(rows=8, tenants=("Company",), openapi=openapi) as sim:
        company = sim.tenant("Company")
        for number in range(8):
            values = {
                "OrderType": "SO",
                "OrderNbr": f"9{number}",
                "CustomerID": f"K{number % 2}",
                "OrderTotal": Decimal(9),
            }
            company.insert("SalesOrder", values)
        given = [{"inquiry": ORDERS, "name": "Customer", "value": each} for each in ("K0", "K1")]
        given += [{"inquiry": ORDERS, "name": "MinTotal", "value": each} for each in ("1", "2.5")]
        config = sim.config(generic_inquiries=[ORDERS], inquiry_parameters=given, max_page_size=3)
        assert check(config)["status"] == "SUCCEEDED"
        catalog = catalog_of(config, f"gi__{ORDERS}", mode=INCREMENTAL)
        # So long ago that they lie in front of what is read again, which is a day at most for clocks that may differ.
        sim.clock.advance(2 * 86_400)
        destination = Destination()
        destination.sync(config, catalog)
        rows = destination.rows(f"gi__{ORDERS}")
        assert len(rows) == 16
        assert {(row["_param_Customer"], row["_param_MinTotal"]) for row in rows} == {
            (customer, total) for customer in ("K0", "K1") for total in ("1", "2.5")
        }
        about = destination.catalog[f"gi__{ORDERS}"]["stream"]
        assert about["source_defined_primary_key"] == [
            ["_tenant"], ["_param_Customer"], ["_param_MinTotal"], ["OrderType"], ["OrderNbr"]
        ]  # fmt: skip
        sim.clock.advance(86_400)
        company.update("SalesOrder", ("SO", "91"), {"Description": "changed"})
        sim.clock.advance(60)
        destination.sync(config, catalog)
        assert destination.records == 2


@pytest.mark.parametrize("openapi", [True, False])
def test_an_inquiry_that_needs_values_is_never_read_as_empty(openapi: bool) -> None:
    with Simulator(rows=8, tenants=("Company",), openapi=openapi) as sim:
        config = sim.config()
        destination = Destination()
        destination.sync(config, catalog_of(config, f"gi__{ORDERS}"), fails=True)
        assert destination.statuses == {f"gi__{ORDERS}": "INCOMPLETE"}
        assert "missing: Customer, MinTotal" in destination.errors[0]["message"]
