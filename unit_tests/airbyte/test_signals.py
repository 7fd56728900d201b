"""Tests when Airbyte is told that a limit holds up a stream, and that it is over."""

from __future__ import annotations

import json

import orjson
import pytest
from airbyte_cdk.models import AirbyteMessageSerializer

from source_acumatica.airbyte import signals as module
from source_acumatica.airbyte.signals import LOOKS_BEFORE_A_SIGNAL, Signals
from source_acumatica.erp.waits import HoldUp
from unit_tests.waiting import until

HELD = HoldUp(None)


class Airbyte:
    def __init__(self):
        self.hold_ups = {}
        self.messages = []
        self.signals = Signals(self.messages.append, lambda where, _others: self.hold_ups.get(where))

    def look(self, times=1):
        for _ in range(times):
            self.signals.look()

    @property
    def told(self):
        traces = [json.loads(orjson.dumps(AirbyteMessageSerializer.dump(one)))["trace"] for one in self.messages]
        return [
            (one["stream_status"]["stream_descriptor"]["name"], one["stream_status"].get("reasons")) for one in traces
        ]


@pytest.fixture
def airbyte():
    return Airbyte()


LIMITED = [{"type": "RATE_LIMITED"}]


def test_a_wait_is_told_once_when_it_matters_and_once_when_it_is_over(airbyte):
    with airbyte.signals.reading("Customer", "A"):
        airbyte.hold_ups["A"] = HELD
        airbyte.look(LOOKS_BEFORE_A_SIGNAL - 1)
        assert airbyte.told == []
        airbyte.look(20)
        assert airbyte.told == [("Customer", LIMITED)]
        airbyte.hold_ups.clear()
        airbyte.look(20)
    assert airbyte.told == [("Customer", LIMITED), ("Customer", None)]


def test_waits_between_which_there_is_progress_do_not_add_up(airbyte):
    with airbyte.signals.reading("Customer", "A"):
        for _ in range(10):
            airbyte.hold_ups["A"] = HELD
            airbyte.look(LOOKS_BEFORE_A_SIGNAL - 1)
            airbyte.hold_ups.clear()
            airbyte.look()
    assert airbyte.told == []


def test_a_stream_is_held_up_if_all_of_its_tenants_are(airbyte):
    with airbyte.signals.reading("Customer", "A"):
        with airbyte.signals.reading("Customer", "B"):
            airbyte.hold_ups["A"] = HELD
            airbyte.look(20)
            assert airbyte.told == []
        airbyte.look(20)
    assert airbyte.told == [("Customer", LIMITED), ("Customer", None)]


def test_nothing_is_told_of_a_stream_that_is_not_being_read(airbyte):
    airbyte.hold_ups["A"] = HELD
    airbyte.look(20)
    with airbyte.signals.reading("Customer", "A"):
        pass
    airbyte.look(20)
    assert airbyte.told == []


def test_a_known_end_is_told_in_milliseconds(airbyte):
    with airbyte.signals.reading("Customer", "A"), airbyte.signals.reading("Customer", "B"):
        airbyte.hold_ups = {"A": HoldUp(1_700_000_000.5), "B": HoldUp(1_700_000_002.0)}
        airbyte.look(LOOKS_BEFORE_A_SIGNAL)
    ((_, reasons), _) = airbyte.told
    assert reasons == [{"type": "RATE_LIMITED", "rate_limited": {"quota_reset": 1_700_000_000_500}}]


def test_a_wait_that_is_not_over_when_the_stream_ends_is_told_to_be(airbyte):
    with pytest.raises(OSError), airbyte.signals.reading("Customer", "A"):
        airbyte.hold_ups["A"] = HELD
        airbyte.look(LOOKS_BEFORE_A_SIGNAL)
        raise OSError
    assert airbyte.told == [("Customer", LIMITED), ("Customer", None)]


def test_the_thread_looks_as_long_as_it_should(airbyte, monkeypatch):
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.005)
    airbyte.hold_ups["A"] = HELD
    with airbyte.signals.watching(), airbyte.signals.reading("Customer", "A"):
        until(lambda: airbyte.messages)


def test_an_estimate_names_the_stream_and_its_rows(airbyte):
    airbyte.signals.estimate("Customer", 1234)
    (message,) = airbyte.messages
    trace = json.loads(orjson.dumps(AirbyteMessageSerializer.dump(message)))["trace"]
    assert trace["type"] == "ESTIMATE"
    assert trace["estimate"] == {"name": "Customer", "type": "STREAM", "row_estimate": 1234}
