"""Builds the addresses and query options of OData requests, in both generations."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any
from urllib.parse import quote

from source_acumatica.config import typed_in
from source_acumatica.erp.addresses import fits
from source_acumatica.odata.linked_tables import LinkedTable
from source_acumatica.odata.tables import FUNCTION_SUFFIX, NOTE_ID, ODataFeed, ODataTable
from source_acumatica.reading.fields import FieldKind, moved
from source_acumatica.reading.window import Window

# Of an address; the rest is for a filter, a place, and an inquiry's parameters.
_LONGEST_ORDER_CHARACTERS = _LONGEST_PLACES_CHARACTERS = 1300
IDS_IN_A_CONDITION = 19
"""This many ids make a condition of just below 1,000 characters (BEHAVIOR.md, "Lists")."""
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class Generation(Enum):
    """The addresses of the two services, newest first: releases up to 2024 R1 have only the old ones.

    See BEHAVIOR.md, "OData".
    """

    TENANT_FIRST = "/t/{tenant}/api/odata/gi", "/t/{tenant}/api/odata/dac"
    FEED_FIRST = "/odata/{tenant}", "/odatav4/{tenant}"

    def root(self, feed: ODataFeed, tenant: str) -> str:
        """The address of a service below the instance."""
        inquiries, tables = self.value
        return (inquiries if feed is ODataFeed.INQUIRIES else tables).format(tenant=quote(tenant, safe=""))


def of_ids(ids: Sequence[str]) -> str:
    """The condition for the rows with these NoteIDs."""
    return " or ".join(f"{NOTE_ID} eq {each}" for each in ids)


_LIST_NAME = re.compile(r"(?P<filtered>all|changed|changed or null), (?P<method>keyset|number|row): (?P<order>.+)")


@dataclass(frozen=True)
class ODataPlan:
    """How a list is asked for: the columns that order it, and whether pages begin at values or at row numbers."""

    order: tuple[str, ...]
    is_keyset: bool = False
    filters: bool = True
    """Whether only the rows of the window are asked for, and not all rows."""
    with_null: bool = True
    """Whether a filter by the stamp also asks for the rows that have none, which no comparison finds."""
    is_by_row: bool = False
    """Whether rows may be equal in all columns that order them, so that only their whole content identifies them."""

    @property
    def list_name(self) -> str:
        """The name of the list that a place belongs to: of its filter, order and method."""
        filtered = ("changed or null" if self.with_null else "changed") if self.filters else "all"
        method = "keyset" if self.is_keyset else "row" if self.is_by_row else "number"
        return f"{filtered}, {method}: {','.join(self.order)}"

    @classmethod
    def of_name(cls, name: str, fields: Collection[str]) -> ODataPlan | None:
        """The inverse of ``list_name``; None where the name is not one of a plan, or its columns are gone."""
        match = _LIST_NAME.fullmatch(name)
        order = tuple(match["order"].split(",")) if match else ()
        if not match or not set(order) <= set(fields):
            return None
        filtered = match["filtered"]
        method, with_null = match["method"], filtered == "changed or null"
        return cls(order, method == "keyset", filtered != "all", with_null, method == "row")

    def explain(self, instead: ODataPlan) -> str:
        """The log's sentence about reading by this plan ``instead`` of another."""
        rows = "all rows instead of the changed ones, " if instead.filters and not self.filters else ""
        by = f"ordered by {', '.join(self.order)}" if self.order else "in one answer"
        return f"Reading {rows}{by}."

    def within(self, window: Window, cursor: str | None) -> ODataPlan:
        """The same for a window, without a filter where the window or the table gives none to ask for."""
        if self.filters and cursor and (window.since or window.is_unstamped):
            return self
        return self.unfiltered

    @property
    def unfiltered(self) -> ODataPlan:
        """The same for all rows."""
        return replace(self, filters=False, with_null=False)


