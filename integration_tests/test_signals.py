"""What Airbyte is told beside records and states: what holds up a stream, how many rows to expect, what came of it."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from source_acumatica.airbyte import signals
from source_acumatica.erp import client
from unit_tests.waiting import until

from .harness import INCREMENTAL, Destination, Message, catalog_of, configured, discover, run
from .processes import forked
from .simulator import Fault, FaultKind, Simulator

A, B = "Company", "Zweite Firma"
PLAIN: dict[str, Any] = {"generic_inquiries": [], "include_custom_fields": False}
ESTIMATE = ("TRACE", "ESTIMATE")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look each hundredth of a second; a wait of a tenth matters."""
    monkeypatch.setattr(signals, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(signals, "LOOKS_BEFORE_A_SIGNAL", 10)


def read(config: Mapping[str, Any], catalog: Mapping[str, Any]) -> list[Message]:
    return [*run("read", config, catalog=catalog)]


def statuses_of(messages: list[Message], stream: str) -> list[str]:
    """In their order: STARTED, RUNNING, LIMITED and so on."""
    found = []
    for message in messages:
        status = message.get("trace", {}).get("stream_status")
        if status and status["stream_descriptor"]["name"] == stream:
            reasons = status.get("reasons") or ()
            found.append("LIMITED" if [one["type"] for one in reasons] == ["RATE_LIMITED"] else status["status"])
    return found


def resets_in(messages: list[Message]) -> list[int]:
    statuses = (message.get("trace", {}).get("stream_status") or {} for message in messages)
    reasons = (reason for status in statuses for reason in status.get("reasons") or ())
    return [reason["rate_limited"]["quota_reset"] for reason in reasons if reason.get("rate_limited")]


def assert_in_order(statuses: list[str]) -> None:
    assert statuses[0] == "STARTED"
    assert statuses[-1] == "COMPLETE"
    # It is running before and behind each wait, and is told so once; the CDK says it with the first record.
    text = " ".join(statuses[1:-1])
    assert re.fullmatch(r"(RUNNING )?(LIMITED (RUNNING )+)*(LIMITED )?RUNNING", text), text


# -------------------------------------------------------------------------------------------------- what holds it up


def test_a_read_without_waits_says_nothing_of_limits(quick: None) -> None:
    with Simulator((A,), rows=8) as sim:
        config = sim.config(A, **PLAIN)
        messages = read(config, catalog_of(config, "Customer", "Vendor"))
    assert statuses_of(messages, "Customer") == statuses_of(messages, "Vendor") == ["STARTED", "RUNNING", "COMPLETE"]


def test_a_stream_that_waits_for_the_minute_to_end_is_rate_limited(
    quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_MINUTE", timedelta(seconds=1.5))
    with Simulator((A,), rows=30) as sim:
        config = sim.config(A, **PLAIN, requests_per_minute=4, max_page_size=5)
        began = time.time() * 1000
        messages = read(config, catalog_of(config, "Customer", mode=INCREMENTAL))
    statuses = statuses_of(messages, "Customer")
    assert "LIMITED" in statuses
    assert_in_order(statuses)
    resets = resets_in(messages)
    assert resets
    assert all(began < reset < time.time() * 1000 + 2000 for reset in resets)


@pytest.mark.parametrize("kind", ["a seat", "429"])
def test_a_stream_that_waits_for_a_seat_or_after_a_429_is_rate_limited_once(
    quick: None, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client.RetryPolicy, "pause_seconds", lambda _self, _tries: 0.3)
    with Simulator((A,), rows=5, seats=2) as sim:
        config = sim.config(A, **PLAIN)
        catalog = catalog_of(config, "Customer")
        if kind == "429":
            sim.faults.add(Fault(FaultKind.STATUS_429, path="/Customer", times=3))
        else:
            lists = threading.Event()

            def take(request: Any) -> None:
                if "/Customer" in request.path and not lists.is_set():
                    lists.set()
                    sim.sessions.take(2)
                    threading.Timer(1.0, sim.sessions.take, [-2]).start()

            sim.before_request(take)
            sim.faults.add(Fault(FaultKind.SESSION_DROPPED, path="/Customer", times=1))
        messages = read(config, catalog)
    statuses = statuses_of(messages, "Customer")
    assert statuses.count("LIMITED") == 1, statuses
    assert_in_order(statuses)


def test_a_stream_that_waits_for_the_only_seat_while_another_is_read_is_rate_limited(quick: None) -> None:
    """Within a tenant, two streams take turns page by page, and nothing is said; a slow page of one is a wait."""
    with Simulator((A,), rows=8) as sim:
        config = sim.config(A, **PLAIN, max_sessions=1)
        catalog = catalog_of(config, "Customer", "Vendor")
        sim.faults.add(Fault(FaultKind.SLOW, path="/Customer", times=1, seconds=1.0))
        messages = read(config, catalog)
    for stream in ("Customer", "Vendor"):
        assert_in_order(statuses_of(messages, stream))
    assert "LIMITED" not in statuses_of(messages, "Customer"), "it waits for its own answer"


def test_statuses_come_in_order_where_the_erp_and_the_destination_are_slow(quick: None) -> None:
    with Simulator((A, B), rows=40) as sim:
        config = sim.config(**PLAIN, max_sessions=1, max_page_size=5)
        catalog = catalog_of(config, "Customer", "Vendor", "StockItem")
        sim.faults.add(Fault(FaultKind.SLOW, path="[$]top=", times=1000, seconds=0.06))
        messages = []
        for message in run("read", config, catalog=catalog):
            messages.append(message)
            time.sleep(0.001)
    for stream in ("Customer", "Vendor", "StockItem"):
        assert_in_order(statuses_of(messages, stream))


# ------------------------------------------------------------------------------------------------ how many to expect


def estimates_of(messages: list[Message]) -> dict[str, int]:
    traces = [message["trace"] for message in messages if message["type"] == "TRACE"]
    found = [trace["estimate"] for trace in traces if trace["type"] == "ESTIMATE"]
    assert {one["type"] for one in found} <= {"STREAM"}
    assert len({one["name"] for one in found}) == len(found), "each replaces the one before"
    return {one["name"]: one["row_estimate"] for one in found}


class Reads(Destination):
    """A destination that keeps what Airbyte was told in the last sync."""

    told: list[Message]

    def begin(self, catalog: Mapping[str, Any]) -> None:
        super().begin(catalog)
        self.told = []

    def take(self, message: Message) -> None:
        self.told.append(message)
        super().take(message)


def test_a_full_read_that_is_made_again_has_the_last_one_s_rows_as_its_estimate() -> None:
    with Simulator((A, B), rows=9, lines=3) as sim:
        config = sim.config(generic_inquiries=[], dac_tables=["SOLine"], include_custom_fields=False, max_page_size=5)
        catalog = catalog_of(config, "Customer", "SalesOrder__Details", "dac__SOLine")
        destination = Reads()
        destination.sync(config, catalog)
        assert estimates_of(destination.told) == {}, "a first read knows nothing"
        rows = {name: len(table) for name, table in destination.tables.items()}

        destination.sync(config, catalog)
        assert estimates_of(destination.told) == {}, "nobody knows how many changes there are"

        destination.sync({**config, "include_custom_fields": True}, with_custom(sim, catalog))
        assert "include" not in str(destination.errors)
        found = estimates_of(destination.told)
        assert found == {name: count for name, count in rows.items() if name in found}
        assert {"Customer", "SalesOrder__Details"} <= found.keys()
        kinds = [(message["type"], message.get("trace", {}).get("type")) for message in destination.told]
        assert kinds.index(ESTIMATE) < kinds.index(("RECORD", None))

        # Another filter has other rows: nobody has counted those.
        other = {**config, "row_filters": [{"stream": "Customer", "filter": "CustomerClass ne 'NONE'"}]}
        destination.sync({**other, "include_custom_fields": True}, with_custom(sim, catalog))
        sim.clock.advance(60)
        destination.sync({**config, "include_custom_fields": True}, with_custom(sim, catalog))
        assert "Customer" not in estimates_of(destination.told)


def with_custom(sim: Simulator, catalog: dict[str, Any]) -> dict[str, Any]:
    names = [one["stream"]["name"] for one in catalog["streams"]]
    return catalog_of(sim.config(generic_inquiries=[], dac_tables=["SOLine"]), *names)


@pytest.mark.parametrize("stop_after", [12, 20, 40])
def test_a_full_read_that_goes_on_expects_the_rest(stop_after: int) -> None:
    with Simulator((A,), rows=30) as sim:
        config = sim.config(A, **PLAIN, max_page_size=4)
        catalog = catalog_of(config, "Customer")
        destination = Reads()
        # Cut off at first as well: all attempts together are the full read.
        destination.sync(config, catalog, stop_after=stop_after)
        destination.sync(config, catalog)
        rows = len(destination.rows("Customer"))
        assert rows == len(sim.tenant(A).rows("Customer"))
        more = {**config, "include_custom_fields": True}
        destination.sync(more, catalog, stop_after=stop_after)
        assert estimates_of(destination.told) == {"Customer": rows}
        counted = destination.states["Customer"]["stream"]["stream_state"]["states"][0].get("counted", 0)
        destination.sync(more, catalog)
        assert estimates_of(destination.told) == {"Customer": rows - counted}


# --------------------------------------------------------------------------------------------------------- the table


def table_of(logs: list[str]) -> dict[str, list[str]]:
    """The columns of each line by what it is about, without the remarks."""
    lines = [line.split(" | ") for line in logs if line.count(" | ") == 4]
    assert lines, logs
    assert [cell.strip() for cell in lines[0]][:4] == ["rows", "deletions", "requests", "waited s"]
    assert len({tuple(len(cell) for cell in line[:4]) for line in lines}) == 1, "the columns keep in line"
    return {line[4]: [cell.strip() for cell in line[:4]] for line in lines[1:]}


def logged(destination: Destination) -> list[str]:
    return [log.getMessage() for log in destination.logs]


def test_a_read_ends_with_a_table_of_what_came_of_each_stream_and_tenant() -> None:
    with Simulator((A, B), rows=9, tracked=("SOOrder",)) as sim:
        config = sim.config(generic_inquiries=[], dac_tables=["SOOrder"], track_deletions=True)
        catalog = catalog_of(config, "Customer", "dac__SOOrder")
        destination = Destination()
        sim.requests.clear()
        destination.sync(config, catalog)
        table = table_of(logged(destination))
        orders = {tenant: len(sim.tenant(tenant).dac_rows("SOOrder")) for tenant in (A, B)}
        customers = {tenant: len(sim.tenant(tenant).rows("Customer")) for tenant in (A, B)}
        for tenant in (A, B):
            assert table[f"Customer, {tenant}"][0] == str(customers[tenant])
            assert table[f"dac__SOOrder, {tenant}"][:2] == [str(orders[tenant]), "0"]
        total = next(cells for what, cells in table.items() if what.startswith("in all"))
        assert total[0] == str(sum(orders.values()) + sum(customers.values()))
        assert next(what for what in table if what.startswith("in all")).endswith("4 of 4 complete")
        asked = [one for one in sim.requests if "/auth/" not in one.path and "/identity/" not in one.path]
        assert int(total[2]) == len(asked)
        lists = [one for one in asked if one.path.endswith("/SOOrder") or "SOOrder/px" in one.path]
        assert sum(int(table[f"dac__SOOrder, {tenant}"][2]) for tenant in (A, B)) >= len(lists)

        sim.clock.advance(3600)
        sim.tenant(A).delete("SalesOrder", sim.tenant(A).keys("SalesOrder")[0])
        sim.clock.advance(60)
        destination.sync(config, catalog)
        assert table_of(logged(destination))[f"dac__SOOrder, {A}"][1] == "1"


def test_deletions_that_cannot_be_found_are_a_dash_and_a_remark() -> None:
    with Simulator((A,), rows=5) as sim:
        config = sim.config(A, **PLAIN, track_deletions=True, compare_keys_hours=0)
        destination = Destination()
        destination.sync(config, catalog_of(config, "Vendor"))
        table = table_of(logged(destination))
    assert table[f"Vendor, {A}: deletions are not found"][1] == "-"


def test_what_was_left_out_what_failed_and_what_was_waited_stand_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client.RetryPolicy, "pause_seconds", lambda _self, _tries: 0.2)
    monkeypatch.setattr(client.RetryPolicy, "of_a_read", lambda: client.RetryPolicy(retries=1, wait_seconds=60))
    with Simulator((A, B), rows=5) as sim:
        config = sim.config(**PLAIN)
        catalog = catalog_of(config, "Customer", "Vendor")
        catalog["streams"][0]["stream"]["json_schema"]["properties"]["Nonsense"] = {}
        sim.faults.add(Fault(FaultKind.STATUS_429, path="/Customer", times=2))
        sim.faults.add(Fault(FaultKind.STATUS_500, path="/Vendor", times=100))
        destination = Destination()
        destination.sync(config, catalog, fails=True)
        logs = logged(destination)
    table = table_of(logs)
    waited = [float(table[what][3]) for what in table if what.startswith("Customer, ")]
    assert 0.35 < sum(waited) < 5
    failed = [what for what in table if what.startswith("Vendor, ")]
    assert len(failed) == 2
    assert all(": failed: Tenant '" in what for what in failed)
    assert next(what for what in table if what.startswith("in all")).endswith("2 of 4 complete, 2 failed")
    assert "s3cret" not in "\n".join(logs)
    assert config["password"] not in "\n".join(logs)


def test_a_read_that_is_stopped_says_how_far_it_came(tmp_path: Path) -> None:
    with Simulator((A, B), rows=60, latency_seconds=0.05) as sim:
        config = sim.config(**PLAIN, max_page_size=10, max_sessions=1)
        catalog = catalog_of(config, "Customer", "Vendor", "StockItem")
        seen = threading.Event()

        def note(request: Any) -> None:
            if request.query.get("$skip") not in (None, "0"):
                seen.set()

        sim.before_request(note)
        with forked(tmp_path, "read", config=config, catalog=catalog) as process:
            until(seen.is_set)
            process.send_signal(signal.SIGTERM)
            said, _ = process.communicate(timeout=15)
        assert process.returncode == 128 + signal.SIGTERM
        assert sim.sessions.open_count() == 0
    lines = [line for line in said.splitlines() if " | " in line and '"LOG"' in line]
    assert len([line for line in lines if "waited s" in line]) == 1, "once, and not by both threads"
    assert any("stopped before its end" in line for line in lines)
    assert any("not begun" in line for line in lines)
    assert " complete" in lines[-1]


def test_sixty_streams_of_five_tenants_are_told_in_few_lines() -> None:
    """Those of which nothing came, and nothing is amiss, are told together."""
    tenants = ("A", "B", "C", "D", "E")
    with Simulator(tenants, rows=2, lines=1) as sim:
        config = sim.config(generic_inquiries=[], dac_tables=["*"], include_custom_fields=False, max_sessions=4)
        found = discover(config)
        names = [name for name in found if name not in ("dac__Users",)][:30]
        catalog = configured([found[name] for name in names])
        destination = Destination()
        destination.sync(config, catalog, fails=True)
        sim.clock.advance(86_400)
        destination.sync(config, catalog, fails=True)
        lines = [line for line in logged(destination) if line.count(" | ") == 4]
    assert len(lines) < 30 * 5 / 2
    assert any(re.search(r"\d+ more, complete and without rows$", line) for line in lines)
