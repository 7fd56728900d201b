"""Reads one tenant's rows of a table, asking for less where the ERP bears no more."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

import msgspec
import requests
from airbyte_cdk.models import FailureType

from source_acumatica.ahead import Ahead, ByNumber
from source_acumatica.client import Client
from source_acumatica.config import Config
from source_acumatica.cursor import FILTER_WORKS, GIVES_PAGES, Window
from source_acumatica.entity import Wire, unwrap
from source_acumatica.errors import Next, Problem, RequestFailed, config_error
from source_acumatica.paging import (
    BEGINNING,
    SMALLEST_PAGE_ROWS,
    MovingListError,
    Page,
    PageSize,
    Position,
    anchored_pages,
)
from source_acumatica.query import (
    Plan,
    custom_fields,
    in_groups,
    inquiry_body,
    list_options,
    merge_custom,
    record_options,
    record_path,
)
from source_acumatica.tables import Table
from source_acumatica.trail import Identity, Ledger

logger = logging.getLogger("airbyte")

_DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=msgspec.Raw)
# What differs between two answers with the same record, at every depth: ids may be made up, custom fields be others.
_TRANSIENT = frozenset({"id", "rowNumber", "_links", "custom"})
# A page that has moved between the requests for its custom fields is read again.
_TRIES_AT_ONE_PAGE = 5
# Read one by one, so many records are held at a time and come between two states: at a second each, half a minute.
_KEYS_IN_A_PAGE = 30
_ALL, _CHANGED = "all", "changed"
# Before any record of the ERP: SQL Server's own dates begin here.
EVER = Window(since="1753-01-01T00:00:00.000000Z")

Ask = Callable[[Window, Mapping[str, Any]], tuple[Sequence[Wire], int]]
"""Sends a list request for a window and a page token, and returns the rows and the size of the answer in bytes."""


def where_of(tenant: str, stream: str) -> str:
    """How log lines and errors about a tenant's rows of a stream begin."""
    return f"Tenant '{tenant}', stream {stream}"


class Facts(Protocol):
    """What is known of one tenant's list from this sync and the ones before."""

    @property
    def has_unstamped(self) -> bool:
        """Whether rows without a stamp have been seen."""

    def knows(self, name: str) -> bool:
        """Whether it was learnt within the last day."""

    def learn(self, name: str) -> None:
        """Keep it for a day."""

    def forget(self, name: str) -> None:
        """It is so no longer."""


class AdHocSchemas:
    """Records that name the custom fields, asked for once per tenant and entity: its lines are streams of their own."""

    def __init__(self) -> None:
        self._schemas: dict[tuple[str, str], Wire] = {}
        self._locks: dict[tuple[str, str], threading.Lock] = {}

    def get(self, tenant: str, url_path: str, ask: Callable[[], Wire]) -> Wire:
        """The schema of an entity; whoever comes while it is being asked for waits."""
        entity = (tenant, url_path)
        with self._locks.setdefault(entity, threading.Lock()):
            if entity not in self._schemas:
                self._schemas[entity] = ask()
            return self._schemas[entity]


@dataclass
class Reader(ABC):
    """One tenant's rows of a stream; the subclasses differ in how they are asked for."""

    tenant: str
    config: Config
    record_bytes: float = field(default=0.0, init=False)
    """What a record of the last answer took on the wire, on average."""

    @property
    @abstractmethod
    def where(self) -> str:
        """How log lines and errors begin."""

    @abstractmethod
    def pages(self, window: Window) -> Iterator[Page[Wire]]:
        """The wire records of ``window``, page by page.

        Raises:
            RequestFailed: given up, with the sentence; ``Next.SKIP`` where there is nothing to read.
        """

    def is_filtered(self, window: Window) -> bool:
        """Whether the server was asked for the window alone, and not for all rows."""
        return False

    def has_unstamped(self) -> bool | None:
        """Whether there are rows without a stamp; None where the ERP cannot be asked for them apart."""
        return None


@dataclass
class ContractReader(Reader):
    """What the readers of the contract-based REST API have in common."""

    table: Table
    columns: frozenset[str] | None
    client: Client
    headers: Mapping[str, str]

    @property
    def where(self) -> str:
        """How log lines and errors begin."""
        return where_of(self.tenant, self.table.name)

    def fetch_object(self, path: str, options: Mapping[str, str] | None = None, **request: Any) -> dict[str, Any]:
        """One record or form."""
        headers = {**self.headers, **request.pop("headers", {})}

        def read(response: requests.Response) -> dict[str, Any]:
            self.record_bytes = len(response.content)
            return _read_object(response)

        return self.client.fetch(self.tenant, path, options, read=read, where=self.where, headers=headers, **request)


