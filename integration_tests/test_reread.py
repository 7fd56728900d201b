"""Rows that are read again, a part in each sync: changes that leave the stamp as it is arrive within the days."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from source_acumatica.reading import page_size

from .comparison import differences
from .conftest import EXAMPLES, IS_SOAK, in_turns, messages_to_be_killed_after
from .harness import APPEND, INCREMENTAL, Destination, catalog_of, configured, discover
from .histories import SITES
from .simulator import Fault, FaultKind, Simulator
from .test_histories import ROUNDS, TENANT, History
from .test_moving_rows import NUMBERS, TRACKED

ONE = ("Company",)
DAY_SECONDS = 86_400
STREAMS = ("Customer", "SalesOrder", "SalesOrder__Details", "dac__SOOrder", "gi__GL-Transactions")
SETTINGS: dict[str, Any] = {
    "dac_tables": ["SOOrder"],
    "generic_inquiries": ["GL-Transactions"],
    "max_page_size": 3,
}


def change_silently(sim: Simulator, entity: str, key: Any, values: dict[str, Any]) -> None:
    """As a script on the database does it: the stamp of the row stays as it is."""
    data = sim.tenant("Company")
    row = next(each for each in data.rows(entity) if tuple(each[name] for name in _keys(entity)) == tuple(key))
    data.update(entity, key, values, row["LastModified" if entity == "SalesOrder" else "LastModifiedDateTime"])


def _keys(entity: str) -> tuple[str, ...]:
    return {
        "Customer": ("CustomerID",),
        "SalesOrder": ("OrderType", "OrderNbr"),
        "JournalTransaction": ("Module", "BatchNbr"),
    }[entity]


def change_all_silently(sim: Simulator, text: str) -> None:
    data = sim.tenant("Company")
    for key in data.keys("Customer"):
        change_silently(sim, "Customer", key, {"CustomerName": text})
    for key in data.keys("SalesOrder"):
        change_silently(sim, "SalesOrder", key, {"Description": text})
    for batch in data.rows("JournalTransaction"):
        if batch["LastModifiedDateTime"]:
            key = (batch["Module"], batch["BatchNbr"])
            change_silently(sim, "JournalTransaction", key, {"Description": text})


def rereading_of(destination: Destination, stream: str) -> dict[str, Any]:
    state: dict[str, Any] = destination.states[stream]["stream"]["stream_state"]["states"][0]
    found: dict[str, Any] = state["rereading"]
    return found


def pages_of(sim: Simulator, path: str) -> int:
    return sum(request.path.endswith(path) and "$top" in request.query for request in sim.requests)


@pytest.mark.parametrize(("openapi", "sessions"), in_turns([True, False], [3, 1]))
def test_silent_changes_arrive_within_the_days(openapi: bool, sessions: int, small_pages: None) -> None:
    with Simulator(rows=20, lines=2, tenants=ONE, openapi=openapi) as sim:
        config = sim.config(**SETTINGS, reread_days=5, max_sessions=sessions)
        catalog = catalog_of(config, *STREAMS)
        destination = Destination()
        destination.sync(config, catalog)
        for text in ("first", "second"):
            sim.clock.advance(60)
            change_all_silently(sim, text)
            assert differences(destination, sim, ONE), "nothing shows the changes"
            for day in range(5):
                assert day > 2 or differences(destination, sim, ONE), "a part in each sync"
                sim.clock.advance(DAY_SECONDS - 20)
                destination.sync(config, catalog)
                # A busy machine may refuse a connection; that is tried again.
                assert [line for line in destination.warnings if "Trying again" not in line] == []
            assert differences(destination, sim, ONE) == []
        assert sim.sessions.open_count() == 0


@pytest.mark.parametrize("more", [{}, {"start_date": "2020-01-01T00:00:00Z"}, {"track_deletions": True}], ids=str)
def test_on_a_connection_that_runs_silent_changes_arrive_within_the_days_from_then_on(
    more: dict[str, Any], small_pages: None
) -> None:
    """How many rows there are is not known then, and found out."""
    with Simulator(rows=20, lines=2, tenants=ONE, tracked=("SOOrder",)) as sim:
        config = sim.config(**SETTINGS, **more)
        catalog = catalog_of(config, *STREAMS)
        destination = Destination()
        destination.sync(config, catalog)
        sim.clock.advance(DAY_SECONDS)
        config |= {"reread_days": 4}
        destination.sync(config, catalog)
        assert destination.records == 0
        change_all_silently(sim, "silent")
        data = sim.tenant("Company")
        if "track_deletions" in more:
            data.delete("SalesOrder", data.keys("SalesOrder")[5])
        for day in range(4):
            assert day > 2 or differences(destination, sim, ONE), "a part in each sync"
            sim.clock.advance(DAY_SECONDS)
            destination.sync(config, catalog)
        assert differences(destination, sim, ONE) == []


def test_without_the_setting_nothing_is_read_again_and_the_state_says_nothing_of_it(small_pages: None) -> None:
    with Simulator(rows=20, tenants=ONE) as sim:
        config = sim.config(**SETTINGS)
        catalog = catalog_of(config, *STREAMS)
        destination = Destination()
        destination.sync(config, catalog)
        sim.clock.advance(30 * DAY_SECONDS)
        destination.sync(config, catalog)
        assert destination.records == 0
        assert "rereading" not in str(destination.states)


@pytest.mark.parametrize("stream", ["Customer", "dac__Customer"])
@pytest.mark.parametrize("sessions", [1, 4])
def test_the_cost_of_a_sync_is_its_share(stream: str, sessions: int) -> None:
    """A hundred rows a day, in one request, and some at the ends of the list."""
    in_days = 20 if IS_SOAK else 7
    rows = 100 * in_days
    with Simulator(rows=rows, tenants=ONE) as sim:
        more = {"dac_tables": ["Customer"], "generic_inquiries": [], "include_custom_fields": False}
        config = sim.config(**more, max_sessions=sessions)
        catalog = catalog_of(config, stream)
        destination = Destination()
        destination.sync(config, catalog)
        sim.clock.advance(DAY_SECONDS)
        quiet, again = _costs(sim, destination, config, catalog, days=3), config | {"reread_days": in_days}
        # The number of rows is found out once, by some requests for a row each.
        destination.sync(again, catalog)
        assert destination.records == 0
        costs = _costs(sim, destination, again, catalog, days=2 * in_days)
        assert sum(records for records, _ in costs) <= 2 * rows * 1.05 + 100
        assert max(records for records, _ in costs) <= 130
        assert min(records for records, _ in costs) >= 80
        most = max(requests for _, requests in quiet)
        ends = [requests for _, requests in costs if requests > most + 1]
        assert len(ends) <= 3, "one request more in each sync, and some at the end of the list"
        assert max(ends, default=0) <= most + 5


def _costs(
    sim: Simulator, destination: Destination, config: dict[str, Any], catalog: dict[str, Any], days: int
) -> list[tuple[int, int]]:
    """For each day's sync the records and the requests."""
    costs = []
    for _ in range(days):
        sim.clock.advance(DAY_SECONDS)
        sim.requests.clear()
        destination.sync(config, catalog)
        costs.append((destination.records, len(sim.requests)))
    return costs


