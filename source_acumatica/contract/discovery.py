"""Asks each tenant what endpoints and entities it has, and joins the answers into tables."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import msgspec
import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.contract.description import Description, DescriptionError, read_description
from source_acumatica.contract.forms import Forms
from source_acumatica.contract.known_entities import known
from source_acumatica.contract.site import PROOF, WHOLE, Endpoint, Site, may_hold
from source_acumatica.contract.tables import MAIN_ENDPOINT, Table, agreed, tables
from source_acumatica.erp.client import Client
from source_acumatica.erp.errors import config_error
from source_acumatica.erp.json_text import decode
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.reading.credentials import left_out
from source_acumatica.reading.fields import Shape
from source_acumatica.reading.table import explain_left_out

logger = logging.getLogger("airbyte")

# Contract 5 (endpoints made in 2026 R2 and later) has other literals and wrappers (BEHAVIOR.md, "Versions").
_KNOWN_CONTRACTS = frozenset({"3", "4"})
_NAME = re.compile(r"\w[\w. -]*/\w[\w.-]*")
# The streams of OData have these prefixes.
_TAKEN_NAMES = ("gi", "dac")


class _Listed(msgspec.Struct):
    """A row of ``GET /entity``."""

    name: str
    version: str


class _Listing(msgspec.Struct):
    """The newer form of that answer; old builds send the bare rows."""

    endpoints: list[_Listed]


_LISTING: msgspec.json.Decoder[_Listing | list[_Listed]] = msgspec.json.Decoder(_Listing | list[_Listed])
_DOCUMENT: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


class Depth(StrEnum):
    """How much a tenant is asked."""

    ALL = "everything that the settings name"
    SIGN_IN = "whether it can be signed in to"
    NOTHING = "not at all"


class _UnknownContractError(AirbyteTracedException):
    """An endpoint of a contract version that cannot be read."""


def describe(
    client: Client,
    tenants: Sequence[str],
    wanted: Sequence[str],
    streams: Collection[str] | None = None,
    prove: Callable[[str, Sequence[Table]], None] | None = None,
    forms: Forms | None = None,
    depth: Callable[[], Depth] = lambda: Depth.ALL,
) -> Site:
    """The tables of all tenants; if ``streams`` are given, only theirs, without a request for other endpoints.

    Each tenant is asked for everything in one visit, ``prove`` included: with few seats, coming back costs a sign-in.
    What fails, also in ``prove``, is kept in the site and leaves the rest alone. ``depth`` is asked before each visit.

    Raises:
        AirbyteTracedException: a ``config_error``: ``wanted`` names an endpoint twice.
    """
    wanted, forms = wanted or (MAIN_ENDPOINT,), forms or Forms()
    site = Site(_names(wanted))
    needed = [one for one in wanted if streams is None or may_hold(one.partition("/")[0], site.names, streams)]
    visits: dict[str, _Visit] = {}
    for tenant in tenants:
        if (how_far := depth()) is not Depth.ALL:
            _touch(client, tenant, how_far, site)
            continue
        with client.reading(tenant):
            visit = visits[tenant] = _visit(client, tenant, needed)
            if prove and WHOLE not in visit.failures:
                try:
                    prove(tenant, list(_tables(visit.shapes, forms)))
                except PoolClosed:
                    raise
                except AirbyteTracedException as error:
                    visit.failures[PROOF] = error
        site.failures.update({(tenant, name): error for name, error in visit.failures.items()})
    site.endpoints = tuple(sorted({one for visit in visits.values() for one in visit.shapes}, key=_by_name))
    site.listed = frozenset(one.name for visit in visits.values() for one in visit.listing)
    if not (site.signed_in_only or site.untried):
        site.missing = _missing(visits.values(), needed)
    _fill(site, visits, streams, forms)
    return site


def _touch(client: Client, tenant: str, depth: Depth, site: Site) -> None:
    """Sign in to a tenant, or not even that, when there is no time to ask it more."""
    if depth is Depth.NOTHING:
        site.untried.append(tenant)
        return
    site.signed_in_only.append(tenant)
    try:
        client.sign_in(tenant)
    except PoolClosed:
        raise
    except AirbyteTracedException as error:
        site.failures[tenant, WHOLE] = error


@dataclass
class _Visit:
    """What one tenant has answered."""

    listing: list[Endpoint] = field(default_factory=list)
    shapes: dict[Endpoint, dict[str, Shape]] = field(default_factory=dict)
    failures: dict[str, AirbyteTracedException] = field(default_factory=dict)


def _visit(client: Client, tenant: str, wanted: Sequence[str]) -> _Visit:
    """What the tenant has of ``wanted``; an endpoint that fails does not affect the others."""
    visit = _Visit()
    if not wanted:
        return visit
    unlisted: AirbyteTracedException | None = None
    try:
        visit.listing = _endpoints_of(client, tenant)
    except PoolClosed:
        raise
    except AirbyteTracedException as error:
        if client.server_time(tenant) is None:
            # Signing in failed: any other request would fail the same way.
            visit.failures[WHOLE] = error
            return visit
        unlisted = error
    named = [one for one in wanted if "/" in one]
    if unlisted and named:
        logger.warning(f"{unlisted.message}. Going on with the endpoints that the settings name with their versions.")
    for one in wanted:
        name, _, version = one.partition("/")
        try:
            if unlisted and not version:
                raise unlisted
            candidates = [Endpoint(name, version)] if unlisted else _candidates(visit.listing, one)
            visit.shapes.update(_newest_known(client, tenant, candidates))
        except PoolClosed:
            raise
        except AirbyteTracedException as error:
            visit.failures[name] = error
    return visit


def _newest_known(client: Client, tenant: str, candidates: Sequence[Endpoint]) -> dict[Endpoint, dict[str, Shape]]:
    """The first of ``candidates`` whose contract version can be read, with its entities; empty without candidates.

    Raises:
        AirbyteTracedException: none has a contract version that can be read, or one cannot be described.
    """
    refusal: _UnknownContractError | None = None
    for endpoint in candidates:
        try:
            return {endpoint: _describe(client, tenant, endpoint).entities}
        except _UnknownContractError as error:
            refusal = refusal or error
    if refusal:
        raise refusal
    return {}


def _fill(site: Site, visits: Mapping[str, _Visit], streams: Collection[str] | None, forms: Forms) -> None:
    """Each tenant's own tables, and all of them as one."""
    joined: dict[Endpoint, dict[str, Shape]] = {}
    newest = {one.name: one for one in sorted(site.endpoints, key=lambda one: one.rank)}
    for tenant, visit in visits.items():
        own = [each for each in _tables(visit.shapes, forms) if streams is None or each.name in streams]
        site.own[tenant] = {each.name: each for each in own}
        for endpoint, entities in visit.shapes.items():
            _join(joined.setdefault(newest[endpoint.name], {}), entities)
    tables = [each for each in _tables(joined, forms) if streams is None or each.name in streams]
    site.clashes = clashes(tables)
    site.tables = [
        agreed(each, [own[each.name] for own in site.own.values() if each.name in own])
        for each in tables
        if each.name not in site.clashes
    ]
    for table in site.tables:
        if table.left_out:
            logger.warning(explain_left_out(table.name, table.left_out))


