"""An entity of the ERP as a shape of fields; the JSON schema and the record both come from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

import msgspec

Raw = dict[str, Any]
"""A record as the ERP sends it, decoded: a fraction is the text that was sent, as ``msgspec.Raw``."""
Record = dict[str, Any]
Convert = Callable[[Any], Any]


class FieldKind(StrEnum):
    """The value types of the contract versions, by the names that descriptions have for their wrappers."""

    STRING = "StringValue"
    GUID = "GuidValue"
    BOOLEAN = "BooleanValue"
    BYTE = "ByteValue"
    SHORT = "ShortValue"
    INTEGER = "IntValue"
    LONG = "LongValue"
    DECIMAL = "DecimalValue"
    DOUBLE = "DoubleValue"
    DATE_TIME = "DateTimeValue"
    DATE = "DateOnlyValue"
    CHOICE = "StringSingleSelectValue"
    INTEGER_CHOICE = "IntSingleSelectValue"
    CHOICES = "StringMultiSelectValue"
    DAY = "DateOnlyValue, where times are described as a rule"
    """A date in contract versions 3 and 4: it stays a time, as it was before the ERP described it so."""
    UNKNOWN = "?"


LABELLED = frozenset({FieldKind.CHOICE, FieldKind.INTEGER_CHOICE, FieldKind.CHOICES})
"""The kinds whose values are picked from a list, each an id with a label (BEHAVIOR.md, "Contract version 5")."""


_TEXT = {"type": ["null", "string"]}
_INTEGER = {"type": ["null", "integer"]}
_NUMBER = {"type": ["null", "number"]}
INSTANT_SCHEMA: Mapping[str, Any] = {
    "type": ["null", "string"],
    "format": "date-time",
    "airbyte_type": "timestamp_with_timezone",
}
_TEXTS = {"type": ["null", "array"], "items": {"type": ["null", "string"]}}
CUSTOM_SCHEMA: Mapping[str, Any] = {"type": ["null", "object"], "additionalProperties": True}

# An unknown kind gets a schema without a type: "string" would be a guess.
JSON_SCHEMAS: Mapping[FieldKind, Mapping[str, Any]] = {
    FieldKind.STRING: _TEXT,
    FieldKind.GUID: _TEXT,
    FieldKind.BOOLEAN: {"type": ["null", "boolean"]},
    FieldKind.BYTE: _INTEGER,
    FieldKind.SHORT: _INTEGER,
    FieldKind.INTEGER: _INTEGER,
    FieldKind.LONG: {**_INTEGER, "airbyte_type": "integer"},
    FieldKind.DECIMAL: _NUMBER,
    FieldKind.DOUBLE: _NUMBER,
    FieldKind.DATE_TIME: INSTANT_SCHEMA,
    FieldKind.DATE: {"type": ["null", "string"], "format": "date"},
    FieldKind.DAY: INSTANT_SCHEMA,
    FieldKind.CHOICE: _TEXT,
    FieldKind.INTEGER_CHOICE: _INTEGER,
    FieldKind.CHOICES: _TEXTS,
    FieldKind.UNKNOWN: {},
}
if JSON_SCHEMAS.keys() != set(FieldKind):
    raise AssertionError

LABEL_SUFFIX = "_description"
"""The end of the names of the columns with the labels of choices."""
_COLUMNS_OF_EVERY_RECORD = ("id", "note", "custom")
# Tenants with different contract versions: of one column, the cells have the same type.
_AGREED: Mapping[frozenset[str], FieldKind] = {
    frozenset({FieldKind.STRING, FieldKind.CHOICE}): FieldKind.CHOICE,
    frozenset({FieldKind.INTEGER, FieldKind.INTEGER_CHOICE}): FieldKind.INTEGER_CHOICE,
}


@dataclass(frozen=True)
class Shape:
    """What a record of one type consists of, by name.

    Every record also has ``id``, ``note`` and ``custom``, which descriptions inherit from a common base.
    """

    fields: Mapping[str, FieldKind] = field(default_factory=dict)
    objects: Mapping[str, Shape] = field(default_factory=dict)
    collections: Mapping[str, Shape] = field(default_factory=dict)

    def joined(self, other: Shape) -> Shape:
        """Both shapes as one; a field that two tenants type differently becomes one of an unknown kind."""
        if self == other:
            return self
        fields = {**self.fields, **other.fields}
        for name in fields:
            sorts = frozenset(sort for shape in (self, other) if (sort := shape._sort(name)))
            if len(sorts) > 1:
                fields[name] = _AGREED.get(sorts, FieldKind.UNKNOWN)
        objects, collections = _joined(self.objects, other.objects), _joined(self.collections, other.collections)
        return Shape(
            fields,
            {name: shape for name, shape in objects.items() if name not in fields},
            {name: shape for name, shape in collections.items() if name not in fields},
        )

    @property
    def names(self) -> frozenset[str]:
        """What a record can have."""
        return frozenset({"id", *self.fields, *self.objects, *self.collections})

    def _sort(self, name: str) -> str | None:
        """What ``name`` is in this shape: a field of some kind, or a record; None if it is not there."""
        return self.fields.get(name) or ("record" if name in self.objects or name in self.collections else None)

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """For each field whose values are picked from a list, the column with their labels."""
        names = {f"{name}{LABEL_SUFFIX}": name for name, kind in self.fields.items() if kind in LABELLED}
        return {name: column for column, name in names.items() if column.casefold() not in self._taken}

    @property
    def covered_labels(self) -> list[str]:
        """The fields whose labels do not come, since the ERP has a field of that name."""
        return [name for name, kind in self.fields.items() if kind in LABELLED and name not in self.labels]

    @cached_property
    def _taken(self) -> frozenset[str]:
        """The names of the ERP's own columns, as destinations compare them."""
        return frozenset(name.casefold() for name in (*self.fields, *self.objects, *_COLUMNS_OF_EVERY_RECORD))

    def has_choice(self, names: Iterable[str]) -> bool:
        """Whether one of these fields is picked from a list."""
        return any(self.fields.get(name) in LABELLED for name in names)

    @property
    def has_ids(self) -> bool:
        """Whether a field, here or in a linked object, has other values where choices are not known by ids."""
        is_own = any(kind in LABELLED or kind is FieldKind.DATE for kind in self.fields.values())
        return is_own or any(shape.has_ids for shape in self.objects.values())

    def needed(self, columns: Collection[str]) -> frozenset[str]:
        """The ``columns`` and the fields that fill them: a label comes with its field."""
        return frozenset({*columns, *(name for name, label in self.labels.items() if label in columns)})

    def filled_by(self, names: Iterable[str]) -> list[str]:
        """The columns that these fields fill: their own, and those of their labels."""
        return [column for name in names for column in (name, self.labels.get(name)) if column]

    def object_paths(self) -> list[str]:
        """The linked objects as ``$expand`` names them, those within others as ``Outer/Inner``."""
        return [
            path
            for name, shape in self.objects.items()
            for path in (name, *(f"{name}/{inner}" for inner in shape.object_paths()))
        ]

    def json_schema(self) -> dict[str, Any]:
        """The properties of a record of this shape, without its collections: those are streams of their own."""
        return {
            "id": _TEXT,
            **{column: schema for name in self.fields for column, schema in self._columns(name)},
            **{
                name: {"type": ["null", "object"], "properties": shape.json_schema()}
                for name, shape in self.objects.items()
            },
            "note": _TEXT,
            "custom": CUSTOM_SCHEMA,
        }

    def _columns(self, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        kind = self.fields[name]
        yield name, JSON_SCHEMAS[kind]
        if label := self.labels.get(name):
            yield label, _TEXTS if kind is FieldKind.CHOICES else _TEXT

    def without(self, names: Collection[str]) -> Shape:
        """The shape without these columns."""
        if not names:
            return self
        fields = {name: kind for name, kind in self.fields.items() if name not in names}
        return Shape(fields, {name: one for name, one in self.objects.items() if name not in names}, self.collections)

    def converter(self, columns: Collection[str] | None = None) -> Callable[[Raw], Record]:
        """A function from a raw record to one of the stream, with ``columns`` only where given."""
        plan = [each for each in self._conversions() if columns is None or each[0] in columns]

        def convert_record(raw: Raw) -> Record:
            get = raw.get
            return {column: convert(get(name)) for column, name, convert in plan}

        return convert_record

    def _conversions(self) -> Iterable[tuple[str, str, Convert]]:
        """Each column, the field that fills it, and how."""
        yield "id", "id", lambda value: value
        for name, kind in self.fields.items():
            yield name, name, conversion(name, kind)
            if label := self.labels.get(name):
                yield label, name, label_of
        for name, shape in self.objects.items():
            yield name, name, _optional(shape.converter())
        yield "note", "note", unwrap
        yield "custom", "custom", custom_values


def _joined(ours: Mapping[str, Shape], theirs: Mapping[str, Shape]) -> dict[str, Shape]:
    both = {**ours, **theirs}
    return {name: ours[name].joined(theirs[name]) if name in ours and name in theirs else both[name] for name in both}


class Wrapper(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """``{"value": x}`` as a type, in place of a dict; one with anything else in it, such as an error, does not fit."""

    value: Any = None


class Choice(msgspec.Struct, frozen=True, gc=False):
    """``{"id": x, "description": y}``: what was picked from a list, and what the user reads there."""

    id: Any = None
    description: str | None = None


NO_VALUE = Wrapper()
"""Stands for a wrapper that was not sent, as opposed to an empty one."""


def unwrap(wrapper: Any) -> Any:
    """``{"value": x}`` becomes x, ``{}`` and a missing wrapper become None; a bare value stays.

    Of what was picked from a list the id is left, of several their ids.
    """
    return id_of(_inside(wrapper))


def id_of(value: Any) -> Any:
    """The id of a choice, or the ids of several; any other value stays."""
    match value:
        case {"id": id_}:
            return id_
        case Choice():
            return value.id
        case list():
            return [id_of(each) for each in value]
        case _:
            return value


def label_of(wrapper: Any) -> Any:
    """The label of a wrapped choice, or the labels of several; None where a value has come without one."""
    return _label_in(_inside(wrapper))


def _label_in(value: Any) -> Any:
    match value:
        case {"description": label} | Choice(description=label):
            return label
        case list():
            return [_label_in(each) for each in value]
        case _:
            return None


def _inside(wrapper: Any) -> Any:
    if isinstance(wrapper, dict):
        return wrapper.get("value")
    return wrapper.value if isinstance(wrapper, Wrapper) else wrapper


def custom_values(raw: Any) -> dict[str, dict[str, Any]]:
    """``{"View": {"Field": {"type", "value"}}}`` becomes ``{"View": {"Field": value}}``."""
    return {
        view: {name: unwrap(wrapper) for name, wrapper in (fields or {}).items()}
        for view, fields in (raw or {}).items()
    }


def _optional(convert: Callable[[Raw], Record]) -> Convert:
    """Null for an object in which nothing is, however the ERP writes that."""
    nothing = convert({})
    return lambda raw: record if raw and (record := convert(raw)) != nothing else None


def conversion(name: str, kind: FieldKind) -> Convert:
    """The function from a field as it is sent, in its wrapper, to the cell of the record."""
    if kind is FieldKind.UNKNOWN:
        # An object without a value is no wrapper.
        return lambda value: value if isinstance(value, dict) and value and "value" not in value else _inside(value)
    if kind in (FieldKind.CHOICE, FieldKind.INTEGER_CHOICE):
        return lambda wrapper: None if isinstance(value := unwrap(wrapper), dict) else value
    convert = value_conversion(name, kind)
    return (lambda wrapper: convert(unwrap(wrapper))) if convert else unwrap


def value_conversion(name: str, kind: FieldKind) -> Convert | None:
    """The function from a value to the cell of the record; None where the value is the cell."""
    match kind:
        case FieldKind.DAY:
            return day_in_utc
        case FieldKind.DATE_TIME if name.endswith("Date"):
            return day_in_utc
        case FieldKind.DATE:
            return plain_date
        case FieldKind.CHOICES:
            return _as_list
        case _:
            return None


_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MIDNIGHT = re.compile(_DAY.pattern + r"T00:00:00(?:\.0+)?(?:Z|[+-]\d\d:?\d\d)?")


def calendar_date(value: Any) -> Any:
    """Midnight of any zone becomes midnight UTC of that same day, so that no destination moves it to the day before."""
    if isinstance(value, str) and _MIDNIGHT.fullmatch(value):
        return f"{value[:10]}T00:00:00+00:00"
    return value


def day_in_utc(value: Any) -> Any:
    """The same, also of a date that comes without its midnight, which fits no column of times."""
    is_day = isinstance(value, str) and _DAY.fullmatch(value)
    return f"{value}T00:00:00+00:00" if is_day else calendar_date(value)


def plain_date(value: Any) -> Any:
    """A date as it is; of midnight in any zone, which fits no column of dates, that day."""
    return value[:10] if isinstance(value, str) and _MIDNIGHT.fullmatch(value) else value


def _as_list(value: Any) -> Any:
    """Several ids; a bare value, which a field of several may come as, is one of them."""
    return value if value is None or isinstance(value, list) else [value]


def utc_instant(value: Any) -> str | None:
    """An instant in UTC with a fixed width, so that it sorts as text; without an offset it is taken for UTC.

    Raises:
        ValueError: the text is not an ISO 8601 date-time.
    """
    if not value:
        return None
    instant = datetime.fromisoformat(value)
    if value[19:20] == "." and value[10] == "T" and value[7] == "-" and value[-1] == "Z" and value[11:13] != "24":
        # It is written as we do but for some digits; to write all of it would take four times as long.
        return f"{(value[:-1] + '000000')[:26]}Z"
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return format_instant(instant)


# Above what two APIs may differ by when they round the same stamp to milliseconds, and below the 3.3 ms that two stamps
# of SQL Server lie apart (BEHAVIOR.md, "Deletions").
_STEP = timedelta(milliseconds=1)


def just_after(instant: str) -> str:
    """An instant behind a change, however its stamp is rounded, and before any later change."""
    return moved(instant, _STEP)


# Before any record of the ERP: SQL Server's dates begin two days earlier, and comparing with an earlier one fails. The
# ERP may move an instant by up to 14 hours, to a zone of its own.
FIRST_INSTANT = datetime(1753, 1, 3, tzinfo=UTC)
_LAST_INSTANT = datetime.max.replace(tzinfo=UTC)
ROUNDING = timedelta(seconds=1)
"""A filter compares what the database has, which is rounded by less than this where it is shown."""


def moved(instant: str, by: timedelta) -> str:
    """An instant moved by so much, but not beyond the first and the last that there are."""
    try:
        return format_instant(max(datetime.fromisoformat(instant) + by, FIRST_INSTANT))
    except OverflowError:
        return format_instant(_LAST_INSTANT if by > timedelta() else FIRST_INSTANT)


def format_instant(instant: datetime) -> str:
    """``2026-11-22T19:44:05.123000Z``."""
    if instant.tzinfo is not UTC:
        try:
            instant = instant.astimezone(UTC)
        except OverflowError:  # .NET's empty and its last date have no time in UTC when their zone is not UTC
            instant = instant.replace(tzinfo=UTC)
    # Without the offset, which is as long in all years.
    return f"{instant.isoformat(timespec='microseconds')[:26]}Z"
