"""An entity of an endpoint, as one request asks for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from random import Random
from typing import Any

from integration_tests.simulator.contract.dialects import Dialect, dialect_of
from integration_tests.simulator.contract.filters import GUID, FilterError
from integration_tests.simulator.contract.inquiry_forms import blank, filled_in
from integration_tests.simulator.contract.queries import Plan, read_window, refuse_what_cannot_be_listed
from integration_tests.simulator.contract.rendering import Renderer, ad_hoc_schema
from integration_tests.simulator.store.shapes import SELECTS, Endpoint, Entity, FieldKind
from integration_tests.simulator.store.tables import Matches, Table
from integration_tests.simulator.store.tenant_data import TenantData
from integration_tests.simulator.store.values import Value
from integration_tests.simulator.trouble.hearing import finds_nothing
from integration_tests.simulator.trouble.lies import TRUTH, Lies
from integration_tests.simulator.web.answers import (
    Answer,
    RefusedError,
    as_json,
    bad_request,
    failure,
    message,
    no_record,
    not_optimizable,
)
from integration_tests.simulator.web.requests import Request
from integration_tests.simulator.web.settings import Settings


@dataclass(frozen=True)
class EntityResource:
    """One request to one entity of one endpoint."""

    settings: Settings
    endpoint: Endpoint
    entity: Entity
    tenant: TenantData
    request: Request
    lies: Lies = TRUTH

    def answer(self, keys: Sequence[str]) -> Answer:
        match (self.request.method, *keys):
            case ("POST",) if self.entity.is_report:
                return Answer(202)
            case ("GET", *_) if self.entity.is_report:
                return no_method(self.request)
            case ("GET",):
                return self._list()
            case ("GET", "$adHocSchema"):
                return as_json(ad_hoc_schema(self.entity))
            case ("GET", *_) if len(keys) <= max(len(self.entity.keys), 1):
                return self._one(keys)
            case ("GET", *_):
                return no_resource(self.request)
            case ("PUT",) if self.entity.inquiry:
                return self._inquire()
        return no_method(self.request)

    @property
    def _dialect(self) -> Dialect:
        return dialect_of(self.endpoint)

    @property
    def _table(self) -> Table:
        return self.tenant.table(self.entity.name, self.endpoint.name)

    @property
    def _archived(self) -> bool:
        return self.request.headers.get("px-apiarchive", "").upper() == "SHOW"

    @property
    def _renderer(self) -> Renderer:
        path = f"{self.settings.base_path}/entity/{self.endpoint.name}/{self.endpoint.version}"
        values = self._dialect.values(self.settings.zone, self.lies)
        # Comments came with 2024 R2, as did OpenAPI.
        has_comments = self.settings.openapi
        return Renderer(self.entity, path, values, self.tenant.attachments, not self.lies.unstable_ids, has_comments)

    @property
    def _plan(self) -> Plan:
        return self._dialect.plan(self.request.query, self.entity, self.lies, not self.settings.openapi)

    def _list(self) -> Answer:
        if self.entity.inquiry and self.entity.inquiry.lists_blank:
            return as_json([blank(self.entity)])
        plan, window = self._plan, read_window(self.request.query)
        refuse_what_cannot_be_listed(plan, self.entity)
        if self.lies.closed_files and plan.shows_files():
            raise RefusedError(not_optimizable("There is a BqlDelegate in view NoteFiles."))
        handles = [each for each in window.of(self._in_order(self._matching())) if not self._hides(each)]
        return Answer(200, self._renderer.listed(map(self._table.record, handles), plan).encode())

    def _matching(self) -> Sequence[int] | Matches:
        text = self.request.query.get("$filter", "").strip()
        if not text:
            return self._table.matching("", None, self._archived)
        try:
            predicate = self._dialect.predicate(text, self.entity, self.settings.zone, self.lies)
        except FilterError as error:
            raise RefusedError(failure(str(error), error.kind, self._dialect.status(error, self.lies))) from None
        if self._finds_nothing(text):
            return []
        # Matches are remembered by their filter, and another lie finds others.
        kind = "" if self.lies == TRUTH else str(self.lies)
        return self._table.matching(f"{self._dialect.name} {text}{kind}", predicate, self._archived)

    def _in_order(self, handles: Sequence[int] | Matches) -> Sequence[int] | Matches:
        number = self.lies.reordered
        return sorted(handles[:], key=lambda handle: Random(f"{number} {handle}").random()) if number else handles

    def _hides(self, handle: int) -> bool:
        record, fields = self._table.record(handle), self.entity.field_by_name.values()
        choices = (each.choices.id_of(record.value(each.column)) for each in fields if each.choices)
        return self.lies.hides(chain((record.value(each.column) for each in fields), choices))

    def _finds_nothing(self, text: str) -> bool:
        by_key = any(key in text for key in self.entity.keys)
        return finds_nothing(text, self.lies) or (self.entity.limits.filters_by_key_only and not by_key)

    def _one(self, keys: Sequence[str]) -> Answer:
        """By id or by keys; neither goes through the one SQL query of a list, so nothing is refused."""
        if self.entity.inquiry:
            raise RefusedError(not_optimizable(f"There is a BqlDelegate in view {self.entity.limits.delegate_view}."))
        handle = self._handle(keys)
        if handle is None or self._hides(handle) or (self._table.is_archived(handle) and not self._archived):
            return no_record()
        return Answer(200, self._renderer.top(self._table.record(handle), self._plan).encode())

    def _handle(self, keys: Sequence[str]) -> int | None:
        if len(keys) == 1 and GUID.match(keys[0]):
            return None if self.lies.unstable_ids else self._table.find_id(keys[0])
        values = keys[0].split("|") if len(keys) == 1 else keys
        if len(values) != len(self.entity.keys):
            return None
        return self._table.find([self._key_value(*each) for each in zip(self.entity.keys, values, strict=True)])

    def _key_value(self, name: str, text: str) -> Value:
        field = self.entity.field_by_name[name]
        if field.kind in SELECTS:
            return self._dialect.key_value(field, text, self.lies)
        if field.kind is FieldKind.STRING:
            return text
        if not text.isdecimal():
            raise RefusedError(no_record())
        return int(text)

    def _inquire(self) -> Answer:
        assert self.entity.inquiry is not None
        parameters = self._parameters()
        missing = [name for name in self.entity.inquiry.mandatory if parameters.get(name) is None]
        if missing and self.entity.inquiry.rejects_missing:
            return self._rejected(parameters, missing)
        record = filled_in(self.entity, self.tenant, parameters, self.endpoint.name)
        return Answer(200, self._renderer.top(record, self._plan).encode())

    def _parameters(self) -> dict[str, Any]:
        if not self.request.body.strip():
            raise RefusedError(bad_request("The request body should not be empty."))
        try:
            content = json.loads(self.request.body)
        except json.JSONDecodeError:
            raise RefusedError(bad_request("The request body is not JSON.")) from None
        given = {name: each.get("value") for name, each in content.items() if isinstance(each, dict)}
        known = {name: field for name, field in self.entity.field_by_name.items() if name in given}
        return {field.column: self._dialect.parameter(field, given[name]) for name, field in known.items()}

    def _rejected(self, parameters: Mapping[str, Any], missing: Sequence[str]) -> Answer:
        """Status 422 comes with the record itself, and the errors in it."""
        fields = {name: {"value": value} for name, value in parameters.items()}
        fields |= {name: {"error": f"Error: '{name}' cannot be empty."} for name in missing}
        return as_json({**fields, "error": "Inserting record raised at least one error."}, 422)


def no_method(request: Request) -> Answer:
    return message(405, f"The requested resource does not support http method '{request.method}'.")


def no_resource(request: Request) -> Answer:
    return message(404, f"No HTTP resource was found that matches the request URI '{request.path}'.")
