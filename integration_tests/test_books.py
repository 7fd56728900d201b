"""The books balance in the copy, whatever happened while it was read, and what is missing is found by the queries."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from itertools import count
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from source_acumatica.reading import page_size

from .conftest import EXAMPLES, IS_SOAK
from .duck import asked, loaded, queries
from .harness import APPEND_DEDUP, FULL_REFRESH, INCREMENTAL, Destination, configured, discover
from .simulator import Fault, FaultKind, Simulator
from .simulator.tenants import Tenant

TENANTS = ("Company", "Zweite Firma")
PERIODS = ("112024", "122024", "012025", "022025", "032025")
FORM = "AccountSummaryInquiry"
DAY_SECONDS = 86_400
READ_IN_FULL = ("dac__GLHistory", f"{FORM}__Results")
BY_CHANGES = (
    *("dac__GLTran", "dac__Account", "dac__Branch", "dac__Ledger"),
    *("JournalTransaction", "JournalTransaction__Details"),
)
SETTINGS: Mapping[str, Any] = {
    "dac_tables": ["GLTran", "GLHistory", "Account", "Branch", "Ledger"],
    "generic_inquiries": [],
    "inquiry_parameters": [
        {"inquiry": FORM, "name": "Ledger", "value": "ACTUAL"},
        *({"inquiry": FORM, "name": "Period", "value": period} for period in PERIODS),
    ],
}
ACCOUNTS = ("10000", "10010", "10100", "10200", "10300", "10190")
QUERIES = queries("books.md")


@cache
def catalog(tracks: bool) -> dict[str, Any]:
    with Simulator(TENANTS, rows=4) as sim:
        found = discover(sim.config(track_deletions=tracks, **SETTINGS))
    streams = configured([found[name] for name in BY_CHANGES], INCREMENTAL)["streams"]
    return {"streams": streams + configured([found[name] for name in READ_IN_FULL], FULL_REFRESH)["streams"]}


def proofs(destination: Destination) -> list[tuple[int, dict[str, Any]]]:
    """What each query of the page finds, with the number of the query."""
    connection = loaded(destination)
    return [(number, row) for number, sql in enumerate(QUERIES, 1) for row in asked(connection, sql)]


def enter(company: Tenant, number: int, amount: int) -> tuple[str, str]:
    """A batch of two lines, which is not posted."""
    debit, credit = (ACCOUNTS[(number + amount * step) % len(ACCOUNTS)] for step in (1, 2))
    value = Decimal(amount + 1).scaleb(-2)
    lines = [
        {"LineNbr": 1, "Account": debit, "DebitAmount": value, "CreditAmount": Decimal()},
        {"LineNbr": 2, "Account": credit, "DebitAmount": Decimal(), "CreditAmount": value},
    ]
    about = {"LedgerID": "ACTUAL", "BranchID": "WEST", "PostPeriod": PERIODS[number % len(PERIODS)]}
    company.insert("JournalTransaction", {"Module": "GL", "BatchNbr": f"N{number:05d}", "Details": lines, **about})
    return "GL", f"N{number:05d}"


def unposted(company: Tenant) -> list[tuple[str, str]]:
    rows = company.rows("JournalTransaction")
    return [(row["Module"], row["BatchNbr"]) for row in rows if row["Status"] == "Unposted"]


def posted(company: Tenant) -> list[tuple[str, str]]:
    rows = company.rows("JournalTransaction")
    return [(row["Module"], row["BatchNbr"]) for row in rows if row["Status"] == "Posted" and row["Details"]]


class Office:
    """People at work in the general ledger of one tenant."""

    def __init__(self, company: Tenant) -> None:
        self._company, self._entered = company, 0

    def do(self, what: str, which: int) -> None:
        company = self._company
        self._entered += 1
        match what:
            case "post a new batch":
                company.post(enter(company, self._entered, which))
            case "enter":
                enter(company, self._entered, which)
            case "post" if keys := unposted(company):
                company.post(keys[which % len(keys)])
            case "delete" if keys := unposted(company):
                company.delete("JournalTransaction", keys[which % len(keys)])
            case "change" if keys := unposted(company):
                company.update("JournalTransaction", keys[which % len(keys)], {"Details": []})
            case "reverse" if keys := posted(company):
                period = PERIODS[which % len(PERIODS)]
                company.post(company.reverse(keys[which % len(keys)], f"R{self._entered:05d}", period))


WORK = st.tuples(
    st.sampled_from(["post a new batch", "enter", "post", "delete", "change", "reverse"]), st.integers(0, 999)
)
FAULTS = (FaultKind.STATUS_503, FaultKind.STATUS_500, FaultKind.DISCONNECT, FaultKind.EMPTY_200)
ROUND = st.fixed_dictionaries(
    {
        "work": st.lists(WORK, max_size=6),
        "meanwhile": st.dictionaries(st.integers(1, 40), WORK, max_size=4),
        "faults": st.dictionaries(st.integers(1, 40), st.sampled_from(FAULTS), max_size=3),
        "killed_after": st.one_of(st.none(), st.integers(1, 400)),
    }
)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("tracks", [False, True])
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(rounds=st.lists(ROUND, min_size=1, max_size=3), page_rows=st.integers(2, 6), sessions=st.sampled_from([1, 3]))
def test_after_faults_and_kills_in_the_middle_of_posting_nothing_differs(
    tracks: bool, rounds: list[Mapping[str, Any]], page_rows: int, sessions: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, Simulator(TENANTS, rows=8) as sim:
        patch.setattr(page_size, "FIRST_PAGE_ROWS", page_rows)
        config = sim.config(max_page_size=page_rows, max_sessions=sessions, track_deletions=tracks, **SETTINGS)
        offices = [Office(sim.tenant(name)) for name in TENANTS]
        destination, happenings = Destination(), Happenings(sim, offices)
        for each in rounds:
            for number, (what, which) in enumerate(each["work"]):
                offices[number % 2].do(what, which)
            sim.clock.advance(3600)
            happenings.begin(each["meanwhile"], each["faults"])
            destination.sync(config, catalog(tracks), each["killed_after"], fails=True)
            happenings.end()
        sim.clock.advance(DAY_SECONDS)
        destination.sync(config, catalog(tracks))
        assert proofs(destination) == []
        assert len(loaded(destination).execute("SELECT 1 FROM dac__GLHistory").fetchall()) > 4
        assert sim.sessions.open_count() == 0


class Happenings:
    """What happens when so many requests of a sync have been answered: somebody posts, or the ERP fails."""

    def __init__(self, sim: Simulator, offices: list[Office]) -> None:
        self._sim, self._offices = sim, offices
        self.end()
        sim.before_request(self._count)

    def begin(self, meanwhile: Mapping[int, tuple[str, int]], faults: Mapping[int, FaultKind]) -> None:
        self._requests, self._meanwhile, self._faults = 0, meanwhile, faults

    def end(self) -> None:
        self.begin({}, {})
        self._sim.faults.clear()

    def _count(self, _request: Any) -> None:
        self._requests += 1
        if work := self._meanwhile.get(self._requests):
            self._offices[self._requests % 2].do(*work)
        if kind := self._faults.get(self._requests):
            self._sim.faults.add(Fault(kind, times=1))


@pytest.mark.timeout(3600)
def test_killed_anywhere_while_batches_are_posted_the_copy_balances_after_the_next_sync(small_pages: None) -> None:
    for stop_after in count(1) if IS_SOAK else count(11, 61):
        with Simulator(("Company",), rows=6) as sim:
            happenings = Happenings(sim, [Office(sim.tenant("Company"))] * 2)
            happenings.begin({number: ("post a new batch", number) for number in range(1, 60, 3)}, {})
            config, destination = sim.config(max_page_size=3, **SETTINGS), Destination()
            messages = destination.sync(config, catalog(False), stop_after)
            happenings.end()
            sim.clock.advance(DAY_SECONDS)
            destination.sync(config, catalog(False))
            assert proofs(destination) == [], stop_after
        if messages < stop_after:
            return


@pytest.fixture(scope="module")
def copy() -> duckdb.DuckDBPyConnection:
    with Simulator(TENANTS, rows=60) as sim:
        destination = Destination()
        destination.sync(sim.config(**SETTINGS), catalog(False))
    connection = loaded(destination)
    assert [row for sql in QUERIES for row in asked(connection, sql)] == []
    return connection


def found_after(copy: duckdb.DuckDBPyConnection, change: str) -> set[int]:
    """The numbers of the queries that find something after the change, which is taken back."""
    copy.execute("BEGIN")
    copy.execute(change)
    found = {number for number, sql in enumerate(QUERIES, 1) if asked(copy, sql)}
    copy.execute("ROLLBACK")
    return found


LINE_OF_A_POSTED_BATCH = """
    DebitAmount + CreditAmount <> 0 AND (_tenant, _parent_Module, _parent_BatchNbr) IN (
        SELECT (_tenant, Module, BatchNbr) FROM JournalTransaction WHERE Status = 'Posted' AND LedgerID = 'ACTUAL')
