"""What the two OData services of a site have in common: generic inquiries and tables answer alike."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import cached_property
from typing import ClassVar

from integration_tests.simulator.odata.addresses import Address
from integration_tests.simulator.odata.customizations import dac_by_name
from integration_tests.simulator.odata.dacs import Dac
from integration_tests.simulator.odata.deletion_rules import DeletionRules
from integration_tests.simulator.odata.dialects import Dialect, ODataError, Version
from integration_tests.simulator.odata.edm import EntityType
from integration_tests.simulator.odata.queries import Query
from integration_tests.simulator.odata.relations import Relations
from integration_tests.simulator.odata.rendering import ResponseWriter
from integration_tests.simulator.odata.row_store import RowStore
from integration_tests.simulator.odata.rows import Row
from integration_tests.simulator.store.tenant_data import TenantData
from integration_tests.simulator.store.values import Cell
from integration_tests.simulator.trouble.lies import TRUTH, Lies
from integration_tests.simulator.web.answers import Answer
from integration_tests.simulator.web.requests import Request

XML = "application/xml; charset=utf-8"
# A set or a function, the key or arguments in parentheses, and what is asked of it.
RESOURCE = re.compile(r"(?P<name>[^(/]+)(?:\((?P<given>.*?)\))?(?:/(?P<call>[^/]+))?/?$")
ServiceDocument = Iterator[Mapping[str, Cell]]


@dataclass(frozen=True)
class ODataOptions:
    page_rows: int | None = None
    relative_links: bool = False
    legacy_inquiries: Version | None = None
    metadata_megabytes: float = 0.0
    deletions: DeletionRules = field(default_factory=DeletionRules)


@dataclass(frozen=True)
class Service(ABC):
    """One request to a service."""

    role_needed: ClassVar[str] = ""
    address: Address
    tenant: TenantData
    store: RowStore
    request: Request
    options: ODataOptions
    site_url: str
    zone: tzinfo
    roles: Collection[str]
    now: Callable[[], datetime]
    lies: Lies = TRUTH
    turn: int = 0  # where equal rows come in another order in each request: its number

    def answer(self) -> Answer:
        try:
            return self._route()
        except ODataError as refused:
            return self._dialect.error(refused)

    @property
    @abstractmethod
    def _dialect(self) -> Dialect: ...

    @abstractmethod
    def _metadata(self) -> Iterator[bytes]: ...

    @abstractmethod
    def _services(self) -> ServiceDocument: ...

    @abstractmethod
    def _resource(self, name: str, given: str | None, call: str | None) -> Answer: ...

    def _route(self) -> Answer:
        if self.request.method != "GET":
            raise ODataError("The service is read-only.", 405)
        if self.role_needed not in {"", *self.roles}:
            raise ODataError(f"You need the {self.role_needed} role to access the data.", 403)
        match self.address.rest.rstrip("/"):
            case "":
                return self._writer.services(self._services())
            case "$metadata":
                return Answer(200, content_type=XML, stream=self._metadata())
        match = RESOURCE.match(self.address.rest)
        if match is None:
            raise not_found(self.address.rest)
        with self.tenant.lock:
            return self._resource(match["name"], match["given"], match["call"])

    @cached_property
    def _writer(self) -> ResponseWriter:
        root_url = self.site_url + self.address.root
        links = self.options.relative_links
        return ResponseWriter(self._dialect, root_url, self.address.rest, self.request.query, links)

    @cached_property
    def _relations(self) -> Relations:
        return Relations(self._rows, self.zone, dac_by_name(self.tenant.lacks))

    def _rows(self, table: Dac) -> list[Row]:
        archived, deleted = (self._shows(each) for each in ("px-apiarchive", "px-apideleted"))
        deleted = deleted and self.options.deletions.knows_header
        return self.store.of(table, self.zone, archived, deleted)

    def _shows(self, header: str) -> bool:
        return self.request.headers.get(header, "").upper() == "SHOW"

    def _query(self, table: EntityType, allowed: frozenset[str], shuffles: bool = False) -> Query:
        shuffles = shuffles or bool(self.turn)
        return Query(
            table, self._dialect, self._relations, allowed, shuffles, self.options.page_rows, self.lies, self.turn
        )


def named(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip()


def not_found(segment: str) -> ODataError:
    return ODataError(f"Resource not found for the segment '{segment}'.", 404)
