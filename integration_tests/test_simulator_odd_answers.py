"""Tests the simulator's lies about clocks, snapshots, links and rights."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from .customer_lists import CONTRACT, LINES, TABLE, Get, token_form
from .customer_lists import erp as erp
from .customer_lists import get as get
from .simulator import DateForm, Fault, FaultKind, Lies, Simulator


def test_the_web_servers_clock_and_the_databases_are_set_apart(erp: Simulator, get: Get) -> None:
    erp.clock.web_server_ahead_seconds, erp.clock.database_ahead_seconds = 3600, -120
    date = parsedate_to_datetime(get(f"{CONTRACT}/Customer", **{"$top": 1}).headers["Date"])
    assert timedelta(minutes=59) < date - erp.clock.now() < timedelta(minutes=61)
    company = erp.tenant("Company")
    company.update("Customer", ("C000003",), {"CustomerName": "changed"})
    stamp = company.rows("Customer")[2]["LastModifiedDateTime"]
    assert timedelta(minutes=-3) < stamp - erp.clock.now() < timedelta(minutes=-1)


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        (DateForm.USUAL, r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT"),
        (DateForm.ASCTIME, r"\w{3} \w{3} [ \d]\d [\d:]{8} \d{4}"),
        (DateForm.NO_ZONE, r"\w{3}, \d\d \w{3} \d{4} [\d:]{8}"),
        (DateForm.MINUS_ZERO, r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} -0000"),
        (DateForm.OFFSET, r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} \+0200"),
        (DateForm.TWICE, r"(\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT(, )?){2}"),
        (DateForm.GARBLED, "yesterday"),
    ],
)
def test_the_date_header_has_many_forms(form: DateForm, pattern: str, erp: Simulator, get: Get) -> None:
    erp.clock.date_form = form
    assert re.fullmatch(pattern, get(f"{CONTRACT}/Customer", **{"$top": 1}).headers["Date"])
    erp.clock.date_form = DateForm.MISSING
    assert "Date" not in get(f"{CONTRACT}/Customer", **{"$top": 1}).headers


def test_a_restored_snapshot_takes_records_and_stamps_back() -> None:
    with Simulator(rows=4, tenants=("Company",), tracked=("SOOrder",)) as sim:
        company = sim.tenant("Company")

        def truth() -> list[Any]:
            tables = [company.dac_rows(name, deleted=True) for name in ("Customer", "SOOrder", "SOLine")]
            return [*tables, company.rows("Customer"), company.rows("SalesOrder"), company.deleted("SOOrder")]

        first = company.keys("SalesOrder")[0]
        company.update("Customer", ("C000001",), {"CustomerName": "before"})
        before, snapshot = truth(), company.snapshot()
        company.update("Customer", ("C000001",), {"CustomerName": "after"})
        company.delete("Customer", ("C000002",))
        company.insert("Customer", {"CustomerID": "NEW"})
        company.insert("Vendor", {"VendorID": "NEW"})
        company.delete("SalesOrder", first)
        assert truth() != before
        company.restore(snapshot)
        assert truth() == before
        assert ("NEW",) not in company.keys("Vendor")
        company.delete("Customer", ("C000003",))
        company.restore(snapshot)
        assert truth() == before, "a snapshot can be restored more than once"


@pytest.mark.parametrize(
    ("base", "told"),
    [
        ("http://inner:8080", "http://inner:8080/AcumaticaERP"),
        ("https://inner/Prod", "https://inner/Prod"),
        ("http://inner/", "http://inner"),
    ],
)
def test_links_to_the_next_page_name_another_place(base: str, told: str) -> None:
    with Simulator(rows=4, tenants=("Company",), odata_page_rows=2) as sim:
        sim.lies = Lies(next_links=base)
        token = sim.identity.token(token_form(sim)).body
        headers = {"Authorization": f"Bearer {json.loads(token)['access_token']}"}
        link = requests.get(sim.url + TABLE, headers=headers).json()["@odata.nextLink"]
        assert link.startswith(f"{told}/t/Company/api/odata/dac/Customer?")


@pytest.mark.parametrize("status", [502, 511, 524])
def test_a_gateway_gives_pages_over_a_size_up_with_any_status(status: int, erp: Simulator, get: Get) -> None:
    erp.faults.add(Fault(FaultKind.STATUS_502, path="/Customer", times=100, over_rows=4, status=status))
    for query, expected in (({"$top": 4}, 200), ({"$top": 5}, status), ({}, status)):
        assert get(f"{CONTRACT}/Customer", **query).status_code == expected


def test_rights_are_taken_away_and_given_back(erp: Simulator, get: Get) -> None:
    erp.lies = Lies(only="Customer", forbidden=True)
    answers = get(f"{CONTRACT}/Customer"), get(TABLE)
    assert [answer.status_code for answer in answers] == [403, 403]
    assert "insufficient rights" in answers[0].json()["message"]
    assert "insufficient rights" in answers[1].json()["error"]["message"]
    assert get(LINES).status_code == 200
    erp.lies = ()
    assert get(TABLE).status_code == 200


def test_a_screen_is_not_set_up_from_the_middle_of_its_list_on(erp: Simulator, get: Get) -> None:
    erp.lies = Lies(only=r"[$]skip=[1-9]", not_set_up=True)
    assert get(f"{CONTRACT}/Customer", **{"$top": 4}).status_code == 200
    answer = get(f"{CONTRACT}/Customer", **{"$top": 4, "$skip": 4})
    assert (answer.status_code, answer.json()["exceptionType"]) == (500, "PX.Data.PXSetupNotEnteredException")
