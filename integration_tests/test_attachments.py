"""Attached files arrive whole and once, with their records, whatever happens on the way."""

from __future__ import annotations

import copy
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from source_acumatica.airbyte import file_output

from .attachments import DAY, ENDPOINT_OF, KEY, arrived, assert_all_came, attach_some, catalog_of, settings, truth
from .attachments import erp as erp
from .attachments import staging as staging
from .conftest import in_turns, messages_to_be_killed_after
from .harness import APPEND_DEDUP, FULL_REFRESH, INCREMENTAL, Destination, Message, check, discover
from .processes import started
from .simulator import Fault, FaultKind, FileForm, Lies, Simulator
from .simulator.web.answers import message

HOSTILE = [
    "../../etc/passwd",
    "..",
    "a\\b/c.pdf",
    "nul\x00.txt",
    "x" * 4000 + ".pdf",
    ".hidden",
    "\u00fc\u202e.pdf",
    "",
]


@pytest.mark.parametrize("release", ENDPOINT_OF)
def test_without_the_setting_nothing_is_offered_and_with_it_nothing_else_changes(release: str) -> None:
    with Simulator(("Company",), rows=3, release=release) as erp:
        config = settings(erp, endpoints=[ENDPOINT_OF[release]])
        plain = discover({name: value for name, value in config.items() if name != "include_attachments"})
        found = discover(config)
    more = {name: found[name] for name in found.keys() - plain.keys()}
    assert {name: found[name] for name in plain} == plain
    assert not [name for name in plain if name.endswith("__files")]
    assert all(name.endswith("__files") and stream["is_file_based"] for name, stream in more.items())
    assert not any("is_file_based" in stream for stream in plain.values())
    assert {"SalesOrder__files", "SalesOrder__Details__files"} <= more.keys()
    assert not [name for name in more if "Inquiry" in name]


@pytest.mark.parametrize(("release", "mode"), in_turns(ENDPOINT_OF, [INCREMENTAL, FULL_REFRESH]))
def test_files_of_records_and_of_lines_arrive_with_their_contents(release: str, mode: str, staging: Path) -> None:
    with Simulator(("Company",), rows=6, lines=3, release=release) as erp:
        config = settings(erp, endpoints=[ENDPOINT_OF[release]], max_sessions=3)
        attach_some(erp)
        destination = Destination()
        destination.sync(config, catalog_of(config, mode=mode))
        assert_all_came(destination, erp, staging)
        assert destination.warnings == []
        assert erp.sessions.peak <= 3
        assert erp.sessions.open_count() == 0


@pytest.mark.parametrize("mode", [INCREMENTAL, FULL_REFRESH])
def test_without_include_files_a_stream_of_files_is_like_any_other(erp: Simulator, mode: str, staging: Path) -> None:
    attach_some(erp)
    config, destination = settings(erp), Destination()
    destination.sync(config, catalog_of(config, mode=mode, files=False))
    assert arrived(destination, "SalesOrder__files") == {(*each[:5], None, None) for each in truth(erp)}
    assert not [each for each in erp.requests if "/files/" in each.path]
    assert not destination.tables["SalesOrder__files"].popitem()[1].keys() & {"_line", "note", "custom"}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_leads_nowhere_else_and_comes_as_it_is(erp: Simulator, name: str, staging: Path) -> None:
    erp.tenant("Company").attach("SalesOrder", KEY, name, size=10)
    erp.tenant("Company").attach("SalesOrder", KEY, name, size=20)
    config, destination = settings(erp), Destination()
    destination.sync(config, catalog_of(config, "SalesOrder__files"))
    assert arrived(destination, "SalesOrder__files") == truth(erp)
    places = [row.file[0] for row in destination.rows("SalesOrder__files") if row.file]  # type: ignore[attr-defined]
    assert len(set(places)) == len(places)


def test_tenants_with_the_same_ids_do_not_share_a_place(staging: Path) -> None:
    """A tenant that was copied has the same records, and the same ids of files."""
    tenants = ("A/B", "A_B")
    with Simulator(tenants, rows=6) as erp:
        config, destination = settings(erp), Destination()
        destination.sync(config, catalog_of(config, "SalesOrder", "SalesOrder__files"))
        assert arrived(destination, "SalesOrder__files") == {each for one in tenants for each in truth(erp, tenant=one)}


