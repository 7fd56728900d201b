"""Asks each tenant what endpoints and entities it has, and joins the answers into tables."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec
import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.contract.attachments import with_files
from source_acumatica.contract.description import Description, DescriptionError, contract_of, read_description
from source_acumatica.contract.dialect import DIALECTS, keeps_columns
from source_acumatica.contract.entity_tables import agreed, tables
from source_acumatica.contract.features import Features, off_for, read_features
from source_acumatica.contract.forms import Forms
from source_acumatica.contract.known_entities import known
from source_acumatica.contract.site import PROOF, WHOLE, Endpoint, Site, may_hold
from source_acumatica.contract.tables import MAIN_ENDPOINT, Table
from source_acumatica.erp.client import Client
from source_acumatica.erp.errors import config_error, message_of
from source_acumatica.erp.json_text import decode
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.reading.credentials import left_out
from source_acumatica.reading.fields import Shape
from source_acumatica.reading.table import explain_covered_labels, explain_left_out

logger = logging.getLogger("airbyte")

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
    features: Any = None


_TablesOf = Callable[[Mapping[Endpoint, Mapping[str, Shape]], Mapping[Endpoint, str]], Iterator[Table]]
"""The tables of endpoints, by their shapes and contract versions."""
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
    *,
    has_files: bool = False,
) -> Site:
    """The tables of all tenants; if ``streams`` are given, only theirs, without a request for other endpoints.

    ``has_files``: with tables of the files that are attached to records.

    Each tenant is asked for everything in one visit, ``prove`` included: with few seats, coming back costs a sign-in.
    What fails, also in ``prove``, is kept in the site and leaves the rest alone. ``depth`` is asked before each visit.

    Raises:
        AirbyteTracedException: a ``config_error``: ``wanted`` names an endpoint twice.
    """
    wanted = wanted or (MAIN_ENDPOINT,)
    tables_of = partial(_tables, forms=forms or Forms(), has_files=has_files)
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
                    prove(tenant, list(_tables_of(visit, tables_of)))
                except PoolClosed:
                    raise
                except AirbyteTracedException as error:
                    visit.failures[PROOF] = error
        site.failures.update({(tenant, name): error for name, error in visit.failures.items()})
    site.endpoints = tuple(sorted({one for visit in visits.values() for one in visit.shapes}, key=_by_name))
    site.listed = frozenset(one.name for visit in visits.values() for one in visit.listing)
    if not (site.signed_in_only or site.untried):
        site.missing = _missing(visits.values(), needed)
    _fill(site, visits, streams, tables_of)
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
    features: Features = None
    contracts: dict[Endpoint, str] = field(default_factory=dict)
    shapes: dict[Endpoint, dict[str, Shape]] = field(default_factory=dict)
    failures: dict[str, AirbyteTracedException] = field(default_factory=dict)


def _visit(client: Client, tenant: str, wanted: Sequence[str]) -> _Visit:
    """What the tenant has of ``wanted``; an endpoint that fails does not affect the others."""
    visit = _Visit()
    if not wanted:
        return visit
    unlisted: AirbyteTracedException | None = None
    try:
        visit.listing, visit.features = _listing_of(client, tenant)
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
            for endpoint, description in _chosen(client, tenant, candidates).items():
                visit.shapes[endpoint] = description.entities
                visit.contracts[endpoint] = description.contract
        except PoolClosed:
            raise
        except AirbyteTracedException as error:
            visit.failures[name] = error
    return visit


def _chosen(client: Client, tenant: str, candidates: Sequence[Endpoint]) -> dict[Endpoint, Description]:
    """The endpoint to read among the versions of one, and its description; empty without ``candidates``.

    The newest whose contract version keeps the columns and keys that earlier ones have: nothing steps up an existing
    connection by itself. Only where there is none it is the newest of a later contract version.

    Raises:
        AirbyteTracedException: none has a contract version that can be read, or one cannot be described.
    """
    refusal: _UnknownContractError | None = None
    stepped_up: tuple[Endpoint, object] | None = None
    for endpoint in candidates:
        try:
            document = _document_of(client, tenant, endpoint)
        except PoolClosed:
            raise
        except AirbyteTracedException as error:
            raise _with_remedy(error, endpoint, candidates) from None
        contract = contract_of(document)
        if keeps_columns(contract):
            return {endpoint: _describe(tenant, endpoint, document)}
        if contract in DIALECTS:
            stepped_up = stepped_up or (endpoint, document)
        else:
            if not contract:
                _describe(tenant, endpoint, document)
            refusal = refusal or _unknown(tenant, endpoint, contract)
    if stepped_up:
        return {stepped_up[0]: _describe(tenant, *stepped_up)}
    if refusal:
        raise refusal
    return {}


def _with_remedy(
    error: AirbyteTracedException, endpoint: Endpoint, candidates: Sequence[Endpoint]
) -> AirbyteTracedException:
    """The error of an endpoint that cannot be described: which contract version it speaks is not known then."""
    others = [str(other) for other in candidates if other is not endpoint]
    if not others:
        return error
    message = f"{message_of(error)}. If that stays so, name another version in endpoints, such as {others[0]}."
    return AirbyteTracedException(message=message, internal_message=message, failure_type=error.failure_type)


def _fill(site: Site, visits: Mapping[str, _Visit], streams: Collection[str] | None, tables_of: _TablesOf) -> None:
    """Each tenant's own tables, and all of them as one."""
    _warn_of_mixed_contracts(visits)
    joined: dict[Endpoint, dict[str, Shape]] = {}
    contracts: dict[Endpoint, str] = {}
    newest = {one.name: one for one in sorted(site.endpoints, key=lambda one: one.rank)}
    for tenant, visit in visits.items():
        own = [each for each in _tables_of(visit, tables_of) if streams is None or each.name in streams]
        site.own[tenant] = {each.name: each for each in own}
        for endpoint, entities in visit.shapes.items():
            _join(joined.setdefault(newest[endpoint.name], {}), entities)
            contracts[newest[endpoint.name]] = max(contracts.get(newest[endpoint.name], ""), visit.contracts[endpoint])
    tables = [each for each in tables_of(joined, contracts) if streams is None or each.name in streams]
    site.clashes = clashes(tables)
    site.tables = [
        agreed(each, [own[each.name] for own in site.own.values() if each.name in own])
        for each in tables
        if each.name not in site.clashes
    ]
    for table in site.tables:
        if table.left_out:
            logger.warning(explain_left_out(table.name, table.left_out))
        if covered := table.rows_shape.covered_labels:
            logger.warning(explain_covered_labels(table.name, covered))


