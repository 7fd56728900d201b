"""What the tests against the simulator share."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count, cycle, product
from typing import TypeVar

import pytest

from source_acumatica.erp import client
from source_acumatica.reading import page_size

from .once import make_once
from .simulator import Simulator

IS_SOAK = bool(os.environ.get("SOAK"))
"""Whether there is time: `make soak` looks for what only shows itself rarely."""
EXAMPLES = 100 if IS_SOAK else 2
"""How many random cases a test tries."""
# A prime, so that what comes in turns (a record, its line, the state behind both) is hit in each of its places.
_MESSAGES_BETWEEN = 13

Case = TypeVar("Case")
Way = TypeVar("Way")


def in_turns(cases: Iterable[Case], ways: Sequence[Way]) -> list[tuple[Case, Way]]:
    """Each case in each way if there is time; or else in one of them, by turns."""
    return list(product(cases, ways)) if IS_SOAK else list(zip(cases, cycle(ways), strict=False))


def messages_to_be_killed_after() -> Iterator[int]:
    """Each one if there is time; or else each of the first, among which streams begin, and some of all the others."""
    return count(1) if IS_SOAK else chain(range(1, 6), count(6 + _MESSAGES_BETWEEN, _MESSAGES_BETWEEN))


@pytest.fixture(scope="session", autouse=True)
def _descriptions_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        make_once(patch)
        yield


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A small ERP of two tenants; afterwards no session may be left in it."""
    with Simulator(rows=12) as simulator:
        yield simulator
        assert simulator.sessions.open_count() == 0, "a seat was left taken"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The waits between tries are a thousandth of the real ones."""
    real = client.RetryPolicy.pause_seconds
    monkeypatch.setattr(client.RetryPolicy, "pause_seconds", lambda self, tries: real(self, tries) / 1000)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every list takes several requests."""
    monkeypatch.setattr(page_size, "FIRST_PAGE_ROWS", 3)
