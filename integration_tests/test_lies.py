"""Tests that whatever a site says wrongly, a sync is right, or fails."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any

import pytest

from source_acumatica.contract.tables import Table

from .comparison import differences
from .conftest import IS_SOAK, in_turns
from .harness import APPEND_DEDUP, FULL_REFRESH, INCREMENTAL, Destination, configured, discover
from .histories import SITES, WEATHER
from .lying_site import COMPANY, CUSTOMERS, SETTINGS, catalog, expect_right_or_failed
from .lying_site import a_site as a_site
from .simulator import Fault, FaultKind, Lies, Simulator
from .simulator.tenants import Tenant
from .simulator.trouble.lies import Half
from .simulator.web.requests import Request
from .test_histories import live_through

CHANGES = [
    ("insert order", 0, [{"OrderQty": 2}, {"OrderQty": 3}]),
    ("change lines", 1, [{"OrderQty": 4}]),
    ("delete order", 0, 4),
    ("change customer", 2, 3),
    ("insert customer", 0, 5),
    ("rename customer", 0, 4),
    ("change batch", 3, 2),
    ("insert vendor without a stamp", 0, 1),
    ("insert batch without a stamp", 0, 1),
    ("change vendor without a stamp", 0, 1),
]
# At the first request of a sync, and in the middle of its lists.
BEGINS = (1, 4, 9, 15) if IS_SOAK else (4,)
# Changes in good weather before the weather: the first sync, before all changes, is in good weather too.
GOOD_DAYS_BEFORE = 1 if IS_SOAK else 0
# What is missed until the next day, when it is over, is what an incremental sync asks for: that is where it is tried.
OF_CHANGES = [] if IS_SOAK else [name for name, weather in WEATHER.items() if weather.waits_a_day]
WEATHER_BY_MODE = [
    *in_turns([name for name in WEATHER if name not in OF_CHANGES], (FULL_REFRESH, INCREMENTAL)),
    *((name, INCREMENTAL) for name in OF_CHANGES),
]
# Where what a site does otherwise is in its lists themselves, and not in what is asked of changes alone.
SITES_BY_MODE = [
    *((site, INCREMENTAL) for site in SITES),
    *((site, FULL_REFRESH) for site in SITES if IS_SOAK or re.search("rows|cap|pages|keys", site)),
]


def day(weather: str = "", begins: int = 1) -> dict[str, Any]:
    times, nothing = 2, {"meanwhile": None, "crash": None}
    return {"changes": CHANGES, "minutes": 60, "weather": weather, "begins": begins, "times": times, **nothing}


def insert_unstamped(sim: Simulator) -> Tenant:
    """A vendor and a batch without a stamp."""
    company = sim.tenant("Company")
    company.insert("Vendor", {"VendorID": "UNSTAMPED", "LastModifiedDateTime": None})
    batch = {"Module": "GL", "BatchNbr": "UNSTAMPED", "LastModifiedDateTime": None, "Details": [{"LineNbr": 1}]}
    company.insert("JournalTransaction", batch)
    return company


# ---------------------------------------------------------------------------------------------- all kinds, in a history


@pytest.mark.parametrize("begins", BEGINS)
@pytest.mark.parametrize(("weather", "mode"), WEATHER_BY_MODE)
def test_no_kind_of_lie_or_fault_makes_a_sync_succeed_with_a_difference(weather: str, begins: int, mode: str) -> None:
    # A full refresh begins again each time: it has no day after it.
    after = CHANGES if mode == INCREMENTAL else []
    days_after = [day()] * IS_SOAK
    live_through(mode, "honest", [*[day()] * GOOD_DAYS_BEFORE, day(weather, begins), *days_after], at_last=after)


@pytest.mark.parametrize(("site", "mode"), SITES_BY_MODE)
def test_what_a_site_always_does_otherwise_is_read_right_or_not_at_all(site: str, mode: str) -> None:
    live_through(mode, site, [day()] * (2 if IS_SOAK else 1), at_last=CHANGES)


# ---------------------------------------------------------------------------------------------------- the end of a list


@pytest.mark.parametrize("stream", CUSTOMERS)
@pytest.mark.parametrize("hidden", [[1, 2], [2, 3], [4, 5, 6], [11, 12], [2, 3, 5, 6, 8, 9]], ids=str)
def test_rows_that_are_hidden_from_a_page_do_not_end_the_list(
    stream: str, hidden: list[int], erp: Simulator, small_pages: None
) -> None:
    erp.lies = Lies(hidden=frozenset(f"C{number:06d}" for number in hidden))
    destination = Destination()
    destination.sync(erp.config(**SETTINGS, max_page_size=3), catalog(erp, stream, mode=FULL_REFRESH))
    assert differences(destination, erp, COMPANY) == []


@pytest.mark.parametrize("stream", CUSTOMERS)
@pytest.mark.parametrize("most_rows", [25, 100, 333])
def test_a_cap_of_any_number_does_not_end_the_list(stream: str, most_rows: int) -> None:
    with Simulator(rows=2 * most_rows + 7, tenants=("Company",)) as sim:
        chosen = catalog(sim, stream, mode=FULL_REFRESH)
        sim.lies = Lies(most_rows=most_rows)
        destination = Destination()
        destination.sync(sim.config(**SETTINGS), chosen)
        assert len(destination.rows(stream)) == 2 * most_rows + 7
        assert not destination.exact_repeats.total()


@pytest.mark.parametrize("sessions", [1, 4])
@pytest.mark.parametrize("mode", [FULL_REFRESH, INCREMENTAL])
@pytest.mark.parametrize("stream", CUSTOMERS)
def test_blocks_of_hidden_rows_that_are_shorter_than_a_page_do_not_end_the_list(
    stream: str, mode: Any, sessions: int
) -> None:
    """As where a user sees some of the branches: the places of all that is hidden in front count, too."""
    shown = [False] * 300 + [True] * 48 + [False] * 400 + [True] * 60
    with Simulator(rows=len(shown), tenants=("Company",), seats=4) as sim:
        chosen = catalog(sim, stream, mode=mode)
        keys = [key for (key,) in sim.tenant("Company").keys("Customer")]
        sim.lies = Lies(hidden=frozenset(key for key, is_shown in zip(keys, shown, strict=True) if not is_shown))
        destination = Destination()
        destination.sync(sim.config(**SETTINGS, max_page_size=500, max_sessions=sessions), chosen)
        assert len(destination.rows(stream)) == sum(shown)


@pytest.mark.parametrize("most_rows", [1, 2, 3])
def test_a_server_that_repeats_rows_of_a_group_is_given_up(most_rows: int) -> None:
    """All that is new in a page may be held back, as more of its group may follow: then nothing comes of it."""
    with Simulator(rows=7, tenants=("Company",), odata_page_rows=most_rows) as sim:
        chosen = catalog(sim, "gi__BI-Customers", mode=FULL_REFRESH)
        sim.lies = Lies(only="odata", repeats=1)
        before, destination = len(sim.requests), Destination()
        destination.sync(sim.config(**SETTINGS), chosen, fails=True)
        assert destination.statuses == {"gi__BI-Customers": "INCOMPLETE"}
        assert len(sim.requests) - before < 60


# ------------------------------------------------------------------------------------------------------ another order


@pytest.mark.parametrize("begins", range(2, 12))
@pytest.mark.parametrize("stream", ["Customer", "SalesOrder", "Fabrikam__Equipment", "Fabrikam__OpenItems"])
def test_a_list_that_comes_in_another_order_in_the_middle_is_read_whole_and_once_or_fails(
    stream: str, begins: int, small_pages: None
) -> None:
    with Simulator(rows=40, tenants=("Company",)) as sim:
        settings = {"endpoints": ["Default", "Fabrikam"], "generic_inquiries": [], "max_page_size": 8}
        chosen = configured([discover(sim.config(**settings))[stream]], FULL_REFRESH)
        lists = itertools.count(1)

        def hook(request: Request) -> None:
            if "$skip" in request.query and next(lists) == begins:
                sim.lies = Lies(reordered=1)

        sim.before_request(hook)
        destination = Destination()
        destination.sync(sim.config(**settings), chosen, fails=True)
        expect_right_or_failed(sim, destination)
        assert destination.statuses[stream] == "COMPLETE" or stream == "Fabrikam__OpenItems"


# ----------------------------------------------------------------------------------------------- once in a full refresh


@pytest.mark.parametrize("stream", CUSTOMERS)
@pytest.mark.parametrize("times", range(1, 8))
@pytest.mark.parametrize("kind", [FaultKind.STATUS_500, FaultKind.EMPTY_200, FaultKind.STATUS_504])
def test_faults_in_mid_list_bring_no_row_twice(
    stream: str, times: int, kind: FaultKind, erp: Simulator, small_pages: None
) -> None:
    config, chosen = erp.config(**SETTINGS, max_page_size=3), catalog(erp, stream, mode=FULL_REFRESH)
    erp.faults.add(Fault(kind, path=r"Customers?[?].*(skip|filter)=", after=1, times=times))
    destination = Destination()
    destination.sync(config, chosen, fails=True)
    expect_right_or_failed(erp, destination)
    assert times > 2 or destination.statuses == {stream: "COMPLETE"}


# ------------------------------------------------------------------------------------------------ keys against the rows


@pytest.mark.parametrize("mode", [INCREMENTAL, FULL_REFRESH])
@pytest.mark.parametrize("unordered", [False, True])
def test_keys_that_repeat_behind_what_discover_saw_merge_no_rows(mode: str, unordered: bool, small_pages: None) -> None:
    """In full refresh nobody deduplicates, so all rows come; where somebody would, the stream fails and says why."""
    with Simulator(rows=12, tenants=("Company",)) as sim:
        config, name = sim.config(**SETTINGS, max_page_size=3), "gi__GL-Transactions"
        chosen = catalog(sim, name, mode=mode)
        shown = {"GL-Transactions.LineNbr": lambda row, cell: 1 if row.handle > 6 else cell}
        sim.lies = Lies(shown=shown, unordered=unordered)
        destination = Destination()
        destination.sync(config, chosen, fails=True)
        expect_right_or_failed(sim, destination)
        if mode == FULL_REFRESH:
            assert destination.statuses == {name: "COMPLETE"}


@pytest.mark.parametrize("mode", [INCREMENTAL, FULL_REFRESH])
def test_keys_that_are_null_merge_no_rows(mode: str, small_pages: None) -> None:
    with Simulator(rows=12, tenants=("Company",)) as sim:
        config, name = sim.config(**SETTINGS, track_deletions=True, max_page_size=3), "dac__SOLine"
        chosen = catalog(sim, name, mode=mode, track_deletions=True)
        sim.lies = Lies(shown={"SOLine.NoteID": lambda row, cell: None if row.line_number == 2 else cell})
        destination = Destination()
        destination.sync(config, chosen, fails=True)
        expect_right_or_failed(sim, destination)
        assert destination.statuses == {name: "INCOMPLETE" if mode == INCREMENTAL else "COMPLETE"}


@pytest.mark.parametrize("mode", [INCREMENTAL, FULL_REFRESH])
def test_ids_that_rows_far_apart_share_merge_no_rows(mode: str, small_pages: None) -> None:
    """As those of a view with a row for each line, and with the document's id."""
    with Simulator(rows=24, tenants=("Company",)) as sim:
        config, name = sim.config(**SETTINGS, track_deletions=True, max_page_size=3), "dac__Customer"
        chosen = catalog(sim, name, mode=mode, track_deletions=True)
        ids: dict[int, Any] = {}
        sim.lies = Lies(shown={"Customer.NoteID": lambda row, cell: ids.setdefault(row.handle % 20, cell)})
        destination = Destination()
        destination.sync(config, chosen, fails=True)
        if mode == FULL_REFRESH:
            assert len(destination.rows(name)) == len(sim.tenant("Company").dac_rows("Customer")) > len(ids)
        else:
            assert "several rows have the same NoteID" in destination.errors[0]["message"]
        assert destination.statuses == {name: "INCOMPLETE" if mode == INCREMENTAL else "COMPLETE"}


