"""Lists the keys of an entity's records, with their ids, and nothing else of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from source_acumatica.contract.plan import Plan
from source_acumatica.contract.reader import ListReader
from source_acumatica.reading.fields import Raw
from source_acumatica.reading.page_size import PageSize


@dataclass
class KeyReader(ListReader):
    """The list of an entity by its keys alone; where the ERP refuses that choice, of whole records."""

    beside: tuple[str, ...] = ()
    """The fields that come with the keys, unless the ERP refuses that."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.fallback.is_of_keys = True

    def _first_plan(self) -> Plan:
        return Plan(is_by_record=True, beside=self.beside)

    def _page_rows(self, size: PageSize) -> int:
        return size.rows

    def _completed(self, rows: Sequence[Raw]) -> Iterator[Raw]:
        yield from rows
