"""What the settings choose of the ERP, and how wrong ones are named, by a check and by a read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from .harness import FULL_REFRESH, INCREMENTAL, Destination, catalog_of, check, discover
from .simulator import Simulator


def test_archived_records_come_when_they_are_wanted(sim: Simulator) -> None:
    company = sim.tenant("Company")
    company.archive("SalesOrder", company.keys("SalesOrder")[0])
    for wanted in (False, True):
        config = sim.config("Company", include_archived=wanted)
        destination = Destination()
        destination.sync(config, catalog_of(config, "SalesOrder"))
        assert len(destination.rows("SalesOrder")) == len(company.keys("SalesOrder", archived=wanted))


def test_rows_last_changed_before_the_start_date_are_left_out(sim: Simulator) -> None:
    company = sim.tenant("Company")
    start = sim.clock.now() - timedelta(days=200)
    config = sim.config("Company", start_date=start.strftime("%Y-%m-%dT%H:%M:%SZ"))
    for mode in (FULL_REFRESH, INCREMENTAL):
        destination = Destination()
        destination.sync(config, catalog_of(config, "Customer", mode=mode))
        expected = {row["CustomerID"] for row in company.rows("Customer") if row["LastModifiedDateTime"] >= start}
        assert {row["CustomerID"] for row in destination.rows("Customer")} == expected


def test_custom_fields_can_be_left_out(sim: Simulator) -> None:
    config = sim.config("Company", include_custom_fields=False)
    destination = Destination()
    destination.sync(config, catalog_of(config, "Customer"))
    assert all(row["custom"] == {} for row in destination.rows("Customer"))
    assert not any("adHocSchema" in request.path for request in sim.requests)


def test_the_newest_known_default_endpoint_is_read_unless_others_are_named(sim: Simulator) -> None:
    assert "SalesOrder" in discover(sim.config())
    older = discover(sim.config(endpoints=["Default/22.200.001"]))
    assert "CountryOfOrigin" not in older["StockItem"]["json_schema"]["properties"]
    assert set(discover(sim.config(endpoints=["Fabrikam"], generic_inquiries=[]))) == {
        "Fabrikam__Equipment",
        "Fabrikam__Equipment__Readings",
        "Fabrikam__OpenItems",
    }


def test_a_read_asks_only_for_what_is_configured(sim: Simulator) -> None:
    config = sim.config(endpoints=["Default", "MANUFACTURING", "Fabrikam"])
    catalog = catalog_of(config, "Fabrikam__OpenItems")
    sim.requests.clear()
    Destination().sync(config, catalog)
    paths = {request.path.split("/entity", 1)[1] for request in sim.requests if "/entity" in request.path}
    assert paths == {"", "/auth/logout"} | {
        f"/Fabrikam/1.0/{what}" for what in ("swagger.json", "OpenItems", "OpenItems/$adHocSchema")
    }


def test_check_names_every_tenant_that_fails_and_says_what_to_do() -> None:
    with Simulator(rows=3, tenants=("A", "B", "C"), shared_client=False) as sim:
        config = sim.config()
        assert check(config)["status"] == "SUCCEEDED"
        own = config["tenant_credentials"]
        broken = [own[0], {**own[1], "client_secret": "wrong"}, {**own[2], "password": "wrong"}]
        before = sim.sign_ins("C")
        status = check({**config, "tenant_credentials": broken})
        assert status["status"] == "FAILED"
        assert "Tenant 'A'" not in status["message"]
        assert "Tenant 'B': the client id or secret is not accepted" in status["message"]
        assert "SM303010" in status["message"]
        assert "Tenant 'C': the user name or password is not accepted" in status["message"]
        assert sim.sign_ins("C") - before == 1, "a wrong password is tried once: accounts lock"
        assert sim.sessions.open_count() == 0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"endpoints": ["Default/99.200.001"]}, "There are: Default/20.200.001, Default/22.200.001"),
        ({"endpoints": ["Default", "Default/22.200.001"]}, "more than once"),
        ({"tenants": ["company"]}, "Login Name"),
        ({"instance_url": "http://example.com"}, "instance_url: use https"),
        ({"instance_url": "http://127.0.0.1:9"}, "cannot be reached"),
        ({"dac_tables": ["SOOrdr"]}, "dac_tables: no tenant has SOOrdr"),
        ({"generic_inquiries": ["BI-*", "Nothing"]}, "generic_inquiries: no tenant has Nothing"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_check_says_which_setting_is_wrong(sim: Simulator, settings: dict[str, Any], sentence: str) -> None:
    try:
        message = check({**sim.config("Company"), **settings})["message"]
    except AirbyteTracedException as error:
        assert error.failure_type is FailureType.transient_error
        message = str(error)
    assert sentence in message


def test_a_virtual_directory_that_is_forgotten_is_told(sim: Simulator) -> None:
    config = sim.config("Company")
    config["instance_url"] = config["instance_url"].removesuffix("/AcumaticaERP")
    assert "check instance_url and its directory" in check(config)["message"]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"instance_url": "erp.example.com"}, "instance_url: write it as https://host"),
        ({"tenants": []}, "tenants: name at least one."),
        ({"tenants": "Company"}, "tenants: write a list, in square brackets."),
        ({"password": 12345678}, "password: write it as text, in quotation marks."),
        ({"password": None}, "password: is missing."),
        ({"max_sessions": 99}, "max_sessions: Input should be less than or equal to 32."),
        ({"inquiry_parameters": [{"inquiry": "x", "value": "1"}]}, "inquiry_parameters.0.name: is missing."),
        # What only the form refuses is refused all the same.
        ({"endpoints": ["a/b/c"]}, "endpoints.0: 'a/b/c' has to be Name or Name/Version"),
        ({"lookback_minutes": "15"}, "lookback_minutes: '15' is not of type 'integer'."),
        ({"start_date": ""}, "start_date: write it as 2026-11-30 or"),
        ({"start_date": "11/30/2026"}, "start_date: write it as 2026-11-30 or"),
        ({"password": None, "pasword": "12345678"}, "'pasword' is not a setting of this connector"),
    ],
)
def test_wrong_settings_are_told_by_their_names(sim: Simulator, wrong: dict[str, Any], sentence: str) -> None:
    status = check(sim.config() | wrong)
    assert status["status"] == "FAILED"
    assert sentence in status["message"]
    assert "12345678" not in status["message"]
    assert sim.requests == []


def test_settings_that_say_nothing_and_spaces_around_the_address_are_no_harm(sim: Simulator) -> None:
    config = sim.config("Company")
    config |= {"generic_inquiries": None, "start_date": None, "instance_url": f" {config['instance_url']} "}
    assert check(config)["status"] == "SUCCEEDED"


def test_each_stream_fails_where_the_settings_cannot_be_used(sim: Simulator) -> None:
    config = sim.config("Company")
    destination = Destination()
    destination.sync(config | {"max_page_size": 0}, catalog_of(config, "Customer", "SalesOrder"), fails=True)
    assert destination.statuses == {"Customer": "INCOMPLETE", "SalesOrder": "INCOMPLETE"}
    assert "max_page_size" in destination.errors[0]["message"]
