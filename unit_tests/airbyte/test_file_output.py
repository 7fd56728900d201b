"""Tests that each record comes with its file, once, and that none is dropped without a word."""

from __future__ import annotations

import errno
import json
import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.airbyte import file_output
from source_acumatica.airbyte.file_output import FileOutput, Memory
from source_acumatica.airbyte.records import FileReference, meta_of, single_messages, with_meta
from source_acumatica.erp.download import DOUBTFUL, NO_FILE, TOO_LARGE, StagingError
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.paging import Position
from source_acumatica.reading.window import Window

NOW = datetime(2026, 3, 1, tzinfo=UTC)
STAMP, OLD = "2026-02-28T23:59:00.000000Z", "2020-01-01T00:00:00.000000Z"
FULL, READ_ONLY = OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EROFS, "Read-only file system")


def failure(status=0, action=Action.STOP, sentence="the ERP failed with an error of its own"):
    return RequestFailed(Problem(action, FailureType.system_error, sentence, status=status), "here")


class Files:
    """What stands for the ERP and the staging folder: by id what comes, one after another."""

    where, key = "here", ("_tenant", "_parent_Nbr", "id")

    def __init__(self, **outcomes):
        self.outcomes, self.asked, self.pauses = outcomes, [], []
        self.told = []
        self.staging = SimpleNamespace(folder="/staging", sent=lambda files: self.told.extend(files))
        self.client = SimpleNamespace(helpers=SimpleNamespace(map=map), pause=self.pauses.append)

    def staged(self, record):
        self.asked.append(record["id"])
        left = self.outcomes.get(record["id"], [10])
        one = left[0] if len(left) == 1 else left.pop(0)
        return one if not isinstance(one, int) else FileReference(f"/staging/{record['id']}", record["id"], one)

    def gives(self, record):
        return isinstance(self.staged(record), FileReference)

    def name(self, record):
        return f"the file '{record['filename']}'"

    def named(self, record, error):
        return RequestFailed(error.problem, f"here: {record['id']}")


def records(*ids, stamp=STAMP):
    return [
        {"_tenant": "A", "_parent_Nbr": 1, "_parent_modified": stamp, "id": id_, "filename": f"{id_}.pdf"}
        for id_ in ids
    ]


def an_output(files, progress=None):
    memory = Memory.of(progress, "A", timedelta(minutes=15), NOW) if progress else None
    return FileOutput(files, memory, "Bill__files", None, None)


def sent(messages):
    """The records, with what is beside their data."""
    text = [message.record for message in with_meta(single_messages(messages))]
    return {
        record.data["id"]: (
            record.file_reference and record.file_reference.file_size_bytes,
            [(each.field, each.change.value, each.reason.value) for each in record.meta.changes] if record.meta else [],
        )
        for record in text
    }


def a_progress():
    states = []
    return TenantCursor("_parent_modified", ["A"], {}, states.append), states


def test_each_record_comes_with_its_own_file():
    files = Files(a=[1], b=[0], c=[3])
    assert sent(an_output(files).messages(records("a", "b", "c"))) == {"a": (1, []), "b": (0, []), "c": (3, [])}


def test_what_a_record_lacks_beside_its_file_is_said_as_ever():
    found = sent(an_output(Files()).messages(records("a"), meta_of(["comment"], [])))
    assert found == {"a": (10, [("comment", "NULLED", "SOURCE_RETRIEVAL_ERROR")])}


def test_large_files_go_out_as_they_come(monkeypatch):
    monkeypatch.setattr(file_output, "_BYTES_IN_A_BATCH", 15)
    files, output = Files(), None
    output = an_output(files)
    messages = output.messages(records("a", "b", "c", "d"))
    next(messages)
    assert files.asked == ["a", "b"]
    assert len(sent(messages)) == 3


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        (failure(404), "SOURCE_RETRIEVAL_ERROR"),
        (failure(410), "SOURCE_RETRIEVAL_ERROR"),
        (failure(action=Action.GONE), "SOURCE_RETRIEVAL_ERROR"),
        (failure(TOO_LARGE), "SOURCE_FIELD_SIZE_LIMITATION"),
    ],
)
def test_a_file_that_is_not_to_be_had_leaves_its_record_which_says_so(why, reason, caplog):
    with caplog.at_level(logging.WARNING, logger="airbyte"):
        found = sent(an_output(Files(b=[why])).messages(records("a", "b", "c"), meta_of(["comment"], [])))
    comment = ("comment", "NULLED", "SOURCE_RETRIEVAL_ERROR")
    assert found["b"] == (None, [comment, ("file_reference", "NULLED", reason)])
    assert found["a"] == found["c"] == (10, [comment])
    assert "the file 'b.pdf' does not come" in caplog.text


def test_a_file_alone_that_is_gone_leaves_its_record_too():
    assert sent(an_output(Files(a=[failure(404)])).messages(records("a")))["a"][0] is None


