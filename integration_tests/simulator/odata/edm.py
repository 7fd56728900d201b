"""How OData describes tables and inquiries: types, columns, entity types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

from integration_tests.simulator.store.values import Cell
from integration_tests.simulator.web.filter_grammar import Family

# A reader takes the row whatever it is made of: a record, a line of one, or a group of rows.
Read = Callable[[Any], Cell]


class Edm(Enum):
    """The types that `$metadata` uses; each value is the type's name in version 4."""

    STRING = "Edm.String"
    DECIMAL = "Edm.Decimal"
    BOOLEAN = "Edm.Boolean"
    DATE_TIME = "Edm.DateTimeOffset"
    INT16 = "Edm.Int16"
    INT32 = "Edm.Int32"
    INT64 = "Edm.Int64"
    GUID = "Edm.Guid"
    BINARY = "Edm.Binary"


FAMILY_OF_EDM: Mapping[Edm, Family | None] = {
    Edm.STRING: Family.TEXT,
    Edm.DECIMAL: Family.NUMBER,
    Edm.BOOLEAN: Family.TRUTH,
    Edm.DATE_TIME: Family.INSTANT,
    Edm.INT16: Family.NUMBER,
    Edm.INT32: Family.NUMBER,
    Edm.INT64: Family.NUMBER,
    Edm.GUID: Family.IDENTITY,
    Edm.BINARY: None,  # compares with nothing
}
assert FAMILY_OF_EDM.keys() == set(Edm)


class Access(Enum):
    """What may be done with a column besides reading it."""

    FREE = "free"
    ON_REQUEST = "on_request"  # comes only if `$select` names it
    UNFILTERABLE = "unfilterable"  # comes only if `$select` names it, and is not filtered by
    UNNAMED = "unnamed"  # comes, and can be neither filtered nor selected
    RESTRICTED = "restricted"  # neither filtered nor selected, as the description's annotation says
    FORMULA = "formula"  # of an inquiry: filtering or sorting by it gets an empty answer
    APPENDED = "appended"  # a key that the inquiry's grid does not show: filtering by it gets an empty answer


@dataclass(frozen=True)
class Column:
    name: str
    type: Edm
    read: Read
    access: Access = Access.FREE


@dataclass(frozen=True)
class Navigation:
    """Rows of another table that agree with this one in the named columns (own column -> the other's).

    A link by several columns is named after one of them.
    """

    name: str
    target: str
    on: Mapping[str, str]
    many: bool


@dataclass(frozen=True)
class EntityType:
    namespace: str
    name: str
    keys: tuple[str, ...]
    columns: tuple[Column, ...]
    navigations: tuple[Navigation, ...] = ()
    base: EntityType | None = field(default=None, repr=False)

    @property
    def full_name(self) -> str:
        return f"{self.namespace}.{self.name}"

    @cached_property
    def all_keys(self) -> tuple[str, ...]:
        """A derived type has the keys of its base, and none of its own."""
        return self.base.all_keys if self.base else self.keys

    @cached_property
    def column_by_name(self) -> Mapping[str, Column]:
        above = self.base.column_by_name if self.base else {}
        return {**above, **{each.name: each for each in self.columns}}

    @cached_property
    def navigation_by_name(self) -> Mapping[str, Navigation]:
        return {each.name: each for each in self.navigations}

    def shown(self) -> list[Column]:
        """What comes if nothing is selected."""
        hidden = (Access.ON_REQUEST, Access.UNFILTERABLE, Access.RESTRICTED)
        return [each for each in self.column_by_name.values() if each.access not in hidden]