def plans(table: ODataTable, sortable: tuple[str, ...], window: Window) -> list[ODataPlan]:
    """The plans to read a window of an inquiry or a table by, the best first; each sends another request.

    ``sortable`` are the columns that order an inquiry. A table is read in the order of its keys, where a row keeps its
    place when it changes.
    """
    order, is_keyset = (sortable, False) if table.feed is ODataFeed.INQUIRIES else (table.keys, bool(table.keys))
    if not table.restricted.isdisjoint(order):
        order, is_keyset = (), False
    best = ODataPlan(order, is_keyset)
    ways = [
        best,
        replace(best, with_null=False),
        replace(best, filters=False),
        ODataPlan(order, filters=False),
        ODataPlan((), filters=False),
    ]
    cursor = None if table.cursor in table.restricted else table.cursor
    within = [way.within(window, cursor) for way in ways]
    return list(dict.fromkeys(within if table.feed is ODataFeed.INQUIRIES or not order else within[:-1]))


def odata_options(
    table: ODataTable, plan: ODataPlan, columns: frozenset[str] | None, window: Window, token: Mapping[str, Any]
) -> dict[str, str]:
    """The options of a request, which depend on the window and the page token alone.

    The token has ``version`` of OData, ``top``, and ``skip`` or ``after``: the place that a page by keyset begins at,
    empty for the beginning; ``links`` are those to expand. ``at`` asks for the rows with these keys, with ``is_within``
    for those in the window, with ``stamped`` for those that have at least these stamps.
    """
    version = token["version"]
    if "at" in token:
        conditions = [_at_condition(table, token["at"], version, token.get("stamped", ()))]
        conditions += _window_conditions(table, plan, window, version) if token.get("is_within") else ()
    else:
        conditions = [*_window_conditions(table, plan, window, version), *_place_conditions(table, plan, token)]
    conditions += filter(None, [table.condition])
    options = {"$filter": " and ".join(conditions)} if conditions else {}
    # A restricted column comes only where none are selected (BEHAVIOR.md, "OData").
    names = columns if columns is not None and table.restricted.isdisjoint(columns) else ()
    selected = ",".join(name for name in table.fields if name in names)
    links = {name: each for name, each in table.links.items() if name in token.get("links", ())}
    if plan.order:
        options["$orderby"] = ",".join(plan.order)
    options.update({f"${name}": str(token[name]) for name in ("skip", "top") if token.get(name)})
    if version == 3:
        options["$format"] = "json"
    # Selections are left out if the address is too long: more columns do no harm.
    selecting = {"$select": selected} if selected else {}
    tries = [
        {**selecting, **_expanding(links), **options},
        {**_expanding(links), **options},
        {**_expanding(links, selects=False), **options},
    ]
    return next(filter(fits, tries), tries[-1])


def _expanding(links: Mapping[str, LinkedTable], *, selects: bool = True) -> dict[str, str]:
    """The option by which rows bring those that they lead to."""
    option = ",".join(linked.option(name, selects=selects) for name, linked in links.items())
    return {"$expand": option} if option else {}


def orderable(names: Sequence[str]) -> tuple[str, ...]:
    """As many of the first columns as leave room for a filter in the address."""
    count = len(names)
    while count and not fits({"$orderby": ",".join(names[:count])}, _LONGEST_ORDER_CHARACTERS):
        count -= 1
    return tuple(names[:count])


def places_that_fit(table: ODataTable, places: Sequence[Sequence[Any]]) -> int:
    """How many of the first places by keys can be asked for at once; at least one."""
    count = 1
    while count < len(places) and fits(
        {"$filter": _at_condition(table, places[: count + 1], 4)}, _LONGEST_PLACES_CHARACTERS
    ):
        count += 1
    return count


def _at_condition(table: ODataTable, places: Sequence[Sequence[Any]], version: int, stamps: Sequence[str] = ()) -> str:
    each = [
        " and ".join(f"{name} eq {literal}" for name, literal in _literals(table, table.keys, place, version))
        for place in places
    ]
    if stamps:
        each = [
            f"{one} and {table.cursor} ge {instant_literal(stamp, version)}"
            for one, stamp in zip(each, stamps, strict=True)
        ]
    return each[0] if len(each) == 1 else "(" + " or ".join(f"({one})" for one in each) + ")"


