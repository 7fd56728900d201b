"""Tests which given states are gone on from, and what is said of those that are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airbyte_cdk.models import (
    AirbyteGlobalState,
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStreamState,
    StreamDescriptor,
)
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.airbyte.states import UNREADABLE, ForeignStateError, manager_of, says_nothing, understood

RELEASED = sorted((Path(__file__).parents[1] / "released").glob("*/states.json"))
TENANT = {"partition": {"tenant": "Company"}}


def states(*parts):
    return {"states": list(parts)}


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.parent.name)
def test_every_state_of_a_released_version_is_understood_to_the_letter(path):
    for state in json.loads(path.read_text()).values():
        assert understood(state) == state


@pytest.mark.parametrize(
    "state", [{}, {"__ab_no_cursor_state_message": True}, {"states": None}, {"states": []}, {"LastModified": "2024"}]
)
def test_a_state_without_parts_says_nothing(state):
    assert understood(state).get("states", []) == []


def test_a_state_with_positions_of_no_tenant_is_not_an_empty_one():
    assert says_nothing({"LastModified": "2024-01-01"})
    assert not says_nothing({})
    assert not says_nothing({"__ab_no_cursor_state_message": True})
    assert not says_nothing(states(TENANT))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2024-01-01", "2024-01-01T00:00:00.000000Z"),
        ("2024-01-01T00:00:00+02:00", "2023-12-31T22:00:00.000000Z"),
        ("2024-01-01T00:00:00.000000Z", "2024-01-01T00:00:00.000000Z"),
        (None, None),
    ],
)
def test_a_time_that_was_written_by_hand_is_meant_in_utc(written, meant):
    state = understood(states({**TENANT, "cursor": {"LastModified": written}, "deletions": written}))
    assert state["states"][0]["cursor"] == {"LastModified": meant}
    assert state["states"][0]["deletions"] == meant


def reading(**place):
    return states({**TENANT, "cursor": {}, "reading": place})


def rereading(**changes):
    whole = {"at": "2024-01-01T00:00:00.000000Z", "rows": 5, "ahead": -1, "place": {"offset": 3}}
    return states({**TENANT, "cursor": {}, "rereading": whole | changes})


def test_how_far_all_rows_were_read_again_is_understood_as_it_was_written():
    assert understood(rereading()) == rereading()
    assert understood(rereading(at="2024-01-01T01:00:00+01:00")) == rereading()


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ({"states": {"Company": {}}}, "no list of tenants"),
        (states({"partition": {"parent_slice": {}}, "cursor": {"x": "2024-01-01"}}), "names no tenant"),
        (states({"partition": {"tenant": 5}}), "names no tenant"),
        (states("Company"), "names no tenant"),
        (states({**TENANT, "cursor": None}), "cursor of tenant 'Company' is None"),
        (states({**TENANT, "cursor": ["2024"]}), "cursor of tenant 'Company'"),
        (states({**TENANT, "cursor": {"LastModified": 1704067200}}), "is 1704067200"),
        (states({**TENANT, "cursor": {"LastModified": "yesterday"}}), "'yesterday'"),
        (states({**TENANT, "deletions": "soon"}), "deletions of tenant 'Company' is 'soon'"),
        (states({**TENANT, "reading": [1]}), "reading of tenant 'Company' is [1]"),
        (reading(offset="12"), "reading.offset"),
        (reading(offset=-1), "reading.offset"),
        (reading(since="x"), "reading.since"),
        (reading(until=5), "reading.until"),
        (reading(anchors=["C1"]), "reading.anchors"),
        (reading(after="C1"), "reading.after"),
        (reading(list=7), "reading.list"),
        (reading(unstamped="yes"), "reading.unstamped"),
        (states({**TENANT, "newest": 5}), "newest of tenant 'Company' is 5"),
        (states({**TENANT, "lag": "much"}), ", lag of tenant 'Company'"),
        (states({**TENANT, "lag": 10**18}), ", lag of tenant 'Company' is 1000000000000000000"),
        (states({**TENANT, "lag_at": "then"}), "lag_at of tenant 'Company'"),
        (states({**TENANT, "filter_works": "maybe"}), "filter_works of tenant 'Company'"),
        (states({**TENANT, "has_unstamped": 1}), "has_unstamped of tenant 'Company'"),
        (states({**TENANT, "left_out": ["custom", 1]}), "left_out of tenant 'Company'"),
        (states({**TENANT, "unproven": ["Period"]}), "unproven of tenant 'Company'"),
        (states({**TENANT, "unproven": {"Period": "then"}}), "unproven of tenant 'Company'"),
        (states({**TENANT, "read_with": "all"}), "read_with of tenant 'Company'"),
        (states({**TENANT, "rereading": "all"}), "rereading of tenant 'Company' is 'all'"),
        (rereading(at=None), "rereading.at of tenant 'Company' is None"),
        (rereading(at="soon"), "rereading.at of tenant 'Company' is 'soon'"),
        (rereading(rows=-1), "rereading.rows"),
        (rereading(rows="many"), "rereading.rows"),
        (rereading(ahead=0.5), "rereading.ahead"),
        (rereading(place=7), "rereading.place of tenant 'Company' is 7"),
        (rereading(place={"offset": -1}), "rereading.place.offset"),
        (rereading(place={"since": "x"}), "rereading.place.since"),
        (rereading(place={"anchors": ["C1"]}), "rereading.place.anchors"),
        (rereading(place={"list": 7}), "rereading.place.list"),
    ],
)
def test_a_state_in_another_form_is_refused_with_what_is_wrong_in_it(state, word):
    with pytest.raises(ForeignStateError, match="Clear the stream's data") as caught:
        understood(state)
    assert word in str(caught.value)


def test_states_of_streams_are_found_in_every_message_that_has_them():
    stream = AirbyteStreamState(StreamDescriptor("Customer"), AirbyteStateBlob({"a": 1}))
    for message in (
        AirbyteStateMessage(type=AirbyteStateType.STREAM, stream=stream),
        AirbyteStateMessage(type=AirbyteStateType.GLOBAL, global_=AirbyteGlobalState([stream])),
    ):
        assert manager_of([message]).get_stream_state("Customer", None) == {"a": 1}
    assert manager_of(None).get_stream_state("Customer", None) == {}


def test_a_state_of_all_streams_together_is_refused():
    with pytest.raises(AirbyteTracedException, match="does not tell the streams apart"):
        manager_of([UNREADABLE])


def test_a_state_of_the_oldest_kind_is_ignored_with_a_warning(caplog):
    legacy = AirbyteStateMessage(type=AirbyteStateType.LEGACY, data=AirbyteStateBlob({"Customer": "2024"}))
    assert manager_of([legacy]).get_stream_state("Customer", None) == {}
    assert "LEGACY" in caplog.text
