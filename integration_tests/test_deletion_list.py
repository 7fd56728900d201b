"""Tests that the ERP's list of deletions is read whole, and that the log says where it may lack some."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from .deletion_pairs import DAY_SECONDS, SETTINGS, STREAMS, Pair, paired
from .harness import DELETED_AT, check
from .simulator import Lies, Simulator
from .simulator.odata.deletion_rules import DeletionRules, Flag, Untracked
from .simulator.web.answers import Answer


@pytest.mark.parametrize("page_rows", [None, 700])
def test_thousands_of_deletions_at_the_same_instant_all_arrive(page_rows: int | None) -> None:
    with paired(DeletionRules(), "dac__SOOrder", odata_page_rows=page_rows) as pair:
        at = pair.sim.clock.now()
        gone = {f"{number:08x}-0000-4000-8000-000000000000" for number in range(3_000)}
        pair.company.journal.keep("SOOrder", ((each, at) for each in gone))
        sent = sent_tombstones(pair)
        assert sent == gone
        asked = [one for one in pair.sim.requests if "GetDeletedRecords" in one.path and "$top" in one.query]
        assert len(asked) > 2


def sent_tombstones(pair: Pair) -> set[str]:
    pair.sync()
    return {record["NoteID"] for record in pair.sent if record.get(DELETED_AT)}


def test_a_list_whose_pages_have_rows_twice_takes_few_requests() -> None:
    """The row that comes again at a page's end was taken for the place that was reached, and looked for."""
    with paired(DeletionRules(), "dac__SOOrder") as pair:
        gone = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(1_200)]
        at = pair.sim.clock.now()
        pair.company.journal.keep(
            "SOOrder", ((each, at + timedelta(seconds=number)) for number, each in enumerate(gone))
        )
        pair.sim.lies, before = Lies(only="GetDeleted", repeats=3), len(pair.sim.requests)
        assert sent_tombstones(pair) == set(gone)
        assert len([one for one in pair.sim.requests[before:] if "GetDeleted" in one.path]) < 20


@pytest.mark.parametrize("option", ["$orderby", "$top", "$skip"])
def test_a_list_that_lets_itself_be_cut_in_no_way_arrives_whole(option: str) -> None:
    with paired(DeletionRules(), "dac__SOOrder") as pair:
        gone = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(1_200)]
        at = pair.sim.clock.now()
        pair.company.journal.keep(
            "SOOrder", ((each, at + timedelta(seconds=number)) for number, each in enumerate(gone))
        )

        def stubborn(request: Any, answer: Answer) -> Answer:
            if "GetDeletedRecords" not in request.path or option not in request.query:
                return answer
            if option == "$orderby":
                return Answer(400, b'{"error": {"message": "Ordering is not supported."}}', "application/json")
            rows = [{"RefNoteID": each, "DeleteDate": at.isoformat()} for each in gone]
            asked = int(request.query["$top"])
            body = {"value": rows if option == "$top" else rows[:asked]}
            return Answer(200, json.dumps(body).encode(), "application/json")

        pair.sim.rewrite(stubborn)
        assert sent_tombstones(pair) == set(gone)


@pytest.mark.parametrize("untracked", list(Untracked), ids=lambda each: each.name)
@pytest.mark.parametrize("shows_tracked", [True, False], ids=["shown", "closed"])
def test_a_table_that_is_not_tracked_is_told_whatever_it_answers(untracked: Untracked, shows_tracked: bool) -> None:
    rules = DeletionRules(untracked=untracked, shows_tracked=shows_tracked)
    with paired(rules, "dac__SOOrder", tracked=("SOLine",), compare_keys_hours=0) as pair:
        before = pair.position("dac__SOOrder")
        pair.sync()
        # An empty list alone says that it may be so.
        is_known = shows_tracked or untracked is not Untracked.EMPTY
        sentence = "SOOrder are not tracked: list the table on" if is_known else "SOOrder may not be tracked: "
        assert len([line for line in pair.warnings if sentence in line]) == 1
        assert pair.position("dac__SOOrder") == before
        # From now on deletions are kept, and none of those is missed.
        pair.company.track("SOOrder")
        pair.delete("SalesOrder")
        assert pair.sync(3 * DAY_SECONDS) == []
        assert not [line for line in pair.warnings if "tracked: " in line]
        assert pair.position("dac__SOOrder") != before


