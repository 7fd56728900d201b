"""Asks each tenant what endpoints and entities it has, and joins the answers into tables."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import msgspec
import requests
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.client import Client
from source_acumatica.entity import Shape
from source_acumatica.errors import RequestFailed, config_error
from source_acumatica.json_text import decode
from source_acumatica.known_entities import known
from source_acumatica.openapi import Description, DescriptionError, read_description
from source_acumatica.tables import MAIN_ENDPOINT, Table, explain_left_out, prefix, tables

logger = logging.getLogger("airbyte")

# Contract 5 (endpoints made in 2026 R2 and later) has other literals and wrappers (BEHAVIOR.md, "Versions").
_KNOWN_CONTRACTS = frozenset({"3", "4"})
_NEWEST_MAIN_VERSION = (25, 999, 999)
_NAME = re.compile(r"\w[\w. -]*/\w[\w.-]*")


class _Listed(msgspec.Struct):
    """A row of ``GET /entity``."""

    name: str
    version: str


class _Listing(msgspec.Struct):
    """The newer form of that answer; old builds send the bare rows."""

    endpoints: list[_Listed]


_LISTING: msgspec.json.Decoder[_Listing | list[_Listed]] = msgspec.json.Decoder(_Listing | list[_Listed])
_DOCUMENT: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


@dataclass(frozen=True, order=True)
class Endpoint:
    """An endpoint of the instance in one version."""

    name: str
    version: str

    @property
    def rank(self) -> tuple[int, ...]:
        """Versions compare by their numbers: 9.0 is older than 24.200.001."""
        return tuple(int(part) if part.isdigit() else 0 for part in self.version.split("."))

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"


@dataclass
class Site:
    """What the tenants are made of."""

    endpoints: tuple[Endpoint, ...]
    tables: list[Table]
    failures: dict[str, AirbyteTracedException] = field(default_factory=dict)
    """The tenants that could not be described, and why."""
    holders: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """The tenants that have an entity, by endpoint and entity: a custom endpoint may be published in some only."""

    def holds(self, tenant: str, table: Table) -> bool:
        """Whether ``tenant`` is known to have the table, or failed to say so."""
        return tenant in self.failures or tenant in self.holders.get((table.endpoint, table.entity), ())


def describe(
    client: Client,
    tenants: Sequence[str],
    wanted: Sequence[str],
    streams: Collection[str] | None = None,
    prove: Callable[[str, Sequence[Table]], None] | None = None,
) -> Site:
    """The tables of all tenants; of ``streams`` only, where given, and then with no request for other endpoints.

    Each tenant is asked everything in one visit, ``prove`` included: with few seats every return is a sign-in more.

    Raises:
        AirbyteTracedException: no tenant can be described, or a wanted endpoint exists in none.
    """
    visits: dict[str, _Visit] = {}
    failures: dict[str, AirbyteTracedException] = {}
    for tenant in tenants:
        try:
            with client.reading(tenant):
                visits[tenant] = _visit(client, tenant, wanted, streams)
                if prove:
                    prove(tenant, _tables(visits[tenant].shapes))
        except AirbyteTracedException as error:
            failures[tenant] = error
    if not visits:
        raise together(failures)
    endpoints = choose_endpoints({one for visit in visits.values() for one in visit.listing}, wanted)
    joined: dict[Endpoint, dict[str, Shape]] = {}
    holders: dict[tuple[str, str], set[str]] = {}
    for tenant, visit in visits.items():
        # A tenant that lacks the endpoint's newest version has described its own newest: ask again.
        lacking = [one for one in endpoints if one in visit.listing and one not in visit.shapes]
        shapes = visit.shapes | _described(client, tenant, lacking, streams, endpoints)
        for endpoint in endpoints:
            entities = shapes.get(endpoint, {})
            _join(joined.setdefault(endpoint, {}), entities)
            for entity in entities:
                holders.setdefault((endpoint.name, entity), set()).add(tenant)
    found = [table for table in _tables(joined) if streams is None or table.name in streams]
    for table in found:
        if table.left_out:
            logger.warning(explain_left_out(table.name, table.left_out))
    return Site(endpoints, found, failures, holders)


@dataclass(frozen=True)
class _Visit:
    """What one tenant told."""

    listing: list[Endpoint]
    shapes: dict[Endpoint, dict[str, Shape]]


def _visit(client: Client, tenant: str, wanted: Sequence[str], streams: Collection[str] | None) -> _Visit:
    listing = _listing(client, tenant, wanted)
    chosen = [endpoint for name in wanted or (MAIN_ENDPOINT,) for endpoint in _newest(listing, name)]
    return _Visit(listing, _described(client, tenant, chosen, streams, chosen))


def _listing(client: Client, tenant: str, wanted: Sequence[str]) -> list[Endpoint]:
    """The tenant's endpoints; where one broken definition makes the list fail, those that are named with a version."""
    try:
        return _endpoints_of(client, tenant)
    except RequestFailed as error:
        named = [Endpoint(*name.split("/", 1)) for name in wanted if "/" in name]
        if not named or len(named) < len(wanted):
            raise
        logger.warning(f"{error.message}. Going on with the endpoints that the settings name with their versions.")
        return named


