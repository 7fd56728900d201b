"""Inquiry forms and inquiries with parameters: which are asked by PUT, with what values, and what is no row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from .harness import APPEND_DEDUP, FULL_REFRESH, INCREMENTAL, Destination, catalog_of, check, configured, discover
from .simulator import Fault, FaultKind, Lies, Simulator, tenants
from .simulator.catalog.inquiry_forms import ACCOUNT_SUMMARY
from .simulator.catalog.other_endpoints import EQUIPMENT
from .simulator.odata.edm import Edm
from .simulator.odata.inquiries import CUSTOMERS, INQUIRY_BY_TITLE, Parameter
from .simulator.store.shapes import Endpoint
from .simulator.web.answers import Answer, as_json
from .simulator.web.requests import Request

ORDERS = "Orders by Customer"
FILLED = {"Period": "012026", "Ledger": "ACTUAL"}


@pytest.fixture
def erp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """With an endpoint of somebody's own: a form that is not named like one, and a document that is."""
    assert ACCOUNT_SUMMARY.inquiry
    blank = replace(ACCOUNT_SUMMARY.inquiry, lists_blank=True, source="Account", mandatory=(), is_of_the_ledger=False)
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


def test_documents_of_the_name_of_a_known_form_are_read_and_not_written_to(
    erp: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Budgets with details, in an endpoint of one's own; the form that is Default's is asked as it is there."""
    budget = replace(tenants.ENTITIES["Default", "SalesOrder"], name="Budget")
    summary = tenants.ENTITIES["Default", "AccountSummaryInquiry"]
    for entity in (budget, summary):
        monkeypatch.setitem(tenants.ENTITIES, ("Own", entity.name), entity)
    monkeypatch.setitem(erp._site._endpoints, ("Own", "1.0"), Endpoint("Own", "1.0", (budget, summary)))
    period = [{"inquiry": "AccountSummaryInquiry", "name": "Period", "value": "012026"}]
    period.append({"inquiry": "AccountSummaryInquiry", "name": "Ledger", "value": "ACTUAL"})
    config = own(erp, inquiry_parameters=period)
    streams = ("Own__Budget", "Own__Budget__Details", "Own__AccountSummaryInquiry__Results")
    destination = read(erp, config, *streams)
    assert len(destination.rows("Own__Budget")) == len(erp.tenant("Company").keys("Budget", "Own"))
    results = erp.tenant("Company").results("AccountSummaryInquiry", FILLED, "Own")
    assert len(destination.rows("Own__AccountSummaryInquiry__Results")) == len(results) > 0
    assert puts(erp) == ["AccountSummaryInquiry"]


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


def test_values_under_both_names_of_a_form_are_those_of_one_form(erp: Simulator) -> None:
    given = [{"inquiry": "RawData", "name": "Ledger", "value": "ACTUAL"}]
    given += [{"inquiry": "Own/RawData", "name": "Period", "value": value} for value in ("012026", "022026")]
    config = own(erp, inquiry_parameters=given)
    destination = read(erp, config, "Own__RawData__Results")
    rows = destination.rows("Own__RawData__Results")
    count = len(erp.tenant("Company").keys("Account"))
    asked = Counter((row["_param_Ledger"], row["_param_Period"]) for row in rows)
    assert asked == {("ACTUAL", "012026"): count, ("ACTUAL", "022026"): count}


def by_period(monkeypatch: pytest.MonkeyPatch, title: str = "Balances") -> None:
    """An inquiry that shows the same customers for each period."""
    period = Parameter("Period", Edm.STRING, "", lambda _row, _value: True)
    kind = replace(CUSTOMERS.type, name="Balances")
    shown = replace(CUSTOMERS, title=title, type=kind, parameters=(period,))
    monkeypatch.setitem(INQUIRY_BY_TITLE, title, shown)  # type: ignore[misc]


def periods(*values: str) -> dict[str, Any]:
    given = [{"inquiry": "Balances", "name": "Period", "value": value} for value in values]
    return {"generic_inquiries": ["Balances"], "inquiry_parameters": given}


@pytest.mark.parametrize("mode", [INCREMENTAL, FULL_REFRESH])
def test_a_value_that_the_key_does_not_tell_from_another_fails_where_rows_would_be_lost(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_period(monkeypatch)
    with Simulator(rows=8, tenants=("Company",)) as sim:
        found = discover(sim.config(**periods("01")))["gi__Balances"]
        catalog = configured([found], mode, APPEND_DEDUP)
        destination = Destination()
        destination.sync(sim.config(**periods("01")), catalog)
        destination.sync(sim.config(**periods("01", "02")), catalog, fails=True)
        assert destination.records == 0
        assert "_param_Period is not part of the primary key" in destination.errors[0]["message"]
        destination.sync(sim.config(**periods("02")), catalog)
        fresh = discover(sim.config(**periods("01", "02")))["gi__Balances"]
        destination = Destination()
        for values in (("01", "02"), ("02",)):
            # And a value that is taken out again leaves the key as it is.
            destination.sync(sim.config(**periods(*values)), configured([fresh], mode, APPEND_DEDUP))
            assert destination.records == 8 * len(values)
            assert len(destination.rows("gi__Balances")) == 16
            assert not any("_param_Period" in line for line in destination.warnings)


def test_a_list_of_one_value_that_is_empty_for_a_while_keeps_its_history(monkeypatch: pytest.MonkeyPatch) -> None:
    by_period(monkeypatch)
    with Simulator(rows=8, tenants=("Company",)) as sim:
        company = sim.tenant("Company")
        config = sim.config(**periods("01", "02"))
        catalog = configured([discover(config)["gi__Balances"]])
        everything = frozenset(key for (key,) in company.keys("Customer"))
        sim.lies = Lies(only="'02'", hidden=everything)
        destination = Destination()
        destination.sync(config, catalog)
        assert destination.records == 8
        sim.clock.advance(2 * 86_400)
        company.update("Customer", company.keys("Customer")[2], {"CustomerName": "changed"})
        sim.clock.advance(60)
        destination.sync(config, catalog)
        assert destination.records == 1, "the other value's list goes on from where it is"
        sim.lies = ()
        sim.clock.advance(3 * 86_400)
        destination.sync(config, catalog)
        assert len(destination.rows("gi__Balances")) == 16
        sim.clock.advance(3 * 86_400)
        destination.sync(config, catalog)
        assert destination.records == 0, "and so does this one's, once it has come"


def test_a_schema_without_the_column_of_several_values_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    by_period(monkeypatch)
    with Simulator(rows=8, tenants=("Company",)) as sim:
        found = discover(sim.config(**periods("01")))["gi__Balances"]
        destination = Destination()
        destination.sync(sim.config(**periods("01", "02")), configured([found], FULL_REFRESH))
        assert any("does not have _param_Period" in line for line in destination.warnings)
        fresh = discover(sim.config(**periods("01", "02")))["gi__Balances"]
        destination.sync(sim.config(**periods("01", "02")), configured([fresh], FULL_REFRESH))
        assert destination.warnings == []


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


@pytest.mark.parametrize("openapi", [True, False])
def test_each_tenant_is_asked_with_the_parameters_that_its_own_inquiry_has(openapi: bool) -> None:
    """And a row without a parameter has an empty text for it, which can be part of a key."""
    given = [{"inquiry": ORDERS, "name": "Customer", "value": "K0"}]
    given += [{"inquiry": ORDERS, "name": "MinTotal", "value": each} for each in ("1", "2.5")]
    with Simulator(rows=4, openapi=openapi) as sim:
        for tenant in ("Company", "Zweite Firma"):
            sim.tenant(tenant).insert(
                "SalesOrder", {"OrderType": "SO", "OrderNbr": "90", "CustomerID": "K0", "OrderTotal": Decimal(9)}
            )
        sim.tenant("Zweite Firma").lacks.add(f"gi/{ORDERS}?MinTotal")
        config = sim.config(generic_inquiries=[ORDERS], inquiry_parameters=given)
        assert check(config)["status"] == "SUCCEEDED"
        destination = Destination()
        destination.sync(config, catalog_of(config, f"gi__{ORDERS}", mode=INCREMENTAL))
        assert destination.warnings == []
        asked = Counter((row["_tenant"], row["_param_MinTotal"]) for row in destination.rows(f"gi__{ORDERS}"))
        assert asked == {("Company", "1"): 1, ("Company", "2.5"): 1, ("Zweite Firma", ""): 1}


def test_a_parameter_that_no_tenant_has_is_told_with_a_tenant(sim: Simulator) -> None:
    names = {"Customer": "K0", "MinTotal": "1", "Kunde": "K0"}
    given = [{"inquiry": ORDERS, "name": name, "value": value} for name, value in names.items()]
    right, wrong = (sim.config(generic_inquiries=[ORDERS], inquiry_parameters=some) for some in (given[:2], given))
    sim.tenant("Zweite Firma").lacks.add(f"gi/{ORDERS}?MinTotal")
    assert check(right) == {"status": "SUCCEEDED"}
    sentence = f"Tenant 'Company': inquiry_parameters: the inquiry {ORDERS} takes Customer (String), MinTotal (Decimal)"
    assert f"{sentence}; unknown: Kunde." in check(wrong)["message"]
    destination = Destination()
    destination.sync(wrong, catalog_of(right, f"gi__{ORDERS}"), fails=True)
    assert {error["message"].partition("unknown: ")[2][:6] for error in destination.errors} == {"Kunde."}
    # What a tenant has that cannot be asked is not known, and the others are read.
    sim.faults.add(Fault(FaultKind.STATUS_503, path=r"Company.*\$metadata", times=1000))
    destination.sync(right, catalog_of(sim.config("Zweite Firma"), f"gi__{ORDERS}"), fails=True)
    assert all("Company" in error["message"] for error in destination.errors)


@pytest.mark.parametrize(
    ("changed", "failed", "told"),
    [
        ({}, "", ""),
        ({"Ledger": {"value": "Actual "}}, "", ""),
        ({"Ledger": {"value": "ACTUAL", "error": "'BUDGETX' cannot be found."}}, "Ledger: 'BUDGETX' cannot be", ""),
        ({"error": "PX.Data.PXException: Period is wrong."}, "the form came back with an error; if it wants", ""),
        ({"Branch": {"error": "Branch is empty."}}, "", "beside a value that was not set"),
        ({"Ledger": {"value": "BUDGET"}}, "", "Ledger was sent as 'ACTUAL', and the form shows 'BUDGET'"),
        ({"Ledger": {}}, "", "Ledger was sent as 'ACTUAL', and the form shows ''"),
    ],
)
def test_the_results_of_a_form_are_those_of_the_values_that_it_comes_back_with(
    changed: dict[str, Any], failed: str, told: str
) -> None:
    form = "AccountSummaryInquiry"
    given = [{"inquiry": form, "name": name, "value": value} for name, value in FILLED.items()]

    def answered_otherwise(request: Request, answer: Answer) -> Answer:
        if request.method != "PUT":
            return answer
        whole = answer.whole()
        return replace(whole, body=json.dumps(json.loads(whole.body) | changed).encode())

    with Simulator(rows=4, tenants=("Company",)) as sim:
        sim.rewrite(answered_otherwise)
        config = sim.config(generic_inquiries=[], inquiry_parameters=given)
        destination = Destination()
        destination.sync(config, catalog_of(config, f"{form}__Results"), fails=bool(failed))
    errors = [error["message"] for error in destination.errors]
    assert [failed in error and "set inquiry_parameters" in error for error in errors] == [True] * bool(failed)
    assert [told in warning for warning in destination.warnings] == [True] * bool(told)


def test_a_wrong_name_among_the_values_of_a_form_fails_the_check(erp: Simulator) -> None:
    config = erp.config(inquiry_parameters=[{"inquiry": "AccountSummaryInquiry", "name": "period", "value": "012026"}])
    answer = check(config)
    assert answer["status"] == "FAILED"
    assert "AccountSummaryInquiry takes Branch" in answer["message"]
    assert "check the names and types of period." in answer["message"]


def test_a_value_that_the_erp_cannot_read_is_quoted_with_its_field(erp: Simulator) -> None:
    def refuse(request: Request, answer: Answer) -> Answer:
        if request.method != "PUT":
            return answer
        text = {"message": "The request is invalid.", "modelState": {"entity.Period": ["31.01.2026 is no date"]}}
        return as_json(text, 400)

    erp.rewrite(refuse)
    config = erp.config(inquiry_parameters=[{"inquiry": "AccountSummaryInquiry", "name": "Period", "value": "012026"}])
    destination = Destination()
    destination.sync(config, catalog_of(config, "AccountSummaryInquiry__Results", mode=FULL_REFRESH), fails=True)
    (error,) = destination.errors
    assert error["failure_type"] == "config_error"
    assert "set inquiry_parameters" in error["message"]
    assert "entity.Period: 31.01.2026 is no date" in error["message"]
