"""Random histories: the ERP changes, lies and fails, clocks step, runs crash; and no sync that succeeds is wrong.

After each sync each stream has either succeeded, and holds what the ERP holds, or failed; and what a failed one has not
read comes as soon as the ERP answers again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from source_acumatica.reading import page_size

from .comparison import differences
from .conftest import EXAMPLES
from .harness import FULL_REFRESH, INCREMENTAL, OVERWRITE, Destination, configured, discover
from .histories import CONTRACT_5, SITES, WEATHER, Site, Weather, clear_up
from .simulator import Fault, FaultKind, Simulator
from .simulator.trouble.lies import together
from .test_moving_rows import CHANGES, MINUTES, NUMBERS, TRACKED, Change, make_change

TENANT = "Company"
IN_5 = "Default/26.200.001"
DAY_SECONDS = 86_400
STREAMS = (
    *("SalesOrder", "SalesOrder__Details", "Customer", "Customer__Contacts"),
    *("dac__SOOrder", "dac__SOLine", "dac__Customer", "dac__Vendor"),
    "gi__GL-Transactions",
)
# An inquiry does not tell what has left it: by what has changed only those are read whose rows stay.
ALWAYS_IN_FULL = ("gi__BI-Customers",)
ODATA = {
    "dac_tables": ["SOOrder", "SOLine", "Customer", "Vendor"],
    "generic_inquiries": ["GL-Transactions", "BI-Customers"],
}
REMOVING = ("delete order", "delete customer", "replace order", "change lines", "rename customer")
MORE_CHANGES = st.one_of(
    CHANGES,
    st.tuples(st.just("rename customer"), MINUTES, NUMBERS),
    st.tuples(st.just("insert vendor without a stamp"), MINUTES, NUMBERS),
    st.tuples(st.just("change vendor without a stamp"), MINUTES, NUMBERS),
    st.tuples(st.just("insert batch without a stamp"), MINUTES, NUMBERS),
)


ROUNDS = st.fixed_dictionaries(
    {
        "changes": st.lists(MORE_CHANGES, max_size=6),
        "minutes": st.integers(0, 200),
        "weather": st.one_of(st.just(""), st.sampled_from(sorted(WEATHER))),
        "begins": st.integers(1, 25),
        "times": st.integers(1, 6),
        "meanwhile": st.one_of(st.none(), MORE_CHANGES),
        "crash": st.one_of(st.none(), st.integers(1, 60)),
    }
)
Rounds = list[Mapping[str, Any]]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("mode", [INCREMENTAL, FULL_REFRESH])
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    site=st.sampled_from(sorted(SITES)),
    rounds=st.lists(ROUNDS, min_size=1, max_size=3),
    page_rows=st.integers(2, 6),
    sessions=st.sampled_from([1, 3]),
    contract=st.one_of(st.just(""), st.sampled_from(sorted(CONTRACT_5))),
)
def test_no_sync_that_succeeds_is_wrong(
    mode: str, site: str, rounds: Rounds, page_rows: int, sessions: int, contract: str
) -> None:
    live_through(mode, site, rounds, page_rows, sessions, contract)


def live_through(
    mode: str,
    site: str,
    rounds: Rounds,
    page_rows: int = 3,
    sessions: int = 1,
    contract: str = "",
    at_last: Sequence[Change] = (),
) -> None:
    """One history, from a first sync on a quiet day to a last one, before which ``at_last`` happens.

    ``contract``: how contract 5 is spoken, if it is.
    """
    release = "26.200" if contract else "24.200"
    with (
        pytest.MonkeyPatch.context() as patch,
        Simulator(rows=6, tenants=(TENANT,), tracked=TRACKED, release=release) as sim,
    ):
        patch.setattr(page_size, "FIRST_PAGE_ROWS", page_rows)
        place = SITES[site]
        if contract:
            place = replace(place, lies=together((place.lies, CONTRACT_5[contract])))
        history = History(sim, mode, place, page_rows, sessions, is_in_5=bool(contract))
        history.sync()
        history.expect_truth("after the first sync")
        for number, each in enumerate(rounds, 1):
            history.live(each, f"after sync {number}")
        clear_up(sim, history.site)
        history.change(at_last)
        sim.clock.advance(DAY_SECONDS)
        history.sync()
        history.expect_truth("after the last sync")
        assert sim.sessions.open_count() == 0
        assert sim.sessions.peak <= sessions


def _stream_of(difference: str) -> str:
    return difference.partition(", ")[2].split(": ")[0]


class History:
    def __init__(self, sim: Simulator, mode: str, site: Site, page_rows: int, sessions: int, *, is_in_5: bool) -> None:
        self.sim, self.site = sim, site
        self.config = sim.config(
            max_page_size=page_rows, max_sessions=sessions, track_deletions=site.tracks, lookback_minutes=15, **ODATA
        )
        if is_in_5:
            self.config["endpoints"] = [IN_5]
        self.catalog = _catalog(mode, site.tracks, is_in_5)
        self.destination = Destination()
        self._requests, self._due = 0, dict[int, Any]()
        sim.lies = site.lies
        sim.before_request(self._count)

    def sync(self, stop_after: int | None = None) -> None:
        self._requests = 0
        self.destination.sync(self.config, self.catalog, stop_after, fails=True)
        self._due = {}

    def live(self, each: Mapping[str, Any], when: str) -> None:
        """What changes, a sync in whatever weather, and if it did not crash what it has to have brought."""
        weather = self.happen(each)
        if each["crash"] is None and not each["meanwhile"] and not (weather and weather.waits_a_day):
            self.expect_truth(when, may_fail=weather is not None and weather.may_fail)
        elif each["crash"] is None and not (weather and weather.may_fail):
            self._expect_success(when)

    def change(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self._make(change)

    def happen(self, each: Mapping[str, Any]) -> Weather | None:
        """What changes, and a sync in whatever weather."""
        self.change(each["changes"])
        self.sim.clock.advance(each["minutes"] * 60 + 1)
        weather = WEATHER.get(each["weather"])
        if weather:
            times = min(each["times"], weather.most_times)
            self._due[each["begins"]] = lambda: weather.begin(self.sim, times)
        if each["meanwhile"]:
            self._due[each["begins"] + 3] = lambda: self._make(each["meanwhile"])
        self.sync(each["crash"])
        clear_up(self.sim, self.site)
        return weather

    def expect_truth(self, when: str, *, may_fail: bool = False) -> None:
        """Whatever has succeeded is right, and has not sent anything twice where nobody would notice."""
        if not may_fail:
            self._expect_success(when)
        right = [name for name in self.destination.catalog if self._has_succeeded(name)]
        found = differences(self.destination, self.sim, [TENANT])
        wrong = [text for text in found if (name := _stream_of(text)) in right and not self._is_told(name, text)]
        assert wrong == [], (when, wrong[:5])
        overwritten = [name for name in right if self._is_overwritten(name)]
        twice = [name for name in overwritten if self.destination.exact_repeats[name]]
        assert twice == [], (when, "sent twice")

    def _expect_success(self, when: str) -> None:
        failed = {name for name, status in self.destination.statuses.items() if status != "COMPLETE"}
        assert failed <= self.site.may_fail, (when, self.destination.errors)
        assert self.destination.statuses.keys() == self.destination.catalog.keys(), (when, self.destination.errors)

    def _has_succeeded(self, name: str) -> bool:
        """Lines are compared as those of their records: without these, nobody can say which are there."""
        names = [name, name.partition("__")[0]] if not name.startswith(("gi__", "dac__")) else [name]
        return all(self.destination.statuses.get(each, "COMPLETE") == "COMPLETE" for each in names)

    def _is_told(self, name: str, text: str) -> bool:
        """Deletions that cannot be read now are warned of, and come when they can be."""
        record = name if name.startswith(("gi__", "dac__")) else name.partition("__")[0]
        warned = [each for each in self.destination.warnings if record in each and "eleted records" in each]
        return bool(warned) and text.endswith("does not exist in the ERP")

    def _make(self, change: Change) -> None:
        """What leaves a table is noticed by who tracks it, and what has no stamp where one can ask for it."""
        is_unseen = self.site.lies.null_filters is False and change[0].endswith("without a stamp")
        if not is_unseen and (self.site.tracks or change[0] not in REMOVING):
            make(self.sim, *change)

    def _is_overwritten(self, name: str) -> bool:
        return str(self.destination.catalog[name]["destination_sync_mode"]) == OVERWRITE

    def _count(self, _request: Any) -> None:
        self._requests += 1
        begin = self._due.pop(self._requests, None)
        if begin:
            begin()


# ------------------------------------------------------------------------------------- tenants that differ and fail

NEIGHBOUR = "Zweite Firma"
# What the neighbour may not have, and the streams that it lacks then.
WANTING: Mapping[str, frozenset[str]] = {
    "Customer": frozenset({"Customer", "Customer__Contacts"}),
    "SalesOrder.Details": frozenset({"SalesOrder__Details"}),
    "dac/SOLine": frozenset({"dac__SOLine"}),
    "gi/GL-Transactions": frozenset({"gi__GL-Transactions"}),
    "gi/BI-Customers": frozenset({"gi__BI-Customers"}),
}
FAILING = (
    "",
    "its password is changed",
    "its inquiries fail",
    "its tables fail",
    "its description of tables is closed",
)
PLAIN_CHANGES = CHANGES.filter(lambda change: change[0] != "wait")


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("mode", [INCREMENTAL, FULL_REFRESH])
@settings(max_examples=max(EXAMPLES // 2, 2), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    wanting=st.sets(st.sampled_from(sorted(WANTING)), max_size=3),
    rounds=st.lists(
        st.tuples(st.sampled_from(FAILING), st.lists(PLAIN_CHANGES, max_size=3), st.lists(PLAIN_CHANGES, max_size=3)),
        min_size=1,
        max_size=3,
    ),
    sessions=st.sampled_from([1, 3]),
)
def test_a_tenant_that_differs_or_fails_leaves_the_others_as_they_are(
    mode: str, wanting: set[str], rounds: list[tuple[str, list[Change], list[Change]]], sessions: int
) -> None:
    tenants = (TENANT, NEIGHBOUR)
    with Simulator(rows=6, tenants=tenants, tracked=TRACKED) as sim:
        sim.tenant(NEIGHBOUR).lacks.update(wanting)
        config = sim.config(max_page_size=3, max_sessions=sessions, track_deletions=True, **ODATA)
        found = discover(config)
        catalog = configured([found[name] for name in STREAMS], mode)
        catalog["streams"] += configured([found[name] for name in ALWAYS_IN_FULL], FULL_REFRESH)["streams"]
        lacked = {stream for name in wanting for stream in WANTING[name]}
        destination = Destination()
        destination.sync(config, catalog)
        for failing, changes, others in rounds:
            for tenant, some in ((TENANT, changes), (NEIGHBOUR, others)):
                for change in some:
                    make_change(sim, tenant, *change)
            sim.clock.advance(3600)
            password = _begin_to_fail(sim, failing)
            destination.sync(config, catalog, fails=bool(failing))
            _recover(sim, password)
            # What is overwritten stays as it was where one tenant fails.
            kept = {*(destination.catalog if mode == FULL_REFRESH else ALWAYS_IN_FULL)} if failing else set[str]()
            assert [text for text in _wrong(destination, sim, TENANT, set()) if _stream_of(text) not in kept] == []
            if not failing:
                assert _wrong(destination, sim, NEIGHBOUR, lacked) == []
        sim.clock.advance(DAY_SECONDS)
        destination.sync(config, catalog)
        assert _wrong(destination, sim, TENANT, set()) == []
        assert _wrong(destination, sim, NEIGHBOUR, lacked) == []
        assert sim.sessions.open_count() == 0


def _wrong(destination: Destination, sim: Simulator, tenant: str, lacked: set[str]) -> list[str]:
    """The differences of a tenant, but for the streams that it has not, of which no row may have come."""
    assert not [stream for stream in lacked for row in destination.rows(stream) if row["_tenant"] == tenant]
    found = differences(destination, sim, [tenant])
    return [text for text in found if _stream_of(text) not in lacked]


def _begin_to_fail(sim: Simulator, how: str) -> str:
    """The neighbour's password, as it was."""
    password = sim.account(NEIGHBOUR).password
    match how:
        case "its password is changed":
            sim.account(NEIGHBOUR).password = "another one"
        case "its inquiries fail":
            sim.faults.add(Fault(FaultKind.STATUS_503, path=f"{NEIGHBOUR}/api/odata/gi/", times=10**6))
        case "its tables fail":
            sim.faults.add(Fault(FaultKind.STATUS_500, path=f"{NEIGHBOUR}/api/odata/dac/SO", times=10**6))
        case "its description of tables is closed":
            sim.faults.add(Fault(FaultKind.STATUS_503, path=rf"{NEIGHBOUR}/api/odata/dac/\$metadata", times=10**6))
    return password


