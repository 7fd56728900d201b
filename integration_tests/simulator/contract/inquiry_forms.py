"""Inquiry forms: the rows that they compute from their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4
from zlib import crc32

from integration_tests.simulator.store.records import Record
from integration_tests.simulator.store.shapes import Entity, Inquiry
from integration_tests.simulator.store.tenant_data import TenantData


def filled_in(form: Entity, tenant: TenantData, parameters: Mapping[str, Any], endpoint: str) -> Record:
    """The form as filled in; its other result columns depend on all the parameters."""
    assert form.inquiry is not None
    with tenant.lock:
        rows = _result_rows(form.inquiry, tenant, parameters, endpoint)
    spot = tenant.table(form.name, endpoint).record(0).spot
    spot.seed = hash((spot.seed, *(crc32(f"{name}={parameters[name]}".encode()) for name in sorted(parameters))))
    return Record(form, spot, {**parameters, form.inquiry.results: rows})


def _result_rows(
    inquiry: Inquiry, tenant: TenantData, parameters: Mapping[str, Any], endpoint: str
) -> list[dict[str, Any]]:
    """A parameter that is a column too picks the rows that have it; nothing is found without a mandatory one."""
    if any(parameters.get(name) is None for name in inquiry.mandatory):
        return []
    table = tenant.table(inquiry.source, endpoint)
    columns = inquiry.column_of_source.items()
    rows = ({name: table.record(each).value(field) for name, field in columns} for each in table.handles())
    return [row for row in rows if all(row.get(name, wanted) == wanted for name, wanted in parameters.items())]


def blank(form: Entity) -> object:
    """The form as it opens, with nothing filled in."""
    fields: dict[str, object] = {each.name: {} for each in form.fields} | {each.name: [] for each in form.collections}
    return {"id": str(uuid4()), "rowNumber": 1, "note": {"value": ""}, **fields, "custom": {}, "files": []}
