"""The contract-based REST API of a site: its endpoints, their descriptions and their entities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from integration_tests.simulator.contract.customizations import endpoint_of, has_endpoint
from integration_tests.simulator.contract.descriptions import description
from integration_tests.simulator.contract.entity_resource import EntityResource, no_resource
from integration_tests.simulator.contract.lies import untrue_records
from integration_tests.simulator.store.shapes import Endpoint, Entity
from integration_tests.simulator.store.tenant_data import TenantData
from integration_tests.simulator.trouble.hearing import as_heard
from integration_tests.simulator.trouble.switches import Switches
from integration_tests.simulator.web.answers import Answer, RefusedError, as_json, failure, html, message
from integration_tests.simulator.web.requests import Request
from integration_tests.simulator.web.settings import Settings

BUILD = "24.208.0020"


class ContractService:
    """What lies below `/entity/`; `endpoints` by name and version."""

    def __init__(self, settings: Settings, endpoints: Mapping[tuple[str, str], Endpoint], switches: Switches) -> None:
        self._settings, self._endpoints, self._switches = settings, endpoints, switches

    def answer(self, request: Request, tenant: TenantData) -> Answer:
        match request.path.rstrip("/").split("/")[2:]:
            case []:
                return as_json(self._endpoint_list(tenant))
            case [name, version, *rest] if (known := self._endpoints.get((name, version))) and has_endpoint(
                known, tenant.lacks
            ):
                return self._of_endpoint(request, tenant, endpoint_of(known, tenant.lacks), rest)
        return html(404, "404 - File or directory not found.")

    def _of_endpoint(self, request: Request, tenant: TenantData, endpoint: Endpoint, rest: Sequence[str]) -> Answer:
        if list(rest) == ["swagger.json"]:
            site_url = f"http://{request.headers.get('host', '')}{self._settings.base_path}"
            return Answer(200, description(endpoint, self._settings.openapi, site_url).encode())
        entity = endpoint.entity_by_name.get(rest[0]) if rest else None
        if entity is None:
            return no_resource(request)
        _refuse_without_rights(entity)
        lies = self._switches.of(request)
        resource = EntityResource(self._settings, endpoint, entity, tenant, as_heard(request, lies), lies)
        with tenant.lock:
            answer = resource.answer(rest[1:])
        is_data = request.method == "GET" and rest[1:] != ["$adHocSchema"]
        return untrue_records(request, answer, lies, is_list=not rest[1:]) if is_data else answer

    def _endpoint_list(self, tenant: TenantData) -> object:
        """New builds wrap the rows and name their own version, old ones send the rows alone."""
        base = self._settings.base_path
        rows = [
            {"name": each.name, "version": each.version, "href": f"{base}/entity/{each.name}/{each.version}/"}
            for each in self._endpoints.values()
            if has_endpoint(each, tenant.lacks)
        ]
        if not self._settings.openapi:
            return rows
        return {"version": {"acumaticaBuildVersion": BUILD, "databaseVersion": BUILD}, "endpoints": rows}


def _refuse_without_rights(entity: Entity) -> None:
    if entity.limits.forbidden:
        where = f"{entity.title} ({entity.screen})"
        raise RefusedError(message(403, f"You have insufficient rights to access the {where} form."))
    if form := entity.limits.setup_missing:
        text = f"The required configuration data is not entered on the {form} form."
        raise RefusedError(failure(text, "PX.Data.PXSetupNotEnteredException"))
