"""Tests that each table becomes a stream of its API, with what the catalog and the settings say of it."""

from __future__ import annotations

from contextlib import closing

import pytest

from source_acumatica.airbyte.progress import ProgressLog
from source_acumatica.contract.stream import ContractStream
from source_acumatica.erp.client import Client
from source_acumatica.erp.retries import RetryPolicy
from source_acumatica.odata.service import ODataService
from source_acumatica.odata.stream import ODataStream
from source_acumatica.stream_maker import StreamMaker

from .test_configured import INQUIRY, ORDER, TABLE, configured, settings


@pytest.fixture
def maker():
    """Makes a maker; nothing is asked for to make streams, so there is no ERP."""
    with closing(Client(settings(), RetryPolicy(0, 0))) as client:
        service = ODataService(client)
        yield lambda **more: StreamMaker.of(settings(**more), client, service, ProgressLog())


@pytest.mark.parametrize(
    ("table", "kind", "name"),
    [
        (ORDER, ContractStream, "SalesOrder"),
        (INQUIRY, ODataStream, "gi__Orders"),
        (TABLE, ODataStream, "dac__SOOrder"),
    ],
)
def test_a_table_becomes_a_stream_of_its_api(table, kind, name, maker):
    stream = maker().stream(table, tenant_tables={"A": table})
    assert type(stream) is kind
    assert (stream.name, stream.tenants) == (name, ("A",))


def test_a_stream_asks_for_the_columns_of_the_catalog_and_watches_its_key(maker):
    one = configured("SalesOrder", ["_tenant", "Nbr"], columns=["Nbr"])
    stream = maker().stream(ORDER, one, {"A": ORDER})
    assert stream._columns_of("A") == {"id", "Nbr", "At"}
    assert stream._keys.names == ("_tenant", "Nbr")
    assert maker().stream(ORDER, None, {"A": ORDER})._columns_of("A") is None


def test_all_streams_of_a_run_share_what_is_known_of_the_erp(maker):
    made = maker()
    streams = [made.stream(table, tenant_tables={"A": table}) for table in (ORDER, INQUIRY)]
    assert {id(stream._access) for stream in streams} == {id(made.access)}


def test_archived_records_and_changes_of_linked_rows_are_asked_for_only_if_they_are_wanted(maker):
    assert maker().access.linked is None
    plain, archived = (
        maker(track_linked_changes=True, include_archived=wanted).access.linked for wanted in (False, True)
    )
    assert (plain._headers, archived._headers) == ({}, {"PX-ApiArchive": "SHOW"})


def test_without_a_sign_in_there_is_no_clock_of_the_server(maker):
    assert maker().access.server_times == {}
