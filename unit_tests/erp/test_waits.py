"""Tests that a wait is as long as it has to be, and known while it lasts."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.erp import waits as module
from source_acumatica.erp.errors import Action, Problem
from source_acumatica.erp.limits import Pace
from source_acumatica.erp.retries import RetryPolicy
from source_acumatica.erp.waits import Waits

SEAT = Problem(Action.SEAT, FailureType.transient_error, "all seats are taken")


@pytest.fixture
def waits():
    return Waits(Pace(None, timedelta(minutes=1)), RetryPolicy(retries=1, wait_seconds=3600))


def test_the_innermost_wait_of_a_thread_is_the_one_that_is_named(waits):
    with waits.waiting("a page"):
        with waits.waiting("a seat"):
            assert waits.described == "a seat"
        assert waits.described == "a page"
    assert waits.described == ""


def test_a_wait_that_fails_is_over(waits):
    with pytest.raises(KeyError), waits.waiting("a page"):
        raise KeyError
    assert waits.described == ""


def test_a_pause_says_why_it_is_made_and_how_long_a_sync_waits_for_a_seat(waits, monkeypatch, caplog):
    seen = []
    monkeypatch.setattr(module.time, "sleep", lambda seconds: seen.append((seconds, waits.described)))
    caplog.set_level(logging.WARNING)
    waits.pause_after(SEAT, 2.0, "Tenant 'A'")
    assert seen == [(2.0, "Tenant 'A' (all seats are taken)")]
    assert caplog.messages == [
        "Tenant 'A': all seats are taken. Trying again in 2 s (for a seat a sync waits up to 60 min)."
    ]
