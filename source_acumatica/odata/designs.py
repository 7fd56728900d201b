"""Reads the designs of a tenant's inquiries, which say what their rows and descriptions do not."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.odata.service import ODataService
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.codec import plain_value
from source_acumatica.reading.fields import Raw, utc_instant

logger = logging.getLogger("airbyte")

DESIGNS = "GIDesign"
"""The table with a row for each generic inquiry."""


def read_designs(service: ODataService, tenant: str) -> Sequence[Raw]:
    """The design of each inquiry of the tenant; none where they cannot be read.

    That takes a role that few users have, and another service than the inquiries themselves.
    """
    where = f"Tenant '{tenant}', designs of the inquiries"
    try:
        return service.all_rows(tenant, ODataFeed.TABLES, DESIGNS, {}, where=where, is_hint=True)
    except PoolClosed:
        raise
    except AirbyteTracedException:
        return ()


def warn_of_incomplete(tenant: str, streams: Mapping[str, str], designs: Sequence[Raw]) -> None:
    """Log which inquiries are cut or stored, since both look complete; ``streams`` are those to look at, by title."""
    for row in designs:
        if (name := streams.get(str(row.get("Name")))) and row.get("SelectTop"):
            most = plain_value(row.get("SelectTop"))
            logger.warning(
                f"Tenant '{tenant}', {name}: the inquiry is cut to {most} rows (Select Top on Generic Inquiry, "
                "SM208000); further rows do not come."
            )
        if name and row.get("UseDataWarehouse"):
            logger.warning(
                f"Tenant '{tenant}', {name}: the inquiry shows a stored result (Store Result in Data Warehouse on "
                "Generic Inquiry, SM208000), which is as old as its last update."
            )


def with_times(tables: Sequence[ODataTable], designs: Sequence[Raw]) -> list[ODataTable]:
    """The inquiries with the time of their design's last change: with other conditions they show rows of any age."""
    times = {str(row.get("Name")): _instant(row.get("LastModifiedDateTime")) for row in designs}
    return [replace(each, designed_at=times.get(each.title)) for each in tables]


def _instant(value: Any) -> str | None:
    """The time in UTC; None if it is not a time."""
    try:
        return utc_instant(value)
    except (TypeError, ValueError):
        return None