def test_what_the_overlap_reads_again_brings_no_file_again(erp: Simulator, staging: Path) -> None:
    """And what has changed brings its files again, also those that were sent."""
    company, config, destination = erp.tenant("Company"), settings(erp), Destination()
    attach_some(erp)
    catalog = catalog_of(config)
    destination.sync(config, catalog)
    for _ in range(2):
        erp.clock.advance(60)
        destination.sync(config, catalog)
        assert destination.records > 0, "orders come again"
        assert _downloads(erp) == len(truth(erp)) + 2
    company.update("SalesOrder", KEY, {"Description": "changed"})
    own = len([each for each in truth(erp) if each[1] == _id(erp, KEY)])
    erp.clock.advance(60)
    destination.sync(config, catalog)
    assert _downloads(erp) == len(truth(erp)) + 2 + own + 2
    assert_all_came(destination, erp, staging)


def _downloads(erp: Simulator) -> int:
    return sum("/files/" in each.path and each.status == 200 for each in erp.requests)


def _id(erp: Simulator, key: tuple[str, str]) -> str:
    rows = erp.tenant("Company").rows("SalesOrder")
    return next(str(row["id"]) for row in rows if (row["OrderType"], row["OrderNbr"]) == key)


def test_a_file_that_was_removed_goes_with_the_next_change_of_its_record(erp: Simulator, staging: Path) -> None:
    company, config, destination = erp.tenant("Company"), settings(erp), Destination()
    first, *_ = attach_some(erp)
    catalog = catalog_of(config)
    destination.sync(config, catalog)
    company.detach("SalesOrder", KEY, first)
    erp.clock.advance(DAY)
    destination.sync(config, catalog)
    assert first in {each[3] for each in arrived(destination, "SalesOrder__files")}, "no stamp tells of it"
    company.update("SalesOrder", KEY, {"Description": "changed"})
    erp.clock.advance(DAY)
    destination.sync(config, catalog)
    assert_all_came(destination, erp, staging)


@pytest.mark.parametrize("way", ["reread_days", "full refresh"])
def test_what_no_stamp_tells_arrives_where_all_is_read_again(erp: Simulator, way: str, staging: Path) -> None:
    company = erp.tenant("Company")
    config = settings(erp, **({"reread_days": 1} if way == "reread_days" else {}))
    ids, destination = attach_some(erp), Destination()
    catalog = catalog_of(config)
    destination.sync(config, catalog)
    erp.clock.advance(DAY)
    destination.sync(config, catalog)
    company.revise(ids[1], 5_000)
    company.attach("SalesOrder", KEY, "later.pdf", size=9)
    erp.clock.advance(2 * DAY)
    destination.sync(config, catalog_of(config, mode=FULL_REFRESH) if way == "full refresh" else catalog)
    assert_all_came(destination, erp, staging)


def test_files_that_are_wanted_later_are_read_again(erp: Simulator, staging: Path) -> None:
    attach_some(erp)
    config, destination = settings(erp), Destination()
    destination.sync(config, catalog_of(config, files=False))
    erp.clock.advance(DAY)
    destination.sync(config, catalog_of(config))
    assert any(
        "the files themselves are included now, so it is read again in full" in each for each in destination.warnings
    )
    assert_all_came(destination, erp, staging)


FAULTS = [kind for kind in FaultKind if kind not in (FaultKind.SLOW, FaultKind.TRUNCATED_JSON)]


@pytest.mark.parametrize("kind", FAULTS)
def test_a_download_that_goes_wrong_is_tried_again(erp: Simulator, kind: FaultKind, staging: Path) -> None:
    attach_some(erp)
    config, destination = settings(erp, max_sessions=2), Destination()
    catalog = catalog_of(config)
    for after in (0, 3):
        erp.faults.add(Fault(kind, path="/files/", after=after, times=1))
    destination.sync(config, catalog)
    assert erp.faults.struck == 2
    assert_all_came(destination, erp, staging)


@pytest.mark.parametrize("form", FileForm)
def test_no_header_is_needed(erp: Simulator, form: FileForm, staging: Path) -> None:
    attach_some(erp)
    erp.lies = Lies(file_form=form)
    config, destination = settings(erp), Destination()
    destination.sync(config, catalog_of(config))
    assert_all_came(destination, erp, staging)