def _described(
    client: Client,
    tenant: str,
    endpoints: Sequence[Endpoint],
    streams: Collection[str] | None,
    among: Sequence[Endpoint],
) -> dict[Endpoint, dict[str, Shape]]:
    return {
        endpoint: _describe(client, tenant, endpoint).entities
        for endpoint in endpoints
        if streams is None or _may_hold(endpoint, among, streams)
    }


def _tables(shapes: Mapping[Endpoint, Mapping[str, Shape]]) -> list[Table]:
    return [
        table
        for endpoint, entities in shapes.items()
        for entity, shape in entities.items()
        for table in tables(endpoint.name, endpoint.version, entity, shape, known(endpoint.name, entity))
    ]


def choose_endpoints(listed: Collection[Endpoint], wanted: Sequence[str]) -> tuple[Endpoint, ...]:
    """The endpoints to read: what ``wanted`` names as ``Name`` or ``Name/Version``, else the newest known ``Default``.

    Raises:
        AirbyteTracedException: a ``config_error`` that tells which there are.
    """
    chosen = tuple(_choose(listed, name) for name in wanted or (MAIN_ENDPOINT,))
    names = [endpoint.name for endpoint in chosen]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"endpoints: {', '.join(twice)} is named more than once; its streams would have the same names."
        raise config_error(msg)
    return chosen


def _choose(listed: Collection[Endpoint], wanted: str) -> Endpoint:
    newest = _newest(listed, wanted)
    if not newest:
        there_are = ", ".join(str(one) for one in sorted(listed, key=lambda one: (one.name, one.rank))) or "none"
        msg = f"endpoints: the instance has no endpoint {wanted}. There are: {there_are}."
        raise config_error(msg)
    return newest[0]


def _newest(listed: Collection[Endpoint], wanted: str) -> list[Endpoint]:
    """The endpoint that ``wanted`` means, or an empty list; of ``Default``, the newest that is known."""
    name, _, version = wanted.partition("/")
    candidates = [
        one
        for one in listed
        if one.name == name
        and (one.version == version if version else name != MAIN_ENDPOINT or one.rank <= _NEWEST_MAIN_VERSION)
    ]
    return sorted(candidates, key=lambda one: one.rank)[-1:]


def _may_hold(endpoint: Endpoint, endpoints: Sequence[Endpoint], streams: Collection[str]) -> bool:
    """Whether one of ``streams`` may belong to ``endpoint``, by its prefix."""
    if own := prefix(endpoint.name):
        return any(stream.startswith(own) for stream in streams)
    others = tuple(filter(None, (prefix(one.name) for one in endpoints)))
    return any(not stream.startswith(others) for stream in streams)


def _endpoints_of(client: Client, tenant: str) -> list[Endpoint]:
    def read(response: requests.Response) -> list[Endpoint]:
        answer = decode(_LISTING, response.content)
        rows = answer.endpoints if isinstance(answer, _Listing) else answer
        # Both become parts of addresses: what is no name there is no endpoint.
        return [Endpoint(row.name, row.version) for row in rows if _NAME.fullmatch(f"{row.name}/{row.version}")]

    return client.fetch(tenant, "/entity", read=read, where=f"Tenant '{tenant}', list of endpoints")


def _describe(client: Client, tenant: str, endpoint: Endpoint) -> Description:
    where = f"Tenant '{tenant}', endpoint {endpoint}"

    def read(response: requests.Response) -> Description:
        try:
            return read_description(decode(_DOCUMENT, response.content))
        except DescriptionError:
            message = (
                f"{where}: swagger.json is neither Swagger 2.0 nor OpenAPI 3.0; is the endpoint's definition valid?"
            )
            raise config_error(message) from None

    path = f"/entity/{quote(endpoint.name, safe='')}/{quote(endpoint.version, safe='')}/swagger.json"
    description = client.fetch(tenant, path, read=read, where=where)
    if description.contract not in _KNOWN_CONTRACTS:
        message = (
            f"{where} speaks contract version {description.contract or 'unknown'}, this connector versions 3 and 4: "
            "choose an endpoint up to Default/25.200.001 or one made from it."
        )
        raise config_error(message)
    for warning in description.warnings:
        logger.warning(f"{where}: {warning}")
    return description


def _join(ours: dict[str, Shape], theirs: Mapping[str, Shape]) -> None:
    for entity, shape in theirs.items():
        ours[entity] = ours[entity].joined(shape) if entity in ours else shape


def together(failures: Mapping[str, AirbyteTracedException]) -> AirbyteTracedException:
    """One error that names every tenant that fails; a setting to mend outweighs a passing fault."""
    message = "\n".join(dict.fromkeys(error.message or "" for error in failures.values()))
    worst = min(failures.values(), key=lambda error: error.failure_type.value != "config_error")
    return AirbyteTracedException(message=message, internal_message=message, failure_type=worst.failure_type)