@pytest.mark.timeout(1800)
def test_killed_after_each_message_and_resumed_nothing_is_lost(small_pages: None) -> None:
    """One day of the rereading is cut off; what it has not read comes with the days that follow."""
    with Simulator(rows=8, lines=2, tenants=ONE) as sim:
        config = sim.config(**SETTINGS, reread_days=2)
        catalog = catalog_of(config, *STREAMS)
        for stop_after in messages_to_be_killed_after():
            destination = Destination()
            destination.sync(config, catalog)
            sim.clock.advance(60)
            change_all_silently(sim, f"silent {stop_after}")
            data = sim.tenant("Company")
            data.update("Customer", data.keys("Customer")[stop_after % 8], {"CustomerName": f"loud {stop_after}"})
            sim.clock.advance(DAY_SECONDS)
            ended = destination.sync(config, catalog, stop_after=stop_after) < stop_after
            assert sim.sessions.open_count() == 0
            destination.sync(config, catalog)
            sim.clock.advance(DAY_SECONDS)
            destination.sync(config, catalog)
            assert differences(destination, sim, ONE) == [], f"killed after message {stop_after}"
            if ended:
                break
        assert stop_after > 30


@pytest.mark.parametrize("stream", ["Customer", "dac__SOOrder"])
def test_the_state_is_never_ahead_of_the_records(stream: str, small_pages: None) -> None:
    """Of each state, the rows up to the place have come again before it."""
    with Simulator(rows=20, tenants=ONE) as sim:
        config = sim.config(**SETTINGS, reread_days=1)
        catalog = catalog_of(config, stream)
        destination = Destination()
        destination.sync(config, catalog)
        sim.clock.advance(DAY_SECONDS * 2)
        offsets = []
        for stop_after in range(5, 60, 5):
            later = Destination(states=dict(destination.states))
            ended = later.sync(config, catalog, stop_after=stop_after) < stop_after
            offset = rereading_of(later, stream)["place"]["offset"]
            assert offset <= later.records
            offsets.append(offset)
            if ended:
                break
        assert max(offsets) > 10


