"""What a row of a table leads to: the rows of other tables that agree with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from integration_tests.simulator.odata.dacs import DAC_BY_NAME, Dac
from integration_tests.simulator.odata.edm import EntityType, Navigation
from integration_tests.simulator.odata.rows import Row, comparable

Index = dict[tuple[Any, ...], list[Row]]


@dataclass(frozen=True)
class Relations:
    """For one request: the rows of a table are sorted into an index when something leads there first."""

    rows_of: Callable[[Dac], list[Row]]
    zone: tzinfo
    tables: Mapping[str, Dac] = field(default_factory=lambda: DAC_BY_NAME)  # as the tenant has them
    _indexes: dict[str, Index] = field(default_factory=dict)

    def target(self, navigation: Navigation) -> Dac:
        return self.tables[navigation.target]

    def rows(self, table: EntityType, navigation: Navigation, row: Row) -> list[Row]:
        if navigation.name not in self._indexes:
            self._indexes[navigation.name] = self._index(navigation)
        return self._indexes[navigation.name].get(self._values(table, tuple(navigation.on), row), [])

    def _index(self, navigation: Navigation) -> Index:
        target, index = self.target(navigation), Index()
        for row in self.rows_of(target):
            index.setdefault(self._values(target, tuple(navigation.on.values()), row), []).append(row)
        return index

    def _values(self, table: EntityType, names: tuple[str, ...], row: Row) -> tuple[Any, ...]:
        return tuple(comparable(table.column_by_name[name].read(row), self.zone) for name in names)
