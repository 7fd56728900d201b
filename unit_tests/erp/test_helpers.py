"""Tests how many requests are sent at once, and that none begins after the end."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import CancelledError
from contextlib import closing

import pytest

from source_acumatica.erp.helpers import Helpers, clock
from unit_tests.waiting import until


class Server:
    """A list of numbers that may change with each request; it notes what it is asked."""

    def __init__(self, rows, change=None, seconds=0.0):
        self.rows, self.change, self.seconds = list(rows), change, seconds
        self.asked, self.times, self.at_once, self.most_at_once = [], {}, 0, 0
        self.lock = threading.Lock()

    def fetch(self, skip, rows):
        with self.lock:
            self.asked.append(skip)
            self.times[skip] = time.monotonic()
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            page = self.rows[skip : skip + rows]
            if self.change:
                self.change(self.rows)
        time.sleep(self.seconds)
        with self.lock:
            self.at_once -= 1
        return page, rows


@pytest.mark.parametrize(("sessions", "most_at_once"), [(1, 1), (4, 4)])
def test_single_requests_are_sent_by_as_many_as_there_are_sessions(sessions, most_at_once):
    server = Server(range(40), seconds=0.002)
    with closing(Helpers(sessions)) as helpers:
        pages = list(helpers.map(lambda skip: server.fetch(skip, 1), range(40)))
    assert pages == [([number], 1) for number in range(40)]
    assert server.most_at_once == most_at_once


def test_after_the_end_nothing_begins():
    helpers = Helpers(1)
    helpers.close()
    with pytest.raises(CancelledError):
        helpers.submit(lambda: random.random()).result()
    assert helpers.is_idle


def test_what_will_be_needed_is_begun_where_there_are_several_sessions():
    has_begun = threading.Event()
    with closing(Helpers(2)) as helpers, helpers.busy():
        result = helpers.beside(lambda: has_begun.set() or 7)
        assert has_begun.wait(5)
        assert result() == 7


def test_with_one_session_it_is_left_to_the_one_who_needs_it():
    threads = []
    with closing(Helpers(1)) as helpers:
        result = helpers.beside(lambda: threads.append(threading.current_thread()))
        time.sleep(0.01)
        assert not threads
        result()
    assert threads == [threading.current_thread()]


def test_threads_that_wait_for_each_other_do_what_none_has_begun():
    """All threads are taken by tasks that each need one more."""
    with closing(Helpers(2)) as helpers:
        tasks = 4 * 2 + 4
        all_have_begun = threading.Barrier(tasks)

        def outer():
            all_have_begun.wait(5)
            return helpers.beside(lambda: 1)()

        futures = [helpers.submit(outer) for _ in range(tasks)]
        assert [future.result(5) for future in futures] == [1] * tasks


def test_at_the_end_of_the_run_it_is_for_the_task_itself_to_say_so():
    helpers = Helpers(1)
    helpers.close()
    with pytest.raises(ZeroDivisionError):
        helpers.beside(lambda: 1 / 0)()


class Ahead:
    """A task that has got its answer, and waits until that is needed."""

    def __init__(self, helpers):
        self.helpers, self.has_answer = helpers, threading.Event()
        self.future, self.demand = helpers.advance(self.run)
        assert self.has_answer.wait(5)

    def run(self):
        began = clock()
        self.has_answer.set()
        self.helpers.until_needed()
        return clock() - began


def test_an_answer_that_is_not_needed_yet_keeps_no_session_from_other_requests():
    with closing(Helpers(1)) as helpers:
        ahead = Ahead(helpers)
        until(lambda: helpers.is_idle)
        assert not ahead.future.done()
        ahead.demand.confirm()
        ahead.future.result(5)
        assert helpers.is_idle


def test_the_time_until_an_answer_is_needed_is_not_the_servers():
    with closing(Helpers(1)) as helpers:
        ahead = Ahead(helpers)
        until(lambda: helpers.is_idle)
        time.sleep(0.05)
        ahead.demand.confirm()
        assert ahead.future.result(5) < 0.04


def test_an_answer_that_is_needed_already_does_not_wait():
    with closing(Helpers(1)) as helpers:
        may_go_on = threading.Event()
        future, demand = helpers.advance(lambda: (may_go_on.wait(5) and helpers.until_needed()) or "answer")
        demand.confirm()
        may_go_on.set()
        assert future.result(5) == "answer"


def test_a_thread_that_answers_nobody_in_advance_does_not_wait():
    with closing(Helpers(1)) as helpers:
        helpers.until_needed()
        # The thread is the same that has had a demand before.
        future, demand = helpers.advance(helpers.until_needed)
        demand.confirm()
        future.result(5)
        assert helpers.submit(lambda: helpers.until_needed() or "answer").result(5) == "answer"


@pytest.mark.parametrize("end", [lambda ahead: ahead.demand.withdraw(), lambda ahead: ahead.helpers.close()])
def test_an_answer_that_nobody_needs_is_left_as_it_is(end):
    with closing(Helpers(1)) as helpers:
        ahead = Ahead(helpers)
        until(lambda: helpers.is_idle)
        end(ahead)
        with pytest.raises(CancelledError):
            ahead.future.result(5)


class Late:
    """A task whose answer comes when it ``may_go_on``."""

    def __init__(self, helpers):
        self.helpers, self.may_go_on = helpers, threading.Event()
        self.future, self.demand = helpers.advance(self.run)

    def run(self):
        self.may_go_on.wait(5)
        self.helpers.until_needed()

    def is_left(self):
        self.may_go_on.set()
        with pytest.raises(CancelledError):
            self.future.result(5)


def test_after_the_end_no_answer_waits():
    helpers = Helpers(1)
    late = Late(helpers)
    helpers.close()
    late.is_left()


def test_an_answer_that_came_when_nobody_needed_it_any_more_is_left_as_it_is():
    with closing(Helpers(1)) as helpers:
        late = Late(helpers)
        late.demand.withdraw()
        late.is_left()


@pytest.mark.parametrize("sessions", [1, 3])
def test_threads_are_left_for_what_is_needed_while_others_wait(sessions):
    with closing(Helpers(sessions)) as helpers:
        several = [Ahead(helpers) for _ in range(sessions)]
        until(lambda: helpers.is_idle)
        assert list(helpers.map(lambda number: -number, range(50))) == [-number for number in range(50)]
        for each in several:
            each.demand.confirm()
            each.future.result(5)


def test_what_was_to_be_done_at_the_end_says_itself_that_the_run_has_ended():
    helpers, may_go_on = Helpers(1), threading.Event()

    def work(number):
        if helpers._is_closed:
            raise LookupError(number)
        may_go_on.wait(5)

    results = helpers.map(work, range(100))
    threading.Timer(0.05, lambda: (helpers.close(), may_go_on.set())).start()
    with pytest.raises(LookupError):
        list(results)


def test_a_lack_of_seats_passes(monkeypatch):
    with closing(Helpers(4)) as helpers:
        helpers.lack_seats(60)
        assert (helpers.sessions, helpers.is_idle) == (0, False)
        later = time.monotonic() + 61
        monkeypatch.setattr(time, "monotonic", lambda: later)
        assert (helpers.sessions, helpers.is_idle) == (4, True)


@pytest.mark.parametrize("end", ["confirm", "withdraw"])
def test_no_more_is_in_advance_than_there_are_sessions_until_it_is_known_whether_it_is_needed(end):
    with closing(Helpers(2)) as helpers:
        begun = [helpers.advance(lambda: 1) for _ in range(3)]
        assert begun[2] is None
        for _ in range(2):
            getattr(begun[0][1], end)()
        assert helpers.advance(lambda: 1) is not None
        assert helpers.advance(lambda: 1) is None
    assert helpers.advance(lambda: 1) is None, "the run has ended"


def test_what_is_asked_for_with_a_lock_is_needed_at_once():
    with closing(Helpers(1)) as helpers:

        def task():
            with helpers.needed_at_once():
                helpers.until_needed()
            first.set()
            helpers.until_needed()

        first = threading.Event()
        future, demand = helpers.advance(task)
        assert first.wait(5)
        assert not future.done()
        demand.confirm()
        assert future.result(5) is None


def test_lists_are_counted_while_they_are_read():
    with closing(Helpers(1)) as helpers:
        with helpers.one_list(), helpers.one_list():
            assert helpers.lists == 2
        assert helpers.lists == 0


@pytest.mark.parametrize("is_before", [True, False])
def test_the_end_withdraws_what_came_in_advance(is_before):
    helpers, may_go_on = Helpers(1), threading.Event()

    def task():
        may_go_on.wait(5)
        helpers.until_needed()

    future, _ = helpers.advance(task)
    if not is_before:
        may_go_on.set()
        until(lambda: helpers.is_idle)
    end = threading.Thread(target=helpers.close, daemon=True)
    end.start()
    end.join(5)
    assert not end.is_alive()
    may_go_on.set()
    with pytest.raises(CancelledError):
        future.result(5)
