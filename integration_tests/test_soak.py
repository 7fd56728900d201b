"""Many crashes of a large sync: three tenants, twenty streams, deletions; few in CI, hundreds with `make soak`."""

from __future__ import annotations

import json
import random
import signal
import threading
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from .comparison import differences
from .conftest import IS_SOAK
from .harness import Destination, catalog_of
from .processes import forked
from .simulator import Simulator

TENANTS = ("Company", "Zweite Firma", "Third")
STREAMS = (
    *("Customer", "Customer__Contacts", "SalesOrder", "SalesOrder__Details", "SalesOrder__TaxDetails"),
    *("Vendor", "StockItem", "Contact", "Bill", "Bill__Details", "JournalTransaction", "JournalTransaction__Details"),
    *(
        "Invoice",
        "Payment",
        "StockItem__WarehouseDetails",
        "dac__SOOrder",
        "dac__SOLine",
        "dac__Customer",
        "dac__GLTran",
    ),
    "gi__BI-Customers",
)
SETTINGS: dict[str, Any] = {
    "dac_tables": ["SOOrder", "SOLine", "Customer", "GLTran"],
    "generic_inquiries": ["BI-Customers"],
    "track_deletions": True,
    "max_page_size": 3,
}
TODAY = "24.200"
IN_CONTRACTS = {TODAY: "Default", "26.200": "Default/26.200.001"}
# Five are the CDK's; for each of three tenants one says how much was read, one sums that up, and one perhaps says what
# is not tracked.
MOST_LINES_FOR_A_STREAM = 14
CRASHES = 200 if IS_SOAK else 2
KILLS = 25 if IS_SOAK else 1
# What came of a page without the state behind it comes again: a page for each session and each worker beside them.
WORKERS_BESIDE_SESSIONS = 2


@pytest.fixture
def erp(release: str) -> Iterator[Simulator]:
    with Simulator(rows=6, lines=2, tenants=TENANTS, tracked=("SOOrder", "SOLine"), release=release) as simulator:
        yield simulator


# Each number of sessions with each contract version if there is time.
CASES = [
    (sessions, each) for sessions in (1, 4) for each in IN_CONTRACTS if IS_SOAK or (sessions > 1) == (each == TODAY)
]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("sessions", "release"), CASES)
def test_killed_at_random_moments_and_resumed_the_union_is_the_truth(
    sessions: int, release: str, erp: Simulator, small_pages: None
) -> None:
    config = erp.config(**SETTINGS, max_sessions=sessions, endpoints=[IN_CONTRACTS[release]])
    catalog = catalog_of(config, *STREAMS)
    luck = random.Random(sessions)
    whole = Destination()
    messages = whole.sync(config, catalog)
    assert len(whole.logs) <= MOST_LINES_FOR_A_STREAM * len(STREAMS), "a log that is short enough to read"
    assert [warning for warning in whole.warnings if "not tracked" not in warning] == []
    assert len(catalog["streams"]) == 20
    again: list[int] = []
    for number in range(CRASHES // 2):
        destination, sent = Destination(), 0
        crashes = luck.choice([1, 1, 1, 2, 3])
        for _ in range(crashes):
            destination.sync(config, catalog, stop_after=luck.randrange(1, messages))
            sent += destination.records
            assert erp.sessions.open_count() == 0
        destination.sync(config, catalog)
        sent += destination.records
        assert differences(destination, erp, TENANTS) == [], f"crash {number}"
        again.append((sent - _rows(destination)) / crashes)
        rows = _rows(destination)
        erp.clock.advance(86_400)
        _change(erp, luck)
        destination.sync(config, catalog)
        assert differences(destination, erp, TENANTS) == [], f"sync after crash {number}"
        # What changed less than a day before a first read comes again in the second, for the clocks may differ as much.
        erp.clock.advance(3 * 86_400)
    assert erp.sessions.peak <= sessions
    print(
        f"{CRASHES // 2} runs with {sessions} session(s), of about {rows} rows: {max(again):.0f} came again per crash"
    )
    assert max(again) <= (sessions + WORKERS_BESIDE_SESSIONS) * config["max_page_size"]


def _rows(destination: Destination) -> int:
    return sum(len(table) for table in destination.tables.values())


def _change(erp: Simulator, luck: random.Random) -> None:
    for name in TENANTS:
        tenant = erp.tenant(name)
        orders, customers = tenant.keys("SalesOrder"), tenant.keys("Customer")
        if len(orders) > 3:
            tenant.delete("SalesOrder", luck.choice(orders))
        number = f"{luck.randrange(10**6):06d}N"
        tenant.insert("SalesOrder", {"OrderType": "SO", "OrderNbr": number, "Details": [{"LineNbr": 1}]})
        tenant.update("Customer", luck.choice(customers), {"CustomerName": str(luck.random())})
    erp.clock.advance(60)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("licensed_seats", [1, 4])
def test_after_a_kill_that_nothing_catches_the_next_run_copes(licensed_seats: int, tmp_path: Path) -> None:
    """Its seats stay taken until the ERP frees them; where there are no others, the next run waits for that."""
    luck = random.Random(licensed_seats)
    seats = min(licensed_seats, 2)
    with Simulator(rows=6, lines=2, tenants=TENANTS, seats=licensed_seats, tracked=("SOOrder",)) as sim:
        config = sim.config(**SETTINGS, max_sessions=seats)
        catalog = catalog_of(config, *STREAMS)
        for number in range(KILLS):
            destination = Destination()
            destination.begin(catalog)
            with forked(tmp_path, "read", config=config, catalog=catalog) as process:
                for line in islice(process.stdout, luck.randrange(20, 600)):
                    destination.take(json.loads(line, parse_float=Decimal))
                process.send_signal(signal.SIGKILL)
            destination.end()
            left = sim.sessions.open_count()
            assert left <= seats
            expiry = threading.Timer(0.5, sim.clock.advance, [sim.sessions.idle_seconds])
            expiry.start()
            destination.sync(config, catalog)
            expiry.join()
            assert differences(destination, sim, TENANTS) == [], f"kill {number}"
            assert sim.sessions.open_count() == 0
        assert sim.sessions.peak <= licensed_seats
