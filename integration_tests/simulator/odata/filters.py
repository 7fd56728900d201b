"""The `$filter` language of both OData generations: from text to an expression over the rows of a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from integration_tests.simulator.odata.dialects import Dialect, ODataError, Version
from integration_tests.simulator.odata.edm import FAMILY_OF_EDM, Access, EntityType, Navigation
from integration_tests.simulator.odata.relations import Relations
from integration_tests.simulator.odata.rows import comparable
from integration_tests.simulator.store.values import Cell
from integration_tests.simulator.trouble.lies import TRUTH, Lies
from integration_tests.simulator.web.answers import Answer, RefusedError
from integration_tests.simulator.web.filter_grammar import COMPARE, Family, Token, TokenReader, six_digits

DATE = r"\d{4}-\d\d-\d\d"
CLOCK = r"T\d\d:\d\d(?::\d\d(?:\.\d{1,7})?)?"
GUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
COMMON = r"""
    (?P<space>\s+) | (?P<string>'(?:[^']|'')*') | (?P<name>@?[A-Za-z_][\w.]*(?:/[A-Za-z_][\w.]*)*) | (?P<mark>[(),:=])
"""
TOKENS = {
    Version.V3: re.compile(
        rf"(?P<instant>datetime'{DATE}{CLOCK}') | (?P<guid>guid'{GUID}')"
        rf"| (?P<number>-?\d+(?:\.\d+)?[MmLlDdFf]?)(?![\w-]) | {COMMON}",
        re.VERBOSE,
    ),
    Version.V4: re.compile(
        rf"(?P<guid>{GUID}) | (?P<instant>{DATE}(?:{CLOCK}(?:Z|[+-]\d\d:\d\d))?)(?!\w)"
        rf"| (?P<number>-?\d+(?:\.\d+)?)(?![\w-]) | {COMMON}",
        re.VERBOSE,
    ),
}
WORDS = {"and", "or", "not", "in", *COMPARE}
CONSTANTS: dict[str, tuple[Family | None, Cell]] = {
    "true": (Family.TRUTH, True),
    "false": (Family.TRUTH, False),
    "null": (None, None),
}


@dataclass(frozen=True)
class Function:
    arguments: tuple[Family, ...]
    result: Family
    work: Callable[..., Cell]


TEXT, TWO_TEXTS = (Family.TEXT,), (Family.TEXT, Family.TEXT)
BOTH = {
    "startswith": Function(TWO_TEXTS, Family.TRUTH, str.startswith),
    "endswith": Function(TWO_TEXTS, Family.TRUTH, str.endswith),
    "tolower": Function(TEXT, Family.TEXT, str.lower),
    "toupper": Function(TEXT, Family.TEXT, str.upper),
    "trim": Function(TEXT, Family.TEXT, str.strip),
    "length": Function(TEXT, Family.NUMBER, len),
    "year": Function((Family.INSTANT,), Family.NUMBER, lambda moment: int(moment.year)),
    "month": Function((Family.INSTANT,), Family.NUMBER, lambda moment: int(moment.month)),
    "day": Function((Family.INSTANT,), Family.NUMBER, lambda moment: int(moment.day)),
}
FUNCTIONS = {
    Version.V3: {**BOTH, "substringof": Function(TWO_TEXTS, Family.TRUTH, lambda sought, text: sought in text)},
    Version.V4: {**BOTH, "contains": Function(TWO_TEXTS, Family.TRUTH, lambda text, sought: sought in text)},
}


@dataclass(frozen=True)
class Expression:
    """No family: the literal `null`, or binary."""

    family: Family | None
    read: Callable[[Any], Cell]
    is_null: bool = False


def tokens(text: str, version: Version) -> list[Token]:
    found, position = [], 0
    while position < len(text):
        match = TOKENS[version].match(text, position)
        if match is None:
            raise ODataError(f"Syntax error at position {position} in '{text}'.")
        if match.lastgroup != "space":
            found.append(Token(str(match.lastgroup), match[0], position))
        position = match.end()
    return [*found, Token("end", "", len(text))]


def literal(token: Token, dialect: Dialect) -> Expression:
    match token.kind:
        case "string":
            return _constant(Family.TEXT, token.text[1:-1].replace("''", "'"))
        case "number":
            return _constant(Family.NUMBER, Decimal(token.text.rstrip("MmLlDdFf")))
        case "guid":
            return _constant(Family.IDENTITY, token.text.removeprefix("guid").strip("'").lower())
        case "instant":
            return _constant(Family.INSTANT, _moment(token.text, dialect))
        case "name" if token.text in CONSTANTS:
            family, value = CONSTANTS[token.text]
            return Expression(family, lambda row: value, is_null=value is None)
    raise ODataError(f"Syntax error at position {token.position}: '{token.text}' is not a value.")


def _constant(family: Family, value: Cell) -> Expression:
    return Expression(family, lambda row: value)


def _moment(text: str, dialect: Dialect) -> datetime:
    """A date, and whatever version 3 writes, is in the zone of the service."""
    body = text.removeprefix("datetime").strip("'").replace("Z", "+00:00")
    try:
        moment = datetime.fromisoformat(six_digits(body))
    except ValueError:  # the 30th of February
        raise ODataError(f"Unrecognized 'Edm.DateTimeOffset' literal '{text}'.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dialect.zone)


class Parser(TokenReader):
    """Recursive descent over a whole text; `variable` is the range variable inside `any` and `all`."""

    refusal = ODataError

    def __init__(
        self, text: str, table: EntityType, dialect: Dialect, relations: Relations, lies: Lies = TRUTH
    ) -> None:
        super().__init__(text, tokens(text, dialect.version))
        self._table, self._dialect, self._relations = table, dialect, relations
        self._variable, self._lies = "", lies

    def predicate(self) -> Callable[[Any], bool]:
        expression = self._any()
        if self._now.kind != "end" or expression.family is not Family.TRUTH:
            raise self._syntax_error()
        return lambda row: expression.read(row) is True

    def _any(self) -> Expression:
        terms = [self._all()]
        while self._take("or"):
            terms.append(self._all())
        return terms[0] if len(terms) == 1 else Expression(Family.TRUTH, lambda row: _decided(terms, row, True))

    def _all(self) -> Expression:
        terms = [self._inverse()]
        while self._take("and"):
            terms.append(self._inverse())
        return terms[0] if len(terms) == 1 else Expression(Family.TRUTH, lambda row: _decided(terms, row, False))

    def _inverse(self) -> Expression:
        if not self._take("not"):
            return self._comparison()
        inner = self._inverse()
        return Expression(Family.TRUTH, lambda row: inner.read(row) is False)

    def _comparison(self) -> Expression:
        left = self._operand()
        if self._dialect.version is Version.V4 and self._take("in"):
            return self._membership(left)
        name = self._take(*COMPARE)
        return self._compared(name, left, self._operand()) if name else left

    def _membership(self, left: Expression) -> Expression:
        self._expect("(")
        choices = [self._compared("eq", left, self._operand())]
        while self._take(","):
            choices.append(self._compared("eq", left, self._operand()))
        self._expect(")")
        return Expression(Family.TRUTH, lambda row: _decided(choices, row, True))

    def _compared(self, name: str, left: Expression, right: Expression) -> Expression:
        """Null satisfies no comparison but that with the word `null`: the result is unknown."""
        if left.is_null or right.is_null:
            return self._compared_with_null(name, right if left.is_null else left)
        if left.family is None or left.family is not right.family:
            raise ODataError(
                "A binary operator with incompatible types was detected. Found operand types "
                f"'{_named(left)}' and '{_named(right)}' for operator kind '{name}'."
            )
        test, zone = COMPARE[name], self._dialect.zone

        def holds(row: Any) -> bool | None:
            one, other = comparable(left.read(row), zone), comparable(right.read(row), zone)
            return None if one is None or other is None else test(one, other)

        return Expression(Family.TRUTH, holds)

    def _compared_with_null(self, name: str, other: Expression) -> Expression:
        if self._lies.null_filters is False:
            raise ODataError("The literal 'null' is not supported in the filter.")
        if name not in ("eq", "ne"):
            return Expression(Family.TRUTH, lambda row: None)
        return Expression(Family.TRUTH, lambda row: (other.read(row) is None) == (name == "eq"))

    def _operand(self) -> Expression:
        if self._take("("):
            inner = self._any()
            self._expect(")")
            return inner
        token = self._now
        self._at += 1
        if token.kind != "name" or token.text in CONSTANTS:
            return literal(token, self._dialect)
        if token.text in WORDS:
            raise self._syntax_error()
        if self._take("("):
            return self._call(token)
        return self._path(token.text)

    def _call(self, token: Token) -> Expression:
        path, _, name = token.text.rpartition("/")
        if path and name in self._lies.quantifiers:
            return self._quantified(path, any if name.lower() == "any" else all)
        function = FUNCTIONS[self._dialect.version].get(token.text)
        if function is None:
            raise ODataError(f"An unknown function with name '{token.text}' was found.")
        arguments = [self._any()]
        while self._take(","):
            arguments.append(self._any())
        self._expect(")")
        if tuple(each.family for each in arguments) != function.arguments:
            raise ODataError(f"No function signature for the function with name '{token.text}' matches.")
        return Expression(function.result, self._applied(function, arguments))

    def _applied(self, function: Function, arguments: Iterable[Expression]) -> Callable[[Any], Cell]:
        """Text is compared without regard to letter case in functions too; null stays null."""
        searches = function.result is Family.TRUTH

        def work(row: Any) -> Cell:
            values: list[Any] = [each.read(row) for each in arguments]
            if None in values:
                return None
            values = [each.casefold() if searches else self._local(each) for each in values]
            return function.work(*values)

        return work

    def _local(self, value: Any) -> Any:
        return value.astimezone(self._dialect.zone) if isinstance(value, datetime) else value

    def _quantified(self, path: str, over: Callable[[Iterable[bool]], bool]) -> Expression:
        navigation, (table, variable) = self._navigation(path), (self._table, self._variable)
        self._table, self._variable = self._relations.target(navigation), self._now.text
        self._at += 1
        self._expect(":")
        inner = self._any()
        self._expect(")")
        self._table, self._variable = table, variable
        rows = self._relations.rows
        return Expression(
            Family.TRUTH, lambda row: over(inner.read(each) is True for each in rows(table, navigation, row))
        )

    def _navigation(self, path: str) -> Navigation:
        navigation = self._table.navigation_by_name.get(path)
        if navigation is None:
            raise _unknown(path, self._table)
        self._refuse_closed(navigation)
        return navigation

    def _refuse_closed(self, navigation: Navigation) -> None:
        if not self._lies.closed_links.isdisjoint({"*", navigation.name}):
            status = self._lies.closed_status
            raise ODataError(f"The property '{navigation.name}' cannot be used in the $filter query option.", status)

    def _path(self, text: str) -> Expression:
        steps = text.split("/")
        if self._variable and steps[0] == self._variable:
            steps = steps[1:]
        return self._column(self._table, steps)

    def _column(self, table: EntityType, steps: list[str]) -> Expression:
        if len(steps) > 1:
            return self._through(table, steps)
        column = table.column_by_name.get(steps[0])
        if column is None:
            raise _unknown(steps[0], table)
        if column.access in (Access.FORMULA, Access.APPENDED):
            raise RefusedError(Answer(200))  # what the service answers when its query has failed: nothing at all
        if column.access in (Access.RESTRICTED, Access.UNFILTERABLE, Access.UNNAMED):
            raise ODataError(f"The property '{column.name}' cannot be used in the $filter query option.")
        return Expression(FAMILY_OF_EDM[column.type], column.read)

    def _through(self, table: EntityType, steps: list[str]) -> Expression:
        navigation = table.navigation_by_name.get(steps[0])
        if navigation is None or navigation.many:
            raise _unknown(steps[0], table)
        self._refuse_closed(navigation)
        inner, relations = self._column(self._relations.target(navigation), steps[1:]), self._relations

        def read(row: Any) -> Cell:
            found = relations.rows(table, navigation, row)
            return inner.read(found[0]) if found else None

        return Expression(inner.family, read)


def _decided(terms: list[Expression], row: Any, deciding: bool) -> bool | None:
    """SQL's `or` (decided by a true term) and `and` (by a false one): true, false or unknown."""
    unknown = False
    for term in terms:
        value = term.read(row)
        if value is deciding:
            return deciding
        unknown = unknown or value is None
    return None if unknown else not deciding


def _named(expression: Expression) -> str:
    return expression.family.value if expression.family else "Edm.Binary"


def _unknown(name: str, table: EntityType) -> ODataError:
    return ODataError(f"Could not find a property named '{name}' on type '{table.full_name}'.")


def read_literal(text: str, dialect: Dialect) -> Cell:
    """A single value, as keys and parameters are given."""
    value, *rest = tokens(text, dialect.version)
    if [each.kind for each in rest] != ["end"]:
        raise ODataError(f"Syntax error in '{text}'.")
    found = literal(value, dialect).read(None)
    assert not isinstance(found, date) or isinstance(found, datetime)
    return found
