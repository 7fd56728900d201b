"""What the ERP has named once and names no more, or leaves out of its rows, is missed and never taken for empty."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from .comparison import differences
from .reads import COMPANY, read
from .reads import site as site
from .simulator import Lies, Simulator
from .simulator.web.answers import Answer
from .simulator.web.requests import Request


@contextmanager
def less(sim: Simulator, what: str) -> Iterator[None]:
    """While it lasts the ERP names less than it has."""
    is_on = [True]

    def rewrite(request: Request, answer: Answer) -> Answer:
        if not is_on[0] or answer.status != 200:
            return answer
        if request.path.endswith("/Customer/$adHocSchema") and what.startswith("custom"):
            said = json.loads(answer.whole().body)
            views = said["custom"]
            said["custom"] = {} if what == "custom" else {name: views[name] for name in views if name != "BAccount"}
            return replace(answer, body=json.dumps(said).encode())
        if request.path.endswith("swagger.json") and not what.startswith("custom"):
            said = json.loads(answer.whole().body)
            for schema in said["components"]["schemas"].values():
                for part in schema.get("allOf", [schema]):
                    part.get("properties", {}).pop(what, None)
            return replace(answer, body=json.dumps(said).encode())
        return answer

    sim.rewrite(rewrite)
    yield
    is_on[0] = False


@pytest.mark.parametrize(
    ("what", "named"),
    [
        ("custom", {"custom.BAccount.UsrRegion", "custom.CurrentCustomer.UsrScore"}),
        ("custom of a view", {"custom.BAccount.UsrRegion"}),
        ("CustomerName", {"CustomerName"}),
        ("MainContact", {"MainContact"}),
        ("City", {"MainContact.Address.City"}),
    ],
)
def test_what_the_erp_names_no_more_is_named_by_each_record_and_comes_once_it_is_back(
    sim: Simulator, what: str, named: set[str]
) -> None:
    tenant = sim.tenant("Company")
    destination = read(sim, "Customer")
    catalog = destination.catalog
    sim.clock.advance(3600)
    with less(sim, what):
        for day in range(2):
            for key in tenant.keys("Customer")[day:]:
                tenant.update("Customer", key, {"CustomerClass": f"KEY{day}"})
            sim.clock.advance(3600)
            destination.sync(sim.config("Company"), {"streams": list(catalog.values())})
            assert destination.statuses == {"Customer": "COMPLETE"}
            assert all(named <= {*changes} for changes in destination.changes)
            told = [warning for warning in destination.warnings if "have come before" in warning]
            assert told == destination.warnings, "it is said once"
            assert len(told) == 1
            assert min(named) in told[0]
    for _ in range(2):
        sim.clock.advance(3600)
        destination.sync(sim.config("Company"), {"streams": list(catalog.values())})
    assert destination.changes == [[]] * len(tenant.keys("Customer"))
    assert differences(destination, sim, COMPANY) == []


def test_what_is_deselected_is_not_missed(sim: Simulator) -> None:
    destination = read(sim, "Customer")
    stream: dict[str, Any] = destination.catalog["Customer"]
    for name in ("CustomerName", "custom", "MainContact"):
        del stream["stream"]["json_schema"]["properties"][name]
    sim.clock.advance(3600)
    sim.tenant("Company").update("Customer", sim.tenant("Company").keys("Customer")[0], {"CustomerClass": "KEY"})
    sim.clock.advance(60)
    destination.sync(sim.config("Company"), {"streams": [stream]})
    assert destination.changes == [[]] * destination.records
    assert destination.warnings == []


@pytest.mark.parametrize(
    ("stream", "lies", "column"),
    [
        ("Customer", Lies(missing=frozenset({"CustomerName"})), "CustomerName"),
        ("Customer", Lies(broken=frozenset({"CustomerName"})), "CustomerName"),
        ("SalesOrder__Details", Lies(missing=frozenset({"Details/OrderQty"})), "OrderQty"),
        ("dac__Customer", Lies(missing=frozenset({"AcctName"})), "AcctName"),
        ("gi__BI-Customers", Lies(missing=frozenset({"CustomerName"})), "CustomerName"),
    ],
)
def test_a_field_that_does_not_come_is_no_empty_one(site: Simulator, stream: str, lies: Lies, column: str) -> None:
    settings = {"dac_tables": ["Customer"], "include_custom_fields": False}
    site.lies = lies
    tenant = site.tenant("Company")
    # The inquiry has no empty column otherwise, so it would not show how it writes one.
    tenant.update("Customer", tenant.keys("Customer")[5], {"CustomerClass": None})
    destination = read(site, stream, **settings)
    assert destination.statuses == {stream: "COMPLETE"}
    assert destination.changes == [[column]] * destination.records
    said = f"as an error, for {column}" if lies.broken else f"the ERP does not send {column}, although it describes"
    assert said in " ".join(destination.warnings)
    site.lies = Lies()
    for day in range(2):
        site.clock.advance(3600)
        tenant.update("Customer", tenant.keys("Customer")[0], {"CustomerName": f"{day}"})
        tenant.update("SalesOrder", tenant.keys("SalesOrder")[0], {"Description": f"{day}"})
        site.clock.advance(60)
        read(site, stream, destination=destination, **settings)
    assert destination.changes == [[]] * destination.records
    # The simulator lists custom fields in the records to compare with.
    assert [one for one in differences(destination, site, COMPANY) if "custom" not in one] == []


def test_what_is_left_out_where_it_is_empty_is_empty(site: Simulator) -> None:
    """A server that writes no empty fields says the same with fewer words."""

    def rewrite(request: Request, answer: Answer) -> Answer:
        if "/entity/" not in request.path or answer.status != 200 or "$adHoc" in request.path:
            return answer
        return replace(answer.whole(), body=re.sub(rb'"\w+":\s*\{\},|,"\w+":\s*\{\}', b"", answer.whole().body))

    site.rewrite(rewrite)
    destination = read(site, "Customer", include_custom_fields=False)
    assert destination.warnings == []
    assert destination.changes == [[]] * destination.records