def test_a_failure_of_the_rereading_fails_the_stream_and_keeps_what_changes_have_reached(small_pages: None) -> None:
    with Simulator(rows=20, tenants=ONE) as sim:
        config = sim.config(**SETTINGS, reread_days=2)
        catalog = catalog_of(config, "Customer")
        destination = Destination()
        destination.sync(config, catalog)
        sim.clock.advance(DAY_SECONDS)
        data = sim.tenant("Company")
        data.update("Customer", data.keys("Customer")[3], {"CustomerName": "changed"})
        sim.clock.advance(60)
        sim.faults.add(Fault(FaultKind.STATUS_503, path=r"skip=6&", times=10**6))
        before = destination.states["Customer"]["stream"]["stream_state"]["states"][0]
        destination.sync(config, catalog, fails=True)
        assert destination.errors
        after = destination.states["Customer"]["stream"]["stream_state"]["states"][0]
        assert after["cursor"] > before["cursor"] if isinstance(after["cursor"], str) else after != before
        assert "reading" not in after
        assert after["rereading"]["place"]["offset"] == 7
        sim.faults.clear()
        destination.sync(config, catalog)
        assert destination.records < 10
        assert differences(destination, sim, ONE) == []


@pytest.mark.parametrize("ahead_seconds", [400 * DAY_SECONDS, -400 * DAY_SECONDS])
def test_a_clock_that_is_wrong_once_costs_one_reading_of_all_rows_and_stops_nothing(
    ahead_seconds: int, small_pages: None
) -> None:
    with Simulator(rows=40, tenants=ONE) as sim:
        config = sim.config(**SETTINGS, reread_days=10)
        catalog = catalog_of(config, "dac__SOOrder")
        destination = Destination()
        destination.sync(config, catalog)
        counts = []
        for day in range(14):
            sim.clock.advance(DAY_SECONDS)
            sim.clock.web_server_ahead_seconds = ahead_seconds if day == 3 else 0
            destination.sync(config, catalog)
            counts.append(destination.records)
        assert sum(count >= 40 for count in counts) <= 1
        assert all(2 <= count <= 6 for count in counts[6:])