@pytest.mark.parametrize("count", [1, 2, 3, 25])
def test_where_several_files_are_gone_and_none_has_come_the_stream_fails(count):
    """An endpoint, or a gateway before it, that knows none of them; before any record goes out without its file."""
    names = [f"f{number}" for number in range(count)]
    files = Files(**{name: [failure(404)] for name in names})
    if count < 3:
        assert len(sent(an_output(files).messages(records(*names)))) == count
        return
    with pytest.raises(RequestFailed, match="here: f2"):
        next(an_output(files).messages(records(*names)))


def test_a_page_of_the_web_server_does_not_say_that_a_file_is_gone():
    gone = RequestFailed(Problem(Action.STOP, FailureType.config_error, "no", status=404, is_unclear=True))
    with pytest.raises(RequestFailed, match="here: a"):
        sent(an_output(Files(a=[gone])).messages(records("a")))
    assert sent(an_output(Files(a=[gone])).messages(records("a", "b")))["a"][0] is None


@pytest.mark.parametrize("status", [NO_FILE, 400, 401, 403, 405, 406, 409, 422])
def test_a_file_that_the_erp_refuses_alone_leaves_its_record(status):
    files = Files(b=[failure(status)])
    assert sent(an_output(files).messages(records("a", "b", "c")))["b"][0] is None
    with pytest.raises(RequestFailed, match="here: b"):
        sent(an_output(Files(b=[failure(status)])).messages(records("b")))


def test_a_file_that_came_in_a_sync_before_shows_whether_others_come():
    """Otherwise a sync in which only one record was changed, whose file is broken, could never go on."""
    progress, states = a_progress()
    list(an_output(Files(), progress).messages(records("a", stamp=OLD)))
    later = [{**records("b")[0], "_parent_modified": "2026-03-02T00:00:00.000000Z"}]
    for comes in (True, False):
        resumed = TenantCursor("_parent_modified", ["A"], json.loads(json.dumps(states[-1])), lambda _: None)
        down = failure(500)
        output = an_output(Files(b=[down], **({} if comes else {"a": [down]})), resumed)
        if comes:
            assert sent(output.messages(later))["b"][0] is None
            continue
        with pytest.raises(RequestFailed, match="here: b"):
            sent(output.messages(later))


def test_a_file_in_doubt_leaves_its_record_and_is_tried_again_with_the_next_sync():
    progress, _ = a_progress()
    doubtful = Files(b=[failure(DOUBTFUL)])
    assert sent(an_output(doubtful, progress).messages(records("a", "b")))["b"][0] is None
    assert sent(an_output(Files(), progress).messages(records("a", "b"))) == {"b": (10, [])}


def test_marks_are_read_once_and_not_for_each_batch(monkeypatch):
    """Of a page with a hundred thousand files, they would be read five thousand times."""
    made, real = [], file_output.SentFiles
    monkeypatch.setattr(file_output, "SentFiles", lambda *given: made.append(0) or real(*given))
    monkeypatch.setattr(file_output, "_FILES_IN_A_BATCH", 1)
    progress, _ = a_progress()
    output, names = an_output(Files(), progress), [f"f{number}" for number in range(100)]
    list(output.messages(records(*names)))
    list(output.messages(records(*names)))
    assert len(made) == 1
    progress.page_done("A", Window(None, "2026-03-01T00:00:00Z"), Position(2))
    list(output.messages(records("new")))
    assert len(made) == 2


def test_where_an_endpoint_is_gone_no_file_is_taken_for_gone():
    """It answers 404 for each: one that has come a moment ago shows it."""
    gone = failure(404)
    files = Files(a=[10, gone], b=[gone], c=[gone])
    with pytest.raises(RequestFailed, match="here: b"):
        sent(an_output(files).messages(records("a", "b", "c")))


def test_a_failure_that_passes_costs_no_file():
    assert sent(an_output(Files(a=[failure(500), 10])).messages(records("a")))["a"] == (10, [])


def test_a_failure_that_only_one_file_has_is_that_file_s_own():
    files = Files(b=[failure(500)])
    found = sent(an_output(files).messages(records("a", "b", "c")))
    assert found["b"] == (None, [("file_reference", "NULLED", "SOURCE_RETRIEVAL_ERROR")])
    assert files.asked.count("b") == 2


def test_where_no_file_comes_the_stream_fails_and_names_the_first():
    down = failure(500)
    with pytest.raises(RequestFailed, match="here: a"):
        sent(an_output(Files(a=[down], b=[down])).messages(records("a", "b")))
    with pytest.raises(RequestFailed, match="here: b"):
        sent(an_output(Files(a=[10, down], b=[down])).messages(records("a", "b")))


@pytest.mark.parametrize("why", [failure(), failure(0, Action.SEAT), failure(503, Action.RETRY)])
def test_any_other_failure_fails_the_stream(why):
    with pytest.raises(RequestFailed, match="here: b"):
        sent(an_output(Files(b=[why])).messages(records("a", "b")))


def test_a_full_staging_folder_is_waited_for():
    files = Files(b=[StagingError(FULL), StagingError(FULL), 10])
    assert sent(an_output(files).messages(records("a", "b")))["b"] == (10, [])
    assert files.pauses == [1, 2]


