"""The contract-based REST API of a site: its endpoints, their descriptions and their entities."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from integration_tests.simulator.catalog.releases import FEATURES, Release
from integration_tests.simulator.contract.customizations import endpoint_of, has_endpoint
from integration_tests.simulator.contract.descriptions import description
from integration_tests.simulator.contract.dialects import dialect_of
from integration_tests.simulator.contract.entity_resource import EntityResource, no_resource
from integration_tests.simulator.contract.files import file_answer
from integration_tests.simulator.contract.formats import Format
from integration_tests.simulator.contract.lies import as_described, untrue_records
from integration_tests.simulator.store.shapes import Endpoint, Entity
from integration_tests.simulator.store.tenant_data import TenantData
from integration_tests.simulator.trouble.hearing import as_heard
from integration_tests.simulator.trouble.lies import Lies
from integration_tests.simulator.trouble.switches import Switches
from integration_tests.simulator.trouble.unknowns import FeatureForm
from integration_tests.simulator.web.answers import Answer, RefusedError, as_json, failure, html, message
from integration_tests.simulator.web.requests import Request
from integration_tests.simulator.web.settings import Settings


class ContractService:
    """What lies below `/entity/`; `endpoints` by name and version."""

    def __init__(
        self,
        settings: Settings,
        release: Release,
        endpoints: Mapping[tuple[str, str], Endpoint],
        switches: Switches,
    ) -> None:
        self._settings, self._release, self._endpoints, self._switches = settings, release, endpoints, switches

    def answer(self, request: Request, tenant: TenantData) -> Answer:
        match request.path.rstrip("/").split("/")[2:]:
            case []:
                return self.endpoint_list(request, tenant)
            case [name, version, *rest] if (known := self._endpoints.get((name, version))) and has_endpoint(
                known, tenant.lacks
            ):
                return self._of_endpoint(request, tenant, endpoint_of(known, tenant.lacks), rest)
        return html(404, "404 - File or directory not found.")

    def _of_endpoint(self, request: Request, tenant: TenantData, endpoint: Endpoint, rest: Sequence[str]) -> Answer:
        if list(rest) == ["swagger.json"]:
            site_url = f"http://{request.headers.get('host', '')}{self._settings.base_path}"
            form = Format(self._settings.openapi, endpoint.contract, self._switches.of(request).plain_references)
            described = as_described(endpoint, self._switches.of(request))
            return Answer(200, description(described, form, site_url).encode())
        if len(rest) == 2 and rest[0] == "files" and request.method == "GET":
            return file_answer(rest[1], tenant, self._switches.of(request).file_form)
        entity = endpoint.entity_by_name.get(rest[0]) if rest else None
        if entity is None:
            return no_resource(request)
        _refuse_without_rights(entity)
        lies = self._switches.of(request)
        resource = EntityResource(self._settings, endpoint, entity, tenant, as_heard(request, lies), lies)
        with tenant.lock:
            answer = _in_other_words(lambda: resource.answer(rest[1:]), lies)
        is_data = request.method == "GET" and rest[1:] != ["$adHocSchema"]
        if not is_data:
            return answer
        dialect = dialect_of(endpoint)
        return untrue_records(lambda: dialect.customs(request.query, lies), answer, lies, is_list=not rest[1:])

    def endpoint_list(self, request: Request, tenant: TenantData | None = None) -> Answer:
        """New builds wrap the rows and name their own version, old ones send the rows alone.

        Those of 26R2 list what belongs to the system without a token, and with one the tenant's features too.
        """
        base, build = self._settings.base_path, self._release.build
        lacks = tenant.lacks if tenant else ()
        rows = [
            {"name": each.name, "version": each.version, "href": f"{base}/entity/{each.name}/{each.version}/"}
            for each in self._endpoints.values()
            if has_endpoint(each, lacks) and (tenant or not each.is_own)
        ]
        if not self._settings.openapi:
            return as_json(rows)
        found = {"version": {"acumaticaBuildVersion": build, "databaseVersion": build}, "endpoints": rows}
        lists_features = tenant and self._release.has_contract_5
        return as_json(found | ({"features": _features(self._switches.of(request))} if lists_features else {}))


def _features(lies: Lies) -> list[Any]:
    if lies.features is FeatureForm.NAMES:
        return [name for name, is_on in FEATURES.items() if is_on]
    return [{"name": name, "enabled": is_on} for name, is_on in FEATURES.items()]


def _refuse_without_rights(entity: Entity) -> None:
    if entity.limits.forbidden:
        where = f"{entity.title} ({entity.screen})"
        raise RefusedError(message(403, f"You have insufficient rights to access the {where} form."))
    if form := entity.limits.setup_missing:
        text = f"The required configuration data is not entered on the {form} form."
        raise RefusedError(failure(text, "PX.Data.PXSetupNotEnteredException"))


def _in_other_words(work: Callable[[], Answer], lies: Lies) -> Answer:
    """The answer, where a refusal of what cannot be one query has the text of the lie."""
    try:
        return work()
    except RefusedError as refusal:
        if not lies.optimization_text or b"Optimization cannot be performed" not in refusal.answer.body:
            raise
        raise RefusedError(failure(lies.optimization_text)) from None
