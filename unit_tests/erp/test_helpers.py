"""Tests how many requests are sent at once, and that none begins after the end."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import CancelledError
from contextlib import closing

import pytest

from source_acumatica.erp.helpers import Helpers


class Server:
    """A list of numbers that may change with each request; it notes what it is asked."""

    def __init__(self, rows, change=None, seconds=0.0):
        self.rows, self.change, self.seconds = list(rows), change, seconds
        self.asked, self.at_once, self.most_at_once = [], 0, 0
        self.lock = threading.Lock()

    def fetch(self, skip, rows):
        with self.lock:
            self.asked.append(skip)
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
