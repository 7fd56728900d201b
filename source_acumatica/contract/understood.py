"""Finds out on the rows whether an endpoint has understood a request, where its dialect is documented in parts only."""

from __future__ import annotations

from collections.abc import Sequence

from airbyte_cdk.models import FailureType

from source_acumatica.contract.parts import names_any, names_custom
from source_acumatica.contract.plan import Plan
from source_acumatica.contract.tables import Table
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.reading.fields import Raw


def _left_out(what: str) -> Problem:
    sentence = f"the ERP leaves out {what} although asked for"
    return Problem(Action.CLIMB_DOWN, FailureType.system_error, sentence, is_unclear=True)


NO_FIELDS = _left_out("all described fields")
NO_CUSTOM = _left_out("all custom fields")


def refuse_misunderstood(table: Table, plan: Plan, where: str, rows: Sequence[Raw]) -> None:
    """Check that an answer to a request under ``plan`` names what was asked for.

    Raises:
        RequestFailed: with ``NO_FIELDS`` or ``NO_CUSTOM``: no row names any of these, so that all would be lost.
    """
    if not plan.spoken(table).is_nested:
        return
    if table.rows_shape.fields and not names_any(rows, table.path, table.rows_shape.fields):
        raise RequestFailed(NO_FIELDS, where)
    if plan.custom and not plan.trusts_custom and not names_custom(rows, table.path, plan.custom):
        raise RequestFailed(NO_CUSTOM, where)
