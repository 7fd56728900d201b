"""Tests that signing in gets a session, and tries again only what may pass."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests

from source_acumatica.config import Config
from source_acumatica.erp.errors import RequestFailed
from source_acumatica.erp.limits import Pace
from source_acumatica.erp.retries import RetryPolicy
from source_acumatica.erp.server_clock import ServerClocks
from source_acumatica.erp.sign_in import SignIn
from source_acumatica.erp.waits import Waits

CONFIG = Config.parse(
    {
        "instance_url": "https://erp.example.com",
        "tenants": ["A"],
        **dict.fromkeys(("client_id", "client_secret", "username", "password"), "x-y-z"),
    }
)
URL = "https://erp.example.com/identity/connect/token"


@pytest.fixture
def sign_in():
    policy = RetryPolicy(retries=2, wait_seconds=0, first_pause_seconds=0.0)
    return SignIn(CONFIG, policy, Waits(Pace(None, timedelta(minutes=1)), policy), ServerClocks(CONFIG.lookback))


def test_a_token_makes_a_session_of_its_tenant(sign_in, requests_mock):
    requests_mock.post(URL, json={"access_token": "some-token", "expires_in": 100})
    session = sign_in("A")
    assert (session.tenant, session.is_seated) == ("A", False)
    request = requests.Request("GET", "https://erp.example.com/")
    assert session.http.prepare_request(request).headers["Authorization"] == "Bearer some-token"
    assert "client_id=x-y-z%40A" in requests_mock.last_request.text
    assert "scope=api" in requests_mock.last_request.text


def test_what_may_pass_is_tried_again(sign_in, requests_mock):
    requests_mock.post(URL, [{"status_code": 503}, {"exc": requests.ReadTimeout}, {"json": {"access_token": "token"}}])
    assert sign_in("A").tenant == "A"
    assert requests_mock.call_count == 3


def test_a_refusal_is_never_tried_again_since_accounts_lock(sign_in, requests_mock):
    requests_mock.post(URL, status_code=400, json={"error": "invalid_grant"})
    with pytest.raises(RequestFailed, match="invalid_grant"):
        sign_in("A")
    assert requests_mock.call_count == 1


def test_a_failure_that_stays_names_the_tries_and_not_the_setting_for_pages(sign_in, requests_mock):
    requests_mock.post(URL, exc=requests.ReadTimeout)
    with pytest.raises(
        RequestFailed, match=r"the sign-in took longer than 60 seconds \(given up after 3 tries"
    ) as caught:
        sign_in("A")
    assert "read_timeout_seconds" not in str(caught.value)


def test_a_token_that_no_header_can_hold_is_none(sign_in, requests_mock):
    requests_mock.post(URL, json={"access_token": "two\nlines"})
    with pytest.raises(RequestFailed, match="holds no token that could be sent"):
        sign_in("A")
