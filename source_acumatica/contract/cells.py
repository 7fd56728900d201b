"""Says how a wrapped field is decoded, and with which code its cells are filled from that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from source_acumatica.reading.codec import Code
from source_acumatica.reading.fields import (
    LABELLED,
    NO_VALUE,
    Choice,
    FieldKind,
    Shape,
    Wrapper,
    conversion,
    id_of,
    label_of,
    value_conversion,
)

_NO_CHOICE = Choice()


class _Text(Wrapper, frozen=True, gc=False, forbid_unknown_fields=True):
    """The wrapper of a text, which no other value fits, such as a choice."""

    value: str | None = None
    error: None = None


class _Scalar(Wrapper, frozen=True, gc=False, forbid_unknown_fields=True):
    """The wrapper of any single value, with the error that it does not have."""

    error: None = None


class _Whole(Wrapper, frozen=True, gc=False, forbid_unknown_fields=True):
    """The wrapper of a whole number or of true and false, which no other value fits, such as a choice."""

    value: int | bool | None = None
    error: None = None


class _ChoiceWrapper(Wrapper, frozen=True, gc=False, forbid_unknown_fields=True):
    value: Choice | None = None
    error: None = None


class _ChoicesWrapper(Wrapper, frozen=True, gc=False, forbid_unknown_fields=True):
    value: list[Choice] | None = None
    error: None = None


_WRAPPERS: dict[FieldKind, type[Wrapper]] = {
    FieldKind.STRING: _Text,
    FieldKind.GUID: _Text,
    FieldKind.DATE_TIME: _Text,
    FieldKind.DATE: _Text,
    FieldKind.DAY: _Text,
    FieldKind.BOOLEAN: _Whole,
    FieldKind.BYTE: _Whole,
    FieldKind.SHORT: _Whole,
    FieldKind.INTEGER: _Whole,
    FieldKind.LONG: _Whole,
    FieldKind.CHOICE: _ChoiceWrapper,
    FieldKind.INTEGER_CHOICE: _ChoiceWrapper,
    FieldKind.CHOICES: _ChoicesWrapper,
}
# Those that contract versions 3 and 4 do not have; the others are decoded in the fastest way there.
_NEW_KINDS = frozenset({FieldKind.DATE, FieldKind.DAY, *LABELLED})


@dataclass(frozen=True)
class Cells:
    """The cells of one record in the text of a function; ``row`` is the code of the record."""

    code: Code
    row: str
    has_choices: bool
    """Whether the endpoint knows choices by ids, and may send null in place of a wrapper."""

    def type_of(self, kind: FieldKind) -> tuple[Any, Any]:
        """The type that a field is decoded to, and what stands for one that was not sent."""
        if kind is FieldKind.UNKNOWN:
            return Any, None
        wrapper = self._wrapper(kind)
        return (wrapper if wrapper is Wrapper else wrapper | None), NO_VALUE

    def value(self, name: str, kind: FieldKind) -> str:
        """The value by which a field is known: what was sent, or the id of a choice."""
        match kind:
            case FieldKind.CHOICE | FieldKind.INTEGER_CHOICE:
                return f"{self._choice(name, kind)}.id"
            case FieldKind.CHOICES:
                return self.code.call(id_of, self._sent(name, kind))
            case _:
                return self._sent(name, kind)

    def cell(self, name: str, kind: FieldKind) -> str:
        """The value as it is in the record's own column."""
        return self.code.call(value_conversion(name, kind), self.value(name, kind))

    def of(self, name: str, shape: Shape) -> Iterator[tuple[str, str]]:
        """The columns that a field fills, each with the code of its cell; the same as ``Shape.converter``'s."""
        kind = shape.fields[name]
        if kind is FieldKind.UNKNOWN:
            yield name, self.code.call(conversion(name, kind), self.attribute(name))
            return
        yield name, self.cell(name, kind)
        if label := shape.labels.get(name):
            is_list = kind is FieldKind.CHOICES
            labels = self.code.call(label_of, self.attribute(name)) if is_list else ""
            yield label, labels or f"{self._choice(name, kind)}.description"

    def attribute(self, name: str) -> str:
        """What was decoded of a field or part."""
        return f"{self.row}.{self.code.attribute(name)}"

    def _wrapper(self, kind: FieldKind) -> type[Wrapper]:
        is_usual = not self.has_choices and kind not in _NEW_KINDS
        return Wrapper if is_usual else _WRAPPERS.get(kind, _Scalar)

    def _sent(self, name: str, kind: FieldKind) -> str:
        """What is in the wrapper, which may be null where it is not the usual one."""
        attribute = self.attribute(name)
        if self._wrapper(kind) is Wrapper:
            return f"{attribute}.value"
        return f"({attribute} or {self.code.constant(NO_VALUE)}).value"

    def _choice(self, name: str, kind: FieldKind) -> str:
        return f"({self._sent(name, kind)} or {self.code.constant(_NO_CHOICE)})"
