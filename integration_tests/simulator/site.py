"""The ERP behind the socket: from a request to its answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from random import Random
from typing import Any
from uuid import uuid4

from .answers import (
    HTML,
    Answer,
    RefusedError,
    as_json,
    bad_request,
    failure,
    html,
    message,
    no_record,
    not_optimizable,
    signed_out,
)  # fmt: skip
from .catalog import ENDPOINTS
from .customizations import endpoint_of, has_endpoint
from .descriptions import Dialect, describe
from .faults import Faults, Surroundings, strike
from .filters import GUID, FilterError, compile_filter
from .identity import Grant, Identity
from .lies import TRUTH, Lies
from .odata import InquiryDoor, ODataOptions, TableDoor
from .places import Place, find_place
from .queries import Plan, read_plan, read_window, refuse_what_cannot_be_listed
from .rendering import Renderer, ad_hoc_schema
from .requests import Request
from .sessions import Sessions, Throttle
from .shapes import Endpoint, Entity, FieldKind
from .tables import Matches, Table
from .teller import Teller, finds_nothing, heard, told_entity, told_feed
from .tenants import Tenant
from .values import Value

NEW_BUILD, OLD_BUILD = "24.208.0020", "23.113.0024"


@dataclass(frozen=True)
class Settings:
    base_path: str
    openapi: bool
    zone: tzinfo
    latency_seconds: float
    odata: ODataOptions = field(default_factory=ODataOptions)


Hook = Callable[[Request], object]
Rewrite = Callable[[Request, Answer], Answer]


class Site:
    def __init__(
        self,
        settings: Settings,
        tenants: Mapping[str, Tenant],
        identity: Identity,
        sessions: Sessions,
        throttle: Throttle,
        faults: Faults,
        sleep: Callable[[float], object],
        teller: Teller,
    ) -> None:
        self.settings, self.tenants = settings, tenants
        self.identity, self.sessions, self.throttle, self.faults = identity, sessions, throttle, faults
        self.hooks: list[Hook] = []
        self.rewrites: list[Rewrite] = []
        self._sleep, self.teller = sleep, teller
        self._endpoints = {(each.name, each.version): each for each in ENDPOINTS}

    def answer(self, request: Request) -> Answer:
        try:
            answer = self._route(request)
        except RefusedError as refusal:
            answer = refusal.answer
        for rewrite in self.rewrites:
            answer = rewrite(request, answer)
        return answer

    def _route(self, request: Request) -> Answer:
        match (request.method, request.path.rstrip("/")):
            case ("POST", "/identity/connect/token"):
                return self._under_faults(request, lambda: self.identity.token(request.form))
            case ("POST", "/identity/connect/revocation"):
                return self._under_faults(request, lambda: self.identity.revoke(request.form))
            case ("POST", "/entity/auth/logout"):
                return self._under_faults(request, lambda: self._sign_out(request))
            case (_, "/Frames/Error.aspx"):
                return html(200, "Error")
            case (_, path) if path == "/entity" or path.startswith("/entity/"):
                return self._with_session(request)
            case (_, path) if place := self._place(path):
                return self._feed(request, place)
        return html(404, "404 - File or directory not found.")

    def _sign_out(self, request: Request) -> Answer:
        """Worked off at once, not behind the session's running request."""
        if "content-length" not in request.headers:
            return html(411, "Length Required")
        self.sessions.close(self._grant(request))
        return Answer(204)

    def _grant(self, request: Request) -> Grant:
        grant = self.identity.grant_of(request.token)
        if grant is None:
            raise RefusedError(signed_out())
        return grant

    def _with_session(self, request: Request) -> Answer:
        grant = self._grant(request)
        tenant = self.tenants[grant.tenant]
        return self._in_turn(request, grant, lambda: self._entity_door(request, tenant))

    def _in_turn(self, request: Request, grant: Grant, work: Callable[[], Answer]) -> Answer:
        self.throttle.admit()
        with self.sessions.turn_of(grant):
            for hook in self.hooks:
                hook(request)
            self._sleep(self.settings.latency_seconds)
            return self._under_faults(request, work, grant)

    def _place(self, path: str) -> Place | None:
        return find_place(path, self.settings.openapi, self.tenants, self.settings.odata.legacy_inquiries)

    def _feed(self, request: Request, place: Place) -> Answer:
        """The address names the tenant: one that does not exist is not found, a token of another one is no token."""
        if place.tenant not in self.tenants:
            return html(404, "404 - File or directory not found.")
        grant = self.identity.grant_of(request.token)
        if grant is None or grant.tenant != place.tenant:
            return Answer(401, content_type=HTML)
        settings, door = self.settings, TableDoor if place.tables else InquiryDoor
        site_url = f"http://{request.headers.get('host', '')}{settings.base_path}"
        tenant, roles, now = self.tenants[place.tenant], grant.account.roles, self.identity.clock.now

        def work() -> Answer:
            lies = self.teller.of(request)
            given = heard(request, lies)
            turn = self.teller.turn() if lies.unordered else 0
            ready = door(place, tenant, given, settings.odata, site_url, settings.zone, roles, now, lies, turn)
            return told_feed(ready.answer(), lies) if place.is_data else ready.answer()

        return self._in_turn(request, grant, work)

    def _under_faults(self, request: Request, work: Callable[[], Answer], grant: Grant | None = None) -> Answer:
        fault = self.faults.take(request.method, request.target)
        if fault is None:
            return work()
        found = grant or self.identity.grant_of(request.token)
        around = Surroundings(
            self.settings.base_path,
            self._sleep,
            lambda: None if found is None else self.identity.drop(found),
            lambda: None if found is None else self.sessions.close(found),
        )
        return strike(fault, work, around)

    def _entity_door(self, request: Request, tenant: Tenant) -> Answer:
        match request.path.rstrip("/").split("/")[2:]:
            case []:
                return as_json(self._endpoint_list(tenant))
            case [name, version, *rest] if (known := self._endpoints.get((name, version))) and has_endpoint(
                known, tenant.lacks
            ):
                return self._endpoint_door(request, tenant, endpoint_of(known, tenant.lacks), rest)
        return html(404, "404 - File or directory not found.")

    def _endpoint_door(self, request: Request, tenant: Tenant, endpoint: Endpoint, rest: Sequence[str]) -> Answer:
        if list(rest) == ["swagger.json"]:
            site_url = f"http://{request.headers.get('host', '')}{self.settings.base_path}"
            return as_json(describe(endpoint, Dialect(self.settings.openapi, site_url)))
        entity = endpoint.entity_by_name.get(rest[0]) if rest else None
        if entity is None:
            return _no_resource(request)
        _refuse_without_rights(entity)
        lies = self.teller.of(request)
        with tenant.lock:
            answer = EntityDoor(self.settings, endpoint, entity, tenant, heard(request, lies), lies).answer(rest[1:])
        is_data = request.method == "GET" and rest[1:] != ["$adHocSchema"]
        return told_entity(request, answer, lies, is_list=not rest[1:]) if is_data else answer

    def _endpoint_list(self, tenant: Tenant) -> object:
        """New builds wrap the rows and tell their own version, old ones send the rows alone."""
        base = self.settings.base_path
        rows = [
            {"name": each.name, "version": each.version, "href": f"{base}/entity/{each.name}/{each.version}/"}
            for each in self._endpoints.values()
            if has_endpoint(each, tenant.lacks)
        ]
        if not self.settings.openapi:
            return rows
        return {"version": {"acumaticaBuildVersion": NEW_BUILD, "databaseVersion": NEW_BUILD}, "endpoints": rows}


