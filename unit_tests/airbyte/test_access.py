"""Tests what the streams of a tenant share: its clocks, and what one stream has seen before."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from source_acumatica.airbyte.access import Access
from source_acumatica.airbyte.progress import ProgressLog
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.database_clock import ClockReading

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOBODY = (None, lambda *_: None)


def test_the_servers_clock_goes_on_from_the_sign_in():
    access = Access(*NOBODY, {"A": NOON}, began_at=time.monotonic() - 60)
    assert timedelta(seconds=60) <= access.now("A") - NOON < timedelta(seconds=70)
    assert access.now("B") is None


def test_a_tenant_without_a_clock_is_left_out():
    client = SimpleNamespace(server_time={"A": NOON}.get)
    assert Access.of(client, ["A", "B"], *NOBODY, ProgressLog()).server_times == {"A": NOON}


def test_what_one_stream_has_seen_before_holds_for_the_others_of_its_tenant():
    part = {"partition": {"tenant": "A"}, "lag": 60, "lag_at": "2026-11-22T12:00:00Z", "has_flagged": "2026-11-22"}
    cursor = TenantCursor("M", ["A", "B"], {"states": [part]}, lambda _state: None)
    access = Access(*NOBODY)
    access.remember(cursor, ["A", "B"], "E", has_clock=True)
    assert access.clocks["A"].last == ClockReading(60, NOON)
    assert access.clocks["B"].last is None
    assert access.have_flagged == {"A"}


def test_stamps_of_another_clock_are_not_taken_for_the_databases():
    part = {"partition": {"tenant": "A"}, "lag": 60, "lag_at": "2026-11-22T12:00:00Z"}
    access = Access(*NOBODY)
    access.remember(TenantCursor("M", ["A"], {"states": [part]}, lambda _state: None), ["A"], "E", has_clock=False)
    assert access.clocks["A"].last is None
