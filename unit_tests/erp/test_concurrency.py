"""Tests that a queue of the licence is noticed, whatever the cookie counts, and nothing else is taken for one."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field

import pytest

from source_acumatica.erp import concurrency
from source_acumatica.erp.concurrency import ConcurrencyLimit, Exchange

WORK, LATENCY = 0.9, 0.05
# A licence that lets one request a second leave its queue keeps two busy with this work.
INTERVAL = 1.0
# The rounds of eight requests that it takes to see whether fewer in flight have helped.
TRIAL = 3


def of_work(work, _waited):
    return work


def of_work_and_queue(work, waited):
    return work + waited


def of_nothing(_work, _waited):
    return None


@dataclass
class Erp:
    """Answers rounds of as many requests as are allowed, each as long as it takes with so many in flight."""

    limit: ConcurrencyLimit
    says: object = of_work
    interval: float = 0.0
    latency: float = LATENCY
    kinds: int = 4
    slower: dict = field(default_factory=dict)
    """How many times as long requests of these kinds take."""
    now: float = 0.0
    numbers: object = field(default_factory=itertools.count)

    def rounds(self, count):
        """What the limit was after each."""
        return [self.round() for _ in range(count)]

    def round(self):
        most = self.limit.most
        seconds = [self.answer(most) for _ in range(max(8, most))]
        self.now += max(seconds) + 0.001
        return self.limit.most

    def answer(self, in_flight, outlier=0.0):
        kind = next(self.numbers) % self.kinds
        work = WORK * self.slower.get(kind, 1)
        waited = max(in_flight * self.interval - work - self.latency, 0.0)
        whole = self.latency + waited + work + outlier
        says = self.says(work, waited)
        self.limit.learn(Exchange(str(kind), self.now, in_flight, whole, whole, says))
        return whole


def an_erp(sessions=8, **more):
    return Erp(ConcurrencyLimit(sessions), **more)


def queued(erp):
    """How many wait with as many in flight as allowed."""
    return erp.limit.most - (WORK + LATENCY) / erp.interval


@pytest.mark.parametrize("says", [of_work, of_work_and_queue])
def test_fewer_are_sent_where_they_wait_and_enough_to_keep_the_erp_busy(says):
    erp = an_erp(says=says)
    erp.rounds(2)
    erp.interval = INTERVAL
    limits = erp.rounds(40)[4:]
    assert max(limits) <= 4
    assert sum(limits) / len(limits) >= 2
    assert erp.limit.has_helped


def test_more_are_sent_again_once_none_waits():
    erp = an_erp()
    erp.rounds(2)
    erp.interval = INTERVAL
    erp.rounds(10)
    erp.interval = 0.0
    assert erp.rounds(8)[-1] == 8


@pytest.mark.parametrize("says", [of_work, of_work_and_queue])
def test_waiting_all_the_time_is_not_got_used_to(says):
    """For hours: the least that a request takes is measured again all the time."""
    erp = an_erp(says=says)
    erp.rounds(2)
    erp.interval = INTERVAL
    limits = erp.rounds(2000)
    assert max(limits[1000:]) <= 6


def test_a_queue_that_was_there_from_the_start_is_noticed():
    erp = an_erp(interval=INTERVAL)
    assert min(erp.rounds(60)[-20:]) <= 8
    assert max(erp.rounds(20)) <= 8, "so few that none can be declined"


@pytest.mark.parametrize("times", [3, 30])
@pytest.mark.parametrize("says", [of_work, of_work_and_queue])
def test_one_form_that_becomes_slow_changes_nothing(says, times):
    erp = an_erp(says=says)
    erp.rounds(3)
    erp.slower = {0: times}
    assert set(erp.rounds(50)) == {8}


@pytest.mark.parametrize("kinds", [1, 4])
@pytest.mark.parametrize("says", [of_work, of_work_and_queue])
def test_an_erp_that_becomes_slow_as_a_whole_costs_one_trial(says, kinds):
    """It may be a queue, if the cookie counts that too; whether it is shows when fewer are sent."""
    erp = an_erp(says=says, kinds=kinds)
    erp.rounds(3)
    erp.slower = dict.fromkeys(range(4), 10)
    limits = erp.rounds(50)
    assert limits[0] < 8
    assert set(limits[TRIAL:]) == {8}
    assert not erp.limit.has_helped


@pytest.mark.parametrize("says", [of_work, of_work_and_queue])
def test_pages_that_take_longer_and_longer_change_nothing(says):
    erp = an_erp(says=says)
    for number in range(500):
        erp.slower = dict.fromkeys(range(4), 1 + number / 300)
        assert erp.round() == 8


def test_a_network_that_becomes_slow_costs_one_trial():
    erp = an_erp()
    erp.rounds(3)
    erp.latency = 3.0
    limits = erp.rounds(50)
    assert limits[0] < 8
    assert set(limits[TRIAL:]) == {8}
    assert not erp.limit.has_helped


def test_a_queue_is_noticed_after_a_network_was_slow():
    erp = an_erp()
    erp.rounds(3)
    erp.latency = 3.0
    erp.rounds(20)
    erp.latency = LATENCY
    erp.rounds(5)
    erp.interval = INTERVAL
    assert max(erp.rounds(40)[10:]) <= 5
    assert erp.limit.has_helped


@pytest.mark.parametrize("seed", range(20))
def test_times_of_a_network_that_differ_by_chance_change_nothing(seed):
    """A quarter of the requests is on its way for as long as it takes the ERP, and half of them much shorter."""
    erp, chance = an_erp(sessions=32), random.Random(seed)
    while erp.now < 120:
        for _ in range(max(8, erp.limit.most)):
            erp.answer(erp.limit.most, outlier=chance.expovariate(2 / WORK))
        erp.now += WORK
    assert erp.limit.most == 32
    assert not erp.limit.has_helped


def test_outliers_change_nothing():
    erp = an_erp()
    erp.rounds(3)
    for number in range(400):
        erp.answer(8, outlier=60.0 if number % 4 == 0 else 0.0)
        erp.now += 0.1
        assert erp.limit.most == 8


def test_a_clock_that_jumps_never_stops_all_requests():
    """Two clocks of this machine measure an exchange."""
    erp = an_erp()
    erp.rounds(3)
    for number in range(80):
        erp.limit.learn(Exchange("a", erp.now + number, 1, 1000.0, 0.5, 0.4))
        assert erp.limit.most >= 1


def test_one_session_is_always_allowed_one_request():
    erp = an_erp(sessions=1, interval=30.0)
    assert set(erp.rounds(50)) == {1}


def test_at_first_no_more_are_sent_than_can_wait_beside_those_of_others():
    assert ConcurrencyLimit(32).most == 8
    assert ConcurrencyLimit(3).most == 3


def test_beyond_that_more_are_sent_after_a_minute_without_waiting():
    """The licence delays from half of the minute on, and then all that are in flight at once."""
    erp = an_erp(sessions=32)
    while erp.now < 59:
        assert erp.round() == 8
    assert erp.rounds(12)[-1] == 32
    erp.interval = 0.4
    assert erp.round() < 32
    erp.rounds(10)
    erp.interval, since = 0.0, erp.now
    while erp.now < since + 55:
        assert erp.round() <= 8


def test_more_are_sent_only_if_that_many_were():
    limit = ConcurrencyLimit(32)
    for number in range(2000):
        limit.learn(Exchange("a", number * 1.0, 5, 1.0, 1.0, 0.9))
    assert limit.most == 8


def test_without_the_cookie_all_sessions_are_used():
    erp = an_erp(sessions=32, says=of_nothing, interval=INTERVAL)
    assert erp.rounds(20) == [32] * 20


def test_a_cookie_that_ceases_to_come_limits_nothing_any_more():
    erp = an_erp()
    erp.rounds(2)
    erp.interval = INTERVAL
    assert erp.rounds(10)[-1] < 8
    erp.says = of_nothing
    assert max(erp.rounds(7)) < 8, "some answers may come without it"
    assert set(erp.rounds(10)[2:]) == {8}
    erp.says = of_work
    assert min(erp.rounds(20)) < 8


def test_some_answers_with_the_cookie_are_enough():
    erp, turns = an_erp(), itertools.cycle([True, False, False])
    erp.says = lambda work, _waited: work if next(turns) else None
    erp.rounds(3)
    erp.interval = INTERVAL
    assert max(erp.rounds(20)[5:]) <= 4


def declined(now, at_work=0.001):
    return Exchange("a", now, 8, 0.1, 0.1, at_work)


def test_a_declined_request_halves_the_limit_once_for_all_that_were_sent_before():
    limit = ConcurrencyLimit(32)
    for _ in range(5):
        limit.decline(declined(10.0))
    assert limit.most == 4
    for number in range(10):
        limit.decline(declined(20.0 + number))
    assert limit.most == 1


def test_once_requests_were_declined_no_more_are_sent_than_the_queue_takes():
    erp = an_erp(sessions=32)
    while erp.limit.most < 32:
        erp.round()
    erp.limit.decline(declined(erp.now))
    erp.now += 100
    assert max(erp.rounds(60)) == 20


def test_a_network_that_has_become_slow_after_a_queue_does_not_keep_requests_back():
    """A wait that is neither long nor short is tried, too."""
    erp = an_erp(sessions=12)
    erp.rounds(2)
    erp.interval = INTERVAL
    erp.rounds(20)
    erp.interval, erp.latency = 0.0, 1.4
    assert max(erp.rounds(200)) == 12


def test_without_the_cookie_a_declined_request_is_only_sent_again():
    limit = ConcurrencyLimit(8)
    limit.decline(declined(10.0, at_work=None))
    assert limit.most == 8


def test_answers_sent_before_a_decision_are_not_judged_again():
    erp = an_erp()
    erp.rounds(2)
    erp.interval = INTERVAL
    for _ in range(80):
        erp.answer(8)
    assert erp.limit.most == 4, "one decision, although ten rounds came"


def test_addresses_that_are_asked_once_are_not_kept_for_ever():
    limit = ConcurrencyLimit(4)
    for number in range(5000):
        limit.learn(Exchange(str(number), number * 1.0, 4, 1.0, 1.0, 0.9))
    assert len(limit._least_inside) <= concurrency._MOST_KINDS + 1


def test_no_time_at_all_is_no_wait():
    limit = ConcurrencyLimit(4)
    for _ in range(100):
        limit.learn(Exchange("a", 0.0, 4, 0.0, 0.0, 0.001))
    assert limit.most == 4


def fixed(_work, _waited):
    return 0.004


def test_a_cookie_that_does_not_count_what_large_answers_take_longer_shows_no_queue():
    """Of every four requests one is small: its time is not the usual one of the others."""
    assert set(an_erp(says=fixed, slower={0: 0.05}).rounds(200)) == {8}


def test_what_turned_out_to_be_no_queue_is_tried_ever_more_seldom():
    """Requests that are asked once each have no usual time but that of small ones."""
    erp = an_erp(says=fixed, kinds=10**9)
    erp.slower = SmallNowAndThen()
    limits = erp.rounds(600)
    assert sum(limit < 8 for limit in limits[300:]) < 30


class SmallNowAndThen(dict):
    def get(self, kind, _default=None):
        return 0.05 if kind % 10 == 0 else 1


def test_a_trial_leaves_one_request_at_least():
    """More than are allowed may be in flight: one that was held back for a minute is sent whatever the limit is."""
    limit = ConcurrencyLimit(1)
    limit.learn(Exchange("a", 0.0, 1, 0.1, 0.1, 0.05))
    limit._reduce(0, 5.0, 1.0)
    for number in range(60):
        limit.learn(Exchange("a", 2.0 + number, 2, 5.1, 5.1, 0.05))
        assert limit.most == 1