def _refuse_without_rights(entity: Entity) -> None:
    if entity.limits.forbidden:
        where = f"{entity.title} ({entity.screen})"
        raise RefusedError(message(403, f"You have insufficient rights to access the {where} form."))
    if form := entity.limits.setup_missing:
        text = f"The required configuration data is not entered on the {form} form."
        raise RefusedError(failure(text, "PX.Data.PXSetupNotEnteredException"))


def _blank(form: Entity) -> object:
    """The form as it opens, with nothing filled in."""
    fields: dict[str, object] = {each.name: {} for each in form.fields} | {each.name: [] for each in form.collections}
    return {"id": str(uuid4()), "rowNumber": 1, "note": {"value": ""}, **fields, "custom": {}, "files": []}


def _no_resource(request: Request) -> Answer:
    return message(404, f"No HTTP resource was found that matches the request URI '{request.path}'.")


@dataclass(frozen=True)
class EntityDoor:
    """One entity of one endpoint, as one request asks for it."""

    settings: Settings
    endpoint: Endpoint
    entity: Entity
    tenant: Tenant
    request: Request
    lies: Lies = TRUTH

    def answer(self, keys: Sequence[str]) -> Answer:
        match (self.request.method, *keys):
            case ("GET",):
                return self._list()
            case ("GET", "$adHocSchema"):
                return as_json(ad_hoc_schema(self.entity))
            case ("GET", *_) if len(keys) <= max(len(self.entity.keys), 1):
                return self._one(keys)
            case ("GET", *_):
                return _no_resource(self.request)
            case ("PUT",) if self.entity.inquiry:
                return self._inquire()
        return message(405, f"The requested resource does not support http method '{self.request.method}'.")

    @property
    def _table(self) -> Table:
        return self.tenant.table(self.entity.name, self.endpoint.name)

    @property
    def _archived(self) -> bool:
        return self.request.headers.get("px-apiarchive", "").upper() == "SHOW"

    @property
    def _renderer(self) -> Renderer:
        path = f"{self.settings.base_path}/entity/{self.endpoint.name}/{self.endpoint.version}"
        return Renderer(self.entity, path, self.settings.zone, not self.lies.unstable_ids)

    @property
    def _plan(self) -> Plan:
        return read_plan(self.request.query, self.entity, empty_collections=not self.settings.openapi)

    def _list(self) -> Answer:
        if self.entity.inquiry and self.entity.inquiry.lists_blank:
            return as_json([_blank(self.entity)])
        plan, window = self._plan, read_window(self.request.query)
        refuse_what_cannot_be_listed(plan, self.entity)
        handles = [each for each in window.of(self._in_order(self._matching())) if not self._hides(each)]
        return Answer(200, self._renderer.listed(map(self._table.record, handles), plan).encode())

    def _matching(self) -> Sequence[int] | Matches:
        text = self.request.query.get("$filter", "").strip()
        if not text:
            return self._table.matching("", None, self._archived)
        try:
            predicate = compile_filter(text, self.entity, self.settings.zone, self.lies)
        except FilterError as error:
            raise RefusedError(failure(str(error), error.kind)) from None
        if self._finds_nothing(text):
            return []
        # Matches are remembered by their filter, and another lie finds others.
        kind = "" if self.lies == TRUTH else str(self.lies)
        return self._table.matching(text + kind, predicate, self._archived)

    def _in_order(self, handles: Sequence[int] | Matches) -> Sequence[int] | Matches:
        number = self.lies.reordered
        return sorted(handles[:], key=lambda handle: Random(f"{number} {handle}").random()) if number else handles

    def _hides(self, handle: int) -> bool:
        record = self._table.record(handle)
        return self.lies.hides(record.value(name) for name in self.entity.field_by_name)

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
        if self.entity.field_by_name[name].kind is FieldKind.STRING:
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
        record = self.tenant.inquiry(self.entity, parameters, self.endpoint.name)
        return Answer(200, self._renderer.top(record, self._plan).encode())

    def _parameters(self) -> dict[str, Any]:
        if not self.request.body.strip():
            raise RefusedError(bad_request("The request body should not be empty."))
        try:
            content = json.loads(self.request.body)
        except json.JSONDecodeError:
            raise RefusedError(bad_request("The request body is not JSON.")) from None
        given = {name: each.get("value") for name, each in content.items() if isinstance(each, dict)}
        return {name: value for name, value in given.items() if name in self.entity.field_by_name}

    def _rejected(self, parameters: Mapping[str, Any], missing: Sequence[str]) -> Answer:
        """Status 422 comes with the record itself, and the errors in it."""
        fields = {name: {"value": value} for name, value in parameters.items()}
        fields |= {name: {"error": f"Error: '{name}' cannot be empty."} for name in missing}
        return as_json({**fields, "error": "Inserting record raised at least one error."}, 422)