def _warn_of_mixed_contracts(visits: Mapping[str, _Visit]) -> None:
    """Name the endpoints whose choices are labels in some tenants and ids in others."""
    tenants: dict[str, dict[bool, list[str]]] = {}
    for tenant, visit in visits.items():
        for endpoint, contract in visit.contracts.items():
            tenants.setdefault(endpoint.name, {}).setdefault(keeps_columns(contract), []).append(tenant)
    for name, by_kind in tenants.items():
        if len(by_kind) > 1:
            logger.warning(
                f"Endpoint {name}: it speaks contract version 5 in {', '.join(by_kind[False])} and an earlier one in "
                f"{', '.join(by_kind[True])}. In the columns of drop-down lists, rows of the former have ids and rows "
                "of the latter labels: name a version in endpoints that all tenants have, or use a connection for each."
            )


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


def _tables_of(visit: _Visit, tables_of: _TablesOf) -> Iterator[Table]:
    """The tables of one tenant."""
    for table in tables_of(visit.shapes, visit.contracts):
        off = off_for(table.dac, visit.features)
        yield replace(table, off=off) if off else table


def _tables(
    shapes: Mapping[Endpoint, Mapping[str, Shape]], contracts: Mapping[Endpoint, str], *, forms: Forms, has_files: bool
) -> Iterator[Table]:
    for endpoint, entities in shapes.items():
        for entity, shape in entities.items():
            facts = known(endpoint.name, entity)
            is_inquiry = forms.is_form(endpoint.name, entity, shape)
            asked = forms.asked_of(endpoint.name, entity) if is_inquiry else ()
            whole = with_files(shape) if has_files and not is_inquiry else shape
            place = endpoint.name, endpoint.version, entity
            yield from tables(*place, whole, facts, is_inquiry=is_inquiry, asked=asked, contract=contracts[endpoint])


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


def _listing_of(client: Client, tenant: str) -> tuple[list[Endpoint], Features]:
    """The tenant's endpoints, its own ones included, and its features where the answer names them."""

    def read(response: requests.Response) -> tuple[list[Endpoint], Features]:
        answer = decode(_LISTING, response.content)
        rows, features = (answer.endpoints, answer.features) if isinstance(answer, _Listing) else (answer, None)
        # Both become parts of addresses: anything but a plain name is ignored.
        listed = [Endpoint(row.name, row.version) for row in rows if _NAME.fullmatch(f"{row.name}/{row.version}")]
        return listed, read_features(features)

    return client.fetch(tenant, "/entity", read=read, where=f"Tenant '{tenant}', list of endpoints")


def _where(tenant: str, endpoint: Endpoint) -> str:
    return f"Tenant '{tenant}', endpoint {endpoint}"


def _document_of(client: Client, tenant: str, endpoint: Endpoint) -> object:
    def read(response: requests.Response) -> object:
        return decode(_DOCUMENT, response.content)

    path = f"/entity/{quote(endpoint.name, safe='')}/{quote(endpoint.version, safe='')}/swagger.json"
    return client.fetch(tenant, path, read=read, where=_where(tenant, endpoint))


def _describe(tenant: str, endpoint: Endpoint, document: object) -> Description:
    where = _where(tenant, endpoint)
    try:
        description = read_description(document)
    except DescriptionError:
        message = f"{where}: swagger.json is neither Swagger 2.0 nor OpenAPI 3.0; is the endpoint's definition valid?"
        raise config_error(message) from None
    if description.credentials:
        logger.info(left_out(where, description.credentials))
    for warning in description.warnings:
        logger.warning(f"{where}: {warning}")
    return description


def _unknown(tenant: str, endpoint: Endpoint, contract: str) -> _UnknownContractError:
    message = (
        f"{_where(tenant, endpoint)} speaks contract version {contract or 'unknown'}, this connector versions "
        f"{', '.join(DIALECTS)}: choose an endpoint of one of these, such as Default/25.200.001."
    )
    return _UnknownContractError(internal_message=message, message=message, failure_type=FailureType.config_error)


def _join(ours: dict[str, Shape], theirs: Mapping[str, Shape]) -> None:
    for entity, shape in theirs.items():
        ours[entity] = ours[entity].joined(shape) if entity in ours else shape
