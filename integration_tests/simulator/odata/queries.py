"""The query options of both OData generations, applied to the rows of one table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from integration_tests.simulator.odata.columns import as_compared, as_shown
from integration_tests.simulator.odata.dialects import Dialect, ODataError
from integration_tests.simulator.odata.edm import Access, Column, EntityType, Navigation
from integration_tests.simulator.odata.filters import Parser
from integration_tests.simulator.odata.relations import Relations
from integration_tests.simulator.odata.rows import comparable
from integration_tests.simulator.trouble.hearing import finds_nothing
from integration_tests.simulator.trouble.lies import TRUTH, Lies
from integration_tests.simulator.web.answers import Answer, RefusedError

# The web.config of the vendor: `maxExpansionDepth`.
MOST_EXPANSIONS = 3
TABLE_OPTIONS = frozenset({"$filter", "$select", "$orderby", "$top", "$skip", "$expand", "$count"})
INQUIRY_OPTIONS = TABLE_OPTIONS - {"$expand", "$count"}
ALWAYS_ALLOWED = frozenset({"$format", "$skiptoken"})
TEXT_COMPARED = re.compile(r"\b(ge|gt|le|lt) '")
Options = Mapping[str, str]


@dataclass(frozen=True)
class Expansion:
    navigation: Navigation
    options: Options


@dataclass(frozen=True)
class Page:
    rows: Sequence[Any]
    columns: Sequence[Column]
    expansions: Sequence[Expansion] = ()
    total: int | None = None
    next_at: int | None = None  # where the server goes on


@dataclass(frozen=True)
class Query:
    """What one entity set can be asked; `shuffles`: SQL promises no order among rows that `$orderby` finds equal."""

    table: EntityType
    dialect: Dialect
    relations: Relations
    allowed: frozenset[str] = TABLE_OPTIONS
    shuffles: bool = False
    page_rows: int | None = None
    lies: Lies = TRUTH
    turn: int = 0
    depth: int = field(default=0, repr=False)

    def page(self, rows: Sequence[Any], options: Options) -> Page:
        self.refuse_unknown(options)
        columns, expansions = self.columns(options), self.expansions(options)
        found = self._ordered(self.filtered(rows, options), options)
        total = len(found) if options.get("$count") == "true" else None
        window, next_at = self._window(found, options)
        window = [row for row in window if not self._hides(row)]
        return Page(window, columns, expansions, total, next_at)

    def _hides(self, row: Any) -> bool:
        reads = (each.read for each in self.table.column_by_name.values())
        return bool(self.lies.hidden) and self.lies.hides(read(row) for read in reads)

    def refuse_unknown(self, options: Options) -> None:
        for name in options:
            if name.startswith("$") and name not in self.allowed | ALWAYS_ALLOWED:
                raise ODataError(f"The query option '{name}' is not supported.")

    def columns(self, options: Options) -> list[Column]:
        names = _names(options.get("$select", ""))
        if not names or "*" in names:
            return self.table.shown()
        plain = [name for name in names if name not in self.table.navigation_by_name]
        return [self._selectable(name) for name in plain]

    def expansions(self, options: Options) -> list[Expansion]:
        texts = list(_split(options.get("$expand", ""), ","))
        if self.lies.most_expansions is not None and len(texts) > self.lies.most_expansions:
            raise ODataError("The request names too many properties to expand.", self.lies.closed_status)
        if texts and self.depth >= MOST_EXPANSIONS:
            raise ODataError(f"The request includes a $expand path which is too deep. The most is {MOST_EXPANSIONS}.")
        expansions = [self._expansion(text.strip()) for text in texts]
        return [each for each in expansions if each.navigation.name not in self.lies.deaf_expansions]

    def _expansion(self, text: str) -> Expansion:
        name, _, rest = text.partition("(")
        navigation = self.table.navigation_by_name.get(name)
        if navigation is None:
            raise self._unknown(name)
        if name in self.lies.closed_expansions:
            raise ODataError(f"The property '{name}' cannot be used in the $expand option.", self.lies.closed_status)
        if self.relations.target(navigation).forbidden:
            raise ODataError(f"You have insufficient rights to access the {navigation.target} table.", 403)
        pairs = (each.strip().partition("=") for each in _split(rest.removesuffix(")"), ";"))
        options = {option: value for option, _, value in pairs}
        expansion = Expansion(navigation, options)
        self.inside(expansion).page([], options)  # what is wrong in it is wrong without rows too
        return expansion

    def inside(self, expansion: Expansion) -> Query:
        """The query that is made of the rows below each row."""
        target = self.relations.target(expansion.navigation)
        shown = as_shown(target.name, target, self.lies)
        return Query(shown, self.dialect, self.relations, lies=self.lies, depth=self.depth + 1)

    def _selectable(self, name: str) -> Column:
        column = self.table.column_by_name.get(name)
        if column is None:
            raise self._unknown(name)
        if column.access in (Access.RESTRICTED, Access.UNNAMED):
            raise ODataError(f"The property '{name}' cannot be used in the $select query option.")
        return column

    def _unknown(self, name: str) -> ODataError:
        return ODataError(f"Could not find a property named '{name}' on type '{self.table.full_name}'.")

    def filtered(self, rows: Sequence[Any], options: Options) -> list[Any]:
        text = options.get("$filter", "").strip()
        if not text:
            return list(rows)
        if self.lies.uncomparable and TEXT_COMPARED.search(text):
            raise ODataError("The binary operator GreaterThanOrEqual is not defined.", self.lies.uncomparable)
        table = as_compared(self.table, self.lies)
        predicate = Parser(text, table, self.dialect, self.relations, self.lies).predicate()
        return [] if finds_nothing(text, self.lies) else list(filter(predicate, rows))

    def _ordered(self, rows: list[Any], options: Options) -> list[Any]:
        if self.shuffles:
            # Another plan for another window: the order among equals hangs on what is skipped.
            seed = (_whole(options, "$skip") or 0, self.turn)
            rows = [row for _, row in sorted(enumerate(rows), key=lambda pair: hash((pair[0], *seed)))]
        for name, descending in reversed(list(self._directions(options))):
            rows.sort(key=self._sort_key(name), reverse=descending)
        return rows

    def _directions(self, options: Options) -> Iterator[tuple[str, bool]]:
        for text in _names(options.get("$orderby", "")):
            match = re.fullmatch(r"(\w+)(?:\s+(asc|desc))?", text)
            if match is None:
                raise ODataError(f"Syntax error in '{text}'.")
            yield match[1], match[2] == "desc"

    def _sort_key(self, name: str) -> Callable[[Any], Any]:
        """SQL Server puts nulls first."""
        column, zone = self.table.column_by_name.get(name), self.dialect.zone
        if column is None:
            raise self._unknown(name)
        if column.access is Access.FORMULA:
            raise RefusedError(Answer(200))
        if column.access in (Access.RESTRICTED, Access.UNFILTERABLE, Access.UNNAMED):
            raise ODataError(f"The property '{name}' cannot be used in the $orderby query option.")
        read = column.read
        return lambda row: () if (value := comparable(read(row), zone)) is None else (value,)

    def _window(self, rows: list[Any], options: Options) -> tuple[list[Any], int | None]:
        """The rows asked for, or the server's page of them and where the next page begins."""
        skip, top = _whole(options, "$skip") or 0, _whole(options, "$top")
        asked = rows[skip:] if top is None else rows[skip : skip + top]
        start = _whole(options, "$skiptoken") or 0
        if self.page_rows is None or len(asked) <= start + self.page_rows:
            return asked[start:], None
        return asked[start : start + self.page_rows], start + self.page_rows


def _whole(options: Options, name: str) -> int | None:
    text = options.get(name)
    if text is not None and not text.isdecimal():
        raise ODataError(f"Invalid value '{text}' for {name} query option found.")
    return None if text is None else int(text)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _split(text: str, mark: str) -> Iterator[str]:
    """The parts between marks that stand outside quotes and parentheses."""
    depth, quoted, start = 0, False, 0
    for at, sign in enumerate(text):
        quoted ^= sign == "'"
        depth += 0 if quoted else (sign == "(") - (sign == ")")
        if sign == mark and not quoted and depth == 0:
            yield text[start:at]
            start = at + 1
    if text[start:].strip():
        yield text[start:]


def arguments(text: str) -> list[str]:
    """What stands between the parentheses of a key or a function."""
    return [part.strip() for part in _split(text, ",")]
