"""Tests that records that are read one by one are those that were asked for, however they are addressed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from source_acumatica.erp import addresses

from .comparison import differences
from .harness import FULL_REFRESH, INCREMENTAL, catalog_of
from .reads import COMPANY, Metas, each, lists, read
from .simulator import Simulator
from .simulator.web.answers import Answer, html, no_record
from .simulator.web.requests import Request


@contextmanager
def made_up_ids(sim: Simulator, entity: str) -> Iterator[None]:
    """Lists give each record an id that leads nowhere."""
    sim.rewrite(lists(entity, each(lambda row: row.update(id=str(uuid4())))))
    yield


@pytest.mark.parametrize("mode", [FULL_REFRESH, INCREMENTAL])
@pytest.mark.parametrize("key", ["R&D", "50% DEPOSIT", "A/C", "FREIGHT:SEA", "A+B", "WHY?", "A|B"])
def test_a_record_that_cannot_be_addressed_fails_the_stream_by_its_name(sim: Simulator, key: str, mode: str) -> None:
    sim.tenant("Company").insert("VendorClass", {"ClassID": key})
    with made_up_ids(sim, "VendorClass"):
        destination = read(sim, "VendorClass", mode=mode)
    assert destination.statuses == {"VendorClass": "INCOMPLETE"}
    assert f"record {key!r}: it cannot be read by itself" in destination.errors[0]["message"]


@pytest.mark.parametrize("key", ["R&D", "A/C"])
def test_an_id_that_leads_to_the_record_is_its_address(sim: Simulator, key: str) -> None:
    sim.tenant("Company").insert("VendorClass", {"ClassID": key})
    destination = read(sim, "VendorClass")
    assert differences(destination, sim, COMPANY) == []


_NOT_FOUND = html(404, "The resource cannot be found.")


@pytest.mark.parametrize("answer", [_NOT_FOUND, no_record()], ids=["404", "no entity"])
def test_a_record_whose_key_the_web_server_takes_for_something_else_is_read_by_its_id(
    sim: Simulator, answer: Answer
) -> None:
    sim.tenant("Company").insert("VendorClass", {"ClassID": "CON"})
    sim.rewrite(lambda request, right: answer if request.path.endswith("/VendorClass/CON") else right)
    destination = read(sim, "VendorClass")
    assert differences(destination, sim, COMPANY) == []


def test_a_record_whose_address_leads_to_another_one_is_read_by_its_id(sim: Simulator) -> None:
    """Windows drops dots at the end of a path's segments."""
    sim.tenant("Company").insert("VendorClass", {"ClassID": "LOCAL.", "Description": "another"})
    other: list[Answer] = []

    def without_dot(request: Request, answer: Answer) -> Answer:
        if request.path.endswith("/VendorClass/LOCAL"):
            other.append(answer)
        return other[0] if request.path.endswith("/VendorClass/LOCAL.") else answer

    sim.rewrite(without_dot)
    destination = read(sim, "VendorClass")
    assert differences(destination, sim, COMPANY) == []


def test_an_entity_that_is_gone_while_its_records_are_read_fails_by_that(sim: Simulator) -> None:
    def gone(request: Request, answer: Answer) -> Answer:
        is_gone = re.search(r"/VendorClass/[^$]", request.path) or "ClassID" in request.query.get("$filter", "")
        return _NOT_FOUND if is_gone else answer

    sim.rewrite(gone)
    destination = read(sim, "VendorClass", mode=FULL_REFRESH)
    assert "the endpoint or entity does not exist there" in destination.errors[0]["message"]


def test_a_record_that_is_not_found_although_it_is_listed_fails_the_stream_by_its_name(sim: Simulator) -> None:
    local = next(row["id"] for row in sim.tenant("Company").rows("VendorClass") if row["ClassID"] == "LOCAL")
    ways = re.compile(f"/VendorClass/(LOCAL|{local})$")
    sim.rewrite(lambda request, answer: no_record() if ways.search(request.path) else answer)
    destination = read(sim, "VendorClass")
    assert "record 'LOCAL': the ERP does not find it at its address" in destination.errors[0]["message"]


def test_a_record_that_was_removed_since_its_key_was_read_is_left_out(sim: Simulator) -> None:
    tenant = sim.tenant("Company")
    tenant.insert("VendorClass", {"ClassID": "O'BRIEN"})

    def remove(request: Request) -> None:
        if request.path.endswith("/VendorClass/1099"):
            for (key,) in tenant.keys("VendorClass"):
                if key == "O'BRIEN":
                    tenant.delete("VendorClass", (key,))

    sim.before_request(remove)
    destination = read(sim, "VendorClass")
    assert differences(destination, sim, COMPANY) == []
    assert "O'BRIEN" not in {row["ClassID"] for row in destination.rows("VendorClass")}


def test_a_removed_record_is_left_out_where_the_list_refuses_a_selection_too(sim: Simulator) -> None:
    tenant = sim.tenant("Company")
    gone = tenant.keys("Payment")[2]

    def remove(request: Request) -> None:
        if "/Payment/" in request.path and "$" not in request.path and gone in tenant.keys("Payment"):
            tenant.delete("Payment", gone)

    sim.before_request(remove)
    destination = read(sim, "Payment__ApplicationHistory")
    assert destination.errors == []
    assert differences(destination, sim, COMPANY) == []


# ------------------------------------------------------------------------------------------------- length of addresses


@pytest.mark.parametrize("status", [404, 400, 414])
@pytest.mark.parametrize("longest", [200, 260, 400])
def test_a_server_that_takes_short_addresses_only_is_asked_in_short_ones(
    sim: Simulator, status: int, longest: int
) -> None:
    refused: list[str] = []

    def limited(request: Request, answer: Answer) -> Answer:
        query = addresses.encode(request.query)
        if "/Customer" not in request.path or len(query) <= longest:
            return answer
        refused.append(query)
        return html(status, "404.15 - Not Found" if status == 404 else "The length of the query string")

    sim.rewrite(limited)
    config = sim.config("Company")
    catalog = catalog_of(config, "Customer")
    del catalog["streams"][0]["stream"]["json_schema"]["properties"]["CustomerName"]
    destination = Metas()
    destination.sync(config, catalog)
    assert 0 < len(refused) < 12
    assert differences(destination, sim, COMPANY) == []
