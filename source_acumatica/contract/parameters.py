"""Writes and checks the parameters that an inquiry form is asked with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from source_acumatica.contract.tables import Table
from source_acumatica.reading.fields import FieldKind

_INTEGERS = frozenset(
    {FieldKind.BYTE, FieldKind.SHORT, FieldKind.INTEGER, FieldKind.LONG, FieldKind.INTEGER_CHOICE},
)


def inquiry_body(table: Table, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of an inquiry form in the ERP's wrappers, each as its field's type.

    Raises:
        KeyError: the form has no such parameter.
        ValueError: a value is not of its type.
    """
    kinds, parameter = table.shape.fields, table.dialect.parameter
    return {name: parameter(_typed(value, kinds[name]), kinds[name]) for name, value in parameters.items()}


def wrong_parameters(table: Table, parameters: Mapping[str, Any]) -> str | None:
    """What is wrong with the values that are given for an inquiry form; None if nothing is."""
    try:
        inquiry_body(table, parameters)
    except (KeyError, ValueError):
        there_are = ", ".join(f"{name} ({kind.value})" for name, kind in table.shape.fields.items())
        return (
            f"inquiry_parameters: {table.entity} takes {there_are}; check the names and types of "
            f"{', '.join(parameters)}."
        )
    return None


def _typed(value: Any, kind: FieldKind) -> Any:
    if kind in _INTEGERS:
        return int(value)
    if kind is FieldKind.BOOLEAN and isinstance(value, str):
        return {"true": True, "false": False}[value.lower()]
    if kind in (FieldKind.STRING, FieldKind.CHOICE, FieldKind.DATE):
        return str(value)
    if kind is FieldKind.CHOICES and not isinstance(value, list):
        return [each.strip() for each in str(value).split(",")]
    return value
