"""Chooses which custom fields of an entity are asked for: they come only when they are named in the request."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from source_acumatica.contract.ad_hoc import AdHocSchemas, is_refusal
from source_acumatica.contract.custom_fields import column_of, custom_fields
from source_acumatica.contract.query import room_for_custom
from source_acumatica.contract.tables import Table
from source_acumatica.erp.errors import Action, RequestFailed
from source_acumatica.reading.credentials import is_credential, left_out
from source_acumatica.reading.fields import Raw
from source_acumatica.reading.reader import Facts

logger = logging.getLogger("airbyte")


@dataclass(frozen=True)
class CustomChoice:
    """The custom fields to ask for, and what records lack of the others."""

    names: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    """Those that may be standard fields, which nobody added."""
    left_out: tuple[str, ...] = ()
    """The columns, or custom fields in them, that records lack although the ERP has, or had, them."""
    is_cut: bool = False
    """Whether the ERP lists more than fit into one request."""


def choose_custom(
    tenant: str,
    table: Table,
    columns: frozenset[str] | None,
    where: str,
    facts: Facts,
    ad_hoc: AdHocSchemas,
    fetch_object: Callable[[str], Raw],
) -> CustomChoice:
    """The choice among the custom fields that the tenant's ERP names.

    Raises:
        RequestFailed: the ERP does not name them, although earlier records had some.
    """
    before = facts.left_out
    is_known = before is not None and "custom" in before
    try:
        schema = ad_hoc.get(
            tenant,
            table.url_path,
            lambda: fetch_object(f"{table.url_path}/$adHocSchema"),
            is_refusal_known=is_known,
        )
    except RequestFailed as error:
        if not is_refusal(error):
            raise
        return _without_schema(error, before, where)
    return _chosen(table, columns, where, facts, schema)


def _chosen(table: Table, columns: frozenset[str] | None, where: str, facts: Facts, schema: Raw) -> CustomChoice:
    fields = custom_fields(table, schema)
    hidden = [name for name in (*fields.added, *fields.others) if is_credential(name.rpartition(".")[2])]
    if hidden:
        logger.info(left_out(where, hidden))
        fields = fields.without(hidden)
    named = {name: column_of(name, table.path) for name in (*fields.added, *fields.others)}
    # A new field must not take the place of one that rows already have.
    new = {*facts.new_custom(named.values())}
    known = {name for name in fields.others if named[name] not in new}
    chosen, left = fields.within(room_for_custom(table, columns), known)
    if left:
        logger.warning(
            f"{where}: the ERP lists more custom fields than fit into one request. Those that a customization "
            f"added come first; these are not read: {', '.join(left)}."
        )
    if fields.unreadable:
        logger.info(f"{where}: custom fields of no readable type: {', '.join(fields.unreadable)}.")
    missed = facts.missed_custom(named.values())
    if missed:
        logger.warning(
            f"{where}: the custom fields {', '.join(missed)} have come before, and the ERP does not name them "
            "now. Records come without them and say so; once they are back, all are read again. If they were "
            "removed for good, refresh this stream."
        )
    optional = tuple(name for name in chosen if name in fields.others)
    return CustomChoice(chosen, optional, tuple(missed), is_cut=bool(left))


def _without_schema(error: RequestFailed, before: Sequence[str] | None, where: str) -> CustomChoice:
    """No custom fields, if none have ever come; otherwise records would lose those that they have."""
    if before is not None and "custom" not in before:
        sentence = f"{error.problem.sentence}. It named custom fields before, and records are not to lose them"
        raise RequestFailed(replace(error.problem, action=Action.STOP, sentence=sentence), where)
    logger.warning(f"{error.message}. Custom fields are not read; each record says so.")
    return CustomChoice(left_out=("custom",))