def _window_conditions(table: ODataTable, plan: ODataPlan, window: Window, version: int) -> Iterator[str]:
    """The conditions of the window only: no order and no method of reading adds one."""
    if plan.filters and table.cursor and window.is_unstamped:
        yield f"{table.cursor} eq null"
    elif plan.filters and table.cursor and window.since:
        changed = f"{table.cursor} ge {instant_literal(window.since, version)}"
        yield f"({changed} or {table.cursor} eq null)" if plan.with_null else changed


def _place_conditions(table: ODataTable, plan: ODataPlan, token: Mapping[str, Any]) -> Iterator[str]:
    after = token.get("after")
    if not after or not plan.is_keyset:
        return
    pairs = _literals(table, plan.order, after, token["version"])
    yield _grouped(behind(pairs))


def _literals(table: ODataTable, names: Sequence[str], values: Sequence[Any], version: int) -> list[tuple[str, str]]:
    """Columns and what they are compared with."""
    pairs = zip(names, values, strict=True)
    return [
        (name, _NULL if value is None else value_literal(value, table.fields[name], version)) for name, value in pairs
    ]


_NULL = "null"


def behind(pairs: Sequence[tuple[str, str]]) -> str:
    """The condition for the rows from a place on, that row included: ``pairs`` are its columns and their literals.

    Null comes first in the order, and no comparison finds it.
    """
    (name, literal), *rest = pairs
    if not rest:
        return f"{name} ge {literal}" if literal != _NULL else f"{name} eq null or {name} ne null"
    further = f"{name} gt {literal}" if literal != _NULL else f"{name} ne null"
    return f"{further} or ({name} eq {literal} and {_grouped(behind(rest))})"


def _grouped(text: str) -> str:
    return f"({text})" if " or " in text else text


def instant_literal(instant: str, version: int) -> str:
    """An instant in UTC, with the digits that it has; version 3 cannot write its zone (BEHAVIOR.md, "OData")."""
    moment = datetime.fromisoformat(instant).astimezone(UTC).replace(tzinfo=None)
    text = moment.isoformat(timespec="microseconds" if moment.microsecond % 1000 else "milliseconds")
    return f"datetime'{text}'" if version == 3 else f"{text}Z"


# No zone is further behind UTC.
_MOST_BEHIND = timedelta(hours=12)
UNKNOWN_ZONE = (
    "this release's OData does not say in which zone its times are. They are taken for UTC, and are off where the "
    "user's profile has another zone (Time Zone on User Profile, SM203010); so that no change is missed, those of 12 "
    "hours more are read"
)


def widened(window: Window) -> Window:
    """The window, widened so that it holds its rows whatever zone their times are in."""
    if window.since is None:
        return window
    return replace(window, since=moved(window.since, -_MOST_BEHIND))


def value_literal(value: Any, kind: FieldKind, version: int) -> str:
    """A value as the field's type is written in ``$filter``."""
    text = str(value)
    match kind:
        case FieldKind.DATE_TIME:
            return instant_literal(text, version)
        case FieldKind.BOOLEAN:
            return "true" if value else "false"
        case FieldKind.GUID if _GUID.fullmatch(text):
            return f"guid'{text}'" if version == 3 else text
        case FieldKind.DECIMAL if _NUMBER.fullmatch(text):
            return f"{text}M" if version == 3 else text
        case _ if kind not in (FieldKind.STRING, FieldKind.UNKNOWN) and _NUMBER.fullmatch(text):
            return text
        case _:
            return quoted(text)