def test_another_filter_begins_a_new_round(small_pages: None) -> None:
    with Simulator(rows=30, tenants=ONE) as sim:
        config = sim.config(**SETTINGS, reread_days=3)
        catalog = catalog_of(config, "SalesOrder")
        destination = Destination()
        destination.sync(config, catalog)
        sim.clock.advance(DAY_SECONDS)
        destination.sync(config, catalog)
        assert rereading_of(destination, "SalesOrder")["place"]["offset"] >= 9
        narrower = config | {"row_filters": [{"stream": "SalesOrder", "filter": "OrderType eq 'SO'"}]}
        sim.clock.advance(60)
        destination.sync(narrower, catalog)
        assert [log for log in destination.logs if "from the beginning of the list" in log.getMessage()]
        sim.clock.advance(DAY_SECONDS)
        destination.sync(narrower, catalog)
        assert destination.records
        sim.clock.advance(60)
        destination.sync(config, catalog)
        assert any("read again in full" in each for each in destination.warnings)
        assert rereading_of(destination, "SalesOrder")["place"]["offset"] == 0


def test_a_first_sync_and_one_in_full_leave_nothing_to_read_again(small_pages: None) -> None:
    with Simulator(rows=20, tenants=ONE) as sim:
        config = sim.config(**SETTINGS, reread_days=2)
        catalog = catalog_of(config, *STREAMS, "ShipVia")
        destination = Destination()
        destination.sync(config, catalog)
        assert not any(destination.key_repeats.values())
        assert not any(destination.exact_repeats.values())
        requests = len(sim.requests)
        sim.requests.clear()
        plain = Destination()
        plain.sync(sim.config(**SETTINGS), catalog)
        assert requests <= len(sim.requests) + 20, "discovery aside, it costs nothing"
        assert rereading_of(destination, "Customer")["rows"] == 20
        full = configured([discover(config)["Customer"]], "full_refresh")
        overwritten = Destination()
        overwritten.sync(config, full)
        assert overwritten.records == 20


def test_where_records_are_appended_the_log_says_that_they_come_again(small_pages: None) -> None:
    with Simulator(rows=6, tenants=ONE) as sim:
        config = sim.config(**SETTINGS, reread_days=1)
        catalog = configured([discover(config)["Customer"]], INCREMENTAL, APPEND)
        destination = Destination()
        destination.sync(config, catalog)
        sim.clock.advance(DAY_SECONDS)
        destination.sync(config, catalog)
        assert destination.records == 6
        told = [log.getMessage() for log in destination.logs if "rows again" in log.getMessage()]
        assert len(told) == 1
        assert "appends them" in told[0]


@pytest.mark.timeout(3600)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    site=st.sampled_from(sorted(name for name, site in SITES.items() if not site.may_fail)),
    rounds=st.lists(st.tuples(ROUNDS, st.lists(NUMBERS, max_size=4)), min_size=1, max_size=3),
    page_rows=st.integers(2, 6),
    sessions=st.sampled_from([1, 3]),
    days=st.integers(1, 4),
)
def test_whatever_happened_silent_changes_arrive_within_the_days_that_follow(
    site: str, rounds: list[tuple[Any, list[int]]], page_rows: int, sessions: int, days: int
) -> None:
    with (
        pytest.MonkeyPatch.context() as patch,
        Simulator(rows=6, tenants=ONE, tracked=TRACKED) as sim,
    ):
        patch.setattr(page_size, "FIRST_PAGE_ROWS", page_rows)
        history = History(sim, INCREMENTAL, SITES[site], page_rows, sessions, is_in_5=False)
        history.config["reread_days"] = days
        history.sync()
        for each, silent in rounds:
            for number in silent:
                _change_one_silently(sim, number)
            history.happen(each)
        for _ in range(days + 1):
            sim.clock.advance(DAY_SECONDS)
            history.sync()
        history.expect_truth("after the days")
        assert sim.sessions.peak <= sessions


def _change_one_silently(sim: Simulator, number: int) -> None:
    data = sim.tenant(TENANT)
    keys = data.keys("Customer")
    change_silently(sim, "Customer", keys[number % len(keys)], {"CustomerName": f"silent {number}"})
    if keys := data.keys("SalesOrder"):
        change_silently(sim, "SalesOrder", keys[number % len(keys)], {"Description": f"silent {number}"})