def clashes(tables: Sequence[Table]) -> dict[str, AirbyteTracedException]:
    """Names that more than one table would have as a stream, with the error."""
    counted = Counter(each.name for each in tables)
    return {
        name: config_error(
            f"Two streams would be named {name}: "
            + " and ".join(
                f"{'/'.join((each.entity, *each.path))} of {each.endpoint}" for each in tables if each.name == name
            )
            + ". Leave one of the two out of endpoints, or rename the endpoint (Web Service Endpoints, SM207060)."
        )
        for name, count in counted.items()
        if count > 1
    }


def _tables(shapes: Mapping[Endpoint, Mapping[str, Shape]], forms: Forms) -> Iterator[Table]:
    for endpoint, entities in shapes.items():
        for entity, shape in entities.items():
            facts = known(endpoint.name, entity)
            is_inquiry = forms.is_form(endpoint.name, entity, shape)
            asked = forms.asked_of(endpoint.name, entity) if is_inquiry else ()
            for table in tables(endpoint.name, endpoint.version, entity, shape, facts, is_inquiry=is_inquiry):
                yield replace(table, asked=asked)


def _names(wanted: Sequence[str]) -> tuple[str, ...]:
    """The names of the endpoints that the settings name.

    Raises:
        AirbyteTracedException: a ``config_error`` about those whose streams would have the same names as others.
    """
    names = [one.partition("/")[0] for one in wanted]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        msg = f"endpoints: {', '.join(twice)} is named more than once; its streams would have the same names."
        raise config_error(msg)
    if taken := [name for name in names if name in _TAKEN_NAMES]:
        msg = f"endpoints: the streams of {taken[0]} would be named like those of OData; extend it under another name."
        raise config_error(msg)
    return tuple(names)


def _missing(visits: Collection[_Visit], wanted: Sequence[str]) -> dict[str, AirbyteTracedException]:
    """Endpoints that no tenant has, with the error; not those that a tenant could not be asked for."""
    found: dict[str, AirbyteTracedException] = {}
    for one in wanted:
        name = one.partition("/")[0]
        is_known = all({WHOLE, name}.isdisjoint(visit.failures) for visit in visits)
        if is_known and not any(endpoint.name == name for visit in visits for endpoint in visit.shapes):
            listed = sorted({each for visit in visits for each in visit.listing}, key=_by_name)
            there_are = ", ".join(map(str, listed)) or "none"
            found[name] = config_error(f"endpoints: the instance has no endpoint {one}. There are: {there_are}.")
    return found


def _candidates(listed: Collection[Endpoint], wanted: str) -> list[Endpoint]:
    """The endpoints that ``wanted`` may mean, the newest first."""
    name, _, version = wanted.partition("/")
    found = [one for one in listed if one.name == name and version in ("", one.version)]
    return sorted(found, key=lambda one: one.rank, reverse=True)


def _by_name(endpoint: Endpoint) -> tuple[str, tuple[tuple[int, ...], str]]:
    return endpoint.name, endpoint.rank


def _endpoints_of(client: Client, tenant: str) -> list[Endpoint]:
    def read(response: requests.Response) -> list[Endpoint]:
        answer = decode(_LISTING, response.content)
        rows = answer.endpoints if isinstance(answer, _Listing) else answer
        # Both become parts of addresses: anything but a plain name is ignored.
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
        raise _UnknownContractError(internal_message=message, message=message, failure_type=FailureType.config_error)
    if description.credentials:
        logger.info(left_out(where, description.credentials))
    for warning in description.warnings:
        logger.warning(f"{where}: {warning}")
    return description


def _join(ours: dict[str, Shape], theirs: Mapping[str, Shape]) -> None:
    for entity, shape in theirs.items():
        ours[entity] = ours[entity].joined(shape) if entity in ours else shape
