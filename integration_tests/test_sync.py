"""Whole syncs against the simulated ERP, through the CDK's entry point: what arrives is what the ERP holds.

Changes under way, crashes and faults have files of their own.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from source_acumatica.airbyte import progress

from .comparison import differences, expected_rows
from .harness import FULL_REFRESH, INCREMENTAL, TENANTS, Destination, catalog_of, configured, discover
from .simulator import Simulator


@pytest.mark.parametrize("mode", [FULL_REFRESH, INCREMENTAL])
@pytest.mark.parametrize("is_new_build", [True, False], ids=["openapi", "swagger"])
def test_every_stream_of_every_endpoint_arrives_field_by_field(mode: str, is_new_build: bool) -> None:
    with Simulator(rows=12, openapi=is_new_build) as sim:
        config = sim.config(endpoints=["Default", "MANUFACTURING", "Fabrikam"], max_page_size=7, max_sessions=3)
        destination = Destination()
        destination.sync(config, catalog_of(config, mode=mode))
        assert differences(destination, sim, TENANTS) == []
        assert {
            "SalesOrder__Details",
            "Currency",
            "Payment__ApplicationHistory",
            "MANUFACTURING__BillOfMaterial__Operations__Material",
            "Fabrikam__OpenItems",
        } <= destination.catalog.keys()
        assert sim.sessions.open_count() == 0
        assert sim.sessions.peak <= 3


def test_a_second_sync_brings_what_changed_and_nothing_else(sim: Simulator) -> None:
    config = sim.config(lookback_minutes=0)
    catalog = catalog_of(config, "Customer", "SalesOrder", "SalesOrder__Details", "Subaccount")
    destination = Destination()
    destination.sync(config, catalog)
    sim.clock.advance(3600)
    company = sim.tenant("Company")
    company.update("Customer", company.keys("Customer")[3], {"CustomerName": "Neuer Name"})
    company.update("SalesOrder", company.keys("SalesOrder")[0], {"Details": [{"LineNbr": 7}, {"LineNbr": 8}]})
    company.insert("SalesOrder", {"OrderType": "SO", "OrderNbr": "999999", "Details": []})
    subaccounts = len(company.keys("Subaccount"))
    sim.clock.advance(60)

    destination.sync(config, catalog)

    assert differences(destination, sim, TENANTS) == []
    assert destination.records == 1 + 2 + 2 + 2 * subaccounts
    assert destination.states.keys() >= {"Customer", "SalesOrder", "SalesOrder__Details"}


def test_a_form_that_answers_filters_with_no_rows_is_read_in_full(sim: Simulator) -> None:
    config = sim.config("Company", lookback_minutes=0)
    catalog = catalog_of(config, "Shipment", "Shipment__Packages", "Customer")
    company = sim.tenant("Company")
    destination = Destination()
    for name in ("first", "second", "third"):
        destination.sync(config, catalog)
        assert differences(destination, sim, ["Company"]) == []
        assert len(destination.warnings) == (0 if name == "first" else 2)
        sim.clock.advance(3600)
        company.insert("Shipment", {"ShipmentNbr": name})
        company.insert("Customer", {"CustomerID": name})
        sim.clock.advance(60)
        sim.requests.clear()
    destination.sync(config, catalog)
    lists = [request for request in sim.requests if request.path.endswith("/Customer") and "$top" in request.query]
    filtered = [request for request in lists if "$filter" in request.query]
    assert len(lists) == len(filtered) == 2, "a filter that has brought rows today is trusted; one proves the end"


def test_a_row_committed_late_arrives_within_the_look_back(sim: Simulator) -> None:
    config = sim.config("Company")
    catalog = catalog_of(config, "Customer")
    destination = Destination()
    destination.sync(config, catalog)
    late = sim.clock.now() - timedelta(minutes=14)
    sim.tenant("Company").insert("Customer", {"CustomerID": "LATE"}, stamp=late)
    sim.clock.advance(30)
    destination.sync(config, catalog)
    assert differences(destination, sim, ["Company"]) == []


def test_a_record_that_lost_all_its_lines_has_none_left(sim: Simulator) -> None:
    config = sim.config("Company")
    catalog = catalog_of(config, "SalesOrder", "SalesOrder__Details")
    company = sim.tenant("Company")
    key = next(
        tuple(row[name] for name in ("OrderType", "OrderNbr")) for row in company.rows("SalesOrder") if row["Details"]
    )
    destination = Destination()
    destination.sync(config, catalog)
    sim.clock.advance(60)
    company.update("SalesOrder", key, {"Details": []})
    sim.clock.advance(60)
    destination.sync(config, catalog)
    assert differences(destination, sim, ["Company"]) == []


def test_records_without_lines_move_the_state_of_their_lines(small_pages: None) -> None:
    """A collection that nobody uses is asked for what has changed since the last sync, and not since the first."""
    with Simulator(rows=20, lines=0, tenants=("Company",)) as sim:
        config = sim.config(generic_inquiries=[])
        destination, catalog = Destination(), catalog_of(config, "SalesOrder", "SalesOrder__Details")
        company = sim.tenant("Company")
        destination.sync(config, catalog)
        for day in range(4):
            sim.clock.advance(86_400)
            for key in company.keys("SalesOrder")[day * 5 : day * 5 + 5]:
                company.update("SalesOrder", key, {"Description": f"day {day}"})
            sim.clock.advance(3_600)
            destination.sync(config, catalog)
            (of_orders,), (of_lines,) = (
                [*destination.states[name]["stream"]["stream_state"]["states"][0]["cursor"].values()]
                for name in ("SalesOrder", "SalesOrder__Details")
            )
            assert of_lines == of_orders


def test_a_tenant_added_later_gets_its_history_and_a_removed_one_keeps_its_state(sim: Simulator) -> None:
    destination = Destination()
    catalog = catalog_of(sim.config(), "Customer")
    destination.sync(sim.config("Company"), catalog)
    sim.clock.advance(86400)
    destination.sync(sim.config("Zweite Firma"), catalog)
    assert differences(destination, sim, TENANTS) == []
    parts = destination.states["Customer"]["stream"]["stream_state"]["states"]
    assert {part["partition"]["tenant"] for part in parts} == set(TENANTS)


def test_a_failing_tenant_stays_put_and_the_others_finish() -> None:
    with Simulator(rows=12, shared_client=False) as sim:
        config = sim.config()
        catalog = catalog_of(config, "Customer", "Subaccount")
        bad = {
            **config,
            "tenant_credentials": [{**one, "password": "wrong"} for one in config["tenant_credentials"][1:]],
        }
        destination, before = Destination(), sim.sign_ins("Zweite Firma")
        destination.sync(bad, catalog, fails=True)
        assert not [each for each in differences(destination, sim, ["Company"]) if "Subaccount" not in each]
        assert destination.records == len(destination.rows("Customer")) + len(sim.tenant("Company").rows("Subaccount"))
        assert not destination.rows("Subaccount"), "a table that is overwritten stays as it was until all tenants came"
        assert {error["failure_type"] for error in destination.errors} == {"config_error"}
        assert "Tenant 'Zweite Firma'" in destination.errors[0]["message"]
        assert destination.statuses == {"Customer": "INCOMPLETE", "Subaccount": "INCOMPLETE"}
        assert sim.sign_ins("Zweite Firma") - before == 1, "a wrong password is tried once: accounts lock"
        destination.sync(config, catalog)
        assert differences(destination, sim, TENANTS) == []


def test_selected_columns_are_selected_at_the_server(sim: Simulator) -> None:
    config = sim.config("Company")
    catalog = catalog_of(config, "SalesOrder", "SalesOrder__Details")
    for one in catalog["streams"]:
        properties = one["stream"]["json_schema"]["properties"]
        wanted = ("Status", "BillToAddress", "InventoryID")
        one["stream"]["json_schema"] = {"properties": {name: properties[name] for name in wanted if name in properties}}
    sim.requests.clear()
    destination = Destination()
    destination.sync(config, catalog)
    order, line = destination.rows("SalesOrder")[0], destination.rows("SalesOrder__Details")[0]
    assert order.keys() == {"_tenant", "id", "OrderType", "OrderNbr", "Status", "LastModified", "BillToAddress"}
    assert order["BillToAddress"]["City"]
    assert {"InventoryID", "LineNbr", "_parent_OrderNbr"} <= line.keys()
    assert "UnitPrice" not in line
    lists = [request for request in sim.requests if request.path.endswith("/SalesOrder")]
    assert all("$select" in request.query for request in lists)
    assert not any("$custom" in request.query for request in lists)


def test_inquiry_forms_are_asked_with_parameters(sim: Simulator) -> None:
    parameters = [("Period", "012025"), ("Ledger", "ACTUAL")]
    given = [{"inquiry": "AccountSummaryInquiry", "name": name, "value": value} for name, value in parameters]
    config = sim.config("Company", inquiry_parameters=given)
    destination = Destination()
    destination.sync(config, catalog_of(config, "AccountSummaryInquiry__Results"))
    expected = sim.tenant("Company").results("AccountSummaryInquiry", dict(parameters))
    rows = destination.rows("AccountSummaryInquiry__Results")
    assert [(row["Account"], str(row["EndingBalance"])) for row in rows] == [
        (row["Account"], str(row["EndingBalance"])) for row in expected
    ]
    assert rows[0]["_tenant"] == "Company"


def test_an_inquiry_with_missing_or_unknown_parameters_says_which(sim: Simulator) -> None:
    config = sim.config("Company")
    catalog = catalog_of(config, "AccountSummaryInquiry__Results")
    destination = Destination()
    destination.sync(config, catalog, fails=True)
    assert "inquiry_parameters" in destination.errors[0]["message"]
    assert "'Period' cannot be empty" in destination.errors[0]["message"]
    unknown = [{"inquiry": "AccountSummaryInquiry", "name": "Perod", "value": "012025"}]
    destination.sync({**config, "inquiry_parameters": unknown}, catalog, fails=True)
    assert "Perod" in destination.errors[0]["message"]
    assert "Period (StringValue)" in destination.errors[0]["message"]


def test_an_endpoint_that_only_one_tenant_has_is_read_there_alone(sim: Simulator) -> None:
    sim.tenant("Zweite Firma").lacks.add("Fabrikam")
    config = sim.config(endpoints=["Default", "Fabrikam"])
    destination = Destination()
    destination.sync(config, catalog_of(config, "Customer", "Fabrikam__Equipment"))
    assert {row["_tenant"] for row in destination.rows("Fabrikam__Equipment")} == {"Company"}
    assert {row["_tenant"] for row in destination.rows("Customer")} == set(TENANTS)
    assert [
        "Tenant 'Zweite Firma' does not have what Fabrikam__Equipment shows" in warning
        for warning in destination.warnings
    ] == [True]


def test_the_custom_fields_of_an_entity_are_asked_for_once_for_all_its_streams(sim: Simulator) -> None:
    config = sim.config("Company")
    catalog = catalog_of(config, "SalesOrder", "SalesOrder__Details", "SalesOrder__TaxDetails", "SalesOrder__Shipments")
    sim.requests.clear()
    Destination().sync(config, catalog)
    assert len([request for request in sim.requests if "adHocSchema" in request.path]) == 1


def test_a_stream_that_is_gone_is_no_success(sim: Simulator) -> None:
    config = sim.config("Company")
    catalog = catalog_of(config, "Customer", "Vendor")
    catalog["streams"][1]["stream"]["name"] = "Vanished"
    destination = Destination()
    destination.sync(config, catalog, fails=True)
    assert destination.statuses["Vanished"] == "INCOMPLETE"
    assert destination.statuses["Customer"] == "COMPLETE"
    assert any("Vanished" in log.getMessage() and "refresh" in log.getMessage() for log in destination.logs)


def test_forms_without_rights_fail_and_forms_not_set_up_warn(sim: Simulator) -> None:
    config = sim.config("Company")
    found = discover(config)
    destination = Destination()
    destination.sync(config, configured([found["Employee"], found["PayGroup"]]), fails=True)
    assert destination.statuses == {"Employee": "INCOMPLETE", "PayGroup": "COMPLETE"}
    assert "EP203000" in destination.errors[0]["message"]
    assert any("not set up" in warning for warning in destination.warnings)


def test_what_cannot_be_listed_is_read_record_by_record_and_the_log_says_so(sim: Simulator) -> None:
    config = sim.config("Company")
    destination = Destination()
    destination.sync(config, catalog_of(config, "Currency"))
    assert differences(destination, sim, ["Company"]) == []
    assert len(destination.warnings) == 1
    assert "one request per record" in destination.warnings[0]
    assert "Deselecting RealGainAcctID, RealLossAcctID" in destination.warnings[0]


def test_deselecting_what_cannot_be_listed_makes_the_list_work_again(sim: Simulator) -> None:
    config = sim.config("Company")
    catalog = catalog_of(config, "Currency")
    properties = catalog["streams"][0]["stream"]["json_schema"]["properties"]
    del properties["RealGainAcctID"], properties["RealLossAcctID"]
    sim.requests.clear()
    destination = Destination()
    destination.sync(config, catalog)
    assert differences(destination, sim, ["Company"]) == []
    lists = [request for request in sim.requests if "/Currency" in request.path and "$top" in request.query]
    assert len(lists) == 4, "the rows, the proof that there are no more, and two looks further on"


def test_a_field_that_is_described_but_not_served_does_not_hide_the_others(sim: Simulator) -> None:
    """Selecting the columns of Account selects one that the ERP does not know, so all of them are read."""
    config = sim.config("Company")
    catalog = catalog_of(config, "Account")
    del catalog["streams"][0]["stream"]["json_schema"]["properties"]["Description"]
    destination = Destination()
    destination.sync(config, catalog)
    assert [text for text in differences(destination, sim, ["Company"]) if "Secured" not in text] == []
    assert ["Asking for whole records" in warning for warning in destination.warnings] == [True]


def test_a_rerun_finds_the_same_catalog(sim: Simulator) -> None:
    assert discover(sim.config()) == discover(sim.config())


def test_expected_rows_are_not_empty(sim: Simulator) -> None:
    """The comparison itself compares something."""
    assert len(list(expected_rows(sim, "SalesOrder__Details", "Company", {"LineNbr"}))) > 3


def test_a_slow_stream_is_heard_of_while_it_is_read(monkeypatch: pytest.MonkeyPatch, small_pages: None) -> None:
    monkeypatch.setattr(progress, "INTERVAL_SECONDS", 0.1)
    with Simulator(rows=20, tenants=("Company",), latency_seconds=0.05) as sim:
        config = sim.config(max_page_size=3, dac_tables=["SOOrder"])
        destination = Destination()
        destination.sync(config, catalog_of(config, "Customer", "dac__SOOrder"))
        told = [log.getMessage() for log in destination.logs if "rows so far" in log.getMessage()]
        assert {line.split(":")[0] for line in told} == {
            "Tenant 'Company', stream Customer",
            "Tenant 'Company', stream dac__SOOrder",
        }
        counts = [int(line.split(": ")[1].split(" ")[0]) for line in told if "Customer" in line]
        assert counts == sorted(counts)
        assert counts[-1] > counts[0]


def test_a_form_that_shows_nothing_and_was_asked_without_values_says_so(sim: Simulator) -> None:
    stream = "InventorySummaryInquiry__Results"
    config = sim.config("Company", generic_inquiries=[])
    destination = Destination()
    destination.sync(config, catalog_of(config, stream, mode=FULL_REFRESH), fails=True)
    assert destination.records == 0
    assert "it was asked without values and shows no results" in " ".join(destination.warnings)
