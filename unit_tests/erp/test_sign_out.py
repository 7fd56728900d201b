"""Tests that a sign-out is tried until the seat is free, and not beyond the time that is left."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

import pytest
import requests

from source_acumatica.erp.http_session import http_session
from source_acumatica.erp.limits import Pace
from source_acumatica.erp.retries import RetryPolicy
from source_acumatica.erp.sessions import Session
from source_acumatica.erp.sign_out import SignOut

URL = "https://erp.example.com/entity/auth/logout"


def sign_out(first_pause_seconds=0.0):
    policy = RetryPolicy(retries=2, wait_seconds=0, first_pause_seconds=first_pause_seconds)
    return SignOut("https://erp.example.com", policy, Pace(None, timedelta(minutes=1)))


def session():
    return Session("A", http_session(URL), ends_at=time.monotonic() + 3600)


@pytest.mark.parametrize("status", [204, 401])
def test_a_session_that_is_over_has_given_its_seat_back(status, requests_mock):
    requests_mock.post(URL, status_code=status)
    assert sign_out()(session())
    assert requests_mock.last_request.headers["Content-Length"] == "0"


def test_what_is_refused_or_lost_on_the_way_is_tried_again(requests_mock):
    requests_mock.post(URL, [{"status_code": 429}, {"exc": requests.ConnectionError}, {"status_code": 204}])
    assert sign_out()(session())
    assert requests_mock.call_count == 3


def test_a_seat_that_stays_taken_is_named(requests_mock, caplog):
    requests_mock.post(URL, status_code=500)
    caplog.set_level(logging.WARNING)
    assert not sign_out()(session())
    assert requests_mock.call_count == 6
    assert "Tenant 'A': signing out failed" in caplog.text


def test_the_tries_end_with_the_time_that_is_left(requests_mock):
    requests_mock.post(URL, status_code=500)
    out, began = sign_out(first_pause_seconds=60.0), time.monotonic()
    out.end_in(0.8)
    assert not out(session())
    assert time.monotonic() - began < 1
    assert requests_mock.last_request.timeout == (0.5, 0.5)
