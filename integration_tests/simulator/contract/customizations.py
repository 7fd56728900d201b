"""Which endpoints, entities and fields a tenant does not have: customizations are published in some tenants only.

A name in `tenant.lacks` is one of

- `Fabrikam` or `Fabrikam/1.0`: an endpoint, or a version of it;
- `Customer` or `Customer.Contacts`: an entity, or a field, collection or linked object of it, in every endpoint.

Those of OData begin with `gi/` or `dac/`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from integration_tests.simulator.store.shapes import Endpoint, Entity


def has_endpoint(endpoint: Endpoint, lacks: Collection[str]) -> bool:
    return endpoint.name not in lacks and f"{endpoint.name}/{endpoint.version}" not in lacks


def endpoint_of(endpoint: Endpoint, lacks: Collection[str]) -> Endpoint:
    if not lacks:
        return endpoint
    return replace(
        endpoint, entities=tuple(_entity(each, lacks) for each in endpoint.entities if each.name not in lacks)
    )


def _entity(entity: Entity, lacks: Collection[str]) -> Entity:
    def has(name: str) -> bool:
        return f"{entity.name}.{name}" not in lacks

    return replace(
        entity,
        fields=tuple(each for each in entity.fields if has(each.name)),
        collections=tuple(each for each in entity.collections if has(each.name)),
        links=tuple(each for each in entity.links if has(each.name)),
    )
