"""What a tenant does not have of what the site knows: customizations and endpoints are published in some tenants only.

A name in `tenant.lacks` is one of

- `Fabrikam` or `Fabrikam/1.0`: an endpoint, or a version of it;
- `Customer` or `Customer.Contacts`: an entity, or a field, collection or linked object of it, in every endpoint;
- `gi/BI-Customers`, `gi/BI-Customers.Status` or `gi/Orders by Customer?MinTotal`: a generic inquiry, or a column or a
  parameter of it;
- `dac/Customer` or `dac/Customer.UsrRegion`: a table, or a column of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from .dacs import DACS, Dac
from .edm import Column
from .inquiries import INQUIRY_BY_TITLE, GenericInquiry
from .shapes import Endpoint, Entity


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


def inquiries_of(lacks: Collection[str]) -> list[GenericInquiry]:
    shown = (each for each in INQUIRY_BY_TITLE.values() if f"gi/{each.title}" not in lacks)
    return [
        replace(
            each,
            type=replace(each.type, columns=_left(each.type.columns, f"gi/{each.title}", lacks)),
            parameters=tuple(one for one in each.parameters if f"gi/{each.title}?{one.name}" not in lacks),
        )
        for each in shown
    ]


def dacs_of(lacks: Collection[str]) -> list[Dac]:
    shown = (each for each in DACS if f"dac/{each.name}" not in lacks)
    return [replace(each, columns=_left(each.columns, f"dac/{each.name}", lacks)) for each in shown]


def _left(columns: Iterable[Column], owner: str, lacks: Collection[str]) -> tuple[Column, ...]:
    return tuple(each for each in columns if f"{owner}.{each.name}" not in lacks)