def test_a_table_of_which_no_flagged_row_has_ever_come_may_lose_its_deletions() -> None:
    """A site that does not know the header that shows them answers as if there were none."""
    sentence = "Customer are not tracked, and no row has come that is flagged as deleted"
    for knows_header in (False, True):
        rules = DeletionRules(knows_header=knows_header)
        with paired(rules, "Customer", "dac__Customer", compare_keys_hours=0) as pair:
            gone = pair.company.keys("Customer")[0]
            pair.delete("Customer")
            assert bool(pair.sync()) is not knows_header
            assert len([line for line in pair.warnings if sentence in line]) == (0 if knows_header else 2)
            if knows_header:
                # Its row is taken by another record.
                pair.company.insert("Customer", {"CustomerID": gone[0]})
                pair.sync()
                assert not [line for line in pair.warnings if sentence in line], "one has come before"


@pytest.mark.parametrize("untracked", [Untracked.EMPTY, Untracked.REFUSED], ids=lambda each: each.name)
def test_check_calls_no_table_tracked_that_only_answers_with_nothing(
    untracked: Untracked, caplog: pytest.LogCaptureFixture
) -> None:
    rules = DeletionRules(untracked=untracked, shows_tracked=False)
    with Simulator(rows=3, tenants=("Company",), tracked=("Batch",), deletions=rules) as sim:
        company = sim.tenant("Company")
        company.journal.keep("Batch", [("00000000-0000-4000-8000-000000000000", sim.clock.now())])
        assert check(sim.config("Company", **SETTINGS))["status"] == "SUCCEEDED"
    (tracked,) = [line for line in caplog.messages if "deleted records: tracked: " in line]
    assert tracked.split("tracked: ")[1].split(".")[0] == "Batch"
    sentence = "may not be tracked: " if untracked is Untracked.EMPTY else "deleted records: not tracked: "
    (doubtful,) = [line for line in caplog.messages if sentence in line]
    assert "SOOrder" in doubtful
    assert "Batch" not in doubtful


