"""Tests of what a single request may cost; the requests themselves are held by the syncs against the simulator."""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest
import requests
from airbyte_cdk.models import FailureType

from source_acumatica.client import Client, Patience
from source_acumatica.config import Config
from source_acumatica.errors import Next, Problem, RequestFailed
from source_acumatica.sessions import Session

CONFIG = {
    "instance_url": "https://erp.example.com",
    "tenants": ["A"],
    **dict.fromkeys(("client_id", "client_secret", "username", "password"), "x"),
}


@pytest.mark.parametrize("sessions", [1, 4])
def test_a_request_that_is_refused_does_not_cost_every_other_its_session(sessions, monkeypatch):
    """Each session that it finds has worked for somebody else."""
    client = Client(Config.parse({**CONFIG, "max_sessions": sessions}), Patience(retries=1, wait_seconds=1))
    tries = []

    @contextmanager
    def lease(tenant):
        yield Session(tenant, requests.Session(), time.monotonic() + 3600, has_answered=True)

    def refuse(*_args, **_options):
        tries.append(1)
        assert len(tries) < 50, "no end"
        return Problem(Next.SIGN_IN, FailureType.config_error, "refused")

    monkeypatch.setattr(client._pool, "lease", lease)
    monkeypatch.setattr(client, "_try", refuse)
    with pytest.raises(RequestFailed, match="here: refused"):
        client.fetch("A", "/x", read=lambda answer: answer, where="here")
    assert len(tries) == sessions + 2
