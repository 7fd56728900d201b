"""Syncs from an ERP whose database's clock is set meanwhile: no change is skipped for good, and few rows come again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from .comparison import differences
from .harness import Destination, catalog_of
from .simulator import Lies, Simulator

A = "Company"
AN_HOUR = 3600
STREAMS = ("Customer", "dac__Customer", "gi__BI-Customers")


@pytest.fixture
def erp() -> Iterator[Simulator]:
    with Simulator(rows=30, tenants=(A,)) as simulator:
        yield simulator


class Hours:
    """Hourly syncs of an ERP in which customers are changed at some minutes of each hour, one after the other."""

    def __init__(self, erp: Simulator, *streams: str, **settings: Any) -> None:
        self.erp, self.destination, self._number = erp, Destination(), 0
        self._config = erp.config(generic_inquiries=["BI-Customers"], dac_tables=["Customer", "SOOrder"], **settings)
        self._catalog = catalog_of(self._config, *streams)

    def change(self) -> None:
        company = self.erp.tenant(A)
        self._number += 1
        key = company.keys("Customer")[self._number % 30]
        company.update("Customer", key, {"CustomerName": f"changed {self._number}"})

    def hour(self, *minutes: int, at: dict[int, Callable[[], None]] | None = None) -> list[str]:
        """An hour of changes, and of what happens besides; returns what differs after the sync at its end."""
        for minute in range(60):
            if at and minute in at:
                at[minute]()
            if minute in minutes:
                self.change()
            self.erp.clock.advance(60)
        self.destination.sync(self._config, self._catalog)
        return differences(self.destination, self.erp, [A])


def _set(erp: Simulator, minutes: int) -> Callable[[], None]:
    return lambda: setattr(erp.clock, "database_ahead_seconds", 60.0 * minutes)


@pytest.mark.parametrize(
    ("streams", "back", "hours"),
    [
        (STREAMS[:1], 10, 1),
        (STREAMS, 30, 2),
        (STREAMS[:1], 75, 3),
        (STREAMS, 120, 4),
        (STREAMS[2:], 120, 4),
        (STREAMS[1:2], 600, 12),
    ],
)
def test_no_change_is_skipped_for_good_when_the_databases_clock_is_put_back(
    erp: Simulator, streams: tuple[str, ...], back: int, hours: int
) -> None:
    days = Hours(erp, *streams)
    for _ in range(3):
        assert days.hour(5, 30, 58) == []
    found = [days.hour(5, 30, 58, at={40: _set(erp, -back)}), *(days.hour(5, 30, 58) for _ in range(hours + 2))]
    assert found[hours:] == [[], [], []]


@pytest.mark.parametrize("minutes", [(5,), (55,)])
def test_a_change_from_before_the_clock_was_put_back_does_not_vouch_for_those_behind_it(
    erp: Simulator, minutes: tuple[int, ...]
) -> None:
    """The sync after it sees a row that was stamped a moment ago, by the clock as it was then."""
    days = Hours(erp, *STREAMS)
    for _ in range(3):
        days.hour(*minutes)
    days.hour(*minutes, at={57: _set(erp, -120), 58: days.change})
    found = [days.hour(*minutes) for _ in range(6)]
    assert found[4:] == [[], []]


def test_a_change_before_a_quiet_night_in_which_the_clock_is_put_back_arrives(erp: Simulator) -> None:
    days = Hours(erp, *STREAMS)
    for _ in range(2):
        days.hour(5, 30, 50)
    days.hour(2, at={1: _set(erp, -90)})
    for _ in range(8):
        days.hour()
    found = [days.hour(5, 30, 55) for _ in range(4)]
    assert found[2:] == [[], []]


def test_a_clock_that_was_ahead_and_is_put_right_hides_nothing(erp: Simulator) -> None:
    days = Hours(erp, *STREAMS)
    erp.clock.database_ahead_seconds = 7200
    for _ in range(2):
        assert days.hour(5, 30, 58) == []
    assert days.hour(5, 30, 58, at={20: _set(erp, 0)}) == []
    for _ in range(4):
        assert days.hour(5, 30, 58) == []


def test_deletions_that_are_listed_with_an_older_time_come_too(erp: Simulator) -> None:
    erp.tenant(A).track("SOOrder")
    days = Hours(erp, "SalesOrder", "Customer", track_deletions=True)
    company = erp.tenant(A)
    for _ in range(2):
        days.hour(5, 30, 58)
    at = {40: _set(erp, -120), 45: lambda: company.delete("SalesOrder", company.keys("SalesOrder")[3])}
    days.hour(5, 30, 58, at=at)
    found = [days.hour(5, 30, 58) for _ in range(5)]
    assert found[3:] == [[], []]


@pytest.mark.parametrize("streams", [("dac__Customer",), ("dac__Customer", "dac__SOOrder")])
def test_a_table_that_keeps_local_time_loses_no_change_beside_others(erp: Simulator, streams: tuple[str, ...]) -> None:
    """A customization's own may; the others' clock says nothing of it."""
    table = {"Customer.LastModifiedDateTime": lambda _row, stamp: stamp and stamp - timedelta(hours=5)}
    erp.lies = Lies(shown=table)
    days = Hours(erp, *streams)
    company = erp.tenant(A)
    order = company.keys("SalesOrder")[0]
    for _ in range(5):
        assert days.hour(5, 30, at={59: lambda: company.update("SalesOrder", order, {})}) == []


def test_a_clock_that_is_right_costs_few_rows(erp: Simulator) -> None:
    """A day of an office: each change comes once, and some that came shortly before a sync once more."""
    days = Hours(erp, "Customer")
    came = 0
    for hour in range(6, 32):
        assert days.hour(*((5, 20, 35, 50) if 8 <= hour % 24 < 18 else ())) == []
        came += days.destination.records if hour >= 8 else 0
    assert came <= 40 * 1.5