ERRORS = {
    "instead": lambda answer: {"error": LATE},
    "beside": lambda answer: {"value": [], "error": LATE},
    "beside, plain": lambda answer: {"value": [], "Message": "Timeout expired."},
    "among": lambda answer: {"value": [*answer["value"][:1], {"error": LATE}]},
    "nameless": lambda answer: {"value": [{"Other": 1}]},
}
LATE = {"code": "", "message": "Timeout expired."}


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("flag", [Flag.FREE, Flag.CLOSED], ids=lambda flag: flag.name)
def test_an_error_that_comes_with_a_success_costs_no_deletion(
    error: str, flag: Flag, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_acumatica.erp.client.RetryPolicy.pause_seconds", lambda *_: 0.0)
    with paired(DeletionRules(flag=flag)) as pair:
        pair.delete("SalesOrder", 2)
        pair.delete("Customer", 2)
        before = {stream: pair.position(stream) for stream in STREAMS}
        asks = {"GetDeletedRecords", "px-apideleted"}

        def broken(request: Any, answer: Answer) -> Answer:
            is_asked = "GetDeletedRecords" in request.path or request.headers.get("px-apideleted")
            if not asks or not is_asked or answer.status != 200:
                return answer
            return replace(answer, body=json.dumps(ERRORS[error](json.loads(answer.body))).encode())

        pair.sim.rewrite(broken)
        pair.sync()
        for stream in STREAMS:
            left = "Deleted records are" if "Order" in stream else "Deleted rows that the table only flags are"
            assert [line for line in pair.warnings if f"stream {stream}: " in line and f"{left} not read" in line]
        assert {stream: pair.position(stream) for stream in STREAMS} == before
        asks.clear()
        assert pair.sync(2 * DAY_SECONDS) == []


def test_an_error_instead_of_the_tracked_tables_says_nothing_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("source_acumatica.erp.client.RetryPolicy.pause_seconds", lambda *_: 0.0)
    with paired(DeletionRules()) as pair:
        body = json.dumps({"error": LATE}).encode()
        pair.sim.rewrite(
            lambda request, answer: replace(answer, body=body) if "SMDeletedRecords" in request.path else answer
        )
        pair.delete("SalesOrder")
        assert pair.sync() == []
        assert [line for line in pair.warnings if "which tables are tracked, and for how long, is not known" in line]
        assert not [line for line in pair.warnings if "SOOrder are not tracked" in line]


@pytest.mark.parametrize("status", [503, 504])
def test_a_passing_failure_is_not_taken_for_a_table_without_tracking(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_acumatica.erp.client.RetryPolicy.pause_seconds", lambda *_: 0.0)
    with paired(DeletionRules(), "dac__SOOrder") as pair:
        before = pair.position("dac__SOOrder")
        pair.delete("SalesOrder")
        fails = [True]
        pair.sim.rewrite(
            lambda request, answer: Answer(status) if fails and "GetDeletedRecords" in request.path else answer
        )
        pair.sync()
        assert not [line for line in pair.warnings if "SOOrder are not tracked" in line]
        assert [line for line in pair.warnings if "Deleted records are not read" in line]
        assert pair.position("dac__SOOrder") == before
        fails.clear()
        assert pair.sync(2 * DAY_SECONDS) == []


# ------------------------------------------------------------------------------------------- what the ERP still knows


@pytest.mark.parametrize(("days", "is_told"), [(9.9, False), (10, True), (40, True)])
def test_a_pause_longer_than_the_erp_keeps_its_list_is_told_with_the_numbers(days: float, is_told: bool) -> None:
    with paired(DeletionRules(removes_older=True), compare_keys_hours=0) as pair:
        pair.delete("SalesOrder")
        position = pair.position("SalesOrder")
        left = pair.sync(days * DAY_SECONDS)
        told = [line for line in pair.warnings if "stream SalesOrder: deleted records were last read" in line]
        assert len(told) == is_told
        assert (left != []) == is_told
        for line in told:
            assert f"{position}, {days + 3600 / DAY_SECONDS:.1f} days ago" in line
            assert "for 10 days" in line
            assert "refresh this stream" in line
        pair.sync(DAY_SECONDS)
        assert not [line for line in pair.warnings if "last read" in line]


def test_a_table_that_was_listed_later_is_told() -> None:
    with paired(DeletionRules(), "dac__SOOrder", tracked=(), compare_keys_hours=0) as pair:
        pair.sync()
        pair.company.track("SOOrder")
        pair.sync(3600)
        (told,) = pair.warnings
        assert "the ERP tracks the table since 20" in told
        assert "refresh this stream" in told
        pair.sync(3600)
        assert pair.warnings == []


def test_a_list_that_is_kept_for_no_time_is_told_once() -> None:
    with paired(DeletionRules(retention_days=0), "SalesOrder") as pair:
        pair.sync()
        (told,) = pair.warnings
        assert "for 0 days" in told
        assert "Days to Keep Records" in told


def test_where_nobody_may_read_what_is_kept_the_usual_is_supposed(caplog: pytest.LogCaptureFixture) -> None:
    rules = DeletionRules(retention_days=None, shows_tracked=False)
    with paired(rules, "SalesOrder", "dac__SOOrder", compare_keys_hours=0) as pair:
        caplog.clear()
        pair.delete("SalesOrder")
        assert pair.sync() == []
        assert pair.warnings == []
        assert (
            len(
                [
                    line
                    for line in caplog.messages
                    if "Going on without SMDeletedRecordsTrackingTables and ODataPreferences" in line
                ]
            )
            == 1
        )
        pair.sync(11 * DAY_SECONDS)
        assert [line for line in pair.warnings if "for 10 days unless that was changed" in line]


def test_what_the_erp_keeps_is_asked_for_once_in_a_run() -> None:
    with paired(DeletionRules()) as pair:
        pair.sim.requests.clear()
        pair.sync()
        paths = [one.path.rpartition("/")[2] for one in pair.sim.requests]
        assert paths.count("SMDeletedRecordsTrackingTables") == 1
        assert paths.count("ODataPreferences") == 1


def test_check_tells_the_tracked_tables_since_when_and_for_how_long(caplog: pytest.LogCaptureFixture) -> None:
    with Simulator(rows=3, tenants=("Company",), tracked=("SOOrder",)) as sim:
        assert check(sim.config("Company", **SETTINGS))["status"] == "SUCCEEDED"
        assert not [one for one in sim.requests if "GetDeletedRecords" in one.path], "the ERP lists them"
    (tracked,) = [line for line in caplog.messages if "deleted records: tracked: " in line]
    assert tracked.endswith("tracked: SOOrder.")
    (limits,) = [line for line in caplog.messages if "lists them for 10 days" in line]
    assert f"SOOrder since {datetime.now(UTC):%Y-%m-%dT}" in limits
    assert "refresh the streams" in limits
