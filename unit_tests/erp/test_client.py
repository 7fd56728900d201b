"""Tests of what a single request may cost; the requests themselves are held by the syncs against the simulator."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.config import Config
from source_acumatica.erp import client as client_module
from source_acumatica.erp.client import Client, RetryPolicy
from source_acumatica.erp.concurrency import ConcurrencyLimit
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.erp.sessions import Session
from unit_tests.waiting import until

CONFIG = {
    "instance_url": "https://erp.example.com",
    "tenants": ["A"],
    **dict.fromkeys(("client_id", "client_secret", "username", "password"), "x-y-z"),
}


@pytest.mark.parametrize("sessions", [1, 4])
def test_a_request_that_is_refused_does_not_cost_every_other_its_session(sessions, monkeypatch):
    """Each session that it finds has worked for somebody else."""
    client = Client(Config.parse({**CONFIG, "max_sessions": sessions}), RetryPolicy(retries=1, wait_seconds=1))
    tries = []

    @contextmanager
    def lease(tenant, _while_waiting):
        yield Session(tenant, requests.Session(), time.monotonic() + 3600, has_answered=True)

    def refuse(*_args, **_options):
        tries.append(1)
        assert len(tries) < 50, "no end"
        return Problem(Action.SIGN_IN, FailureType.config_error, "refused")

    monkeypatch.setattr(client._pool, "lease", lease)
    monkeypatch.setattr(client, "_try", refuse)
    with pytest.raises(RequestFailed, match="here: refused"):
        client.fetch("A", "/x", read=lambda answer: answer, where="here")
    assert len(tries) == sessions + 2


@contextmanager
def erp(answer):
    """An ERP that signs in, and leaves each GET to ``answer``; its settings and the calls to it."""
    calls = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def say(self, status, body=b"", length=None):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            calls.append(self.path)
            is_sign_in = self.path.endswith("token")
            self.say(200 if is_sign_in else 204, b'{"access_token": "some-token"}' if is_sign_in else b"")

        def do_GET(self):
            calls.append(self.path)
            answer(self)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    try:
        yield {**CONFIG, "instance_url": f"http://127.0.0.1:{server.server_port}"}, calls
    finally:
        server.shutdown()
        server.server_close()


def fetch(client, **more):
    return client.fetch("A", "/entity", read=lambda answer: answer.json(), where="here", **more)


def test_a_body_that_stalls_is_a_time_out_and_asks_for_fewer_rows():
    """The connection stays open: the HTTP library calls that a failed connection."""
    may_end = threading.Event()

    def stall(handler):
        handler.say(200, b'[{"id": 1},', length=1000)
        may_end.wait(10)
        handler.close_connection = True

    with erp(stall) as (settings, calls):
        config = Config.parse(settings).model_copy(update={"read_timeout_seconds": 0.3})
        with closing(Client(config, RetryPolicy.of_a_read())) as client, pytest.raises(RequestFailed) as caught:
            fetch(client, is_page=True)
        may_end.set()
    assert caught.value.problem.action is Action.FEWER_ROWS
    assert "did not answer in time" in str(caught.value)
    assert calls.count("/entity") == 1


def test_sign_ins_and_sign_outs_count_as_requests_and_a_sign_out_is_not_held_back(monkeypatch):
    monkeypatch.setattr(client_module, "_MINUTE", timedelta(seconds=0.5))
    with erp(lambda handler: handler.say(200, b"[]")) as (settings, calls):
        config = Config.parse({**settings, "requests_per_minute": 1})
        client, began = Client(config, RetryPolicy(0, 0)), time.monotonic()
        fetch(client)
        assert time.monotonic() - began > 0.45, "the sign-in came before"
        began = time.monotonic()
        client.close()
        assert time.monotonic() - began < 0.4
        assert len(client._pace._sent) == 2
    assert calls[-1].endswith("logout")


def test_what_each_answer_took_is_learnt_and_whether_it_was_declined(monkeypatch):
    learnt, declined, answers = [], [], iter([429, 200])
    monkeypatch.setattr(ConcurrencyLimit, "learn", lambda _self, exchange: learnt.append(exchange))
    monkeypatch.setattr(ConcurrencyLimit, "decline", lambda _self, exchange: declined.append(exchange))

    def answer(handler):
        time.sleep(0.02)
        handler.send_response(next(answers))
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", "2")
        handler.send_header("Set-Cookie", "requestid=1; path=/")
        handler.send_header("Set-Cookie", "requeststat=+st:7+sc:~/entity+start:638500000000000000; path=/")
        handler.end_headers()
        handler.wfile.write(b"[]")

    with erp(answer) as (settings, _), closing(Client(Config.parse(settings), RetryPolicy(0, 60, 0.01))) as client:
        fetch(client, params={"$top": "5", "$skip": "10"})
    assert [len(learnt), len(declined)] == [1, 1]
    assert learnt[0].kind == f"{settings['instance_url']}/entity?$top=5"
    assert (learnt[0].in_flight, learnt[0].at_work) == (1, 0.007)
    assert 0.02 <= learnt[0].until_answer <= learnt[0].whole


def test_at_the_end_of_a_run_nobody_waits_for_requests_in_flight():
    may_end, sent = threading.Event(), []

    def wait(handler):
        sent.append(handler)
        may_end.wait(10)
        handler.say(200, b"[]")

    with erp(wait) as (settings, _):
        client, ended = Client(Config.parse({**settings, "max_sessions": 2}), RetryPolicy(0, 0)), []
        client._in_flight._limit.most = 1

        def work(name):
            with suppress(AirbyteTracedException):
                fetch(client)
            ended.append(name)

        first, second, closing_ = (
            threading.Thread(target=work, args=["first"]),
            threading.Thread(target=work, args=["second"]),
            threading.Thread(target=client.close),
        )
        first.start()
        while not sent:
            time.sleep(0.01)
        second.start()
        while "wait in the queue of the licence" not in client.waited_for:
            time.sleep(0.01)
        closing_.start()
        second.join(10)
        assert ended == ["second"]
        assert len(sent) == 1
        may_end.set()
        for each in (first, closing_):
            each.join(10)
            assert not each.is_alive()


def test_what_is_waited_for_is_known():
    may_end = threading.Event()

    def wait(handler):
        may_end.wait(10)
        handler.say(200, b"[]")

    with erp(wait) as (settings, calls), closing(Client(Config.parse(settings), RetryPolicy(0, 0))) as client:
        assert client.waited_for == ""
        worker = threading.Thread(target=fetch, args=[client])
        worker.start()
        while "/entity" not in calls:
            time.sleep(0.01)
        assert client.waited_for == "here"
        may_end.set()
        worker.join()
        assert client.waited_for == ""


def test_a_refusal_is_not_kept_until_it_is_needed():
    """Its cause would be waited out only then."""
    calls = []

    def answer(handler):
        calls.append(handler)
        handler.say(503 if len(calls) == 1 else 200, b"[]")

    with erp(answer) as (settings, _), closing(Client(Config.parse(settings), RetryPolicy(3, 60, 0.01))) as client:
        future, demand = client.helpers.advance(lambda: fetch(client, is_kept=True))
        until(lambda: len(calls) == 2 and client.helpers.is_idle)
        assert (len(calls), future.done(), client.waited_for) == (2, False, "")
        demand.confirm()
        assert future.result(5) == []


def test_an_answer_that_is_followed_by_others_is_not_kept():
    with (
        erp(lambda handler: handler.say(200, b"[]")) as (settings, _),
        closing(Client(Config.parse(settings), RetryPolicy(0, 60))) as client,
    ):
        assert client.helpers.advance(lambda: fetch(client))[0].result(5) == []


@pytest.mark.parametrize(("lists", "is_too_large"), [(1, False), (2, True)])
def test_where_several_lists_are_read_their_pages_may_be_half_as_large(lists, is_too_large):
    page = b"[" + b" " * (20 * 1024**2) + b"]"
    with erp(lambda handler: handler.say(200, page)) as (settings, _calls), ExitStack() as reading:
        client = Client(Config.parse(settings), RetryPolicy(0, 0))
        for _ in range(lists):
            reading.enter_context(client.helpers.one_list())
        with closing(client), pytest.raises(RequestFailed) if is_too_large else nullcontext() as raised:
            fetch(client, is_page=True)
    assert not is_too_large or raised.value.problem.action is Action.FEWER_ROWS
