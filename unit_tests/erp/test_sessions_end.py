"""Tests that no seat stays taken, whenever and however a pool is closed."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from itertools import count

import pytest

from source_acumatica.erp import sessions
from source_acumatica.erp.sessions import PoolClosed
from unit_tests.erp.seats import (
    PATIENCE_SECONDS,
    Worker,
    eventually,
    pool_of,
    read_once,
    request,
)
from unit_tests.erp.seats import (
    _quick as _quick,
)
from unit_tests.erp.seats import (
    counting_server as counting_server,
)


def _free(pool, _server):
    pool.free_idle_seats()


def _discard(pool, server):
    with request(pool, server, "A") as session:
        pool.discard(session)


def _swap(pool, server):
    read_once(pool, server, "C")


@pytest.mark.parametrize("give_up", [_free, _discard, _swap])
def test_a_seat_counts_as_taken_until_the_server_has_freed_it(give_up, server):
    pool = pool_of(1, server)
    read_once(pool, server, "A")
    server.may_sign_out.clear()
    leaving = Worker(give_up, pool, server)
    assert server.is_signing_out.wait(PATIENCE_SECONDS)
    coming = Worker(read_once, pool, server, "D")
    time.sleep(0.05)
    assert len(server.seated) == 1
    assert coming.is_alive()
    server.may_sign_out.set()
    leaving.done()
    coming.done()
    assert server.most_seated == 1


@pytest.mark.parametrize("give_up", [_free, _discard, _swap])
def test_close_waits_for_a_sign_out_that_another_thread_has_begun(give_up, server):
    pool = pool_of(1, server)
    read_once(pool, server, "A")
    server.may_sign_out.clear()
    leaving = Worker(give_up, pool, server)
    assert server.is_signing_out.wait(PATIENCE_SECONDS)
    closing = Worker(pool.close)
    time.sleep(0.05)
    assert closing.is_alive(), "the process would end before the seat is given back"
    server.may_sign_out.set()
    closing.done()
    assert not server.seated
    leaving.join(PATIENCE_SECONDS)


def test_close_signs_out_of_idle_sessions(server):
    pool = pool_of(2, server)
    with pool.reading("A"), pool.reading("B"):
        for tenant in "AB":
            read_once(pool, server, tenant)
        pool.close()
    assert sorted(server.sign_outs) == ["A", "B"]
    assert not server.seated


def reading_while_signed_out(pool, server, may_answer):
    """A request that the server has in its queue until ``may_answer``, and then takes a seat again for."""
    is_asked = threading.Event()

    def read():
        with request(pool, server, "A") as session:
            is_asked.set()
            may_answer.wait(PATIENCE_SECONDS)
            server.seated.add(session)

    worker = Worker(read)
    assert is_asked.wait(PATIENCE_SECONDS)
    return worker


def test_close_signs_out_of_a_session_in_the_middle_of_a_request_and_once_more_behind_it(server):
    pool, may_answer = pool_of(1, server), threading.Event()
    worker = reading_while_signed_out(pool, server, may_answer)
    closing = Worker(pool.close)
    eventually(lambda: server.sign_outs == ["A"])
    may_answer.set()
    closing.done()
    worker.done()
    assert not server.seated


@pytest.mark.parametrize("overtaken", [1, 2])
def test_a_request_that_is_over_before_the_answer_to_its_sign_out_was_read_leaves_no_seat(
    overtaken, server, monkeypatch
):
    """The server works off a sign-out and then the request; their answers are read in the other order.

    It may be the first sign-out of the end that is overtaken, or the one that comes when waiting is given up.
    """
    monkeypatch.setattr(sessions, "_LAST_ANSWERS_SECONDS", PATIENCE_SECONDS if overtaken == 1 else 0.05)
    pool, may_answer = pool_of(1, server), threading.Event()

    def sign_out(session):
        if len(server.sign_outs) == overtaken:
            time.sleep(0.1)
        server.sign_out(session)
        if len(server.sign_outs) == overtaken:
            may_answer.set()
            eventually(lambda: not pool._lent)
            # The thread that has given it back comes to its own sign-out meanwhile.
            time.sleep(0.05)
        return True

    pool._sign_out = sign_out
    worker = reading_while_signed_out(pool, server, may_answer)
    pool.close()
    assert not server.seated
    assert server.sign_outs == ["A"] * (overtaken + 1)
    worker.done()


def test_close_does_not_wait_for_ever_for_a_request_that_hangs(server, monkeypatch):
    monkeypatch.setattr(sessions, "_LAST_ANSWERS_SECONDS", 0.05)
    pool, is_asked, may_answer = pool_of(1, server), threading.Event(), threading.Event()

    def read():
        with request(pool, server, "A"):
            is_asked.set()
            may_answer.wait(PATIENCE_SECONDS)

    worker = Worker(read)
    assert is_asked.wait(PATIENCE_SECONDS)
    began = time.monotonic()
    pool.close()
    assert time.monotonic() - began < 1
    assert not server.seated
    may_answer.set()
    worker.done()


def test_close_in_the_middle_of_a_lease_of_the_same_thread_does_not_wait_for_itself(server):
    pool = pool_of(1, server)
    began = time.monotonic()
    with request(pool, server, "A"):
        pool.close()
    assert time.monotonic() - began < 1
    assert not server.seated


def test_close_lets_nobody_wait_any_longer(server):
    pool = pool_of(1, server)
    with pool.lease("A"):
        waiting = [Worker(read_once, pool, server, "B") for _ in range(3)]
        eventually(lambda: pool._waiting["B"] == 3)
        closing = Worker(pool.close)
        for worker in waiting:
            worker.done(PoolClosed)
    closing.done()


def test_close_while_a_session_is_opened_leaves_nothing_signed_in(server):
    server.may_sign_in.clear()
    pool = pool_of(1, server)
    lent = []

    def take():
        with pool.lease("A") as session:
            lent.append(session)
            server.call(pool, session)

    opening = Worker(take)
    assert server.is_signing_in.wait(PATIENCE_SECONDS)
    closing = Worker(pool.close)
    time.sleep(0.02)
    server.may_sign_in.set()
    opening.done(PoolClosed)
    closing.done()
    assert not server.seated
    assert not lent


def test_close_between_lease_and_call_takes_no_seat(server):
    pool = pool_of(1, server)
    session = pool._take("A")
    Worker(pool.close).join(0.05)
    with pytest.raises(PoolClosed):
        server.call(pool, session)
    pool._give_back(session)
    assert not server.seated


def test_no_session_is_lent_after_close(server):
    pool = pool_of(2, server)
    read_once(pool, server, "A")
    pool.close()
    for tenant in "AB":
        with pytest.raises(PoolClosed), pool.lease(tenant):
            pass
    assert server.sign_ins == ["A"]


def test_close_signs_out_of_all_sessions_at_once(server):
    """What ends a run waits for one sign-out and not for eight."""
    pool = pool_of(8, server)
    with ExitStack() as held:
        for _ in range(8):
            held.enter_context(request(pool, server, "A"))
    together = threading.Barrier(8)

    def sign_out(session):
        together.wait(PATIENCE_SECONDS)
        return server.sign_out(session)

    pool._sign_out = sign_out
    pool.close()
    assert len(server.sign_outs) == 8
    assert not server.seated


def test_a_second_close_while_the_first_signs_out_comes_back_when_that_is_done(server):
    """As where a signal arrives while a run that is over signs out: it must not end the process in the middle."""
    pool = pool_of(3, server)
    for tenant in "ABC":
        read_once(pool, server, tenant)
    server.may_sign_out.clear()
    first = Worker(pool.close)
    assert server.is_signing_out.wait(PATIENCE_SECONDS)
    second = Worker(pool.close)
    time.sleep(0.05)
    assert second.is_alive()
    server.may_sign_out.set()
    second.done()
    assert not server.seated
    first.done()
    assert sorted(server.sign_outs) == ["A", "B", "C"]


def test_a_seat_that_could_not_be_given_back_is_tried_again_at_the_end(server):
    pool = pool_of(1, server)
    read_once(pool, server, "A")
    sign_out, pool._sign_out = pool._sign_out, lambda _session: False
    pool.free_idle_seats()
    read_once(pool, server, "B")
    assert len(server.seated) == 2
    pool._sign_out = sign_out
    pool.close()
    assert not server.seated


def test_a_request_that_its_sign_out_has_overtaken_and_that_hangs_leaves_no_seat(server, monkeypatch):
    """A connection that is still being made when the run ends brings the request behind the sign-out."""
    monkeypatch.setattr(sessions, "_LAST_ANSWERS_SECONDS", 0.1)
    pool, is_asked, may_answer = pool_of(1, server), threading.Event(), threading.Event()

    def read():
        with pool.lease("A") as session:
            pool.seat(session)
            is_asked.set()
            eventually(lambda: server.sign_outs)
            server.call(pool_of(1, server), session)
            may_answer.wait(PATIENCE_SECONDS)

    worker = Worker(read)
    assert is_asked.wait(PATIENCE_SECONDS)
    pool.close()
    assert not server.seated
    may_answer.set()
    worker.done()


def test_close_may_be_called_twice(server):
    pool = pool_of(1, server)
    read_once(pool, server, "A")
    pool.close()
    pool.close()
    assert server.sign_outs == ["A"]


@pytest.mark.parametrize("moment", [0.0, 0.003, 0.01, 0.02, 0.04])
def test_close_at_any_moment_of_a_busy_run_leaves_no_seat_taken(moment, server, monkeypatch):
    monkeypatch.setattr(sessions, "TURN_SECONDS", 0.001)
    pool, requests_made = pool_of(2, server), count()

    def read(tenant):
        with pool.reading(tenant):
            while True:
                with request(pool, server, tenant) as session:
                    time.sleep(0.0005)
                    if next(requests_made) % 7 == 0:
                        pool.discard(session)

    workers = [Worker(read, tenant) for tenant in "AABBCC"]
    time.sleep(moment)
    pool.close()
    for worker in workers:
        worker.done(PoolClosed)
    assert not server.seated
    assert server.most_seated <= 2
