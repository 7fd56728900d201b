"""Tests that requests beyond the limit wait until one has ended, and never for good."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager

import pytest

from source_acumatica.erp import in_flight as module
from source_acumatica.erp.concurrency import ConcurrencyLimit, Exchange
from source_acumatica.erp.in_flight import InFlight


@pytest.fixture(autouse=True)
def told_at_once(monkeypatch):
    """Nobody has to look again to see that there is room."""
    monkeypatch.setattr(module, "_LOOK_AGAIN_SECONDS", 60.0)


class Limit(ConcurrencyLimit):
    def __init__(self, most):
        super().__init__(32)
        self.most, self.learnt, self.declined = most, [], []

    def learn(self, exchange):
        self.learnt.append(exchange)

    def decline(self, exchange):
        self.declined.append(exchange)


EXCHANGE = Exchange("a", 0.0, 1, 1.0, 1.0, 0.9)


@contextmanager
def held_back(requests):
    """A thread that has to wait with its request; it sets the event when it is sent."""
    is_waiting, is_sent = threading.Event(), threading.Event()

    @contextmanager
    def waiting():
        is_waiting.set()
        yield

    def send():
        with requests.one(waiting):
            is_sent.set()

    thread = threading.Thread(target=send)
    thread.start()
    assert is_waiting.wait(5)
    assert not is_sent.is_set()
    yield is_sent
    assert is_sent.wait(5)
    thread.join(5)


def test_a_request_knows_how_many_are_in_flight_with_it():
    requests = InFlight(Limit(3))
    with requests.one() as first, requests.one() as second, requests.one() as third:
        assert (first, second, third) == (1, 2, 3)
    with requests.one() as again:
        assert again == 1


def test_a_request_beyond_the_limit_is_sent_when_another_one_ends():
    requests = InFlight(Limit(1))
    one = requests.one()
    one.__enter__()
    with held_back(requests):
        one.__exit__(None, None, None)


def test_a_request_that_fails_leaves_its_place():
    requests = InFlight(Limit(1))
    for _ in range(3):
        with pytest.raises(OSError, match="broken"), requests.one() as count:
            assert count == 1
            raise OSError("broken")


def test_who_waits_goes_when_the_limit_is_raised():
    limit = Limit(1)
    requests = InFlight(limit)

    def learn(_exchange):
        limit.most = 2

    limit.learn = learn
    with requests.one(), held_back(requests):
        requests.learn(EXCHANGE, is_declined=False)


def test_at_the_end_nothing_is_held_back():
    requests = InFlight(Limit(1))
    with requests.one(), held_back(requests):
        requests.open()
    with requests.one(), requests.one(pytest.fail) as count:
        assert count == 2


def test_one_more_goes_a_minute_after_the_last_one_however_long_they_take(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(module, "_LOOK_AGAIN_SECONDS", 0.01)
    requests = InFlight(Limit(1))
    with requests.one():
        now[0] += 59.0
        with held_back(requests):
            now[0] += 1.5
        with held_back(requests):
            now[0] += 60.0


def test_what_is_learnt_reaches_the_limit():
    limit = Limit(4)
    requests = InFlight(limit)
    requests.learn(EXCHANGE, is_declined=False)
    requests.learn(EXCHANGE, is_declined=True)
    assert (limit.learnt, limit.declined) == ([EXCHANGE], [EXCHANGE])


def test_that_requests_wait_in_the_queue_is_said_once(caplog):
    caplog.set_level(logging.INFO)
    limit = Limit(4)
    requests = InFlight(limit)
    requests.learn(EXCHANGE, is_declined=False)
    assert not caplog.messages
    limit.has_helped = True
    requests.learn(EXCHANGE, is_declined=False)
    requests.learn(EXCHANGE, is_declined=False)
    assert caplog.messages == [
        "Requests wait in the queue of the licence (License Monitoring Console, SM604000), so fewer are sent at the "
        "same time: 4 at present."
    ]
