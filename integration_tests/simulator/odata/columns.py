"""Columns of tables and inquiries under lies: as everybody sees them, and as filters compare them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from integration_tests.simulator.odata.edm import Edm, EntityType, Read
from integration_tests.simulator.store.values import Cell
from integration_tests.simulator.trouble.lies import Lies, Show, as_ticks

Type = TypeVar("Type", bound=EntityType)


def as_shown(name: str, table: Type, lies: Lies) -> Type:
    """The table or inquiry of that name as everybody sees it, the tests' truth included."""
    shows = {column: show for path, show in lies.shown.items() for column in [_column_of(name, path)] if column}
    shown = _changed(table, {column: _shown(table.column_by_name[column].read, show) for column, show in shows.items()})
    return _changed(shown, {each: _moved(shown, each, as_ticks) for each in _instants(shown)}) if lies.ticks else shown


def as_compared(table: Type, lies: Lies) -> Type:
    """The table as filters see it."""
    if not lies.compared_later:
        return table
    later = lies.compared_later
    return _changed(table, {each: _moved(table, each, lambda moment: moment + later) for each in _instants(table)})


def _column_of(name: str, path: str) -> str:
    """Names of inquiries may have dots, columns do not."""
    table, _, column = path.rpartition(".")
    return column if table == name else ""


def _changed(table: Type, reads: Mapping[str, Read]) -> Type:
    if not reads:
        return table
    changed = {name: replace(table.column_by_name[name], read=read) for name, read in reads.items()}
    own = tuple(changed.pop(each.name, each) for each in table.columns)
    return replace(table, columns=(*own, *changed.values()))


def _shown(read: Read, show: Show) -> Read:
    return lambda row: show(row, read(row))


def _moved(table: EntityType, name: str, move: Callable[[datetime], datetime]) -> Read:
    read = table.column_by_name[name].read

    def moved(row: Any) -> Cell:
        cell = read(row)
        return move(cell) if isinstance(cell, datetime) else cell

    return moved


def _instants(table: EntityType) -> list[str]:
    return [each.name for each in table.column_by_name.values() if each.type is Edm.DATE_TIME]
