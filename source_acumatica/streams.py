"""Turns tables into requests, pages, records and state: the streams that Airbyte reads."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
import orjson
import requests
from airbyte_cdk.models import FailureType, SyncMode
from airbyte_cdk.sources.streams.http import HttpStream
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.client import Client
from source_acumatica.config import Config
from source_acumatica.cursor import Progress, TenantCursor, Window
from source_acumatica.entity import Wire, exact_fraction, exact_number, unwrap
from source_acumatica.errors import Next, Problem, RequestFailed, config_error
from source_acumatica.paging import Identity, MovingListError, Page, PageSize, anchored_pages
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

logger = logging.getLogger("airbyte")

_DECODER = msgspec.json.Decoder(float_hook=exact_fraction)
# What differs between two answers with the same record, at every depth: ids may be made up, custom fields be others.
_TRANSIENT = frozenset({"id", "rowNumber", "_links", "custom"})
# A request is repeated with fewer rows this often at the smallest page before it is given up.
_TRIES_AT_SMALLEST_PAGE = 3
# A page that has moved between the requests for its custom fields is read again.
_TRIES_AT_ONE_PAGE = 5
# Read one by one, so many records come between two states: at a second each, a sign of life every two minutes.
_KEYS_IN_A_PAGE = 100
# Before any record of the ERP: SQL Server's own dates begin here.
_EVER = Window(since="1753-01-01T00:00:00.000000Z")


@dataclass(frozen=True)
class Access:
    """What is known of the tenants at the start of a run."""

    failures: Mapping[str, AirbyteTracedException]
    """Tenants that could not be described, and why: their slices fail, the others' are read."""
    server_times: Mapping[str, datetime]

    @classmethod
    def of(cls, client: Client, tenants: Sequence[str], failures: Mapping[str, AirbyteTracedException]) -> Access:
        """The tenants' clocks, read when they were signed in to."""
        times = {tenant: client.server_time(tenant) for tenant in tenants}
        return cls(failures, {tenant: time for tenant, time in times.items() if time})


