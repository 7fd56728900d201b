"""Finds what a configured stream is in each tenant: its table there, or why it cannot be read."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.contract.site import PROOF, Site
from source_acumatica.contract.tables import MAIN_ENDPOINT, Method, Table
from source_acumatica.erp.errors import RequestFailed, config_error
from source_acumatica.odata.discovery import ODataSurvey
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.fields import Shape

logger = logging.getLogger("airbyte")

ODATA_PREFIXES = tuple(feed.prefix for feed in ODataFeed)
"""What the names of streams that are read through OData begin with."""

_HAD_IT = (
    "Tenant '{tenant}' had the stream {name} and does not have it any more (was it removed, renamed, or taken from the "
    "user?): what was read before stays as it was. Bring it back, or take the tenant out of the settings or the stream "
    "out of the connection."
)


def tenant_tables_of(
    name: str,
    tenants: Sequence[str],
    site: Site,
    survey: ODataSurvey,
    read_before: Collection[str],
    were_open: Collection[str],
) -> dict[str, Table | ODataTable | AirbyteTracedException]:
    """The stream's table by tenant, or the error that says why it cannot be read there.

    After a failure it is unknown whether the tenant has the stream, which is not the same as not having it. A tenant
    that had the stream (``read_before``) and lacks it now gets an error. A service that a tenant keeps closed is left
    out, as in the schema, unless it was open before (``were_open``).
    """
    found: dict[str, Table | ODataTable | AirbyteTracedException] = {}
    closed: dict[str, Table | ODataTable | AirbyteTracedException] = {}
    absent: list[str] = []
    unnamed = survey.unnamed(name) if name.startswith(ODATA_PREFIXES) else site.unnamed(name)
    for tenant in tenants:
        own = site.clashes.get(name) or _table_in(name, tenant, site, survey) or site.absence(name)
        if tenant not in were_open and isinstance(own, RequestFailed) and survey.does_without(own):
            closed[tenant] = own
        elif own:
            found[tenant] = own
        elif tenant in read_before:
            found[tenant] = config_error(unnamed or _HAD_IT.format(tenant=tenant, name=name))
        else:
            absent.append(tenant)
    if not found and closed:
        return closed
    if not found:
        msg = unnamed or f"The instance has no stream {name} any more: refresh the connection's schema."
        logger.error(msg)
        return {absent[0]: config_error(msg)}
    for tenant in () if unnamed else absent:
        logger.warning(f"Tenant '{tenant}' does not have what {name} shows: it is not read there.")
    return found


def _table_in(
    name: str, tenant: str, site: Site, survey: ODataSurvey
) -> Table | ODataTable | AirbyteTracedException | None:
    """The table as the tenant has it, or why that is unknown; None where the tenant certainly lacks it."""
    if not name.startswith(ODATA_PREFIXES):
        return site.own.get(tenant, {}).get(name) or site.failure(tenant, site.owners(name))
    service = next(feed for feed in ODataFeed if name.startswith(feed.prefix))
    own = survey.own.get(tenant, {}).get(name)
    return own or site.failure(tenant, (PROOF,)) or survey.failures.get((tenant, service))


def placeholder(name: str) -> Table | ODataTable:
    """A table without fields, for a stream that no tenant describes: reading it raises the tenants' errors."""
    for feed in ODataFeed:
        if name.startswith(feed.prefix):
            short = name.removeprefix(feed.prefix)
            return ODataTable(feed, short, short, {})
    return Table(MAIN_ENDPOINT, "", name, Method.LIST, Shape(), (), None)