def test_a_list_that_has_hidden_rows_before_is_looked_at_far_behind_its_end() -> None:
    """What is changed by others all at once is a longer run than one look reaches over."""
    with Simulator(rows=400, tenants=("Company",)) as sim:
        company = sim.tenant("Company")
        keys = [key for (key,) in company.keys("Customer")]
        hidden = keys[101:-1:2]
        sim.lies = Lies(hidden=frozenset(hidden))
        config = sim.config(**SETTINGS, include_custom_fields=False, max_page_size=50)
        chosen, destination = configured([discover(config)["Customer"]], INCREMENTAL), Destination()
        destination.sync(config, chosen)
        assert len(destination.rows("Customer")) == len(keys) - len(hidden)
        sim.clock.advance(7200)
        for key in (keys[0], *hidden, keys[-1]):
            company.update("Customer", (key,), {"CustomerName": "changed"})
        destination.sync(config, chosen)
        changed = [row["CustomerID"] for row in destination.rows("Customer") if row["CustomerName"] == "changed"]
        assert changed == [keys[0], keys[-1]]
        sim.clock.advance(7200)
        before = len(sim.requests)
        destination.sync(config, chosen)
        assert len([one for one in sim.requests[before:] if one.path.endswith("/Customer")]) < 70


@pytest.mark.parametrize("mode", [INCREMENTAL, FULL_REFRESH])
@pytest.mark.parametrize("page_rows", [3, 8])
@pytest.mark.parametrize("has_note_id", [True, False])
def test_keys_of_an_entity_that_rows_far_apart_share_merge_no_rows(
    mode: str, page_rows: int, has_note_id: bool, small_pages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those that lack a part, such as a type within which numbers are given: known by the entity's name alone."""
    if not has_note_id:
        monkeypatch.setattr(Table, "has_note_id", False)
    with Simulator(rows=24, tenants=("Company",)) as sim:
        config = sim.config(**SETTINGS, max_page_size=page_rows)
        found = configured([discover(config)["Customer"]], mode, APPEND_DEDUP)
        sim.rewrite(lambda request, answer: replace(answer, body=shortened(answer.body)))
        destination = Destination()
        destination.sync(config, found, fails=True)
        assert destination.statuses == {"Customer": "INCOMPLETE"}
        assert "several rows have the same CustomerID" in destination.errors[0]["message"]


def shortened(body: bytes) -> bytes:
    """Customers with the keys of the first ten of them, again and again."""
    key = rb'("CustomerID":\s*\{"value":\s*"C)(\d{6})"'
    return re.sub(key, lambda found: found[1] + b'%06d"' % (int(found[2]) % 10), body)


@pytest.mark.parametrize("stream", ["dac__Vendor", "gi__GL-Transactions"])
def test_where_rows_without_a_stamp_cannot_be_asked_for_they_are_warned_of(stream: str) -> None:
    with Simulator(rows=6, tenants=("Company",)) as sim:
        insert_unstamped(sim)
        chosen, destination = catalog(sim, stream, mode=INCREMENTAL), Destination()
        sim.lies = Lies(null_filters=False)
        warnings = []
        for _ in range(2):
            destination.sync(sim.config(**SETTINGS), chosen)
            assert differences(destination, sim, COMPANY) == []
            warnings += destination.warnings
            sim.clock.advance(86_400)
        assert [each for each in warnings if stream in each and "stamp" in each]


@pytest.mark.parametrize("stream", ["dac__Vendor", "gi__GL-Transactions"])
@pytest.mark.parametrize(
    ("lost", "starts"), [(Half.SECOND, False), (Half.SECOND, True), (Half.FIRST, False), (Half.FIRST, True)]
)
def test_changed_rows_and_those_without_a_stamp_are_asked_for_apart_where_half_of_the_filter_is_lost(
    stream: str, lost: Half, starts: bool
) -> None:
    with Simulator(rows=6, tenants=("Company",)) as sim:
        company = insert_unstamped(sim)
        chosen, destination = catalog(sim, stream, mode=INCREMENTAL), Destination()
        settings = {**SETTINGS, **({"start_date": "1990-01-01T00:00:00Z"} if starts else {})}
        sim.lies = Lies(lost_half=lost)
        warned = 0
        for day in range(8):
            sim.clock.advance(21_600)
            company.update("Vendor", ("UNSTAMPED",), {"VendorName": f"{day}", "LastModifiedDateTime": None})
            stamped = [key for key in company.keys("Vendor") if key != ("UNSTAMPED",)]
            company.update("Vendor", stamped[day % 6], {"VendorName": f"stamped {day}"})
            orders = [key for key in company.keys("JournalTransaction") if key[-1] != "UNSTAMPED"]
            company.update("JournalTransaction", orders[day % 6], {"Description": f"stamped {day}"})
            changed = {"Description": f"{day}", "LastModifiedDateTime": None}
            company.update("JournalTransaction", ("GL", "UNSTAMPED"), changed)
            before = len(sim.requests)
            destination.sync(sim.config(**settings), chosen)
            assert differences(destination, sim, COMPANY) == []
            asked = [one for one in sim.requests[before:] if re.fullmatch(r"\w+ eq null", one.query.get("$filter", ""))]
            assert len(asked) <= 4
            warned += len([line for line in destination.warnings if "They are asked for separately" in line])
        # Of an inquiry that does not show its keys nobody can try whether it groups: it is read in full.
        assert (stream.startswith("dac")) <= warned <= 3, "once a day"
        fresh = Destination()
        fresh.sync(sim.config(**settings), catalog(sim, stream, mode=FULL_REFRESH))
        assert differences(fresh, sim, COMPANY) == []
        assert not fresh.exact_repeats.total()


@pytest.mark.parametrize("openapi", [True, False])
@pytest.mark.parametrize("mode", [FULL_REFRESH, INCREMENTAL])
@pytest.mark.parametrize("stream", ["dac__Customer", "gi__BI-Customers"])
def test_a_table_in_which_no_row_has_a_stamp_is_sent_once(stream: str, mode: Any, openapi: bool) -> None:
    """They all come with the changed ones, and a filter that brings no row with a stamp hides none."""
    with Simulator(rows=5, tenants=("Company",), openapi=openapi) as sim:
        company = sim.tenant("Company")
        for key in company.keys("Customer"):
            company.update("Customer", key, {"LastModifiedDateTime": None})
        destination = Destination()
        config = sim.config(**SETTINGS, start_date="2020-01-01T00:00:00Z")
        destination.sync(config, catalog(sim, stream, mode=mode))
        assert destination.records == len(destination.rows(stream)) == 5
        assert not [text for text in destination.warnings if "answers a filter" in text]