class ContractStream(HttpStream):
    """One table, read through the contract-based REST API, for all tenants."""

    def __init__(
        self,
        table: Table,
        tenants: Sequence[str],
        client: Client,
        config: Config,
        access: Access,
        configured: Mapping[str, Any] | None = None,
    ) -> None:
        # HttpStream's constructor asks for the name already.
        self._table, self._client, self._config, self._access = table, client, config, access
        self.tenants = tenants
        self._columns = table.wanted(configured)
        self._schema = table.json_schema()
        self._plans: dict[str, Plan] = {}
        self._sizes: dict[str, PageSize] = {}
        self.progress: TenantCursor | None = None
        """Set for an incremental read."""
        super().__init__()

    @property
    def name(self) -> str:
        """The stream's name."""
        return self._table.name

    @property
    def primary_key(self) -> list[str]:
        """The tenant first."""
        return self._table.primary_key

    @property
    def cursor_field(self) -> str | list[str]:
        """The cursor's column, or an empty list."""
        return self._table.cursor_field or []

    @property
    def is_resumable(self) -> bool:
        """Only a stream with a cursor keeps a position."""
        return self.supports_incremental

    @property
    def url_base(self) -> str:
        """The instance."""
        return self._config.instance_url

    def get_json_schema(self) -> Mapping[str, Any]:  # type: ignore[override]  # the CDK's is an lru_cache object
        """The table's columns; asked for with every record, so made once."""
        return self._schema

    def path(
        self,
        *,
        stream_state: Mapping[str, Any] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> str:
        """The entity's address below the instance."""
        return self._table.url_path

    def request_params(
        self,
        stream_state: Mapping[str, Any] | None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> MutableMapping[str, Any]:
        """The query options: they depend on the slice's window and the page token alone."""
        token = next_page_token or {}
        window = Window.of_state((stream_slice or {}).get("window", {}))
        options = list_options(self._table, token.get("plan", Plan()), self._columns, window)
        return {**options, **{f"${name}": str(token[name]) for name in ("skip", "top") if name in token}}

    def request_headers(
        self,
        stream_state: Mapping[str, Any] | None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        """Archived records are hidden unless they are asked for."""
        return {"PX-ApiArchive": "SHOW"} if self._config.include_archived else {}

    def next_page_token(self, response: requests.Response) -> Mapping[str, Any] | None:
        """None: the answers do not tell; ``anchored_pages`` does."""
        return None

    def parse_response(
        self,
        response: requests.Response,
        *,
        stream_state: Mapping[str, Any],
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any]]:
        """The wire records of an answer, with every digit of their numbers.

        Raises:
            msgspec.DecodeError: the body is not a whole JSON array.
        """
        rows = _DECODER.decode(response.content)
        if not isinstance(rows, list):
            message = "not an array"
            raise msgspec.DecodeError(message)
        return rows

    def stream_slices(
        self,
        *,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any]]:
        """One slice for each tenant, with the windows to read in it, fixed here once and for all."""
        for tenant in self.tenants:
            progress = self.progress.progress(tenant) if self.progress else Progress()
            now = self._access.server_times.get(tenant)
            windows = progress.windows(self._config.start_date, self._config.lookback, now)
            yield {"tenant": tenant, "windows": [window.as_state() for window in windows]}

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """A tenant's rows; behind those of each page the state, when reading incrementally."""
        slice_ = stream_slice or {}
        tenant = slice_["tenant"]
        if tenant in self._access.failures:
            raise self._access.failures[tenant]
        rows_of = self._table.rows(tenant, self._columns)
        with self._client.reading(tenant):
            try:
                for window in map(Window.of_state, slice_["windows"]):
                    for page in self._pages(tenant, window):
                        for wire in page.rows:
                            yield from rows_of(wire)
                        if self.progress:
                            is_filtered = window.since is not None and self._plans[tenant].filters
                            self.progress.page_done(tenant, window, page.position, is_filtered=is_filtered)
                    if self.progress:
                        self.progress.window_done(tenant, window)
            except RequestFailed as error:
                if error.problem.next is not Next.SKIP:
                    raise
                # Without progress: once the form is set up, its whole history is read.
                logger.warning(f"{self._where(tenant)}: {error.problem.sentence}. No rows are read.")

    def _pages(self, tenant: str, window: Window) -> Iterator[Page[Wire]]:
        if tenant not in self._plans:
            self._plans[tenant] = Plan(custom=self._custom_fields(tenant))
        try:
            for page in anchored_pages(partial(self._fetch, tenant, window), self._identify, window.start):
                yield replace(page, rows=list(self._completed(tenant, page.rows)))
        except MovingListError:
            sentence = "the ERP repeats the same rows instead of going on: reading this list was stopped"
            problem = Problem(Next.STOP, FailureType.transient_error, sentence)
            raise RequestFailed(problem, self._where(tenant)) from None

    def _fetch(self, tenant: str, window: Window, skip: int) -> tuple[Sequence[Wire], int]:
        """One page from ``skip`` on, and how many rows were asked for; asks for less where the ERP bears no more."""
        size = self._sizes.setdefault(tenant, PageSize(self._config.max_page_size))
        tries_at_smallest = 0
        while True:
            plan, began = self._plans[tenant], time.monotonic()
            asked = min(size.rows, _KEYS_IN_A_PAGE) if plan.is_by_record else size.rows
            try:
                rows, size_bytes = self._list(tenant, window, {"skip": skip, "top": asked, "plan": plan})
            except RequestFailed as error:
                match error.problem.next:
                    case Next.FEWER_ROWS if size.shrink() or tries_at_smallest < _TRIES_AT_SMALLEST_PAGE:
                        tries_at_smallest += size.rows >= asked
                        logger.warning(f"{self._where(tenant)}: {error.problem.sentence}. Asking for {size.rows} rows.")
                    case Next.CLIMB_DOWN | Next.STOP:
                        self._plans[tenant] = self._lower_plan(tenant, window, plan, error)
                    case _:
                        raise
            else:
                size.observe(time.monotonic() - began, size_bytes)
                if rows or skip or not self._hides_rows(tenant, window, plan):
                    return rows, asked
                self._plans[tenant] = replace(plan, filters=False)

    def _hides_rows(self, tenant: str, window: Window, plan: Plan) -> bool:
        """Whether an empty answer is no answer: a few forms answer every filter by a field that is no key with no rows.

        It is asked for as long as the filter has never brought a row (BEHAVIOR.md, "Lists").
        """
        is_proven = self.progress is not None and self.progress.progress(tenant).filter_works
        if window.since is None or not plan.filters or is_proven:
            return False
        for probe in (replace(_EVER, until=window.until), Window()):
            rows, _ = self._ask(tenant, probe, {"top": 1, "plan": replace(plan, custom=())})
            if rows:
                break
        hides = bool(rows) and probe.since is None
        if hides:
            logger.warning(
                f"{self._where(tenant)}: the ERP answers a filter by {self._table.cursor} with no rows, although there "
                "are some. Reading all rows instead of the changed ones."
            )
        return hides

    def _list(self, tenant: str, window: Window, token: Mapping[str, Any]) -> tuple[Sequence[Wire], int]:
        """A page, asked for once for each group of custom fields, and its size in bytes."""
        plan: Plan = token["plan"]
        groups = in_groups(plan.custom)
        for _ in range(_TRIES_AT_ONE_PAGE):
            rows, size_bytes = self._ask(tenant, window, {**token, "plan": replace(plan, custom=groups[0])})
            rest = (
                self._ask(tenant, window, {**token, "plan": replace(plan, custom=group)})[0] for group in groups[1:]
            )
            if all(self._merge(rows, more) for more in rest):
                return rows, size_bytes
        sentence = "its rows change faster than their custom fields can be read"
        raise RequestFailed(Problem(Next.STOP, FailureType.transient_error, sentence), self._where(tenant))

    def _merge(self, rows: Sequence[Wire], more: Sequence[Wire]) -> bool:
        """Whether both pages hold the same records; ``rows`` then has the custom fields of both."""
        return len(rows) == len(more) and all(
            not {*self._identify(row)}.isdisjoint(self._identify(other)) and merge_custom(row, other, self._table.path)  # type: ignore[arg-type]  # decoded here, and so a dict
            for row, other in zip(rows, more, strict=True)
        )

    def _ask(self, tenant: str, window: Window, token: Mapping[str, Any]) -> tuple[Sequence[Wire], int]:
        def read(response: requests.Response) -> tuple[Sequence[Wire], int]:
            return list(self.parse_response(response, stream_state={})), len(response.content)

        slice_ = {"tenant": tenant, "window": window.as_state()}
        return self._client.fetch(
            tenant,
            self.path(),
            self.request_params(None, slice_, token),
            headers=self.request_headers(None),
            read=read,
            where=self._where(tenant),
            is_page=True,
        )

    def _lower_plan(self, tenant: str, window: Window, plan: Plan, error: RequestFailed) -> Plan:
        """What to ask for instead, so that the ERP bears it; says so in the log.

        Raises:
            RequestFailed: the same, where there is nothing less to ask for.
        """
        problem, where = error.problem, self._where(tenant)
        if problem.next is Next.STOP and problem.failure_type is FailureType.config_error:
            raise error
        works = partial(self._bears, tenant, window)
        if plan.custom and works(replace(plan, custom=())):
            kept = _bearable(plan.custom, lambda some: works(replace(plan, custom=some)))
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
        wanted = {*(self._columns or self._table.rows_shape.json_schema()), *self._table.path}
        options = partial(list_options, self._table, columns=self._columns, window=window)
        lower = plan.lower(problem.names, wanted)
        while lower and options(plan=lower) == options(plan=plan):
            lower = lower.lower(problem.names, wanted)
        if lower is None:
            sentence = f"{problem.sentence}. Not even its keys can be listed: leave this stream out"
            raise RequestFailed(replace(problem, sentence=sentence), where)
        logger.warning(f"{where}: {problem.sentence}. {_explain(lower, problem)}")
        return lower

    def _bears(self, tenant: str, window: Window, plan: Plan) -> bool:
        try:
            self._list(tenant, window, {"top": 1, "plan": plan})
        except RequestFailed as error:
            if error.problem.next in (Next.CLIMB_DOWN, Next.STOP):
                return False
            raise
        return True

    def _completed(self, tenant: str, rows: Sequence[Wire]) -> Iterator[Wire]:
        """The rows as they are, or, where the list gave keys only, each record fetched by itself."""
        plan = self._plans[tenant]
        if not plan.is_by_record:
            yield from rows
            return
        for row in rows:
            record = self._record(tenant, plan, row)
            if record is not None:
                yield record

    def _record(self, tenant: str, plan: Plan, row: Wire) -> Wire | None:
        """One record in full; None where it was removed since its key was read."""
        first, *rest = in_groups(plan.custom)
        try:
            record = self._ask_for_record(tenant, replace(plan, custom=first), row)
            for group in rest:
                merge_custom(record, self._ask_for_record(tenant, replace(plan, custom=group), row), self._table.path)
        except RequestFailed as error:
            if error.problem.next is Next.GONE:
                return None
            raise
        return record

    def _ask_for_record(self, tenant: str, plan: Plan, row: Wire) -> dict[str, Any]:
        return self._client.fetch(
            tenant,
            record_path(self._table, row),
            record_options(self._table, plan, self._columns),
            headers=self.request_headers(None),
            read=_read_object,
            where=self._where(tenant),
        )

    def _custom_fields(self, tenant: str) -> tuple[str, ...]:
        """The names of the tenant's custom fields: they come only when they are asked for by name."""
        if not self._config.include_custom_fields or (self._columns is not None and "custom" not in self._columns):
            return ()
        try:
            ad_hoc = self._client.fetch(
                tenant, f"{self._table.url_path}/$adHocSchema", read=_read_object, where=self._where(tenant)
            )
        except RequestFailed as error:
            if (
                error.problem.next not in (Next.CLIMB_DOWN, Next.GONE)
                and error.failure_type is FailureType.config_error
            ):
                raise
            logger.warning(f"{error.message}. Custom fields are not read.")
            return ()
        return custom_fields(self._table, ad_hoc)

    def _identify(self, row: Wire) -> Identity:
        """By its keys or its NoteID; where neither is known, by its id, or else, as that may be transient, by all."""
        if self._table.keys:
            return ("\x1f".join(str(unwrap(row.get(key))) for key in self._table.keys),)
        if self._table.has_note_id:
            return (str(row.get("id")),)
        said = orjson.dumps(_lasting(row), option=orjson.OPT_SORT_KEYS)
        return (str(row.get("id")), hashlib.sha256(said).hexdigest())

    def _where(self, tenant: str) -> str:
        return f"Tenant '{tenant}', stream {self.name}"


class InquiryStream(ContractStream):
    """The results of an inquiry form: asked for with parameters, in one answer, in full each time."""

    def _pages(self, tenant: str, window: Window) -> Iterator[Page[Wire]]:
        where = self._where(tenant)
        form = self._client.fetch(
            tenant,
            self.path(),
            record_options(self._table, Plan(custom=()), self._columns),
            method="PUT",
            headers={**self.request_headers(None), "Content-Type": "application/json"},
            body=msgspec.json.encode(self._parameters()),
            read=_read_object,
            where=where,
        )
        yield Page([form], window.start)

    def _parameters(self) -> dict[str, Any]:
        given = self._config.parameters(self._table.entity)
        try:
            return inquiry_body(self._table, given)
        except (KeyError, ValueError):
            there_are = ", ".join(f"{name} ({kind.value})" for name, kind in self._table.shape.fields.items())
            entity, names = self._table.entity, ", ".join(given)
            message = f"inquiry_parameters: {entity} takes {there_are}; check the names and types of {names}."
            raise config_error(message) from None


def _read_object(response: requests.Response) -> dict[str, Any]:
    record = _DECODER.decode(response.content)
    if not isinstance(record, dict):
        message = "not an object"
        raise msgspec.DecodeError(message)
    return record


def _lasting(value: Any) -> Any:
    """What a record says in every answer, in a form that can be serialized."""
    match value:
        case dict():
            return {name: _lasting(inner) for name, inner in value.items() if name not in _TRANSIENT}
        case list():
            return [_lasting(inner) for inner in value]
        case _:
            return exact_number(value)


def _bearable(names: tuple[str, ...], works: Callable[[tuple[str, ...]], bool]) -> tuple[str, ...]:
    """Those of ``names`` that the ERP bears, found by halving."""
    if not names or works(names):
        return names
    if len(names) == 1:
        return ()
    middle = len(names) // 2
    return _bearable(names[:middle], works) + _bearable(names[middle:], works)


def _explain(plan: Plan, problem: Problem) -> str:
    if plan.is_by_record:
        named = f" Deselecting {', '.join(problem.names)} would make it fast again." if problem.names else ""
        return f"Reading the keys first and then each record by itself, which costs one request per record.{named}"
    if plan.without:
        return f"Reading it without {', '.join(sorted(plan.without))}, which are not selected."
    return "Asking for whole records instead of single fields."
