"""What a check proves, and in what time: users of few rights, names that are closed, many tenants, low rates."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from source_acumatica import check as proof
from source_acumatica import source
from source_acumatica.erp import client

from .harness import check
from .simulator import Lies, Simulator, tenants
from .simulator.catalog.endpoints import ENDPOINTS
from .simulator.store.shapes import Endpoint

LIGHT = "/(Customer|Vendor|StockItem|Contact|Account|Equipment|Employee|Invoice|SalesOrder|Shipment)[?]"
A_CHECK_SECONDS = 6.5
"""A tenth of the time that a check has, with a tenth of what answers take."""


@pytest.fixture
def erp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    monkeypatch.setattr(client.RetryPolicy, "pause_seconds", lambda _self, _tries: 0.0)
    with Simulator(rows=4, tenants=("Company",)) as simulator:
        yield simulator


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]


# ------------------------------------------------------------------------------------------------ rights


def test_a_user_of_one_module_is_not_said_to_have_no_rights(erp: Simulator) -> None:
    erp.lies = Lies(only=LIGHT, forbidden=True)
    assert check(erp.config(generic_inquiries=[]))["status"] == "SUCCEEDED"


def test_a_user_who_may_read_nothing_fails_the_check_and_is_told_of_what(erp: Simulator) -> None:
    erp.lies = Lies(only="/entity/Default/", forbidden=True)
    status = check(erp.config(generic_inquiries=[]))
    assert status["status"] == "FAILED"
    assert "none of Customer, Vendor, StockItem, Contact, Account and 12 more (of " in status["message"]
    assert "Give the user a role with view rights" in status["message"]


def test_a_user_who_may_read_inquiries_alone_passes_with_a_warning(
    erp: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    erp.lies = Lies(only="/entity/Default/", forbidden=True)
    for named in (["BI-*"], ["*"]):
        caplog.clear()
        assert check(erp.config(generic_inquiries=named))["status"] == "SUCCEEDED"
        assert any("What OData has can be read" in warning for warning in warnings_of(caplog))


@pytest.mark.parametrize(
    ("settings", "closed"),
    [
        ({"generic_inquiries": ["PR-Salaries"]}, "gi__PR-Salaries"),
        ({"generic_inquiries": ["PR-*", "BI-*"]}, "gi__PR-Salaries"),
        ({"generic_inquiries": ["*-*"]}, ""),
        ({"generic_inquiries": ["*"]}, ""),
        ({"generic_inquiries": [], "dac_tables": ["SOOrder"]}, "dac__SOOrder"),
        ({"generic_inquiries": [], "dac_tables": ["SO*"]}, "dac__SO"),
        ({"generic_inquiries": [], "dac_tables": ["SO*", "Customer"]}, "dac__SO"),
    ],
)
def test_what_the_settings_name_has_to_be_readable(erp: Simulator, settings: dict[str, Any], closed: str) -> None:
    """A pattern is content with one table of many, and what stands for all is nobody's wish."""
    erp.lies = Lies(only="/dac/SO", forbidden=True)
    status = check(erp.config(**settings))
    assert (status["status"] == "FAILED") is bool(closed)
    if closed:
        assert f"Tenant 'Company', stream {closed}" in status["message"]
        assert "(403)" in status["message"]


# ------------------------------------------------------------------------------------------------ time


def test_hints_of_many_entities_leave_a_check_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An own endpoint of forty entities whose keys nobody knows: each may look like an inquiry form."""
    (fabrikam,) = (each for each in ENDPOINTS if each.name == "Fabrikam")
    (items,) = (each for each in fabrikam.entities if each.name == "OpenItems")
    entities = tuple(replace(items, name=f"Own{number}") for number in range(40))
    for entity in entities:
        monkeypatch.setitem(tenants.ENTITIES, ("Own", entity.name), entity)
    monkeypatch.setattr(source, "_CHECK_SECONDS", A_CHECK_SECONDS)
    with Simulator(rows=4, latency_seconds=0.1) as sim:
        monkeypatch.setitem(sim._site._endpoints, ("Own", "1.0"), Endpoint("Own", "1.0", entities))
        assert check(sim.config(endpoints=["Own"], generic_inquiries=[]))["status"] == "SUCCEEDED"
        asked = [one for one in sim.requests if one.query.get("$top") == "2"]
        assert 1 < len(asked) <= 20


def test_filters_of_many_streams_are_tried_while_there_is_time(
    erp: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    everything = [{"stream": "*", "filter": "1 eq 1"}]
    for until, are_tried in ((0.7, True), (0.0, False)):
        monkeypatch.setattr(proof, "_FILTERS_UNTIL", until)
        erp.requests.clear()
        caplog.clear()
        assert check(erp.config(generic_inquiries=[], row_filters=everything))["status"] == "SUCCEEDED"
        assert any("1 eq 1" in one.query.get("$filter", "") for one in erp.requests) is are_tried
        assert any("were not tried" in line for line in caplog.messages) is not are_tried


MANY = tuple(f"T{number:02}" for number in range(14))


def test_many_tenants_are_looked_at_as_far_as_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_CHECK_SECONDS", A_CHECK_SECONDS)
    with Simulator(rows=2, tenants=MANY, latency_seconds=0.1) as sim:
        assert check(sim.config())["status"] == "SUCCEEDED"
        assert sim.sessions.open_count() == 0


def test_tenants_that_there_is_no_time_for_are_told_and_what_they_have_is_unknown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(proof, "_ALL_UNTIL", 0.0)
    with Simulator(rows=2, tenants=MANY[:3]) as sim:
        config = sim.config(generic_inquiries=["Nothing"])
        assert check(config)["status"] == "SUCCEEDED"
        assert any("no tenant has Nothing" in warning for warning in warnings_of(caplog))
        assert any("only time to sign in to T01, T02;" in warning for warning in warnings_of(caplog))
        sim.account("T02").password = "another"
        assert "Tenant 'T02': the user name or password" in check(config)["message"]
        monkeypatch.setattr(proof, "_SIGN_INS_UNTIL", 0.0)
        tried = sim.sign_ins("T02")
        assert check(config)["status"] == "SUCCEEDED"
        assert any("no time to try T01, T02;" in warning for warning in warnings_of(caplog))
        assert sim.sign_ins("T02") == tried
        assert sim.sessions.open_count() == 0


@pytest.mark.parametrize("rate", [5, 10, 60])
def test_a_low_rate_of_requests_leaves_out_what_is_not_needed(rate: int, caplog: pytest.LogCaptureFixture) -> None:
    with Simulator(rows=4, tenants=MANY[:3]) as sim:
        began = time.monotonic()
        assert check(sim.config(requests_per_minute=rate))["status"] == "SUCCEEDED"
        assert time.monotonic() - began < 30
        told = [warning for warning in warnings_of(caplog) if "only time" in warning or "no time to try" in warning]
        assert bool(told) is (rate < 60)
