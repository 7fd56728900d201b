"""Two syncs of an ERP with deletions in between, under the rules that sites have for those."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .comparison import differences
from .harness import Destination, catalog_of
from .simulator import Simulator
from .simulator.odata.deletion_rules import DeletionRules

STREAMS = ("Customer", "SalesOrder", "dac__Customer", "dac__SOOrder")
SETTINGS: dict[str, Any] = {"dac_tables": ["SOOrder", "Customer"], "generic_inquiries": [], "track_deletions": True}
DAY_SECONDS = 86_400


class Pair:
    """A simulated ERP and a destination that has been synced once, an hour ago."""

    def __init__(self, sim: Simulator, *streams: str, **settings: Any) -> None:
        self.sim, self.company = sim, sim.tenant("Company")
        self.config = sim.config("Company", **SETTINGS, **settings)
        self.catalog = catalog_of(self.config, *(streams or STREAMS))
        self.destination = Destination()
        self.sent: list[dict[str, Any]] = []
        take = self.destination.take

        def noted(message: Any) -> None:
            if message["type"] == "RECORD":
                self.sent.append(message["record"]["data"])
            take(message)

        self.destination.take = noted  # type: ignore[method-assign]
        self.destination.sync(self.config, self.catalog)
        sim.clock.advance(3600)

    def delete(self, entity: str, count: int = 1) -> list[str]:
        """Delete the first records; returns their ids."""
        ids = {self.company.rows(entity)[number]["id"] for number in range(count)}
        for key in self.company.keys(entity)[:count]:
            self.company.delete(entity, key)
        return sorted(ids)

    def sync(self, pause_seconds: float = 60) -> list[str]:
        """What the destination differs in; what it got is in ``sent``."""
        self.sim.clock.advance(pause_seconds)
        self.sent.clear()
        self.destination.sync(self.config, self.catalog)
        return differences(self.destination, self.sim, ["Company"])

    def position(self, stream: str) -> str | None:
        (part,) = self.destination.states[stream]["stream"]["stream_state"]["states"]
        position: str | None = part.get("deletions")
        return position

    @property
    def warnings(self) -> list[str]:
        return self.destination.warnings


@contextmanager
def paired(
    rules: DeletionRules,
    *streams: str,
    tracked: Sequence[str] = ("SOOrder",),
    compare_keys_hours: int = 24,
    **more: Any,
) -> Iterator[Pair]:
    with Simulator(rows=9, tenants=("Company",), tracked=tracked, deletions=rules, **more) as sim:
        yield Pair(sim, *streams, compare_keys_hours=compare_keys_hours)