def _recover(sim: Simulator, password: str) -> None:
    sim.account(NEIGHBOUR).password = password
    sim.faults.clear()


@cache
def _catalog(mode: str, tracks: bool, is_in_5: bool) -> dict[str, Any]:
    release, endpoints = ("26.200", [IN_5]) if is_in_5 else ("24.200", [])
    with Simulator(rows=6, tenants=(TENANT,), tracked=TRACKED, release=release) as sim:
        found = discover(sim.config(track_deletions=tracks, endpoints=endpoints, **ODATA))
    catalog = configured([found[name] for name in STREAMS], mode)
    catalog["streams"] += configured([found[name] for name in ALWAYS_IN_FULL], FULL_REFRESH)["streams"]
    return catalog


def make(sim: Simulator, what: str, minutes: int, content: Any) -> None:
    """One change in the ERP, also of the kinds that only occur here."""
    data = sim.tenant(TENANT)
    moment = sim.clock.now().timestamp()
    match what:
        case "rename customer":
            key = data.keys("Customer")[content % len(data.keys("Customer"))]
            sim.clock.advance(1)
            data.rename("Customer", key, (f"R{content}-{moment}",))
        case "insert vendor without a stamp":
            data.insert("Vendor", {"VendorID": f"V{content}-{moment}", "LastModifiedDateTime": None})
        case "change vendor without a stamp":
            unstamped = [row for row in data.rows("Vendor") if row["LastModifiedDateTime"] is None]
            for row in unstamped[:1]:
                values = {"VendorName": f"Name {content}", "LastModifiedDateTime": None}
                data.update("Vendor", (row["VendorID"],), values)
        case "insert batch without a stamp":
            values = {"Module": "GL", "BatchNbr": f"{content}-{moment}", "LastModifiedDateTime": None}
            data.insert("JournalTransaction", {**values, "Details": [{"LineNbr": 1}]})
        case _:
            make_change(sim, TENANT, what, minutes, content)
