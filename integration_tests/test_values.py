"""Tests that a part of an answer that is missing is not taken for an empty one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from .comparison import differences
from .harness import FULL_REFRESH, INCREMENTAL
from .reads import COMPANY, cursor_in_state, each, lists, read
from .simulator import Fault, FaultKind, Simulator
from .simulator.web.answers import Answer, failure
from .simulator.web.requests import Request


@pytest.mark.parametrize("by", [1, 3], ids=["of all records", "of some records"])
@pytest.mark.parametrize(
    ("stream", "entity", "drop"),
    [
        ("SalesOrder__Details", "SalesOrder", lambda row: row.pop("Details", None)),
        ("Customer", "Customer", lambda row: row.pop("MainContact", None)),
        ("Customer", "Customer", lambda row: (row.get("MainContact") or {}).pop("Address", None)),
    ],
    ids=["collection", "object", "object within an object"],
)
def test_a_part_that_the_list_leaves_out_is_read_record_by_record(
    sim: Simulator, stream: str, entity: str, drop: Callable[[Any], Any], by: int
) -> None:
    sim.rewrite(lists(entity, lambda rows: each(lambda row: drop(row) if row["rowNumber"] % by == 0 else None)(rows)))
    destination = read(sim, stream)
    assert destination.statuses == {stream: "COMPLETE"}
    assert destination.records == len(destination.tables[stream])
    assert differences(destination, sim, COMPANY) == []
    assert "although it was asked for" in " ".join(destination.warnings)


def test_a_part_that_not_even_the_record_by_itself_has_fails_the_stream(sim: Simulator) -> None:
    def drop(request: Request, answer: Answer) -> Answer:
        if "/SalesOrder" not in request.path or answer.status != 200 or "swagger" in request.path:
            return answer
        return replace(answer, body=re.sub(rb'"Details":\[', b'"Detail":[', answer.body))

    sim.rewrite(drop)
    destination = read(sim, "SalesOrder__Details")
    assert destination.statuses == {"SalesOrder__Details": "INCOMPLETE"}
    assert "the ERP leaves out Details although it was asked for" in destination.errors[0]["message"]
    assert "record '" in destination.errors[0]["message"]
    assert cursor_in_state(destination, "SalesOrder__Details") == [{}]


def test_a_part_that_stops_coming_in_mid_list_is_read_record_by_record_from_there(
    sim: Simulator, small_pages: None
) -> None:
    def drop(request: Request, answer: Answer) -> Answer:
        is_late = int(request.query.get("$skip", 0)) > 5
        return lists("SalesOrder", each(lambda row: row.pop("Details", None)))(request, answer) if is_late else answer

    sim.rewrite(drop)
    destination = read(sim, "SalesOrder__Details", mode=FULL_REFRESH, max_page_size=4)
    assert destination.records == len(destination.tables["SalesOrder__Details"])
    assert differences(destination, sim, COMPANY) == []


def test_a_form_whose_results_do_not_come_fails(sim: Simulator) -> None:
    def drop(request: Request, answer: Answer) -> Answer:
        is_form = request.method == "PUT" and answer.status == 200
        return replace(answer, body=answer.body.replace(b'"Results":', b'"Result":')) if is_form else answer

    sim.rewrite(drop)
    given = [("Period", "012025"), ("Ledger", "ACTUAL")]
    parameters = [{"inquiry": "AccountSummaryInquiry", "name": name, "value": value} for name, value in given]
    destination = read(sim, "AccountSummaryInquiry__Results", inquiry_parameters=parameters)
    assert "the ERP leaves out Results of the form" in destination.errors[0]["message"]


@pytest.mark.parametrize(
    ("stream", "empty"),
    [
        ("Customer__Contacts", {"Contacts": []}),
        ("Customer", {"custom": {}}),
        ("Customer", {"MainContact": {}}),
        ("Customer", {"MainContact": None}),
    ],
    ids=str,
)
def test_what_the_list_empties_and_the_records_have_is_read_record_by_record(
    sim: Simulator, stream: str, empty: dict[str, Any]
) -> None:
    sim.rewrite(lists("Customer", each(lambda row: row.update(empty))))
    destination = read(sim, stream)
    assert differences(destination, sim, COMPANY) == []
    assert f"the list comes without {next(iter(empty))}" in " ".join(destination.warnings)


def test_what_is_empty_in_the_erp_costs_ten_requests_and_three_more_in_later_syncs_of_a_day(sim: Simulator) -> None:
    for key in sim.tenant("Company").keys("Customer"):
        sim.tenant("Company").update("Customer", key, {"Contacts": []})
    destination = read(sim, "Customer__Contacts")
    assert destination.statuses == {"Customer__Contacts": "COMPLETE"}
    assert destination.records == 0
    alone = [request for request in sim.requests if "/Customer/" in request.path and "$adHoc" not in request.path]
    assert len(alone) == 10
    for key in sim.tenant("Company").keys("Customer"):
        sim.tenant("Company").update("Customer", key, {"CustomerName": "changed"})
    sim.clock.advance(3600)
    read(sim, "Customer__Contacts", destination=destination)
    alone = [request for request in sim.requests if "/Customer/" in request.path and "$adHoc" not in request.path]
    assert len(alone) == 13


def test_a_form_that_is_not_set_up_in_mid_list_fails(sim: Simulator, small_pages: None) -> None:
    def forget(request: Request, answer: Answer) -> Answer:
        is_late = request.path.endswith("/Customer") and int(request.query.get("$skip", 0)) > 5
        text = "The required configuration data is not entered on the Accounts Receivable Preferences form."
        return failure(text, "PX.Data.PXSetupNotEnteredException") if is_late else answer

    sim.rewrite(forget)
    destination = read(sim, "Customer", max_page_size=4)
    assert destination.statuses == {"Customer": "INCOMPLETE"}
    assert "is not set up" in destination.errors[0]["message"]


_NO_SETUP = "The required configuration data is not entered on the Service Management Preferences form."


def without_setup(sim: Simulator, is_refused: Callable[[Request], bool]) -> None:
    """The orders say that a form is not set up, where ``is_refused`` says so."""

    def refuse(request: Request, answer: Answer) -> Answer:
        is_list = request.path.endswith("/SalesOrder") and is_refused(request)
        return failure(_NO_SETUP, "PX.Data.PXSetupNotEnteredException") if is_list else answer

    sim.rewrite(refuse)


@pytest.mark.parametrize("mode", [FULL_REFRESH, INCREMENTAL])
def test_rows_are_read_where_only_a_part_of_them_needs_a_form_that_is_not_set_up(sim: Simulator, mode: str) -> None:
    without_setup(sim, lambda request: "BillToContact" in request.query.get("$expand", ""))
    destination = read(sim, "SalesOrder", mode=mode)
    assert destination.statuses == {"SalesOrder": "COMPLETE"}
    assert differences(destination, sim, ["Company"]) == []
    assert any("not set up" in warning for warning in destination.warnings)


@pytest.mark.parametrize("is_in_odata", [True, False])
def test_a_form_that_lost_its_setup_does_not_empty_a_table(sim: Simulator, is_in_odata: bool) -> None:
    destination = read(sim, "SalesOrder", mode=FULL_REFRESH)
    there = len(destination.rows("SalesOrder"))
    without_setup(sim, lambda _request: True)
    if not is_in_odata:
        sim.faults.add(Fault(FaultKind.STATUS_500, path="/dac/", times=10**6))
    read(sim, "SalesOrder", mode=FULL_REFRESH, destination=destination)
    assert destination.statuses == {"SalesOrder": "INCOMPLETE"}
    assert there == len(destination.rows("SalesOrder")) > 0
    assert "Service Management Preferences" in destination.errors[0]["message"]


def test_a_full_refresh_passes_over_a_form_without_setup_whose_table_is_seen_to_be_empty(sim: Simulator) -> None:
    company = sim.tenant("Company")
    for key in company.keys("SalesOrder"):
        company.delete("SalesOrder", key)
    without_setup(sim, lambda _request: True)
    destination = read(sim, "SalesOrder", mode=FULL_REFRESH)
    assert destination.statuses == {"SalesOrder": "COMPLETE"}
    assert any("not set up" in warning for warning in destination.warnings)


def test_a_form_whose_rows_have_come_fails_without_setup_although_all_are_to_be_read_again(sim: Simulator) -> None:
    destination = read(sim, "SalesOrder", mode=INCREMENTAL)
    without_setup(sim, lambda _request: True)
    read(sim, "SalesOrder", mode=INCREMENTAL, destination=destination, include_archived=True)
    assert destination.statuses == {"SalesOrder": "INCOMPLETE"}