def test_what_is_staged_goes_out_before_the_wait():
    """Otherwise the destination could take nothing, and there would never be room."""
    files = Files(b=[StagingError(FULL), 10])
    messages = an_output(files).messages(records("a", "b"))
    next(messages)
    assert files.pauses == []


@pytest.mark.parametrize(("why", "kind"), [(FULL, "transient_error"), (READ_ONLY, "system_error")])
def test_a_staging_folder_that_takes_nothing_is_named(why, kind):
    with pytest.raises(
        AirbyteTracedException, match=r"the staging folder \(/staging\) cannot take the file 'a"
    ) as caught:
        sent(an_output(Files(a=[StagingError(why)])).messages(records("a")))
    assert caught.value.failure_type.value == kind


def test_a_state_behind_each_batch_knows_what_was_sent(monkeypatch):
    monkeypatch.setattr(file_output, "_FILES_IN_A_BATCH", 2)
    progress, states = a_progress()
    messages = an_output(Files(), progress).messages(records("a", "b", "c", stamp=OLD))
    seen = [(len(states), message) for message in messages]
    assert [count for count, _ in seen] == [0, 0, 1]
    assert len(states) == 2
    resumed = TenantCursor("_parent_modified", ["A"], json.loads(json.dumps(states[0])), lambda _: None)
    files = Files()
    assert sent(an_output(files, resumed).messages(records("a", "b", "c", stamp=OLD))).keys() == {"c"}
    assert files.asked == ["c"]


def test_a_page_with_thousands_of_files_has_no_more_states_than_it_needs(monkeypatch):
    """Each has a mark of every file that came; all marks go out with the page, and with many bytes at once."""
    monkeypatch.setattr(file_output, "_FILES_IN_A_BATCH", 1)
    monkeypatch.setattr(file_output, "_STATES_IN_A_PAGE", 10)
    progress, states = a_progress()
    names = [f"f{number}" for number in range(200)]
    list(an_output(Files(), progress).messages(records(*names, stamp=OLD)))
    assert 10 + 10 * 2 <= len(states) <= 50
    assert len(progress.progress("A").files[""]) == 200 * 8
    large = Files(f0=[file_output._BYTES_IN_A_BATCH])
    before = len(states)
    list(an_output(large, progress).messages([{**records("f0")[0], "comment": "new"}]))
    assert len(states) == before + 1


def test_a_page_that_was_cut_off_may_come_again_as_several():
    """The next run begins with smaller pages: what is ahead of the first of them was sent nevertheless."""
    progress, states = a_progress()
    list(an_output(Files(), progress).messages(records("a", "b", "c", stamp=OLD)))
    resumed = TenantCursor("_parent_modified", ["A"], json.loads(json.dumps(states[-1])), lambda _: None)
    files, window = Files(), Window(None, "2026-03-01T00:00:00.000000Z")
    output = an_output(files, resumed)
    for number, id_ in enumerate(["a", "b", "c", "d"], start=1):
        sent(output.messages(records(id_, stamp=OLD)))
        resumed.page_done("A", window, Position(number))
    assert files.asked == ["d"]
    resumed.window_done("A", window)
    assert resumed.progress("A").files == {"witness": "10 a"}


def test_behind_the_page_only_what_comes_again_is_remembered():
    progress, states = a_progress()
    list(an_output(Files(), progress).messages([*records("a", stamp=OLD), *records("b")]))
    progress.page_done("A", Window(None, "2026-03-01T00:00:00Z"), Position(2))
    assert states[-1]["states"][0]["files"].keys() == {STAMP, "witness"}
    files = Files()
    sent(an_output(files, progress).messages([*records("a", stamp=OLD), *records("b")]))
    assert files.asked == ["a"]


@pytest.mark.parametrize(
    "change", [{"_parent_modified": "2026-02-28T23:59:30.000000Z"}, {"filename": "c"}, {"comment": "new"}, {"id": "x"}]
)
def test_what_was_changed_is_sent_again(change):
    progress, _ = a_progress()
    list(an_output(Files(), progress).messages(records("a")))
    assert len(sent(an_output(Files(), progress).messages([{**records("a")[0], **change}]))) == 1


def test_what_is_read_again_on_purpose_comes_whether_or_not_it_was_sent():
    progress, _ = a_progress()
    output = an_output(Files(), progress)
    assert len(sent(output.messages(records("a")))) == 1
    assert sent(output.messages(records("a"))) == {}
    output.begin_again()
    assert len(sent(output.messages(records("a")))) == 1


def test_a_full_refresh_remembers_nothing():
    output = an_output(Files())
    assert len(sent(output.messages(records("a")))) == len(sent(output.messages(records("a")))) == 1


def test_the_log_is_no_list_of_files(caplog):
    names = [f"f{number}" for number in range(30)]
    files = Files(**{name: [failure(404)] for name in names})
    with caplog.at_level(logging.WARNING, logger="airbyte"):
        assert len(sent(an_output(files).messages(records("there", *names)))) == 31
    assert len(caplog.records) == 10
    assert "Further files like it are not named" in caplog.text
