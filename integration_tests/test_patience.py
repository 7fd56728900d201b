"""Gateways that give up, sites that restart, and a check that has to answer whatever it is told to wait for."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from source_acumatica import source
from source_acumatica.erp import client
from source_acumatica.reading import page_size

from .comparison import differences
from .conftest import in_turns
from .harness import FULL_REFRESH, INCREMENTAL, Destination, catalog_of, check
from .simulator import Fault, FaultKind, Simulator
from .simulator.web.answers import Answer, html, message
from .simulator.web.requests import Request
from .test_faults import REQUESTS, SETTINGS

TENANTS = ("Company",)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """As long as the real ones would be; they are not waited for."""
    noted: list[float] = []

    def pause_seconds(self: client.RetryPolicy, tries: int) -> float:
        noted.append(min(self.first_pause_seconds * 2 ** (tries - 1), 60))
        return 0.001

    monkeypatch.setattr(client.RetryPolicy, "pause_seconds", pause_seconds)
    return noted


@pytest.mark.parametrize(
    ("status", "stream"), in_turns([502, 503, 504, 511, 524], ["Customer", "dac__Customer", "gi__BI-Customers"])
)
def test_a_gateway_that_does_not_deliver_large_pages_is_read_in_small_ones(
    status: int, stream: str, pauses: list[float]
) -> None:
    with Simulator(rows=800, tenants=TENANTS) as sim:
        odata = {"dac_tables": ["Customer"], "generic_inquiries": ["BI-Customers"]}
        config = sim.config(**odata, include_custom_fields=False)
        catalog = catalog_of(config, stream)

        def refuse(request: Request, answer: Answer) -> Answer:
            return html(status, "Bad Gateway") if int(request.query.get("$top", 0)) > 200 else answer

        sim.rewrite(refuse)
        sim.requests.clear()
        destination = Destination()
        destination.sync(config, catalog)
        assert len(destination.rows(stream)) == len(sim.tenant("Company").rows("Customer"))
        refused = [request for request in sim.requests if int(request.query.get("$top", 0)) > 200]
        assert len(refused) < 14
        assert sum(pauses) < 60


@pytest.mark.parametrize("sessions", [1, 8])
@pytest.mark.parametrize("answers", [6, 12])
@pytest.mark.parametrize("kind", [FaultKind.STATUS_502, FaultKind.STATUS_503, FaultKind.STATUS_504])
def test_a_site_that_answers_at_once_while_it_restarts_is_waited_for(
    kind: FaultKind, answers: int, sessions: int, pauses: list[float]
) -> None:
    with Simulator(rows=400, lines=0, tenants=TENANTS, seats=16) as sim:
        config = sim.config(generic_inquiries=[], include_custom_fields=False, max_sessions=sessions, max_page_size=100)
        catalog = catalog_of(config, "Customer")
        sim.faults.add(Fault(kind, path=r"/Customer\?", after=3, times=answers))
        destination = Destination()
        destination.sync(config, catalog)
        assert len(destination.rows("Customer")) == len(sim.tenant("Company").rows("Customer"))
        assert len(pauses) >= answers - sessions


def test_pages_that_fail_together_are_made_smaller_once(pauses: list[float]) -> None:
    """Each page that is too large does, also those that were on their way when the first one failed."""

    def refuse(request: Request, answer: Answer) -> Answer:
        is_large = request.path.endswith("/Customer") and request.query.get("$top") == "256"
        return replace(answer, status=504, body=b"") if is_large and int(request.query["$skip"]) > 600 else answer

    with Simulator(rows=2000, lines=0, tenants=TENANTS, seats=16) as sim:
        config = sim.config(generic_inquiries=[], include_custom_fields=False, max_sessions=8, max_page_size=256)
        catalog = catalog_of(config, "Customer")
        sim.requests.clear()
        sim.rewrite(refuse)
        destination = Destination()
        destination.sync(config, catalog)
        assert len(destination.rows("Customer")) == len(sim.tenant("Company").rows("Customer"))
        # Keys alone are asked for to look behind the end, and in steps of their own.
        pages = [request.query for request in sim.requests if {"$skip", "$expand"} <= request.query.keys()]
        assert len([query for query in pages if query["$top"] == "256"]) > 6
        assert min(int(query["$top"]) for query in pages) >= 64


QUICK = 1.0


@pytest.mark.parametrize("request_name", [name for name in REQUESTS if name not in ("form", "record", "custom")])
def test_a_check_answers_in_time_whatever_does_not_answer_and_names_it(
    request_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that is kept waiting for a minute; the time-out of the settings is eleven."""
    path, _ = REQUESTS[request_name]
    monkeypatch.setattr(source, "_CHECK_SECONDS", QUICK)
    monkeypatch.setattr(source, "_LAST_SIGN_OUT_SECONDS", QUICK)
    with Simulator(rows=4, tenants=TENANTS, tracked=("SOOrder",)) as sim:
        sim.faults.add(Fault(FaultKind.SLOW, path=path, times=100, seconds=60))
        began = time.monotonic()
        # The first of the entities that a check reads, and the first of the tables.
        status = check(sim.config(**SETTINGS))
        seconds = time.monotonic() - began
        if not sim.faults.struck:
            assert status["status"] == "SUCCEEDED"
            return
        assert seconds < QUICK + 3 + QUICK + 2
        if request_name == "sign-out":
            assert status["status"] == "SUCCEEDED"
            return
        assert status["status"] == "FAILED"
        assert "It was waiting for this: Tenant 'Company'" in status["message"]
        assert ("signing in" in status["message"]) == (request_name == "token")


