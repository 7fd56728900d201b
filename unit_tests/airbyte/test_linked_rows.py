"""Tests which rows are sent for what is linked to them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.airbyte.linked_rows import LinkedRows
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.reading.window import Window

SINCE = "2026-11-27T00:00:00.000000Z"


def linked(found, *, is_filtered=True, there=("a", "b", "c")):
    asked = []

    def ids(since):
        asked.append(since)
        return found

    reader = SimpleNamespace(
        where="X",
        is_filtered=lambda _window: is_filtered,
        by_ids=lambda some: ((each, {"id": each} if each in there else None) for each in some),
    )
    return LinkedRows(reader, ids, "id", lambda _reader, rows: iter([row["id"] for row in rows]), None), asked


def test_records_of_which_something_linked_was_changed_are_read_by_their_ids():
    rows, asked = linked(["a", "gone", "c"])
    assert [*rows.messages(Window(SINCE), SINCE)] == ["a", "c"]
    assert asked == [SINCE]


def test_records_that_were_sent_already_are_not_read_again():
    rows, _ = linked(["a", "b"])
    rows.begin(Window(SINCE))
    rows.note_sent([{"id": "A"}])
    assert [*rows.messages(Window(SINCE), SINCE)] == ["b"]


def test_of_a_window_that_brings_all_rows_nothing_is_remembered():
    rows, _ = linked(["a"])
    rows.begin(Window())
    rows.note_sent([{"id": "a"}])
    assert [*rows.messages(Window(), None)] == []
    rows.begin(Window(SINCE))
    assert [*rows.messages(Window(SINCE), SINCE)] == ["a"]


@pytest.mark.parametrize(
    ("window", "is_filtered"), [(Window(), True), (Window(is_unstamped=True), True), (Window(SINCE), False)]
)
def test_nothing_is_asked_where_all_rows_have_come(window, is_filtered):
    rows, asked = linked(["a"], is_filtered=is_filtered)
    assert [*rows.messages(window, window.since)] == asked == []


def test_a_window_from_the_start_date_on_brings_all_rows():
    rows, asked = linked(["a"])
    rows.start = SINCE
    assert [*rows.messages(Window(SINCE), SINCE)] == asked == []


def test_a_failure_that_may_pass_is_told_and_ends_nothing(caplog):
    def fails(_since):
        raise RequestFailed(Problem(Action.STOP, FailureType.transient_error, "no answer"), "X")

    rows, _ = linked([])
    rows.ids = fails
    messages = rows.messages(Window(SINCE), SINCE)
    with pytest.raises(StopIteration) as end:
        next(messages)
    assert end.value.value is False
    assert "no answer" in caplog.text
    assert "switch track_linked_changes off" in caplog.text


def test_where_it_cannot_be_asked_nothing_else_changes():
    rows, _ = linked(None)
    assert [*rows.messages(Window(SINCE), SINCE)] == []
