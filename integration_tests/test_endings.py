"""Signals at any moment of any command: no seat is left taken, however long a sign-out takes."""

from __future__ import annotations

import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from unit_tests.waiting import until

from .conftest import IS_SOAK
from .harness import FULL_REFRESH, catalog_of
from .processes import forked, started
from .simulator import Fault, FaultKind, Simulator
from .simulator.web.requests import Request

TENANTS = ("Company", "Zweite Firma", "Third")
STREAMS = ("Customer", "Vendor", "StockItem", "dac__SOOrder", "gi__BI-Customers")
SETTINGS: dict[str, Any] = {"dac_tables": ["SOOrder"], "generic_inquiries": ["BI-Customers"], "max_page_size": 20}
# Docker kills so long after SIGTERM.
DOCKER_SECONDS = 10.0
SIGNALS = 150 if IS_SOAK else 3


class Moment:
    """Comes with the request of this number, and a little later."""

    def __init__(self, sim: Simulator, number: int, seconds: float) -> None:
        self._number, self._seconds = number, seconds
        self._count, self._lock = 0, threading.Lock()
        self.has_come = threading.Event()
        sim.before_request(self._note)

    def _note(self, _request: Request) -> None:
        with self._lock:
            self._count += 1
            has_come = self._count == self._number
        if has_come:
            threading.Timer(self._seconds, self.has_come.set).start()


def _requests_of(command: str, sim: Simulator, files: dict[str, Any], folder: Path) -> int:
    """How many requests a whole run sends."""
    sim.requests.clear()
    with forked(folder, command, **files) as process:
        process.communicate(timeout=120)
        assert process.returncode == 0
    return len(sim.requests)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("command", "seed"), [("discover", 1), ("check", 2), ("read", 3)])
def test_a_signal_at_a_random_moment_leaves_no_seat_taken(command: str, seed: int, tmp_path: Path) -> None:
    """The last requests of a run are its sign-outs: they are interrupted as often as any other."""
    luck = random.Random(seed)
    with Simulator(rows=40, tenants=TENANTS, seats=8, latency_seconds=0.02) as sim:
        config = sim.config(**SETTINGS, max_sessions=3)
        files: dict[str, Any] = {"config": config}
        if command == "read":
            files["catalog"] = catalog_of(config, *STREAMS, mode=FULL_REFRESH)
        most = _requests_of(command, sim, files, tmp_path)
        for round_ in range(SIGNALS):
            number = luck.choice([signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
            # Every other time among the last requests.
            first = max(most - 6, 1) if round_ % 2 else 1
            moment = Moment(sim, luck.randrange(first, most + 1), luck.uniform(0, 0.06))
            with forked(tmp_path, command, **files) as process:
                reader = threading.Thread(target=process.communicate)
                reader.start()
                while not moment.has_come.wait(0.01) and process.poll() is None:
                    pass
                process.send_signal(number)
                began = time.monotonic()
                reader.join(DOCKER_SECONDS)
                assert not reader.is_alive(), "Docker would have killed it"
                assert process.returncode in (0, 128 + number)
            left = sim.sessions.open_count()
            assert left == 0, f"{left} seats left by signal {number} in round {round_}, {time.monotonic() - began} s"


def test_a_signal_while_a_finished_run_signs_out_leaves_no_seat_taken(tmp_path: Path) -> None:
    with Simulator(rows=5, tenants=TENANTS, seats=8) as sim:
        config = sim.config(generic_inquiries=[], max_sessions=3)
        sim.faults.add(Fault(FaultKind.SLOW, path="/auth/logout", times=100, seconds=0.5))
        with started(tmp_path, "discover", config=config) as process:
            until(lambda: sim.faults.struck)
            assert sim.sessions.open_count() == 3
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=DOCKER_SECONDS)
        assert sim.sessions.open_count() == 0


def test_eight_sessions_whose_sign_outs_take_two_seconds_are_given_back_before_docker_kills(tmp_path: Path) -> None:
    """Each of them is in the middle of a page that takes a minute."""
    with Simulator(rows=300, tenants=("Company",), seats=16) as sim:
        config = sim.config(generic_inquiries=[], include_custom_fields=False, max_sessions=8, max_page_size=10)
        catalog = catalog_of(config, "Customer", "SalesOrder", "Vendor", "StockItem", "Contact", mode=FULL_REFRESH)
        sim.faults.add(Fault(FaultKind.SLOW, path="/auth/logout", times=100, seconds=2))
        with started(tmp_path, "read", config=config, catalog=catalog) as process:
            sim.faults.add(Fault(FaultKind.SLOW, path="$top=", after=12, times=1000, seconds=60))
            until(lambda: sim.sessions.open_count() == 8)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=DOCKER_SECONDS)
            assert process.returncode == 128 + signal.SIGTERM
        assert sim.sessions.open_count() == 0


@pytest.mark.parametrize("kind", [FaultKind.STATUS_429, FaultKind.STATUS_503])
@pytest.mark.parametrize("is_ended", [False, True])
def test_a_sign_out_that_is_refused_for_a_moment_is_tried_again_after_pauses(
    kind: FaultKind, is_ended: bool, tmp_path: Path
) -> None:
    """A second or two later it is accepted, by itself or after a signal."""
    with Simulator(rows=5, tenants=("Company",)) as sim:
        config = sim.config(generic_inquiries=[])
        catalog = catalog_of(config, "Customer")
        sim.faults.add(Fault(kind, path="/auth/logout", times=3))
        with forked(tmp_path, "read", config=config, catalog=catalog) as process:
            if is_ended:
                until(lambda: sim.faults.struck)
                process.send_signal(signal.SIGTERM)
            # Docker waits from the signal on; without one it is a whole read.
            process.communicate(timeout=DOCKER_SECONDS + 5 if is_ended else 60)
        outs = [request for request in sim.requests if request.path.endswith("/logout")]
        assert sim.sessions.open_count() == 0
        assert outs[3].started - outs[0].started > 2


def test_a_command_that_outlives_its_terminal_is_left_alone(tmp_path: Path) -> None:
    """As ``nohup`` starts it."""
    with Simulator(rows=12, tenants=("Company",), latency_seconds=0.05) as sim:
        config = sim.config(generic_inquiries=[])
        catalog = catalog_of(config, "Customer")
        sim.requests.clear()
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            with started(tmp_path, "read", config=config, catalog=catalog) as process:
                until(lambda: len(sim.requests) > 2)
                process.send_signal(signal.SIGHUP)
                said, _ = process.communicate(timeout=60)
        finally:
            signal.signal(signal.SIGHUP, before)
        assert process.returncode == 0
        assert said.count('"RECORD"') == len(sim.tenant("Company").rows("Customer"))
