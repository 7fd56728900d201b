"""The `$filter` language of contract version 4 and before: from text to predicate, or to the ERP's error."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from integration_tests.simulator.store.records import Record
from integration_tests.simulator.store.shapes import Field, FieldKind, Shape
from integration_tests.simulator.store.values import Value, as_instant
from integration_tests.simulator.trouble.lies import TRUTH, Lies
from integration_tests.simulator.web.filter_grammar import COMPARE, Family, Token, TokenReader, six_digits

Predicate = Callable[[Record], bool]
Reader = Callable[[Record], Value]
ODATA_ERROR_OF_CONTRACT_4 = "Microsoft.Data.OData.ODataException"


class FilterError(Exception):
    """A filter the server answers with status 500; `kind` names the .NET exception."""

    def __init__(self, message: str, kind: str = ODATA_ERROR_OF_CONTRACT_4) -> None:
        super().__init__(message)
        self.kind = kind


def unknown_field() -> FilterError:
    message = "The given key was not present in the dictionary."
    return FilterError(message, "System.Collections.Generic.KeyNotFoundException")


def not_single(name: str) -> FilterError:
    return FilterError(f"The parent value for a property access of a property '{name}' is not a single value.")


FAMILY_OF_KIND = {
    FieldKind.STRING: Family.TEXT,
    FieldKind.DECIMAL: Family.NUMBER,
    FieldKind.INT: Family.NUMBER,
    FieldKind.SHORT: Family.NUMBER,
    FieldKind.LONG: Family.NUMBER,
    FieldKind.BOOLEAN: Family.TRUTH,
    FieldKind.DATE_TIME: Family.INSTANT,
    FieldKind.GUID: Family.IDENTITY,
    FieldKind.STRING_SELECT: Family.TEXT,
    FieldKind.INT_SELECT: Family.NUMBER,
    FieldKind.STRING_MULTI_SELECT: Family.TEXT,
    FieldKind.DATE_ONLY: Family.INSTANT,
}
assert FAMILY_OF_KIND.keys() == set(FieldKind)

TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<typed>(?:datetimeoffset|date|guid)'[^']*')
      | (?P<string>'(?:[^']|'')*')
      | (?P<number>-?\d+(?:\.\d+)?M?)(?![\w'])
      | (?P<custom>cf\.(?P<cf_kind>\w+)\(\s*f\s*=\s*'(?P<cf_path>[^']*)'\s*\))
      | (?P<name>[A-Za-z_][\w/]*)
      | (?P<mark>[(),])""",
    re.VERBOSE,
)
RESERVED = {"true", "false", "and", "or", "not", *COMPARE}
# Arguments in the order OData v3 has them: what is sought comes first in `substringof` only.
FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "substringof": lambda sought, text: sought in text,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
DATE = r"\d{4}-\d\d-\d\d"
INSTANT = re.compile(DATE + r"(T\d\d:\d\d(:\d\d(\.\d{1,7})?)?(Z|[+-]\d\d:\d\d)?)?$")
GUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$", re.IGNORECASE)


@dataclass(frozen=True)
class Operand:
    """A field or a literal: what it compares with, and how its value is read from a record."""

    family: Family
    read: Reader


def compile_filter(text: str, shape: Shape, zone: tzinfo, lies: Lies = TRUTH) -> Predicate:
    return Parser(text, shape, zone, lies).whole()


def _comparable(operand: Operand, zone: tzinfo) -> Reader:
    """SQL Server compares text without regard to letter case; a business date is an instant too."""
    read = operand.read
    if operand.family in (Family.TEXT, Family.IDENTITY):
        return lambda record: None if (value := read(record)) is None else str(value).casefold()
    if operand.family is Family.INSTANT:
        return lambda record: as_instant(read(record), zone)
    return read


def tokens(text: str, pattern: re.Pattern[str] = TOKEN) -> list[Token]:
    found, position = [], 0
    while position < len(text):
        match = pattern.match(text, position)
        if match is None:
            raise FilterError(f"Syntax error at position {position} in '{text}'.")
        kind, position = str(match.lastgroup), match.end()
        if match["custom"]:
            found.append(Token("custom", match[0], match.start(), match["cf_kind"], match["cf_path"]))
        elif kind != "space":
            found.append(Token(kind, match[0], match.start()))
    return [*found, Token("end", "", len(text))]


