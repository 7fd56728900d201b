"""Inquiry forms: the rows that they compute from their parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4
from zlib import crc32

from integration_tests.simulator.store.ledger import NOTHING, Balance, shown, turned
from integration_tests.simulator.store.records import Record
from integration_tests.simulator.store.shapes import Entity, Inquiry
from integration_tests.simulator.store.tables import Table
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
    rows = _balances(tenant, parameters) if inquiry.is_of_the_ledger else _columns(inquiry, tenant, endpoint)
    return [row for row in rows if all(row.get(name, wanted) == wanted for name, wanted in parameters.items())]


def _columns(inquiry: Inquiry, tenant: TenantData, endpoint: str) -> list[dict[str, Any]]:
    table, columns = tenant.table(inquiry.source, endpoint), inquiry.column_of_source.items()
    return [{name: table.record(each).value(field) for name, field in columns} for each in table.handles()]


def _balances(tenant: TenantData, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the form Account Summary shows of a ledger in a period, an account in a row."""
    period, ledger = turned(str(parameters["Period"])), str(parameters["Ledger"])
    groups = tenant.ledger.summary(period, ledger, parameters.get("Subaccount"))
    number = (tenant.table("Ledger").find((ledger,)) or 0) + 1
    accounts = tenant.table("Account")
    return [_summed(group, period, accounts) | {"LedgerID": number} for group in groups]


def _summed(group: Sequence[Balance], period: str, accounts: Table) -> dict[str, Any]:
    """Of subaccounts without anything in the period, the last balance; what the year began with follows from that."""
    now = [each for each in group if each.period == period]
    debit, credit = sum((each.debit for each in now), NOTHING), sum((each.credit for each in now), NOTHING)
    moved, end = group[0].of(debit, credit), sum((each.end for each in group), NOTHING)
    handle = accounts.find((group[0].account,))
    return {
        "Account": group[0].account,
        "Description": None if handle is None else accounts.record(handle).value("Description"),
        "Type": group[0].type,
        "Branch": group[0].branch,
        "LastActivity": shown(max(each.period for each in group)),
        "BeginningBalance": end - moved,
        "EndingBalance": end,
        "DebitTotal": debit,
        "CreditTotal": credit,
        "PtdTotal": moved,
    }


def blank(form: Entity) -> object:
    """The form as it opens, with nothing filled in."""
    fields: dict[str, object] = {each.name: {} for each in form.fields} | {each.name: [] for each in form.collections}
    return {"id": str(uuid4()), "rowNumber": 1, "note": {"value": ""}, **fields, "custom": {}, "files": []}
