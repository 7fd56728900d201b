"""What an entity is made of: fields, custom fields, detail collections, linked objects, and what its screen refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from zlib import crc32

from integration_tests.simulator.store.choices import Choices
from integration_tests.simulator.store.spots import Recipe


class FieldKind(Enum):
    """The value types of the contracts; each value is the word in `XxxValue` and `CustomXxxField`."""

    STRING = "String"
    DECIMAL = "Decimal"
    BOOLEAN = "Boolean"
    DATE_TIME = "DateTime"
    INT = "Int"
    SHORT = "Short"
    LONG = "Long"
    GUID = "Guid"
    # Since contract version 5.
    STRING_SELECT = "StringSingleSelect"
    INT_SELECT = "IntSingleSelect"
    STRING_MULTI_SELECT = "StringMultiSelect"
    DATE_ONLY = "DateOnly"


SELECTS = frozenset({FieldKind.STRING_SELECT, FieldKind.INT_SELECT, FieldKind.STRING_MULTI_SELECT})


@dataclass(frozen=True)
class Field:
    name: str
    kind: FieldKind
    recipe: Recipe
    since: str = ""
    served: bool = True  # False: the description lists it, the live endpoint knows nothing of it
    until: str = ""  # the last version of the endpoint that has it
    retyped: FieldKind | None = None  # since contract 5
    renamed: str = ""  # since contract 5
    choices: Choices | None = None
    held_as: str = ""  # the name that it has in the records, if not its own

    @cached_property
    def salt(self) -> int:
        return crc32(self.name.encode())

    @cached_property
    def column(self) -> str:
        """Its name in the records."""
        return self.held_as or self.name


@dataclass(frozen=True)
class CustomField(Field):
    view: str = "Document"
    readable: bool = True  # False: binary, such as GroupMask, which no contract value type can carry

    @property
    def path(self) -> str:
        return f"{self.view}.{self.name}"


@dataclass(frozen=True)
class Shape:
    """A top-level entity, a detail row or a linked object."""

    schema: str
    fields: tuple[Field, ...]
    collections: tuple[Part, ...] = ()
    links: tuple[Part, ...] = ()
    customs: tuple[CustomField, ...] = ()

    @cached_property
    def field_by_name(self) -> Mapping[str, Field]:
        return {each.name: each for each in self.fields if each.served}

    @cached_property
    def collection_by_name(self) -> Mapping[str, Part]:
        return {each.name: each for each in self.collections}

    @cached_property
    def link_by_name(self) -> Mapping[str, Part]:
        return {each.name: each for each in self.links}

    @cached_property
    def custom_by_path(self) -> Mapping[str, CustomField]:
        return {each.path: each for each in self.customs}

    @cached_property
    def part_by_name(self) -> Mapping[str, Part]:
        return {**self.collection_by_name, **self.link_by_name}


@dataclass(frozen=True)
class Part:
    """A shape under the name it has in its parent; one linked object in `missing_one_in` is null (0: none is)."""

    name: str
    shape: Shape
    missing_one_in: int = 0
    at_a_time: int = 1  # computed lines of a collection come so many at a time

    @cached_property
    def salt(self) -> int:
        return crc32(self.name.encode())


@dataclass(frozen=True)
class Limits:
    """What the screen behind an entity refuses; lists are compiled to one SQL query, keyed reads are not."""

    delegate_fields: Mapping[str, str] = field(default_factory=dict)  # field -> view with a BQL delegate
    delegate_expands: Mapping[str, str] = field(default_factory=dict)  # expanded path -> view
    delegate_view: str = ""  # the whole list cannot be optimised, unless only keys are selected
    refuses_select: bool = False
    filters_by_key_only: bool = False  # any other filter finds nothing, and says nothing
    forbidden: bool = False
    setup_missing: str = ""  # title of the preferences form that nobody has filled in


NO_LIMITS = Limits()


@dataclass(frozen=True)
class Inquiry:
    """A form that computes rows from parameters and is read by PUT."""

    results: str
    mandatory: tuple[str, ...]
    rejects_missing: bool  # True: 422 with the errors; False: no rows
    source: str  # the entity whose records the rows are computed from
    column_of_source: Mapping[str, str]  # result column -> field of the source
    is_of_the_ledger: bool = False  # the rows are balances, and `source` has nothing to do with them
    lists_blank: bool = False  # a GET of its list gives one record that says nothing, instead of a refusal


@dataclass(frozen=True)
class Entity(Shape):
    name: str = ""
    screen: str = ""
    title: str = ""
    keys: tuple[str, ...] = ()
    cursors: tuple[str, ...] = ()  # the fields that show when the record was last changed
    small: int = 0  # base rows of a table whose size does not follow the size of the data set
    archivable: bool = False
    stable_id: bool = True
    limits: Limits = NO_LIMITS
    inquiry: Inquiry | None = None
    since: str = ""
    is_report: bool = False  # asked for by POST alone: it has no list


@dataclass(frozen=True, eq=False)
class Endpoint:
    """Known by its identity: to compare or hash it by what it holds would take longer than to describe it."""

    name: str
    version: str
    entities: tuple[Entity, ...]
    contract: int = 4
    records_of: str = ""  # another endpoint, whose records it shows
    is_own: bool = False  # made by the customer, not a part of the system

    @cached_property
    def entity_by_name(self) -> Mapping[str, Entity]:
        return {each.name: each for each in self.entities}
