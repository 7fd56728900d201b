"""Finds out on the rows whether an endpoint has understood a request, where its dialect is documented in parts only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from airbyte_cdk.models import FailureType

from source_acumatica.contract.dialect import CustomBy
from source_acumatica.contract.parts import names_any, names_custom, names_none_of
from source_acumatica.contract.plan import Plan
from source_acumatica.contract.tables import Table
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.reading.fields import Raw


def _left_out(what: str) -> Problem:
    sentence = f"the ERP leaves out {what} although asked for"
    return Problem(Action.ASK_FOR_LESS, FailureType.system_error, sentence, is_unclear=True)


NO_FIELDS = _left_out("all described fields")
NO_CUSTOM = _left_out("all custom fields")


def refuse_misunderstood(
    table: Table, plan: Plan, where: str, rows: Sequence[Raw], *, has_shown_custom: bool = False
) -> None:
    """Check that an answer to a request under ``plan`` names what was asked for.

    ``has_shown_custom``: other answers have named custom fields, so that these rows may have none.

    Raises:
        RequestFailed: with ``NO_FIELDS`` or ``NO_CUSTOM``: no row names any of these, so that all would be lost.
    """
    dialect = plan.spoken(table)
    if not dialect.is_nested:
        return
    has_fields = not (plan.custom and dialect.custom_by is CustomBy.NAMES)
    if has_fields and table.rows_shape.fields and not names_any(rows, table.path, table.rows_shape.fields):
        raise RequestFailed(NO_FIELDS, where)
    is_believed = plan.trusts_custom or has_shown_custom or not plan.custom
    if not is_believed and not names_custom(rows, table.path, plan.custom):
        raise RequestFailed(NO_CUSTOM, where)


def refuse_lost_fields(
    table: Table, plan: Plan, where: str, rows: Sequence[Raw], plain: Callable[[], Sequence[Raw]]
) -> None:
    """Check that naming custom fields costs no others: ``plain`` asks for a few of the rows without custom fields.

    Raises:
        RequestFailed: with ``NO_FIELDS``: a described field that no row names comes without them.
    """
    dialect = plan.spoken(table)
    if not (dialect.is_nested and plan.custom and dialect.custom_by is CustomBy.STAR):
        return
    absent = names_none_of(rows, table.path, table.rows_shape.fields)
    if absent and names_any(some := plain(), table.path, absent) and some:
        raise RequestFailed(NO_FIELDS, where)