@dataclass
class FormReader(ContractReader):
    """The results of an inquiry form: asked for with parameters, in one answer, in full each time."""

    def pages(self, window: Window) -> Iterator[Page[Wire]]:
        """The filled-in form as the only record; its results are the table's rows."""
        form = self.fetch_object(
            self.table.url_path,
            record_options(self.table, Plan(), self.columns),
            method="PUT",
            headers={"Content-Type": "application/json"},
            body=msgspec.json.encode(self._parameters()),
        )
        yield Page([form], window.start)

    def _parameters(self) -> dict[str, Any]:
        given = self.config.parameters(self.table.entity)
        try:
            return inquiry_body(self.table, given)
        except (KeyError, ValueError):
            there_are = ", ".join(f"{name} ({kind.value})" for name, kind in self.table.shape.fields.items())
            entity, names = self.table.entity, ", ".join(given)
            message = f"inquiry_parameters: {entity} takes {there_are}; check the names and types of {names}."
            raise config_error(message) from None


@dataclass
class ListReader(ContractReader):
    """The list of an entity, as far down the ladder of ``Plan`` as the ERP makes it go."""

    ask: Ask
    facts: Facts
    ad_hoc: AdHocSchemas
    is_incremental: bool
    _plan: Plan = field(default_factory=Plan)
    _size: PageSize | None = None
    _lowering: threading.Lock = field(default_factory=threading.Lock)
    """Several pages may be refused at once; the plan is lowered for the first."""

    def pages(self, window: Window) -> Iterator[Page[Wire]]:
        """The list's pages from where the window was left."""
        if self._size is None:
            self._size = PageSize(self.config.max_page_size)
            self._plan = Plan(custom=self._custom_fields())
        fetch = partial(self._fetch, self._size, window)
        ahead = Ahead(self.client.helpers, ByNumber(), fetch, partial(self._page_rows, self._size), lambda: self._plan)
        ledger = None if self.is_incremental else Ledger()
        pages = anchored_pages(
            ahead.fetch,
            self._identify,
            self._begin(window),
            is_unique=self.table.is_identified,
            ledger=ledger,
            longest=known_longest(self.facts),
        )
        try:
            for page in ahead.pages(pages):
                position = replace(page.position, list_name=self._list_name)
                yield Page(list(self._completed(page.rows)), position)
        except MovingListError:
            raise repeats_itself(self.where) from None

    @property
    def _list_name(self) -> str:
        return _CHANGED if self._plan.filters else _ALL

    def _begin(self, window: Window) -> Position:
        """The place in the window, if it is one of the list that is going to be read."""
        start = window.start
        if window.since and start.list_name == _ALL:
            # The filter was found to be of no use when the window was begun.
            self._plan = replace(self._plan, filters=False)
        return start if start.list_name in ("", self._list_name) else BEGINNING

    def has_unstamped(self) -> bool | None:
        """Whether there are rows without a stamp; None where the ERP cannot be asked for them."""
        if self._plan.is_by_record:
            return None
        try:
            rows, _ = self.ask(Window(is_unstamped=True), {"top": 1, "plan": replace(self._plan, custom=())})
        except RequestFailed as error:
            if error.problem.next is Next.CLIMB_DOWN or error.failure_type is FailureType.system_error:
                return None
            raise
        cursor = self.table.cursor or ""
        return None if any(unwrap(row.get(cursor)) for row in rows) else bool(rows)

    def is_filtered(self, window: Window) -> bool:
        """Whether the server was asked for the window alone, and not for all rows."""
        return window.since is not None and self._plan.filters

    def _page_rows(self, size: PageSize) -> int:
        return min(size.rows, _KEYS_IN_A_PAGE) if self._plan.is_by_record else size.rows

    def _fetch(self, size: PageSize, window: Window, skip: int, asked: int) -> tuple[Sequence[Wire], int]:
        """One page from ``skip`` on, and how many rows were asked for; asks for less where the ERP bears no more."""
        while True:
            plan, began = self._plan, time.monotonic()
            try:
                rows, size_bytes = self._list(window, {"skip": skip, "top": asked, "plan": plan})
            except RequestFailed as error:
                match error.problem.next:
                    case Next.FEWER_ROWS if size.shrink(asked):
                        logger.warning(f"{self.where}: {error.problem.sentence}. Asking for {size.rows} rows.")
                    case Next.CLIMB_DOWN | Next.STOP:
                        with self._lowering:
                            if plan == self._plan:
                                self._plan = self._lower_plan(window, error)
                    case _:
                        raise
                asked = self._page_rows(size)
            else:
                size.observe(time.monotonic() - began, size_bytes)
                self.record_bytes = size_bytes / max(len(rows), 1)
                if rows or skip or not self._hides_rows(window):
                    return rows, asked
                self._plan = replace(plan, filters=False)

    def _hides_rows(self, window: Window) -> bool:
        """Whether an empty answer is no answer: a few forms answer every filter by a field that is no key with no rows.

        It is asked for unless the filter has brought a row within the last day (BEHAVIOR.md, "Lists").
        """
        if not self.is_filtered(window) or self.facts.knows(FILTER_WORKS):
            return False
        probe = {"top": 1, "plan": replace(self._plan, custom=())}
        if self.ask(EVER, probe)[0]:
            self.facts.learn(FILTER_WORKS)
            return False
        if not self.ask(Window(), probe)[0]:
            return False
        self.facts.forget(FILTER_WORKS)
        logger.warning(
            f"{self.where}: the ERP answers a filter by {self.table.cursor} with no rows, although there are some. "
            "Reading all rows instead of the changed ones."
        )
        return True

    def _list(self, window: Window, token: Mapping[str, Any]) -> tuple[Sequence[Wire], int]:
        """A page, asked for once for each group of custom fields, and its size in bytes."""
        plan: Plan = token["plan"]
        groups = in_groups(plan.custom)
        token = {**token, "as_dicts": len(groups) > 1}
        for _ in range(_TRIES_AT_ONE_PAGE):
            rows, size_bytes = self.ask(window, {**token, "plan": replace(plan, custom=groups[0])})
            rest = (self.ask(window, {**token, "plan": replace(plan, custom=group)})[0] for group in groups[1:])
            if all(self._merge(rows, more) for more in rest):
                return rows, size_bytes
        sentence = "its rows change faster than their custom fields can be read"
        raise RequestFailed(Problem(Next.STOP, FailureType.transient_error, sentence), self.where)

    def _merge(self, rows: Sequence[Wire], more: Sequence[Wire]) -> bool:
        """Whether both pages hold the same records; ``rows`` then has the custom fields of both."""
        return len(rows) == len(more) and all(
            not {*self._identify(row)}.isdisjoint(self._identify(other)) and merge_custom(row, other, self.table.path)
            for row, other in zip(rows, more, strict=True)
        )

    def _lower_plan(self, window: Window, error: RequestFailed) -> Plan:
        """What to ask for instead, so that the ERP bears it; says so in the log.

        Raises:
            RequestFailed: the same, where there is nothing less to ask for.
        """
        problem, where, plan = error.problem, self.where, self._plan
        if problem.next is Next.STOP and problem.failure_type is FailureType.config_error:
            raise error
        works = partial(self._bears, window)
        if plan.custom and works(replace(plan, custom=())):
            kept = bearable(plan.custom, lambda some: works(replace(plan, custom=some)))
            if kept == plan.custom:
                raise error
            refused = ", ".join(name for name in plan.custom if name not in kept)
            logger.warning(f"{where}: the ERP fails when asked for the custom fields {refused}; they are left out.")
            return replace(plan, custom=kept)
        if plan.filters and window.since and works(replace(plan, filters=False)):
            logger.warning(f"{where}: {problem.sentence}. Reading all rows instead of the changed ones.")
            return replace(plan, filters=False)
        if problem.next is Next.STOP:
            raise error
        wanted = {*(self.columns or self.table.rows_shape.json_schema()), *self.table.path}
        options = partial(list_options, self.table, columns=self.columns, window=window)
        lower = plan.lower(problem.names, wanted)
        while lower and options(plan=lower) == options(plan=plan):
            lower = lower.lower(problem.names, wanted)
        if lower is None:
            sentence = f"{problem.sentence}. Not even its keys can be listed: leave this stream out"
            raise RequestFailed(replace(problem, sentence=sentence), where)
        logger.warning(f"{where}: {problem.sentence}. {_explain(lower, problem)}")
        return lower

    def _bears(self, window: Window, plan: Plan) -> bool:
        try:
            self._list(window, {"top": 1, "plan": plan})
        except RequestFailed as error:
            if error.problem.next in (Next.CLIMB_DOWN, Next.STOP):
                return False
            raise
        return True

    def _completed(self, rows: Sequence[Wire]) -> Iterator[Wire]:
        """The rows as they are, or, where the list gave keys only, each record fetched by itself."""
        if not self._plan.is_by_record:
            yield from rows
            return
        records = self.client.helpers.map(self._record, rows)
        yield from (record for record in records if record is not None)

    def _record(self, row: Wire) -> Wire | None:
        """One record in full; None where it was removed since its key was read."""
        record: dict[str, Any] = {}
        try:
            for group in in_groups(self._plan.custom):
                options = record_options(self.table, replace(self._plan, custom=group), self.columns)
                more = self.fetch_object(record_path(self.table, row), options)
                record = record or more
                merge_custom(record, more, self.table.path)
        except RequestFailed as error:
            if error.problem.next is Next.GONE:
                return None
            raise
        return record

    def _custom_fields(self) -> tuple[str, ...]:
        """The names of the tenant's custom fields: they come only when they are asked for by name."""
        if not self.config.include_custom_fields or (self.columns is not None and "custom" not in self.columns):
            return ()
        schema = self.ad_hoc.get(self.tenant, self.table.url_path, self._ad_hoc_schema)
        return custom_fields(self.table, schema)

    def _ad_hoc_schema(self) -> Wire:
        """An empty record that names what the description does not."""
        try:
            return self.fetch_object(f"{self.table.url_path}/$adHocSchema")
        except RequestFailed as error:
            # Some forms fail with an error of their own here; whatever else it is would fail the list as well.
            if error.problem.next is not Next.CLIMB_DOWN and error.failure_type is not FailureType.system_error:
                raise
            logger.warning(f"{error.message}. Custom fields are not read.")
            return {}

    def _identify(self, row: Wire) -> Identity:
        """By its keys or its NoteID; where neither is known, by its id, or else, as that may be transient, by all."""
        if self.table.keys:
            return ("\x1f".join(str(unwrap(row.get(key))) for key in self.table.keys),)
        if self.table.has_note_id:
            return (str(row.get("id")),)
        said = msgspec.json.encode(_lasting(row), order="sorted")
        return (str(row.get("id")), hashlib.sha256(said).hexdigest())


