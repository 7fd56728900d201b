"""Tests what the commands add to the parts that they put together; whole syncs are among the integration tests."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from airbyte_cdk.models import (
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStreamState,
    ConfiguredAirbyteCatalog,
    FailureType,
    StreamDescriptor,
)
from airbyte_cdk.sources.concurrent_source.concurrent_source_adapter import ConcurrentSourceAdapter
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica import source as module
from source_acumatica.airbyte.states import UNREADABLE
from source_acumatica.contract.site import Site
from source_acumatica.erp.client import Client
from source_acumatica.erp.errors import config_error
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.source import SourceAcumatica
from source_acumatica.stream_maker import StreamMaker

from .test_configured import INQUIRY, NEEDED, ORDER, TABLE, configured

CONFIG = {**NEEDED, "tenants": ["A", "B"]}
LOGGER = logging.getLogger("airbyte")
FAILURE = config_error("Tenant 'A': the settings do not work.")


class Survey:
    """What OData has: an inquiry and a table, and NoteIDs behind one form."""

    def __init__(self):
        self.asked, self.titles, self.failures = [], set(), {}
        self.tables = {each.name: each for each in (INQUIRY, TABLE)}
        self.own = {tenant: self.tables for tenant in ("A", "B")}

    def __getattr__(self, name):
        return lambda *args: self.asked.append((name, *args))

    def has_note_id(self, dac):
        return dac == ORDER.dac

    def does_without(self, _error):
        return False

    def unnamed(self, _stream):
        return None


@pytest.fixture
def erp(monkeypatch):
    """Tenants that have an entity, an inquiry and a table; nothing is sent to anywhere."""
    found = SimpleNamespace(survey=Survey(), fails=None, clients=[])
    site = Site(("Default",), tables=[ORDER, replace(ORDER, entity="Bill", dac="PX.AP.APInvoice")])
    site.own = {tenant: {each.name: each for each in site.tables} for tenant in ("A", "B")}

    def describe(_client, tenants, *_wanted, prove, **_more):
        if found.fails:
            raise found.fails
        for tenant in tenants:
            prove(tenant, site.tables)
        return site

    def client(*args):
        found.clients.append(Client(*args))
        return found.clients[-1]

    monkeypatch.setattr(module, "describe", describe)
    monkeypatch.setattr(module, "ODataSurvey", lambda *_args: found.survey)
    monkeypatch.setattr(module, "Client", client)
    return found


@pytest.fixture
def reading(monkeypatch):
    """A read up to where the CDK begins: what each stream has by tenant, and the messages."""
    tables, make = {}, StreamMaker.stream

    def made(self, table, one, own):
        tables[one.stream.name] = own
        return make(self, table, one, own)

    monkeypatch.setattr(StreamMaker, "stream", made)
    monkeypatch.setattr(ConcurrentSourceAdapter, "read", lambda self, _logger, config, *_: self.streams(config) and ())

    def read(*streams, state=None, config=CONFIG):
        catalog = ConfiguredAirbyteCatalog(streams=[*streams])
        return tables, [*SourceAcumatica().read(LOGGER, config, catalog, state)]

    return read


# ------------------------------------------------------------------------------------------------------ check, discover


def test_a_check_that_takes_too_long_says_what_it_was_waiting_for_and_ends(erp, monkeypatch):
    is_over = threading.Event()
    monkeypatch.setattr(module, "prove", lambda *_: is_over.wait(60))
    monkeypatch.setattr(module, "_CHECK_SECONDS", 0.05)
    monkeypatch.setattr(Client, "waited_for", "Tenant 'A', signing in")
    with pytest.raises(AirbyteTracedException, match="was waiting for this: Tenant 'A', signing in") as caught:
        SourceAcumatica().check_connection(LOGGER, CONFIG)
    is_over.set()
    assert caught.value.failure_type is FailureType.transient_error, "a sync waits longer, and may work"


def test_a_setting_that_is_not_known_is_named(erp, monkeypatch, caplog):
    monkeypatch.setattr(module, "prove", lambda *_: None)
    assert SourceAcumatica().check_connection(LOGGER, {**CONFIG, "pasword": "x"}) == (True, None)
    assert "'pasword'" in caplog.text


def test_all_tables_become_streams_in_the_order_of_their_names(erp):
    streams = SourceAcumatica().streams(CONFIG)
    assert [each.name for each in streams] == ["Bill", "SalesOrder", "dac__SOOrder", "gi__Orders"]
    keys = {each.name: each.primary_key for each in streams}
    assert keys["SalesOrder"] == ["_tenant", "id"], "its table has NoteIDs in each tenant"
    assert keys["Bill"] == ["_tenant", "Nbr"]


def test_each_tenant_is_visited_once_and_all_is_judged_when_all_were_asked(erp):
    SourceAcumatica().streams(CONFIG)
    dacs = {"PX.SO.SOOrder", "PX.AP.APInvoice"}
    asked = [name for name, *_ in erp.survey.asked]
    assert erp.survey.asked[:4] == [("visit", "A", dacs), ("probe", "A"), ("visit", "B", dacs), ("probe", "B")]
    assert asked[4:] == ["check_parameters", "warn_of_unseen_keys", "refuse_unmatched"]


# ----------------------------------------------------------------------------------------------------------------- read


def test_where_nothing_can_be_read_each_stream_is_incomplete(erp):
    erp.fails = FAILURE
    catalog = ConfiguredAirbyteCatalog(streams=[configured("SalesOrder"), configured("gi__Orders")])
    statuses = []
    with pytest.raises(AirbyteTracedException) as caught:
        for message in SourceAcumatica().read(LOGGER, CONFIG, catalog):
            status = message.trace.stream_status
            statuses.append((status.stream_descriptor.name, status.status.value))
    assert caught.value is FAILURE
    assert statuses == [(name, said) for name in ("SalesOrder", "gi__Orders") for said in ("STARTED", "INCOMPLETE")]


def test_every_other_stream_begins_with_the_last_tenant(erp, reading):
    """With few seats, that saves half of the sign-ins."""
    tables, _ = reading(configured("SalesOrder"), configured("Bill"), configured("gi__Orders"))
    assert {name: [*own] for name, own in tables.items()} == {
        "SalesOrder": ["A", "B"],
        "Bill": ["B", "A"],
        "gi__Orders": ["A", "B"],
    }


def test_a_stream_whose_state_is_not_understood_fails_in_each_tenant_and_keeps_it(erp, reading):
    blob = AirbyteStateBlob(states="none")
    state = AirbyteStateMessage(
        type=AirbyteStateType.STREAM,
        stream=AirbyteStreamState(stream_descriptor=StreamDescriptor(name="SalesOrder"), stream_state=blob),
    )
    tables, messages = reading(
        configured("SalesOrder", cursor=["At"]), configured("Bill", cursor=["At"]), state=[state]
    )
    assert all("its state" in str(each) for each in tables["SalesOrder"].values())
    assert [each.name for each in tables["Bill"].values()] == ["Bill", "Bill"]
    assert not [each for each in messages if each.state]


def test_streams_are_the_configured_ones_while_they_are_read_and_no_longer(erp, monkeypatch):
    source, seen = SourceAcumatica(), []

    def read(self, _logger, config, *_):
        seen.extend(each.name for each in self.streams(config))
        yield from ()

    monkeypatch.setattr(ConcurrentSourceAdapter, "read", read)
    assert [*source.read(LOGGER, CONFIG, ConfiguredAirbyteCatalog(streams=[configured("Bill")]))] == []
    assert seen == ["Bill"]
    assert len(source.streams(CONFIG)) == 4


def test_what_was_read_is_summed_up_once_whoever_comes_first(erp, monkeypatch, caplog):
    monkeypatch.setattr(module, "summary", lambda _lists, _tallies: ["in all"])
    caplog.set_level(logging.INFO)
    source = SourceAcumatica()
    source.sum_up()
    assert caplog.messages.count("in all") == 0, "nothing was read"
    monkeypatch.setattr(ConcurrentSourceAdapter, "read", lambda self, *_: self.sum_up() or ())
    assert [*source.read(LOGGER, CONFIG, ConfiguredAirbyteCatalog(streams=[configured("Bill")]))] == []
    source.sum_up()
    assert caplog.messages.count("in all") == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", []),
        ("{not json", [UNREADABLE]),
        ('{"cursor": "2026"}', [UNREADABLE]),
        ('["a", "b"]', [UNREADABLE]),
        ("5", [UNREADABLE]),
        ("[5]", [UNREADABLE]),
    ],
)
def test_a_file_without_states_of_streams_is_for_the_read_to_refuse(text, expected, tmp_path):
    """To refuse it here would leave all streams without a status."""
    path = tmp_path / "state.json"
    path.write_text(text)
    assert SourceAcumatica.read_state(str(path)) == expected


# -------------------------------------------------------------------------------------------------------------- the end


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_once_closed_no_command_takes_a_seat(when, erp, monkeypatch):
    source = SourceAcumatica()
    prove = source.close if when == "meanwhile" else lambda: None
    monkeypatch.setattr(module, "prove", lambda client, *_: (prove(), client.sign_in("A")))
    if when == "before":
        source.close()
    with pytest.raises(PoolClosed):
        source.check_connection(LOGGER, CONFIG)
    with pytest.raises(PoolClosed):
        source.streams(CONFIG)
    assert len(erp.clients) == (when == "meanwhile")


def test_joins_of_tables_that_odata_does_not_have_are_not_asked_for(erp):
    assert SourceAcumatica().link_joins(CONFIG, [ORDER, INQUIRY]) == ((), ())
    assert erp.clients == []
