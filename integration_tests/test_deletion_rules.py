"""Deleted records are found however the ERP lets itself be asked for them, and what cannot be found is told."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from source_acumatica.reading.fields import format_instant, just_after

from .harness import DELETED_AT, Destination, check, differences
from .simulator import Lies, Simulator
from .simulator.odata.deletion_rules import DeletionRules, Flag, Untracked
from .simulator.web.answers import Answer
from .test_sync import catalog_of

STREAMS = ("Customer", "SalesOrder", "dac__Customer", "dac__SOOrder")
SETTINGS: dict[str, Any] = {"dac_tables": ["SOOrder", "Customer"], "generic_inquiries": [], "track_deletions": True}
DAY_SECONDS = 86_400
BOTH = pytest.mark.parametrize("tells_flag", [True, False], ids=["told", "untold"])
FLAGS = pytest.mark.parametrize("flag", list(Flag), ids=lambda flag: flag.name)


class Pair:
    """A simulated ERP and a destination that has been synced once, an hour ago."""

    def __init__(self, sim: Simulator, *streams: str, **settings: Any) -> None:
        self.sim, self.company = sim, sim.tenant("Company")
        self.config = sim.config("Company", **SETTINGS, **settings)
        self.catalog = catalog_of(self.config, *(streams or STREAMS))
        self.destination = Destination()
        self.sent: list[dict[str, Any]] = []
        take = self.destination.take

        def noted(message: Any) -> None:
            if message["type"] == "RECORD":
                self.sent.append(message["record"]["data"])
            take(message)

        self.destination.take = noted  # type: ignore[method-assign]
        self.destination.sync(self.config, self.catalog)
        sim.clock.advance(3600)

    def delete(self, entity: str, count: int = 1) -> list[str]:
        """Delete the first records; returns their ids."""
        ids = {self.company.rows(entity)[number]["id"] for number in range(count)}
        for key in self.company.keys(entity)[:count]:
            self.company.delete(entity, key)
        return sorted(ids)

    def sync(self, pause_seconds: float = 60) -> list[str]:
        """What the destination differs in; what it got is in ``sent``."""
        self.sim.clock.advance(pause_seconds)
        self.sent.clear()
        self.destination.sync(self.config, self.catalog)
        return differences(self.destination, self.sim, ["Company"])

    def position(self, stream: str) -> str | None:
        (part,) = self.destination.states[stream]["stream"]["stream_state"]["states"]
        position: str | None = part.get("deletions")
        return position

    @property
    def warnings(self) -> list[str]:
        return self.destination.warnings


@contextmanager
def paired(
    rules: DeletionRules,
    *streams: str,
    tracked: Sequence[str] = ("SOOrder",),
    compare_keys_hours: int = 24,
    **more: Any,
) -> Iterator[Pair]:
    with Simulator(rows=9, tenants=("Company",), tracked=tracked, deletions=rules, **more) as sim:
        yield Pair(sim, *streams, compare_keys_hours=compare_keys_hours)


def flag_requests(sim: Simulator, option: str) -> list[str]:
    return [one.path for one in sim.requests if "DeletedDatabaseRecord" in one.query.get(option, "")]


# ------------------------------------------------------------------------------------------------------------ the flag


@BOTH
@FLAGS
def test_flagged_rows_go_whatever_may_be_asked_of_the_flag(flag: Flag, tells_flag: bool) -> None:
    with paired(DeletionRules(flag=flag, tells_flag=tells_flag), odata_page_rows=2) as pair:
        pair.delete("Customer", 3)
        pair.delete("SalesOrder")
        assert pair.sync() == []
        assert pair.warnings == []


@FLAGS
def test_the_flag_is_not_asked_for_where_the_description_says_that_it_may_not(flag: Flag) -> None:
    with paired(DeletionRules(flag=flag)) as pair:
        pair.sim.requests.clear()
        pair.delete("Customer")
        assert pair.sync() == []
        assert bool(flag_requests(pair.sim, "$filter")) == (flag is Flag.FREE)


def test_only_rows_with_the_flag_go_where_the_server_does_not_filter_by_it() -> None:
    """Whatever a filter claims to have done, the flag itself decides."""
    with paired(DeletionRules(), "Customer", "dac__Customer") as pair:

        def unfiltered(request: Any, answer: Answer) -> Answer:
            if "$select" in request.query and "DeletedDatabaseRecord" in request.query.get("$filter", ""):
                rows = pair.company.dac_rows("Customer", deleted=True)
                names = request.query["$select"].split(",")
                shown = [{name: _plain(row.get(name)) for name in names} for row in rows]
                return replace(answer, body=json.dumps({"value": shown}).encode())
            return answer

        pair.sim.rewrite(unfiltered)
        pair.delete("Customer", 2)
        assert pair.sync() == []
        assert len(pair.destination.rows("Customer")) == 7


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


@pytest.mark.parametrize("change", ["insert", "delete", "update"])
@pytest.mark.parametrize("request_number", [1, 2, 3, 4])
def test_a_row_that_comes_or_goes_between_the_two_lists_is_not_taken_for_deleted(
    change: str, request_number: int
) -> None:
    with paired(DeletionRules(flag=Flag.CLOSED), "Customer", "dac__Customer") as pair:
        gone = pair.delete("Customer")
        turns = itertools.count(1)

        def meddle(request: Any) -> None:
            is_list = request.path.endswith("Customer") and "/dac/" in request.path
            if not is_list or "NoteID" not in request.query.get("$orderby", "") or next(turns) != request_number:
                return
            if change == "insert":
                pair.company.insert("Customer", {"CustomerID": "A000000", "CustomerName": "new"})
            elif change == "delete":
                pair.company.delete("Customer", pair.company.keys("Customer")[0])
            else:
                pair.company.update("Customer", pair.company.keys("Customer")[0], {"CustomerName": "other"})

        pair.sim.before_request(meddle)
        pair.sync()
        alive = {row["id"] for row in pair.company.rows("Customer")}
        for stream, column in (("Customer", "id"), ("dac__Customer", "NoteID")):
            left = {row[column] for row in pair.destination.rows(stream)}
            assert not left & set(gone)
        assert pair.sync() == []
        assert {row["id"] for row in pair.destination.rows("Customer")} == alive


def test_the_list_is_read_where_the_flag_cannot_be_and_the_other_way_round() -> None:
    with paired(DeletionRules(), tracked=("SOOrder", "Customer")) as pair:
        pair.delete("Customer")
        pair.delete("SalesOrder")
        before = {stream: pair.position(stream) for stream in STREAMS}
        pair.sim.rewrite(lambda request, answer: _unless(request.headers.get("px-apideleted"), answer))
        assert pair.sync() == [], "a tracked table needs no flag"
        assert [line for line in pair.warnings if "only flags are not read" in line]
        assert all(pair.position(stream) != before[stream] for stream in STREAMS)
    with paired(DeletionRules(), tracked=("Customer",)) as pair:
        pair.delete("Customer")
        before = {stream: pair.position(stream) for stream in STREAMS}
        pair.sim.rewrite(lambda request, answer: _unless("GetDeletedRecords" in request.path, answer))
        assert pair.sync() == [], "a row that is flagged need not be listed"
        assert [line for line in pair.warnings if "Deleted records are not read" in line]
        assert all(pair.position(stream) == before[stream] for stream in STREAMS)


def _unless(refuses: object, answer: Answer) -> Answer:
    body = b'{"error": {"message": "You have insufficient rights."}}'
    return Answer(403, body, "application/json") if refuses else answer


# ------------------------------------------------------------------------------------------------------------ the list


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


# ------------------------------------------------------------------------------------------------------ what is sent


def test_where_the_column_of_deletions_is_not_selected_none_are_sent_and_none_are_lost() -> None:
    with paired(DeletionRules()) as pair:
        for one in pair.catalog["streams"]:
            one["stream"]["json_schema"]["properties"].pop(DELETED_AT)
        before = {stream: pair.position(stream) for stream in STREAMS}
        pair.delete("SalesOrder")
        pair.delete("Customer")
        records = pair.destination.records
        pair.sync()
        assert pair.destination.records < records
        assert len([line for line in pair.warnings if f"{DELETED_AT} is not selected" in line]) == len(STREAMS)
        assert {stream: pair.position(stream) for stream in STREAMS} == before
        pair.catalog = catalog_of(pair.config, *STREAMS)
        assert pair.sync(DAY_SECONDS) == []


def test_a_removal_wins_however_the_apis_round_a_stamp() -> None:
    """The same stamp comes in milliseconds through the one and with all its digits through the other."""
    with paired(DeletionRules(), "Customer") as pair:

        def finer(request: Any, answer: Answer) -> Answer:
            if "/dac/Customer" not in request.path.replace("PX_Objects_AR_", ""):
                return answer
            body = json.loads(answer.body)
            for row in body.get("value", ()):
                stamp = datetime.fromisoformat(row["LastModifiedDateTime"]) - timedelta(microseconds=333)
                row["LastModifiedDateTime"] = stamp.isoformat()
            return replace(answer, body=json.dumps(body).encode())

        pair.sim.rewrite(finer)
        pair.delete("Customer", 3)
        assert pair.sync() == []


@pytest.mark.parametrize("shift_minutes", [-300, -10, 10])
@pytest.mark.parametrize("ahead_seconds", [-7200, 0, 7200])
def test_a_flagged_record_goes_whatever_stamp_its_table_shows(shift_minutes: int, ahead_seconds: int) -> None:
    """And no later than all that has come, so that a change which comes after it wins, by whichever clock."""
    with Simulator(rows=9, tenants=("Company",)) as sim:
        sim.clock.database_ahead_seconds = ahead_seconds
        shift = timedelta(minutes=shift_minutes)
        sim.lies = Lies(shown={"Customer.LastModifiedDateTime": lambda _, cell: cell + shift if cell else cell})
        pair = Pair(sim, "Customer")
        for _ in range(2):
            pair.company.update("Customer", pair.company.keys("Customer")[1], {"CustomerName": "changed"})
            pair.sync()
            pair.delete("Customer", 2)
            newest = max(row["LastModifiedDateTime"] for row in pair.destination.rows("Customer"))
            assert pair.sync() == []
            cursors = [record["LastModifiedDateTime"] for record in pair.sent if record.get(DELETED_AT)]
            assert cursors
            assert max(cursors) == just_after(newest)


def test_a_stamp_far_ahead_does_not_hide_what_comes_back() -> None:
    with paired(DeletionRules(), "Customer") as pair:
        ahead = pair.sim.clock.now() + timedelta(days=9_000)
        pair.company.update("Customer", pair.company.keys("Customer")[3], {"CustomerName": "x"}, stamp=ahead)
        pair.sync()
        pair.delete("Customer")
        assert pair.sync() == []
        (cursor,) = [record["LastModifiedDateTime"] for record in pair.sent if record.get(DELETED_AT)]
        assert cursor < format_instant(pair.sim.clock.now() + timedelta(days=2))


@pytest.mark.parametrize("stamp", ["9999-12-31T23:59:59.9999999Z", "0001-01-01T00:00:00Z"])
def test_a_flagged_row_goes_also_with_a_stamp_at_an_end_of_time(stamp: str) -> None:
    with paired(DeletionRules(), "dac__Customer") as pair:

        def at_the_end(request: Any, answer: Answer) -> Answer:
            if "px-apideleted" not in request.headers or answer.status != 200 or "$metadata" in request.path:
                return answer
            body = json.loads(answer.whole().body)
            for row in body["value"]:
                row |= {"LastModifiedDateTime": stamp} if "LastModifiedDateTime" in row else {}
            return replace(answer.whole(), body=json.dumps(body).encode())

        pair.sim.rewrite(at_the_end)
        (deleted,) = pair.delete("Customer")
        pair.sync()
        assert [record["NoteID"] for record in pair.sent if record[DELETED_AT]] == [deleted]


@pytest.mark.parametrize("stream", ["SalesOrder", "dac__SOOrder"])
def test_a_deletion_that_is_stamped_before_its_row_wins_unless_the_row_is_there(stream: str) -> None:
    """Two clocks stamp them; and a row that came back under its NoteID was changed since."""
    with paired(DeletionRules(), stream) as pair:
        gone, back = pair.company.keys("SalesOrder")[:2]
        for key in (gone, back):
            stamp = pair.sim.clock.now() + timedelta(minutes=10)
            pair.company.update("SalesOrder", key, {"Description": "changed"}, stamp=stamp)
        assert pair.sync() == []
        there = {(row["OrderType"], row["OrderNbr"]): row["id"] for row in pair.company.rows("SalesOrder")}
        pair.company.delete("SalesOrder", gone)
        pair.company.journal.keep("SOOrder", [(there[back], pair.sim.clock.now())])
        before = len(pair.sim.requests)
        assert pair.sync() == []
        assert pair.warnings == []
        asked = [one for one in pair.sim.requests[before:] if "NoteID eq" in one.query.get("$filter", "")]
        assert len(asked) == 2, "once for both, and for the one that did not come"
        pair.company.update("SalesOrder", back, {"Description": "again"}, pair.sim.clock.now() + timedelta(minutes=10))
        assert pair.sync() == []


def test_whether_a_record_is_gone_is_not_asked_where_the_clocks_agree() -> None:
    with paired(DeletionRules(), "SalesOrder") as pair:
        pair.company.update("SalesOrder", pair.company.keys("SalesOrder")[5], {"Description": "changed"})
        pair.sync()
        pair.delete("SalesOrder", 2)
        pair.sim.clock.advance(10)
        pair.company.update("SalesOrder", pair.company.keys("SalesOrder")[5], {"Description": "changed"})
        before = len(pair.sim.requests)
        assert pair.sync() == []
        assert not [one for one in pair.sim.requests[before:] if "NoteID eq" in one.query.get("$filter", "")]


def test_a_deleted_row_that_was_stamped_far_ahead_is_told() -> None:
    """No removal may be stamped so late that a record which comes back would lose against it for months."""
    with paired(DeletionRules(), "SalesOrder") as pair:
        ahead = pair.sim.clock.now() + timedelta(days=400)
        pair.company.update("SalesOrder", pair.company.keys("SalesOrder")[0], {"Description": "x"}, stamp=ahead)
        pair.sync()
        pair.delete("SalesOrder")
        assert len(pair.sync()) == 1
        assert len([line for line in pair.warnings if "stamped with a time to come" in line]) == 1
        pair.sync()
        assert pair.warnings == []


@pytest.mark.parametrize("digits", [0, 1, 3])
def test_a_removal_wins_however_short_its_time_is_shown(digits: int) -> None:
    with paired(DeletionRules(), "SalesOrder", "dac__SOOrder") as pair:

        def shorter(request: Any, answer: Answer) -> Answer:
            if "GetDeletedRecords" not in request.path:
                return answer
            body = json.loads(answer.body)
            for row in body["value"]:
                deleted_at = datetime.fromisoformat(row["DeleteDate"]).isoformat(timespec="microseconds")
                row["DeleteDate"] = deleted_at[: 20 + digits].rstrip(".") + deleted_at[26:]
            return replace(answer, body=json.dumps(body).encode())

        pair.sim.rewrite(shorter)
        second = pair.sim.clock.now().replace(microsecond=0)
        at = second + timedelta(microseconds=550_000)
        pair.company.update("SalesOrder", pair.company.keys("SalesOrder")[0], {"Description": "auto"}, stamp=at)
        pair.sync()
        pair.company.delete("SalesOrder", pair.company.keys("SalesOrder")[0], stamp=at + timedelta(milliseconds=10))
        assert pair.sync() == []


def test_a_clock_that_was_ahead_costs_no_deletion() -> None:
    with paired(DeletionRules(), "SalesOrder") as pair:
        pair.sim.clock.advance(30 * DAY_SECONDS)
        pair.sync()
        pair.sim.clock.advance(-30 * DAY_SECONDS)
        pair.delete("SalesOrder")
        pair.sync()
        pair.sync(DAY_SECONDS)
        left = {row["id"] for row in pair.destination.rows("SalesOrder")}
        assert left == {row["id"] for row in pair.company.rows("SalesOrder")}


# ------------------------------------------------------------------------- columns that may not be asked for by name


@pytest.mark.parametrize("dropped", ["VendorClassID", "AcctName", "Vendor1099"])
@pytest.mark.parametrize("mode", ["incremental", "full_refresh"])
def test_a_table_whose_own_columns_may_not_be_named_is_read_with_any_selection(dropped: str, mode: str) -> None:
    rules = DeletionRules(unfilterable=("Vendor",))
    with Simulator(rows=9, tenants=("Company",), deletions=rules) as sim:
        config = sim.config("Company", dac_tables=["Vendor"], generic_inquiries=[])
        catalog = catalog_of(config, "dac__Vendor", mode=mode)
        del catalog["streams"][0]["stream"]["json_schema"]["properties"][dropped]
        destination = Destination()
        destination.sync(config, catalog)
        assert differences(destination, sim, ["Company"]) == []
        assert destination.warnings == []
        sim.clock.advance(3600)
        company = sim.tenant("Company")
        company.update("Vendor", company.keys("Vendor")[2], {"VendorName": "other"})
        destination.sync(config, catalog)
        assert differences(destination, sim, ["Company"]) == []
