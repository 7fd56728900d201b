"""How the contract API writes a value: plain, as a date, or as a choice with its id and label."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from json.encoder import encode_basestring as quoted
from typing import Any

from integration_tests.simulator.store.choices import SEPARATOR, Choices, split
from integration_tests.simulator.store.shapes import CustomField, Field, FieldKind, Shape
from integration_tests.simulator.store.values import Value, as_day, as_instant
from integration_tests.simulator.trouble.lies import TRUTH, Lies
from integration_tests.simulator.trouble.unknowns import Empty, Labels, Sent

# A page of a big table writes a hundred thousand values: a look-up is the cheapest way to the right writer.
PLAIN: dict[type, Callable[[Any], str]] = {
    str: quoted,
    bool: lambda value: "true" if value else "false",
    int: str,
    Decimal: lambda value: format(value, "f"),
}
Write = Callable[[Value], str]
NOTHING = Choices({})


@dataclass(frozen=True)
class Values:
    """Contract 4 and before: a choice is its label, a date is midnight."""

    zone: tzinfo
    lies: Lies = TRUTH

    def wrapper(self, shape: Shape, field: Field) -> Write:
        """Writes the field's value in its wrapper."""
        text = self.writer(shape, field)
        return self._wrapped if text == self.text else lambda value: "{}" if value is None else _wrap(text(value))

    def writer(self, shape: Shape, field: Field) -> Write:
        """Writes the value alone."""
        return self._day if self.lies.days_in_contract_4 and field.retyped is FieldKind.DATE_ONLY else self.text

    def custom(self, shape: Shape, custom: CustomField) -> Write:
        """What stands behind the type of a custom field."""
        text = self.writer(shape, custom)
        return lambda value: "" if value is None else ',"value":' + text(value)

    @property
    def omits_empty_customs(self) -> bool:
        return False

    def text(self, value: Value) -> str:
        if type(value) in PLAIN:
            return PLAIN[type(value)](value)
        assert isinstance(value, date)
        return f'"{self._instant(value)}"'

    def _wrapped(self, value: Value) -> str:
        """Looks for the writer itself: one call less for each value."""
        write = PLAIN.get(type(value))
        if write is None:
            return "{}" if value is None else f'{{"value":{self.text(value)}}}'
        return f'{{"value":{write(value)}}}'

    def _day(self, value: Value) -> str:
        day = as_day(value, self.zone)
        return f'"{day.isoformat()}"' if isinstance(day, date) else self.text(value)

    def _instant(self, value: date) -> str:
        """ISO 8601 in the server's zone, with as many of three fractional digits as it needs."""
        moment = as_instant(value, self.zone)
        assert isinstance(moment, datetime)
        text = moment.astimezone(self.zone).isoformat(timespec="milliseconds")
        clock, offset = text[:-6], text[-6:]
        return clock.rstrip("0").rstrip(".") + offset if clock[-4] == "." else text


@dataclass(frozen=True)
class ValuesWithChoices(Values):
    """Contract 5."""

    def wrapper(self, shape: Shape, field: Field) -> Write:
        text, tail = self.writer(shape, field), ',"error":null' if self.lies.null_errors else ""
        empty = f'{{"value":null{tail}}}' if self.lies.empty is Empty.VALUE else self.lies.empty.value
        return lambda value: empty if value is None else _wrap(text(value), tail)

    def writer(self, shape: Shape, field: Field) -> Write:
        place = field.view if isinstance(field, CustomField) else shape.schema
        choices = field.choices or NOTHING
        writers: Mapping[Sent, Write] = {
            Sent.PAIR: lambda value: self._pair(choices, value),
            Sent.LABEL: lambda value: quoted(choices.label_of(value)),
            Sent.ID: lambda value: self.text(_ids(choices, value)),
            Sent.DAY: self._day,
            Sent.INSTANT: self.text,
        }
        if sent := self.lies.sent.get(f"{place}.{field.name}"):
            return writers[sent]
        # Custom fields carry their types with them.
        untyped = None if isinstance(field, CustomField) else self.lies.untyped
        match field.kind:
            case FieldKind.STRING_MULTI_SELECT:
                return writers[untyped] if untyped else lambda value: self._pairs(choices, value)
            case FieldKind.STRING_SELECT | FieldKind.INT_SELECT:
                return writers[untyped or Sent.PAIR]
            case FieldKind.DATE_ONLY:
                return writers[Sent.DAY]
        return self.text

    @property
    def omits_empty_customs(self) -> bool:
        return self.lies.omits_empty_customs

    def _pairs(self, choices: Choices, value: Value) -> str:
        return "[" + ",".join(self._pair(choices, label) for label in split(value)) + "]"

    def _pair(self, choices: Choices, value: Value) -> str:
        return f'{{"id":{self.text(choices.id_of(value))},"description":{self._label(choices.label_of(value))}}}'

    def _label(self, label: str) -> str:
        match self.lies.labels:
            case Labels.NULL:
                return "null"
            case Labels.TRANSLATED:
                return quoted(f"«{label}»")
        return quoted(label)


def _ids(choices: Choices, value: Value) -> Value:
    if choices.is_multiple:
        return SEPARATOR.join(str(choices.id_of(label)) for label in split(value))
    return choices.id_of(value)


def _wrap(text: str, tail: str = "") -> str:
    return f'{{"value":{text}{tail}}}'