SLOW_SETTINGS: dict[str, dict[str, Any]] = {
    "requests_per_minute": {"requests_per_minute": 1},
    "SM604000": {},
}


@pytest.mark.parametrize("named", SLOW_SETTINGS)
def test_a_check_answers_in_time_whatever_it_is_told_to_keep_to(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_CHECK_SECONDS", QUICK)
    monkeypatch.setattr(client.RetryPolicy, "of_a_check", lambda: client.RetryPolicy(retries=2, wait_seconds=3600))
    with Simulator(rows=4, tenants=TENANTS, seats=1) as sim:
        sim.sessions.take(int(named == "SM604000"))
        began = time.monotonic()
        status = check(sim.config(**SETTINGS, **SLOW_SETTINGS[named]))
        assert time.monotonic() - began < QUICK + 5
        assert status["status"] == "FAILED"
        assert named in status["message"]


@pytest.mark.parametrize("mode", [FULL_REFRESH, INCREMENTAL])
def test_an_erp_that_fails_without_a_word_between_two_pages_is_waited_for(mode: str) -> None:
    """As while its database fails over: half a minute, and the work of hours is not lost."""
    with Simulator(rows=1700, tenants=("Company",)) as sim:
        config = sim.config(generic_inquiries=[])
        catalog = catalog_of(config, "Customer", mode=mode)
        sim.faults.add(Fault(FaultKind.STATUS_500, path="/Customer", after=3, times=20, method="GET"))
        destination = Destination()
        destination.sync(config, catalog)
        assert destination.records == 1700
        assert differences(destination, sim, ["Company"]) == []


def test_an_erp_that_fails_without_a_word_between_two_records_is_waited_for() -> None:
    with Simulator(rows=40, tenants=("Company",)) as sim:
        config = sim.config(generic_inquiries=[])
        catalog = catalog_of(config, "Currency")
        sim.faults.add(Fault(FaultKind.STATUS_500, path="/Currency/", after=2, times=6, method="GET"))
        destination = Destination()
        destination.sync(config, catalog)
        assert differences(destination, sim, ["Company"]) == []


@pytest.mark.parametrize("sessions", [2, 4])
def test_pages_that_fail_at_the_same_time_do_not_wait_for_each_other(
    sessions: int, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is tried in simpler ways, one page after the other: the one behind does not wait until it is needed."""
    monkeypatch.setattr(page_size, "FIRST_PAGE_ROWS", 5)
    with Simulator(TENANTS, rows=40) as sim:
        config = sim.config(**{**SETTINGS, "max_page_size": 5}, max_sessions=sessions, include_custom_fields=False)
        catalog = catalog_of(config, "Customer", mode=FULL_REFRESH)
        failures = {"4": 2, "8": 2}

        def fails(request: Request, answer: Answer) -> Answer:
            place = request.query.get("$skip", "")
            if request.query.get("$top") == "5" and failures.get(place):
                failures[place] -= 1
                # The page in front is answered later.
                time.sleep(0.2 if place == "4" else 0)
                return message(500, "An error has occurred.")
            return answer

        sim.rewrite(fails)
        destination = Destination()
        destination.sync(config, catalog)
        assert len(destination.rows("Customer")) == 40
        assert destination.statuses == {"Customer": "COMPLETE"}
