"""The records of which only a linked row was changed are found, in whatever way the ERP lets itself be asked."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest

from source_acumatica.config import Config
from source_acumatica.erp.client import Client
from source_acumatica.erp.errors import RequestFailed
from source_acumatica.erp.http_session import SHOW_ARCHIVED
from source_acumatica.erp.retries import RetryPolicy
from source_acumatica.odata.linked_changes import LinkedChanges
from source_acumatica.odata.service import ODataService
from source_acumatica.reading.fields import format_instant

from .simulator import Fault, FaultKind, Lies, Simulator
from .simulator.web.answers import Answer
from .simulator.web.requests import Request

ORDER, CUSTOMER, INVOICE = "PX.Objects.SO.SOOrder", "PX.Objects.AR.Customer", "PX.Objects.AR.ARInvoice"
BERN = {"City": "Bern"}


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(("Company",), rows=40, lines=3) as erp:
        yield erp


@contextmanager
def asking(sim: Simulator, **more: Any) -> Iterator[LinkedChanges]:
    policy = RetryPolicy(retries=1, wait_seconds=1, first_pause_seconds=0.01)
    with closing(Client(Config.parse(sim.config()), policy)) as client:
        yield LinkedChanges(ODataService(client), **more)


def change(sim: Simulator, entity: str, **values: Any) -> tuple[str, list[str]]:
    """Change parts of three records, silently; gives the time before that, and the ids."""
    company = sim.tenant("Company")
    since = format_instant(sim.clock.now() - timedelta(minutes=1))
    rows, keys = company.rows(entity), company.keys(entity)
    for number in (2, 5, 11):
        company.update_silently(entity, keys[number], values)
    return since, sorted(rows[number]["id"] for number in (2, 5, 11))


@pytest.mark.parametrize(
    ("entity", "dac", "values"),
    [
        ("SalesOrder", ORDER, {"Details": [{"LineNbr": 7, "InventoryID": "AAITEM0000003"}]}),
        ("SalesOrder", ORDER, {"TaxDetails": [{"TaxID": "NEW"}]}),
        ("SalesOrder", ORDER, {"BillToAddress": BERN}),
        ("SalesOrder", ORDER, {"BillToContact": {"Email": "new@example.com"}}),
        ("Customer", CUSTOMER, {"MainContact": {"Address": BERN}}),
        ("Customer", CUSTOMER, {"Attributes": [{"AttributeID": "COLOR", "Value": "red"}]}),
        ("Invoice", INVOICE, {"Details": [{"LineNbr": 1, "Qty": 77}]}),
    ],
)
def test_a_silent_change_of_any_part_names_the_record(
    sim: Simulator, entity: str, dac: str, values: Any, caplog: pytest.LogCaptureFixture
) -> None:
    since, ids = change(sim, entity, **values)
    with asking(sim) as changes:
        assert list(changes.ids("Company", dac, since, "S") or ()) == ids
    assert _warnings(caplog) == []


def test_a_changed_customer_does_not_name_the_orders_of_it(sim: Simulator) -> None:
    since, _ids = change(sim, "Customer", CustomerName="New")
    with asking(sim) as changes:
        assert changes.ids("Company", ORDER, since, "S") == ()


def test_the_question_goes_out_once_and_in_pages(sim: Simulator) -> None:
    since, ids = change(sim, "SalesOrder", BillToAddress=BERN)
    with asking(sim, most_rows=2) as changes:
        for _turn in range(3):
            assert list(changes.ids("Company", ORDER, since, "S") or ()) == ids
    asked = [each.query for each in sim.requests if each.path.endswith("/PX_Objects_SO_SOOrder")]
    places = [each.get("$skip", "0") for each in asked]
    assert len(places) > 1
    assert len({*places}) == len(places)
    assert {(each["$orderby"], each["$select"], each["$filter"] > "") for each in asked} == {("NoteID", "NoteID", True)}


@pytest.mark.parametrize("word", ["any", "Any"])
def test_either_spelling_of_the_erp_is_found(sim: Simulator, word: str, caplog: pytest.LogCaptureFixture) -> None:
    since, ids = change(sim, "SalesOrder", Details=[{"LineNbr": 9}])
    sim.lies = [Lies(quantifiers=frozenset({word}))]
    with asking(sim) as changes:
        assert list(changes.ids("Company", ORDER, since, "S") or ()) == ids
    assert _warnings(caplog) == []


@pytest.mark.parametrize("status", [400, 500, 501])
def test_a_link_that_no_filter_may_name_is_left_out(
    sim: Simulator, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    since, ids = change(sim, "SalesOrder", BillToAddress=BERN)
    sim.lies = [Lies(closed_links=frozenset({"SOTaxTranCollection"}), closed_status=status)]
    with asking(sim) as changes:
        assert list(changes.ids("Company", ORDER, since, "S") or ()) == ids
    (warning,) = _warnings(caplog)
    assert "without SOTaxTranCollection:" in warning
    assert "cannot be used in the $filter" in warning


@pytest.mark.parametrize("status", [400, 500, 501])
def test_where_no_link_may_be_named_one_warning_says_so(
    sim: Simulator, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    since, _ids = change(sim, "SalesOrder", BillToAddress=BERN)
    sim.lies = [Lies(closed_links=frozenset({"*"}), closed_status=status)]
    with asking(sim) as changes:
        assert [changes.ids("Company", ORDER, since, "S") for _turn in range(2)] == [None, None]
    assert len(_warnings(caplog)) == 1


def test_a_table_that_the_user_may_not_read_is_one_warning(sim: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    sim.lies = [Lies(only="dac/PX_Objects_SO_SOOrder", forbidden=True)]
    with asking(sim) as changes:
        assert changes.ids("Company", ORDER, "2026-01-01T00:00:00.000000Z", "S") is None
        assert changes.ids("Company", CUSTOMER, "2030-01-01T00:00:00.000000Z", "S") == ()
    assert len(_warnings(caplog)) == 1


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_closed_service_is_one_warning_for_the_tenant(
    sim: Simulator, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The description is refused, in the old place too."""

    def closed(request: Request, answer: Answer) -> Answer:
        return Answer(status) if "odata" in request.path else answer

    sim.rewrite(closed)
    with asking(sim) as changes:
        assert changes.ids("Company", ORDER, "2026-01-01T00:00:00.000000Z", "S") is None
        assert changes.ids("Company", CUSTOMER, "2026-01-01T00:00:00.000000Z", "S") is None
    assert len(_warnings(caplog)) == 1