def repeats_itself(where: str) -> RequestFailed:
    """The error of a list that does not end."""
    sentence = "the ERP repeats the same rows instead of going on: reading this list was stopped"
    return RequestFailed(Problem(Next.STOP, FailureType.transient_error, sentence), where)


def known_longest(facts: Facts) -> int:
    """How many rows the server is known to give at once: more than the one that pages have in common, or nothing."""
    return SMALLEST_PAGE_ROWS if facts.knows(GIVES_PAGES) else 0


def gives_up(where: str, sentence: str) -> RequestFailed:
    """The error of a list that cannot be read as it is, and only the user can mend it."""
    return RequestFailed(Problem(Next.STOP, FailureType.config_error, sentence), where)


def _read_object(response: requests.Response) -> dict[str, Any]:
    return _DECODER.decode(response.content)


def _lasting(value: Any) -> Any:
    """What a record says in every answer, in a form that can be serialized."""
    match value:
        case dict():
            return {name: _lasting(inner) for name, inner in value.items() if name not in _TRANSIENT}
        case list():
            return [_lasting(inner) for inner in value]
        case _:
            return value


def bearable(names: tuple[str, ...], works: Callable[[tuple[str, ...]], bool]) -> tuple[str, ...]:
    """Those of ``names`` that the ERP bears, found by halving."""
    if not names or works(names):
        return names
    if len(names) == 1:
        return ()
    middle = len(names) // 2
    return bearable(names[:middle], works) + bearable(names[middle:], works)


def _explain(plan: Plan, problem: Problem) -> str:
    if plan.is_by_record:
        named = f" Deselecting {', '.join(problem.names)} would make it fast again." if problem.names else ""
        return f"Reading the keys first and then each record by itself, which costs one request per record.{named}"
    if plan.without:
        return f"Reading it without {', '.join(sorted(plan.without))}, which are not selected."
    return "Asking for whole records instead of single fields."
