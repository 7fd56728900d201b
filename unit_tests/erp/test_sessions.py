"""Tests that seats are never exceeded, shared fairly and all given back, however a run ends."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, contextmanager
from itertools import count

import pytest
import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.erp import sessions
from source_acumatica.erp.sessions import PoolClosed, Session, SessionPool

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


@pytest.fixture
def server():
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


@pytest.mark.parametrize("seats", [1, 2, 3])
@pytest.mark.parametrize("turn_seconds", [0.0, 0.01, 30.0])
def test_never_more_seats_are_taken_than_allowed_and_everybody_is_served(seats, turn_seconds, server, monkeypatch):
    monkeypatch.setattr(sessions, "TURN_SECONDS", turn_seconds)
    pool, served = pool_of(seats, server), []

    def read(tenant):
        with pool.reading(tenant):
            for _ in range(15):
                with request(pool, server, tenant):
                    time.sleep(0.0005)
                served.append(tenant)

    workers = [Worker(read, tenant) for tenant in "AABBC"]
    for worker in workers:
        worker.done()
    assert len(served) == 75
    assert server.most_seated <= seats
    pool.close()
    assert not server.seated
    assert len(server.sign_ins) == len(server.sign_outs)


def test_all_seats_are_used_where_there_is_work(server):
    pool, together = pool_of(3, server), threading.Barrier(3)

    def read():
        with request(pool, server, "A"):
            together.wait(PATIENCE_SECONDS)

    for worker in [Worker(read) for _ in range(3)]:
        worker.done()
    assert server.most_seated == 3


def test_a_session_is_used_again(server):
    pool = pool_of(1, server)
    for _ in range(5):
        read_once(pool, server, "A")
    assert server.sign_ins == ["A"]
    assert server.sign_outs == []


def test_a_session_is_used_again_after_a_failure_in_the_lease(server):
    pool = pool_of(1, server)
    with pytest.raises(KeyError), request(pool, server, "A"):
        raise KeyError
    read_once(pool, server, "A")
    assert server.sign_ins == ["A"]


def test_a_session_that_soon_ends_is_replaced_and_signed_out_first(server):
    server.token_life_seconds = sessions.RENEWAL_MARGIN_SECONDS - 1
    pool = pool_of(1, server)
    with request(pool, server, "A") as first:
        pass
    with request(pool, server, "A") as second:
        assert second is not first
        assert server.sign_outs == ["A"]
    assert server.most_seated == 1


def test_a_session_that_was_discarded_is_signed_out_once_and_replaced(server):
    pool = pool_of(1, server)
    with request(pool, server, "A") as first:
        pool.discard(first)
    with request(pool, server, "A") as second:
        assert second is not first
    pool.close()
    assert server.sign_ins == server.sign_outs == ["A", "A"]
    assert server.most_seated == 1


def test_a_session_that_made_no_call_holds_no_seat_and_is_not_signed_out(server):
    pool = pool_of(1, server)
    with pool.lease("A"):
        pass
    pool.close()
    assert (server.sign_ins, server.sign_outs) == (["A"], [])


def test_a_tenant_that_nobody_reads_makes_way_for_another(server):
    pool = pool_of(1, server)
    for tenant in "ABA":
        read_once(pool, server, tenant)
    assert server.sign_ins == ["A", "B", "A"]
    assert server.sign_outs == ["A", "B"]
    assert server.most_seated == 1


def test_a_tenant_keeps_its_seat_for_its_turn_while_another_waits(server):
    pool = pool_of(1, server)
    with pool.reading("A"):
        read_once(pool, server, "A")
        other = Worker(read_once, pool, server, "B")
        time.sleep(0.05)
        read_once(pool, server, "A")
        assert server.sign_ins == ["A"]
        assert other.is_alive()
    # Nobody reads A any more: no need to wait for the end of its turn.
    other.done()
    assert server.sign_ins == ["A", "B"]


def test_a_tenant_whose_turn_is_over_makes_way_though_it_has_more_to_read(server, monkeypatch):
    monkeypatch.setattr(sessions, "TURN_SECONDS", 0.05)
    pool, is_over, requests_made = pool_of(1, server), threading.Event(), count()

    def read(tenant):
        with pool.reading(tenant):
            while not is_over.is_set():
                read_once(pool, server, tenant)
                next(requests_made)

    workers = [Worker(read, tenant) for tenant in "ABC"]
    eventually(lambda: min(server.sign_ins.count(tenant) for tenant in "ABC") >= 2)
    is_over.set()
    for worker in workers:
        worker.done()
    assert server.most_seated == 1
    # Turns are taken, not single requests: that would cost a sign-in each.
    assert next(requests_made) > 3 * len(server.sign_ins)


def test_a_tenant_whose_turn_is_over_does_not_push_in_before_one_that_waits(server, monkeypatch):
    monkeypatch.setattr(sessions, "TURN_SECONDS", 0.0)
    pool = pool_of(1, server)
    with pool.reading("A"), pool.reading("B"):
        with request(pool, server, "A"):
            other = Worker(read_once, pool, server, "B")
            eventually(lambda: pool._waiting["B"] == 1)
        read_once(pool, server, "A")
        assert server.sign_ins == ["A", "B", "A"]
        other.done()


def test_a_turn_that_is_over_costs_nothing_while_nobody_waits(server, monkeypatch):
    monkeypatch.setattr(sessions, "TURN_SECONDS", 0.0)
    pool = pool_of(2, server)
    for _ in range(5):
        read_once(pool, server, "A")
    assert server.sign_ins == ["A"]


def rejection(kind=FailureType.config_error):
    return AirbyteTracedException(message="refused", failure_type=kind)


def test_rejected_credentials_are_tried_once_though_many_ask(server):
    server.refusals["A"] = rejection()
    server.may_sign_in.clear()
    pool = pool_of(4, server)
    workers = [Worker(read_once, pool, server, "A") for _ in range(8)]
    eventually(lambda: pool._in_transit == 4)
    time.sleep(0.02)
    server.may_sign_in.set()
    for worker in workers:
        worker.done(AirbyteTracedException)
        assert worker.error.message == "refused"
    with pytest.raises(AirbyteTracedException, match="refused"):
        read_once(pool, server, "A")
    assert server.sign_ins == ["A"]


def test_rejected_credentials_of_one_tenant_do_not_hold_up_another(server):
    pool = pool_of(1, server)
    server.refusals["A"] = rejection()
    with pytest.raises(AirbyteTracedException):
        read_once(pool, server, "A")
    read_once(pool, server, "B")
    assert server.sign_ins == ["A", "B"]


def test_a_passing_fault_of_the_sign_in_may_be_tried_again(server):
    pool = pool_of(1, server)
    server.refusals["A"] = rejection(FailureType.transient_error)
    with pytest.raises(AirbyteTracedException):
        read_once(pool, server, "A")
    server.refusals.clear()
    read_once(pool, server, "A")
    assert server.sign_ins == ["A", "A"]


def test_a_failed_sign_in_gives_its_seat_to_those_who_wait(server):
    pool = pool_of(1, server)
    server.refusals["A"] = rejection()
    server.may_sign_in.clear()
    refused = Worker(read_once, pool, server, "A")
    assert server.is_signing_in.wait(PATIENCE_SECONDS)
    waiting = Worker(read_once, pool, server, "B")
    eventually(lambda: pool._waiting["B"] == 1)
    server.may_sign_in.set()
    refused.done(AirbyteTracedException)
    waiting.done()
    assert server.sign_ins == ["A", "B"]


def test_idle_seats_are_freed_but_not_those_that_are_read_with(server):
    pool = pool_of(2, server)
    with pool.reading("A"):
        for tenant in "AB":
            read_once(pool, server, tenant)
        pool.free_idle_seats()
        assert server.sign_outs == ["B"]
        read_once(pool, server, "A")
    assert server.sign_ins == ["A", "B"]


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
    """A request that the server has in its queue until ``may_answer``, and then takes a seat anew for."""
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
