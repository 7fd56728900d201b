"""Tests that a state follows each page of a tenant's rows, and what a form that is not set up does to a read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.airbyte.access import Access
from source_acumatica.airbyte.clocks import StampClock
from source_acumatica.airbyte.keys import KeyWatch
from source_acumatica.airbyte.output import Output
from source_acumatica.airbyte.progress import RowCount
from source_acumatica.airbyte.tenant_read import TenantRead
from source_acumatica.config import Config
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.database_clock import DatabaseClock
from source_acumatica.reading.facts import TenantFacts
from source_acumatica.reading.paging import Page, Position
from source_acumatica.reading.reader import Reader
from source_acumatica.reading.window import Window

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
T1000, T1200 = "2026-11-22T10:00:00.000000Z", "2026-11-22T12:00:00.000000Z"
CONFIG = Config.parse(
    {
        "instance_url": "https://x",
        "tenants": ["A"],
        "client_id": "c",
        "client_secret": "hidden-1",
        "username": "u",
        "password": "hidden-2",
    }
)
NOT_SET_UP = RequestFailed(Problem(Action.SKIP, FailureType.config_error, "the form is not set up"), "here")


@dataclass
class Pages(Reader):
    """Gives pages, or raises what stands in place of one."""

    some: list = field(default_factory=list)
    where: str = "here"

    def pages(self, window):
        for number, page in enumerate(self.some):
            if isinstance(page, RequestFailed):
                raise page
            yield Page([{"Id": row, "M": T1000} for row in page], Position(number + 1))


class Removals:
    def __init__(self, has_rows):
        self._has_rows = has_rows

    def has_rows(self, *_):
        return self._has_rows


def messages(*pages, part=None, is_incremental=True, has_rows=None):
    """What is sent, in its order: ids of records, and the positions and ends of states."""
    sent = []

    def note(state):
        (one,) = state["states"]
        sent.append(one["reading"]["offset"] if "reading" in one else one["cursor"].get("M"))

    state = {"states": [{"partition": {"tenant": "A"}, **part}]} if part else {}
    progress = TenantCursor("M", ["A"], state, note) if is_incremental else None
    keys, reader = KeyWatch(), Pages("A", CONFIG, some=list(pages))
    read = TenantRead(
        reader,
        table=SimpleNamespace(cursor_field="M", condition="", record_id="id", id_field="id"),
        cursor_field="M",
        config=CONFIG,
        access=Access(Removals(has_rows), lambda *_: None, {"A": NOON}),
        keys=keys,
        key_list=lambda reader: keys.list(reader.where),
        has_unstamped=lambda *_: False,
        look_at_ids=lambda *_: None,
        clock=StampClock(DatabaseClock(), DatabaseClock(), True, lambda: True),
        facts=TenantFacts(progress, "A", lambda: NOON),
        output=Output("X", lambda _: SimpleNamespace(make_records=None), lambda _: lambda row: [row]),
        deletions=SimpleNamespace(is_tracked=False, sets=lambda: ("X",)),
        key_reader=lambda: reader,
        linked_ids=None,
        progress=progress,
        columns=frozenset(),
        missed=(),
    )
    for message in read.messages([Window(None, T1200)], RowCount("here")):
        some = message.single_messages() if hasattr(message, "single_messages") else [message]
        sent.extend(f"row {one.record.data['Id']}" for one in some)
    return sent


def test_a_state_follows_each_page_and_the_end_of_the_window_follows_the_last():
    assert messages([1, 2], [3]) == ["row 1", "row 2", 1, "row 3", 2, T1200]


def test_a_full_refresh_has_rows_and_no_state():
    assert messages([1, 2], [3], is_incremental=False) == ["row 1", "row 2", "row 3"]


def test_an_empty_list_proves_nothing_and_the_next_window_begins_where_this_one_did():
    assert messages() == [None]


def test_a_form_that_is_not_set_up_has_no_rows_and_leaves_the_state_as_it_is(caplog):
    assert messages(NOT_SET_UP) == []
    assert "No rows are read" in caplog.text


def test_a_form_that_had_rows_is_not_passed_over():
    with pytest.raises(RequestFailed, match="rows have come before, so it is not passed over"):
        messages(NOT_SET_UP, part={"cursor": {"M": T1000}, "newest": T1000})


@pytest.mark.parametrize("has_rows", [True, None])
def test_a_full_refresh_passes_a_form_over_only_where_odata_shows_that_it_is_empty(has_rows):
    assert messages(NOT_SET_UP, is_incremental=False, has_rows=False) == []
    with pytest.raises(RequestFailed, match="a full refresh would empty the destination's table"):
        messages(NOT_SET_UP, is_incremental=False, has_rows=has_rows)


def test_a_failure_behind_some_pages_keeps_the_place():
    failure = RequestFailed(Problem(Action.STOP, FailureType.transient_error, "gone"), "here")
    with pytest.raises(RequestFailed, match="gone"):
        messages([1, 2], failure)