def quoted(text: str) -> str:
    """A string literal."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


# ------------------------------------------------------------------------------------------- parameters of an inquiry


class ParameterError(ValueError):
    """The values given for an inquiry do not fit its parameters; the text says why."""


def parameterized(table: ODataTable, given: Mapping[str, Any], version: int) -> tuple[str, dict[str, str]]:
    """The resource below the service's root, and the options with an inquiry's parameters.

    Version 4 has a function for an inquiry with parameters; its arguments are written as aliases, since a value with a
    slash cannot be part of the path. Version 3 takes them as options, as they would be typed into the form, and does
    not describe them.

    Raises:
        ParameterError: parameters are missing, unknown or of the wrong type.
    """
    given = own_values(table, given, version)
    if version == 3 and not table.function:
        return quote(table.title, safe=""), {name: typed_in(value) for name, value in given.items()}
    if given.keys() != table.parameters.keys():
        raise ParameterError(_parameters_complaint(table, given))
    if not given:
        return quote(table.title, safe=""), {}
    function = table.function or table.title + FUNCTION_SUFFIX
    if version == 3:
        literals = {name: _parameter_literal(table, name, value, version) for name, value in given.items()}
        return quote(function, safe=""), literals
    aliases = {name: f"@p{number}" for number, name in enumerate(given, start=1)}
    arguments = ",".join(f"{name}={alias}" for name, alias in aliases.items())
    values = {aliases[name]: _parameter_literal(table, name, value, version) for name, value in given.items()}
    return f"{quote(function, safe='')}({arguments})", values


def own_values(table: ODataTable, given: Mapping[str, Any], version: int) -> dict[str, Any]:
    """Of the values given for an inquiry, those that the tenant's own ``table`` takes."""
    if version == 3 and not table.function:
        # The parameters are not described.
        return dict(given)
    return {name: value for name, value in given.items() if name not in table.others_parameters}


def _parameter_literal(table: ODataTable, name: str, value: Any, version: int) -> str:
    try:
        return parameter_literal(value, table.parameters[name], version)
    except ValueError as error:
        msg = f"inquiry_parameters of {table.title}: {error}"
        raise ParameterError(msg) from None


def _parameters_complaint(table: ODataTable, given: Mapping[str, Any]) -> str:
    there_are = ", ".join(f"{name} ({kind.removeprefix('Edm.')})" for name, kind in table.parameters.items())
    missing = ", ".join(name for name in table.parameters if name not in given)
    unknown = ", ".join(name for name in given if name not in table.parameters)
    complaints = [f"missing: {missing}"] if missing else []
    complaints += [f"unknown: {unknown}"] if unknown else []
    return (
        f"inquiry_parameters: the inquiry {table.title} takes {there_are or 'none'}; {'; '.join(complaints)}. "
        "Without its values it would show nothing, or not what is wanted"
    )


def parameter_literal(value: Any, edm_type: str, version: int = 4) -> str:
    """A value from the settings, where every value may be text, as a literal.

    Raises:
        ValueError: it is not of the type.
    """
    if value is None:
        return "null"
    text = typed_in(value)
    match edm_type:
        case "Edm.String":
            return quoted(text)
        case "Edm.DateTimeOffset" | "Edm.DateTime" | "Edm.Date":
            return _moment_literal(text, edm_type, version)
        case "Edm.Guid" if version == 3 and _GUID.fullmatch(text.strip()):
            return f"guid'{text.strip()}'"
        case "Edm.Decimal" if version == 3 and _NUMBER.fullmatch(text.strip()):
            return f"{text.strip()}M"
        case _ if (pattern := _PARAMETER_PATTERNS.get(edm_type)) and pattern.fullmatch(text.strip()):
            return text.strip().lower()
        case _:
            msg = f"{text} is not of type {edm_type}"
            raise ValueError(msg)


_WHOLE = re.compile(r"-?\d+")
_PARAMETER_PATTERNS: Mapping[str, re.Pattern[str]] = {
    "Edm.Boolean": re.compile("true|false", re.IGNORECASE),
    "Edm.Guid": _GUID,
    **dict.fromkeys(("Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Int64"), _WHOLE),
    **dict.fromkeys(("Edm.Decimal", "Edm.Double", "Edm.Single"), _NUMBER),
}


def _moment_literal(text: str, edm_type: str, version: int) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        msg = f"{text} is not of type {edm_type}, such as 2026-11-30"
        raise ValueError(msg) from None
    if edm_type == "Edm.Date":
        return moment.date().isoformat()
    return instant_literal((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat(), version)
