"""Tests that the server's clock is read for what it is, and never where this machine happens to stand."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta

import pytest

from source_acumatica.erp import server_clock
from source_acumatica.erp.server_clock import ServerClocks, server_now

OWN = datetime(2026, 11, 26, 16, 5, 0, 123456, tzinfo=UTC)
AT_11 = datetime(2026, 11, 26, 16, 0, tzinfo=UTC)
TOLERANCE = timedelta(minutes=15)


@pytest.fixture(autouse=True, params=["UTC", "America/New_York", "Pacific/Kiritimati"])
def zone(request, monkeypatch):
    """This machine's."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    "header",
    [
        "Thu, 26 Nov 2026 16:00:00 GMT",
        "Thu, 26 Nov 2026 16:00:00 UTC",
        "Thu, 26 Nov 2026 16:00:00",
        "Thu, 26 Nov 2026 16:00:00 -0000",
        "Thu, 26 Nov 2026 16:00:00 +0000",
        "Thu, 26 Nov 2026 11:00:00 -0500",
        "Thu,26 Nov 2026 16:00:00 GMT",
        "Thu Nov 26 16:00:00 2026",
        "Thursday, 26-Nov-26 16:00:00 GMT",
        "26 Nov 2026 16:00:00 GMT",
        "Thu, 26 Nov 2026 16:00:00 GMT, Thu, 26 Nov 2026 16:00:01 GMT",
        "Thu, 26 Nov 2026 16:00:09 GMT, Thu Nov 26 16:00:00 2026",
        "Thu Nov 26 16:00:00 2026, Thu Nov 26 16:00:01 2026",
        "Thursday, 26-Nov-26 16:00:00 GMT, 26 Nov 2026 16:00:01 GMT",
        "Thu, 26 Nov 2026 16:00:00 GMT, nonsense",
        "nonsense, Thu, 26 Nov 2026 16:00:00 GMT",
    ],
)
def test_every_way_to_write_a_date_is_read_in_greenwich_time_and_of_two_the_earlier(header):
    assert server_now(header, OWN, TOLERANCE) == (AT_11, "")


@pytest.mark.parametrize(
    "header",
    [None, "", "soon", "Thu, 32 Nov 2026 16:00:00 GMT", "2026-11-26T16:00:00Z", "1795777200", ", ,", "Thu", "," * 999],
)
def test_without_a_date_our_own_clock_counts(header):
    assert server_now(header, OWN, TOLERANCE) == (OWN.replace(microsecond=0), "")


@pytest.mark.parametrize("minutes", [-14, -1, 1, 14])
def test_within_the_look_back_the_server_is_believed(minutes):
    told = OWN.replace(microsecond=0) + timedelta(minutes=minutes)
    assert server_now(told.strftime("%a, %d %b %Y %H:%M:%S GMT"), OWN, TOLERANCE) == (told, "")


@pytest.mark.parametrize("minutes", [-525_600, -120, -16, 16, 120, 525_600])
def test_beyond_it_the_earlier_of_both_clocks_counts_and_both_are_told(minutes):
    told = OWN.replace(microsecond=0) + timedelta(minutes=minutes)
    now, warning = server_now(told.strftime("%a, %d %b %Y %H:%M:%S GMT"), OWN, TOLERANCE)
    assert now == min(told, OWN.replace(microsecond=0))
    assert told.isoformat() in warning
    assert OWN.replace(microsecond=0).isoformat() in warning


@pytest.mark.parametrize("seconds", [-30, -1, 0, 1, 30])
def test_without_a_look_back_the_earlier_counts_and_what_a_network_takes_is_not_told(seconds):
    told = OWN.replace(microsecond=0) + timedelta(seconds=seconds)
    now, warning = server_now(told.strftime("%a, %d %b %Y %H:%M:%S GMT"), OWN, timedelta())
    assert (now, warning) == (min(told, OWN.replace(microsecond=0)), "")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Thu, 26 Nov 2026 16:00:00 GMT", "16:00:00"),
        ("Thu, 26 Nov 2026 18:00:00 GMT", "16:05:00"),
        ("Thu, 26 Nov 2026 14:00:00 GMT", "14:00:00"),
        ("whenever", "16:05:00"),
    ],
)
def test_the_first_answer_of_a_tenant_tells_its_clock(header, expected, monkeypatch, caplog):
    monkeypatch.setattr(server_clock, "own_now", lambda: OWN)
    caplog.set_level(logging.WARNING)
    clocks = ServerClocks(TOLERANCE)
    assert clocks.of("A") is None
    clocks.measure("A", header)
    clocks.measure("A", "Thu, 26 Nov 2026 01:00:00 GMT")
    assert clocks.of("A") == datetime.fromisoformat(f"2026-11-26T{expected}+00:00")
    assert ("Tenant 'A': the server's clock" in caplog.text) == (header[17:19] in ("18", "14"))
