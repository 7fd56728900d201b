"""Runs that end too early: nothing is lost, no seat is left taken, and the next run goes on from there."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from unit_tests.waiting import until

from .comparison import differences
from .conftest import messages_to_be_killed_after
from .harness import TENANTS, Destination, catalog_of, run
from .processes import forked, started
from .simulator import Fault, FaultKind, Simulator
from .test_faults import REQUESTS, SETTINGS

STREAMS = ("SalesOrder", "SalesOrder__Details", "Customer", "ShipVia")
ODATA = {"dac_tables": ["SOOrder", "SOLine"], "generic_inquiries": ["GL-Transactions"]}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("release", "endpoint"), [("24.200", "Default"), ("26.200", "Default/26.200.001")])
def test_killed_after_each_message_and_resumed_the_union_is_the_truth(
    release: str, endpoint: str, small_pages: None
) -> None:
    with Simulator(rows=6, lines=2, release=release) as sim:
        config = sim.config(max_page_size=3, max_sessions=2, endpoints=[endpoint])
        catalog = catalog_of(config, *STREAMS)
        for stop_after in messages_to_be_killed_after():
            destination = Destination()
            ended = destination.sync(config, catalog, stop_after=stop_after) < stop_after
            assert sim.sessions.open_count() == 0, f"a seat was left after message {stop_after}"
            destination.sync(config, catalog)
            assert differences(destination, sim, TENANTS) == [], f"killed after message {stop_after}"
            if ended:
                break
        assert stop_after > 60, "a short run has many messages to be killed after"
        assert sim.sessions.peak <= 2


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("openapi", [True, False], ids=["new", "old"])
def test_killed_after_each_message_and_resumed_deletions_do_not_get_lost(openapi: bool, small_pages: None) -> None:
    """Through OData; between the crash and the resume a document is deleted, and another is entered."""
    with Simulator(rows=5, lines=2, openapi=openapi, tenants=("Company",), tracked=("SOOrder", "SOLine")) as sim:
        config = sim.config(**ODATA, max_page_size=3, track_deletions=True)
        catalog = catalog_of(config, "SalesOrder", "dac__SOOrder", "dac__SOLine", "gi__GL-Transactions")
        company = sim.tenant("Company")
        for stop_after in messages_to_be_killed_after():
            destination = Destination()
            ended = destination.sync(config, catalog, stop_after=stop_after) < stop_after
            keys = company.keys("SalesOrder")
            company.delete("SalesOrder", keys[stop_after % len(keys)])
            number = f"{stop_after:06d}N"
            company.insert("SalesOrder", {"OrderType": "SO", "OrderNbr": number, "Details": [{"LineNbr": 1}]})
            # Longer than the look-back, or else each run would bring the deletions of all before.
            sim.clock.advance(3600)
            destination.sync(config, catalog)
            assert differences(destination, sim, ["Company"]) == [], f"killed after message {stop_after}"
            if ended:
                break
        assert stop_after > 40
        assert sim.sessions.open_count() == 0


@pytest.mark.parametrize("openapi", [True, False], ids=["new", "old"])
def test_a_first_load_of_a_table_resumes_at_its_last_page(openapi: bool, small_pages: None) -> None:
    with Simulator(rows=30, tenants=("Company",), openapi=openapi) as sim:
        config = sim.config(**ODATA, max_page_size=3)
        catalog = catalog_of(config, "dac__SOOrder")
        destination = Destination()
        destination.sync(config, catalog, stop_after=35)
        before = destination.records
        assert 15 < before < 30
        part = destination.states["dac__SOOrder"]["stream"]["stream_state"]["states"][0]
        key = part["reading"]["after"]
        sim.requests.clear()
        destination.sync(config, catalog)
        first = next(request for request in sim.requests if request.path.endswith("/SOOrder"))
        assert first.query["$orderby"] == "OrderType,OrderNbr"
        assert f"OrderNbr ge '{key[1]}'" in first.query["$filter"]
        assert before + destination.records <= 30 + 3, "little is read twice"
        assert differences(destination, sim, ["Company"]) == []


def test_the_state_of_a_table_never_covers_rows_that_were_not_sent(small_pages: None) -> None:
    """Of each state, the row that it goes on behind has come before it."""
    with Simulator(rows=20) as sim:
        config = sim.config(**ODATA, max_page_size=3, max_sessions=4)
        catalog = catalog_of(config, "dac__SOOrder", "dac__SOLine")
        sent: set[tuple[Any, ...]] = set()
        places = 0
        for message in run("read", config, catalog=catalog):
            if message["type"] == "RECORD":
                row = message["record"]["data"]
                keys = [row[name] for name in ("OrderType", "OrderNbr", "LineNbr") if name in row]
                sent.add((message["record"]["stream"], row["_tenant"], *keys))
            elif message["type"] == "STATE":
                stream = message["state"]["stream"]
                for part in stream["stream_state"]["states"]:
                    after = part.get("reading", {}).get("after")
                    name, tenant = stream["stream_descriptor"]["name"], part["partition"]["tenant"]
                    places += after is not None
                    assert not after or (name, tenant, *after) in sent
        assert places > 20


def test_a_first_sync_that_is_cut_off_resumes_where_it_stood(small_pages: None) -> None:
    with Simulator(rows=30, tenants=("Company",)) as sim:
        config = sim.config(max_page_size=3)
        catalog = catalog_of(config, "Customer")
        destination = Destination()
        destination.sync(config, catalog, stop_after=35)
        assert 15 < destination.records < 30
        part = destination.states["Customer"]["stream"]["stream_state"]["states"][0]
        assert part["cursor"] == {}
        assert part["reading"]["offset"] > 15
        sim.requests.clear()
        destination.sync(config, catalog)
        first = next(request for request in sim.requests if request.path.endswith("/Customer"))
        assert int(first.query["$skip"]) == part["reading"]["offset"] - 1
        assert destination.records <= 30 - part["reading"]["offset"] + 3, "little is read twice"
        assert differences(destination, sim, ["Company"]) == []


def test_what_changed_between_a_crash_and_its_resume_arrives_with_the_resume(small_pages: None) -> None:
    with Simulator(rows=20, tenants=("Company",)) as sim:
        config = sim.config(max_page_size=3, lookback_minutes=0)
        catalog = catalog_of(config, "Customer")
        destination = Destination()
        destination.sync(config, catalog, stop_after=25)
        company = sim.tenant("Company")
        sim.clock.advance(3600)
        company.update("Customer", company.keys("Customer")[0], {"CustomerName": "read already, then changed"})
        company.insert("Customer", {"CustomerID": "A-before-all"})
        company.delete("Customer", company.keys("Customer")[-1])
        sim.clock.advance(60)
        destination.sync(config, catalog)
        assert differences(destination, sim, ["Company"]) == []


def test_state_never_covers_rows_that_were_not_sent(small_pages: None) -> None:
    """Of each state, the rows up to its offset have come before it."""
    with Simulator(rows=20) as sim:
        config = sim.config(max_page_size=3, max_sessions=4)
        catalog = catalog_of(config, "Customer", "Vendor", "StockItem")
        sent: Counter[tuple[str, str]] = Counter()
        for message in run("read", config, catalog=catalog):
            if message["type"] == "RECORD":
                sent[message["record"]["stream"], message["record"]["data"]["_tenant"]] += 1
            elif message["type"] == "STATE":
                stream = message["state"]["stream"]
                for part in stream["stream_state"]["states"]:
                    covered = part.get("reading", {}).get("offset", 20 if part["cursor"] else 0)
                    assert covered <= sent[stream["stream_descriptor"]["name"], part["partition"]["tenant"]]
        assert len(sent) == 6
        assert set(sent.values()) == {20}


# ---------------------------------------------------------------------------------------------- as a process


@pytest.fixture
def slow_sim() -> Iterator[Simulator]:
    with Simulator(rows=60, latency_seconds=0.15) as simulator:
        yield simulator


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
@pytest.mark.parametrize("command", ["read", "discover", "check"])
def test_a_signal_in_the_middle_leaves_no_seat_taken(
    slow_sim: Simulator, tmp_path: Path, command: str, number: signal.Signals
) -> None:
    config = slow_sim.config(max_sessions=3, max_page_size=10)
    files: dict[str, Any] = {"config": config}
    if command == "read":
        files["catalog"] = catalog_of(config, "Customer", "SalesOrder", "Vendor")
    opened = slow_sim.sessions.opened_total
    # It begins as Docker begins and ends it; where the others are concerned, a copy does.
    process_of = started if number is signal.SIGTERM else forked
    with process_of(tmp_path, command, **files) as process:
        until(lambda: slow_sim.sessions.opened_total > opened + (2 if command == "read" else 0))
        process.send_signal(number)
        assert process.wait(timeout=15) == 128 + number
    assert slow_sim.sessions.open_count() == 0


@pytest.mark.parametrize("request_name", REQUESTS)
def test_a_signal_in_the_middle_of_any_request_leaves_no_seat_taken(request_name: str, tmp_path: Path) -> None:
    """The request is on its way for a second; the signal comes within it."""
    path, stream = REQUESTS[request_name]
    with Simulator(rows=8, tracked=("SOOrder",)) as sim:
        config = sim.config(**SETTINGS)
        catalog = catalog_of(config, stream)
        sim.sessions.peak = 0
        fault = Fault(FaultKind.SLOW, path=path, seconds=1.0)
        sim.faults.add(fault)
        with forked(tmp_path, "read", config=config, catalog=catalog) as process:
            until(lambda: sim.faults.struck)
            number = signal.SIGINT if len(path) % 2 else signal.SIGTERM
            process.send_signal(number)
            assert process.wait(timeout=15) == 128 + number
        until(lambda: sim.sessions.open_count() == 0)
        assert sim.sessions.peak <= 1


def test_a_reader_that_goes_away_leaves_no_seat_taken(slow_sim: Simulator, tmp_path: Path) -> None:
    config = slow_sim.config(max_page_size=10)
    catalog = catalog_of(config, "Customer", "SalesOrder")
    with started(tmp_path, "read", config=config, catalog=catalog) as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=30) != 0
    assert slow_sim.sessions.open_count() == 0


def test_a_pipe_that_nobody_empties_still_ends_at_a_signal(slow_sim: Simulator, tmp_path: Path) -> None:
    config = slow_sim.config(max_sessions=2)
    catalog = catalog_of(config, "Customer", "SalesOrder", "Vendor")
    slow_sim.requests.clear()
    with started(tmp_path, "read", config=config, catalog=catalog) as process:
        # Each of them brings more than the pipe holds; whoever has something to log waits for it as well.
        until(lambda: len([one for one in slow_sim.requests if "$skip" in one.query and one.status]) > 2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 128 + signal.SIGTERM
    assert slow_sim.sessions.open_count() == 0


def test_a_failed_read_exits_with_an_error_code_and_a_good_one_with_none(sim: Simulator, tmp_path: Path) -> None:
    config = sim.config("Company")
    catalog = catalog_of(config, "Customer")
    with started(tmp_path, "read", config=config, catalog=catalog) as good:
        assert good.communicate(timeout=60)[0].count('"RECORD"') == 12
        assert good.returncode == 0
    with started(tmp_path, "read", config={**config, "password": "wrong"}, catalog=catalog) as bad:
        output, _ = bad.communicate(timeout=60)
    assert bad.returncode == 1
    assert "the user name or password is not accepted" in output


def test_a_fault_in_the_middle_does_not_lose_the_page(sim: Simulator) -> None:
    config = sim.config("Company")
    catalog = catalog_of(config, "Customer")
    sim.faults.add(Fault(FaultKind.DISCONNECT, path="/Customer"))
    destination = Destination()
    destination.sync(config, catalog)
    assert differences(destination, sim, ["Company"]) == []