"""


@pytest.mark.parametrize(
    ("stream", "which", "found_by"),
    [
        ("dac__GLTran", "Posted AND DebitAmt + CreditAmt <> 0", {2}),
        ("dac__GLTran", "Posted AND DebitAmt + CreditAmt <> 0 AND LedgerID = 1", {1, 2}),
        ("dac__GLHistory", "FinPtdDebit + FinPtdCredit <> 0", {2}),
        ("dac__GLHistory", "FinPtdDebit + FinPtdCredit <> 0 AND LedgerID = 1", {2, 4}),
        (f"{FORM}__Results", "true", {4}),
        (f"{FORM}__Results", "DebitTotal + CreditTotal <> 0 AND Account <> '10180'", {4, 6}),
        ("JournalTransaction__Details", LINE_OF_A_POSTED_BATCH, {6}),
    ],
)
def test_a_copy_in_which_one_row_is_missing_is_found(
    copy: duckdb.DuckDBPyConnection, stream: str, which: str, found_by: set[int]
) -> None:
    rows = [number for (number,) in copy.execute(f'SELECT rowid FROM "{stream}" WHERE {which}').fetchall()]
    assert len(rows) > 10
    for number in rows if IS_SOAK else rows[:: len(rows) // 10]:
        assert found_by <= found_after(copy, f'DELETE FROM "{stream}" WHERE rowid = {number}'), number


@pytest.mark.parametrize("column", ["FinBegBalance", "FinYtdBalance"])
def test_a_balance_that_does_not_follow_from_the_one_before_is_found(
    copy: duckdb.DuckDBPyConnection, column: str
) -> None:
    rows = [number for (number,) in copy.execute("SELECT rowid FROM dac__GLHistory").fetchall()]
    for number in rows if IS_SOAK else rows[:: len(rows) // 10]:
        changed = f"UPDATE dac__GLHistory SET {column} = {column} + 0.0001 WHERE rowid = {number}"
        assert 3 in found_after(copy, changed), number


@pytest.mark.parametrize("period", PERIODS)
def test_a_period_that_the_form_was_not_asked_for_is_found(copy: duckdb.DuckDBPyConnection, period: str) -> None:
    assert found_after(copy, f"DELETE FROM {FORM}__Results WHERE _param_Period = '{period}'") == {5}


def test_a_history_that_is_read_by_its_changes_goes_stale_and_that_is_found(small_pages: None) -> None:
    """Why the page asks for a full refresh: an earlier period moves balances whose rows keep their stamps."""
    with Simulator(("Company",), rows=30) as sim:
        config, company = sim.config(**SETTINGS), sim.tenant("Company")
        by_changes = {"streams": [dict(one) for one in catalog(False)["streams"]]}
        for one in by_changes["streams"]:
            if one["stream"]["name"] == "dac__GLHistory":
                one |= {"sync_mode": INCREMENTAL, "destination_sync_mode": APPEND_DEDUP}
        destination = Destination()
        destination.sync(config, by_changes)
        assert proofs(destination) == []
        sim.clock.advance(3 * DAY_SECONDS)
        company.post(company.reverse(posted(company)[0], "EARLY", "102024"))
        sim.clock.advance(DAY_SECONDS)
        destination.sync(config, by_changes)
        assert 3 in {number for number, _row in proofs(destination)}
