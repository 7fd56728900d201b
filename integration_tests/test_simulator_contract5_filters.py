"""Tests the filter language of the simulated ERP in contract 5, OData 4.01."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from .contract_client import FIVE, FOUR, Get, Json, rows_of, site, truth
from .simulator import Simulator


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Simulator, Get]]:
    with site() as both:
        yield both


@pytest.fixture(scope="module")
def get(shared: tuple[Simulator, Get]) -> Get:
    """For tests that only read."""
    return shared[1]


@pytest.fixture(scope="module")
def sim(shared: tuple[Simulator, Get]) -> Simulator:
    return shared[0]


def found(get: Get, entity: str, text: str) -> list[str]:
    return [row["id"] for row in rows_of(get, entity, filter=text)]


def expected(sim: Simulator, entity: str, holds: Callable[[Json], bool]) -> list[str]:
    return [row["id"] for row in truth(sim, entity) if holds(row)]


MOMENT = datetime(2025, 3, 1, 8, 15, 30, 250_000, tzinfo=UTC)
DAY = date(2025, 1, 15)


def chosen(row: Json, name: str) -> Any:
    return row[name]["id"] if row[name] else None


@pytest.mark.parametrize(
    ("entity", "text", "holds"),
    [
        ("Invoice", "LastModifiedDateTime ge 2025-03-01T08:15:30.250Z", lambda r: r["LastModifiedDateTime"] >= MOMENT),
        ("Invoice", "LastModifiedDateTime lt 2025-03-01T09:15:30.25+01:00",
         lambda r: r["LastModifiedDateTime"] < MOMENT),
        ("Invoice", "Date ge 2025-01-15", lambda r: r["Date"] >= DAY),
        ("Invoice", "DueDate lt 2025-01-15", lambda r: r["DueDate"] and r["DueDate"] < DAY),
        ("Invoice", "Status eq 'N' or Type eq 'crm'",
         lambda r: chosen(r, "Status") == "N" or chosen(r, "Type") == "CRM"),
        ("Invoice", "Type ge 'DRM' and not (Status eq 'N')",
         lambda r: chosen(r, "Type") != "CRM" and chosen(r, "Status") != "N"),
        ("Invoice", "Status eq 'Open'", lambda r: False),
        ("Invoice", "contains(BillToContact/Email,'@')", lambda r: r["BillToContact"]["Email"]),
        ("Invoice", "contains(Description,'ACE') eq true", lambda r: "Ace" in (r["Description"] or "")),
        ("TimeEntry", "TimeSpent ge 120", lambda r: r["TimeSpent"]["id"] >= 120),
        ("TimeEntry", "BillableTime eq 45", lambda r: chosen(r, "BillableTime") == 45),
        ("SalesOrder", "cf.IntSingleSelect('Document.UsrUrgency') eq 2", lambda r: custom_id(r, "UsrUrgency") == 2),
        ("SalesOrder", "cf.StringSingleSelect('Document.AttributeCHANNEL') eq 'WEB'",
         lambda r: custom_id(r, "AttributeCHANNEL") == "WEB"),
        ("SalesOrder", "contains(cf.String('Document.UsrDays'),'MO')",
         lambda r: "MO" in [each["id"] for each in r["custom"]["Document"]["UsrDays"] or ()]),
        ("SalesOrder", "cf.Decimal('Document.CuryVatTaxableTotal') gt 50000",
         lambda r: r["custom"]["Document"]["CuryVatTaxableTotal"] > 50000),
        ("ShipVia", "DeliveryDays/any(x: x eq 'MO')", lambda r: "MO" in days(r)),
        ("ShipVia", "DeliveryDays/all(d: d ne 'MO')", lambda r: "MO" not in days(r)),
        ("ShipVia", "DeliveryDays/any()", lambda r: days(r)),
        ("ShipVia", "not DeliveryDays/any()", lambda r: not days(r)),
        ("ShipVia", "DeliveryDays/all(x: x eq null)", lambda r: not days(r)),
        ("Customer", "Status eq 'H' and cf.StringSingleSelect('CurrentCustomer.StatementType') eq 'O'",
         lambda r: chosen(r, "Status") == "H" and r["custom"]["CurrentCustomer"]["StatementType"]["id"] == "O"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)  # fmt: skip
def test_a_filter_finds_what_fulfils_it(
    entity: str, text: str, holds: Callable[[Json], bool], sim: Simulator, get: Get
) -> None:
    assert found(get, entity, text) == expected(sim, entity, holds)


def days(row: Json) -> list[str]:
    return [each["id"] for each in row["DeliveryDays"] or ()]


def custom_id(row: Json, name: str) -> Any:
    value = row["custom"]["Document"][name]
    return value and value["id"]


def test_an_id_is_a_literal_without_a_word_before_it(get: Get) -> None:
    order = rows_of(get, "SalesOrder")[3]
    assert found(get, "SalesOrder", f"NoteID eq {order['id']}") == [order["id"]]


@pytest.mark.parametrize(
    "text",
    [
        "LastModifiedDateTime ge datetimeoffset'2026-03-01T08:15:30Z'",
        "Date ge date'2026-03-01'",
        "LastModifiedDateTime ge 2026-03-01T08:15:30 01:00",
        "LastModifiedDateTime ge 2026-02-30T08:15:30Z",
        "LastModifiedDateTime ge 2026-03-01T08:15:30",
        "substringof('x',Description)",
        "cf.Int(f='Document.UsrDunningLevel') eq 1",
        "Type eq",
        "Details/any()",
        "Type/any(x: x eq 'INV')",
    ],
)
def test_what_the_language_has_no_word_for_is_refused(text: str, get: Get) -> None:
    answer = get(f"{FIVE}/Invoice", filter=text)
    assert (answer.status_code, answer.json()["exceptionType"]) == (400, "Microsoft.OData.ODataException")


def test_an_id_in_the_words_of_contract_4_and_a_multiple_choice_without_any_are_refused(get: Get) -> None:
    assert get(f"{FIVE}/SalesOrder", filter="NoteID eq guid'9914045b-63c6-fc95-9e37-79b97f4a7c15'").status_code == 400
    assert get(f"{FIVE}/ShipVia", filter="DeliveryDays eq 'MO'").status_code == 400


def test_contract_4_keeps_its_language_on_the_same_site(get: Get) -> None:
    bare = "LastModifiedDateTime ge 2025-03-01T08:15:30Z"
    typed = "LastModifiedDateTime ge datetimeoffset'2025-03-01T08:15:30Z'"
    assert get(f"{FOUR}/Invoice", filter=bare).status_code == 500
    ids = [row["id"] for row in rows_of(get, "Invoice", FOUR, filter=typed)]
    assert ids == found(get, "Invoice", bare) != []
    assert len(rows_of(get, "Invoice", FOUR, filter="Status eq 'Open'")) == len(found(get, "Invoice", "Status eq 'N'"))
    assert get(f"{FIVE}/Customer", expand="MainContact/Address").status_code == 400
    assert rows_of(get, "Customer", FOUR, expand="MainContact/Address")[0]["MainContact"]["Address"]