def test_a_user_without_the_role_is_one_warning(sim: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    sim.account("Company").roles.clear()
    with asking(sim) as changes:
        assert changes.ids("Company", ORDER, "2026-01-01T00:00:00.000000Z", "S") is None
    (warning,) = _warnings(caplog)
    assert "OData4 User" in warning


def test_a_failure_that_may_pass_is_raised(sim: Simulator) -> None:
    sim.faults.add(Fault(FaultKind.STATUS_503, path="dac/PX_Objects_SO_SOOrder", times=100))
    with asking(sim) as changes, pytest.raises(RequestFailed):
        changes.ids("Company", ORDER, "2026-01-01T00:00:00.000000Z", "S")


def test_archived_records_are_named_where_the_header_asks_for_them(sim: Simulator) -> None:
    since, ids = change(sim, "SalesOrder", BillToAddress=BERN)
    company = sim.tenant("Company")
    for key in company.keys("SalesOrder"):
        company.archive("SalesOrder", key)
    with asking(sim) as hidden, asking(sim, headers=SHOW_ARCHIVED) as shown:
        assert hidden.ids("Company", ORDER, since, "S") == ()
        assert list(shown.ids("Company", ORDER, since, "S") or ()) == ids


def _warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Those of the question itself: an internal error is also tried again, and each try is logged."""
    return [
        each.message for each in caplog.records if each.levelno >= logging.WARNING and each.module == "linked_changes"
    ]