def test_a_file_that_is_not_there_leaves_its_record_which_says_so(erp: Simulator, staging: Path) -> None:
    lost, *_ = attach_some(erp)
    erp.tenant("Company").revise(lost, lost=True)
    config, destination = settings(erp), Destination()
    destination.sync(config, catalog_of(config))
    expected = {each if each[3] != lost else (*each[:5], None, None) for each in truth(erp)}
    assert arrived(destination, "SalesOrder__files") == expected
    (row,) = [row for row in destination.rows("SalesOrder__files") if row["id"] == lost]
    assert row.nulled == {"file_reference"}  # type: ignore[attr-defined]
    assert any("the file 'scan.pdf' of record SO 000003 does not come" in each for each in destination.warnings)


def test_a_file_that_is_too_large_leaves_its_record(
    erp: Simulator, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_acumatica.erp.download.LARGEST_FILE_BYTES", 200_000)
    attach_some(erp)
    config, destination = settings(erp), Destination()
    destination.sync(config, catalog_of(config))
    expected = {each if each[5] <= 200_000 else (*each[:5], None, None) for each in truth(erp)}
    assert arrived(destination, "SalesOrder__files") == expected
    assert any("Airbyte takes" in each for each in destination.warnings)


@pytest.mark.parametrize("status", [403, 500])
def test_where_no_file_may_be_read_the_stream_fails_and_its_state_stays(
    erp: Simulator, status: int, staging: Path
) -> None:
    """The records' own stream goes on, and once the files come, nothing is missing."""
    attach_some(erp)
    config, destination = settings(erp), Destination()
    catalog = catalog_of(config)
    is_closed = [True]
    erp.rewrite(
        lambda request, answer: (
            message(status, "You have insufficient rights.") if is_closed and "/files/" in request.path else answer
        )
    )
    destination.sync(config, catalog, fails=True)
    told = [each["message"] for each in destination.errors]
    assert all("cannot be downloaded" in each and "the file '" in each for each in told), told
    assert destination.statuses["SalesOrder"] == "COMPLETE"
    assert destination.rows("SalesOrder__files") == []
    is_closed.clear()
    destination.sync(config, catalog)
    assert_all_came(destination, erp, staging)


@pytest.mark.parametrize(
    "lies",
    [
        Lies(closed_files=True),
        Lies(missing=frozenset({"files", "Details/files"})),
        Lies(emptied=frozenset({"files", "Details/files"})),
    ],
    ids=["refused", "left out", "empty"],
)
def test_what_a_list_does_not_show_of_files_comes_record_by_record(erp: Simulator, lies: Lies, staging: Path) -> None:
    attach_some(erp)
    erp.lies = lies
    config, destination = settings(erp), Destination()
    destination.sync(config, catalog_of(config))
    assert_all_came(destination, erp, staging)
    assert any("each record by itself" in each for each in destination.warnings)


def test_files_that_no_answer_names_are_an_error_and_not_none(erp: Simulator, staging: Path) -> None:
    erp.lies = Lies(missing=frozenset({"files"}), is_missing_alone=True)
    config, destination = settings(erp), Destination()
    destination.sync(config, catalog_of(config, "SalesOrder", "SalesOrder__files"), fails=True)
    (error,) = destination.errors
    assert "the ERP leaves out files although it was asked for" in error["message"]
    assert destination.statuses["SalesOrder"] == "COMPLETE"


@pytest.mark.timeout(1800)
def test_killed_anywhere_and_resumed_each_file_has_come_once(
    erp: Simulator, staging: Path, small_pages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of those that a state has told of comes again; what was on its way behind it does."""
    monkeypatch.setattr(file_output, "_FILES_IN_A_BATCH", 2)
    attach_some(erp)
    config = settings(erp, max_page_size=3)
    catalog = catalog_of(config)
    whole = Destination()
    messages = whole.sync(config, catalog)
    for stop_after in messages_to_be_killed_after():
        if stop_after >= messages:
            break
        destination = Watching()
        destination.sync(config, catalog, stop_after=stop_after)
        kept = copy.deepcopy(destination.tables)
        _discard(staging)
        destination.sync(config, catalog)
        _discard(staging)
        assert_all_came(destination, erp, staging)
        assert destination.twice == set(), f"killed after {stop_after}"
        assert _kept(kept) <= _kept(destination.tables)


@dataclass
class Watching(Destination):
    """Notes which files have come although a state had told of them before."""

    twice: set[Any] = field(default_factory=set)
    _came: dict[str, set[Any]] = field(default_factory=dict)
    _told: set[Any] = field(default_factory=set)

    def take(self, message: Message) -> None:
        super().take(message)
        match message:
            case {"type": "RECORD", "record": {"stream": stream, "data": data, "file_reference": _}}:
                file = (stream, data["_parent_id"], data.get("_Details_line"), data["id"])
                self.twice |= {file} & self._told
                self._came.setdefault(stream, set()).add(file)
            case {"type": "STATE", "state": {"stream": {"stream_descriptor": {"name": stream}}}}:
                self._told |= self._came.get(stream, set())


def _discard(staging: Path) -> None:
    """What was staged for records that did not come any more goes with the folder."""
    for path in [each for each in staging.rglob("*") if each.is_file()]:
        path.unlink()


def _kept(tables: Mapping[str, Mapping[Any, Any]]) -> set[Any]:
    return {(name, key) for name, table in tables.items() for key in table}


def test_files_do_not_follow_changes_of_linked_rows(erp: Simulator, staging: Path) -> None:
    attach_some(erp)
    config, destination = settings(erp, track_linked_changes=True), Destination()
    catalog = catalog_of(config, "SalesOrder__files")
    destination.sync(config, catalog)
    before = _downloads(erp)
    erp.clock.advance(2 * DAY)
    erp.tenant("Company").update_silently("SalesOrder", KEY, {"BillToAddress": {"City": "Bern"}})
    destination.sync(config, catalog)
    assert _downloads(erp) == before


def test_streams_of_files_are_keyed_as_lines_are_where_deletions_are_tracked(staging: Path) -> None:
    with Simulator(("Company",), rows=6, tracked=("SOOrder",)) as erp:
        config, destination = settings(erp, track_deletions=True), Destination()
        catalog = catalog_of(config)
        by_name = {one["stream"]["name"]: one["stream"] for one in catalog["streams"]}
        assert by_name["SalesOrder"]["source_defined_primary_key"] == [["_tenant"], ["id"]]
        key = [["_tenant"], ["_parent_OrderType"], ["_parent_OrderNbr"], ["id"]]
        assert by_name["SalesOrder__files"]["source_defined_primary_key"] == key
        assert "_ab_cdc_deleted_at" not in by_name["SalesOrder__files"]["json_schema"]["properties"]
        destination.sync(config, catalog)
        erp.clock.advance(DAY)
        erp.tenant("Company").delete("SalesOrder", ("SO", "000004"))
        destination.sync(config, catalog)
        assert erp.sessions.open_count() == 0


def test_a_row_filter_is_about_the_record(erp: Simulator, staging: Path) -> None:
    attach_some(erp)
    filters = [{"stream": "SalesOrder__files", "filter": "OrderNbr eq '000003'"}]
    config, destination = settings(erp, row_filters=filters), Destination()
    assert check(config)["status"] == "SUCCEEDED"
    destination.sync(config, catalog_of(config, "SalesOrder__files"))
    assert {each[1] for each in arrived(destination, "SalesOrder__files")} == {_id(erp, KEY)}


def test_with_append_alone_an_incremental_sync_brings_no_file_twice(erp: Simulator, staging: Path) -> None:
    config, destination = settings(erp), Destination()
    catalog = catalog_of(config, "SalesOrder__files")
    for one in catalog["streams"]:
        one["destination_sync_mode"] = "append"
    attach_some(erp)
    for _ in range(3):
        destination.sync(config, catalog)
        erp.clock.advance(60)
    assert len(destination.tables["SalesOrder__files"]) == len(truth(erp))
    assert APPEND_DEDUP not in {one["destination_sync_mode"] for one in catalog["streams"]}


def test_a_sync_that_is_ended_in_a_download_leaves_no_seat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRBYTE_STAGING_DIRECTORY", str(tmp_path))
    with Simulator(("Company",), rows=6) as erp:
        config = settings(erp)
        catalog = catalog_of(config, "SalesOrder__files")
        erp.faults.add(Fault(FaultKind.SLOW, path="/files/", seconds=60, times=9))
        with started(tmp_path, "read", config=config, catalog=catalog) as process:
            ends_at = time.monotonic() + 60
            while not any("/files/" in each.path for each in erp.requests) and time.monotonic() < ends_at:
                time.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 128 + signal.SIGTERM
        assert erp.sessions.open_count() == 0