class Parser(TokenReader):
    """Recursive descent: or, and, not, comparison or function, operand."""

    refusal: Callable[[str], Exception] = FilterError
    pattern = TOKEN
    functions = FUNCTIONS

    def __init__(self, text: str, shape: Shape, zone: tzinfo, lies: Lies) -> None:
        super().__init__(text, tokens(text, self.pattern))
        self._shape, self._zone, self._lies = shape, zone, lies

    def whole(self) -> Predicate:
        predicate = self._any()
        if self._now.kind != "end":
            raise self._syntax_error()
        return predicate

    def _any(self) -> Predicate:
        terms = [self._all()]
        while self._take("or"):
            terms.append(self._all())
        return terms[0] if len(terms) == 1 else lambda record: any(term(record) for term in terms)

    def _all(self) -> Predicate:
        terms = [self._inverse()]
        while self._take("and"):
            terms.append(self._inverse())
        return terms[0] if len(terms) == 1 else lambda record: all(term(record) for term in terms)

    def _inverse(self) -> Predicate:
        if not self._take("not"):
            return self._term()
        if self._now.text == "substringof":
            raise FilterError("Operator 'not' is not supported for 'substringof'.", "System.NotSupportedException")
        inner = self._inverse()
        return lambda record: not inner(record)

    def _term(self) -> Predicate:
        if self._take("("):
            inner = self._any()
            self._expect(")")
            return inner
        if self._now.kind == "name" and self._tokens[self._at + 1].text == "(":
            return self._function()
        return self._comparison()

    def _function(self) -> Predicate:
        name = self._now.text
        if name not in self.functions:
            raise FilterError(f"An unknown function with name '{name}' was found.")
        self._at += 2
        first = self._operand(Family.TEXT)
        self._expect(",")
        second = self._operand(Family.TEXT)
        self._expect(")")
        found = self._both(self.functions[name], first, second)
        return self._compared(found) if self._now.text in COMPARE else found

    def _compared(self, found: Predicate) -> Predicate:
        """Seen on live sites: comparing a function's result is accepted, and matches nothing."""
        self._take(*COMPARE)
        self._operand(Family.TRUTH)
        return lambda record: False

    def _comparison(self) -> Predicate:
        left = self._operand()
        name = self._take(*COMPARE)
        if not name:
            raise self._syntax_error()
        if self._lies.null_filters and name in ("eq", "ne") and self._take("null"):
            return lambda record: (left.read(record) is None) == (name == "eq")
        return self._both(COMPARE[name], left, self._operand(left.family))

    def _both(self, test: Callable[[Any, Any], bool], left: Operand, right: Operand) -> Predicate:
        """Null satisfies no comparison, as in SQL."""
        one, other = _comparable(left, self._zone), _comparable(right, self._zone)

        def holds(record: Record) -> bool:
            first, second = one(record), other(record)
            return first is not None and second is not None and test(first, second)

        return holds

    def _operand(self, wanted: Family | None = None) -> Operand:
        token = self._now
        self._at += 1
        if token.kind == "name" and token.text not in RESERVED:
            operand = self._as_compared(field_at(self._shape, token.text.split("/"), self.held))
        elif token.kind == "custom":
            operand = self._as_compared(custom_field(self._shape, token, self.held))
        else:
            operand = self._literal(token)
        if wanted not in (None, operand.family):
            raise FilterError("Type conversions not supported", "System.NotSupportedException")
        return operand

    @staticmethod
    def held(field: Field, read: Reader) -> Reader:
        """What a field compares as, from what a record holds."""
        return read

    def _as_compared(self, operand: Operand) -> Operand:
        if operand.family is not Family.INSTANT:
            return operand

        def read(record: Record) -> Value:
            moment = operand.read(record)
            return self._lies.compared(moment) if isinstance(moment, datetime) else moment

        return Operand(operand.family, read)

    def _literal(self, token: Token) -> Operand:
        if token.kind == "typed":
            family, value = self._typed(token)
        elif token.kind == "string":
            family, value = Family.TEXT, token.text[1:-1].replace("''", "'")
        elif token.kind == "number":
            family, value = Family.NUMBER, Decimal(token.text.rstrip("M"))
        elif token.text in ("true", "false"):
            family, value = Family.TRUTH, token.text == "true"
        else:
            self._at -= 1
            raise self._syntax_error()
        return Operand(family, lambda record: value)

    def _typed(self, token: Token) -> tuple[Family, Value]:
        prefix, body = token.text[:-1].split("'", 1)
        if prefix == "guid" and GUID.match(body):
            return Family.IDENTITY, body
        pattern = re.compile(DATE + "$") if prefix == "date" else INSTANT
        if prefix == "guid" or not pattern.match(body):
            raise self._wrong_literal(prefix, token)
        try:
            moment = datetime.fromisoformat(six_digits(body.replace("Z", "+00:00")))
        except ValueError:  # the 30th of February
            raise self._wrong_literal(prefix, token) from None
        return Family.INSTANT, moment if moment.tzinfo else moment.replace(tzinfo=self._zone)

    def _wrong_literal(self, prefix: str, token: Token) -> FilterError:
        edm = {"guid": "Edm.Guid", "date": "Edm.Date"}.get(prefix, "Edm.DateTimeOffset")
        where = f"at '{token.position}' in '{self._text}'"
        return FilterError(f"Unrecognized '{edm}' literal '{token.text}' {where}.")


Hold = Callable[[Field, Reader], Reader]


def field_at(shape: Shape, path: list[str], hold: Hold) -> Operand:
    """A field, or one of a linked object; a collection in the path has no single value."""
    name, rest = path[0], path[1:]
    if not rest:
        field = shape.field_by_name.get(name)
        if field is None:
            raise unknown_field()
        return Operand(FAMILY_OF_KIND[field.kind], hold(field, lambda record: record.value(field.column)))
    if name in shape.collection_by_name:
        raise not_single(rest[0])
    if name not in shape.link_by_name:
        raise unknown_field()
    inner = field_at(shape.link_by_name[name].shape, rest, hold)

    def read(record: Record) -> Value:
        linked = record.linked(name)
        return None if linked is None else inner.read(linked)

    return Operand(inner.family, read)


def custom_field(shape: Shape, token: Token, hold: Hold) -> Operand:
    field, kinds = shape.custom_by_path.get(token.cf_path), {kind.value: kind for kind in FieldKind}
    if field is None or token.cf_kind not in kinds:
        raise unknown_field()
    # A multiple choice is a text of ids there.
    kind = FieldKind.STRING if field.kind is FieldKind.STRING_MULTI_SELECT else field.kind
    if kinds[token.cf_kind] is not kind:
        raise FilterError("Type conversions not supported", "System.NotSupportedException")
    return Operand(FAMILY_OF_KIND[field.kind], hold(field, lambda record: record.custom(token.cf_path)))
