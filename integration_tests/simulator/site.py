"""The ERP behind the socket: from a request to its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic, time

from integration_tests.simulator.access.identity import Grant, Identity
from integration_tests.simulator.access.licence import Throttle
from integration_tests.simulator.access.sessions import Sessions
from integration_tests.simulator.catalog.releases import Release
from integration_tests.simulator.contract.service import ContractService
from integration_tests.simulator.odata.addresses import Address, find_address
from integration_tests.simulator.odata.inquiry_service import InquiryService
from integration_tests.simulator.odata.lies import untrue_rows
from integration_tests.simulator.odata.service import ODataOptions
from integration_tests.simulator.odata.table_service import TableService
from integration_tests.simulator.tenants import Tenant
from integration_tests.simulator.trouble.faults import Faults, Surroundings, strike
from integration_tests.simulator.trouble.hearing import as_heard
from integration_tests.simulator.trouble.request_stat import with_request_stat
from integration_tests.simulator.trouble.switches import Switches
from integration_tests.simulator.web.answers import (
    HTML,
    Answer,
    RefusedError,
    html,
    signed_out,
)
from integration_tests.simulator.web.requests import Request
from integration_tests.simulator.web.settings import Settings

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
        switches: Switches,
        odata: ODataOptions,
        release: Release,
    ) -> None:
        self.settings, self.tenants = settings, tenants
        self.identity, self.sessions, self.throttle, self.faults = identity, sessions, throttle, faults
        self.hooks: list[Hook] = []
        self.rewrites: list[Rewrite] = []
        self._sleep, self._switches, self.odata = sleep, switches, odata
        self._endpoints = {(each.name, each.version): each for each in release.endpoints}
        self._contract = ContractService(settings, release, self._endpoints, switches)
        self._lists_for_anyone = release.has_contract_5

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
            case ("GET", "/entity") if self._lists_for_anyone and not request.token:
                return self._contract.endpoint_list(request)
            case (_, path) if path == "/entity" or path.startswith("/entity/"):
                return self._with_session(request)
            case (_, path) if address := self._address(path):
                return self._open_data(request, address)
        return html(404, "404 - File or directory not found.")

    def _sign_out(self, request: Request) -> Answer:
        """Answered at once, not behind the session's running request."""
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
        return self._in_turn(request, grant, lambda: self._contract.answer(request, tenant))

    def _in_turn(self, request: Request, grant: Grant, work: Callable[[], Answer]) -> Answer:
        arrived = began = monotonic()
        try:
            with self.throttle.admitted():
                began = monotonic()
                answer = self._in_session(request, grant, work)
        except RefusedError as refusal:
            answer = refusal.answer
        form = self._switches.of(request).request_stat
        return with_request_stat(answer, form, request.path, began - arrived, monotonic() - began, time())

    def _in_session(self, request: Request, grant: Grant, work: Callable[[], Answer]) -> Answer:
        with self.sessions.turn_of(grant):
            for hook in self.hooks:
                hook(request)
            self._sleep(self.settings.latency_seconds)
            return self._under_faults(request, work, grant)

    def _address(self, path: str) -> Address | None:
        return find_address(path, self.settings.openapi, self.tenants, self.odata.legacy_inquiries)

    def _open_data(self, request: Request, address: Address) -> Answer:
        """The address names the tenant: one that does not exist is not found, a token of another one is no token."""
        if address.tenant not in self.tenants:
            return html(404, "404 - File or directory not found.")
        grant = self.identity.grant_of(request.token)
        if grant is None or grant.tenant != address.tenant:
            return Answer(401, content_type=HTML)
        settings, kind = self.settings, TableService if address.tables else InquiryService
        site_url = f"http://{request.headers.get('host', '')}{settings.base_path}"
        tenant, roles, now = self.tenants[address.tenant], grant.account.roles, self.identity.clock.now

        def work() -> Answer:
            lies = self._switches.of(request)
            given = as_heard(request, lies)
            turn = self._switches.next_turn() if lies.unordered else 0
            service = kind(
                address, tenant, tenant.store, given, self.odata, site_url, settings.zone, roles, now, lies, turn
            )
            return untrue_rows(service.answer(), lies) if address.is_data else service.answer()

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
