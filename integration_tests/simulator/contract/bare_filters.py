"""The `$filter` language of contract 5, OData 4.01: bare literals, choices by their ids, `any` and `all`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import cast

from integration_tests.simulator.contract.filters import (
    DATE,
    ODATA_ERROR_OF_CONTRACT_4,
    FilterError,
    Operand,
    Parser,
    Predicate,
    Reader,
    not_single,
    unknown_field,
)
from integration_tests.simulator.store.choices import SEPARATOR, split
from integration_tests.simulator.store.records import Record
from integration_tests.simulator.store.shapes import SELECTS, CustomField, Field, FieldKind, Shape
from integration_tests.simulator.store.values import Value
from integration_tests.simulator.trouble.lies import TRUTH, Lies
from integration_tests.simulator.trouble.unknowns import Literals
from integration_tests.simulator.web.filter_grammar import COMPARE, Family, Token, six_digits

ODATA_ERROR = "Microsoft.OData.ODataException"
GUID = r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"
ZONED = rf"{DATE}(?:T\d\d:\d\d(?::\d\d(?:\.\d{{1,7}})?)?(?:Z|[+-]\d\d:\d\d))?"
BARE = rf"(?P<bare>{ZONED}(?![\w:.-])) | (?P<guid>{GUID}(?!\w))"
TYPED = r"(?P<typed>(?:datetimeoffset|date|guid)'[^']*')"
REST = r"""(?P<space>\s+)
      | (?P<string>'(?:[^']|'')*')
      | (?P<number>-?\d+(?:\.\d+)?)(?![\w'.:-])
      | (?P<custom>cf\.(?P<cf_kind>\w+)\(\s*'(?P<cf_path>[^']*)'\s*\))
      | (?P<name>[A-Za-z_][\w/]*)
      | (?P<mark>[(),:])"""
FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, sought: sought in text,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
NOBODY = cast("Record", None)  # literals do not look at it
QUANTIFIERS: dict[str, Callable[[list[bool]], bool]] = {"any": any, "all": all}


def compile_bare_filter(text: str, shape: Shape, zone: tzinfo, lies: Lies = TRUTH) -> Predicate:
    parser = _TypedParser if lies.literals is Literals.TYPED else _BareParser
    try:
        return parser(text, shape, zone, lies).whole()
    except FilterError as error:
        raise UnreadableError(str(error)) if error.kind == ODATA_ERROR_OF_CONTRACT_4 else error from None


class UnreadableError(FilterError):
    """What this language has no word for."""

    def __init__(self, message: str) -> None:
        super().__init__(message, ODATA_ERROR)


class _BareParser(Parser):
    refusal = UnreadableError
    pattern = re.compile(f"{BARE} | {REST}", re.VERBOSE)
    functions = FUNCTIONS

    @staticmethod
    def held(field: Field, read: Reader) -> Reader:
        if field.kind is FieldKind.STRING_MULTI_SELECT:
            if not isinstance(field, CustomField):
                raise not_single(field.name)
            return lambda record: SEPARATOR.join(_ids(field, read(record)))
        if field.kind in SELECTS and field.choices is not None:
            return lambda record, id_of=field.choices.id_of: id_of(read(record))  # type: ignore[misc]
        return read

    def _compared(self, found: Predicate) -> Predicate:
        name, wanted = self._take(*COMPARE), self._operand(Family.TRUTH)
        return lambda record: COMPARE[name](found(record), wanted.read(record))

    def _term(self) -> Predicate:
        path, _, quantifier = self._now.text.rpartition("/")
        if self._now.kind == "name" and quantifier in QUANTIFIERS and self._tokens[self._at + 1].text == "(":
            return self._quantified(path, quantifier)
        return super()._term()

    def _quantified(self, path: str, quantifier: str) -> Predicate:
        """`F/any()`, `F/any(x: x eq 'MO')`; on details they are not supported."""
        field = self._shape.field_by_name.get(path)
        if path in self._shape.collection_by_name:
            raise not_single(path)
        if field is None:
            raise unknown_field()
        if field.kind is not FieldKind.STRING_MULTI_SELECT:
            raise UnreadableError(
                f"'{quantifier}' at position {self._now.position} needs a collection in '{self._text}'."
            )
        self._at += 2
        if quantifier == "any" and self._take(")"):
            return lambda record: bool(_ids(field, record.value(field.column)))
        test, holds = self._test_of_one(), QUANTIFIERS[quantifier]
        self._expect(")")
        return lambda record: holds([test(each) for each in _ids(field, record.value(field.column))])

    def _test_of_one(self) -> Callable[[str], bool]:
        variable = self._now
        self._at += 1
        self._expect(":")
        if variable.kind != "name" or not self._take(variable.text) or not (name := self._take(*COMPARE)):
            raise self._syntax_error()
        if self._take("null"):
            return lambda each: name == "ne"
        token, self._at = self._now, self._at + 1
        wanted = str(self._literal(token).read(NOBODY)).casefold()
        return lambda each: COMPARE[name](each.casefold(), wanted)

    def _literal(self, token: Token) -> Operand:
        if token.kind == "guid":
            return Operand(Family.IDENTITY, lambda record: token.text)
        if token.kind != "bare":
            return super()._literal(token)
        try:
            value = datetime.fromisoformat(six_digits(token.text.replace("Z", "+00:00")))
        except ValueError:  # the 30th of February
            raise UnreadableError(f"Unrecognized literal '{token.text}' at position {token.position}.") from None
        return Operand(Family.INSTANT, lambda record: value if value.tzinfo else value.replace(tzinfo=self._zone))

    def _operand(self, wanted: Family | None = None) -> Operand:
        """What looks like a literal of contract 4 is a name with a text behind it here."""
        after = self._tokens[self._at + 1] if self._now.kind == "name" else self._now
        if after.kind == "string" and self._now.kind == "name":
            literal, where = f"{self._now.text}{after.text}", f"position {self._now.position} in '{self._text}'"
            raise UnreadableError(f"Unrecognized literal '{literal}' at {where}.")
        return super()._operand(wanted)


class _TypedParser(_BareParser):
    """A server that has kept the literals of contract 4."""

    pattern = re.compile(f"{TYPED} | {REST}", re.VERBOSE)


def _ids(field: Field, held: Value) -> list[str]:
    assert field.choices is not None
    return [str(field.choices.id_of(label)) for label in split(held)]
