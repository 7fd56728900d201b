"""Tests that nothing is read that the destination would mix up or drop."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.airbyte.keys import KeyWatch
from source_acumatica.airbyte.preconditions import begin, refuse_lost_columns
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.paging import Position
from source_acumatica.reading.progress import Progress
from source_acumatica.reading.rereading import Rereading
from source_acumatica.reading.window import Window

STAMP = "2026-11-22T10:00:00.000000Z"
HERE = "Tenant 'A', stream Customer"


class Table:
    def __init__(self, *columns, cursor="LastModified"):
        self._columns, self.cursor_field = columns, cursor

    def json_schema(self):
        return {"properties": {name: {} for name in self._columns}}


def cursor(**read_with):
    part = {"partition": {"tenant": "A"}, "cursor": {"LastModified": STAMP}, "read_with": read_with}
    return TenantCursor("LastModified", ["A"], {"states": [part]}, lambda _state: None)


def read_with(**more):
    return {"instance_url": "https://one", "include_archived": True, "start_date": None, "row_filters": "", **more}


def test_rows_of_another_instance_are_refused_before_the_state_changes():
    progress = cursor(instance_url="https://other")
    with pytest.raises(AirbyteTracedException, match="of another instance") as caught:
        begin(progress, "A", read_with(), HERE)
    assert caught.value.message.startswith(HERE)
    assert progress.progress("A").reached == STAMP


def test_where_the_settings_ask_for_more_the_log_says_so_and_all_is_read_again(caplog):
    caplog.set_level(logging.WARNING, "airbyte")
    progress = cursor(instance_url="https://one", include_archived=False)
    begin(progress, "A", read_with(), HERE)
    assert progress.progress("A").reached is None
    assert "archived records are included now, so it is read again in full" in caplog.text


KEYS = KeyWatch(("_tenant", "Id"), deduplicates=True)
BEFORE = replace(Progress(STAMP), newest=STAMP, columns=("Id", "LastModified"))


def test_where_other_settings_apply_the_log_says_that_the_rereading_begins_again(caplog):
    caplog.set_level(logging.INFO)
    progress = cursor(**read_with())
    begin(progress, "A", read_with(), HERE)
    progress.reread("A", Rereading(STAMP, 9, place=Window(start=Position(5))))
    begin(progress, "A", read_with(), HERE)
    assert caplog.text == ""
    begin(progress, "A", read_with(row_filters="(X eq 1)"), HERE)
    assert f"{HERE}: other settings apply now, so rows are read again from the beginning" in caplog.text
    assert progress.progress("A").rereading == Rereading(STAMP, 9)


def test_a_table_that_has_its_key_and_its_cursor_is_read():
    refuse_lost_columns(HERE, Table("_tenant", "Id", "LastModified"), "LastModified", KEYS, BEFORE)


@pytest.mark.parametrize("was", [None, BEFORE])
def test_a_table_without_a_column_of_the_key_is_refused(was):
    with pytest.raises(AirbyteTracedException, match="Id"):
        refuse_lost_columns(HERE, Table("_tenant", "LastModified"), "LastModified", KEYS, was)


@pytest.mark.parametrize("table", [Table("_tenant", "Id"), Table("_tenant", "Id", "LastModified", cursor=None)])
def test_a_table_that_has_lost_its_cursor_is_refused_where_the_destination_deduplicates(table):
    with pytest.raises(AirbyteTracedException, match="LastModified has come before"):
        refuse_lost_columns(HERE, table, "LastModified", KEYS, BEFORE)
    refuse_lost_columns(HERE, table, "LastModified", replace(KEYS, deduplicates=False), BEFORE)
    refuse_lost_columns(HERE, table, "LastModified", KEYS, Progress())
