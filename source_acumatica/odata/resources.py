"""Names what a request asks for below the address of a service."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from airbyte_cdk.models import FailureType

from source_acumatica.erp.errors import Action, Problem, RequestFailed, config_error
from source_acumatica.odata.query import ODataPlan, ParameterError, odata_options, parameterized
from source_acumatica.odata.tables import ODataTable
from source_acumatica.reading.window import Window

# ASP.NET refuses these in a path even percent-encoded, and splits the path at slashes; OData takes what is in
# parentheses for a key.
_REFUSED_IN_PATHS = ("&", "%", ":", "*", "?", "<", ">", "/", "\\", "(", ")")


def inquiry_resource(
    tenant: str, table: ODataTable, given: Mapping[str, Any], version: int
) -> tuple[str, dict[str, str]]:
    """The resource below the service's root, and the options with an inquiry's parameters.

    Raises:
        AirbyteTracedException: a ``config_error`` about parameters that are missing, unknown or of the wrong type.
    """
    try:
        return parameterized(table, given, version)
    except ParameterError as error:
        message = f"Tenant '{tenant}': {error}."
        raise config_error(message) from None


def first_row(
    tenant: str, table: ODataTable, given: Mapping[str, Any], version: int, links: Collection[str] = ()
) -> tuple[str, dict[str, str]]:
    """The resource and the options that ask for one row of a table or an inquiry, without an order or a window.

    ``links`` are those to follow from it.

    Raises:
        AirbyteTracedException: as ``inquiry_resource``.
    """
    resource, parameters = inquiry_resource(tenant, table, given, version)
    token = {"version": version, "top": 1, "links": links}
    options = odata_options(table, ODataPlan((), filters=False), None, Window(), token)
    return resource, parameters | options


def unaddressable(error: RequestFailed, resource: str, where: str) -> RequestFailed | None:
    """The error of an inquiry whose title cannot be part of an address; None where something else is wrong."""
    title = unquote(resource.split("?")[0].split("(")[0])
    found = [each for each in _REFUSED_IN_PATHS if each in title]
    if not found or error.problem.status not in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND):
        return None
    sentence = (
        f"its title has {' and '.join(found)} in it, which has another meaning in an address: it cannot be asked for. "
        "Give the inquiry another title (Generic Inquiry, SM208000)"
    )
    return RequestFailed(Problem(Action.STOP, FailureType.config_error, sentence, status=error.problem.status), where)
