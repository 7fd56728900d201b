"""A server that counts seats, and threads that read with the sessions of a pool."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import pytest
import requests

from source_acumatica.erp import sessions
from source_acumatica.erp.sessions import Session, SessionPool

# Long enough for a slow machine; only a test that fails waits for so long.
PATIENCE_SECONDS = 2.5


class Server:
    """Tokens and seats as the ERP counts them: a seat is taken by a call and free after the sign-out."""

    def __init__(self, token_life_seconds=3600.0):
        self.token_life_seconds = token_life_seconds
        self.sign_ins, self.sign_outs = [], []
        self.seated, self.most_seated = set(), 0
        self.refusals = {}
        # Tests hold a sign-in or a sign-out here, to look at what happens meanwhile.
        self.may_sign_in, self.may_sign_out = threading.Event(), threading.Event()
        self.may_sign_in.set()
        self.may_sign_out.set()
        self.is_signing_in, self.is_signing_out = threading.Event(), threading.Event()
        self._lock = threading.Lock()

    def sign_in(self, tenant):
        self.is_signing_in.set()
        assert self.may_sign_in.wait(PATIENCE_SECONDS)
        with self._lock:
            self.sign_ins.append(tenant)
        if tenant in self.refusals:
            raise self.refusals[tenant]
        return Session(tenant, requests.Session(), time.monotonic() + self.token_life_seconds)

    def sign_out(self, session):
        self.is_signing_out.set()
        assert self.may_sign_out.wait(PATIENCE_SECONDS)
        with self._lock:
            self.sign_outs.append(session.tenant)
            self.seated.discard(session)
        return True

    def call(self, pool, session):
        """One request with a session that was lent."""
        pool.seat(session)
        with self._lock:
            assert not getattr(session, "is_busy", False), "a session serves one request at a time"
            session.is_busy = True
            self.seated.add(session)
            self.most_seated = max(self.most_seated, len(self.seated))

    def answer(self, session):
        with self._lock:
            session.is_busy = False


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(sessions, "_LOOK_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(sessions, "_LAST_ANSWERS_SECONDS", PATIENCE_SECONDS)


@pytest.fixture(name="server")
def counting_server():
    return Server()


def pool_of(seats, server):
    return SessionPool(seats, server.sign_in, server.sign_out)


@contextmanager
def request(pool, server, tenant):
    """A lease with a call in it."""
    with pool.lease(tenant) as session:
        server.call(pool, session)
        try:
            yield session
        finally:
            server.answer(session)


def read_once(pool, server, tenant):
    with request(pool, server, tenant):
        pass


class Worker(threading.Thread):
    """A thread whose failure is the test's."""

    def __init__(self, work, *args):
        super().__init__(daemon=True)
        self._work, self._arguments, self.error, self.result = work, args, None, None
        self.start()

    def run(self):
        try:
            self.result = self._work(*self._arguments)
        except BaseException as error:  # noqa: BLE001 (the test looks at it)
            self.error = error

    def done(self, expected=None):
        self.join(PATIENCE_SECONDS)
        assert not self.is_alive(), "stuck"
        if expected:
            assert isinstance(self.error, expected), self.error
        elif self.error:
            raise self.error
        return self.result


def eventually(condition):
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.002)
