"""Finds the fields that the ERP describes and does not send, or sends as something other than a value."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from source_acumatica.contract.parts import foreign, unserved
from source_acumatica.contract.tables import Table
from source_acumatica.reading.fields import FieldKind, Raw
from source_acumatica.reading.reader import unserved_sentence

logger = logging.getLogger("airbyte")


@dataclass
class FieldCheck:
    """The fields of one table's rows, page by page."""

    table: Table
    columns: frozenset[str] | None
    where: str
    broken: tuple[str, ...] = ()
    """Those that have come as something other than a value, in any record."""
    _has_broken: bool = False
    """Whether records of the last page hold something other than a value."""

    def look_at(self, rows: Sequence[Raw], left_out: Collection[str], leave_out: Callable[[list[str]], None]) -> None:
        """Log and ``leave_out`` what is not sent, unless ``left_out`` has it already, and note what is not a value."""
        columns_of = self.table.rows_shape.filled_by
        names = unserved(rows, self.table.path, self._scalars)
        if new := [name for name in columns_of(names) if name not in left_out]:
            leave_out(new)
            logger.warning(unserved_sentence(self.where, new))
        broken = columns_of(foreign(rows, self.table.path, self._scalars))
        self._has_broken = bool(broken)
        if new := [name for name in broken if name not in self.broken]:
            self.broken = (*self.broken, *new)
            logger.warning(
                f"{self.where}: in some records the ERP sends something other than a value, such as an error, for "
                f"{', '.join(new)}. Those come without it and say so; once none does, all are read again. Deselect it "
                "if that is to stay."
            )

    def runs(
        self, rows: Sequence[Raw], as_record: Callable[[Raw], Raw] = lambda row: row
    ) -> Iterable[tuple[Sequence[Raw], tuple[str, ...]]]:
        """The rows of the last page in their order, in runs that hold no value for the same fields.

        ``as_record``: where they are lines, a record that has one of them.
        """
        if not self._has_broken:
            return [(rows, ())]
        columns_of = self.table.rows_shape.filled_by
        runs = groupby(rows, lambda row: foreign([as_record(row)], self.table.path, self._scalars))
        return [(list(some), tuple(columns_of(names))) for names, some in runs]

    @cached_property
    def _scalars(self) -> list[str]:
        """The fields of the table's rows that are asked for."""
        fields = self.table.rows_shape.fields.items()
        known = [name for name, kind in fields if kind is not FieldKind.UNKNOWN]
        asked = None if self.columns is None else self.table.rows_shape.needed(self.columns)
        return [name for name in known if asked is None or name in asked]
