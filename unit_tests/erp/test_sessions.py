"""Tests that sessions are lent to who reads, never more of them than seats are allowed."""

from __future__ import annotations

import threading
import time
from itertools import count

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.erp import sessions
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
